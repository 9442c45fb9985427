//! Strings of a catalogue: escaped once when they are read, with ruby and with places for values.
//!
//! They are never given back. A catalogue is read once and kept for as long as the program runs; and what a thousand fields, each of which might
//! have to be given back when a later one cannot be read, cost in code is a twentieth of the program.

use askama::filters::HtmlSafe;
use serde::de::{Deserialize, Deserializer, Error};
use std::fmt::{Display, Formatter, Result as FmtResult, Write};

/// The names of the places, in the order in which values are given.
const PLACES: [&str; 3] = ["n", "m", "k"];

/// A string without places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    html: &'static str,
    plain: &'static str,
}

/// A string with `N` places `{n}`, `{m}`, `{k}`, which may stand in any order and each more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phrase<const N: usize> {
    parts: &'static [Part],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Text(Text),
    Place(usize),
}

/// HTML that is already escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html(pub(crate) String);

impl Display for Html {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(&self.0)
    }
}
impl HtmlSafe for Html {}

impl Display for Text {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(self.html)
    }
}
impl HtmlSafe for Text {}

impl Text {
    /// Reads the catalogue's markup: plain text with ruby as `[漢字|かんじ]`.
    fn parse(source: &str) -> Result<Self, String> {
        let (mut html, mut plain, mut rest) = (String::new(), String::new(), source);
        while let Some((before, after)) = rest.split_once('[') {
            let (ruby, tail) = after.split_once(']').ok_or_else(|| format!("a [ without ] in {source:?}"))?;
            let (base, reading) = ruby.split_once('|').ok_or_else(|| format!("a ruby without | in {source:?}"))?;
            push_escaped(&mut html, before);
            html.push_str("<ruby>");
            push_escaped(&mut html, base);
            html.push_str("<rt>");
            push_escaped(&mut html, reading);
            html.push_str("</rt></ruby>");
            plain.push_str(before);
            plain.push_str(base);
            rest = tail;
        }
        push_escaped(&mut html, rest);
        plain.push_str(rest);
        Ok(Self { html: html.leak(), plain: plain.leak() })
    }

    /// Without ruby and not escaped, for titles, attributes and pictures.
    pub(crate) fn plain(&self) -> &'static str {
        self.plain
    }
}

impl<const N: usize> Phrase<N> {
    fn parse(source: &str) -> Result<Self, String> {
        let (mut parts, mut rest, mut seen) = (Vec::new(), source, [false; PLACES.len()]);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or_else(|| format!("a {{ without }} in {source:?}"))?;
            let place = PLACES.iter().take(N).position(|p| *p == name);
            let place = place.ok_or_else(|| format!("{{{name}}} is not a place of {source:?}, which has {N}"))?;
            parts.push(Part::Text(Text::parse(before)?));
            parts.push(Part::Place(place));
            seen[place] = true;
            rest = tail;
        }
        parts.push(Part::Text(Text::parse(rest)?));
        match seen.iter().take(N).all(|s| *s) {
            true => Ok(Self { parts: parts.leak() }),
            false => Err(format!("{source:?} lacks one of its {N} places")),
        }
    }

    /// As HTML; `values` must be escaped already.
    fn html(&self, values: [&dyn Display; N]) -> Html {
        let mut out = String::with_capacity(96);
        for part in self.parts {
            match part {
                Part::Text(text) => out.push_str(text.html),
                // Writing to a String cannot fail.
                Part::Place(i) => drop(write!(out, "{}", values[*i])),
            }
        }
        Html(out)
    }

    fn plain_with(&self, values: [&str; N]) -> String {
        let part = |p: &Part| match p {
            Part::Text(text) => text.plain.to_owned(),
            Part::Place(i) => values[*i].to_owned(),
        };
        self.parts.iter().map(part).collect()
    }
}

impl Phrase<1> {
    /// With a number or other harmless value, or with HTML.
    pub(crate) fn with(&self, n: impl Safe) -> Html {
        self.html([&n])
    }
    /// Without ruby and not escaped.
    pub(crate) fn plain(&self, n: &str) -> String {
        self.plain_with([n])
    }
}

impl Phrase<2> {
    /// As [`Phrase::<1>::with`].
    pub(crate) fn with(&self, n: impl Safe, m: impl Safe) -> Html {
        self.html([&n, &m])
    }
    /// Without ruby and not escaped.
    pub(crate) fn plain(&self, n: &str, m: &str) -> String {
        self.plain_with([n, m])
    }
}

impl Phrase<3> {
    /// As [`Phrase::<1>::with`].
    pub(crate) fn with(&self, n: impl Safe, m: impl Safe, k: impl Safe) -> Html {
        self.html([&n, &m, &k])
    }
    /// Without ruby and not escaped.
    pub(crate) fn plain(&self, n: &str, m: &str, k: &str) -> String {
        self.plain_with([n, m, k])
    }
}

/// What may stand in a place without further escaping. Texts of a record come in as [`Html`], through [`escaped`].
pub trait Safe: Display {}
impl Safe for Html {}
impl Safe for Text {}
impl<T: Safe + ?Sized> Safe for &T {}
impl Safe for u8 {}
impl Safe for u32 {}
impl Safe for u64 {}
impl Safe for i64 {}
impl Safe for usize {}

/// A text of a record as HTML.
pub fn escaped(text: &str) -> Html {
    let mut out = String::with_capacity(text.len() + 16);
    push_escaped(&mut out, text);
    Html(out)
}

/// A text of a record, which is Japanese whatever the page's language is.
pub fn japanese(text: &str) -> Html {
    let mut out = String::with_capacity(text.len() + 32);
    out.push_str("<span lang=\"ja\">");
    push_escaped(&mut out, text);
    out.push_str("</span>");
    Html(out)
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        match source.contains(['{', '}']) {
            true => Err(D::Error::custom(format!("{source:?} has no place for a value"))),
            false => Self::parse(&source).map_err(D::Error::custom),
        }
    }
}

impl<'de, const N: usize> Deserialize<'de> for Phrase<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ruby_becomes_markup_and_everything_else_is_escaped() {
        let text = Text::parse("[薬|くすり]の <b>名前</b>").unwrap();
        assert_eq!(text.to_string(), "<ruby>薬<rt>くすり</rt></ruby>の &lt;b&gt;名前&lt;/b&gt;");
        assert_eq!(text.plain(), "薬の <b>名前</b>");
        assert!(Text::parse("[薬").is_err());
        assert!(Text::parse("[薬]").is_err());
    }

    #[test]
    fn places_are_filled_in_the_languages_own_order() {
        let phrase: Phrase<2> = Phrase::parse("{m} of [枚|まい] {n}").unwrap();
        assert_eq!(phrase.with(1_u32, escaped("<2>")).0, "&lt;2&gt; of <ruby>枚<rt>まい</rt></ruby> 1");
        assert_eq!(phrase.plain("1", "<2>"), "<2> of 枚 1");
    }

    #[test]
    fn a_missing_or_foreign_place_is_an_error() {
        assert!(Phrase::<1>::parse("nothing").is_err());
        assert!(Phrase::<1>::parse("{m}").is_err());
        assert!(Phrase::<2>::parse("{n}").is_err());
        assert!(Phrase::<1>::parse("{n").is_err());
    }
}
