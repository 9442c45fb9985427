//! Reception: new patients, cards, consent, what is on paper; and the drug master.

use super::{Desk, bare, hex, person};
use kusuribako::formats::jahis::{self, Document, OutputCategory};
use kusuribako::formats::qr::{self, Correction};
use kusuribako::record::{Content, DateText, DosageForm, Drug, DrugCode, Group, Institution, Prescription, Sex, Usage, Visit};

const NEW: [(&str, &str); 7] = [
    ("name", "新顔　花子"),
    ("kana", "シンガオ　ハナコ"),
    ("birth", "昭和60年4月5日"),
    ("sex", "female"),
    ("allergy", "some"),
    ("allergies", "ペニシリン"),
    ("consent", "yes"),
];

#[test]
fn a_new_patient_is_registered_once_and_the_card_that_is_shown_once_opens_the_record() {
    let mut desk = Desk::start();
    let form = desk.staff.get("/staff/reception/new").field("form");
    let fields: Vec<(&str, &str)> = NEW.into_iter().chain([("form", form.as_str())]).collect();
    let missing = desk.post("/staff/reception/new", &[("form", &form), ("name", "新顔"), ("birth", "いつか")]);
    assert!(missing.status == 422 && missing.text.contains("value=\"新顔\""), "{}", missing.text);
    let before = desk.node.clinic.patients().unwrap().len();
    let card = desk.post("/staff/reception/new", &fields);
    assert_eq!(card.status, 200, "{}", card.text);
    let after = |class: &str| {
        let rest = card.text.split_once(&format!("<p class=\"{class}\">")).unwrap_or_else(|| panic!("{}", card.text)).1;
        rest.split_once('<').unwrap().0.to_owned()
    };
    let (code, pin) = (after("card-code"), after("pin-once"));
    assert!(card.text.contains("<svg") && pin.len() == 6);
    let again = desk.post("/staff/reception/new", &fields);
    assert!(again.status == 200 && again.text.contains("もう作りました") && !again.text.contains(&pin), "{}", again.text);
    let patients = desk.node.clinic.patients().unwrap();
    assert_eq!(patients.len(), before + 1, "a double click is one patient");
    let new = patients.last().unwrap();
    assert_eq!((new.person.birth.raw.as_str(), new.person.name.as_str()), ("19850405", "新顔　花子"));
    let page = desk.staff.get(&desk.address(new.subject)).text;
    assert!(page.contains("ペニシリン") && bare(&page).contains("同意あり"), "{page}");

    let mut patient = desk.node.visitor();
    let opened = patient.post("/open", &[("code", &code), ("pin", &pin)]);
    assert_eq!((opened.status, opened.header("location")), (303, Some("/you")), "{}", opened.text);
    assert!(patient.get("/you").text.contains("新顔"));

    // Somebody alike is shown before anybody is registered twice.
    let form = desk.staff.get("/staff/reception/new").field("form");
    let twin = [("name", "新顔　華子"), ("kana", "シンガオ　ハナコ"), ("birth", "S60.4.5"), ("form", form.as_str())];
    let asked = desk.post("/staff/reception/new", &twin);
    assert!(
        asked.text.contains("もう登録されている人かもしれません") && asked.text.contains(&hex(&new.subject.0)),
        "{}",
        asked.text
    );
    assert_eq!(desk.node.clinic.patients().unwrap().len(), before + 1);
    let other: Vec<(&str, &str)> = twin.into_iter().chain([("is_other", "yes")]).collect();
    assert!(desk.post("/staff/reception/new", &other).text.contains("pin-once"));
    assert_eq!(desk.node.clinic.patients().unwrap().len(), before + 2);
}

#[test]
fn a_card_is_replaced_and_the_old_one_opens_nothing() {
    let mut desk = Desk::start();
    let subject = desk.node.clinic.patients().unwrap()[0].subject;
    let form = desk.staff.get(&desk.address(subject)).field("form");
    let made = desk.post(&format!("{}/card", desk.address(subject)), &[("form", &form)]);
    assert!(made.status == 200 && made.text.contains("pin-once"), "{}", made.text);
    let (code, pin) = (desk.node.code.clone(), desk.node.pin.clone());
    assert_eq!(desk.node.visitor().post("/open", &[("code", &code), ("pin", &pin)]).status, 403, "the old card");
    let scanned = desk.post("/staff/find/card", &[("code", &code)]);
    assert!(scanned.text.contains("取り消されています"), "{}", scanned.text);
}

#[test]
fn consent_is_noted_and_the_newest_answer_counts() {
    let mut desk = Desk::start();
    let subject = desk.node.clinic.patients().unwrap()[0].subject;
    let page = desk.staff.get(&desk.address(subject));
    assert!(page.text.contains("聞いていません"));
    let form = page.field("form");
    let path = format!("{}/consent", desk.address(subject));
    let yes = [("form", form.as_str()), ("given", "yes"), ("how", "representative"), ("note", "娘さん")];
    for _double_click in 0..2 {
        assert_eq!(desk.post(&path, &yes).status, 303);
    }
    let page = desk.staff.get(&desk.address(subject));
    assert!(page.text.contains("代わりの人が口頭で") && page.text.contains("娘さん"), "{}", page.text);
    let consents = |desk: &Desk| {
        let facts = desk.node.clinic.chart_at_home(subject).unwrap().facts;
        let ids = facts.iter().filter(|fact| matches!(fact.content, Content::Consent(_))).map(|fact| fact.id);
        ids.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(consents(&desk), 1);
    desk.node.clock.advance(std::time::Duration::from_secs(60));
    let form = page.field("form");
    assert_eq!(desk.post(&path, &[("form", &form), ("given", "no"), ("how", "patient")]).status, 303);
    assert!(bare(&desk.staff.get(&desk.address(subject)).text).contains("同意なし"));
    assert_eq!(
        (consents(&desk), desk.post(&path, &[("form", &form), ("given", "maybe"), ("how", "patient")]).status),
        (2, 400)
    );
}

fn on_paper() -> Document {
    let code = DrugCode { kind: "1".to_owned(), value: String::new() };
    let drug =
        Drug { name: "紙の錠５ｍｇ".to_owned(), amount: "1".to_owned(), unit: "錠".to_owned(), code, ..Drug::default() };
    let usage = Usage {
        name: "分１ 朝食後".to_owned(),
        quantity: "14".to_owned(),
        unit: "日分".to_owned(),
        form: DosageForm::Oral,
        code_kind: "1".to_owned(),
        ..Usage::default()
    };
    let group = Group { rp: 1, drugs: vec![drug], usage: Some(usage), ..Group::default() };
    let visit = Visit {
        date: DateText::read("20261119"),
        dispensed_at: Some(Institution {
            name: "よその薬局".to_owned(),
            fee_table: "4".to_owned(),
            prefecture: "04".to_owned(),
            code: "1234567".to_owned(),
            ..Institution::default()
        }),
        prescriptions: vec![Prescription { prescriber: None, groups: vec![group] }],
        ..Visit::default()
    };
    let patient = person("紙野　花子", "カミノ　ハナコ", "19700707", Sex::Female);
    Document { patient: Some(patient), visits: vec![visit], ..Document::new(OutputCategory::FacilityToPatient) }
}

#[test]
fn what_is_on_paper_is_shown_first_and_taken_in_once_for_whom_somebody_says() {
    let mut desk = Desk::start();
    let known = desk.register(person("紙野　花子", "カミノ　ハナコ", "19700707", Sex::Female), vec![]);
    let photo = qr::png(&jahis::write(&on_paper()).bytes, Correction::Medium).unwrap();
    let csrf = desk.csrf.clone();
    let before = desk.node.clinic.chart_at_home(known).unwrap().facts.len();
    let shown = desk.staff.post_files("/staff/reception/paper", &csrf, "paper", &[("p.png", &photo)]);
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert!(shown.text.contains("紙の錠５ｍｇ") && shown.text.contains("名前・生年月日・性別が同じ"), "{}", shown.text);
    assert_eq!(desk.node.clinic.chart_at_home(known).unwrap().facts.len(), before, "nothing is taken in yet");
    let (form, to) = (shown.field("form"), shown.field("to"));
    assert_eq!(to, hex(&known.0));
    let taken = desk.post("/staff/reception/take", &[("form", &form), ("to", &to)]);
    assert_eq!(taken.header("location"), Some(format!("{}?done=taken", desk.address(known)).as_str()), "{}", taken.text);
    assert!(desk.staff.get(&desk.address(known)).text.contains("紙の錠５ｍｇ"));
    let again = desk.post("/staff/reception/take", &[("form", &form), ("to", &to)]);
    assert!(again.header("location").unwrap().ends_with("done=before"), "{}", again.text);
    let patients = desk.node.clinic.patients().unwrap().len();

    // As a new patient, once however often it is sent.
    let mut other = on_paper();
    other.patient = Some(person("紙山　次郎", "カミヤマ　ジロウ", "19800808", Sex::Male));
    let file = jahis::write(&other).bytes;
    let shown = desk.staff.post_files("/staff/reception/paper", &csrf, "paper", &[("p.csv", &file)]);
    let form = shown.field("form");
    for _double_click in 0..2 {
        assert_eq!(desk.post("/staff/reception/take", &[("form", &form), ("to", "new")]).status, 303);
    }
    assert_eq!(desk.node.clinic.patients().unwrap().len(), patients + 1);

    let unread = desk.staff.post_files("/staff/reception/paper", &csrf, "paper", &[("x.csv", b"no record")]);
    assert_eq!(unread.status, 422, "{}", unread.text);
    assert_eq!(desk.staff.post_files("/staff/reception/paper", "0", "paper", &[("p.csv", &file)]).status, 403);
    let gone = desk.post("/staff/reception/take", &[("form", &"0".repeat(32)), ("to", "new")]);
    assert!(gone.status == 422 && gone.text.contains("もう一度読み取ってください"), "{}", gone.text);
}

#[test]
fn a_mothers_and_her_childs_papers_never_go_into_one_record() {
    let mut desk = Desk::start();
    let mother = desk.register(person("紙野　花子", "カミノ　ハナコ", "19700707", Sex::Female), vec![]);
    let mut childs = on_paper();
    childs.patient = Some(person("紙野　月子", "カミノ　ツキコ", "20150707", Sex::Female));
    childs.visits[0].prescriptions[0].groups[0].drugs[0].name = "子どもの粉薬".to_owned();
    // In one file, and in one of their own.
    let (hers, its) = (jahis::write(&on_paper()).bytes, jahis::write(&childs).bytes);
    let both = [&hers[..], &its[..]].concat();
    for uploaded in [vec![("both.csv", &both[..])], vec![("hers.csv", &hers[..]), ("its.csv", &its[..])]] {
        let csrf = desk.csrf.clone();
        let shown = desk.staff.post_files("/staff/reception/paper", &csrf, "paper", &uploaded);
        assert!(shown.status == 200 && bare(&shown.text).contains("2 人分"), "{}", shown.text);
        assert!(shown.text.contains("紙の錠５ｍｇ") && shown.text.contains("子どもの粉薬"));
        let (form, to) = (shown.field("form"), shown.field("to"));
        assert_eq!(to, hex(&mother.0));
        let rest = desk.post("/staff/reception/take", &[("form", &form), ("to", &to)]);
        assert_eq!(rest.status, 200, "{}", rest.text);
        assert!(rest.text.contains("子どもの粉薬") && !rest.text.contains("紙の錠５ｍｇ"), "{}", rest.text);
        assert!(rest.text.contains(&desk.address(mother)), "the way to the record");
        let childs_form = rest.field("form");
        assert_ne!(childs_form, form);
        let taken = desk.post("/staff/reception/take", &[("form", &childs_form), ("to", "new")]);
        assert_eq!(taken.status, 303, "{}", taken.text);
        let childs_page = taken.header("location").unwrap().split('?').next().unwrap().to_owned();
        assert_ne!(childs_page, desk.address(mother));
        let (her_page, its_page) = (desk.staff.get(&desk.address(mother)).text, desk.staff.get(&childs_page).text);
        assert!(her_page.contains("紙の錠５ｍｇ") && !her_page.contains("子どもの粉薬"), "{her_page}");
        assert!(its_page.contains("子どもの粉薬") && !its_page.contains("紙の錠５ｍｇ"), "{its_page}");
    }
}

#[test]
fn papers_that_went_into_the_wrong_record_say_so_and_still_go_into_the_right_one() {
    let mut desk = Desk::start();
    let right = desk.register(person("紙野　花子", "カミノ　ハナコ", "19700707", Sex::Female), vec![]);
    let wrong = desk.register(person("神野　花子", "カミノ　ハナコ", "19700708", Sex::Female), vec![]);
    let file = jahis::write(&on_paper()).bytes;
    let csrf = desk.csrf.clone();
    let shown = desk.staff.post_files("/staff/reception/paper", &csrf, "paper", &[("p.csv", &file)]);
    assert_eq!(desk.post("/staff/reception/take", &[("form", &shown.field("form")), ("to", &hex(&wrong.0))]).status, 303);
    let shown = desk.staff.post_files("/staff/reception/paper", &csrf, "paper", &[("p.csv", &file)]);
    let (form, to, new) = (shown.field("form"), hex(&right.0), desk.node.clinic.patients().unwrap().len());
    for to in [to.as_str(), "new"] {
        let asked = desk.post("/staff/reception/take", &[("form", &form), ("to", to)]);
        assert!(asked.status == 409 && asked.text.contains(&desk.address(wrong)), "{} {}", asked.status, asked.text);
    }
    assert!(!desk.staff.get(&desk.address(right)).text.contains("紙の錠５ｍｇ"));
    assert_eq!(desk.node.clinic.patients().unwrap().len(), new, "nobody is registered meanwhile");
    let taken = desk.post("/staff/reception/take", &[("form", &form), ("to", &to), ("again", "yes")]);
    assert!(taken.header("location").unwrap().ends_with("done=taken"), "{}", taken.text);
    assert!(desk.staff.get(&desk.address(right)).text.contains("紙の錠５ｍｇ"));
    let once_more = desk.post("/staff/reception/take", &[("form", &form), ("to", &to)]);
    assert!(once_more.header("location").unwrap().ends_with("done=before"), "{}", once_more.text);
}

#[test]
fn drugs_are_imported_and_found_on_a_page() {
    let mut desk = Desk::start();
    let csrf = desk.csrf.clone();
    assert!(desk.staff.get("/staff/drugs").text.contains("まだ取りこんでいません"));
    let refused = desk.staff.post_files("/staff/drugs/import", &csrf, "table", &[("x.csv", b"a,b\n1,2\n")]);
    assert!(refused.status == 422 && refused.text.contains("薬の表として読めません"), "{}", refused.text);
    let list = super::cases::list();
    let imported = desk.staff.post_files("/staff/drugs/import", &csrf, "table", &[("list.csv", list.as_bytes())]);
    assert!(imported.status == 200 && imported.text.contains("17 品目を取りこみました"), "{}", imported.text);
    for words in ["わーふぁりん", "ワルファリン", "3332001"] {
        let found = desk.post("/staff/drugs", &[("words", words)]);
        assert!(found.text.contains("ワーファリン錠１ｍｇ") && found.text.contains("抗凝固薬"), "{words}: {}", found.text);
    }
    assert!(desk.post("/staff/drugs", &[("words", "ない薬")]).text.contains("合う薬がありません"));
    assert_eq!(desk.staff.post_files("/staff/drugs/import", "0", "table", &[("list.csv", list.as_bytes())]).status, 403);
}
