//! Marks on a person's drugs: what a pharmacist should look at first. Never a complete check, and what could not be told is marked, too.
//!
//! The same ingredient, the same class (as a hint), groups that need special care, and what an allergy names. Everything rests on codes:
//! from a name alone nothing is concluded but that it may be what an allergy names.

use super::code::{Route, Substance};
use super::groups::Group;
use super::master::{Identity, Master, Unknown};
use super::names::{search_key, stem};
use crate::record::{DrugCode, GenericName};
use jiff::civil::Date;
use std::collections::BTreeSet;

/// Classes that only say "other": two drugs of such a class have nothing in common.
const MIXED_CLASSES: [&str; 6] = ["1190", "2190", "2399", "2499", "3999", "6290"];

/// Names for many drugs at once, as allergies are written, and the classes that they mean.
const FAMILIES: [(&str, &[&str]); 14] = [
    ("ペニシリン", &["6131", "6139"]),
    ("セフェム", &["6132", "6139"]),
    ("カルバペネム", &["6139"]),
    ("マクロライド", &["6141", "6149"]),
    ("テトラサイクリン", &["6152"]),
    ("キノロン", &["6241"]),
    ("アミノグリコシド", &["6123", "6169"]),
    ("サルファ", &["6211", "6212", "6213", "6219"]),
    ("ピリン系", &["1144"]),
    ("NSAID", &["1143", "1144", "1145", "1147", "1148", "1149"]),
    ("解熱鎮痛", &["1141", "1143", "1144", "1145", "1147", "1148", "1149"]),
    ("アスピリン喘息", &["1143", "1144", "1145", "1147", "1148", "1149"]),
    ("造影剤", &["7211", "7212", "7213", "7219"]),
    ("局所麻酔", &["1211", "1212", "1213", "1214", "1219"]),
];

/// A drug as it concerns the marks.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'a> {
    /// As printed.
    pub name: &'a str,
    /// Its code, as written; of none for what was bought over the counter.
    pub code: &'a DrugCode,
    /// 一般名 with its code.
    pub generic: Option<&'a GenericName>,
    /// Ingredients by name, as the record of an over-the-counter drug has them.
    pub ingredients: &'a [&'a str],
    /// First day of the supply.
    pub starts: Option<Date>,
    /// Last day of the supply, where it is known.
    pub ends: Option<Date>,
    /// Whether the supply has run out. Not known to be stopped, therefore marked all the same.
    pub has_ended: bool,
    /// Whether it was recorded as stopped, or a later visit replaced it: no mark.
    pub is_over: bool,
}

/// What an allergy has to do with a drug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It names the drug or its ingredient.
    Named,
    /// It names a family that the drug is of.
    Family,
    /// It names another drug of the same class.
    SameClass,
}

/// Something to look at. Numbers are places among the drugs, or among the allergies, that were given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A drug that an allergy or side effect may concern.
    Allergy {
        /// The drug.
        drug: usize,
        /// The allergy.
        allergy: usize,
        /// How.
        by: Match,
    },
    /// Two drugs with one ingredient, both being taken.
    SameIngredient {
        /// The one that began earlier.
        earlier: usize,
        /// The other.
        later: usize,
    },
    /// Two drugs of one group that needs special care, in whatever classes: warfarin and a direct anticoagulant.
    SameGroup {
        /// The one that began earlier.
        earlier: usize,
        /// The other.
        later: usize,
        /// Which group.
        group: Group,
    },
    /// A drug that needs special care.
    Care {
        /// The drug.
        drug: usize,
        /// Why.
        group: Group,
        /// Its supply has run out, and nobody recorded that it was stopped.
        has_ended: bool,
    },
    /// The same ingredient under another name, begun when the earlier supply had run out: perhaps another brand.
    PerhapsReplaced {
        /// The one whose supply has ended.
        earlier: usize,
        /// What began then.
        later: usize,
    },
    /// Two drugs of one class: a hint.
    SameClass {
        /// The one that began earlier.
        earlier: usize,
        /// The other.
        later: usize,
    },
    /// What this drug is could not be told: NOT CHECKED.
    NotChecked {
        /// The drug.
        drug: usize,
        /// Why.
        why: Unknown,
    },
    /// An allergy in which no drug of the master was recognised: nothing was compared with it.
    AllergyNotRead {
        /// The allergy.
        allergy: usize,
    },
}

/// A drug, and what is known of it.
struct Known<'a> {
    at: usize,
    taken: &'a Taken<'a>,
    identity: Result<Identity, Unknown>,
    stems: BTreeSet<String>,
    group: Option<Group>,
}

/// The marks on a person's drugs, the gravest first. `allergies` are the texts of allergies and side effects, as written.
pub fn marks(master: &Master, drugs: &[Taken<'_>], allergies: &[&str]) -> Vec<Mark> {
    let current: Vec<Known<'_>> =
        drugs.iter().enumerate().filter(|(_, taken)| !taken.is_over).map(|(at, taken)| known(master, at, taken)).collect();
    let mut marks = Vec::new();
    for drug in &current {
        let (at, has_ended) = (drug.at, drug.taken.has_ended);
        marks.extend(drug.group.map(|group| Mark::Care { drug: at, group, has_ended }));
        marks.extend(drug.identity.as_ref().err().map(|why| Mark::NotChecked { drug: at, why: *why }));
    }
    for (place, one) in current.iter().enumerate() {
        marks.extend(current[place + 1..].iter().filter_map(|other| pair(one, other)));
    }
    for (allergy, text) in allergies.iter().enumerate() {
        marks.extend(of_allergy(master, &current, allergy, text));
    }
    marks.sort();
    marks
}

fn known<'a>(master: &Master, at: usize, taken: &'a Taken<'a>) -> Known<'a> {
    let identity = master.identify(taken.code, taken.generic);
    let named = taken.ingredients.iter().map(|name| stem(name));
    let stems = identity.iter().flat_map(|identity| identity.stems.iter().cloned()).chain(named).collect();
    let group = identity.as_ref().ok().and_then(|identity| Group::of(identity.substance));
    Known { at, taken, identity, stems, group }
}

impl Known<'_> {
    fn substance(&self) -> Option<Substance> {
        self.identity.as_ref().ok().map(|identity| identity.substance)
    }
}

/// What two drugs have in common.
fn pair(one: &Known<'_>, other: &Known<'_>) -> Option<Mark> {
    let begins = |drug: &Known<'_>| (drug.taken.starts, drug.at);
    let (first, second) = if begins(one) <= begins(other) { (one, other) } else { (other, one) };
    let (earlier, later) = (first.at, second.at);
    let (a, b) = (first.substance(), second.substance());
    // An ointment does not double a tablet; a patch that acts in the whole body does.
    if a.is_some_and(|a| a.is_local()) != b.is_some_and(|b| b.is_local()) {
        return None;
    }
    let is_same = (a.is_some() && a == b) || first.stems.intersection(&second.stems).next().is_some();
    if is_same {
        // A supply that ran out before the other began, or on that day, was perhaps replaced by it.
        let is_after = first.taken.ends.zip(second.taken.starts).is_some_and(|(ends, starts)| ends <= starts);
        let is_replaced = first.taken.has_ended && is_after;
        return Some(match is_replaced {
            true => Mark::PerhapsReplaced { earlier, later },
            false => Mark::SameIngredient { earlier, later },
        });
    }
    if let Some(group) = first.group.filter(|group| second.group == Some(*group) && is_one_of_a_kind(*group)) {
        return Some(Mark::SameGroup { earlier, later, group });
    }
    let (a, b) = (a?, b?);
    // Classes are of effects: one that holds ointments beside tablets (3339) says nothing of the two.
    let is_alike = a.class() == b.class() && (a.route() == Route::External) == (b.route() == Route::External);
    (is_alike && !MIXED_CLASSES.contains(&a.class())).then_some(Mark::SameClass { earlier, later })
}

/// Groups of which a person mostly takes one: of two somebody should know why.
fn is_one_of_a_kind(group: Group) -> bool {
    match group {
        Group::Anticoagulant | Group::Digitalis | Group::Theophylline | Group::Steroid | Group::Methotrexate => true,
        // Mostly combined on purpose.
        Group::Antiplatelet
        | Group::Insulin
        | Group::BloodSugar
        | Group::Antiepileptic
        | Group::Immunosuppressant
        | Group::Lithium
        | Group::Clozapine
        | Group::Antiarrhythmic
        | Group::Opioid
        | Group::Antineoplastic
        | Group::Antiretroviral
        | Group::Parkinson => false,
    }
}

/// What an allergy's text has to do with the drugs.
fn of_allergy(master: &Master, current: &[Known<'_>], allergy: usize, text: &str) -> Vec<Mark> {
    let written = search_key(text);
    let families: Vec<&str> = FAMILIES
        .iter()
        .filter(|(family, _)| written.contains(&search_key(family)))
        .flat_map(|(_, classes)| classes.iter().copied())
        .collect();
    let named = master.named_in(text);
    let named_stems: BTreeSet<&String> =
        named.iter().flat_map(|entry| &entry.stems).filter(|stem| written.contains(&search_key(stem))).collect();
    let by_brand = named.iter().filter(|entry| !entry.stems.iter().any(|stem| written.contains(&search_key(stem))));
    let stems: BTreeSet<&String> = named_stems.into_iter().chain(by_brand.flat_map(|entry| &entry.stems)).collect();
    let classes: BTreeSet<&str> = named
        .iter()
        .filter(|entry| entry.stems.iter().any(|stem| stems.contains(stem)))
        .filter_map(|entry| entry.substance.as_ref().map(Substance::class))
        .filter(|class| !MIXED_CLASSES.contains(class))
        .collect();
    let mut found = Vec::new();
    let mut is_read = !families.is_empty() || !named.is_empty();
    for drug in current {
        let substance = drug.substance();
        let class = substance.as_ref().map(Substance::class);
        let is_named = drug.stems.iter().any(|stem| stems.contains(stem)) || is_written(&written, drug.taken);
        let by = if is_named {
            Match::Named
        } else if class.is_some_and(|class| families.contains(&class)) {
            Match::Family
        } else if class.is_some_and(|class| classes.contains(class)) {
            Match::SameClass
        } else {
            continue;
        };
        is_read = true;
        found.push(Mark::Allergy { drug: drug.at, allergy, by });
    }
    if !is_read {
        found.push(Mark::AllergyNotRead { allergy });
    }
    found
}

/// Whether an allergy names a drug as it is printed, or its ingredient as it is written: also where no code tells what it is.
fn is_written(written: &str, taken: &Taken<'_>) -> bool {
    const LEN_MIN: usize = 3;
    let generic = taken.generic.map(|generic| generic.name.as_str());
    let names = taken.ingredients.iter().copied().chain(generic).map(|name| search_key(&stem(name)));
    let mut names = names.chain([search_key(&super::names::brand(taken.name))]);
    names.any(|name| name.chars().count() >= LEN_MIN && written.contains(&name))
}
