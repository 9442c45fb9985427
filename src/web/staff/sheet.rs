//! A record as a pharmacist asks for it: who, allergies, what to look at first, taken now, supply ended, last visits, how fresh.

use super::super::card::{DrugCard, Place};
use super::super::lang::Lang;
use super::super::lang::phrase::{Html, Text, escaped, japanese};
use super::super::page::{Frame, Fresh, State, persons_differ};
use super::super::places::{Around, Places};
use super::super::reading::{Answers, said};
use super::super::{record, words};
use super::marks::{Drugs, MarkWords, Marked, Tag, marked};
use crate::clinic::Chart;
use crate::clinic::drug_master::DrugMaster;
use crate::record::consent::{Consent, Spoken};
use crate::record::timeline::{DrugLine, Shown, Timeline, Today};
use crate::record::{FactId, NoteKind, Otc, Patient, Sex, Visit};
use std::collections::BTreeSet;

/// Visits that are shown whole.
const VISITS_SHOWN: usize = 6;

/// Everything that the page shows.
pub(super) struct Sheet<'a> {
    pub(super) identity: Identity,
    pub(super) state: State,
    pub(super) answers: Answers<'a>,
    pub(super) side: Answers<'a>,
    pub(super) marks: Vec<MarkWords>,
    pub(super) has_master: bool,
    pub(super) lists: Vec<List<'a>>,
    pub(super) otcs: Vec<Bought<'a>>,
    pub(super) visits: Vec<VisitRow<'a>>,
    pub(super) more_visits: usize,
    pub(super) notes: Vec<(&'static Text, &'a str, Html)>,
    /// Entries that the patient hides.
    pub(super) hidden: usize,
    pub(super) shows_hidden: bool,
    pub(super) consent: Html,
}

/// Who it is, as staff make sure of it.
pub(super) struct Identity {
    pub(super) rows: Vec<(&'static Text, Html)>,
}

/// Drugs under one heading.
pub(super) struct List<'a> {
    pub(super) title: &'static Text,
    pub(super) id: &'static str,
    pub(super) rows: Vec<Row<'a>>,
    /// Said where there are none.
    pub(super) none: Option<&'static Text>,
}

/// One drug.
pub(super) struct Row<'a> {
    pub(super) card: DrugCard<'a>,
    pub(super) tags: Vec<Tag>,
    /// Days left, or that the supply has ended.
    pub(super) left: Option<Html>,
}

/// A drug that was bought.
pub(super) struct Bought<'a> {
    pub(super) otc: &'a Otc,
    pub(super) period: Html,
    pub(super) tags: Vec<Tag>,
    pub(super) is_hidden: bool,
}

/// A visit in a row.
pub(super) struct VisitRow<'a> {
    pub(super) date: Html,
    pub(super) visit: &'a Visit,
    pub(super) drugs: Vec<&'a str>,
    pub(super) prescribers: Vec<String>,
    pub(super) source: Html,
    pub(super) is_hidden: bool,
}

/// What is known around a record.
pub(super) struct Known<'a> {
    pub(super) chart: &'a Chart,
    pub(super) timeline: &'a Timeline<'a>,
    pub(super) today: Today,
    pub(super) around: &'a Around,
    pub(super) drugs: &'a DrugMaster,
    pub(super) kept_by: &'a str,
    pub(super) shows_hidden: bool,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(f: &Frame, known: &Known<'a>) -> Self {
        let (m, t, today) = (f.m, known.timeline, known.today);
        let open = |is_hidden: bool| known.shows_hidden || !is_hidden;
        let shown = |lines: &'a [DrugLine<'a>]| lines.iter().filter(|line| open(line.concealed)).collect::<Vec<_>>();
        let (now, needed, ended) = (shown(&t.taken_now), shown(&t.as_needed), shown(&t.supply_ended));
        let otcs: Vec<_> = t.otcs.iter().filter(|otc| open(otc.concealed) && record::may_be_taken(otc.what, today)).collect();
        let lines = [(&now, false), (&needed, false), (&ended, true)];
        let lines = lines.into_iter().flat_map(|(all, has_ended)| all.iter().map(move |line| (*line, has_ended)));
        let drugs = Drugs { lines: lines.collect(), otcs: otcs.iter().map(|otc| otc.what).collect() };
        let Marked { sentences, mut tags } = marked(f, &known.drugs.master, t, &drugs, known.shows_hidden);
        let mut next = 0;
        let mut row = |line: &'a DrugLine<'a>, place| {
            let at = next;
            next += 1;
            Row {
                card: DrugCard::new(m, line, place, today),
                tags: tags.remove(&at).unwrap_or_default(),
                left: left(f, line, place),
            }
        };
        let lists = [
            (&m.print.now, "now", now, Place::Now, Some(&m.record.none_now)),
            (&m.record.needed, "needed", needed, Place::Now, None),
            (&m.record.ended, "ended", ended, Place::Ended, None),
        ];
        let lists = lists.map(|(title, id, lines, place, none)| List {
            title,
            id,
            rows: lines.into_iter().map(|line| row(line, place)).collect(),
            none,
        });
        let by_prescription = drugs.lines.len();
        let visits: Vec<_> = t.visits.iter().filter(|visit| open(visit.concealed)).collect();
        Self {
            identity: Identity::new(f, t.persons.first().map(|person| &person.what), today, known.kept_by),
            state: state(f, known),
            answers: Answers::new(f.lang, t, NoteKind::Allergy),
            side: if known.shows_hidden {
                Answers::new(f.lang, t, NoteKind::SideEffect)
            } else {
                Answers::open(f.lang, t, NoteKind::SideEffect)
            },
            marks: sentences,
            has_master: !known.drugs.master.is_empty(),
            lists: lists.into_iter().filter(|list| !list.rows.is_empty() || list.none.is_some()).collect(),
            otcs: otcs.iter().enumerate().map(|(at, otc)| bought(f, otc, tags.remove(&(by_prescription + at)))).collect(),
            more_visits: visits.len().saturating_sub(VISITS_SHOWN),
            visits: visits.into_iter().take(VISITS_SHOWN).map(|visit| VisitRow::new(f, visit)).collect(),
            notes: notes(f, t, known.shows_hidden),
            hidden: hidden(t),
            shows_hidden: known.shows_hidden,
            consent: consent(f, t.consents.first()),
        }
    }
}

fn state(f: &Frame, known: &Known<'_>) -> State {
    State {
        today: known.today,
        not_understood: known.chart.not_understood,
        unreadable: known.chart.unreadable,
        persons_differ: persons_differ(&known.timeline.persons),
        fresh: Fresh::new(f.m, known.timeline, known.chart.last_import_ms, known.chart.copy_as_of_ms),
        places: Places::of(f.m, known.around),
    }
}

fn left(f: &Frame, line: &DrugLine<'_>, place: Place) -> Option<Html> {
    match (place, line.days_left) {
        (Place::Ended, _) => Some(Html(f.d.patient.ended.to_string())),
        (Place::Now, Some(0)) => Some(Html(f.d.patient.left_last.to_string())),
        (Place::Now, Some(left)) if left > 0 => Some(f.d.patient.left_days.with(left)),
        (Place::Now | Place::Earlier, _) => None,
    }
}

fn bought<'a>(f: &Frame, otc: &'a Shown<'a, &'a Otc>, tags: Option<Vec<Tag>>) -> Bought<'a> {
    let (tags, is_hidden) = (tags.unwrap_or_default(), otc.concealed);
    Bought { otc: otc.what, period: record::period(f, otc.what), tags, is_hidden }
}

/// How many entries the patient hides.
pub(super) fn hidden(t: &Timeline<'_>) -> usize {
    fn ids<T>(all: &[Shown<'_, T>]) -> impl Iterator<Item = FactId> {
        all.iter().filter(|entry| entry.concealed).map(|entry| entry.fact.id)
    }
    let all = ids(&t.visits).chain(ids(&t.otcs)).chain(ids(&t.notes)).chain(ids(&t.memos)).chain(ids(&t.own_entries));
    all.collect::<BTreeSet<_>>().len()
}

fn notes<'a>(f: &Frame, t: &'a Timeline<'a>, shows_hidden: bool) -> Vec<(&'static Text, &'a str, Html)> {
    let is_other = |kind| matches!(kind, NoteKind::History | NoteKind::Other);
    let shown = t.notes.iter().filter(|note| is_other(note.what.kind) && (shows_hidden || !note.concealed));
    let shown = shown.filter(|note| !note.what.text.trim().is_empty());
    shown.map(|note| (words::note_kind(f.m, note.what.kind), note.what.text.as_str(), said(f.lang, note.said_at_ms))).collect()
}

fn consent(f: &Frame, newest: Option<&(i64, &Consent)>) -> Html {
    let Some((at_ms, consent)) = newest else { return Html(f.d.patient.consent_none.to_string()) };
    let r = &f.d.reception;
    let how = match consent.how {
        Spoken::Patient => &r.consent_patient,
        Spoken::Representative => &r.consent_representative,
        Spoken::Signed => &r.consent_signed,
    };
    let words = if consent.given { &f.d.patient.consent_given } else { &f.d.patient.consent_refused };
    let by = Html(format!("{how} · {}", japanese(&consent.by.name)));
    let said = words.with(words::moment(f.m, *at_ms), by);
    if consent.note.is_empty() { said } else { Html(format!("{said} {}", japanese(&consent.note))) }
}

impl Identity {
    fn new(f: &Frame, person: Option<&Patient>, today: Today, kept_by: &str) -> Self {
        let nobody = Patient::default();
        let person = person.unwrap_or(&nobody);
        let p = &f.d.patient;
        let weight = if person.weight_kg.is_empty() { String::new() } else { format!("{} kg", person.weight_kg) };
        let texts = [
            (&p.kana, person.kana.clone()),
            (&p.address, [person.postcode.as_str(), person.address.as_str()].join(" ").trim().to_owned()),
            (&p.phone, person.phone.clone()),
            (&p.emergency, person.emergency_contact.clone()),
            (&p.blood, person.blood_type.clone()),
            (&p.weight, weight),
            (&p.kept_by, kept_by.to_owned()),
        ];
        let mut rows = vec![(&f.d.find.field_sex, sex(f.lang, person.sex))];
        rows.extend(age(person, today).map(|years| (&f.d.find.field_birth, with_birth(f, person, years))));
        rows.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(label, text)| (label, japanese(&text))));
        Self { rows }
    }
}

fn with_birth(f: &Frame, person: &Patient, years: i16) -> Html {
    let born = words::birth(f.m, &person.birth).unwrap_or_default();
    Html(format!("{born} · {}", f.d.patient.age.with(i64::from(years))))
}

/// In whole years; nothing where the clock is not trusted or the date not understood.
fn age(person: &Patient, today: Today) -> Option<i16> {
    let born = person.birth.day.filter(|_| today.is_trusted)?.0;
    let had_birthday = (today.date.month(), today.date.day()) >= (born.month(), born.day());
    Some(today.date.year() - born.year() - i16::from(!had_birthday))
}

/// A sex in words.
pub(super) fn sex(lang: Lang, sex: Sex) -> Html {
    let f = &lang.desk().find;
    Html(
        match sex {
            Sex::Female => &f.female,
            Sex::Male => &f.male,
            Sex::Unknown => &f.unknown_sex,
        }
        .to_string(),
    )
}

impl<'a> VisitRow<'a> {
    fn new(f: &Frame, shown: &'a Shown<'a, &'a Visit>) -> Self {
        let visit = shown.what;
        let groups = visit.prescriptions.iter().flat_map(|prescription| &prescription.groups);
        let prescribers = visit.prescriptions.iter().filter_map(|prescription| prescription.prescriber.as_ref());
        Self {
            date: words::date_text(f.m, &visit.date),
            visit,
            drugs: groups.flat_map(|group| &group.drugs).map(|drug| drug.name.as_str()).collect(),
            prescribers: prescribers.map(|who| format!("{} {}", who.name, who.department).trim().to_owned()).collect(),
            source: words::source(f.m, shown.source),
            is_hidden: shown.concealed,
        }
    }

    /// Where it was dispensed, with the telephone.
    pub(super) fn dispensed(&self) -> Html {
        place(self.visit.dispensed_at.as_ref())
    }

    /// Where it was prescribed.
    pub(super) fn prescribed(&self) -> Html {
        place(self.visit.prescribed_at.as_ref())
    }
}

fn place(institution: Option<&crate::record::Institution>) -> Html {
    institution.map_or_else(Html::default, |at| {
        let phone = if at.phone.is_empty() { Html::default() } else { Html(format!(" ☎ {}", escaped(&at.phone))) };
        Html(format!("{}{phone}", japanese(&at.name)))
    })
}
