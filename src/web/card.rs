//! One drug as a card: what a person reads before taking it.

use super::lang::phrase::{Html, Text};
use super::lang::{Lang, Messages};
use super::words;
use crate::record::dose::{Dose, Slot, Time, Told, Unclear};
use crate::record::timeline::{Doubt, DrugLine, Today};
use crate::web::form::hex;

/// A drug's card.
pub(crate) struct DrugCard<'a> {
    pub(crate) line: &'a DrugLine<'a>,
    pub(crate) dose: DoseWords,
    /// When, in the reader's language, where that is certain and not the language in which it is written.
    pub(crate) told: Option<Html>,
    pub(crate) kind: Option<&'static Text>,
    pub(crate) until: Html,
    /// Address of the visit's own page.
    pub(crate) visit: String,
    pub(crate) source: Html,
    /// Something that a person has to check, as opposed to what was corrected already.
    pub(crate) is_doubtful: bool,
}

/// An amount in words, and at which times.
pub(crate) struct DoseWords {
    /// The amount a day, or once, or in total: labelled.
    pub(crate) main: Html,
    /// For one time.
    pub(crate) each: Option<Html>,
    /// When, and how much then where the record tells.
    pub(crate) times: Vec<(Slot, &'static Text, Option<Html>)>,
    /// A sentence without which the amount could be misread.
    pub(crate) hint: Option<&'static Text>,
    /// The sentence asks to check before taking.
    pub(crate) is_warning: bool,
}

/// Where on the page a drug stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Taken now or as needed.
    Now,
    /// Supply ended.
    Ended,
    /// Stopped or replaced.
    Earlier,
}

impl<'a> DrugCard<'a> {
    /// The card of `line`.
    pub(crate) fn new(m: &'static Messages, line: &'a DrugLine<'a>, place: Place, today: Today) -> Self {
        Self {
            line,
            dose: DoseWords::new(m, &line.dose),
            told: told(m, line.told.as_ref()),
            kind: line.class3.and_then(|c| m.classes.get(c)),
            until: until(m, line, place, today),
            visit: format!("/record/visit/{}", hex(&line.visit.id.0)),
            source: words::source(m, line.source),
            is_doubtful: line.doubts.iter().any(|d| !matches!(d, Doubt::Corrected { .. })),
        }
    }
}

/// A usage in the reader's language; who reads Japanese reads it as written.
pub(crate) fn told(m: &Messages, told: Option<&Told>) -> Option<Html> {
    told.filter(|_| m.code != Lang::Japanese.code()).map(|told| words::told(m, told))
}

fn until(m: &Messages, line: &DrugLine, place: Place, today: Today) -> Html {
    if let Some(stopped) = line.stopped {
        let when = match stopped.is_empty() {
            true => Html(m.drug.stopped_undated.to_string()),
            false => m.drug.stopped.with(super::lang::phrase::japanese(stopped)),
        };
        let note = match line.stopped_note.is_empty() {
            true => String::new(),
            false => format!(" {}", super::lang::phrase::japanese(line.stopped_note)),
        };
        return Html(format!("{when}{note}"));
    }
    let Some(end) = line.ends else {
        return Html(m.drug.until_unknown.to_string());
    };
    let day = words::near_date(m, end, today.date);
    match (place, line.days_left) {
        (Place::Ended | Place::Earlier, _) => m.drug.ended_on.with(day),
        (Place::Now, Some(0)) => m.drug.until_today.with(day),
        (Place::Now, Some(left)) if left > 0 => m.drug.until_left.with(day, left),
        (Place::Now, _) => m.drug.until_day.with(day),
    }
}

impl DoseWords {
    /// The words for `dose`. Says no more than it does.
    pub(crate) fn new(m: &'static Messages, dose: &Dose) -> Self {
        match dose {
            Dose::PerDay { amount, unit, parts, per_time, times, stated } => {
                let day = words::quantity(m, amount, unit);
                let main = match parts {
                    Some(1) => m.dose.per_day_once.with(day),
                    Some(parts) => m.dose.per_day_parts.with(day, *parts),
                    None => m.dose.per_day.with(day),
                };
                let once = per_time.as_ref().map(|a| words::quantity(m, a, unit));
                let each = once.as_ref().filter(|_| *parts != Some(1)).map(|q| m.dose.per_time.with(q));
                Self::plain(main, each, at_times(m, unit, times, stated, once.as_ref()))
            }
            Dose::PerDose { amount, unit, doses } => {
                let main = m.dose.as_needed.with(words::quantity(m, amount, unit));
                let doses = doses.as_ref().map(|n| m.dose.doses.with(super::lang::phrase::escaped(n)));
                Self::plain(main, doses, Vec::new())
            }
            Dose::Supply { amount, unit } => {
                let main = m.dose.supply.with(words::quantity(m, amount, unit));
                Self { hint: Some(&m.dose.supply_hint), ..Self::plain(main, None, Vec::new()) }
            }
            Dose::AsWritten { because, amount, unit } => {
                let main = m.dose.written.with(words::quantity(m, amount, unit));
                let hint = match because {
                    Unclear::Contradictory => &m.dose.contradictory,
                    Unclear::NoForm => &m.dose.no_form,
                    Unclear::NoAmount => &m.dose.amount_unclear,
                    Unclear::Changing => &m.dose.changing,
                };
                Self { hint: Some(hint), is_warning: true, ..Self::plain(main, None, Vec::new()) }
            }
        }
    }

    fn plain(main: Html, each: Option<Html>, times: Vec<(Slot, &'static Text, Option<Html>)>) -> Self {
        Self { main, each, times, hint: None, is_warning: false }
    }
}

/// The times with their amounts: stated ones first, else the same each time, else only when.
fn at_times(
    m: &'static Messages,
    unit: &str,
    times: &[Time],
    stated: &[(Slot, String)],
    once: Option<&Html>,
) -> Vec<(Slot, &'static Text, Option<Html>)> {
    if stated.is_empty() {
        return times.iter().map(|t| (t.slot, words::time(m, *t), once.cloned())).collect();
    }
    let label = |slot: Slot| times.iter().find(|t| t.slot == slot).copied().unwrap_or(Time { slot, meal: None });
    let at = |(slot, amount): &(Slot, String)| (*slot, words::time(m, label(*slot)), Some(words::quantity(m, amount, unit)));
    stated.iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::dose::Meal;

    fn ja() -> &'static Messages {
        Lang::Japanese.messages()
    }

    fn bare(html: &str) -> String {
        let mut out = String::new();
        let mut is_tag = false;
        for c in html.chars() {
            match c {
                '<' => is_tag = true,
                '>' => is_tag = false,
                c if !is_tag => out.push(c),
                _ => {}
            }
        }
        out
    }

    fn per_day(amount: &str, parts: Option<u8>, per_time: Option<&str>) -> Dose {
        let after = |slot| Time { slot, meal: Some(Meal::After) };
        Dose::PerDay {
            amount: amount.into(),
            unit: "錠".into(),
            parts,
            per_time: per_time.map(Into::into),
            times: vec![after(Slot::Morning), after(Slot::Evening)],
            stated: vec![],
        }
    }

    #[test]
    fn a_days_amount_is_never_shown_as_the_amount_of_one_time() {
        let words = DoseWords::new(ja(), &per_day("6", Some(3), Some("2")));
        assert_eq!(bare(&words.main.0), "1日 6錠を 3回に分けて");
        assert_eq!(bare(&words.each.unwrap().0), "1回 2錠");
        let undivided = DoseWords::new(ja(), &per_day("1.5", Some(2), None));
        assert_eq!(bare(&undivided.main.0), "1日 1.5錠を 2回に分けて");
        assert!(undivided.each.is_none());
        assert!(undivided.times.iter().all(|(_, _, amount)| amount.is_none()));
    }

    #[test]
    fn stated_amounts_stand_at_their_times() {
        let stated = vec![(Slot::Morning, "3".to_owned()), (Slot::Bedtime, "1".to_owned())];
        let times = [Time { slot: Slot::Morning, meal: Some(Meal::Before) }];
        let shown = at_times(ja(), "Ｃ", &times, &stated, None);
        let shown: Vec<_> = shown.into_iter().map(|(_, l, a)| (l.plain().to_owned(), bare(&a.unwrap().0))).collect();
        assert_eq!(shown, [("朝食の前".into(), "3Ｃ".into()), ("寝る前".into(), "1Ｃ".to_owned())]);
    }

    #[test]
    fn a_total_is_labelled_supply_and_the_unclear_is_as_written() {
        let supply = DoseWords::new(ja(), &Dose::Supply { amount: "2".into(), unit: "筒".into() });
        assert_eq!(bare(&supply.main.0), "受け取った量　全部で 2筒");
        assert!(supply.hint.unwrap().plain().contains("1回に使う量ではありません"));
        let because = Unclear::Contradictory;
        let unclear = DoseWords::new(ja(), &Dose::AsWritten { because, amount: "1".into(), unit: "錠".into() });
        assert!(unclear.is_warning && unclear.times.is_empty() && unclear.each.is_none());
    }
}
