//! JAHIS 電子版お薬手帳 (JAHISTC01–08): bytes in, records and findings out; records in, strict JAHISTC08 out.
//!
//! Reading goes `charset` (bytes → text) → `lines` (text → raw documents) → `parts` (911 parts → whole documents) →
//! `read` (lines → [`Document`]); `layout` is the table that all of it follows. Writing goes the other way.

mod charset;
mod check;
mod codes;
mod date;
mod document;
mod finding;
pub mod gather;
pub mod json;
mod layout;
mod lines;
mod parts;
mod read;
pub mod rules;
mod visit;
mod write;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod tests;

pub use document::{Document, OutputCategory, PartInfo, Version};
pub use finding::{FieldRef, Finding, Language, Rule, Severity, all_rules, is_fatal};
pub use gather::{Reading, Source, gather};
pub use parts::{PART_BYTES_MAX, SplitError, split};
pub use write::{Written, write, write_text};

/// The text of a file in CP932 or UTF-8, told apart by what the bytes are.
pub fn text_of(bytes: &[u8]) -> String {
    charset::decode(bytes).0
}

/// A document with what is odd about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessed {
    /// What was read.
    pub document: Document,
    /// What is odd about it.
    pub findings: Vec<Finding>,
    /// The files or pictures that it came from.
    pub files: Vec<String>,
}

impl Assessed {
    /// Whether something about it is fatal: then it is not taken in, but set aside for a person.
    pub fn is_set_aside(&self) -> bool {
        is_fatal(&self.findings)
    }
}

/// Reads the bytes of one text file, which may hold several documents, or parts of them.
pub fn read(file_name: &str, bytes: &[u8]) -> Reading {
    gather([Source { name: file_name.to_owned(), bytes: bytes.to_vec() }])
}
