//! Finding a person among many from what somebody remembers: a name, in part or misspelt, in kanji or kana; a birth date, or only its year; sex, the
//! end of a telephone number, part of an address, a number of the insurer. Ranked, with the reasons; people who could be confused are set against
//! each other.
//!
//! The index lies in memory only and is forgotten as a whole: its texts are wiped when it is dropped.

pub mod birth;
pub mod kanji;
pub mod likeness;
pub mod name;
pub mod twins;

#[cfg(test)]
mod tests;

use crate::record::text::{fold, key};
use crate::record::{Patient, Sex, Subject};
use birth::{Born, Nearness};
use likeness::{Likeness, Sought};
use minicbor::{Decode, Encode};
use name::Name;
use zeroize::Zeroize;

/// What is asked for; whatever is not known stays empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Family and given name in any script and order, or one of them.
    pub name: String,
    /// A date in any era or form, a year and month, or a year.
    pub birth: String,
    /// Sex.
    pub sex: Option<Sex>,
    /// A telephone number or its last four digits.
    pub phone: String,
    /// Part of the address.
    pub address: String,
    /// A number that an insurer or another system knows the person by.
    pub id: String,
}

/// Why somebody was found, or what speaks against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Reason {
    /// The name.
    #[n(1)]
    Name(#[n(0)] Likeness),
    /// The birth date.
    #[n(2)]
    Birth(#[n(0)] Nearness),
    /// The sex is the same.
    #[n(3)]
    Sex,
    /// The sex is another.
    #[n(4)]
    OtherSex,
    /// The end of the telephone number.
    #[n(5)]
    Phone,
    /// The address.
    #[n(6)]
    Address,
    /// The number.
    #[n(7)]
    Id,
}

/// Somebody who was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Whose record.
    pub subject: Subject,
    /// How well everything fits: a sum of weights, for ranking only.
    pub score: f64,
    /// Why, the strongest first.
    pub reasons: Vec<Reason>,
}

/// Somebody as the index knows them.
#[derive(Debug, Clone)]
struct Person {
    subject: Subject,
    name: Name,
    born: Option<Born>,
    sex: Sex,
    phone: String,
    address: String,
    ids: Vec<String>,
}

impl Drop for Person {
    fn drop(&mut self) {
        self.name.wipe();
        self.born = None;
        self.phone.zeroize();
        self.address.zeroize();
        self.ids.zeroize();
    }
}

/// The people that can be found.
#[derive(Debug, Clone, Default)]
pub struct Index {
    people: Vec<Person>,
}

/// What a query fits worse than this is not worth looking at.
const SCORE_MIN: f64 = 3.0;

const SEX: f64 = 0.7;
const OTHER_SEX: f64 = -3.0;
const PHONE: f64 = 6.0;
const OTHER_PHONE: f64 = -1.0;
const ADDRESS: f64 = 3.0;
const ID: f64 = 12.0;
/// The end of a telephone number.
const PHONE_DIGITS: usize = 4;

impl Index {
    /// Takes somebody in.
    pub fn add(&mut self, subject: Subject, patient: &Patient) {
        self.people.push(Person {
            subject,
            name: Name::of(&patient.name, &patient.kana),
            born: Born::read(&patient.birth.raw),
            sex: patient.sex,
            phone: digits(&patient.phone),
            address: key(&patient.address),
            ids: patient.external_ids.iter().map(|id| key(id)).collect(),
        });
    }

    /// Takes in whoever is in another index.
    pub fn absorb(&mut self, mut other: Self) {
        self.people.append(&mut other.people);
    }

    /// How many people.
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Whoever fits, the best first, at most `limit`. Nobody for an empty query. Somebody who was taken in several times, under an earlier name
    /// say, is found once, by what fits best.
    pub fn find(&self, query: &Query, limit: usize) -> Vec<Hit> {
        /// Statements of one person that are looked at: more than anybody has.
        const STATEMENTS: usize = 4;
        let wanted = Wanted::of(query);
        let mut hits: Vec<Hit> = self.people.iter().filter_map(|person| wanted.judge(person)).collect();
        let better = |a: &Hit, b: &Hit| b.score.total_cmp(&a.score).then(a.subject.0.cmp(&b.subject.0));
        let several = limit.saturating_mul(STATEMENTS);
        if hits.len() > several && several > 0 {
            hits.select_nth_unstable_by(several - 1, better);
        }
        hits.truncate(several);
        hits.sort_by(better);
        let mut seen = std::collections::HashSet::new();
        hits.retain(|hit| seen.insert(hit.subject));
        hits.truncate(limit);
        hits
    }
}

/// A query, prepared for many comparisons.
struct Wanted {
    name: Option<Sought>,
    born: Option<Born>,
    sex: Option<Sex>,
    phone: Option<String>,
    address: String,
    id: String,
}

impl Wanted {
    fn of(query: &Query) -> Self {
        let phone = digits(&query.phone);
        let end = phone.len().saturating_sub(PHONE_DIGITS);
        Self {
            name: Sought::of(&query.name),
            born: Born::read(&query.birth),
            sex: query.sex.filter(|sex| *sex != Sex::Unknown),
            phone: (phone.len() >= PHONE_DIGITS).then(|| phone[end..].to_owned()),
            address: key(&query.address),
            id: key(&query.id),
        }
    }

    fn judge(&self, person: &Person) -> Option<Hit> {
        let is_id = !self.id.is_empty() && person.ids.contains(&self.id);
        let is_phone = self.phone.as_ref().is_some_and(|end| person.phone.ends_with(end));
        let nearness = self.born.zip(person.born).map(|(wanted, born)| wanted.nearness(born));
        // Most people are passed over here, without a comparison of names.
        let is_worth_it = is_id || is_phone || nearness.is_some_and(Nearness::is_near);
        let is_like = self.name.as_ref().is_some_and(|name| name.may_be(&person.name));
        if !is_worth_it && !is_like {
            return None;
        }
        let (mut score, mut reasons) = (0.0, Vec::new());
        let mut counts = |weight: f64, reason: Option<Reason>| {
            score += weight;
            reasons.extend(reason.map(|reason| (weight, reason)));
        };
        if let Some(name) = &self.name {
            let likeness = name.likeness(&person.name);
            counts(likeness.weight(), likeness.is_like().then_some(Reason::Name(likeness)));
        }
        if let Some(nearness) = nearness {
            counts(nearness.weight(), (nearness != Nearness::Other).then_some(Reason::Birth(nearness)));
        }
        if let Some(sex) = self.sex.filter(|_| person.sex != Sex::Unknown) {
            match sex == person.sex {
                true => counts(SEX, Some(Reason::Sex)),
                false => counts(OTHER_SEX, Some(Reason::OtherSex)),
            }
        }
        match is_phone {
            true => counts(PHONE, Some(Reason::Phone)),
            false if self.phone.is_some() && !person.phone.is_empty() => counts(OTHER_PHONE, None),
            false => {}
        }
        if !self.address.is_empty() && person.address.contains(&self.address) {
            counts(ADDRESS, Some(Reason::Address));
        }
        if is_id {
            counts(ID, Some(Reason::Id));
        }
        reasons.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let reasons = reasons.into_iter().map(|(_, reason)| reason).collect();
        (score >= SCORE_MIN).then_some(Hit { subject: person.subject, score, reasons })
    }
}

fn digits(text: &str) -> String {
    fold(text).chars().filter(char::is_ascii_digit).collect()
}
