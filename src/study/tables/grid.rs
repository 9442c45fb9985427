//! A CSV file as header and rows that know their lines; numbers read strictly.

use super::{Problem, TableError};
use csv::{ReaderBuilder, StringRecord};

/// More patients than any region has; keeps sums far from the end of a u64.
const COUNT_MAX: u64 = 1_000_000_000;

/// A table as it was written.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Grid {
    pub(super) file: String,
    /// Comment lines, without their line ends.
    pub(super) comments: Vec<String>,
    /// Column names as written, trimmed.
    pub(super) header: Vec<String>,
    header_line: usize,
    pub(super) rows: Vec<Row>,
}

/// One line of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) values: Vec<String>,
}

impl Grid {
    /// Reads header and rows; every row has as many values as the header.
    pub(super) fn read(text: &str, file: &str) -> Result<Self, TableError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let comments = text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect();
        let mut grid = Self { file: file.to_owned(), comments, header: Vec::new(), header_line: 1, rows: Vec::new() };
        let mut reader =
            ReaderBuilder::new().has_headers(false).flexible(true).comment(Some(b'#')).from_reader(text.as_bytes());
        let mut record = StringRecord::new();
        let starts = LineStarts::of(text);
        // Text in memory that is UTF-8 gives no errors: the reader is flexible about lengths.
        while reader.read_record(&mut record).unwrap_or(false) {
            let offset = record.position().map_or(0, csv::Position::byte);
            grid.take(&record, starts.line_at(text, offset))?;
        }
        if grid.header.is_empty() {
            return Err(grid.error(1, "1", Problem::Empty));
        }
        Ok(grid)
    }

    fn take(&mut self, record: &StringRecord, line: usize) -> Result<(), TableError> {
        let values: Vec<String> = record.iter().map(|value| value.trim().to_owned()).collect();
        if self.header.is_empty() {
            return self.take_header(values, line);
        }
        if values.iter().all(String::is_empty) {
            return Ok(());
        }
        for (at, value) in values.iter().enumerate() {
            if value.contains(['\n', '\r']) {
                return Err(self.error(line, self.name(at), Problem::LineBreak));
            }
            if value.contains(char::is_control) {
                return Err(self.error(line, self.name(at), Problem::Control));
            }
        }
        if values.len() != self.header.len() {
            let column = self.name(values.len().min(self.header.len()));
            return Err(self.error(line, column, Problem::Length { expected: self.header.len(), found: values.len() }));
        }
        self.rows.push(Row { line, values });
        Ok(())
    }

    fn take_header(&mut self, names: Vec<String>, line: usize) -> Result<(), TableError> {
        self.header_line = line;
        for (at, name) in names.iter().enumerate() {
            if name.contains(char::is_control) {
                let problem = if name.contains('\n') { Problem::LineBreak } else { Problem::Control };
                return Err(self.error(line, (at + 1).to_string(), problem));
            }
            if !name.is_empty() && names[..at].iter().any(|other| other.eq_ignore_ascii_case(name)) {
                return Err(self.error(line, name, Problem::ColumnTwice));
            }
        }
        self.header = names;
        Ok(())
    }

    /// The name of a column by its place, or its number from 1.
    fn name(&self, at: usize) -> String {
        self.header.get(at).filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| (at + 1).to_string())
    }

    /// Where a column of that name stands.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column.eq_ignore_ascii_case(name))
    }

    /// Where a needed column stands.
    pub(super) fn need(&self, name: &str) -> Result<usize, TableError> {
        let found = || self.header.join(", ");
        self.find(name).ok_or_else(|| self.error(self.header_line, name, Problem::NoColumn { found: found() }))
    }

    /// Refuses a table that has only a header.
    pub(super) fn need_rows(&self) -> Result<(), TableError> {
        if self.rows.is_empty() { Err(self.error(self.header_line + 1, "1", Problem::NoRows)) } else { Ok(()) }
    }

    /// An error at a place of this file.
    pub(super) fn error(&self, line: usize, column: impl Into<String>, problem: Problem) -> TableError {
        TableError { file: self.file.clone(), line, column: column.into(), problem: Box::new(problem) }
    }

    /// The error at a header's place, for a column that is missing with another problem than its absence.
    pub(super) fn header_error(&self, column: &str, problem: Problem) -> TableError {
        self.error(self.header_line, column, problem)
    }

    /// A needed value.
    pub(super) fn value<'a>(&self, row: &'a Row, at: usize) -> Result<&'a str, TableError> {
        let value = row.values[at].as_str();
        if value.is_empty() { Err(self.error(row.line, self.name(at), Problem::Missing)) } else { Ok(value) }
    }

    /// A finite number.
    pub(super) fn number(&self, row: &Row, at: usize) -> Result<f64, TableError> {
        let value = self.value(row, at)?;
        let number = value.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.error(row.line, self.name(at), Problem::NotANumber(value.to_owned())))
    }

    /// A number from 0 to 1.
    pub(super) fn probability(&self, row: &Row, at: usize) -> Result<f64, TableError> {
        let number = self.number(row, at)?;
        if (0.0..=1.0).contains(&number) {
            // A written -0 is a 0.
            return Ok(number.abs());
        }
        Err(self.error(row.line, self.name(at), Problem::NotAProbability(row.values[at].clone())))
    }

    /// A whole number from 0.
    pub(super) fn count(&self, row: &Row, at: usize) -> Result<u64, TableError> {
        let value = self.value(row, at)?;
        if !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.error(row.line, self.name(at), Problem::NotACount(value.to_owned())));
        }
        let count = value.parse().ok().filter(|count| *count <= COUNT_MAX);
        count.ok_or_else(|| self.error(row.line, self.name(at), Problem::TooMany(value.to_owned())))
    }
}

/// Byte offsets at which lines begin. The reader's own line count takes a carriage return alone for no line end, and its record positions
/// stand before blank and comment lines.
struct LineStarts(Vec<usize>);

impl LineStarts {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line, from 1, of the first record that begins at or after an offset: blank lines and comments are stepped over.
    fn line_at(&self, text: &str, offset: u64) -> usize {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let mut line = self.0.partition_point(|start| *start <= offset);
        let mut rest = text.get(offset..).unwrap_or("").lines();
        while rest.next().is_some_and(|read| read.is_empty() || read.starts_with('#')) {
            line += 1;
        }
        line
    }
}
