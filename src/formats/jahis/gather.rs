//! Many files and pictures in, documents out: symbols and parts are joined over all of them.

use super::Assessed;
use super::finding::{Finding, Rule};
use super::lines::{self, RawDocument, shortened};
use super::parts;
use super::read;
use super::rules;
use crate::formats::qr::{self, AppendGap, Joined, PictureError, QrSymbol};

/// A file: JAHIS text, or a PNG or JPEG picture of QR codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As the user knows it.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The documents, in the order of their first line.
    pub documents: Vec<Assessed>,
    /// What is odd about the files as such.
    pub findings: Vec<Finding>,
    /// Files that gave nothing at all; the findings say why.
    pub unreadable: Vec<String>,
}

/// Reads files and pictures, in any order.
pub fn gather(sources: impl IntoIterator<Item = Source>) -> Reading {
    let mut gathering = Gathering::default();
    for source in sources {
        if qr::is_picture(&source.bytes) {
            gathering.take_picture(&source);
        } else {
            gathering.take_text(&source.name, &source.bytes, true);
        }
    }
    gathering.finish()
}

#[derive(Default)]
struct Gathering {
    raws: Vec<RawDocument>,
    reading: Reading,
    /// Symbols of structured appends, with the picture that each came from.
    pieces: Vec<(String, QrSymbol)>,
}

impl Gathering {
    /// `is_alone`: the bytes are all that the file holds, so a failure makes it unreadable.
    fn take_text(&mut self, name: &str, bytes: &[u8], is_alone: bool) {
        let (raws, findings) = lines::scan(name, bytes);
        if raws.is_empty() && is_alone {
            self.reading.unreadable.push(name.to_owned());
        }
        self.raws.extend(raws);
        self.reading.findings.extend(findings);
    }

    fn take_picture(&mut self, source: &Source) {
        let symbols = match qr::read_picture(&source.bytes) {
            Ok(symbols) => symbols,
            Err(error) => {
                let (rule, detail) = picture_rule(&error);
                return self.refuse(&source.name, rule, detail);
            }
        };
        let is_jahis = |symbol: &QrSymbol| symbol.append.is_some() || holds_jahis(&symbol.bytes);
        if !symbols.iter().any(is_jahis) {
            let first = symbols.first().map(|symbol| shortened(&String::from_utf8_lossy(&symbol.bytes)));
            return match first {
                Some(text) => self.refuse(&source.name, &rules::NOT_JAHIS, text),
                None => self.refuse(&source.name, &rules::PICTURE_WITHOUT_QR, String::new()),
            };
        }
        for symbol in symbols {
            if symbol.append.is_some() {
                self.pieces.push((source.name.clone(), symbol));
            } else if holds_jahis(&symbol.bytes) {
                self.take_text(&source.name, &symbol.bytes, false);
            } else {
                let text = shortened(&String::from_utf8_lossy(&symbol.bytes));
                self.reading.findings.push(Finding::of_file(&source.name, &rules::QR_NOT_JAHIS, text));
            }
        }
    }

    fn refuse(&mut self, name: &str, rule: &'static Rule, detail: String) {
        self.reading.findings.push(Finding::of_file(name, rule, detail));
        self.reading.unreadable.push(name.to_owned());
    }

    fn join_symbols(&mut self) {
        let pieces = std::mem::take(&mut self.pieces);
        for Joined { sources, outcome, is_parity_right, parity } in qr::join_appended(pieces) {
            let name = sources.join(" + ");
            match outcome {
                Ok(bytes) => {
                    if !is_parity_right {
                        let finding = Finding::of_file(&name, &rules::SYMBOL_PARITY, format!("{parity:02X}"));
                        self.reading.findings.push(finding);
                    }
                    self.take_text(&name, &bytes, true);
                }
                Err(AppendGap::Missing { missing, have, total }) => {
                    let list = |numbers: &[u8]| numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
                    let finding = Finding::of_file(&name, &rules::SYMBOL_MISSING, list(&missing));
                    self.reading.findings.push(finding.and(list(&have)).and(total.to_string()));
                }
                Err(AppendGap::Conflict { number }) => {
                    self.reading.findings.push(Finding::of_file(&name, &rules::SYMBOL_CONFLICT, number.to_string()));
                }
            }
        }
    }

    fn finish(mut self) -> Reading {
        self.join_symbols();
        for (raw, part) in parts::join(self.raws) {
            let mut assessed = read::interpret(&raw);
            assessed.document.part = part;
            self.reading.documents.push(assessed);
        }
        self.reading
    }
}

fn holds_jahis(bytes: &[u8]) -> bool {
    bytes.windows(7).any(|window| window == b"JAHISTC")
}

fn picture_rule(error: &PictureError) -> (&'static Rule, String) {
    match error {
        PictureError::TooLarge { width, height } => (&rules::PICTURE_TOO_LARGE, format!("{width}×{height}")),
        PictureError::Unreadable(reason) => (&rules::PICTURE_BROKEN, reason.clone()),
    }
}
