//! Pages from hand-made timelines: what a reader must never be left to guess.

use super::lang::Lang;
use super::page::{Frame, Who};
use super::places::Around;
use super::reading::Reading;
use super::{history, looks, record};
use crate::clinic::Chart;
use crate::clinic::surroundings::Surroundings;
use crate::ledger::{LedgerId, SiteId};
use crate::record::dose::{Dose, Unclear};
use crate::record::timeline::{Doubt, DrugLine, Shown, Timeline, Today};
use crate::record::{
    Channel, ContentHash, DateText, DrugCode, FactId, FactVersion, Look, Looker, Note, NoteKind, Origin, Patient, Source, Visit,
};
use axum::response::Response;
use jiff::civil::date;
use std::sync::Arc;

fn version(n: u8) -> FactVersion {
    FactVersion { id: FactId([n; 16]), version: ContentHash([n; 32]) }
}

/// Pages borrow what they show; what a test makes up lives as long as the test run.
fn kept<T>(what: T) -> &'static T {
    &*Box::leak(Box::new(what))
}

fn source() -> &'static Source {
    kept(Source { origin: Origin::Pharmacy, name: "見本薬局".into(), channel: Channel::JahisQr })
}

fn shown<T>(n: u8, what: T) -> Shown<'static, T> {
    Shown {
        fact: version(n),
        what,
        source: source(),
        also_from: vec![],
        said_at_ms: 0,
        doubts: vec![],
        concealed: false,
        conceal_turns: 0,
    }
}

fn line(name: &'static str, dose: Dose) -> DrugLine<'static> {
    DrugLine {
        visit: version(9),
        rp: 1,
        place: 0,
        name,
        generic: "",
        code: kept(DrugCode::default()),
        dose,
        told: None,
        usage: "【分３ 毎食後】",
        supplements: vec![],
        cautions: vec![],
        starts: Some(date(2026, 11, 20)),
        ends: Some(date(2026, 12, 3)),
        days_left: Some(11),
        stopped: None,
        stopped_note: "",
        replaced_by: None,
        prescribed_at: "",
        prescriber: None,
        dispensed_at: "",
        dispensed_phone: "",
        source: source(),
        class3: Some("214"),
        doubts: vec![],
        concealed: false,
    }
}

fn per_dose() -> Dose {
    Dose::PerDose { amount: "1".into(), unit: "錠".into(), doses: Some("10".into()) }
}

fn patient(name: &str) -> Patient {
    Patient { name: name.into(), birth: DateText::read("S200503"), ..Patient::default() }
}

fn reading(timeline: Timeline<'static>) -> Reading<'static> {
    let today = Today { date: date(2026, 11, 22), is_trusted: true };
    let alone = Surroundings::alone(SiteId([0; 16]));
    let around = kept(Around { around: Arc::new(alone), ledger: LedgerId([0; 16]), waiting: 0, carried: None });
    Reading { chart: kept(Chart::default()), timeline, today, now_ms: 1_795_311_300_000, around }
}

fn frame(lang: Lang, reading: &Reading) -> Frame {
    let mut frame = Frame::new(lang, "見本診療所", "", reading.now_ms).titled("x");
    frame.who = Some(Who::of(lang, &reading.timeline.persons));
    frame
}

fn text(response: Response) -> String {
    let body = axum::body::to_bytes(response.into_body(), usize::MAX);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    String::from_utf8(runtime.block_on(body).unwrap().to_vec()).unwrap()
}

fn first_page(lang: Lang, reading: &Reading) -> String {
    record::render(frame(lang, reading), reading).unwrap()
}

fn allergy(text: &str, none: bool) -> Shown<'static, &'static Note> {
    let on = DateText::read("20250401");
    shown(3, kept(Note { kind: NoteKind::Allergy, text: text.into(), none, on, by: "聞いた 人".into(), creator: None }))
}

#[test]
fn not_recorded_is_not_none_and_none_has_a_day_and_a_person() {
    let nothing = first_page(Lang::Japanese, &reading(Timeline::default()));
    assert!(nothing.contains("「ない」という意味ではありません"));
    let none = Timeline { notes: vec![allergy("", true)], ..Timeline::default() };
    let none = first_page(Lang::Japanese, &reading(none));
    assert!(none.contains("聞き取りで「ない」") && none.contains("2025年4月1日・<span lang=\"ja\">聞いた 人</span>"));
    assert!(!none.contains("という意味ではありません"));
    let both = Timeline { notes: vec![allergy("そば", false), allergy("", true)], ..Timeline::default() };
    let both = first_page(Lang::Japanese, &reading(both));
    assert!(both.contains("そば") && both.contains("「ない」と答えた記録もあります"));
}

#[test]
fn what_ran_out_and_what_is_needed_now_and_then_stays_on_the_first_page() {
    let ended = DrugLine { ends: Some(date(2026, 11, 21)), days_left: None, ..line("終わった錠", per_dose()) };
    let timeline =
        Timeline { as_needed: vec![line("頓服錠", per_dose())], supply_ended: vec![ended], ..Timeline::default() };
    let page = first_page(Lang::Japanese, &reading(timeline));
    assert!(page.contains("頓服錠") && page.contains("10回分"));
    assert!(page.contains("終わった錠") && page.contains("11月21日（土） までの分でした"));
    assert!(page.contains("「やめた」という記録はありません"));
    assert!(page.contains("いま飲むことになっている薬の記録はありません"));
}

#[test]
fn what_nobody_can_compute_is_shown_as_written_with_a_warning() {
    let because = Unclear::Contradictory;
    let dose = Dose::AsWritten { because, amount: "1".into(), unit: "錠".into() };
    let page = first_page(Lang::English, &reading(Timeline { taken_now: vec![line("見本錠", dose)], ..Timeline::default() }));
    assert!(page.contains("does not fit how it should be taken"));
    assert!(page.contains("<span lang=\"ja\">【分３ 毎食後】</span>"), "usage stays as written");
    assert!(page.contains("<h3 lang=\"ja\">見本錠</h3>") && page.contains("Lowers blood pressure"));
    assert!(!page.contains("each time"));
}

#[test]
fn warnings_stand_on_the_first_page() {
    let persons = vec![shown(1, patient("見本 花子")), shown(2, patient("見本 華子"))];
    let mut doubtful = reading(Timeline { persons, ..Timeline::default() });
    doubtful.chart = kept(Chart { not_understood: 2, unreadable: 3, ..Chart::default() });
    doubtful.today.is_trusted = false;
    let page = first_page(Lang::Japanese, &doubtful);
    for must in
        ["読めない新しい形の記録が 2 件", "開けない記録が 3 件", "お名前や生年月日が、記録によって", "時計は、合っていない"]
    {
        assert!(page.contains(must), "{must}");
    }
    let same = vec![shown(1, patient("見本 花子")), shown(2, patient("見本　花子"))];
    let page = first_page(Lang::Japanese, &reading(Timeline { persons: same, ..Timeline::default() }));
    assert!(!page.contains("記録によってちがいます"), "a wide space is no other person");
}

#[test]
fn a_doubt_leads_from_the_drug_to_both_visits_and_their_differences() {
    let differences = vec![("アムロジピン 5mg".to_owned(), String::new())];
    let doubt = Doubt::PossibleCorrection { other: version(8), is_newer: true, differences };
    let drug = DrugLine { doubts: vec![doubt.clone()], ..line("見本錠", per_dose()) };
    let visit = Shown { doubts: vec![doubt], ..shown(9, kept(Visit { date: DateText::read("20261120"), ..Visit::default() })) };
    let reading = reading(Timeline { taken_now: vec![drug], visits: vec![visit], ..Timeline::default() });
    assert!(first_page(Lang::Japanese, &reading).contains(&format!("href=\"/record/visit/{}\"", "09".repeat(16))));
    let page = history::render(frame(Lang::Japanese, &reading), &reading, 0).unwrap();
    assert!(
        page.contains("前の記録を直したものかもしれません") && page.contains("アムロジピン 5mg") && page.contains("（なし）")
    );
    assert!(page.contains(&format!("href=\"/record/visit/{}\"", "08".repeat(16))));
}

#[test]
fn a_long_history_has_pages_that_lead_on_and_back() {
    let visits =
        (0..25_u8).map(|n| shown(n, kept(Visit { date: DateText::read(&format!("202601{:02}", n + 1)), ..Visit::default() })));
    let reading = reading(Timeline { visits: visits.collect(), ..Timeline::default() });
    let page = |n| history::render(frame(Lang::English, &reading), &reading, n).unwrap();
    let counts = [0, 1, 2, 3].map(|n| page(n).matches("class=\"visit\"").count());
    assert_eq!(counts, [10, 10, 5, 0]);
    assert!(page(0).contains("?page=1") && !page(0).contains("Newer records"));
    assert!(page(1).contains("?page=0") && page(1).contains("?page=2"));
    assert!(page(2).contains("?page=1") && !page(2).contains("Older records"));
    assert_eq!(page(usize::MAX).matches("class=\"visit\"").count(), 0);
}

#[test]
fn who_looked_is_named() {
    let look = |by, name: &str| {
        (
            1_795_311_300_000,
            kept(Look { by, name: name.into(), place: "見本診療所".into(), reason: String::new(), right: None }),
        )
    };
    let reading =
        reading(Timeline { looks: vec![look(Looker::Staff, "職員 <一>"), look(Looker::Card, "")], ..Timeline::default() });
    let page = text(looks::render(frame(Lang::Japanese, &reading), &reading).unwrap());
    assert!(page.contains("職員 <span lang=\"ja\">職員 &lt;一&gt;</span>") && page.contains("カードと暗証番号で"));
    assert!(page.contains("2026年11月22日 10:35"));
}
