//! What can be wrong with a table, where, and what to do about it.

/// What is wrong with a table: file, line, column, and the cure.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{file}, line {line}, column {column}: {problem}; {}", problem.cure())]
pub struct TableError {
    /// The file's name as the caller gave it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column's name, or its number from 1 where it has no name.
    pub column: String,
    /// What is wrong there.
    pub problem: Box<Problem>,
}

/// What is wrong at a place in a table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// Bytes that are no UTF-8.
    #[error("this is not UTF-8 text")]
    NotUtf8,
    /// No header line.
    #[error("the file is empty")]
    Empty,
    /// A header and nothing under it.
    #[error("there is a header but no line under it")]
    NoRows,
    /// A needed column is missing; the columns that are there.
    #[error("there is no such column, only {found}")]
    NoColumn {
        /// The header's columns, joined.
        found: String,
    },
    /// Two columns of one name.
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
    /// A line break inside a value: most often a quotation mark that is never closed.
    #[error("the value goes on over the end of the line")]
    LineBreak,
    /// A control character.
    #[error("there is an unprintable character")]
    Control,
    /// A needed value is missing.
    #[error("nothing is written here")]
    Missing,
    /// No probability of damage.
    #[error("the site has no probability of damage")]
    NoDamage,
    /// Patients given for some sites only.
    #[error("nothing is written here, but other sites have patients")]
    NoPatients,
    /// Not a number.
    #[error("“{0}” is not a number")]
    NotANumber(String),
    /// Not a probability.
    #[error("{0} is not a probability")]
    NotAProbability(String),
    /// A number that must be above 0.
    #[error("{0} is not above 0")]
    NotPositive(String),
    /// A number outside what is known to work.
    #[error("{value} is not from {least} to {most}")]
    OutOfRange {
        /// What is written.
        value: String,
        /// The least.
        least: f64,
        /// The most.
        most: f64,
    },
    /// A word that is none of those known.
    #[error("“{0}” is not a kind of earthquake")]
    NoKind(String),
    /// No coordinates where they are needed.
    #[error("site {site} has no coordinates")]
    NoPlace {
        /// The site.
        site: String,
    },
    /// A place outside the grid of Japan.
    #[error("site {site} does not lie in Japan's grid")]
    OutsideGrid {
        /// The site.
        site: String,
    },
    /// A cell that no file of J-SHIS has.
    #[error("site {site} lies in mesh {mesh}, which none of the J-SHIS files has")]
    NoMesh {
        /// The site.
        site: String,
        /// The cell.
        mesh: String,
    },
    /// A cell that a file of J-SHIS has no value for.
    #[error("site {site} lies in mesh {mesh}, which has no {column} in {file}, line {line}")]
    NoHazard {
        /// The site.
        site: String,
        /// The cell.
        mesh: String,
        /// The column without a value.
        column: String,
        /// The file.
        file: String,
        /// The line.
        line: usize,
    },
    /// A fragility function that is not configured.
    #[error("there is no fragility function “{id}”, only {known}")]
    NoFragility {
        /// What is written.
        id: String,
        /// Those that there are.
        known: String,
    },
    /// Rates that are all 0.
    #[error("no rupture has a rate above 0")]
    NoRate,
    /// Not a count.
    #[error("“{0}” is not a count")]
    NotACount(String),
    /// A count larger than any region's.
    #[error("{0} is too many")]
    TooMany(String),
    /// A latitude that no place has.
    #[error("{0} degrees is no latitude")]
    NoLatitude(String),
    /// A longitude that no place has.
    #[error("{0} degrees is no longitude")]
    NoLongitude(String),
    /// Latitude without longitude or the reverse.
    #[error("one of lat and lon is given without the other")]
    HalfAPlace,
    /// A site that was there before.
    #[error("site {site} is already on line {first}")]
    SiteTwice {
        /// The site.
        site: String,
        /// The line where it was first.
        first: usize,
    },
    /// A site that the table of sites does not have.
    #[error("there is no site {0}")]
    UnknownSite(String),
    /// A site as its own alternate.
    #[error("site {0} is its own alternate")]
    OwnAlternate(String),
    /// The same line as before.
    #[error("this says the same as line {first}")]
    SameTwice {
        /// The line that said it first.
        first: usize,
    },
    /// One cause with two probabilities.
    #[error("the cause has probability {first} on line {line}")]
    TwoProbabilities {
        /// What was written first.
        first: String,
        /// The line where it was.
        line: usize,
    },
    /// Drawn outcomes that do not say how many draws there are.
    #[error("the file does not say how many draws there are")]
    NoDraws,
    /// A draw that is not one of them.
    #[error("draw {draw} is not one of 1 to {draws}")]
    NoSuchDraw {
        /// What was written.
        draw: String,
        /// How many there are.
        draws: usize,
    },
}

impl Problem {
    /// What to do about it.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        match self {
            Self::NotUtf8 => "save the file as UTF-8 (in a spreadsheet: “CSV UTF-8”)",
            Self::Empty => "give a header line and a line for each entry",
            Self::NoRows => "give a line for each entry",
            Self::NoColumn { .. } => "add it to the header line; values are separated by commas",
            Self::ColumnTwice => "rename or remove one of them",
            Self::Length { .. } => "give one value for each column; put a value that contains a comma in quotation marks",
            Self::LineBreak => "close the quotation mark, or write the value on one line",
            Self::Control => "remove it",
            Self::Missing => "give a value",
            Self::NoDamage => "run `kusuribako study hazard`, or give each site a probability from 0 to 1 in a column p",
            Self::NoPatients => "give each site its patients (0 is allowed), or none (then all count the same)",
            Self::NotANumber(_) => "write a number such as 0.25, with a decimal point",
            Self::NotAProbability(_) => "write a number from 0 to 1",
            Self::NotPositive(_) => "write a number above 0",
            Self::OutOfRange { .. } => "write a number in this range",
            Self::NoKind(_) => "write crustal, interface or intraslab",
            Self::NoPlace { .. } => "give it lat and lon in degrees",
            Self::OutsideGrid { .. } => "write degrees north and east; are lat and lon exchanged?",
            Self::NoMesh { .. } => "give the J-SHIS file of that area too, or correct lat and lon",
            Self::NoHazard { .. } => {
                "J-SHIS has no values on water: correct lat and lon, or move the site into the next mesh on land"
            }
            Self::NoFragility { .. } => "use one of them, or add it to the file given with --fragility",
            Self::NoRate => "give at least one rupture a rate above 0",
            Self::NotACount(_) => "write a whole number without separators, 0 or more",
            Self::TooMany(_) => "write at most 1000000000",
            Self::NoLatitude(_) => "write degrees north from -90 to 90; are lat and lon exchanged?",
            Self::NoLongitude(_) => "write degrees east from -180 to 180",
            Self::HalfAPlace => "give both, or neither",
            Self::SiteTwice { .. } => "give each site an id of its own",
            Self::UnknownSite(_) => "use an id of the sites file, or add the site there",
            Self::OwnAlternate(_) => "name another site: a site always keeps its own patients",
            Self::SameTwice { .. } => "remove one of the two lines",
            Self::TwoProbabilities { .. } => "give a cause one probability, the same on each of its lines",
            Self::NoDraws => "write a line `# draws = 1000` above the header",
            Self::NoSuchDraw { .. } => "number the draws from 1, and give their count in the line `# draws = …`",
        }
    }
}
