//! Usage texts: a few fixed forms are read (分３ 毎食後, １日２回朝夕食後, 朝３錠夕２錠 …), and a text is read whole or not at all.

use super::{Meal, Slot, Time};
use crate::record::text::{Decimal, contains_any, fold};

/// What a usage text says, as far as it is one of the fixed forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// There is no text.
    Empty,
    /// Every word of it was understood.
    Fixed(Fixed),
    /// The dose is not the same every day.
    Changing,
    /// At least one word is not of the fixed forms: nothing of it is used.
    Other,
}

/// A usage text in one of the fixed forms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fixed {
    /// 分３, １日３回
    pub(super) parts: Option<u8>,
    /// 毎食後, 朝夕食後, 就寝前; in the order of the day, each slot once.
    pub(super) times: Vec<Time>,
    /// １回２錠
    pub(super) per_time: Option<Quantity>,
    /// 朝３錠 昼２錠
    pub(super) stated: Vec<(Slot, Quantity)>,
    /// 食後, where nothing says after which meals (分２ 食後).
    pub(super) unplaced: Option<Meal>,
}

/// An amount with its unit, which may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quantity {
    pub(super) amount: Decimal,
    pub(super) unit: &'static str,
}

/// Words that tell that the dose is not the same every day: tapering, alternate days, weekdays, courses, as the state demands.
const CHANGING: [&str; 30] = [
    "漸",
    "増",
    "減",
    "日目",
    "隔",
    "週",
    "曜",
    "月",
    "火",
    "木",
    "金",
    "土",
    "おき",
    "置き",
    "交互",
    "休",
    "透析",
    "以降",
    "その後",
    "以後",
    "翌",
    "初日",
    "初回",
    "前日",
    "当日",
    "適宜",
    "応じ",
    "日ごと",
    "day",
    "week",
];

/// In cautions, which are sentences, only these count.
const CHANGING_IN_CAUTION: [&str; 9] = ["週1", "週一", "週に", "毎週", "曜日", "隔日", "日おき", "漸減", "漸増"];

/// Supplements that say nothing of when or how much.
const HARMLESS: [&str; 14] = [
    "一包化",
    "一包化する",
    "一包化してください",
    "一包化調剤",
    "ワンパック",
    "粉砕",
    "粉砕する",
    "粉砕してください",
    "分包",
    "別包",
    "別包装",
    "混合",
    "後発品への変更不可",
    "後発品変更不可",
];

/// Words between the others that carry no meaning of their own.
const FILLERS: [&str; 17] = [
    "に分けて",
    "分服",
    "服用してください",
    "服用する",
    "服用",
    "内服する",
    "内服",
    "服薬",
    "経口投与",
    "経口",
    "および",
    "及び",
    "ならびに",
    "並びに",
    "と",
    "に",
    "の",
];

const BEDTIME: [&str; 6] = ["就寝前", "就寝時", "寝る前", "就眠前", "眠前", "就寝直前"];

const MEALS: [(&str, Meal); 5] = [
    ("食直前", Meal::JustBefore),
    ("食直後", Meal::JustAfter),
    ("食前", Meal::Before),
    ("食後", Meal::After),
    ("食間", Meal::Between),
];

/// Units as they are written, longer ones first, each with the name it is compared under.
const UNITS: [(&str, &str); 16] = [
    ("カプセル", "C"),
    ("cap", "C"),
    ("CAP", "C"),
    ("C", "C"),
    ("tab", "錠"),
    ("TAB", "錠"),
    ("錠", "錠"),
    ("T", "錠"),
    ("包", "包"),
    ("mg", "mg"),
    ("mL", "mL"),
    ("ml", "mL"),
    ("g", "g"),
    ("滴", "滴"),
    ("個", "個"),
    ("丸", "丸"),
];

/// The name under which a unit is compared; none where it is none of the known ones.
pub(super) fn unit_name(unit: &str) -> Option<&'static str> {
    let unit = unit.trim();
    let find = |unit: &str| UNITS.iter().find(|(written, _)| *written == unit).map(|(_, name)| *name);
    find(unit).or_else(|| find(&fold(unit)))
}

/// Whether a caution says that the drug is not taken every day.
pub(super) fn is_caution_of_change(text: &str) -> bool {
    let folded = fold(text);
    contains_any(&folded, &CHANGING_IN_CAUTION)
}

/// Whether a supplement says nothing of when or how much.
pub(super) fn is_harmless(text: &str) -> bool {
    let folded = plain(text);
    folded.is_empty() || HARMLESS.contains(&folded.as_str())
}

/// Reads a usage text or supplement.
pub(super) fn read(text: &str) -> Reading {
    let plain = plain(text);
    if plain.is_empty() {
        return Reading::Empty;
    }
    if is_changing(&plain) {
        return Reading::Changing;
    }
    let mut cursor = Cursor { rest: &plain, fixed: Fixed::default(), open: 0, addressed: None, bare_meal: None };
    while !cursor.rest.is_empty() {
        if cursor.step().is_none() {
            return Reading::Other;
        }
    }
    cursor.finish().map_or(Reading::Other, Reading::Fixed)
}

/// Folded, without spaces and brackets.
fn plain(text: &str) -> String {
    let is_frame = |c: char| {
        c.is_whitespace()
            || matches!(c, '【' | '】' | '[' | ']' | '(' | ')' | '「' | '」' | '<' | '>' | '〈' | '〉' | '〔' | '〕')
    };
    fold(text).chars().filter(|&c| !is_frame(c)).collect()
}

fn is_changing(plain: &str) -> bool {
    let lower = plain.to_ascii_lowercase();
    contains_any(&lower, &CHANGING) || is_every_few_days(plain) || plain.matches("日間").count() > 1
}

/// 2日に1回, 3日毎: a number of days other than one, followed by に, 毎 or ご(と).
fn is_every_few_days(plain: &str) -> bool {
    plain.match_indices('日').any(|(at, _)| {
        let days = plain[..at].chars().rev().take_while(char::is_ascii_digit).collect::<String>();
        let is_one = days.is_empty() || days == "1";
        let is_interval = plain[at..].chars().nth(1).is_some_and(|c| matches!(c, 'に' | '毎' | 'ご'));
        !is_one && is_interval
    })
}

struct Cursor<'a> {
    rest: &'a str,
    fixed: Fixed,
    /// How many of the last times still wait for their meal: in 朝夕食後, the meal is that of both.
    open: usize,
    /// The slot to which an amount written next belongs.
    addressed: Option<Slot>,
    /// 食後 without a time of day.
    bare_meal: Option<Meal>,
}

impl Cursor<'_> {
    /// Takes the next word; none where it is not understood.
    fn step(&mut self) -> Option<()> {
        if self.take_any(&["、", ",", "・", ":", "/", "。", ";", "+"]) {
            return Some(());
        }
        self.parts()
            .or_else(|| self.per_time())
            .or_else(|| self.every_meal())
            .or_else(|| self.slot())
            .or_else(|| self.meal())
            .or_else(|| self.amount())
            .or_else(|| self.take_any(&FILLERS).then_some(()))
    }

    fn take(&mut self, word: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(word) else { return false };
        self.rest = rest;
        true
    }

    fn take_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.take(word))
    }

    /// 分３, １日３回
    fn parts(&mut self) -> Option<()> {
        let (count, rest) = match self.rest.strip_prefix("1日") {
            Some(rest) => {
                let (count, rest) = one_digit(rest)?;
                (count, rest.strip_prefix('回')?)
            }
            None => one_digit(self.rest.strip_prefix('分')?)?,
        };
        let goes_on = rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '~' | '-' | '回'));
        if goes_on || self.fixed.parts.is_some_and(|before| before != count) {
            return None;
        }
        self.fixed.parts = Some(count);
        self.rest = rest;
        Some(())
    }

    /// １回２錠
    fn per_time(&mut self) -> Option<()> {
        let (quantity, rest) = quantity(self.rest.strip_prefix("1回")?)?;
        if quantity.unit.is_empty() || self.fixed.per_time.is_some() {
            return None;
        }
        self.fixed.per_time = Some(quantity);
        self.rest = rest;
        Some(())
    }

    /// 毎食後
    fn every_meal(&mut self) -> Option<()> {
        let rest = self.rest.strip_prefix('毎')?;
        let (meal, rest) = meal(rest)?;
        self.rest = rest;
        for slot in [Slot::Morning, Slot::Noon, Slot::Evening] {
            self.push(slot, Some(meal))?;
        }
        (self.open, self.addressed) = (0, None);
        Some(())
    }

    /// 朝, 昼, 夕, 就寝前
    fn slot(&mut self) -> Option<()> {
        if self.take_any(&BEDTIME) {
            self.push(Slot::Bedtime, None)?;
            self.open = 0;
            return Some(());
        }
        let slot = match self.rest.chars().next()? {
            '朝' => Slot::Morning,
            '昼' => Slot::Noon,
            '夕' => Slot::Evening,
            _ => return None,
        };
        self.take_any(&["朝", "昼", "夕"]);
        self.push(slot, None)?;
        self.open += 1;
        Some(())
    }

    /// A slot named twice (朝食前 and 朝食後) is beyond the fixed forms.
    fn push(&mut self, slot: Slot, meal: Option<Meal>) -> Option<()> {
        if self.fixed.times.iter().any(|time| time.slot == slot) {
            return None;
        }
        self.fixed.times.push(Time { slot, meal });
        self.addressed = Some(slot);
        Some(())
    }

    /// 食後, of the times just named, or of the whole day.
    fn meal(&mut self) -> Option<()> {
        let (meal, rest) = meal(self.rest)?;
        self.rest = rest;
        if self.open == 0 {
            let is_first = self.bare_meal.replace(meal).is_none();
            return is_first.then_some(());
        }
        for time in self.fixed.times.iter_mut().rev().take(self.open) {
            time.meal = Some(meal);
        }
        self.open = 0;
        Some(())
    }

    /// ３錠, after the slot it belongs to.
    fn amount(&mut self) -> Option<()> {
        let (quantity, rest) = quantity(self.rest)?;
        let slot = self.addressed.take()?;
        self.fixed.stated.push((slot, quantity));
        self.open = 0;
        self.rest = rest;
        Some(())
    }

    fn finish(mut self) -> Option<Fixed> {
        if let Some(meal) = self.bare_meal {
            if !self.fixed.times.is_empty() {
                return None;
            }
            if self.fixed.parts == Some(3) {
                self.fixed.times =
                    [Slot::Morning, Slot::Noon, Slot::Evening].map(|slot| Time { slot, meal: Some(meal) }).to_vec();
            } else {
                self.fixed.unplaced = Some(meal);
            }
        }
        let is_partly_stated = !self.fixed.stated.is_empty() && self.fixed.stated.len() != self.fixed.times.len();
        if is_partly_stated {
            return None;
        }
        self.fixed.times.sort_unstable();
        self.fixed.stated.sort_unstable_by_key(|(slot, _)| *slot);
        Some(self.fixed)
    }
}

fn one_digit(text: &str) -> Option<(u8, &str)> {
    let digit = text.chars().next()?.to_digit(10)?;
    let count = u8::try_from(digit).ok().filter(|&count| count > 0)?;
    Some((count, text.get(1..)?))
}

fn meal(text: &str) -> Option<(Meal, &str)> {
    MEALS.iter().find_map(|(word, meal)| Some((*meal, text.strip_prefix(word)?)))
}

/// A number and, where one follows, its unit.
fn quantity(text: &str) -> Option<(Quantity, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    let amount = Decimal::read_folded(number)?;
    let with_unit = UNITS.iter().find_map(|(written, name)| Some((*name, rest.strip_prefix(written)?)));
    let (unit, rest) = with_unit.unwrap_or(("", rest));
    Some((Quantity { amount, unit }, rest))
}
