//! The files of a study: sites, placements, shared causes, ruptures and drawn outcomes as CSV, read with errors that name the place and the cure.
//!
//! All of them are UTF-8 (with or without a byte order mark, LF or CRLF) with a header line; columns are found by name, in any order and case.
//! Lines that begin with `#` are comments.

mod causes;
mod draws;
mod error;
mod grid;
mod placement;
mod ruptures;
mod sites;

pub use causes::{read_causes, write_causes};
pub use draws::{read_outcomes, write_outcomes};
pub use error::{Problem, TableError};
pub use placement::{read_placement, write_placement};
pub use ruptures::read_ruptures;
pub use sites::{SitesTable, read_places, read_sites};

/// The text of a file's bytes.
///
/// # Errors
/// Where they are not UTF-8, such as CP932 or UTF-16 from a spreadsheet: names the line and the field in it.
pub fn text_of<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str, TableError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let begin = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let field = before[begin..].iter().filter(|byte| **byte == b',').count() + 1;
        TableError { file: file.to_owned(), line, column: field.to_string(), problem: Box::new(Problem::NotUtf8) }
    })
}

/// Where each site stands, by id.
fn indices(sites: &[crate::risk::Site]) -> std::collections::BTreeMap<&str, usize> {
    sites.iter().enumerate().map(|(at, site)| (site.id.as_str(), at)).collect()
}

/// One line of CSV with its line end.
fn line<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let mut writer = writer();
    // Writing to memory does not fail.
    let _ = writer.write_record(values);
    finish(writer)
}

/// Writes CSV to memory, quoted where that is needed, also against being taken for a comment.
fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().comment(Some(b'#')).flexible(true).from_writer(Vec::new())
}

/// What was written. UTF-8 that went in comes out.
fn finish(writer: csv::Writer<Vec<u8>>) -> String {
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
