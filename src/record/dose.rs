//! How much of a drug, and how a day's amount is divided: said only as far as the record says it.

use super::{Drug, Group};

/// How much of a drug. Amounts are texts in plain digits ("6", "1.5"), units as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dose {
    /// Oral: the written amount is for a whole day.
    PerDay {
        /// For one day.
        amount: String,
        /// As written.
        unit: String,
        /// Parts in which the day's amount is taken, where the usage says so (分３).
        parts: Option<u8>,
        /// For one time: only where the amount divides whole, or where it is stated.
        per_time: Option<String>,
        /// When, where a fixed form of usage says so and nothing contradicts it.
        times: Vec<Time>,
        /// Amount at each time where stated (朝：３Ｃ、昼：２Ｃ、夕：１Ｃ) and adding up to the day's amount.
        stated: Vec<(Slot, String)>,
    },
    /// As needed: the written amount is for one dose.
    PerDose {
        /// For one dose.
        amount: String,
        /// As written.
        unit: String,
        /// Doses supplied, where written.
        doses: Option<String>,
    },
    /// The written amount is the total supplied; it is never a dose.
    Supply {
        /// In total.
        amount: String,
        /// As written.
        unit: String,
    },
    /// Contradictory, incomplete or not understood: amount and usage are shown as written, nothing is computed.
    AsWritten {
        /// Why nothing was computed.
        because: Unclear,
        /// As written.
        amount: String,
        /// As written.
        unit: String,
    },
}

/// Why no dose was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclear {
    /// The parts of the day do not fit the amount (1 tablet a day, after every meal).
    Contradictory,
    /// No dosage form is written, so that nobody can say what the amount counts.
    NoForm,
    /// The amount is no number.
    NoAmount,
    /// The dose changes from day to day (tapering).
    Changing,
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// 朝
    Morning,
    /// 昼
    Noon,
    /// 夕
    Evening,
    /// 就寝前
    Bedtime,
}

/// A time of day and its relation to a meal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// When in the day.
    pub slot: Slot,
    /// Before, after or between meals, where said.
    pub meal: Option<Meal>,
}

/// Relation to a meal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meal {
    /// 食前
    Before,
    /// 食直前
    JustBefore,
    /// 食後
    After,
    /// 食直後
    JustAfter,
    /// 食間
    Between,
}

/// The dose of `drug` in `group`.
pub fn dose(_drug: &Drug, _group: &Group) -> Dose {
    unimplemented!("the timeline helper builds it")
}
