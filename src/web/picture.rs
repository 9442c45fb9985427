//! The list as a picture (SVG) that stands by itself: lines are broken here, because SVG breaks none.

use super::card::Place;
use super::error::Trouble;
use super::lang::phrase::Html;
use super::page::Frame;
use super::reading::{Answers, Reading};
use super::record::may_be_taken;
use super::share::{Left, cards};
use super::words;
use crate::formats::qr::Symbol;
use crate::record::NoteKind;
use askama::Template;

/// Width of the picture, in px.
const WIDTH: usize = 780;
const MARGIN: usize = 32;

#[derive(Template)]
#[template(path = "picture.svg")]
struct Picture {
    width: usize,
    height: usize,
    lines: Vec<Line>,
    rules: Vec<usize>,
    symbols: Vec<(usize, String)>,
}

struct Line {
    x: usize,
    y: usize,
    size: usize,
    is_bold: bool,
    is_red: bool,
    text: String,
}

/// How a text is set.
#[derive(Clone, Copy)]
struct Face {
    size: usize,
    is_bold: bool,
    is_red: bool,
    indent: usize,
}

const HEAD: Face = Face { size: 40, is_bold: true, is_red: false, indent: 0 };
const SECTION: Face = Face { size: 30, is_bold: true, is_red: false, indent: 0 };
const NAME: Face = Face { size: 30, is_bold: true, is_red: false, indent: 16 };
const BODY: Face = Face { size: 26, is_bold: false, is_red: false, indent: 16 };
const SMALL: Face = Face { size: 22, is_bold: false, is_red: false, indent: 0 };
const DETAIL: Face = Face { indent: 16, ..SMALL };
const ALERT: Face = Face { size: 28, is_bold: true, is_red: true, indent: 0 };

#[derive(Default)]
struct Sheet {
    y: usize,
    lines: Vec<Line>,
    rules: Vec<usize>,
}

impl Sheet {
    fn write(&mut self, face: Face, text: &str) {
        for text in wrap(text, WIDTH - 2 * MARGIN - face.indent, face.size) {
            self.y += face.size * 3 / 2;
            let Face { size, is_bold, is_red, indent } = face;
            self.lines.push(Line { x: MARGIN + indent, y: self.y, size, is_bold, is_red, text });
        }
    }

    fn rule(&mut self) {
        self.y += 20;
        self.rules.push(self.y);
        self.y += 4;
    }
}

/// Breaks a text into lines of `width` px, taking wide letters as `size` px wide and others as a little over half of it; words of
/// alphabets and of Korean are kept whole where they fit.
pub(super) fn wrap(text: &str, width: usize, size: usize) -> Vec<String> {
    let breadth = |c: char| breadth_of(c, size);
    let mut out = Vec::new();
    for paragraph in text.lines() {
        let (mut line, mut used) = (String::new(), 0);
        for c in paragraph.chars() {
            // What closes a sentence may stand a little over the edge, but never alone on a line.
            if used + breadth(c) > width && !c.is_whitespace() && !"、。）」』】・".contains(c) {
                let keep = line.rfind(' ').filter(|i| is_of_a_word(c) && *i * 2 > line.len());
                let rest = keep.map_or_else(String::new, |i| line.split_off(i + 1));
                out.push(std::mem::take(&mut line));
                used = rest.chars().map(breadth).sum();
                line = rest;
            }
            used += breadth(c);
            line.push(c);
        }
        out.push(line);
    }
    out
}

fn breadth_of(c: char, size: usize) -> usize {
    if is_wide(c) { size } else { size * 3 / 5 }
}

/// How broad a line is, as [`wrap`] counts.
pub(super) fn breadth(line: &str, size: usize) -> usize {
    line.chars().map(|c| breadth_of(c, size)).sum()
}

/// Han, kana, hangul and what goes with them, quotation marks and numbers in circles among it; letters of alphabets, with whatever accents,
/// are narrow.
fn is_wide(c: char) -> bool {
    c >= '\u{2010}'
}

fn is_of_a_word(c: char) -> bool {
    !is_wide(c) && !c.is_whitespace() || ('\u{ac00}'..='\u{d7a3}').contains(&c)
}

/// HTML of our own making as plain text: without tags and readings, entities undone.
pub(crate) fn plain(html: &Html) -> String {
    let (mut out, mut rest) = (String::new(), html.0.as_str());
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let after =
            if tag.starts_with("rt>") { tag.split_once("</rt>").map(|(_, a)| a) } else { tag.split_once('>').map(|(_, a)| a) };
        rest = after.unwrap_or_default();
    }
    out.push_str(rest);
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

fn write_head(sheet: &mut Sheet, f: &Frame, reading: &Reading) {
    sheet.write(HEAD, f.m.share.picture_title.plain());
    if let Some(who) = &f.who {
        sheet.write(SECTION, &plain(&who.name));
        sheet.write(BODY, &plain(&who.birth));
    }
    let now = words::moment_plain(f.m, reading.now_ms);
    sheet.write(SMALL, &format!("{}　{}", f.clinic, f.phone));
    sheet.write(SMALL, &f.m.share.picture_dated.plain(&now));
    if !reading.today.is_trusted {
        sheet.write(ALERT, f.m.common.no_clock.plain());
    }
    sheet.rule();
    sheet.write(ALERT, f.m.note.allergy.plain());
    let answers = Answers::new(f.lang, &reading.timeline, NoteKind::Allergy);
    for item in &answers.items {
        sheet.write(NAME, item.text);
        sheet.write(BODY, &plain(&item.on_by));
    }
    match (&answers.none, answers.is_recorded) {
        (Some(none), _) if answers.items.is_empty() => sheet.write(BODY, &format!("{} {}", f.m.note.none.plain(), plain(none))),
        (Some(_), _) => sheet.write(BODY, f.m.note.none_contradicts.plain()),
        (None, false) => sheet.write(BODY, &format!("{}{}", f.m.note.not_recorded.plain(), f.m.note.not_recorded_hint.plain())),
        (None, true) => {}
    }
}

fn write_drugs(sheet: &mut Sheet, f: &Frame, reading: &Reading, left: Left) {
    let (m, t) = (f.m, &reading.timeline);
    let sections = [
        (&m.print.now, &t.taken_now, Place::Now),
        (&m.record.needed, &t.as_needed, Place::Now),
        (&m.record.ended, &t.supply_ended, Place::Ended),
    ];
    for (title, lines, place) in sections {
        if lines.is_empty() {
            continue;
        }
        sheet.rule();
        sheet.write(SECTION, title.plain());
        for card in cards(m, lines, place, reading, left) {
            sheet.write(NAME, card.line.name);
            let each = card.dose.each.as_ref().map_or_else(String::new, |e| format!("　{}", plain(e)));
            sheet.write(BODY, &format!("{}{each}", plain(&card.dose.main)));
            sheet.write(BODY, card.line.usage);
            card.line.supplements.iter().for_each(|s| sheet.write(BODY, s));
            card.told.iter().for_each(|told| sheet.write(BODY, &plain(told)));
            card.dose.hint.iter().for_each(|hint| sheet.write(DETAIL, hint.plain()));
            card.line.cautions.iter().for_each(|c| sheet.write(BODY, c));
            if card.is_doubtful {
                sheet.write(Face { indent: BODY.indent, ..ALERT }, m.drug.doubt.plain());
            }
            sheet.write(DETAIL, &format!("{} {}　{}", m.drug.until.plain(), plain(&card.until), card.line.dispensed_at));
            sheet.y += 10;
        }
    }
}

fn write_rest(sheet: &mut Sheet, f: &Frame, reading: &Reading, left: Left) {
    let (m, state) = (f.m, reading.state(f.lang));
    let otcs = reading.timeline.otcs.iter().filter(|o| left.shows(o.concealed) && may_be_taken(o.what, reading.today));
    let otcs: Vec<_> = otcs.collect();
    if !otcs.is_empty() {
        sheet.rule();
        sheet.write(SECTION, m.record.otc.plain());
        otcs.iter().for_each(|o| sheet.write(NAME, &o.what.name));
    }
    sheet.rule();
    let fresh = [
        (&m.record.fresh_dispensing, &state.fresh.dispensing),
        (&m.record.fresh_import, &state.fresh.import),
        (&m.record.fresh_copy, &state.fresh.copy),
    ];
    for (label, date) in fresh {
        sheet.write(SMALL, &format!("{}　{}", label.plain(), plain(date)));
    }
    sheet.write(SMALL, m.common.elsewhere.plain());
    if state.persons_differ {
        sheet.write(ALERT, m.record.persons_differ.plain());
    }
    if state.not_understood > 0 {
        sheet.write(ALERT, &m.record.not_understood.plain(&state.not_understood.to_string()));
    }
    if state.unreadable > 0 {
        sheet.write(ALERT, &m.record.unreadable.plain(&state.unreadable.to_string()));
    }
    if left.count > 0 {
        let words = if left.is_included { &m.share.included } else { &m.share.left_out };
        sheet.write(SMALL, &words.plain(&left.count.to_string()));
    }
}

/// The picture of a record with its QR codes.
///
/// # Errors
/// Where it cannot be rendered.
pub(crate) fn render(f: &Frame, reading: &Reading, left: Left, symbols: &[Symbol]) -> Result<String, Trouble> {
    let mut sheet = Sheet { y: 16, ..Sheet::default() };
    write_head(&mut sheet, f, reading);
    write_drugs(&mut sheet, f, reading, left);
    write_rest(&mut sheet, f, reading, left);
    sheet.y += MARGIN;
    let side = WIDTH - 2 * MARGIN;
    let total = symbols.len().to_string();
    let mut placed = Vec::new();
    for (i, symbol) in symbols.iter().enumerate() {
        let title = f.m.share.qr_number.plain(&(i + 1).to_string(), &total);
        if symbols.len() > 1 {
            sheet.write(SMALL, &title);
        }
        placed.push((sheet.y, symbol.svg(&title)));
        sheet.y += side + MARGIN;
    }
    let picture = Picture { width: WIDTH, height: sheet.y, lines: sheet.lines, rules: sheet.rules, symbols: placed };
    picture.render().map_err(|e| Trouble::Unreadable(crate::clinic::unlock::WriteRefusal::Failed(format!("the picture: {e}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_before_they_run_out_of_the_picture() {
        assert_eq!(wrap("あいうえお", 60, 20), ["あいう", "えお"]);
        assert_eq!(wrap("take two tablets", 120, 20), ["take two ", "tablets"]);
        assert_eq!(wrap("điều trị bằng cách", 120, 20), ["điều trị ", "bằng cách"]);
        assert_eq!(wrap("약 목록을 저장", 100, 20), ["약 목록을 ", "저장"]);
        assert_eq!(wrap("", 60, 20), Vec::<String>::new());
        assert_eq!(wrap("あいう。え", 60, 20), ["あいう。", "え"]);
        let long = "ア".repeat(500);
        assert_eq!(wrap(&long, 700, 30).concat(), long);
    }

    #[test]
    fn plain_text_has_no_markup_left() {
        let html = Html("<ruby>薬<rt>くすり</rt></ruby> <b>6<span lang=\"ja\">錠</span></b> &lt;x&gt; &amp;lt;".into());
        assert_eq!(plain(&html), "薬 6錠 <x> &lt;");
    }
}
