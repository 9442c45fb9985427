//! Dates, amounts and sources in the words of a language.

use super::lang::phrase::{Html, Text, escaped, japanese};
use super::lang::{Lang, Messages};
use crate::record::dose::{Meal, Moment, Need, Slot, Time, Told};
use crate::record::{Channel, DateText, NoteKind, Origin, Source};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

/// Japan has one time zone and no summer time.
const JAPAN: Offset = Offset::constant(9);

/// First days of the eras, oldest first.
const ERAS: [(i16, i8, i8); 5] = [(1868, 1, 25), (1912, 7, 30), (1926, 12, 25), (1989, 1, 8), (2019, 5, 1)];

/// Year, month and day, all written out.
pub(crate) fn date(m: &Messages, date: Date) -> Html {
    m.date.full.with(Html(date.year().to_string()), month(m, date), number(date.day()))
}

/// As [`date`], without markup.
pub(crate) fn date_plain(m: &Messages, date: Date) -> String {
    let (year, day) = (date.year().to_string(), date.day().to_string());
    m.date.full.plain(&year, month(m, date).plain(), &day)
}

/// Month, day and day of the week: for days near today. With the year where it is another one.
pub(crate) fn near_date(m: &Messages, day: Date, today: Date) -> Html {
    if day.year() != today.year() {
        return date(m, day);
    }
    let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
    m.date.day.with(month(m, day), number(day.day()), m.date.weekdays[weekday])
}

/// A birth date with the year of its era, as people in Japan know theirs.
pub(crate) fn birth(m: &Messages, birth: &DateText) -> Option<Html> {
    let Some(day) = birth.day else {
        return (!birth.raw.trim().is_empty()).then(|| japanese(&birth.raw));
    };
    let written = date(m, day.0);
    let era = ERAS.iter().rposition(|(y, mo, d)| (day.0.year(), day.0.month(), day.0.day()) >= (*y, *mo, *d));
    Some(match era {
        Some(i) => m.date.era.with(written, m.date.eras[i], Html((day.0.year() - ERAS[i].0 + 1).to_string())),
        None => written,
    })
}

/// A date of a record: as understood, or else as written.
pub(crate) fn date_text(m: &Messages, text: &DateText) -> Html {
    match text.day {
        Some(day) => date(m, day.0),
        None if text.raw.trim().is_empty() => Html(m.date.unknown.to_string()),
        None => japanese(&text.raw),
    }
}

/// Date and time in Japan.
pub(crate) fn moment(m: &Messages, ms: i64) -> Html {
    let at = in_japan(ms);
    m.date.moment.with(date(m, at.date()), Html(format!("{:02}:{:02}", at.hour(), at.minute())))
}

/// As [`moment`], without markup.
pub(crate) fn moment_plain(m: &Messages, ms: i64) -> String {
    let at = in_japan(ms);
    m.date.moment.plain(&date_plain(m, at.date()), &format!("{:02}:{:02}", at.hour(), at.minute()))
}

/// A moment as a date and time in Japan; the first of 1970 where it is out of range.
pub(crate) fn in_japan(ms: i64) -> DateTime {
    JAPAN.to_datetime(Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH))
}

fn month(m: &Messages, date: Date) -> &Text {
    let index = usize::try_from(date.month()).unwrap_or(1).saturating_sub(1);
    &m.date.months[index.min(11)]
}

fn number(n: i8) -> Html {
    Html(n.to_string())
}

/// An amount with its unit as written; in other languages with what the unit means.
pub(crate) fn quantity(m: &Messages, amount: &str, unit: &str) -> Html {
    if amount.is_empty() && unit.is_empty() {
        return Html(m.dose.no_amount.to_string());
    }
    let mut out = format!("<b>{}<span lang=\"ja\">{}</span></b>", escaped(amount), escaped(unit));
    if let Some(gloss) = m.units.get(unit) {
        out.push_str(" <small>(");
        out.push_str(&gloss.to_string());
        out.push_str(")</small>");
    }
    Html(out)
}

/// A time of day with its relation to a meal.
pub(crate) fn time(m: &Messages, time: Time) -> &Text {
    let index = time.meal.map_or(0, |meal| 1 + meal_index(meal));
    match time.slot {
        Slot::Morning => &m.time.morning[index],
        Slot::Noon => &m.time.noon[index],
        Slot::Evening => &m.time.evening[index],
        Slot::Bedtime => &m.time.bedtime,
    }
}

/// A usage that is certain, in the language's own words: "3 times a day · after every meal".
pub(crate) fn told(m: &Messages, told: &Told) -> Html {
    let count = told.times_a_day.map(|count| match count {
        1 => m.usage.once.to_string(),
        more => m.usage.times.with(more).0,
    });
    let parts: Vec<String> = count.into_iter().chain(told.at.iter().map(|at| moment_of_usage(m, *at))).collect();
    Html(parts.join(" · "))
}

fn moment_of_usage(m: &Messages, at: Moment) -> String {
    match at {
        Moment::Waking => m.usage.waking.to_string(),
        Moment::EveryMeal(meal) => m.usage.every_meal[meal_index(meal)].to_string(),
        Moment::Meal(meal) => m.usage.meal[meal_index(meal)].to_string(),
        Moment::At(at) => time(m, at).to_string(),
        Moment::EveryHours(hours) => m.usage.every_hours.with(hours).0,
        Moment::EmptyStomach => m.usage.empty_stomach.to_string(),
        Moment::When(need) => m.usage.needs[need_index(need)].to_string(),
    }
}

fn meal_index(meal: Meal) -> usize {
    match meal {
        Meal::Before => 0,
        Meal::JustBefore => 1,
        Meal::After => 2,
        Meal::JustAfter => 3,
        Meal::Between => 4,
    }
}

fn need_index(need: Need) -> usize {
    match need {
        Need::Unsaid => 0,
        Need::Pain => 1,
        Need::Headache => 2,
        Need::Fever => 3,
        Need::Sleeplessness => 4,
        Need::Constipation => 5,
        Need::Diarrhoea => 6,
        Need::Nausea => 7,
        Need::Dizziness => 8,
        Need::Attack => 9,
    }
}

/// Who said it and how it came in.
pub(crate) fn source(m: &Messages, source: &Source) -> Html {
    let origin = match source.origin {
        Origin::Pharmacy => &m.source.pharmacy,
        Origin::Hospital => &m.source.hospital,
        Origin::Patient => &m.source.patient,
        Origin::Staff => &m.source.staff,
        Origin::Unknown => &m.source.unknown,
    };
    let channel = match source.channel {
        Channel::JahisFile => &m.source.jahis_file,
        Channel::JahisQr => &m.source.jahis_qr,
        Channel::Page => &m.source.page,
        Channel::CommandLine => &m.source.command_line,
    };
    let name = if source.name.is_empty() { Html::default() } else { Html(format!(" {}", japanese(&source.name))) };
    Html(format!("{origin}{name} · {channel}"))
}

/// What a kind of note is called.
pub(crate) fn note_kind(m: &Messages, kind: NoteKind) -> &Text {
    match kind {
        NoteKind::Allergy => &m.note.allergy,
        NoteKind::SideEffect => &m.note.side_effect,
        NoteKind::History => &m.note.history,
        NoteKind::Other => &m.note.other,
    }
}

/// A name with the honorific of the language.
pub(crate) fn person(lang: Lang, name: &str) -> Html {
    let m = lang.messages();
    match name.trim().is_empty() {
        true => Html(m.common.no_name.to_string()),
        false => m.common.person.with(japanese(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Day;
    use jiff::civil::date as day;

    fn ja() -> &'static Messages {
        Lang::Japanese.messages()
    }

    #[test]
    fn birth_dates_carry_the_era() {
        let born = |y, mo, d| DateText { raw: String::new(), day: Some(Day(day(y, mo, d))) };
        assert_eq!(birth(ja(), &born(1945, 5, 3)).unwrap().0, "1945年5月3日（昭和20年）");
        assert_eq!(birth(ja(), &born(1926, 12, 24)).unwrap().0, "1926年12月24日（大正15年）");
        assert_eq!(birth(ja(), &born(1926, 12, 25)).unwrap().0, "1926年12月25日（昭和1年）");
        assert_eq!(birth(ja(), &born(2019, 5, 1)).unwrap().0, "2019年5月1日（令和1年）");
        assert_eq!(birth(Lang::English.messages(), &born(1945, 5, 3)).unwrap().0, "3 May 1945 (Shōwa 20)");
        assert_eq!(birth(ja(), &DateText::default()), None);
        assert!(birth(ja(), &DateText { raw: "S20.<5>".into(), day: None }).unwrap().0.contains("S20.&lt;5&gt;"));
    }

    #[test]
    fn near_days_carry_the_weekday_and_far_ones_the_year() {
        assert_eq!(near_date(ja(), day(2026, 11, 23), day(2026, 11, 22)).0, "11月23日（月）");
        assert_eq!(near_date(ja(), day(2027, 1, 3), day(2026, 11, 22)).0, "2027年1月3日");
    }

    #[test]
    fn moments_are_in_japanese_time() {
        let ms = "2026-11-22T15:05:00Z".parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(moment(ja(), ms).0, "2026年11月23日 00:05");
    }

    #[test]
    fn usages_are_told_in_every_language_by_its_own_strings() {
        let at = |slot, meal| Moment::At(Time { slot, meal });
        let three = Told { times_a_day: Some(4), at: vec![Moment::EveryMeal(Meal::After), at(Slot::Bedtime, None)] };
        assert_eq!(told(Lang::English.messages(), &three).0, "4 times a day · after every meal · At bedtime");
        assert_eq!(told(Lang::Vietnamese.messages(), &three).0, "Mỗi ngày 4 lần · sau mỗi bữa ăn · Trước khi ngủ");
        assert_eq!(told(Lang::Korean.messages(), &three).0, "하루 4번 · 매 식사 후 · 자기 전");
        let morning = Told { times_a_day: Some(1), at: vec![at(Slot::Morning, Some(Meal::Before))] };
        assert_eq!(told(Lang::Chinese.messages(), &morning).0, "1 天 1 次 · 早饭前");
        let hours = Told { times_a_day: None, at: vec![Moment::EveryHours(8)] };
        assert_eq!(told(Lang::Portuguese.messages(), &hours).0, "a cada 8 horas");
        let need = Told { times_a_day: None, at: vec![Moment::When(Need::Attack)] };
        assert_eq!(told(Lang::EasyJapanese.messages(), &need).0, "<ruby>発作<rt>ほっさ</rt></ruby>のとき");
    }

    #[test]
    fn units_stay_as_written_and_are_explained_in_english() {
        assert_eq!(quantity(ja(), "6", "錠").0, "<b>6<span lang=\"ja\">錠</span></b>");
        assert!(quantity(Lang::English.messages(), "6", "錠").0.ends_with("<small>(tablets)</small>"));
        assert_eq!(quantity(ja(), "", "").0, "量の記録がありません");
    }
}
