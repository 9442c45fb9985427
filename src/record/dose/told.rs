//! When a drug is to be taken, in a form that every language has words for: by fixed forms of usage texts and by coded usages, and only
//! where text, code and amount agree. Whatever is not certain stays as written.

use super::usage::{self, Fixed, Reading};
use super::{Dose, Doses, Meal, Slot, Time, can_divide, jami};
use crate::record::text::{Decimal, contains_any, fold};
use crate::record::{Drug, Group};

/// What a usage says for certain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Told {
    /// How many times a day, where said.
    pub times_a_day: Option<u8>,
    /// When, in the order of the day. Empty where only the count is said (分３).
    pub at: Vec<Moment>,
}

/// When.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// 起床時
    Waking,
    /// 毎食後: morning, noon and evening alike.
    EveryMeal(Meal),
    /// 朝食後
    At(Time),
    /// 食後, where it is not said after which meals.
    Meal(Meal),
    /// ８時間毎: 2 to 12.
    EveryHours(u8),
    /// 空腹時
    EmptyStomach,
    /// 疼痛時
    When(Need),
}

/// What a drug is taken against as needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// 必要時, without saying for what.
    Unsaid,
    /// 疼痛時
    Pain,
    /// 頭痛時
    Headache,
    /// 発熱時
    Fever,
    /// 不眠時
    Sleeplessness,
    /// 便秘時
    Constipation,
    /// 下痢時
    Diarrhoea,
    /// 嘔気時
    Nausea,
    /// めまい時
    Dizziness,
    /// 発作時
    Attack,
}

/// Usages as needed, each only as the whole text.
const NEEDS: [(&str, Need); 22] = [
    ("頓服", Need::Unsaid),
    ("頓用", Need::Unsaid),
    ("屯服", Need::Unsaid),
    ("必要時", Need::Unsaid),
    ("疼痛時", Need::Pain),
    ("痛い時", Need::Pain),
    ("痛いとき", Need::Pain),
    ("痛む時", Need::Pain),
    ("頭痛時", Need::Headache),
    ("発熱時", Need::Fever),
    ("熱が出た時", Need::Fever),
    ("不眠時", Need::Sleeplessness),
    ("眠れない時", Need::Sleeplessness),
    ("便秘時", Need::Constipation),
    ("下痢時", Need::Diarrhoea),
    ("嘔気時", Need::Nausea),
    ("悪心時", Need::Nausea),
    ("吐き気時", Need::Nausea),
    ("吐き気がする時", Need::Nausea),
    ("めまい時", Need::Dizziness),
    ("眩暈時", Need::Dizziness),
    ("発作時", Need::Attack),
];

/// What may stand around the words of a usage without saying more.
const AROUND: [&str; 6] = ["に服用", "服用", "に内服", "内服", "頓用", "に"];

/// What the usage of `drug` in `group` says, whose dose is `dose`.
pub fn told(drug: &Drug, group: &Group, dose: &Dose) -> Option<Told> {
    Doses::default().told(drug, group, dose)
}

impl<'a> Doses<'a> {
    /// As [`told`].
    pub(crate) fn told(&mut self, drug: &'a Drug, group: &'a Group, dose: &Dose) -> Option<Told> {
        let usage = group.usage.as_ref()?;
        let mut supplements = group.supplements.iter().chain(&drug.supplements);
        // A supplement that says more would be missing from what is told.
        if supplements.any(|remark| !usage::is_harmless(&remark.text)) {
            return None;
        }
        match dose {
            // Stated amounts are shown at their times, which tell more than this would.
            Dose::PerDay { stated, .. } if !stated.is_empty() => None,
            Dose::PerDay { amount, unit, .. } => {
                let name = usage.name.as_str();
                let reading = self.usages.entry(name).or_insert_with(|| usage::read(name));
                let said = match reading {
                    Reading::Empty | Reading::Changing => None,
                    Reading::Fixed(fixed) => by_fixed(fixed),
                    Reading::Other => by_other_form(name),
                };
                let coded = if usage.code_kind.trim() == "2" { usage.code.trim() } else { "" };
                let by_code = jami::name(coded).and_then(by_text);
                if by_code.as_ref().is_some_and(|told| !is_enough(told, amount, unit)) {
                    return None;
                }
                match (said, by_code) {
                    (Some(text), Some(code)) => agreed(&text, code),
                    (Some(text), None) => Some(text),
                    (None, Some(code)) => is_in_accord(name, &code).then_some(code),
                    (None, None) => None,
                }
            }
            Dose::PerDose { .. } => need(&usage.name),
            Dose::Supply { .. } | Dose::AsWritten { .. } => None,
        }
    }
}

fn need(name: &str) -> Option<Told> {
    let plain = plain(name);
    let words = |written: &str| NEEDS.iter().find(|(known, _)| *known == written).map(|(_, need)| *need);
    let bare = AROUND.iter().find_map(|around| plain.strip_suffix(around).filter(|rest| !rest.is_empty()));
    let need = words(&plain).or_else(|| words(bare?))?;
    Some(Told { times_a_day: None, at: vec![Moment::When(need)] })
}

/// What a text says for itself, where it is one of the fixed forms.
pub(super) fn by_text(text: &str) -> Option<Told> {
    match usage::read(text) {
        Reading::Fixed(fixed) => by_fixed(&fixed),
        Reading::Other => by_other_form(text),
        Reading::Empty | Reading::Changing => None,
    }
}

fn by_fixed(fixed: &Fixed) -> Option<Told> {
    let named = u8::try_from(fixed.times.len()).ok().filter(|count| *count > 0);
    let mut at = moments(&fixed.times);
    at.extend(fixed.unplaced.map(Moment::Meal));
    let told = Told { times_a_day: fixed.parts.or(named), at };
    (told.times_a_day.is_some() || !told.at.is_empty()).then_some(told)
}

/// Times of the day, those at every meal taken together.
pub(super) fn moments(times: &[Time]) -> Vec<Moment> {
    let meals: Vec<&Time> = times.iter().filter(|time| time.slot != Slot::Bedtime).collect();
    let mut at = match &meals[..] {
        [one, two, three] if one.meal == two.meal && two.meal == three.meal && one.meal.is_some() => {
            one.meal.map(Moment::EveryMeal).into_iter().collect()
        }
        other => other.iter().map(|time| Moment::At(**time)).collect::<Vec<_>>(),
    };
    at.extend(times.iter().filter(|time| time.slot == Slot::Bedtime).map(|time| Moment::At(*time)));
    at
}

/// 起床時, 空腹時, ８時間毎, each alone or with a count before or after it.
fn by_other_form(text: &str) -> Option<Told> {
    let plain = plain(text);
    let bare = AROUND.iter().find_map(|around| plain.strip_suffix(around)).unwrap_or(&plain);
    let (count, rest) = counted(bare);
    let moment = match rest {
        "起床時" => Moment::Waking,
        "空腹時" => Moment::EmptyStomach,
        other => Moment::EveryHours(hours(other)?),
    };
    let fits = match (moment, count) {
        (_, None) => true,
        (Moment::EveryHours(hours), Some(count)) => count.checked_mul(hours) == Some(24),
        // On waking, one is once a day; an empty stomach can be had more than once, but a count of parts does not say when.
        (Moment::Waking | Moment::EmptyStomach, Some(count)) => count == 1,
        (Moment::EveryMeal(_) | Moment::At(_) | Moment::Meal(_) | Moment::When(_), Some(_)) => false,
    };
    fits.then(|| Told { times_a_day: count, at: vec![moment] })
}

/// A count of times a day (1日3回, 分3) at either end, and the rest.
fn counted(text: &str) -> (Option<u8>, &str) {
    let digit = |text: &str| text.parse::<u8>().ok().filter(|count| (1..=9).contains(count));
    for count in 1..=9_u8 {
        for written in [format!("1日{count}回"), format!("分{count}")] {
            let rest = text.strip_prefix(written.as_str()).or_else(|| text.strip_suffix(written.as_str()));
            if let Some(rest) = rest.filter(|rest| digit(rest).is_none()) {
                return (Some(count), rest);
            }
        }
    }
    (None, text)
}

/// ８時間毎
fn hours(text: &str) -> Option<u8> {
    let number = text.strip_suffix("時間毎").or_else(|| text.strip_suffix("時間ごと"))?;
    let hours = number.parse::<u8>().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit()))?;
    matches!(hours, 3 | 4 | 6 | 8 | 12).then_some(hours)
}

/// Folded, without spaces and brackets.
fn plain(text: &str) -> String {
    fold(text).chars().filter(|c| !c.is_whitespace() && !"【】[]()「」<>〈〉〔〕、,。・".contains(*c)).collect()
}

/// What text and code say together; none where they differ. A text that says less (分３) leaves it to the code.
fn agreed(text: &Told, code: Told) -> Option<Told> {
    let same_count = text.times_a_day.is_none() || text.times_a_day == code.times_a_day;
    let is_of_meal = |meal: Meal| {
        code.at.iter().all(|moment| match moment {
            Moment::EveryMeal(other) | Moment::Meal(other) => *other == meal,
            Moment::At(time) => time.meal == Some(meal),
            Moment::Waking | Moment::EveryHours(_) | Moment::EmptyStomach | Moment::When(_) => false,
        })
    };
    let says_no_other = match &text.at[..] {
        [] => true,
        [Moment::Meal(meal)] => is_of_meal(*meal),
        at => at == code.at,
    };
    (same_count && says_no_other).then_some(code)
}

/// Whether the day's amount suffices for so many times.
fn is_enough(told: &Told, amount: &str, unit: &str) -> bool {
    let amount = Decimal::read(amount);
    told.times_a_day.zip(amount).is_none_or(|(times, amount)| can_divide(amount, unit, times))
}

/// Words of a time of the day, as a text may use them.
const SLOT_WORDS: [(&str, Slot); 10] = [
    ("朝", Slot::Morning),
    ("昼", Slot::Noon),
    ("夕", Slot::Evening),
    ("夜", Slot::Evening),
    ("晩", Slot::Evening),
    ("就寝", Slot::Bedtime),
    ("寝る", Slot::Bedtime),
    ("眠前", Slot::Bedtime),
    ("就眠", Slot::Bedtime),
    ("寝前", Slot::Bedtime),
];

/// Whether a text that is not one of the fixed forms at least names the times and meals of its code, and no others. One that names none
/// of its own (医師の指示通り) says something that the code does not.
fn is_in_accord(text: &str, code: &Told) -> bool {
    let plain = plain(text);
    if plain.is_empty() {
        return true;
    }
    let is_coded = |slot: Slot| {
        code.at.iter().any(|moment| match moment {
            Moment::EveryMeal(_) => slot != Slot::Bedtime,
            Moment::At(time) => time.slot == slot,
            Moment::Waking | Moment::Meal(_) | Moment::EveryHours(_) | Moment::EmptyStomach | Moment::When(_) => false,
        })
    };
    let is_written = |slot: Slot| {
        let by_word = SLOT_WORDS.iter().any(|(word, of)| *of == slot && plain.contains(word));
        by_word || (slot != Slot::Bedtime && contains_any(&plain, &["毎食", "各食"]))
    };
    let slots = [Slot::Morning, Slot::Noon, Slot::Evening, Slot::Bedtime];
    let are_slots_same = slots.iter().all(|slot| is_coded(*slot) == is_written(*slot));
    let has_times_of_day = slots.iter().any(|slot| is_coded(*slot));
    has_times_of_day && are_slots_same && are_meals_same(&plain, code) && is_count_same(&plain, code)
}

fn are_meals_same(plain: &str, code: &Told) -> bool {
    let words = [
        ("食直前", Meal::JustBefore),
        ("食直後", Meal::JustAfter),
        ("食前", Meal::Before),
        ("食後", Meal::After),
        ("食間", Meal::Between),
    ];
    words.iter().all(|(word, meal)| {
        let is_coded = code.at.iter().any(|moment| match moment {
            Moment::EveryMeal(of) | Moment::Meal(of) => of == meal,
            Moment::At(time) => time.meal == Some(*meal),
            Moment::Waking | Moment::EveryHours(_) | Moment::EmptyStomach | Moment::When(_) => false,
        });
        plain.contains(word) == is_coded
    })
}

/// No other number of times a day is written.
fn is_count_same(plain: &str, code: &Told) -> bool {
    (1..=9_u8)
        .filter(|count| Some(*count) != code.times_a_day)
        .all(|count| !plain.contains(&format!("1日{count}回")) && !plain.contains(&format!("分{count}")))
}

#[cfg(test)]
mod tests;
