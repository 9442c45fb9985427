//! `inspect`: shows what JAHIS files and pictures of QR codes say, and what is odd about them. Stores nothing.

use crate::formats::jahis::{self, Assessed, Document, Finding, Language, Reading, Severity, Source, json, rules};
use crate::record::{DateText, Drug, Group, Institution, NoteKind, Prescription, Remark, Sex, Visit};
use anyhow::Context;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A larger file is no medication record.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Show what a JAHIS medication record says, without storing anything.
///
/// Takes text files (CP932 or UTF-8) and PNG or JPEG pictures of QR codes, in any order; parts that belong together are joined.
/// Everything odd is listed with file, line, field and rule. The exit code is 1 only where a file cannot be read at all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kusuribako inspect okusuri.csv\n  kusuribako inspect --json page1.jpg page2.jpg")]
pub struct InspectArgs {
    /// Text files and pictures.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command; the result is the exit code.
///
/// # Errors
/// Where `out` cannot be written.
pub fn run(args: &InspectArgs, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<u8> {
    let mut sources = Vec::new();
    let mut unopened = Vec::new();
    for path in &args.files {
        match open(path) {
            Ok(source) => sources.push(source),
            Err(finding) => unopened.push(finding),
        }
    }
    let mut reading = jahis::gather(sources);
    reading.unreadable.extend(unopened.iter().map(|finding| finding.file.clone()));
    reading.findings.splice(0..0, unopened);
    if args.json {
        out.write_all(json::to_json(&reading).as_bytes()).context("cannot write the result")?;
    } else {
        out.write_all(printable(&summary(&reading)).as_bytes()).context("cannot write the result")?;
    }
    out.flush().context("cannot write the result")?;
    for file in &reading.unreadable {
        writeln!(err, "{}", printable(&format!("cannot read {file}"))).context("cannot write the message")?;
    }
    Ok(u8::from(!reading.unreadable.is_empty()))
}

fn open(path: &Path) -> Result<Source, Finding> {
    let name = path.display().to_string();
    let unreadable = |error: &io::Error| Finding::of_file(&name, &rules::FILE_UNREADABLE, error.to_string());
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(Finding::of_file(&name, &rules::FILE_TOO_LARGE, "16 MiB"));
    }
    Ok(Source { name, bytes })
}

/// Files come from strangers: nothing in them may steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{FFFD}' } else { c }).collect()
}

fn summary(reading: &Reading) -> String {
    let mut lines = Vec::new();
    for assessed in &reading.documents {
        show_document(assessed, &mut lines);
        lines.push(String::new());
    }
    if !reading.findings.is_empty() {
        lines.push("■ ファイルについて".to_owned());
        lines.extend(reading.findings.iter().map(finding_line));
        lines.push(String::new());
    }
    lines.join("\n")
}

fn show_document(assessed: &Assessed, lines: &mut Vec<String>) {
    let Document { version, patient, notes, otcs, memos, visits, own_entries, .. } = &assessed.document;
    let name = patient.as_ref().map_or("（患者不明）", |patient| &patient.name);
    lines.push(format!("■ {name}　{version}　{}", assessed.files.join(" + ")));
    if let Some(patient) = patient {
        let sex = match patient.sex {
            Sex::Male => "男",
            Sex::Female => "女",
            Sex::Unknown => "性別不明",
        };
        lines.push(format!("  {}　{}生　{sex}", patient.kana, date(&patient.birth)));
    }
    if assessed.is_set_aside() {
        lines.push("  【保留】このままでは取り込めません。下の「エラー」を見てください。".to_owned());
    }
    for note in notes {
        let kind = match note.kind {
            NoteKind::Allergy => "アレルギー",
            NoteKind::SideEffect => "副作用",
            NoteKind::History => "既往歴",
            NoteKind::Other => "その他",
        };
        lines.push(format!("  {kind}: {}", note.text));
    }
    for visit in visits {
        show_visit(visit, lines);
    }
    for otc in otcs {
        lines.push(format!("  市販薬: {}　{}～{}", otc.name, date(&otc.start), date(&otc.end)));
        lines.extend(otc.ingredients.iter().map(|ingredient| format!("    成分: {}", ingredient.name)));
    }
    lines.extend(memos.iter().map(|memo| format!("  メモ {}: {}", date(&memo.on), memo.text)));
    lines.extend(own_entries.iter().map(|entry| format!("  本人 {}: {}", date(&entry.on), entry.text)));
    for pharmacist in &assessed.document.family_pharmacists {
        lines.push(format!("  かかりつけ薬剤師: {}（{}）{}", pharmacist.name, pharmacist.pharmacy, pharmacist.contact));
    }
    let unknown = assessed.document.unknown.iter();
    lines.extend(unknown.map(|line| format!("  そのまま保管: {line}")));
    if !assessed.findings.is_empty() {
        lines.push(format!("  指摘 {} 件", assessed.findings.len()));
        lines.extend(assessed.findings.iter().map(finding_line));
    }
}

fn show_visit(visit: &Visit, lines: &mut Vec<String>) {
    let place = |institution: &Option<Institution>| institution.as_ref().map_or("—", |place| &place.name).to_owned();
    let (dispensed, prescribed) = (place(&visit.dispensed_at), place(&visit.prescribed_at));
    lines.push(format!("  調剤日 {}　{dispensed}（処方: {prescribed}）", date(&visit.date)));
    for prescription in &visit.prescriptions {
        show_prescription(prescription, lines);
    }
    let mut say = |what: &str, remarks: &[Remark]| {
        lines.extend(remarks.iter().map(|remark| format!("    {what}: {}", remark.text)));
    };
    say("注意", &visit.cautions);
    say("残薬", &visit.leftovers);
    say("備考", &visit.remarks);
    lines.extend(visit.provided.iter().map(|info| format!("    提供情報: {}", info.text)));
    lines.extend(visit.own_entries.iter().map(|entry| format!("    本人 {}: {}", date(&entry.on), entry.text)));
    lines.extend(visit.unknown.iter().map(|line| format!("    そのまま保管: {line}")));
}

fn show_prescription(prescription: &Prescription, lines: &mut Vec<String>) {
    if let Some(prescriber) = &prescription.prescriber {
        lines.push(format!("    処方医 {}　{}", prescriber.name, prescriber.department));
    }
    for group in &prescription.groups {
        show_group(group, lines);
    }
}

fn show_group(group: &Group, lines: &mut Vec<String>) {
    let usage = group
        .usage
        .as_ref()
        .map_or("（用法なし）".to_owned(), |usage| format!("{}　{}{}", usage.name, usage.quantity, usage.unit));
    lines.push(format!("    RP{} {usage}", group.rp));
    for drug in &group.drugs {
        show_drug(drug, lines);
    }
    let remarks = group.supplements.iter().chain(&group.cautions);
    lines.extend(remarks.map(|remark| format!("      ＊{}", remark.text)));
}

fn show_drug(drug: &Drug, lines: &mut Vec<String>) {
    lines.push(format!("      ・{}　{}{}", drug.name, drug.amount, drug.unit));
    let remarks = drug.supplements.iter().chain(&drug.cautions);
    lines.extend(remarks.map(|remark| format!("        ＊{}", remark.text)));
}

/// As understood, with what was written where the two differ.
fn date(date: &DateText) -> String {
    match date.day {
        Some(day) => day.0.to_string(),
        None if date.raw.is_empty() => "日付なし".to_owned(),
        None => format!("「{}」", date.raw),
    }
}

fn finding_line(finding: &Finding) -> String {
    let severity = match finding.severity() {
        Severity::Note => "参考",
        Severity::Warning => "注意",
        Severity::Error => "エラー",
    };
    let line = finding.line.map_or(String::new(), |line| format!(" {line}行目"));
    let field = finding.field.map_or(String::new(), |field| format!(" {}列「{}」", field.column, field.name));
    let message = finding.message(Language::Japanese);
    format!("    {severity} {}{line}{field} [{}] {message}", finding.file, finding.rule.slug)
}
