//! What is odd about a file: where, which rule, and what to do, in Japanese and English.

use super::rules;
use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing to do; said so that nobody wonders.
    Note,
    /// Read, but something is missing or doubtful: somebody should look.
    Warning,
    /// Fatal for the record: it is set aside.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// The language of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// 日本語
    Japanese,
    /// English
    English,
}

/// A rule that a file can break. The slug is stable: scripts compare it.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable name.
    pub slug: &'static str,
    /// How bad it is when broken.
    pub severity: Severity,
    /// What is wrong and what to do; `{}` stand for the details.
    pub ja: &'static str,
    /// The same in English.
    pub en: &'static str,
}

/// A field of a record: its column (the record number is column 1) and its name in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldRef {
    /// 1 is the record number.
    pub column: usize,
    /// As in the specification.
    pub name: &'static str,
}

/// One odd thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, or the pictures that were joined.
    pub file: String,
    /// From 1; absent where the finding is about the whole.
    pub line: Option<usize>,
    /// Absent where the finding is about the whole line.
    pub field: Option<FieldRef>,
    /// What was broken.
    pub rule: &'static Rule,
    /// What was met, for the sentence, in the order of its `{}`.
    pub details: Vec<String>,
}

impl Finding {
    /// A finding about a whole file.
    pub fn of_file(file: &str, rule: &'static Rule, detail: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, field: None, rule, details: vec![detail.into()] }
    }

    /// With one more detail.
    #[must_use]
    pub fn and(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }

    /// The sentence, without the place.
    pub fn message(&self, language: Language) -> String {
        let template = match language {
            Language::Japanese => self.rule.ja,
            Language::English => self.rule.en,
        };
        let mut sentence = String::with_capacity(template.len());
        let mut details = self.details.iter();
        for (index, piece) in template.split("{}").enumerate() {
            if index > 0 {
                sentence.push_str(details.next().map_or("", String::as_str));
            }
            sentence.push_str(piece);
        }
        sentence
    }
}

impl fmt::Display for Finding {
    /// Place, severity, sentence and rule on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(field) = self.field {
            write!(f, " {}", field.name)?;
        }
        write!(f, ": {}: {} [{}]", self.severity(), self.message(Language::English), self.rule.slug)
    }
}

/// Whether a finding among these is fatal for the record.
pub fn is_fatal(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity() == Severity::Error)
}

/// Every rule there is.
pub fn all_rules() -> &'static [&'static Rule] {
    rules::ALL
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn slugs_are_unique_and_sentences_say_what_to_do() {
        let mut slugs = HashSet::new();
        for rule in all_rules() {
            assert!(slugs.insert(rule.slug), "{} twice", rule.slug);
            assert!(rule.slug.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit()), "{}", rule.slug);
            assert!(rule.ja.ends_with('。') && rule.en.ends_with('.'), "{}", rule.slug);
            let places = |sentence: &str| sentence.matches("{}").count();
            assert_eq!(places(rule.ja), places(rule.en), "{} names the thing in one language only", rule.slug);
        }
    }

    #[test]
    fn a_sentence_carries_its_detail() {
        let finding = Finding::of_file("a.txt", &rules::PARTS_MISSING, "2").and("1, 3").and("3");
        assert!(
            finding
                .message(Language::Japanese)
                .starts_with("分割されたデータの 2 番がありません（届いたのは 1, 3 番、全部で 3 個）。")
        );
        assert!(finding.message(Language::English).starts_with("Part 2 of this record is missing (have 1, 3 of 3)."));
        assert!(is_fatal(&[finding]));
    }
}
