//! How much of a drug, and how a day's amount is divided: said only as far as the record says it.

mod jami;
mod told;
mod usage;

pub use told::{Moment, Need, Told, told};

use super::text::{Decimal, contains_any};
use super::{DosageForm, Drug, Group, Remark};
use std::collections::HashMap;
use usage::{Fixed, Reading};

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
    /// The parts of the day do not fit the amount (1 tablet a day, after every meal), or the quantity does not fit the dosage form.
    Contradictory,
    /// No dosage form is written, so that nobody can say what the amount counts.
    NoForm,
    /// The amount is no number.
    NoAmount,
    /// The dose is not the same every day (tapering, weekly, alternate days, on days of dialysis).
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

/// Weekly at the doses used for joints and skin, and deadly when taken daily: never shown as an amount a day, whatever the usage says.
const NEVER_DAILY: [&str; 8] = [
    "メトトレキサート",
    "ﾒﾄﾄﾚｷｻｰﾄ",
    "メソトレキセート",
    "ﾒｿﾄﾚｷｾｰﾄ",
    "リウマトレックス",
    "ﾘｳﾏﾄﾚｯｸｽ",
    "トレキサメット",
    "ﾄﾚｷｻﾒｯﾄ",
];

/// More days than that in one supply are no longer believed.
const SUPPLY_DAYS_MAX: u32 = 400;

/// What 調剤数量 counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QuantityUnit {
    /// 日分
    Days,
    /// 回分
    Doses,
    /// 調剤
    Once,
    /// Not written.
    Missing,
    /// Something else.
    Other,
}

/// The dose of `drug` in `group`.
pub fn dose(drug: &Drug, group: &Group) -> Dose {
    Doses::default().of(drug, group)
}

/// Reads doses, and each usage text only once: a record says the same few again and again.
#[derive(Default)]
pub(crate) struct Doses<'a> {
    usages: HashMap<&'a str, Reading>,
    never_daily: HashMap<&'a str, bool>,
}

impl<'a> Doses<'a> {
    /// The dose of `drug` in `group`.
    pub(crate) fn of(&mut self, drug: &'a Drug, group: &'a Group) -> Dose {
        use DosageForm as Form;
        let Some(amount) = Decimal::read(&drug.amount).filter(|amount| !amount.is_zero()) else {
            return as_written(drug, Unclear::NoAmount);
        };
        match (form(group), quantity_unit(group)) {
            (Form::Unknown, _) => as_written(drug, Unclear::NoForm),
            (Form::Oral | Form::Decoction | Form::Infusion, QuantityUnit::Days | QuantityUnit::Missing) => {
                self.oral(drug, group, amount)
            }
            (Form::AsNeeded, QuantityUnit::Doses | QuantityUnit::Missing) => {
                Dose::PerDose { amount: amount.to_string(), unit: drug.unit.clone(), doses: doses(group) }
            }
            (
                Form::Drops | Form::Injection | Form::External | Form::Material | Form::Other,
                QuantityUnit::Once | QuantityUnit::Missing | QuantityUnit::Other,
            ) => Dose::Supply { amount: amount.to_string(), unit: drug.unit.clone() },
            (
                Form::Oral
                | Form::Decoction
                | Form::Infusion
                | Form::AsNeeded
                | Form::Drops
                | Form::Injection
                | Form::External
                | Form::Material
                | Form::Other,
                QuantityUnit::Days | QuantityUnit::Doses | QuantityUnit::Once | QuantityUnit::Other,
            ) => as_written(drug, Unclear::Contradictory),
        }
    }

    fn oral(&mut self, drug: &'a Drug, group: &'a Group, amount: Decimal) -> Dose {
        let mut cautions = drug.cautions.iter().chain(&group.cautions);
        let names = [Some(drug.name.as_str()), drug.generic.as_ref().map(|generic| generic.name.as_str())];
        let mut is_never_daily =
            |name: &'a str| *self.never_daily.entry(name).or_insert_with(|| contains_any(name, &NEVER_DAILY));
        if names.into_iter().flatten().any(&mut is_never_daily)
            || cautions.any(|caution| usage::is_caution_of_change(&caution.text))
        {
            return as_written(drug, Unclear::Changing);
        }
        let name = group.usage.as_ref().map_or("", |usage| &usage.name);
        let named = self.usages.entry(name).or_insert_with(|| usage::read(name)).clone();
        match combined(named, group.supplements.iter().chain(&drug.supplements)) {
            Reading::Changing => as_written(drug, Unclear::Changing),
            Reading::Empty | Reading::Other => per_day(drug, amount, Division::default()),
            Reading::Fixed(fixed) => match divide(amount, &drug.unit, fixed) {
                Some(division) => per_day(drug, amount, division),
                None => as_written(drug, Unclear::Contradictory),
            },
        }
    }
}

/// For how many days the supply lasts: known only for oral forms counted in days and taken every day. A weekly drug's 4日分 lasts four weeks.
pub fn supply_days(group: &Group, dose: &Dose) -> Option<u32> {
    let is_daily = match dose {
        Dose::PerDay { .. } | Dose::AsWritten { because: Unclear::Contradictory, .. } => true,
        Dose::AsWritten { because: Unclear::Changing | Unclear::NoForm | Unclear::NoAmount, .. } => false,
        Dose::PerDose { .. } | Dose::Supply { .. } => false,
    };
    let is_oral = matches!(form(group), DosageForm::Oral | DosageForm::Decoction | DosageForm::Infusion);
    if !is_daily || !is_oral || quantity_unit(group) != QuantityUnit::Days {
        return None;
    }
    let days = Decimal::read(&group.usage.as_ref()?.quantity)?.count()?;
    (1..=SUPPLY_DAYS_MAX).contains(&days).then_some(days)
}

fn as_written(drug: &Drug, because: Unclear) -> Dose {
    Dose::AsWritten { because, amount: drug.amount.clone(), unit: drug.unit.clone() }
}

fn form(group: &Group) -> DosageForm {
    group.usage.as_ref().map_or(DosageForm::Unknown, |usage| usage.form)
}

fn quantity_unit(group: &Group) -> QuantityUnit {
    match group.usage.as_ref().map_or("", |usage| usage.unit.trim()) {
        "" => QuantityUnit::Missing,
        "日分" | "日" | "日間" => QuantityUnit::Days,
        "回分" | "回" => QuantityUnit::Doses,
        "調剤" => QuantityUnit::Once,
        _ => QuantityUnit::Other,
    }
}

fn doses(group: &Group) -> Option<String> {
    let written = &group.usage.as_ref().filter(|_| quantity_unit(group) == QuantityUnit::Doses)?.quantity;
    Decimal::read(written).map(|number| number.to_string())
}

fn per_day(drug: &Drug, amount: Decimal, division: Division) -> Dose {
    let Division { parts, per_time, times, stated } = division;
    Dose::PerDay {
        amount: amount.to_string(),
        unit: drug.unit.clone(),
        parts,
        per_time: per_time.map(|amount| amount.to_string()),
        times,
        stated: stated.into_iter().map(|(slot, amount)| (slot, amount.to_string())).collect(),
    }
}

/// Usage and supplements together: a supplement may state the amounts (朝３錠、夕２錠) or be harmless (一包化); any other leaves the whole
/// not understood.
fn combined<'a>(named: Reading, supplements: impl Iterator<Item = &'a Remark>) -> Reading {
    let mut whole = named;
    for remark in supplements.filter(|remark| !usage::is_harmless(&remark.text)) {
        whole = match (whole, usage::read(&remark.text)) {
            (Reading::Changing, _) | (_, Reading::Changing) => Reading::Changing,
            (whole, Reading::Empty) => whole,
            (Reading::Empty, Reading::Fixed(only)) => Reading::Fixed(only),
            (Reading::Fixed(fixed), Reading::Fixed(more)) => with_stated(fixed, more),
            (Reading::Other, Reading::Fixed(_) | Reading::Other) | (Reading::Empty | Reading::Fixed(_), Reading::Other) => {
                Reading::Other
            }
        };
    }
    whole
}

/// A usage with the amounts that a supplement states; anything else said twice is beyond the fixed forms.
fn with_stated(fixed: Fixed, more: Fixed) -> Reading {
    let is_about_amounts_only = more.parts.is_none() && more.per_time.is_none() && !more.stated.is_empty();
    let says_no_meal = more.times.iter().all(|time| time.meal.is_none());
    if !is_about_amounts_only || !says_no_meal || !fixed.stated.is_empty() {
        return Reading::Other;
    }
    let times = if fixed.times.is_empty() { more.times } else { fixed.times };
    Reading::Fixed(Fixed { times, stated: more.stated, ..fixed })
}

/// How a day's amount is divided.
#[derive(Default)]
struct Division {
    parts: Option<u8>,
    per_time: Option<Decimal>,
    times: Vec<Time>,
    stated: Vec<(Slot, Decimal)>,
}

/// The division that a usage gives; none where it contradicts itself or the day's amount.
fn divide(amount: Decimal, unit: &str, fixed: Fixed) -> Option<Division> {
    let named = u8::try_from(fixed.times.len()).ok().filter(|&count| count > 0);
    if fixed.parts.is_some() && named.is_some() && fixed.parts != named {
        return None;
    }
    let parts = fixed.parts.or(named);
    if !fixed.stated.is_empty() {
        return divide_as_stated(amount, unit, fixed, parts);
    }
    let per_time = match (&fixed.per_time, parts) {
        (Some(one), _) => {
            let adds_up = parts.is_none_or(|parts| one.amount.times(parts) == amount);
            if !adds_up || !is_unit(one.unit, unit) {
                return None;
            }
            Some(one.amount)
        }
        (None, Some(parts)) => {
            if !can_divide(amount, unit, parts) {
                return None;
            }
            amount.divide(parts).filter(|part| parts == 1 || part.is_whole())
        }
        (None, None) => None,
    };
    Some(Division { parts, per_time, times: fixed.times, stated: Vec::new() })
}

fn divide_as_stated(amount: Decimal, unit: &str, fixed: Fixed, parts: Option<u8>) -> Option<Division> {
    let sum = fixed.stated.iter().fold(Decimal::ZERO, |sum, (_, quantity)| sum.plus(quantity.amount));
    let is_in_unit = fixed.stated.iter().all(|(_, quantity)| quantity.unit.is_empty() || is_unit(quantity.unit, unit));
    let is_at_times = fixed.times.iter().map(|time| time.slot).eq(fixed.stated.iter().map(|(slot, _)| *slot));
    let has_nothing = fixed.stated.iter().any(|(_, quantity)| quantity.amount.is_zero());
    if sum != amount || !is_in_unit || !is_at_times || has_nothing || fixed.per_time.is_some() {
        return None;
    }
    let stated: Vec<_> = fixed.stated.into_iter().map(|(slot, quantity)| (slot, quantity.amount)).collect();
    let first = stated.first().map(|(_, amount)| *amount);
    let per_time = first.filter(|first| stated.iter().all(|(_, amount)| amount == first));
    Some(Division { parts, per_time, times: fixed.times, stated })
}

fn is_unit(name: &str, written: &str) -> bool {
    usage::unit_name(written) == Some(name)
}

/// Whether there is enough for every part: tablets can be halved, capsules and packets cannot, and what is weighed or measured can be divided
/// at will.
fn can_divide(amount: Decimal, unit: &str, parts: u8) -> bool {
    let pieces = match usage::unit_name(unit) {
        Some("錠") => amount.times(2),
        Some("C" | "包" | "個" | "丸") => amount,
        _ => return true,
    };
    pieces >= Decimal::whole(parts)
}

#[cfg(test)]
mod tests;
