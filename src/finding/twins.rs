//! People who could be confused: alike in name or birth date. What differs between them is shown beside each other before anybody is opened.

use crate::record::Patient;
use crate::record::text::key;

/// What two people differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Differs {
    /// Name as written.
    Name,
    /// Its reading.
    Kana,
    /// Birth date.
    Birth,
    /// Sex.
    Sex,
    /// Address.
    Address,
    /// Telephone.
    Phone,
}

/// Two of those that were given, by place, and what tells them apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The one.
    pub one: usize,
    /// The other.
    pub other: usize,
    /// What differs, where both have it.
    pub differs: Vec<Differs>,
}

/// The pairs that could be confused: the same name in one script, or a name alike with a birth date alike.
pub fn pairs(people: &[&Patient]) -> Vec<Pair> {
    let mut found = Vec::new();
    for (one, a) in people.iter().enumerate() {
        for (other, b) in people.iter().enumerate().skip(one + 1) {
            if is_alike(a, b) {
                found.push(Pair { one, other, differs: differences(a, b) });
            }
        }
    }
    found
}

fn is_alike(a: &Patient, b: &Patient) -> bool {
    let (name_a, name_b) = (super::Name::of(&a.name, &a.kana), super::Name::of(&b.name, &b.kana));
    let is_same = |x: &super::name::Letters, y: &super::name::Letters| !x.whole.is_empty() && x.whole == y.whole;
    let same_name = is_same(&name_a.sound, &name_b.sound) || is_same(&name_a.kanji, &name_b.kanji);
    let like = |text: &str| super::Sought::of(text).is_some_and(|sought| sought.likeness(&name_b).is_like());
    let born = super::Born::read(&a.birth.raw).zip(super::Born::read(&b.birth.raw)).map(|(a, b)| a.nearness(b));
    let is_born_alike = born.is_some_and(super::Nearness::is_near);
    same_name || ((like(&a.name) || like(&a.kana)) && is_born_alike)
}

fn differences(a: &Patient, b: &Patient) -> Vec<Differs> {
    let texts = [
        (Differs::Name, &a.name, &b.name),
        (Differs::Kana, &a.kana, &b.kana),
        (Differs::Address, &a.address, &b.address),
        (Differs::Phone, &a.phone, &b.phone),
    ];
    let differs = |x: &str, y: &str| !x.is_empty() && !y.is_empty() && key(x) != key(y);
    let mut found: Vec<Differs> = texts.iter().filter(|(_, x, y)| differs(x, y)).map(|(what, ..)| *what).collect();
    let born = (super::Born::read(&a.birth.raw), super::Born::read(&b.birth.raw));
    found.extend((born.0 != born.1).then_some(Differs::Birth));
    found.extend((a.sex != b.sex).then_some(Differs::Sex));
    found.sort();
    found
}
