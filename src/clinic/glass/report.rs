//! What was looked at through a glass at this site, for those who review it, and as a table for other programs.

use super::super::{Clinic, ClinicError, Inner, projection};
use super::review::Reviewed;
use crate::clock::moment_in_japan;
use crate::ledger::payload::{Decision, GlassLooked, GlassOpened, Opening, Payload};
use crate::record::{Consent, Look, LookShown, Rank};
use crate::store::Reader;
use std::collections::BTreeMap;

/// A glass that was broken at this site.
#[derive(Debug, Clone)]
pub struct GlassAt {
    /// Who broke it, and why.
    pub opened: GlassOpened,
    /// When, ms since 1970 UTC.
    pub at_ms: i64,
    /// What was looked at through it: when, and what was decided about that.
    pub looks: Vec<(GlassLooked, i64, Option<Reviewed>)>,
}

/// A line of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditLine {
    at_ms: i64,
    cells: [String; COLUMNS.len()],
}

const COLUMNS: [&str; 17] = [
    "time",
    "what",
    "name",
    "badge",
    "role",
    "licence",
    "place",
    "reason",
    "words",
    "consent",
    "second_person",
    "ledger",
    "patient",
    "shown",
    "decision",
    "decided_by",
    "note",
];

impl Clinic {
    /// The glasses that were broken at this site, the newest first. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn glasses(&self) -> Result<Vec<GlassAt>, ClinicError> {
        let mut reviews = self.look_reviews()?;
        let inner = self.inner.clone();
        let (opened, looked) = self.inner.store.read_now(move |reader| {
            Ok(inner
                .said::<GlassOpened>(reader, projection::GLASS)
                .and_then(|opened| Ok((opened, inner.said::<GlassLooked>(reader, projection::GLASS_LOOK)?))))
        })??;
        let mut looks: BTreeMap<[u8; 16], Vec<_>> = BTreeMap::new();
        for (looked, at_ms) in looked {
            let reviewed = reviews.remove(&looked.look);
            looks.entry(looked.glass).or_default().push((looked, at_ms, reviewed));
        }
        let glass = |(opened, at_ms): (GlassOpened, i64)| GlassAt {
            looks: looks.remove(&opened.id).unwrap_or_default(),
            opened,
            at_ms,
        };
        let mut glasses: Vec<GlassAt> = opened.into_iter().map(glass).collect();
        glasses.reverse();
        Ok(glasses)
    }

    /// Everything about glasses and helpers from outside that this site's ledger has, in the order of time. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn audit_lines(&self) -> Result<Vec<AuditLine>, ClinicError> {
        let mut lines = Vec::new();
        for glass in self.glasses()? {
            lines.push(opened_line(&glass, self.name()));
            lines.extend(glass.looks.iter().map(|(looked, at_ms, reviewed)| {
                let mut line = opened_line(&glass, self.name());
                line.at_ms = *at_ms;
                line.set("what", "look");
                line.set("ledger", &looked.ledger.to_string());
                line.set("patient", &hex(&looked.subject.0));
                line.set("shown", shown_word(looked.shown));
                if let Some(why) = looked.opening.as_ref().map(Opening::why) {
                    line.set("reason", why.reason.word());
                    line.set("words", &why.words);
                    line.set("consent", consent_word(why.consent));
                }
                line.decide(reviewed.as_ref());
                line
            }));
        }
        for broken in self.broken_elsewhere()? {
            let mut line = look_line(&broken.look);
            line.at_ms = broken.at_ms;
            line.set("ledger", &self.ledger().to_string());
            line.set("patient", &hex(&broken.subject.0));
            line.decide(broken.reviewed.as_ref());
            lines.push(line);
        }
        for (at_ms, tried) in self.outside_tries()? {
            let mut line = AuditLine { at_ms, ..AuditLine::default() };
            line.set("what", &format!("outside badge: {:?}", tried.outcome));
            line.set("name", &tried.name);
            match tried.tries {
                Some(tries) => line.set("note", &format!("{tries} tries of badges that nobody here knows")),
                None => line.set("badge", &hex(&tried.badge)),
            }
            line.set("role", rank_word(Rank::Outside));
            line.set("licence", &tried.licence);
            line.set("place", self.name());
            lines.push(line);
        }
        lines.sort_by_key(|line| line.at_ms);
        Ok(lines)
    }

    /// The same as a table (CSV, UTF-8 with a mark at its beginning, as spreadsheets want it). No cell of it is taken for a formula. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn audit_table(&self) -> Result<Vec<u8>, ClinicError> {
        Ok(table(&self.audit_lines()?))
    }
}

impl Inner {
    /// What home said under a projection, in the order in which it was written.
    fn said<T: Payload>(&self, reader: &Reader<'_>, kind: u8) -> Result<Vec<(T, i64)>, ClinicError> {
        let own = self.own(reader);
        let home = self.homes.of(own)?;
        let mut entries = Vec::new();
        for found in own.list(kind)? {
            entries.extend(own.entry(found.row)?.filter(|entry| home.said(&entry.open)));
        }
        entries.sort_by_key(|entry| (entry.open.time(), entry.id()));
        entries.iter().map(|entry| Ok((self.open_ledger_entry(entry)?, entry.open.time().ms()))).collect()
    }
}

impl AuditLine {
    fn set(&mut self, column: &str, text: &str) {
        if let Some(place) = COLUMNS.iter().position(|name| *name == column) {
            text.clone_into(&mut self.cells[place]);
        }
    }

    fn decide(&mut self, reviewed: Option<&Reviewed>) {
        if let Some(Reviewed { decision, note, by, .. }) = reviewed {
            self.set("decision", decision_word(*decision));
            self.set("decided_by", &by.name);
            self.set("note", note);
        }
    }
}

fn opened_line(glass: &GlassAt, place: &str) -> AuditLine {
    let opened = &glass.opened;
    let mut line = AuditLine { at_ms: glass.at_ms, ..AuditLine::default() };
    line.set("what", "glass");
    line.set("name", &opened.name);
    line.set("badge", &hex(&opened.badge));
    line.set("role", rank_word(opened.rank));
    line.set("licence", &opened.licence);
    line.set("place", opened.asked_by.as_ref().map_or(place, |by| &by.place));
    line.set("reason", opened.reason.word());
    line.set("words", &opened.words);
    line.set("consent", consent_word(opened.consent));
    line.set("second_person", &opened.second_name);
    line
}

fn look_line(look: &Look) -> AuditLine {
    let mut line = AuditLine::default();
    line.set("what", "look elsewhere");
    line.set("name", &look.name);
    line.set("place", &look.place);
    line.set("words", &look.reason);
    let Some(right) = &look.right else { return line };
    line.set("badge", &hex(&right.badge));
    line.set("role", rank_word(right.rank));
    line.set("licence", &right.licence);
    line.set("shown", shown_word(right.shown));
    if let Some(glass) = &right.glass {
        line.set("reason", glass.reason.word());
        line.set("consent", consent_word(glass.consent));
        line.set("second_person", &glass.second);
    }
    line
}

fn table(lines: &[AuditLine]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    let mut write = |cells: Vec<String>| {
        if let Err(never) = writer.write_record(cells) {
            unreachable!("writing to memory cannot fail: {never}");
        }
    };
    write(COLUMNS.map(str::to_owned).to_vec());
    for line in lines {
        let mut cells: Vec<String> = line.cells.iter().map(|cell| inert(cell)).collect();
        cells[0] = moment_in_japan(line.at_ms);
        write(cells);
    }
    match writer.into_inner() {
        Ok(bytes) => bytes,
        Err(never) => unreachable!("writing to memory cannot fail: {never}"),
    }
}

/// A text that no spreadsheet takes for a formula: those begin with one of a few characters, also in their wide forms, after blanks too.
fn inert(cell: &str) -> String {
    let first = cell.trim_start().chars().next();
    let is_formula = first.is_some_and(|c| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '|' | '%'));
    let is_odd = cell.starts_with(['\t', '\r', '\n']);
    if is_formula || is_odd { format!("'{cell}") } else { cell.to_owned() }
}

const fn rank_word(rank: Rank) -> &'static str {
    match rank {
        Rank::Reader => "reader",
        Rank::Pharmacist => "pharmacist",
        Rank::Admin => "admin",
        Rank::Outside => "outside",
    }
}

const fn consent_word(consent: Consent) -> &'static str {
    match consent {
        Consent::Patient => "patient",
        Consent::Family => "family",
        Consent::Cannot => "cannot consent",
    }
}

const fn shown_word(shown: LookShown) -> &'static str {
    match shown {
        LookShown::Listed => "listed",
        LookShown::Record => "record",
        LookShown::Print => "print",
        LookShown::Concealed => "concealed",
    }
}

const fn decision_word(decision: Decision) -> &'static str {
    match decision {
        Decision::InOrder => "in order",
        Decision::ToClarify => "to be clarified",
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_taken_for_a_formula_and_none_breaks_out() {
        let mut line = AuditLine::default();
        for (column, text) in [
            ("name", "=HYPERLINK(\"http://x\")"),
            ("words", "+1+cmd|' /C calc'!A0"),
            ("note", " @SUM(A1)"),
            ("place", "＝1"),
            ("licence", "-1"),
            ("reason", "\tx"),
            ("decided_by", "a\",\n=1"),
        ] {
            line.set(column, text);
        }
        let bytes = table(&[line]);
        let text = String::from_utf8(bytes).unwrap();
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        assert_eq!(reader.headers().unwrap().len(), COLUMNS.len());
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), 1, "{text}");
        for cell in &rows[0] {
            assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '|', '\t']), "{cell}");
        }
        assert_eq!(&rows[0][2], "'=HYPERLINK(\"http://x\")", "what was written is still there");
        assert_eq!(&rows[0][15], "a\",\n=1", "inside a cell it is text");
    }
}
