//! The sheet on the wall: one A4 page with the Wi-Fi's code, the page's code, and four pictures with few words in several languages.
//!
//! Drawn as one SVG in millimetres, because paper does not reflow: what is too long is set smaller or on two lines. Nothing of it is kept.

pub mod wifi;

use super::lang::Lang;
use super::lang::phrase::Html;
use super::picture::{breadth, wrap};
use crate::formats::qr::{Correction, QrError, Symbol};
use askama::Template;
pub use wifi::{Wifi, WifiError};

/// What a poster says.
pub struct Poster {
    /// The clinic's name, as it calls itself.
    pub clinic: String,
    /// The Wi-Fi that patients join.
    pub wifi: Wifi,
    /// Where the first page is, by number: phones that know no names find it.
    pub address: Address,
    /// A short name to type, where there is one.
    pub typed: Option<String>,
    /// The first is set largest.
    pub languages: Vec<Lang>,
}

/// Why there is no poster.
#[derive(Debug, thiserror::Error)]
pub enum PosterError {
    /// The Wi-Fi cannot be like that.
    #[error(transparent)]
    Wifi(#[from] WifiError),
    /// The address is none that a phone can open.
    #[error("{0:?} is no address of a first page: write it like http://192.0.2.10/ or 192.0.2.10")]
    Address(String),
    /// Nobody could read it.
    #[error("name at least one language of the poster: ja, ja-easy, en, zh, ko, vi or pt")]
    NoLanguage,
    /// A code could not be made.
    #[error("the poster's QR code: {0}")]
    Code(#[from] QrError),
    /// It could not be put together.
    #[error("the poster could not be put together: {0}")]
    Drawing(#[from] askama::Error),
}

/// The address of the first page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Reads an address as people write it: without a scheme it is http, without a path the first page.
    ///
    /// # Errors
    /// Where it names no host, or has more than a first page's address has.
    pub fn read(text: &str) -> Result<Self, PosterError> {
        let wrong = || PosterError::Address(text.to_owned());
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let host = rest.strip_suffix('/').unwrap_or(rest);
        let is_of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        let has_letter = host.contains(|c: char| c.is_ascii_alphanumeric());
        if !matches!(scheme, "http" | "https") || host.len() > 253 || !has_letter || !host.chars().all(is_of_host) {
            return Err(wrong());
        }
        Ok(Self(format!("{scheme}://{host}/")))
    }

    /// As phones open it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A hundredth of a millimetre, so that letters can be fitted in whole numbers.
const MM: usize = 100;
/// The sheet's width within its margins.
const WIDTH: usize = 186 * MM;
/// What the words under the pictures have of the sheet's height.
const WORDS_TOP: usize = 180 * MM;
const WORDS_HEIGHT: usize = 108 * MM;
/// Four pictures beside each other, with some space between their words.
const CELL: usize = WIDTH / 4;
const CELL_TEXT: usize = CELL - 3 * MM;
const LEFT: usize = 12 * MM;

/// A line of text at its place, in millimetres.
struct Line {
    x: String,
    y: String,
    size: String,
    text: String,
    tag: &'static str,
    is_bold: bool,
}

/// What stands under a code: a label and what it labels.
struct Fact {
    label: String,
    value: String,
    label_y: String,
    value_y: String,
    size: String,
}

#[derive(Template)]
#[template(path = "poster.svg")]
struct Sheet<'a> {
    tag: &'static str,
    title: &'a str,
    clinic: &'a str,
    heads: Vec<Line>,
    wifi_code: String,
    page_code: String,
    wifi_facts: Vec<Fact>,
    page_facts: Vec<Fact>,
    words: Vec<Line>,
}

#[derive(Template)]
#[template(path = "poster.html")]
struct Page<'a> {
    tag: &'static str,
    title: &'a str,
    sheet: Html,
    /// Set where the page has to stand by itself; else the box's own style sheet is asked for.
    style: Option<&'static str>,
}

/// What only a poster's page needs.
pub(crate) const STYLE: &str = include_str!("../../templates/poster.css");
/// The same within a page.
const ALONE_STYLE: &str = concat!("<style>", include_str!("../../templates/poster.css"), "</style>");

impl Poster {
    /// The sheet as SVG.
    ///
    /// # Errors
    /// Where no language is named, or a code cannot be made.
    pub fn svg(&self) -> Result<String, PosterError> {
        let first = *self.languages.first().ok_or(PosterError::NoLanguage)?;
        let m = &first.messages().poster;
        let code = |text: &str, title: &str| Symbol::new(text.as_bytes(), Correction::Quartile).map(|s| s.svg(title));
        let sheet = Sheet {
            tag: first.tag(),
            title: m.title.plain(),
            clinic: &self.clinic,
            heads: self.heads(),
            wifi_code: code(&self.wifi.code(), m.wifi.plain())?,
            page_code: code(self.address.as_str(), m.page.plain())?,
            wifi_facts: self.wifi_facts(),
            page_facts: self.page_facts(),
            words: self.words(),
        };
        Ok(sheet.render()?)
    }

    /// A page that prints on one sheet of A4; `is_alone` where it is a file and has to bring its style.
    ///
    /// # Errors
    /// As [`Self::svg`].
    pub fn page(&self, is_alone: bool) -> Result<String, PosterError> {
        let sheet = Html(self.svg()?);
        let first = *self.languages.first().ok_or(PosterError::NoLanguage)?;
        let title = first.messages().poster.title.plain();
        Ok(Page { tag: first.tag(), title, sheet, style: is_alone.then_some(ALONE_STYLE) }.render()?)
    }

    /// The first language's title, and what the two codes do in the first two languages.
    fn heads(&self) -> Vec<Line> {
        let mut heads = Vec::new();
        for lang in self.languages.iter().take(1) {
            heads.push(fitted(*lang, lang.messages().poster.title.plain(), (LEFT, 22 * MM), WIDTH, 9 * MM, true));
        }
        for (nth, lang) in self.languages.iter().take(2).enumerate() {
            let m = &lang.messages().poster;
            let size = if nth == 0 { 7 * MM } else { 5 * MM };
            let y = (35 + 7 * nth) * MM;
            heads.push(fitted(*lang, m.wifi.plain(), (LEFT, y), 88 * MM, size, true));
            heads.push(fitted(*lang, m.page.plain(), (110 * MM, y), 88 * MM, size, true));
        }
        heads
    }

    fn labels(&self, of: impl Fn(Lang) -> &'static str) -> String {
        self.languages.iter().take(2).map(|lang| of(*lang)).collect::<Vec<_>>().join(" / ")
    }

    fn wifi_facts(&self) -> Vec<Fact> {
        let mut facts = vec![(self.labels(|lang| lang.messages().poster.name.plain()), self.wifi.name().to_owned())];
        facts.extend(self.wifi.password().map(|password| {
            let label = self.labels(|lang| lang.messages().poster.password.plain());
            (label, password.to_owned())
        }));
        placed(facts)
    }

    fn page_facts(&self) -> Vec<Fact> {
        let label = self.labels(|lang| lang.messages().poster.address.plain());
        let mut facts = vec![(label, self.address.as_str().to_owned())];
        facts.extend(self.typed.iter().map(|typed| (String::new(), typed.clone())));
        placed(facts)
    }

    /// Each language in a row: what this is, and the four steps under their pictures.
    fn words(&self) -> Vec<Line> {
        let row = (WORDS_HEIGHT / self.languages.len().max(1)).min(34 * MM);
        let mut lines = Vec::new();
        for (nth, lang) in self.languages.iter().enumerate() {
            let m = &lang.messages().poster;
            let top = WORDS_TOP + nth * row;
            let head = format!("{} · {}", m.title.plain(), m.help.plain());
            lines.push(fitted(*lang, &head, (LEFT, top), WIDTH, (row * 3 / 10).min(5 * MM), true));
            for (step, text) in m.steps.iter().enumerate() {
                let at = (LEFT + step * CELL, top + (row * 3 / 10).min(6 * MM));
                lines.extend(on_two_lines(*lang, text.plain(), at, (row * 26 / 100).min(5 * MM)));
            }
        }
        lines
    }
}

/// Millimetres as SVG has them.
fn mm(hundredths: usize) -> String {
    format!("{}.{:02}", hundredths / MM, hundredths % MM)
}

/// A text on one line, as large as `size` allows and `width` does.
fn fitted(lang: Lang, text: &str, (x, y): (usize, usize), width: usize, size: usize, is_bold: bool) -> Line {
    let size = (1..=size).rev().step_by(10).find(|size| wrap(text, width, *size).len() < 2).unwrap_or(MM);
    Line { x: mm(x), y: mm(y), size: mm(size), text: text.to_owned(), tag: lang.tag(), is_bold }
}

/// A text on at most two lines of a cell.
fn on_two_lines(lang: Lang, text: &str, (x, top): (usize, usize), size: usize) -> Vec<Line> {
    let fits = |size: &usize| {
        let lines = wrap(text, CELL_TEXT, *size);
        // What closes a sentence may not stand over this edge: the next step begins behind it.
        lines.len() < 3 && lines.iter().all(|line| breadth(line.trim_end(), *size) <= CELL_TEXT)
    };
    let size = (1..=size).rev().step_by(10).find(fits).unwrap_or(MM);
    let line = |(nth, text): (usize, String)| {
        let y = top + size * nth * 12 / 10;
        Line { x: mm(x), y: mm(y), size: mm(size), text, tag: lang.tag(), is_bold: false }
    };
    wrap(text, CELL_TEXT, size).into_iter().enumerate().map(line).collect()
}

fn placed(facts: Vec<(String, String)>) -> Vec<Fact> {
    let place = |(nth, (label, value)): (usize, (String, String))| {
        let y = (108 + 13 * nth) * MM;
        let size = (1..=6 * MM).rev().step_by(10).find(|size| wrap(&value, 88 * MM, *size).len() < 2).unwrap_or(2 * MM);
        Fact { label, value, label_y: mm(y), value_y: mm(y + 6 * MM), size: mm(size) }
    };
    facts.into_iter().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poster(languages: &[Lang]) -> Poster {
        Poster {
            clinic: "見本 <診療所>".to_owned(),
            wifi: Wifi::new("Sakura;Guest", Some("yoake 2026")).unwrap(),
            address: Address::read("192.0.2.10").unwrap(),
            typed: Some("kusuri.example".to_owned()),
            languages: languages.to_vec(),
        }
    }

    #[test]
    fn an_address_is_read_as_people_write_it() {
        let read = |text: &str| Address::read(text).map(|address| address.as_str().to_owned());
        assert_eq!(read("192.0.2.10").unwrap(), "http://192.0.2.10/");
        assert_eq!(read(" https://kusuri.example/ ").unwrap(), "https://kusuri.example/");
        assert_eq!(read("[2001:db8::1]:8080").unwrap(), "http://[2001:db8::1]:8080/");
        for wrong in ["", "http://", "ftp://192.0.2.10/", "192.0.2.10/record", "a b", "http://x/?y", "javascript:alert(1)//"] {
            assert!(matches!(read(wrong), Err(PosterError::Address(_))), "{wrong:?}");
        }
    }

    #[test]
    fn every_language_has_its_words_on_the_sheet_within_the_sheet() {
        let svg = poster(&Lang::ALL).svg().unwrap();
        for lang in Lang::ALL {
            assert!(svg.contains(&format!("lang=\"{}\"", lang.tag())), "{lang:?}");
            assert!(svg.contains(lang.messages().poster.help.plain()), "{lang:?}");
        }
        assert!(svg.contains("見本 &#60;診療所&#62;") && svg.contains("Sakura;Guest") && svg.contains("kusuri.example"));
        let words = poster(&Lang::ALL).words();
        let lowest = words.iter().map(|line| line.y.parse::<f64>().unwrap()).fold(0.0, f64::max);
        assert!(lowest < 290.0, "{lowest} mm");
        // A mark that closes a sentence is half empty; the gap between two steps is as wide as the rest of it.
        let steps = words.iter().filter(|line| !line.is_bold);
        let size = |line: &Line| (line.size.parse::<f64>().unwrap() * 100.0).round() as usize;
        let broadest = steps.map(|line| breadth(line.text.trim_end(), size(line))).max().unwrap();
        assert!(broadest <= CELL_TEXT, "{broadest} of {CELL_TEXT}");
        let smallest = words.iter().map(|line| line.size.parse::<f64>().unwrap()).fold(9.0, f64::min);
        assert!(smallest >= 2.8, "letters of {smallest} mm");
    }

    #[test]
    fn the_first_language_leads_and_none_is_refused() {
        let svg = poster(&[Lang::Vietnamese, Lang::Japanese]).svg().unwrap();
        assert!(svg.find("Nối Wi-Fi").unwrap() < svg.find("Wi-Fiにつなぐ").unwrap());
        assert!(matches!(poster(&[]).svg(), Err(PosterError::NoLanguage)));
        assert!(poster(&[Lang::Korean]).page(true).unwrap().contains("@page"));
    }
}
