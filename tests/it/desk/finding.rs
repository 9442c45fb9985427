//! Whoever is here is found, and whoever may read meets no dead end: what the desk says where it could not show somebody.

use super::browser::{Answer, Browser};
use super::shelter::{NAME, Node, PASSPHRASE, Rung, Shelter, Who};
use crate::carry::carry;
use kusuribako::clinic::glass::{PATIENTS_AN_HOUR, Why};
use kusuribako::clinic::intake::NewFact;
use kusuribako::formats::qr::{self, Correction};
use kusuribako::record::{
    Channel, Concealment, Consent, Content, DateText, Drug, FactId, GlassReason, Group, LookShown, Note, NoteKind, Origin, Otc,
    Patient, Prescription, Sex, Source, Subject, Visit,
};
use kusuribako::seal::badge::Passphrase;
use std::time::Duration;

const HIDDEN: &str = "かくした副作用";
const DRUG: &str = "ワーファリン錠1mg";
const MINUTE: Duration = Duration::from_secs(60);

fn source() -> Source {
    Source { origin: Origin::Staff, name: String::new(), channel: Channel::CommandLine }
}

fn person(name: &str, birth: &str) -> Patient {
    Patient { name: name.to_owned(), sex: Sex::Female, birth: DateText::read(birth), ..Patient::default() }
}

fn fact(id: u8, content: Content) -> NewFact {
    NewFact { id: FactId([id; 16]), content, source: source(), digest: None }
}

/// Somebody who hides something from whoever reads.
fn who_hides(at: &Node, name: &str, first_id: u8) -> Subject {
    let hidden = Note {
        kind: NoteKind::SideEffect,
        text: HIDDEN.to_owned(),
        none: false,
        on: DateText::default(),
        by: String::new(),
        creator: None,
    };
    let conceal = Concealment { target: FactId([first_id; 16]), concealed: true, turn: 1 };
    let facts = vec![fact(first_id, Content::Note(hidden)), fact(first_id + 1, Content::Concealment(conceal))];
    at.clinic.register(person(name, "S351201"), source(), facts).unwrap()
}

fn address(at: &Node, subject: Subject) -> String {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    format!("/staff/patient/{}/{}", hex(&at.clinic.ledger().0), hex(&subject.0))
}

fn break_glass(browser: &mut Browser, secret: &str) {
    let csrf = browser.get("/staff").csrf();
    let form = [("csrf", csrf.as_str()), ("reason", "emergency"), ("consent", "cannot"), ("words", ""), ("secret", secret)];
    let broken = browser.post("/staff/glass", &form);
    assert_eq!(broken.location(), Some("/staff/find/beyond"), "{}", broken.text);
}

fn look_for(browser: &mut Browser, path: &str, name: &str, more: &[(&str, &str)]) -> Answer {
    let csrf = browser.get("/staff").csrf();
    let mut form = vec![("csrf", csrf.as_str()), ("name", name)];
    form.extend_from_slice(more);
    browser.post(path, &form)
}

const BEYOND: &str = "/staff/find/beyond";

#[test]
fn a_sixth_who_fits_is_told_of_and_those_who_were_shown_stay() {
    let shelter = Shelter::new();
    for day in 1..=5 {
        shelter.home.clinic.register(person("八重樫 すみえ", &format!("S40010{day}")), Source::UNKNOWN, Vec::new()).unwrap();
    }
    shelter.holder_takes();
    let mut reader = shelter.browser(Rung::Tls, Who::Reader);
    let right = address(&shelter.home, shelter.subject);
    break_glass(&mut reader, "");
    let misspelt = look_for(&mut reader, BEYOND, "八重樫 すみえ", &[]);
    assert_eq!(misspelt.text.matches("class=\"person\"").count(), 5, "{}", misspelt.text);
    assert!(!misspelt.text.contains(&right));
    let refined = look_for(&mut reader, BEYOND, NAME, &[]);
    assert!(!refined.text.contains(&right) && !refined.text.contains("見つかりません"), "{}", refined.text);
    assert!(refined.text.contains("ほかにも合う人がいます（1 人）"), "{}", refined.text);
    assert!(refined.text.contains("八重樫 すみえ"), "who was shown before is shown still: {}", refined.text);
    let alone = look_for(&mut reader, BEYOND, NAME, &[("birth", "S330303"), ("sex", "female")]);
    assert!(alone.text.contains("ほかにも合う人がいます") && !alone.text.contains("見つかりません"), "{}", alone.text);
    assert!(alone.text.contains("href=\"/staff/glass\">わけと同意を残す"), "{}", alone.text);
    break_glass(&mut reader, "");
    assert!(look_for(&mut reader, BEYOND, NAME, &[("birth", "S330303")]).text.contains(&right));
}

#[test]
fn copies_that_time_has_locked_are_named_before_a_glass_is_broken_and_open_with_the_passphrase() {
    let shelter = Shelter::new();
    let mut reader = shelter.browser(Rung::Tls, Who::Reader);
    assert!(!reader.get("/staff/glass").text.contains("閉じた写し"));
    for _nine_minutes in 0..27 {
        shelter.holder.clock.advance(9 * MINUTE);
        assert_eq!(reader.get("/staff/find").status, 200);
    }
    let page = reader.get("/staff/glass");
    assert!(page.text.contains("ほかの医院の写しはありません"), "{}", page.text);
    assert!(page.text.contains("時間がたって閉じた写し") && page.text.contains("家の薬局"), "{}", page.text);
    assert!(shelter.holder.clinic.glasses().unwrap().is_empty());
    break_glass(&mut reader, PASSPHRASE);
    let found = look_for(&mut reader, BEYOND, NAME, &[("birth", "S330303")]);
    assert!(found.text.contains(&address(&shelter.home, shelter.subject)), "{}", found.text);
    assert!(!found.text.contains("さがしていない写し"), "{}", found.text);
}

#[test]
fn a_copy_into_which_nobody_could_look_is_named_by_the_search() {
    let shelter = Shelter::new();
    let third = Node::new("よその診療所");
    carry(&third.clinic, &shelter.holder.clinic, third.clinic.ledger());
    let mut reader = shelter.browser(Rung::Tls, Who::Reader);
    break_glass(&mut reader, "");
    let nobody = look_for(&mut reader, BEYOND, "だれも いない", &[]);
    assert!(nobody.text.contains("見つかりません（1 人の中から）"), "{}", nobody.text);
    let named = format!("でしか開かない写し：<span lang=\"ja\">{}", third.clinic.ledger());
    assert!(nobody.text.contains(&named), "{}", nobody.text);
}

#[test]
fn a_homes_staff_find_scan_read_and_open_at_a_holder_as_at_home_and_are_offered_nothing_that_is_refused() {
    let shelter = Shelter::new();
    let subject = who_hides(&shelter.home, "見本 葉子", 0x61);
    let card = shelter.home.clinic.issue_card(subject).unwrap();
    shelter.holder_takes();
    let link = address(&shelter.home, subject);
    let mut guest = shelter.browser(Rung::Tls, Who::Guest);
    let home = guest.get("/staff");
    assert!(home.text.contains("href=\"/staff/find\""), "{}", home.text);
    let page = guest.get("/staff/find");
    assert!(page.status == 200 && page.text.contains("家の薬局</span> の患者から"), "{}", page.text);
    for refused in ["/staff/reception", "/staff/find/beyond", "/staff/glass"] {
        assert!(!home.text.contains(refused) && !page.text.contains(refused), "{refused}");
    }
    assert!(look_for(&mut guest, "/staff/find", "見本 葉子", &[]).text.contains(&link));
    let csrf = guest.get("/staff").csrf();
    let code = card.code.compact().to_string();
    assert_eq!(guest.post("/staff/find/card", &[("csrf", &csrf), ("code", &code)]).location(), Some(link.as_str()));
    let photo = qr::png(code.as_bytes(), Correction::Medium).unwrap();
    assert_eq!(guest.post_file("/staff/find/photo", &photo).location(), Some(link.as_str()));
    let record = guest.get(&link);
    assert!(record.status == 200 && record.text.contains("見せないことにした記録：1 件"), "{}", record.text);
    for refused in ["/staff/reception", &format!("{link}/consent"), &format!("{link}/card")] {
        assert!(!record.text.contains(refused), "{refused}: {}", record.text);
    }
    shelter.holder.clock.advance(6 * MINUTE);
    let form = |secret: &'static str| {
        [("csrf", csrf.clone()), ("basis", "consent".into()), ("why", "本人から".into()), ("secret", secret.into())]
    };
    let mut open = |secret| {
        let form = form(secret);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        guest.post(&format!("{link}/hidden"), &form)
    };
    assert_eq!(open("ちがう合言葉です").status, 403);
    let opened = open(PASSPHRASE);
    assert_eq!(opened.status, 303, "{}", opened.text);
    assert!(guest.get(&link).text.contains(HIDDEN));
    let [glass] = &shelter.holder.clinic.glasses().unwrap()[..] else { panic!("one glass at the holder") };
    assert_eq!((glass.opened.words.as_str(), glass.opened.name.as_str()), ("本人から", "家の薬局"));
    shelter.home_takes();
    let at_home = shelter.home.clinic.broken_elsewhere().unwrap();
    assert!(at_home.iter().any(|broken| broken.look.reason == "本人から"), "{at_home:?}");
}

#[test]
fn what_an_own_patient_hides_opens_with_a_fresh_sign_in_once_and_after_thirty_with_a_second_person() {
    let shelter = Shelter::new();
    let holder = &shelter.holder;
    let links = [("見本 葉子", 0x61), ("見本 実", 0x71)].map(|(name, id)| address(holder, who_hides(holder, name, id)));
    let mut pharmacist = shelter.browser(Rung::Tls, Who::Pharmacist);
    let csrf = pharmacist.get("/staff").csrf();
    let mut open = |link: &str, more: &[(&str, &str)]| {
        let mut form = vec![("csrf", csrf.as_str()), ("basis", "emergency"), ("why", "意識がない")];
        form.extend_from_slice(more);
        let opened = pharmacist.post(&format!("{link}/hidden"), &form);
        (opened, pharmacist.get(link))
    };
    holder.clock.advance(6 * MINUTE);
    let (stale, page) = open(&links[0], &[]);
    assert!(stale.status == 403 && stale.text.contains("name=\"secret\""), "{}", stale.text);
    assert!(stale.text.contains("value=\"意識がない\"") && !page.text.contains(HIDDEN), "{}", stale.text);
    assert!(holder.clinic.glasses().unwrap().is_empty());
    for _double_click in 0..2 {
        let (opened, page) = open(&links[0], &[("secret", PASSPHRASE)]);
        assert!(opened.status == 303 && page.text.contains(HIDDEN), "{} {}", opened.text, page.text);
    }
    assert_eq!(holder.clinic.glasses().unwrap().len(), 1);
    let person = holder.clinic.sign_in(&shelter.pharmacist.code, &Passphrase::entered(PASSPHRASE)).unwrap().person;
    let why = Why { reason: GlassReason::Asked, words: String::new(), consent: Consent::Patient };
    for _ in 1..PATIENTS_AN_HOUR {
        holder.clinic.break_glass(&person, &why, None).unwrap();
    }
    let (alone, page) = open(&links[1], &[]);
    assert!(alone.status == 403 && alone.text.contains("もうひとりの職員が要ります"), "{}", alone.text);
    assert!(page.text.contains("name=\"second_badge\"") && !page.text.contains(HIDDEN), "{}", page.text);
    let other = shelter.reader.code.printed().to_string();
    let (opened, page) = open(&links[1], &[("second_badge", &other), ("second_secret", PASSPHRASE)]);
    assert!(opened.status == 303 && page.text.contains(HIDDEN), "{}", opened.text);
    assert_eq!(holder.clinic.glasses().unwrap()[0].opened.second_name, "読む 人");
}

#[test]
fn a_card_without_its_pin_finds_its_owner_through_the_glass_and_nobody_without_one() {
    let shelter = Shelter::new();
    let code = shelter.card.code.compact().to_string();
    let link = address(&shelter.home, shelter.subject);
    let mut helper = shelter.browser(Rung::Tls, Who::Outside);
    let csrf = helper.get("/staff").csrf();
    let mut scan = |code: &str| helper.post("/staff/find/beyond/card", &[("csrf", &csrf), ("code", code)]);
    let shut = scan(&code);
    assert!(shut.status == 403 && !shut.text.contains(NAME), "{}", shut.text);
    let photo = qr::png(code.as_bytes(), Correction::Medium).unwrap();
    assert_eq!(helper.post_file("/staff/find/beyond/photo", &photo).status, 403);
    break_glass(&mut helper, "");
    assert!(helper.get(BEYOND).text.contains("action=\"/staff/find/beyond/card\""));
    let mut scan = |code: &str| helper.post("/staff/find/beyond/card", &[("csrf", &csrf), ("code", code)]);
    let mistyped = scan("xyz");
    assert!(mistyped.status == 422 && mistyped.text.contains("name=\"code\""), "{}", mistyped.text);
    let strangers = Shelter::new().card.code.compact().to_string();
    let unknown = scan(&strangers);
    assert!(unknown.text.contains("このカードの人は、ここで開いている記録の中にいません"), "{}", unknown.text);
    assert_eq!(shelter.holder.clinic.glasses().unwrap()[0].looks.len(), 0);
    let found = scan(&code);
    assert!(found.status == 200 && found.text.contains(NAME) && found.text.contains(&link), "{}", found.text);
    assert!(helper.post_file("/staff/find/beyond/photo", &photo).text.contains(&link));
    let looks = &shelter.holder.clinic.glasses().unwrap()[0].looks;
    assert_eq!(looks.iter().map(|(look, ..)| look.shown).collect::<Vec<_>>(), [LookShown::Listed]);
    assert_eq!(helper.get(&link).status, 200);
    // A card that was taken back still says whose it was, with a warning.
    shelter.home.clinic.replace_card(shelter.card.opener).unwrap();
    shelter.holder_takes();
    break_glass(&mut helper, "");
    let revoked = helper.post("/staff/find/beyond/card", &[("csrf", &csrf), ("code", &code)]);
    assert!(revoked.text.contains(&link) && revoked.text.contains("取り消されています"), "{}", revoked.text);
}

#[test]
fn who_is_asked_for_by_a_drug_has_it_noted_that_they_were() {
    let shelter = Shelter::new();
    let holder = &shelter.holder;
    let drugs = vec![Drug { name: DRUG.to_owned(), ..Drug::default() }];
    let prescriptions = vec![Prescription { prescriber: None, groups: vec![Group { drugs, ..Group::default() }] }];
    let visit = Visit { date: DateText::read("20261120"), prescriptions, ..Visit::default() };
    let takes =
        holder.clinic.register(person("見本 一", "S350101"), source(), vec![fact(0x61, Content::Visit(visit))]).unwrap();
    let other = holder.clinic.register(person("見本 二", "S360101"), source(), Vec::new()).unwrap();
    let looks = |subject| -> Vec<LookShown> {
        let facts = holder.clinic.chart_at_home(subject).unwrap().facts;
        let looks = facts.into_iter().filter_map(|fact| if let Content::Look(look) = fact.content { look.right } else { None });
        looks.map(|right| right.shown).collect()
    };
    let mut reader = shelter.browser(Rung::Tls, Who::Reader);
    let by_name = look_for(&mut reader, "/staff/find", "見本", &[]);
    assert!(by_name.text.contains("見本 一") && looks(takes).is_empty(), "who is found by name alone is not read");
    for _again in 0..2 {
        let by_drug = look_for(&mut reader, "/staff/find", "見本", &[("drug", "ワーファリン")]);
        assert!(by_drug.text.contains(&format!("薬：<span lang=\"ja\">{DRUG}")), "{}", by_drug.text);
    }
    assert_eq!(
        [looks(takes), looks(other)],
        [[LookShown::Listed], [LookShown::Listed]],
        "also that they do not take it is told"
    );
}

#[test]
fn the_slip_has_what_was_bought_what_to_look_at_first_and_that_nothing_is_taken_now() {
    let shelter = Shelter::new();
    let bought = Otc { name: "イブプロフェン錠".to_owned(), start: DateText::read("20261101"), ..Otc::default() };
    let facts = vec![fact(0x61, Content::Otc(bought))];
    let subject = shelter.holder.clinic.register(person("見本 一", "S350101"), source(), facts).unwrap();
    let mut reader = shelter.browser(Rung::Tls, Who::Reader);
    let link = address(&shelter.holder, subject);
    let (record, slip) = (reader.get(&link), reader.get(&format!("{link}/slip/a4")));
    for page in [record, slip] {
        for said in [
            "自分で買った薬",
            "イブプロフェン錠</strong>",
            "コードがないので、確かめていません",
            "いま飲むことになっている薬の記録はありません",
        ] {
            assert!(page.text.contains(said), "{said}: {}", page.text);
        }
    }
}
