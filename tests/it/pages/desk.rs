//! Staff's desk over HTTP: finding a patient, reading the record with its marks, reception, drugs.

mod cases;
mod papers;

use super::node::{Answer, Node, Visitor};
use kusuribako::clinic::intake::NewFact;
use kusuribako::record::{
    Channel, Concealment, Content, DateText, FactId, Memo, Note, NoteKind, Origin, Patient, Sex, Source, Subject,
};
use kusuribako::seal::badge::Passphrase;

const PASSPHRASE: &str = "いろはにほへとちりぬる";

/// A served clinic with somebody of its staff signed in.
pub struct Desk {
    pub node: Node,
    pub staff: Visitor,
    pub csrf: String,
}

impl Desk {
    pub fn start() -> Self {
        let node = Node::start();
        let badge = node.clinic.first_admin(Some(Passphrase::chosen(PASSPHRASE).unwrap())).unwrap();
        let mut staff = node.visitor();
        let code = badge.code.printed().to_string();
        let answer = staff.post("/staff/sign-in", &[("badge", &code), ("passphrase", PASSPHRASE)]);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/staff")), "{}", answer.text);
        let csrf = staff.get("/staff").csrf();
        Self { node, staff, csrf }
    }

    pub fn register(&self, person: Patient, facts: Vec<Content>) -> Subject {
        let fact = |content| NewFact { id: self.node.clinic.new_fact_id(), content, source: source(), digest: None };
        self.node.clinic.register(person, source(), facts.into_iter().map(fact).collect()).unwrap()
    }

    pub fn address(&self, subject: Subject) -> String {
        format!("/staff/patient/{}/{}", hex(&self.node.clinic.ledger().0), hex(&subject.0))
    }

    /// Posts a form of the session.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        let fields: Vec<(&str, &str)> = std::iter::once(("csrf", csrf.as_str())).chain(fields.iter().copied()).collect();
        self.staff.post(path, &fields)
    }

    /// What the search says once everybody has been read.
    pub fn find(&mut self, name: &str, birth: &str) -> Answer {
        crate::wait::until("everybody has been read", std::time::Duration::from_secs(60), || {
            let page = self.post("/staff/find", &[("name", name), ("birth", birth)]);
            (!page.text.contains("まだ読みこんでいる")).then_some(page)
        })
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn source() -> Source {
    Source { origin: Origin::Pharmacy, name: "見本薬局".to_owned(), channel: Channel::JahisFile }
}

pub fn person(name: &str, kana: &str, birth: &str, sex: Sex) -> Patient {
    Patient {
        name: name.to_owned(),
        kana: kana.to_owned(),
        birth: DateText::read(birth),
        sex,
        phone: "022-000-1234".to_owned(),
        address: "例示市架空町1-2-3".to_owned(),
        ..Patient::default()
    }
}

/// The text between tags, blanks as they are.
pub fn bare(html: &str) -> String {
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

#[test]
fn own_patients_are_found_by_what_somebody_remembers_with_reasons_and_twins_set_apart() {
    let mut desk = Desk::start();
    let hanako = desk.register(person("渡邉　花子", "ワタナベ　ハナコ", "S100401", Sex::Female), vec![]);
    desk.register(person("渡辺　華子", "ワタナベ　ハナコ", "S100410", Sex::Female), vec![]);
    desk.register(person("例山　正", "レイヤマ　タダシ", "19500101", Sex::Male), vec![]);
    let page = desk.find("わたなべ はなこ", "昭和10年4月1日");
    assert_eq!(page.status, 200, "{}", page.text);
    let link = desk.address(hanako);
    let first = page.text.find(&format!("href=\"{link}\"")).unwrap_or_else(|| panic!("not found: {}", page.text));
    assert!(page.text.contains("名前 100 %") && page.text.contains("生年月日"), "{}", page.text);
    let twins = page.text.split_once("class=\"alert twins\"").expect("twins are set apart").1;
    assert!(twins.split_once("</section>").unwrap().0.contains("1935年4月10日"), "what differs stands beside each other");
    assert!(page.text.matches("<mark class=\"differs\">").count() >= 2, "and is marked at each");
    assert!(page.text.find("1935年4月10日").unwrap() < first, "before anybody can be opened");
    assert!(!page.text.contains("例山"), "who does not fit is not shown");
    for (name, birth) in [("ワタナベ", "1935"), ("渡辺花子", ""), ("はなこ", "S10"), ("ﾜﾀﾅﾍﾞ ﾊﾅｺ", "")]
    {
        assert!(desk.find(name, birth).text.contains(&link), "{name} {birth}");
    }
    let by_phone = desk.post("/staff/find", &[("phone", "1234"), ("name", "れいやま")]);
    assert!(by_phone.text.contains("例山") && by_phone.text.contains("電話番号"), "{}", by_phone.text);
    assert_eq!(desk.find("", "").status, 422, "nothing is no question");
    assert!(desk.find("存在 しない", "1901").text.contains("見つかりません"));
    // Somebody who is registered now is found at once.
    let late = desk.register(person("新顔　太郎", "シンガオ　タロウ", "19990909", Sex::Male), vec![]);
    let link = desk.address(late);
    assert!(desk.find("しんがお", "").text.contains(&link));
    // A form of another session, or none, finds nobody.
    assert_eq!(desk.staff.post("/staff/find", &[("csrf", "0"), ("name", "わたなべ")]).status, 403);
    let stranger = desk.node.visitor().post("/staff/find", &[("csrf", "0"), ("name", "わたなべ")]);
    assert_eq!(stranger.status, 403);
    assert!(!stranger.text.contains("渡邉"));
}

#[test]
fn a_card_that_is_scanned_leads_to_its_patient_and_a_strangers_card_nowhere() {
    let mut desk = Desk::start();
    let code = desk.node.code.clone();
    let subject = desk.node.clinic.patients().unwrap()[0].subject;
    for typed in [code.clone(), format!("http://kusuri.internal/c/{code}")] {
        let opened = desk.post("/staff/find/card", &[("code", &typed)]);
        assert_eq!((opened.status, opened.header("location")), (303, Some(desk.address(subject).as_str())), "{}", opened.text);
    }
    let other = Desk::start();
    let unknown = desk.post("/staff/find/card", &[("code", &other.node.code)]);
    assert!(unknown.status == 422 && unknown.text.contains("うちのカードではありません"), "{}", unknown.text);
    assert_eq!(desk.post("/staff/find/card", &[("code", "xyz")]).status, 422);
}

#[test]
fn the_record_is_one_screen_in_the_order_in_which_a_pharmacist_asks() {
    let mut desk = Desk::start();
    let subject = desk.node.clinic.patients().unwrap()[0].subject;
    let page = desk.staff.get(&desk.address(subject)).text;
    let at = |what: &str| page.find(what).unwrap_or_else(|| panic!("no {what}: {page}"));
    let order = [
        "id=\"is-this\"",
        "ペニシリンで&lt;発疹&gt;",
        "id=\"side\"",
        "id=\"marks\"",
        "見本錠&lt;１０ｍｇ&gt;",
        "id=\"visits\"",
        "id=\"fresh\"",
    ];
    for pair in order.windows(2) {
        assert!(at(pair[0]) < at(pair[1]), "{pair:?}");
    }
    assert!(page.contains("1945年5月3日（昭和20年） · 81 歳"), "{page}");
    assert!(bare(&page).contains("1日 6錠を 3回に分けて") && page.contains("あと 11 日"), "{page}");
    assert!(
        page.contains("確かめていません") && page.contains("これは完全な確認ではありません"),
        "no code maps without a master: {page}"
    );
    let side = page.split_once("id=\"side\"").unwrap().1.split_once("</section>").unwrap().0;
    assert!(side.contains("記録がありません") || side.contains("記録されていません"), "side effects were never asked: {side}");
    assert_eq!(
        desk.staff.get(&format!("/staff/patient/{}/{}", "00".repeat(16), hex(&subject.0))).status,
        403,
        "another ledger"
    );
    assert_eq!(desk.staff.get(&desk.address(Subject([9; 16]))).status, 404);
}

#[test]
fn concealed_entries_stay_closed_until_somebody_says_why_and_the_patient_sees_that() {
    let mut desk = Desk::start();
    let hidden = FactId([0x51; 16]);
    let memo = Note {
        kind: NoteKind::SideEffect,
        text: "隠した副作用".to_owned(),
        none: false,
        on: DateText::default(),
        by: String::new(),
        creator: None,
    };
    let facts = vec![
        NewFact { id: hidden, content: Content::Note(memo), source: source(), digest: None },
        NewFact {
            id: FactId([0x52; 16]),
            content: Content::Concealment(Concealment { target: hidden, concealed: true, turn: 1 }),
            source: source(),
            digest: None,
        },
        NewFact { id: FactId([0x53; 16]), content: Content::Memo(Memo::default()), source: source(), digest: None },
    ];
    let subject =
        desk.node.clinic.register(person("見本　葉子", "ミホン　ヨウコ", "19600606", Sex::Female), source(), facts).unwrap();
    let page = desk.staff.get(&desk.address(subject)).text;
    assert!(!page.contains("隠した副作用") && page.contains("見せないことにした記録：1 件"), "{page}");
    let open = format!("{}/hidden", desk.address(subject));
    assert_eq!(desk.post(&open, &[("basis", "consent"), ("why", " ")]).status, 422, "a reason is asked for");
    assert_eq!(desk.post(&open, &[("basis", "curious"), ("why", "x")]).status, 400);
    assert!(!desk.staff.get(&desk.address(subject)).text.contains("隠した副作用"));
    assert_eq!(desk.post(&open, &[("basis", "consent"), ("why", "本人から")]).status, 303);
    assert!(desk.staff.get(&desk.address(subject)).text.contains("隠した副作用"));
    let slip = desk.staff.get(&format!("{}/slip/a4", desk.address(subject))).text;
    assert!(!slip.contains("隠した副作用"), "paper does not show it");
}

#[test]
fn nobody_elses_patient_is_looked_for_without_a_reason_and_the_answer_is_the_same_whoever_is_asked_for() {
    let mut desk = Desk::start();
    let way_in = desk.staff.get("/staff/find/beyond");
    assert_eq!((way_in.status, way_in.header("location")), (303, Some("/staff/glass")));
    let present = desk.post("/staff/find/beyond", &[("name", "見本 花子")]);
    let absent = desk.post("/staff/find/beyond", &[("name", "存在 しない")]);
    assert_eq!((present.status, absent.status), (403, 403), "{}", present.text);
    assert_eq!(present.text, absent.text, "not a byte tells who is known");
    let broken = desk.post("/staff/glass", &[("reason", "emergency"), ("words", "避難所"), ("consent", "cannot")]);
    assert_eq!(broken.header("location"), Some("/staff/find/beyond"), "{}", broken.text);
    assert!(desk.staff.get("/staff/glass").text.contains("href=\"/staff/find/beyond\""), "and the way there from the glass");
    let page = desk.staff.get("/staff/find/beyond");
    assert!(
        page.status == 200 && page.text.contains("name=\"birth\"") && !page.text.contains("name=\"drug\""),
        "{}",
        page.text
    );
    let nobody = desk.post("/staff/find/beyond", &[("name", "見本 花子")]);
    assert!(nobody.text.contains("見つかりません（0 人の中から）"), "own patients have a page of their own: {}", nobody.text);
    assert_eq!(desk.post("/staff/find/beyond", &[("name", " ")]).status, 422);
}

#[test]
fn with_the_last_session_everybody_is_forgotten_and_with_the_next_found_again() {
    let mut desk = Desk::start();
    desk.find("みほん", "");
    assert!(desk.node.clinic.searchable().people > 0);
    assert_eq!(desk.post("/staff/sign-out", &[]).status, 303);
    assert_eq!(desk.node.clinic.searchable().people, 0);
    desk.node.clinic.read_people().unwrap();
    assert!(desk.node.clinic.searchable().people > 0);
    desk.node.clinic.lock();
    assert_eq!(desk.node.clinic.searchable().people, 0, "locking forgets, too");
}
