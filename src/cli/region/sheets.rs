//! The recovery kit on paper: a text and a picture to print for each sheet, and reading them back.

use crate::cli::output::{NewFile, Output};
use crate::clock::{Clock, today_in_japan};
use crate::entropy::SystemEntropy;
use crate::formats::qr::{self, Correction};
use crate::region::kit::{Kit, KitKey, Purpose, Sheet};
use crate::sentence::Sentence;
use anyhow::bail;
use askama::Template;
use std::path::{Path, PathBuf};

#[derive(Template)]
#[template(path = "print/sheet.svg")]
struct Printed<'a> {
    region: &'a str,
    ja: &'a str,
    en: &'a str,
    lines: Vec<&'a str>,
    which: Sentence,
    date: String,
    qr: String,
    rows: Vec<String>,
    below: [(u8, &'a str); 4],
    kept_by: &'a str,
}

/// Groups of four in a row of the printed code.
const GROUPS_IN_ROW: usize = 6;

/// What stands on each sheet of a split key.
const SPLIT: [&str; 4] = [
    "3枚のうち2枚で鍵になります。1枚だけでは何もわかりません。",
    "1枚ずつ別々の場所に置いてください。",
    "Any two of the three sheets give the key; one alone says nothing.",
    "Keep each in another place.",
];

/// What stands below the code, and how far down on the sheet, in millimetres.
const BELOW: [(u8, &str); 4] = [
    (230, "文字は数字と英大文字です。I と L は 1、O は 0、U は V と同じに読みます。"),
    (235, "Digits and capital letters; I and L are read as 1, O as 0, U as V."),
    (243, "この紙の写しを機械に残さないでください。印刷に使ったファイルは消してください。"),
    (248, "Leave no copy of this sheet on any machine; remove the file that it was printed from."),
];

/// What a key is called.
pub(super) fn name(purpose: Purpose) -> Sentence {
    let (ja, en) = match purpose {
        Purpose::Root => ("地域の署名の鍵", "Root key"),
        Purpose::Recovery => ("復旧の鍵", "Recovery key"),
        Purpose::Duty => ("当番の鍵", "Duty key"),
    };
    Sentence { ja: ja.to_owned(), en: en.to_owned() }
}

/// The beginning of its files' names.
pub(super) const fn slug(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Root => "root",
        Purpose::Recovery => "recovery",
        Purpose::Duty => "duty",
    }
}

/// Which of a split key's sheets it is.
fn which(number: u8) -> Sentence {
    Sentence { ja: format!("（3枚のうち {number}）"), en: format!(", sheet {number} of 3") }
}

/// What it is for, in lines that fit on the sheet.
fn what(purpose: Purpose) -> [&'static str; 4] {
    match purpose {
        Purpose::Root => [
            "この鍵で、地域に施設を加え、外し、控えの配置を決めます。",
            "持つ人は地域のすべてを決められますが、記録は読めません。",
            "It signs for the region: which clinics belong to it, who holds whose copies.",
            "Whoever has it decides that; it reads no record.",
        ],
        Purpose::Recovery => [
            "カードも職員証も箱もすべて失われたとき、この鍵で記録を開きます。",
            "金庫に入れ、地域の署名の鍵とは別の場所に置いてください。",
            "It opens the records when cards, badges and boxes are all lost.",
            "Keep it in a safe, in another place than the root key.",
        ],
        Purpose::Duty => [
            "災害のとき、外から来た人の職員証をこの鍵で作ります。",
            "すぐに取り出せる、しかし他の鍵とは別の場所に置いてください。",
            "It makes badges for helpers from outside in a disaster.",
            "Keep it within reach, in another place than the other keys.",
        ],
    }
}

/// A directory that a kit can be written into: there is nothing in it yet.
pub(super) fn check_dir(dir: &Path) -> anyhow::Result<()> {
    if dir.read_dir().is_ok_and(|mut files| files.next().is_some()) {
        bail!("{} is not empty: name a new directory for the sheets, best on a medium that you take away", dir.display());
    }
    Ok(())
}

/// Writes the sheets of all three keys; returns the files, root's first.
pub(super) fn write_kit(kit: &Kit, region: &str, is_split: bool, dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for key in [&kit.root, &kit.recovery, &kit.duty] {
        written.extend(write_key(key, region, is_split, dir)?);
    }
    Ok(written)
}

/// Writes the sheet of a key, or its three sheets.
pub(super) fn write_key(key: &KitKey, region: &str, is_split: bool, dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let sheets = if is_split { key.split(&SystemEntropy::default()) } else { vec![key.whole()] };
    sheets.iter().map(|sheet| write_sheet(sheet, region, dir)).collect()
}

fn write_sheet(sheet: &Sheet, region: &str, dir: &Path) -> anyhow::Result<PathBuf> {
    let (code, name) = (sheet.code(), name(sheet.purpose));
    let lines: Vec<&str> = what(sheet.purpose).into_iter().chain(sheet.share.iter().flat_map(|_| SPLIT)).collect();
    let compact = zeroize::Zeroizing::new(code.replace('-', ""));
    let date = today_in_japan(Clock::system().now_ms()).to_string();
    let number = sheet.share.map_or_else(String::new, |number| format!("-{number}"));
    let stem = format!("{}{number}", slug(sheet.purpose));
    let of_three = sheet.share.map_or_else(String::new, |number| format!(" ({number}/3)"));
    let symbol = qr::terminal(compact.as_bytes(), Correction::Medium)?;
    let text = format!("{} {}{of_three}\n{region}  {date}\n\n{}\n\n{symbol}\n{}\n", name.ja, name.en, lines.join("\n"), *code);
    let path = dir.join(format!("{stem}.txt"));
    NewFile { path: path.clone(), text, is_secret: true }.write()?;
    let groups: Vec<&str> = code.split('-').collect();
    let rows = groups.chunks(GROUPS_IN_ROW).map(|row| row.join("  ")).collect();
    let picture = qr::svg(compact.as_bytes(), Correction::Medium, "code")?;
    let qr = picture.replacen("<svg ", "<svg width=\"60\" height=\"60\" ", 1);
    let which = sheet.share.map_or_else(|| Sentence { ja: String::new(), en: String::new() }, which);
    let page = Printed {
        region,
        ja: &name.ja,
        en: &name.en,
        lines,
        which,
        date,
        qr,
        rows,
        below: BELOW,
        kept_by: "保管する人・場所　Kept by, and where:",
    };
    NewFile { path: dir.join(format!("{stem}.svg")), text: page.render()?, is_secret: true }.write()?;
    Ok(path)
}

/// Says where the sheets lie and what to do with them.
pub(super) fn say_written(dir: &Path, is_split: bool, output: &mut Output<'_>) {
    let how = if is_split { "Any two of the three sheets of a key give it." } else { "Each sheet is a whole key." };
    output.say(format_args!(
        "The sheets lie in {}: print them (the .svg files, A4), keep the three keys apart, and remove the files. {how} This box keeps none of them.",
        dir.display()
    ));
}
