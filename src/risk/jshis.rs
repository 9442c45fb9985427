//! J-SHIS probabilistic hazard by 250 m cell: the CSV files that the portal hands out, read tolerantly where they vary and strictly where
//! a wrong value would move a plan.
//!
//! Lines that begin with `#` are comments; the header is the first line that has a column CODE, and it may itself begin with `#`. Columns are
//! found by name. A value that is empty, `nan` or negative is missing.

use super::mesh::Mesh;
use std::collections::{BTreeMap, BTreeSet};

/// The four columns: probability within 30 years of an intensity of at least 4.5 (5-), 5.0 (5+), 5.5 (6-) and 6.0 (6+).
pub const COLUMNS: [&str; 4] = ["T30_I45_PS", "T30_I50_PS", "T30_I55_PS", "T30_I60_PS"];

/// Probabilities within 30 years of reaching intensity 4.5, 5.0, 5.5 and 6.0; never rising.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exceedance(pub [f64; 4]);

/// What is wrong with a file of J-SHIS, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{file}, line {line}, column {column}: {problem}; {}", problem.cure())]
pub struct JshisError {
    /// The file's name as the caller gave it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column's name.
    pub column: String,
    /// What is wrong there.
    pub problem: JshisProblem,
}

/// What is wrong at a place in a file of J-SHIS.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JshisProblem {
    /// No header.
    #[error("no line has a column CODE")]
    NoHeader,
    /// A needed column is missing.
    #[error("there is no such column")]
    NoColumn,
    /// A needed column is there twice.
    #[error("this column is there twice")]
    ColumnTwice,
    /// A line with more or fewer values than the header.
    #[error("the line has {found} values, the header {expected}")]
    Length {
        /// Values of the header.
        expected: usize,
        /// Values of the line.
        found: usize,
    },
    /// No code of a 250 m cell.
    #[error("“{0}” is not the code of a 250 m mesh")]
    NotAMesh(String),
    /// Not a number.
    #[error("mesh {mesh}: “{value}” is not a number")]
    NotANumber {
        /// The cell.
        mesh: Mesh,
        /// What is written.
        value: String,
    },
    /// A number above 1.
    #[error("mesh {mesh}: {value} is not a probability")]
    NotAProbability {
        /// The cell.
        mesh: Mesh,
        /// What is written.
        value: String,
    },
    /// A stronger shaking more probable than a weaker one.
    #[error("mesh {mesh}: {higher} is more than the {lower} of the weaker shaking before it")]
    NotMonotone {
        /// The cell.
        mesh: Mesh,
        /// Probability of the weaker shaking.
        lower: f64,
        /// Probability of the stronger one.
        higher: f64,
    },
    /// Two values for one cell.
    #[error("mesh {mesh} has other values in {file}, line {line}")]
    TwoValues {
        /// The cell.
        mesh: Mesh,
        /// The file that had it first.
        file: String,
        /// The line there.
        line: usize,
    },
}

impl JshisProblem {
    fn cure(&self) -> &'static str {
        match self {
            Self::NoHeader => "give a CSV file of J-SHIS as it was downloaded (unpacked, by 250 m mesh)",
            Self::NoColumn => {
                "give the file of probabilities within 30 years for intensities, with T30_I45_PS, T30_I50_PS, T30_I55_PS and T30_I60_PS"
            }
            Self::ColumnTwice => "remove one of them",
            Self::Length { .. } => "the line is damaged; download the file again",
            Self::NotAMesh(_) => "a code has ten digits; give the 250 m file, not the 1 km one",
            Self::NotANumber { .. } => "a value is a number from 0 to 1; empty, nan or negative where it is missing",
            Self::NotAProbability { .. } => "give probabilities from 0 to 1, not per cent",
            Self::NotMonotone { .. } => "the columns are exchanged or the line is damaged; download the file again",
            Self::TwoValues { .. } => "give files of one edition and one kind of earthquake only",
        }
    }
}

/// What the files say of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// All four probabilities.
    Known(Exceedance),
    /// The cell is there, but a value is missing.
    Missing {
        /// The file.
        file: &'a str,
        /// The line.
        line: usize,
        /// The column.
        column: &'a str,
    },
    /// No file has the cell.
    Absent,
}

/// The cells that are wanted, out of any number of files.
#[derive(Debug, Default)]
pub struct Cells {
    wanted: BTreeSet<Mesh>,
    files: Vec<String>,
    found: BTreeMap<Mesh, Found>,
}

#[derive(Debug)]
struct Found {
    file: usize,
    line: usize,
    /// The values, or the column that has none.
    values: Result<Exceedance, &'static str>,
}

impl Cells {
    /// Looks for these cells; all others are checked and let go.
    #[must_use]
    pub fn wanted(wanted: BTreeSet<Mesh>) -> Self {
        Self { wanted, files: Vec::new(), found: BTreeMap::new() }
    }

    /// What the files said of a cell.
    #[must_use]
    pub fn get(&self, mesh: Mesh) -> Cell<'_> {
        match self.found.get(&mesh) {
            None => Cell::Absent,
            Some(Found { values: Ok(exceedance), .. }) => Cell::Known(*exceedance),
            Some(Found { values: Err(column), file, line }) => Cell::Missing { file: &self.files[*file], line: *line, column },
        }
    }

    /// Reads one file's text; the result is how many cells it has.
    ///
    /// # Errors
    /// The first thing that is wrong, with line and column.
    pub fn read(&mut self, text: &str, file: &str) -> Result<usize, JshisError> {
        self.files.push(file.to_owned());
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut columns: Option<Columns> = None;
        let mut cells = 0;
        for (at, written) in text.lines().enumerate() {
            let line = at + 1;
            let error = |column: &str, problem| JshisError { file: file.to_owned(), line, column: column.to_owned(), problem };
            match &columns {
                None => columns = Columns::find(written).map_err(|(column, problem)| error(column, problem))?,
                Some(_) if written.starts_with('#') || written.trim().is_empty() => {}
                Some(columns) => {
                    let (mesh, values) = columns.read(written).map_err(|(column, problem)| error(column, problem))?;
                    cells += 1;
                    self.keep(mesh, line, values).map_err(|problem| error("CODE", problem))?;
                }
            }
        }
        if columns.is_none() {
            let problem = JshisProblem::NoHeader;
            return Err(JshisError { file: file.to_owned(), line: 1, column: "CODE".to_owned(), problem });
        }
        Ok(cells)
    }

    fn keep(&mut self, mesh: Mesh, line: usize, values: Result<Exceedance, &'static str>) -> Result<(), JshisProblem> {
        if !self.wanted.contains(&mesh) {
            return Ok(());
        }
        let new = Found { file: self.files.len() - 1, line, values };
        match self.found.get(&mesh) {
            Some(Found { values: Ok(was), file, line }) => match new.values {
                Ok(is) if is != *was => Err(JshisProblem::TwoValues { mesh, file: self.files[*file].clone(), line: *line }),
                Ok(_) | Err(_) => Ok(()),
            },
            Some(Found { values: Err(_), .. }) | None => {
                self.found.insert(mesh, new);
                Ok(())
            }
        }
    }
}

/// Where the columns stand in a file.
struct Columns {
    length: usize,
    code: usize,
    probabilities: [usize; 4],
}

type Wrong = (&'static str, JshisProblem);

impl Columns {
    /// The header's columns, if this line is the header.
    fn find(line: &str) -> Result<Option<Self>, Wrong> {
        let names: Vec<&str> = line.trim_start_matches('#').split(',').map(str::trim).collect();
        let find = |name: &'static str| {
            let mut places = names.iter().enumerate().filter(|(_, column)| **column == name).map(|(at, _)| at);
            let first = places.next().ok_or((name, JshisProblem::NoColumn))?;
            if places.next().is_some() { Err((name, JshisProblem::ColumnTwice)) } else { Ok(first) }
        };
        if !names.contains(&"CODE") {
            return Ok(None);
        }
        let mut probabilities = [0; 4];
        for (at, name) in probabilities.iter_mut().zip(COLUMNS) {
            *at = find(name)?;
        }
        Ok(Some(Self { length: names.len(), code: find("CODE")?, probabilities }))
    }

    /// The cell of a line and its values, or the column that has none.
    fn read(&self, line: &str) -> Result<(Mesh, Result<Exceedance, &'static str>), Wrong> {
        let values: Vec<&str> = line.split(',').map(str::trim).collect();
        if values.len() != self.length {
            return Err(("CODE", JshisProblem::Length { expected: self.length, found: values.len() }));
        }
        let code = values[self.code];
        let mesh = Mesh::parse(code).ok_or_else(|| ("CODE", JshisProblem::NotAMesh(code.to_owned())))?;
        let mut exceedance = [0.0; 4];
        let mut missing = None;
        let mut before: Option<f64> = None;
        for (at, column) in COLUMNS.into_iter().enumerate() {
            let Some(value) = probability(values[self.probabilities[at]], mesh).map_err(|problem| (column, problem))? else {
                missing = missing.or(Some(column));
                continue;
            };
            if let Some(lower) = before.filter(|lower| *lower < value) {
                return Err((column, JshisProblem::NotMonotone { mesh, lower, higher: value }));
            }
            before = Some(value);
            exceedance[at] = value;
        }
        Ok((mesh, missing.map_or(Ok(Exceedance(exceedance)), Err)))
    }
}

/// A value, or `None` where it is missing.
fn probability(text: &str, mesh: Mesh) -> Result<Option<f64>, JshisProblem> {
    if text.is_empty() || text.eq_ignore_ascii_case("nan") {
        return Ok(None);
    }
    let value: f64 = text
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
        .ok_or_else(|| JshisProblem::NotANumber { mesh, value: text.to_owned() })?;
    if value > 1.0 {
        return Err(JshisProblem::NotAProbability { mesh, value: text.to_owned() });
    }
    // A minus sign marks a missing value; that of a zero is only a way to write it.
    Ok((value >= 0.0).then_some(value.abs()))
}
