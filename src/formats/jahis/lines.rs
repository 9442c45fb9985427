//! Bytes → raw documents: each a header line and the lines up to the next header.

use super::charset::{self, Charset};
use super::document::{OutputCategory, Version};
use super::finding::{FieldRef, Finding, Rule};
use super::rules;
use std::sync::Arc;

/// A line with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) file: Arc<str>,
    /// From 1.
    pub(super) number: usize,
    pub(super) text: String,
}

impl Line {
    pub(super) fn finding(&self, rule: &'static Rule, detail: impl Into<String>) -> Finding {
        Finding { line: Some(self.number), ..Finding::of_file(&self.file, rule, detail) }
    }

    pub(super) fn field_finding(&self, field: FieldRef, rule: &'static Rule, detail: impl Into<String>) -> Finding {
        Finding { field: Some(field), ..self.finding(rule, detail) }
    }

    /// What stands before the first comma.
    pub(super) fn record_number(&self) -> &str {
        self.text.split(',').next().unwrap_or_default().trim()
    }
}

/// A document before its records are understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawDocument {
    pub(super) header: Line,
    pub(super) version: Version,
    pub(super) output_category: Option<OutputCategory>,
    pub(super) lines: Vec<Line>,
    pub(super) findings: Vec<Finding>,
}

/// Splits a file's bytes. Findings are those outside any document.
pub(super) fn scan(file: &str, bytes: &[u8]) -> (Vec<RawDocument>, Vec<Finding>) {
    let (text, charset) = charset::decode(bytes);
    let mut documents: Vec<RawDocument> = Vec::new();
    let mut findings = Vec::new();
    let file: Arc<str> = Arc::from(file);
    for (number, text) in split_lines(&text) {
        let line = Line { file: Arc::clone(&file), number, text: text.to_owned() };
        if let Some(document) = header(&line) {
            documents.push(document);
        } else if let Some(document) = documents.last_mut() {
            document.lines.push(line);
        } else {
            findings.push(line.finding(&rules::BEFORE_HEADER, shortened(&line.text)));
        }
    }
    if documents.is_empty() {
        let first = text.lines().next().unwrap_or_default();
        return (documents, vec![Finding::of_file(&file, &rules::NOT_JAHIS, shortened(first))]);
    }
    findings.extend(form_findings(&file, &text, charset));
    (documents, findings)
}

fn form_findings(file: &str, text: &str, charset: Charset) -> Vec<Finding> {
    let mut findings = Vec::new();
    if charset == Charset::Utf8 {
        findings.push(Finding::of_file(file, &rules::CHARSET_UTF8, ""));
    }
    let without_pairs = text.replace("\r\n", "");
    if let Some(end) = without_pairs.chars().find(|c| matches!(c, '\r' | '\n')) {
        findings.push(Finding::of_file(file, &rules::LINE_END, if end == '\n' { "LF" } else { "CR" }));
    }
    findings
}

/// Lines that hold something, with their numbers. Ends are CRLF, LF, CR; 0x1A is the end of a file, also in the middle, where
/// files were copied together.
fn split_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut number = 0;
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r')).flat_map(move |line| {
        number += 1;
        line.split('\u{1A}').filter(|piece| !piece.trim().is_empty()).map(move |piece| (number, piece))
    })
}

fn header(line: &Line) -> Option<RawDocument> {
    let text = line.text.trim_start_matches(['\u{FEFF}', ' ']);
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    let number = name.trim().strip_prefix("JAHISTC")?;
    let version = Version(number.parse().ok().filter(|_| number.len() == 2).unwrap_or(0));
    let mut findings = Vec::new();
    if !version.is_known() {
        findings.push(line.finding(&rules::VERSION_UNKNOWN, name.trim()));
    }
    let category = rest.split(',').next().unwrap_or_default().trim();
    let output_category = match category {
        "1" => Some(OutputCategory::FacilityToPatient),
        "2" => Some(OutputCategory::PatientToFacility),
        _ => {
            // Version 1.0 perhaps had none.
            if !(version == Version(1) && category.is_empty()) {
                let field = FieldRef { column: 2, name: "出力区分" };
                findings.push(line.field_finding(field, &rules::CATEGORY_MISSING, category));
            }
            None
        }
    };
    Some(RawDocument { header: line.clone(), version, output_category, lines: Vec::new(), findings })
}

/// Enough of a text to recognise it by.
pub(super) fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    let mut short: String = text.chars().take(CHARACTERS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8]) -> Vec<Vec<(usize, String)>> {
        let (documents, _) = scan("f", bytes);
        documents.into_iter().map(|d| d.lines.into_iter().map(|line| (line.number, line.text)).collect()).collect()
    }

    #[test]
    fn any_line_end_ends_a_line() {
        let expected = vec![vec![(2, "1,a".to_owned()), (3, "5,b".to_owned())]];
        for bytes in ["JAHISTC08,1\r\n1,a\r\n5,b\r\n\u{1A}", "JAHISTC08,1\n1,a\n5,b", "JAHISTC08,1\r1,a\r5,b\r"] {
            assert_eq!(texts(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_file_can_hold_several_documents() {
        let (documents, findings) = scan("f", b"junk\r\nJAHISTC08,1\r\n1,a\r\n\x1A\xEF\xBB\xBFJAHISTC03,2\r\n1,b\r\n");
        assert_eq!(documents.len(), 2);
        assert_eq!((documents[1].version, documents[1].output_category), (Version(3), Some(OutputCategory::PatientToFacility)));
        let slugs: Vec<_> = findings.iter().map(|f| (f.rule.slug, f.line)).collect();
        assert_eq!(slugs, [("line-before-header", Some(1)), ("charset-utf8", None)]);
    }

    #[test]
    fn odd_headers_are_read_and_said() {
        let slugs = |bytes: &[u8]| {
            let (documents, _) = scan("f", bytes);
            documents[0].findings.iter().map(|f| f.rule.slug).collect::<Vec<_>>()
        };
        assert_eq!(slugs(b"JAHISTC01"), Vec::<&str>::new());
        assert_eq!(slugs(b"JAHISTC08"), ["output-category-missing"]);
        assert_eq!(slugs(b"JAHISTC08,3"), ["output-category-missing"]);
        assert_eq!(slugs(b"JAHISTC12,1"), ["version-unknown"]);
        assert_eq!(slugs(b"JAHISTC,1"), ["version-unknown"]);
    }

    #[test]
    fn what_is_no_jahis_is_said() {
        for bytes in [&b""[..], b"hello", b"\x1A", b"\x89PNG"] {
            let (documents, findings) = scan("f", bytes);
            assert!(documents.is_empty());
            assert_eq!(findings.last().map(|f| f.rule.slug), Some("not-jahis"));
        }
    }
}
