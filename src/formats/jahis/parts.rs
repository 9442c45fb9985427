//! Record 911: one document cut into several, each with its own header line. Joined by number; cut between lines.

use super::charset;
use super::document::{Document, PartInfo};
use super::finding::Finding;
use super::lines::{Line, RawDocument, shortened};
use super::rules;
use super::write::{self, Written};

/// What a part may hold, by habit: a QR symbol reads well up to here.
pub const PART_BYTES_MAX: usize = 1_800;

/// Why a document could not be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// One line alone is too long for a part.
    #[error("a line of {bytes} bytes does not fit into a part of {limit} bytes")]
    LineTooLong {
        /// Of the line, with its end.
        bytes: usize,
        /// Of a part.
        limit: usize,
    },
    /// More parts than a number of three digits can name.
    #[error("the document would need {0} parts")]
    TooManyParts(usize),
}

/// Writes a document in parts of at most `limit` bytes. One part alone has no record 911.
///
/// # Errors
/// Where a line is longer than a part.
pub fn split(document: &Document, data_id: &str, limit: usize) -> Result<(Vec<Vec<u8>>, Vec<Finding>), SplitError> {
    const PARTS_MAX: usize = 999;
    let whole = Document { part: None, ..document.clone() };
    let Written { bytes, findings } = write::write(&whole);
    if bytes.len() <= limit {
        return Ok((vec![bytes], findings));
    }
    let text = write::write_text(&whole);
    let mut lines = text.split_inclusive("\r\n");
    let header = lines.next().unwrap_or_default();
    let control = |total, number| write::split_control(data_id, total, number);
    let frame = charset::encoded_len(header) + charset::encoded_len(&control(PARTS_MAX, PARTS_MAX));
    let mut parts: Vec<(String, usize)> = vec![(header.to_owned(), frame)];
    for line in lines {
        let length = charset::encoded_len(line);
        if frame + length > limit {
            return Err(SplitError::LineTooLong { bytes: length, limit });
        }
        if parts.last().is_some_and(|(_, used)| used + length > limit) {
            parts.push((header.to_owned(), frame));
        }
        if let Some((part, used)) = parts.last_mut() {
            part.push_str(line);
            *used += length;
        }
    }
    if parts.len() > PARTS_MAX {
        return Err(SplitError::TooManyParts(parts.len()));
    }
    let total = parts.len();
    let with_control =
        |(index, (part, _)): (usize, (String, usize))| charset::encode(&(part + &control(total, index + 1))).bytes;
    Ok((parts.into_iter().enumerate().map(with_control).collect(), findings))
}

/// One part, with what its record 911 says.
struct Part {
    number: u32,
    raw: RawDocument,
}

/// A document that is being put together.
struct Joint {
    data_id: String,
    total: u32,
    parts: Vec<Part>,
}

/// Puts parts together, in whatever order and however often they came. Documents without record 911 pass.
pub(super) fn join(documents: Vec<RawDocument>) -> Vec<(RawDocument, Option<PartInfo>)> {
    enum Slot {
        Whole(Box<RawDocument>),
        Joint(usize),
    }
    let mut joints: Vec<Joint> = Vec::new();
    let mut slots = Vec::new();
    for mut raw in documents {
        let Some(control) = take_control(&mut raw) else {
            slots.push(Slot::Whole(Box::new(raw)));
            continue;
        };
        let known = joints.iter().position(|joint| joint.data_id == control.data_id && joint.total == control.total);
        let place = known.unwrap_or_else(|| {
            slots.push(Slot::Joint(joints.len()));
            joints.push(Joint { data_id: control.data_id, total: control.total, parts: Vec::new() });
            joints.len() - 1
        });
        joints[place].parts.push(Part { number: control.number, raw });
    }
    let mut joined: Vec<_> = joints.into_iter().map(merge).collect();
    let finished = slots.into_iter().filter_map(|slot| match slot {
        Slot::Whole(raw) => Some((*raw, None)),
        Slot::Joint(place) => joined[place].take(),
    });
    finished.collect()
}

struct Control {
    data_id: String,
    total: u32,
    number: u32,
}

/// Takes record 911 out of a part. One that cannot be read is fatal: whether all is here cannot be known then.
fn take_control(raw: &mut RawDocument) -> Option<Control> {
    let mut controls = raw.lines.iter().enumerate().filter(|(_, line)| line.record_number() == "911").map(|(at, _)| at);
    let (at, is_only) = (controls.next()?, controls.next().is_none());
    let line = raw.lines.remove(at);
    let fields: Vec<&str> = line.text.split(',').map(str::trim).collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u32>().ok());
    let data_id = fields.get(1).copied().unwrap_or_default().to_owned();
    match (number(2), number(3)) {
        (Some(total), Some(number)) if is_only && (1..=999).contains(&total) && (1..=total).contains(&number) => {
            Some(Control { data_id, total, number })
        }
        _ => {
            raw.findings.push(line.finding(&rules::PART_UNREADABLE, shortened(&line.text)));
            raw.lines.insert(at, line);
            None
        }
    }
}

fn merge(joint: Joint) -> Option<(RawDocument, Option<PartInfo>)> {
    let Joint { data_id, total, mut parts } = joint;
    parts.sort_by_key(|part| part.number);
    let mut parts = parts.into_iter();
    let first = parts.next()?;
    let (mut merged, mut numbers) = (first.raw, vec![first.number]);
    let mut last = merged.lines.clone();
    for Part { number, raw } in parts {
        if numbers.last() == Some(&number) {
            let is_same = texts(&raw.lines).eq(texts(&last));
            let rule = if is_same { &rules::PART_DOUBLED } else { &rules::PART_CONFLICT };
            merged.findings.push(raw.header.finding(rule, number.to_string()));
            continue;
        }
        numbers.push(number);
        last = raw.lines.clone();
        merged.findings.extend(raw.findings);
        // A part may repeat the patient; a different patient is found when the records are read.
        let patient = merged.lines.iter().find(|line| line.record_number() == "1").map(|line| line.text.clone());
        let is_repeated = |line: &Line| line.record_number() == "1" && Some(&line.text) == patient.as_ref();
        merged.lines.extend(raw.lines.into_iter().filter(|line| !is_repeated(line)));
    }
    let info = PartInfo { data_id, total, numbers };
    merged.findings.extend(missing_parts(&merged.header, &info));
    Some((merged, Some(info)))
}

fn missing_parts(header: &Line, info: &PartInfo) -> Option<Finding> {
    let missing = info.missing();
    if missing.is_empty() {
        return None;
    }
    let list = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let finding = Finding::of_file(&header.file, &rules::PARTS_MISSING, list(&missing));
    Some(finding.and(list(&info.numbers)).and(info.total.to_string()))
}

fn texts(lines: &[Line]) -> impl Iterator<Item = &str> {
    lines.iter().map(|line| line.text.as_str())
}
