//! Signing in from outside, breaking the glass, and what comes of it at both clinics, through the pages.

use super::browser::{Answer, Browser};
use super::others::{DRUG, SECRET_DRUG, somebody};
use super::shelter::{HELPER, LICENCE, NAME, PASSPHRASE, Rung, Shelter, Who};
use kusuribako::clinic::glass::{PATIENTS_AN_HOUR, Whose, Why};
use kusuribako::clinic::staff::{Leaving, Person};
use kusuribako::formats::qr::{self, Correction};
use kusuribako::ledger::payload::{Basis, Opening};
use kusuribako::record::{Consent, GlassReason, LookShown};
use kusuribako::seal::badge::Passphrase;
use std::time::Duration;

const REASON: [(&str, &str); 3] = [("reason", "continuation"), ("consent", "patient"), ("words", "津波で<薬>が流された")];

fn break_glass(browser: &mut Browser, more: &[(&str, &str)]) -> Answer {
    let csrf = browser.get("/staff").csrf();
    let mut fields = REASON.to_vec();
    fields.push(("csrf", &csrf));
    fields.extend_from_slice(more);
    browser.post("/staff/glass", &fields)
}

#[test]
fn a_helper_comes_in_with_text_file_or_photo_and_sees_only_the_glass() {
    let shelter = Shelter::new();
    let (file, pin) = &shelter.outside;
    let photo = qr::png(file.qr_text().as_bytes(), Correction::Low).unwrap();
    for (sent, expected) in [(file.text().into_bytes(), file.text()), (photo, file.qr_text())] {
        let mut browser = shelter.browser(Rung::Tls, Who::Nobody);
        let read = browser.post_file("/staff/outside/file", &sent);
        assert!(read.status == 200 && read.text.contains("暗証番号を入れてください"), "{}", read.text);
        assert!(read.text.contains(expected.lines().last().unwrap()), "the badge is in the form now");
        browser.sign_in_outside(&expected, pin);
    }
    let mut helper = shelter.browser(Rung::Tls, Who::Nobody);
    helper.sign_in_outside(&file.text().replace('\n', "\r\n"), &pin.replace('-', " "));
    for path in ["/staff", "/staff/glass"] {
        let page = helper.get(path);
        assert!(page.text.contains(HELPER) && page.text.contains(LICENCE), "name and licence stand on {path}: {}", page.text);
        assert!(!page.text.contains(NAME));
    }
    assert!(!helper.get("/staff").text.contains("/staff/people"));
}

#[test]
fn a_wrong_pin_is_counted_and_what_is_no_badge_is_said_by_name() {
    let shelter = Shelter::new();
    let (file, pin) = &shelter.outside;
    let mut browser = shelter.browser(Rung::Tls, Who::Nobody);
    let mut ask = |badge: &str, pin: &str| browser.post("/staff/outside", &[("badge", badge), ("pin", pin)]);
    let damaged = ask(&file.text().replace("badge ", "badge x"), pin);
    assert!(damaged.status == 303 || damaged.status == 422, "the line that names the badge is for people");
    let other = Shelter::new();
    let forged = ask(&other.outside.0.text(), &other.outside.1);
    assert!(forged.status == 403 && forged.text.contains("当番の鍵で作られた応援者証ではありません"), "{}", forged.text);
    let short = ask(&file.text(), "123");
    assert!(short.status == 422 && short.text.contains("12桁"), "{}", short.text);
    let nonsense = ask("nonsense", pin);
    assert!(nonsense.status == 422 && nonsense.text.contains("こわれているか"), "{}", nonsense.text);
    for left in (0..5).rev() {
        let wrong = ask(&file.text(), "000000000000");
        assert!(wrong.status == 403 && wrong.text.contains(&format!("あと{left}回")), "{}", wrong.text);
        assert!(!wrong.text.contains("000000000000"));
    }
    assert_eq!(ask(&file.text(), pin).status, 429);
    shelter.holder.clock.advance(Duration::from_secs(15 * 60 + 1));
    assert_eq!(ask(&file.text(), pin).location(), Some("/staff"));
}

#[test]
fn a_badge_that_runs_out_ends_its_session_and_a_clock_that_is_a_year_off_refuses_it() {
    let shelter = Shelter::new();
    let mut helper = shelter.browser(Rung::Tls, Who::Outside);
    assert_eq!(helper.get("/staff/glass").status, 200);
    for _ in 0..5 {
        shelter.holder.clock.advance(Duration::from_secs(9 * 60));
        assert_eq!(helper.get("/staff/glass").status, 200);
    }
    shelter.holder.clock.advance(Duration::from_secs(73 * 3_600));
    assert_eq!(helper.get("/staff/glass").status, 403);
    let (file, pin) = &shelter.outside;
    let refused = helper.post("/staff/outside", &[("badge", &file.text()), ("pin", pin)]);
    assert!(refused.status == 403 && refused.text.contains("期限が"), "{}", refused.text);
    assert!(refused.text.contains("12 時間の応援者証"), "what a site can do is said: {}", refused.text);
}

#[test]
fn a_glass_needs_a_reason_a_consent_and_who_signed_in_long_ago_again() {
    let shelter = Shelter::new();
    let mut reader = shelter.browser(Rung::Tls, Who::Reader);
    let csrf = reader.get("/staff").csrf();
    for lacking in [vec![("reason", "asked")], vec![("consent", "patient")], vec![("reason", "x"), ("consent", "patient")]] {
        let fields = [lacking, vec![("csrf", csrf.as_str())]].concat();
        let answer = reader.post("/staff/glass", &fields);
        assert!(answer.status == 422 && answer.text.contains("わけと同意を選んでください"), "{}", answer.text);
    }
    let wordless = reader.post("/staff/glass", &[("csrf", &csrf), ("reason", "other"), ("consent", "cannot")]);
    assert!(wordless.status == 422 && wordless.text.contains("わけを言葉で"), "{}", wordless.text);
    let forged = reader.post("/staff/glass", &[("csrf", "0"), ("reason", "asked"), ("consent", "patient")]);
    assert_eq!(forged.status, 403);
    assert!(shelter.holder.clinic.glasses().unwrap().is_empty(), "nothing was broken");

    shelter.holder.clock.advance(Duration::from_secs(6 * 60));
    assert!(reader.get("/staff/glass").text.contains("name=\"secret\""), "it is asked again");
    for (secret, status) in [("", 403), ("ちがう合言葉です", 403), (PASSPHRASE, 303)] {
        assert_eq!(break_glass(&mut reader, &[("secret", secret)]).status, status, "{secret}");
    }
    let page = reader.get("/staff/glass");
    assert!(page.text.contains("あと 15 分") && page.text.contains("津波で&lt;薬&gt;が流された"), "{}", page.text);
    let csrf = page.csrf();
    assert_eq!(reader.post("/staff/glass/end", &[("csrf", &csrf)]).status, 303);
    assert!(!reader.get("/staff/glass").text.contains("あと 15 分"));
    assert_eq!(break_glass(&mut reader, &[]).status, 303, "who has just shown it is not asked again");
    shelter.holder.clock.advance(Duration::from_secs(15 * 60));
    let mut reader = shelter.browser(Rung::Tls, Who::Reader);
    assert!(!reader.get("/staff/glass").text.contains("いま開いています"), "another session has no glass of this one");
    assert_eq!(shelter.holder.clinic.glasses().unwrap().len(), 2);
}

#[test]
fn after_thirty_within_an_hour_a_second_person_is_asked_for_on_the_page() {
    let shelter = Shelter::new();
    let mut reader = shelter.browser(Rung::Tls, Who::Reader);
    for _ in 0..PATIENTS_AN_HOUR {
        assert_eq!(break_glass(&mut reader, &[]).status, 303);
    }
    let refused = break_glass(&mut reader, &[]);
    assert!(refused.status == 403 && refused.text.contains("name=\"second_badge\""), "{}", refused.text);
    let own = shelter.reader.code.printed().to_string();
    let same = break_glass(&mut reader, &[("second_badge", &own), ("second_secret", PASSPHRASE)]);
    assert!(same.status == 422 && same.text.contains("同じ職員証"), "{}", same.text);
    let other = shelter.pharmacist.code.printed().to_string();
    let wrong = break_glass(&mut reader, &[("second_badge", &other), ("second_secret", "ちがう合言葉です")]);
    assert_eq!(wrong.status, 403);
    assert!(!wrong.text.contains(&other) && !wrong.text.contains("ちがう合言葉です"), "nothing of it is sent back");
    assert_eq!(break_glass(&mut reader, &[("second_badge", &other), ("second_secret", PASSPHRASE)]).status, 303);
    assert_eq!(shelter.holder.clinic.glasses().unwrap()[0].opened.second_name, "薬剤 師子");
    let (file, pin) = &shelter.outside;
    let helped = break_glass(&mut reader, &[("second_badge", &file.text()), ("second_secret", pin)]);
    assert_eq!(helped.status, 303, "a helper from outside is a second person, too: {}", helped.text);
}

#[test]
fn a_session_ends_at_once_when_its_badge_is_taken_back_its_role_changes_or_the_box_locks() {
    let shelter = Shelter::new();
    let clinic = &shelter.holder.clinic;
    let mut admin = shelter.browser(Rung::Tls, Who::Admin);
    let mut reader = shelter.browser(Rung::Tls, Who::Reader);
    let mut pharmacist = shelter.browser(Rung::Tls, Who::Pharmacist);
    let csrf = admin.get("/staff").csrf();
    let of = |badge: &kusuribako::clinic::staff::NewBadge| data_encoding::HEXLOWER.encode(&badge.opener.0);
    let path = format!("/staff/people/{}", of(&shelter.pharmacist));
    assert_eq!(pharmacist.get("/staff/outside/issue").status, 200);
    let changed = admin.post(&path, &[("csrf", &csrf), ("name", "薬剤 師子"), ("role", "reader")]);
    assert_eq!(changed.location(), Some("/staff/people?done=changed"), "{}", changed.text);
    assert_eq!(pharmacist.get("/staff/outside/issue").status, 403, "a role counts as it is now");
    let path = format!("/staff/people/{}/revoke", of(&shelter.reader));
    assert_eq!(admin.post(&path, &[("csrf", &csrf), ("why", "lost")]).location(), Some("/staff/people?done=left"));
    let over = reader.get("/staff/glass");
    assert!(over.status == 403 && over.text.contains("サインアウトしました"), "{}", over.text);
    let own = format!("/staff/people/{}/revoke", of(&shelter.holder.admin));
    let last = admin.post(&own, &[("csrf", &csrf), ("why", "left")]);
    assert!(last.status == 409 && last.text.contains("管理者が、だれもいなくなります"), "{}", last.text);
    let mut helper = shelter.browser(Rung::Tls, Who::Outside);
    assert_eq!(helper.get("/staff/glass").status, 200);
    clinic.lock();
    for browser in [&mut admin, &mut helper] {
        assert_eq!(browser.get("/staff/glass").status, 403);
    }
    // At a holder a home's staff are known by the home's ledger: what it takes back ends there, too.
    let mut guest = shelter.browser(Rung::Tls, Who::Guest);
    assert_eq!(guest.get("/staff").status, 200);
    let home = &shelter.home.clinic;
    let by = home.prove_staff(&shelter.home.admin.code, &Passphrase::entered(PASSPHRASE)).unwrap();
    home.add_staff(&by, "二人目", kusuribako::clinic::staff::Role::Admin, None).unwrap();
    home.revoke_staff(&by, shelter.home.admin.opener, Leaving::Lost).unwrap();
    shelter.holder_takes();
    assert!(guest.get("/staff").status == 403 || guest.get("/staff").text.contains("name=\"passphrase\""));
}

#[test]
fn an_admin_makes_a_badge_on_the_page_and_a_second_admin_is_asked_for() {
    let shelter = Shelter::new();
    let mut admin = shelter.browser(Rung::Tls, Who::Admin);
    assert!(admin.get("/staff").text.contains("管理者がひとりしかいません"));
    let csrf = admin.get("/staff/people").csrf();
    let nameless = admin.post("/staff/people", &[("csrf", &csrf), ("name", " "), ("role", "admin")]);
    assert_eq!(nameless.status, 422);
    let made = admin.post("/staff/people", &[("csrf", &csrf), ("name", "二人目<の>管理者"), ("role", "admin")]);
    assert!(made.status == 200 && made.text.contains("二人目&lt;の&gt;管理者"), "{}", made.text);
    let shown = |after: &str| made.text.split_once(after).unwrap().1.split('<').next().unwrap().to_owned();
    let code = shown("<dd class=\"big\" lang=\"en\">");
    let passphrase = made.text.rsplit_once("<dd class=\"big\" lang=\"en\">").unwrap().1.split('<').next().unwrap().to_owned();
    let mut second = shelter.browser(Rung::Tls, Who::Nobody);
    second.sign_in(&code, &passphrase);
    assert!(!second.get("/staff").text.contains("管理者がひとりしかいません"));
    let list = second.get("/staff/people");
    assert!(!list.text.contains(&code) && !list.text.contains(&passphrase), "a badge is shown once");
    shelter.holder.clock.advance(Duration::from_secs(6 * 60));
    let csrf = admin.get("/staff/people").csrf();
    let stale = admin.post("/staff/people", &[("csrf", &csrf), ("name", "x"), ("role", "reader")]);
    assert_eq!(stale.status, 403, "who signed in a while ago shows it again: {}", stale.text);
    let change = format!("/staff/people/{}", data_encoding::HEXLOWER.encode(&shelter.reader.opener.0));
    let revoke = format!("{change}/revoke");
    for (path, said) in [(&change, [("name", "読む 人"), ("role", "admin")]), (&revoke, [("why", "left"), ("name", "")])] {
        let people = shelter.holder.clinic.accounts().unwrap();
        let asked: Vec<_> = said.into_iter().chain([("csrf", csrf.as_str())]).collect();
        assert_eq!(admin.post(path, &asked).status, 403, "so it is with every decision about people");
        assert_eq!(shelter.holder.clinic.accounts().unwrap(), people);
        let asked: Vec<_> = asked.into_iter().chain([("secret", PASSPHRASE)]).collect();
        assert_eq!(admin.post(path, &asked).status, 303);
        assert_ne!(shelter.holder.clinic.accounts().unwrap(), people);
        shelter.holder.clock.advance(Duration::from_secs(6 * 60));
    }
}

/// A record is looked at through a glass, as the reading page does it.
pub fn look(shelter: &Shelter, helper: &Person) -> kusuribako::clinic::glass::Looked {
    let clinic = &shelter.holder.clinic;
    let why =
        Why { reason: GlassReason::Continuation, words: "避難所で<頼まれた>".to_owned(), consent: Consent::Cannot };
    let glass = clinic.break_glass(helper, &why, None).unwrap();
    let whose = Whose { ledger: shelter.home.clinic.ledger(), subject: shelter.subject };
    clinic.look_through(&glass, whose, LookShown::Record, helper).unwrap()
}

#[test]
fn a_look_is_reviewed_on_the_page_and_the_patient_sees_who_why_and_with_whose_consent_in_every_language() {
    let shelter = Shelter::new();
    let signed = shelter.holder.clinic.sign_in(&shelter.reader.code, &Passphrase::entered(PASSPHRASE)).unwrap();
    let looked = look(&shelter, &signed.person);
    let mut admin = shelter.browser(Rung::Tls, Who::Admin);
    let page = admin.get("/staff/review");
    for must in ["読む 人", "避難所で&lt;頼まれた&gt;", "まだ確認していません", "家の薬局"] {
        assert!(page.text.contains(must), "{must}: {}", page.text);
    }
    assert!(!page.text.contains(NAME), "the site where it happened has no name of a patient of others");
    let id = data_encoding::HEXLOWER.encode(&looked.fact().0);
    let csrf = page.csrf();
    let noteless = admin.post("/staff/review", &[("csrf", &csrf), ("look", &id), ("decision", "to-clarify"), ("note", "")]);
    assert_eq!(noteless.status, 422);
    let decided =
        admin.post("/staff/review", &[("csrf", &csrf), ("look", &id), ("decision", "in-order"), ("note", "=電話で確認")]);
    assert_eq!(decided.location(), Some("/staff/review?done=yes"));
    assert!(admin.get("/staff/review").text.contains("問題なし"));
    let table = admin.get("/staff/review/export");
    assert!(table.header("content-type").unwrap().starts_with("text/csv"));
    assert!(table.text.contains("'=電話で確認") && !table.text.contains(NAME), "{}", table.text);

    let mut patient = shelter.browser(Rung::Loopback, Who::Patient);
    for (lang, consent) in [("ja", "同意をきけない状態"), ("en", "could not be asked"), ("ja-easy", "きけません")]
    {
        let looks = patient.get(&format!("/record/looks?lang={lang}"));
        for must in ["読む 人", "みなと薬局", "避難所で&lt;頼まれた&gt;", consent] {
            assert!(looks.text.contains(must), "{must} in {lang}: {}", looks.text);
        }
    }
    shelter.home_takes();
    let broken = shelter.home.clinic.broken_elsewhere().unwrap();
    assert_eq!((broken.len(), broken[0].fact, broken[0].look.place.as_str()), (1, looked.fact(), "みなと薬局"));
}

#[test]
fn what_a_patient_conceals_opens_on_a_basis_that_the_patient_reads_and_only_through_the_glass_it_was_said_for() {
    let shelter = Shelter::new();
    let subject = somebody(&shelter.home.clinic);
    shelter.holder_takes();
    let mut desk = shelter.browser(Rung::Tls, Who::Pharmacist);
    shelter.holder.clinic.read_people().unwrap();
    assert_eq!(break_glass(&mut desk, &[]).status, 303);
    let csrf = desk.get("/staff").csrf();
    let find = [("csrf", csrf.as_str()), ("name", NAME), ("birth", "S330303")];
    let found = desk.post("/staff/find/beyond", &find);
    assert!(found.status == 200 && found.text.contains(NAME), "{}", found.text);
    let link = &format!("/staff/patient/{}/{}", shelter.home.clinic.ledger(), data_encoding::HEXLOWER.encode(&subject.0));
    let record = desk.get(link);
    assert!(record.text.contains(DRUG) && !record.text.contains(SECRET_DRUG), "{}", record.text);
    let form = [("csrf", csrf.as_str()), ("basis", "consent"), ("why", "本人が<見せたい>")];
    assert_eq!(desk.post(&format!("{link}/hidden"), &form).status, 303);
    assert!(desk.get(link).text.contains(SECRET_DRUG));
    let glasses = shelter.holder.clinic.glasses().unwrap();
    let opening = Opening { basis: Basis::Consent, words: "本人が<見せたい>".to_owned() };
    assert_eq!((glasses.len(), &glasses[0].looks.last().unwrap().0.opening), (1, &Some(opening)));
    let review = shelter.browser(Rung::Tls, Who::Admin).get("/staff/review");
    assert!(review.text.contains("本人が&lt;見せたい&gt;"), "{}", review.text);
    shelter.home_takes();
    let broken = shelter.home.clinic.broken_elsewhere().unwrap();
    let looks = broken.iter().map(|broken| &broken.look);
    let look = looks.clone().find(|look| look.reason == "本人が<見せたい>").unwrap();
    let through = look.right.as_ref().unwrap().glass.as_ref().unwrap();
    assert_eq!((through.reason, through.consent, through.id), (GlassReason::Asked, Consent::Patient, glasses[0].opened.id));
    assert_eq!(looks.filter(|look| look.right.as_ref().unwrap().shown == LookShown::Concealed).count(), 1);

    // Through another glass it is asked anew.
    assert_eq!(break_glass(&mut desk, &[]).status, 303);
    desk.post("/staff/find/beyond", &find);
    let record = desk.get(link);
    assert!(record.text.contains(DRUG) && !record.text.contains(SECRET_DRUG), "{}", record.text);
}

#[test]
fn two_of_the_staff_issue_a_badge_that_opens_this_site_alone_for_twelve_hours() {
    let shelter = Shelter::new();
    let mut pharmacist = shelter.browser(Rung::Tls, Who::Pharmacist);
    let csrf = pharmacist.get("/staff/outside/issue").csrf();
    let own = shelter.pharmacist.code.printed().to_string();
    let admin = shelter.holder.admin.code.printed().to_string();
    let reader = shelter.reader.code.printed().to_string();
    let mut ask = |secret: &str, second: &str, licence: &str| {
        let fields = [
            ("csrf", csrf.as_str()),
            ("name", "町の<薬剤師>"),
            ("licence", licence),
            ("secret", secret),
            ("second_badge", second),
            ("second_secret", PASSPHRASE),
        ];
        pharmacist.post("/staff/outside/issue", &fields)
    };
    assert_eq!(ask("ちがう合言葉です", &admin, "9").status, 403, "the first shows it again, however short ago they signed in");
    assert_eq!(ask(PASSPHRASE, &own, "9").status, 422, "one person is not two");
    assert_eq!(ask(PASSPHRASE, &reader, "9").status, 403, "a reader issues nothing");
    assert_eq!(ask(PASSPHRASE, &admin, " ").status, 422);
    let issued = ask(PASSPHRASE, &admin, "987");
    assert!(issued.status == 200 && issued.text.contains("町の&lt;薬剤師&gt;"), "{}", issued.text);
    let pin = issued.text.split_once("<dd class=\"big\" lang=\"en\">").unwrap().1.split('<').next().unwrap().to_owned();
    let text = issued
        .text
        .split_once("<pre class=\"text\" lang=\"en\" tabindex=\"0\">")
        .unwrap()
        .1
        .split('<')
        .next()
        .unwrap()
        .to_owned();
    shelter.holder.clinic.lock();
    let mut helper = shelter.browser(Rung::Tls, Who::Nobody);
    helper.sign_in_outside(&text, &pin);
    assert!(helper.get("/staff/glass").text.contains("987"));
    // At another site it is nobody's.
    let file = kusuribako::region::outside::BadgeFile::read(text.trim()).unwrap();
    let long = kusuribako::seal::pin::LongPin::read(&pin).unwrap();
    assert_eq!(shelter.home.member.open_with_badge(&file, &long).unwrap_err().kind(), "forged");
    shelter.holder.clock.advance(Duration::from_secs(12 * 3_600 - 60));
    helper.sign_in_outside(&text, &pin);
    shelter.holder.clock.advance(Duration::from_secs(60));
    let over = helper.post("/staff/outside", &[("badge", &text), ("pin", &pin)]);
    assert!(over.status == 403 && over.text.contains("期限"), "{}", over.text);
}
