//! What one JAHIS document says.

use crate::record::{FamilyPharmacist, Memo, Note, Otc, OwnEntry, Patient, Visit};
use std::fmt;

/// The version in a header line: `JAHISTC08` is 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u8);

impl Version {
    /// What is written here.
    pub const WRITTEN: Self = Self(8);

    /// Whether the version is one of those that were published.
    pub fn is_known(self) -> bool {
        (1..=8).contains(&self.0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JAHISTC{:02}", self.0)
    }
}

/// 出力区分.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputCategory {
    /// 1: a facility gives it to a patient.
    FacilityToPatient,
    /// 2: a patient gives it to a facility.
    PatientToFacility,
}

impl OutputCategory {
    /// As in the header line.
    pub fn number(self) -> u8 {
        match self {
            Self::FacilityToPatient => 1,
            Self::PatientToFacility => 2,
        }
    }
}

/// The parts (record 911) that a document was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartInfo {
    /// データID
    pub data_id: String,
    /// How many there are.
    pub total: u32,
    /// Which of them were here, ascending.
    pub numbers: Vec<u32>,
}

impl PartInfo {
    /// The numbers that are missing.
    pub fn missing(&self) -> Vec<u32> {
        (1..=self.total).filter(|number| self.numbers.binary_search(number).is_err()).collect()
    }
}

/// What one JAHIS document says. Everything else about it is in its findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// As in the header.
    pub version: Version,
    /// Absent where the header has none that can be read.
    pub output_category: Option<OutputCategory>,
    /// Record 1.
    pub patient: Option<Patient>,
    /// Record 2.
    pub notes: Vec<Note>,
    /// Records 3 and 31.
    pub otcs: Vec<Otc>,
    /// Record 4.
    pub memos: Vec<Memo>,
    /// Record 5 and what belongs to it, in the file's order.
    pub visits: Vec<Visit>,
    /// Record 601 outside any visit.
    pub own_entries: Vec<OwnEntry>,
    /// Record 701.
    pub family_pharmacists: Vec<FamilyPharmacist>,
    /// Lines outside any visit that no rule places, as they came, without the line end.
    pub unknown: Vec<String>,
    /// The parts that it was put together from; absent where it came whole.
    pub part: Option<PartInfo>,
}

impl Document {
    /// An empty document of the version that is written here.
    pub fn new(output_category: OutputCategory) -> Self {
        Self::with_header(Version::WRITTEN, Some(output_category))
    }

    pub(super) fn with_header(version: Version, output_category: Option<OutputCategory>) -> Self {
        Self {
            version,
            output_category,
            patient: None,
            notes: Vec::new(),
            otcs: Vec::new(),
            memos: Vec::new(),
            visits: Vec::new(),
            own_entries: Vec::new(),
            family_pharmacists: Vec::new(),
            unknown: Vec::new(),
            part: None,
        }
    }

    /// Whether two documents say the same, whatever version and parts they came in.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let stripped = |document: &Self| Self { version: Version::WRITTEN, part: None, ..document.clone() };
        stripped(self) == stripped(other)
    }
}
