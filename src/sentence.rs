//! One text in the two languages of those who run the box.

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}
