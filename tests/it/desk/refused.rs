//! What is sent again, brought from elsewhere, kept for too long or put back: each is refused or found, by name, on the pages.

use super::browser::{Answer, Browser};
use super::glass::look;
use super::shelter::{NAME, Node, PASSPHRASE, Rung, Shelter, Who};
use kusuribako::clinic::check::Told;
use kusuribako::clinic::staff::Person;
use kusuribako::region::outside::BadgeFile;
use kusuribako::seal::badge::Passphrase;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const YEAR_MS: i64 = 365 * 24 * 3_600_000;

/// Another device, with the cookies of somebody's.
fn with_cookies(of: &Browser, mut other: Browser) -> Browser {
    other.cookies.clone_from(&of.cookies);
    other
}

fn break_glass(browser: &mut Browser, csrf: &str) -> Answer {
    browser.post("/staff/glass", &[("csrf", csrf), ("reason", "asked"), ("consent", "patient"), ("words", "")])
}

fn look_beyond(browser: &mut Browser, csrf: &str) -> Answer {
    browser.post("/staff/find/beyond", &[("csrf", csrf), ("name", NAME), ("birth", "S330303")])
}

fn signs_in(browser: &mut Browser, badge: &(BadgeFile, String)) -> Answer {
    browser.post("/staff/outside", &[("badge", &badge.0.text()), ("pin", &badge.1)])
}

#[test]
fn a_session_and_its_forms_are_worth_nothing_after_a_lock_for_another_or_at_another_site() {
    let shelter = Shelter::new();
    let mut pharmacist = shelter.browser(Rung::Tls, Who::Pharmacist);
    let mut reader = shelter.browser(Rung::Tls, Who::Reader);
    let csrf = pharmacist.get("/staff").csrf();
    assert_eq!(break_glass(&mut pharmacist, &csrf).status, 303);
    // A form of somebody else's session, though their glass is open.
    for answer in [break_glass(&mut reader, &csrf), look_beyond(&mut reader, &csrf)] {
        assert!(answer.status == 403 && answer.text.contains("サインアウトしました"), "{}", answer.text);
    }
    // The session of one site at another.
    let mut elsewhere = with_cookies(&pharmacist, Browser::new(shelter.home.site(Rung::Tls), Rung::Tls));
    for answer in [break_glass(&mut elsewhere, &csrf), look_beyond(&mut elsewhere, &csrf), elsewhere.get("/staff/glass")] {
        assert_eq!(answer.status, 403, "{}", answer.text);
        assert!(!answer.text.contains(NAME));
    }
    let found = look_beyond(&mut pharmacist, &csrf);
    assert!(found.status == 200 && found.text.contains(NAME), "until then it is theirs: {}", found.text);
    let link = format!("/staff/patient/{}", found.text.split_once("/staff/patient/").unwrap().1.split_once('"').unwrap().0);
    // After a lock: from the same device, and from another that copied everything.
    shelter.holder.clinic.lock();
    let mut copied = with_cookies(&pharmacist, shelter.browser(Rung::Tls, Who::Nobody));
    for browser in [&mut pharmacist, &mut copied] {
        for answer in [browser.get(&link), look_beyond(browser, &csrf), break_glass(browser, &csrf)] {
            assert!([303, 403].contains(&answer.status), "{} {}", answer.status, answer.text);
            assert!(!answer.text.contains(NAME), "{}", answer.text);
        }
    }
    // Also when the owner has signed in anew: that is another session.
    let mut anew = shelter.browser(Rung::Tls, Who::Pharmacist);
    assert_ne!(anew.get("/staff").csrf(), csrf);
    assert_eq!(look_beyond(&mut copied, &csrf).status, 403);
    assert_eq!(look_beyond(&mut anew, &csrf).status, 403);
    assert_eq!(shelter.holder.clinic.glasses().unwrap().len(), 1, "nothing that was sent again broke a glass");
}

#[test]
fn a_badge_that_was_taken_back_or_is_anothers_opens_nothing_however_often_it_is_shown() {
    let shelter = Shelter::new();
    let mut admin = shelter.browser(Rung::Tls, Who::Admin);
    let csrf = admin.get("/staff").csrf();
    let of = data_encoding::HEXLOWER.encode(&shelter.pharmacist.opener.0);
    let taken = admin.post(&format!("/staff/people/{of}/revoke"), &[("csrf", &csrf), ("why", "lost")]);
    assert_eq!(taken.location(), Some("/staff/people?done=left"));
    let badge = shelter.pharmacist.code.printed().to_string();
    for lock in [false, true] {
        if lock {
            shelter.holder.clinic.lock();
        }
        let mut stranger = shelter.browser(Rung::Tls, Who::Nobody);
        let shown = stranger.post("/staff/sign-in", &[("badge", &badge), ("passphrase", PASSPHRASE)]);
        assert!(
            shown.status == 403 && shown.text.contains("この職員証は、取り消されています"),
            "{} {}",
            shown.status,
            shown.text
        );
        assert!(stranger.cookies.keys().all(|name| !name.contains("staff")));
    }
    // The home holds nothing of the holder's: there its staff are nobody.
    let mut at_home = Browser::new(shelter.home.site(Rung::Tls), Rung::Tls);
    let reader = shelter.reader.code.printed().to_string();
    let shown = at_home.post("/staff/sign-in", &[("badge", &reader), ("passphrase", PASSPHRASE)]);
    assert!(shown.status == 403 && shown.text.contains("ここの職員証ではありません"), "{}", shown.text);
}

#[test]
fn an_outside_badge_of_another_area_or_after_its_end_is_refused_by_name_and_its_renewal_is_another_badge() {
    let shelter = Shelter::new();
    let for_home = shelter.badge_for(&shelter.home, 72);
    let mut helper = shelter.browser(Rung::Tls, Who::Nobody);
    let other_area = signs_in(&mut helper, &for_home);
    assert!(other_area.status == 403 && other_area.text.contains("家の薬局"), "where it opens is said: {}", other_area.text);
    let mut at_home = Browser::new(shelter.home.site(Rung::Tls), Rung::Tls);
    let here = shelter.outside.clone();
    let elsewhere = signs_in(&mut at_home, &here);
    assert!(elsewhere.status == 403 && elsewhere.text.contains("みなと薬局"), "{}", elsewhere.text);
    assert_eq!(signs_in(&mut helper, &here).location(), Some("/staff"));
    shelter.holder.clock.advance(73 * HOUR);
    let renewed = shelter.badge_for(&shelter.holder, 72);
    assert_ne!(renewed.0, here.0);
    let mut anew = shelter.browser(Rung::Tls, Who::Nobody);
    let with_new_pin = signs_in(&mut anew, &(here.0.clone(), renewed.1.clone()));
    assert_eq!(with_new_pin.status, 403, "the PIN of the renewal is not the old badge's");
    for _again in 0..2 {
        let over = signs_in(&mut anew, &here);
        assert!(over.status == 403 && over.text.contains("期限"), "{}", over.text);
    }
}

#[test]
fn a_clock_a_year_ahead_refuses_with_the_day_that_it_shows_and_one_a_year_behind_lengthens_nothing() {
    let shelter = Shelter::new();
    let (clock, badge) = (&shelter.holder.clock, shelter.outside.clone());
    let now_ms = clock.now_ms();
    let mut helper = shelter.browser(Rung::Tls, Who::Nobody);
    clock.set(now_ms + YEAR_MS);
    let ahead = signs_in(&mut helper, &badge);
    assert!(ahead.status == 403 && ahead.text.contains("2027-11-"), "{}", ahead.text);
    clock.set(now_ms - YEAR_MS);
    assert_eq!(signs_in(&mut helper, &badge).location(), Some("/staff"), "running time decides");
    clock.advance(72 * HOUR);
    assert_eq!(helper.get("/staff/glass").status, 403);
    let over = signs_in(&mut helper, &badge);
    assert!(over.status == 403 && over.text.contains("期限"), "{}", over.text);
    clock.set(now_ms - 2 * YEAR_MS);
    assert_eq!(signs_in(&mut helper, &badge).status, 403, "no clock that is set back gives it more");
}

fn reader_at(node: &Node, shelter: &Shelter) -> Person {
    node.clinic.sign_in(&shelter.reader.code, &Passphrase::entered(PASSPHRASE)).unwrap().person
}

fn notes(node: &Node) -> Vec<String> {
    let mut notes = Vec::new();
    node.clinic
        .verify(&mut |told| {
            assert!(!matches!(told, Told::Fault(_)), "{told:?}");
            notes.extend(if let Told::Note(note) = told { Some(note) } else { None });
        })
        .unwrap();
    notes
}

#[test]
fn an_audit_that_was_put_back_to_before_a_look_is_found_and_the_look_stands_at_home_and_comes_back() {
    let mut shelter = Shelter::new();
    let before = shelter.holder.copied();
    let person = reader_at(&shelter.holder, &shelter);
    let hidden = look(&shelter, &person);
    shelter.exchange(&shelter.home, &shelter.holder);
    assert_eq!(notes(&shelter.home), Vec::<String>::new());
    // Somebody puts the disk back, so that the look was never noted; alone the box cannot know.
    shelter.holder = shelter.holder.put_back(before);
    assert!(shelter.holder.clinic.glasses().unwrap().is_empty());
    let at_home = shelter.home.clinic.broken_elsewhere().unwrap();
    assert_eq!(at_home.iter().map(|broken| broken.fact).collect::<Vec<_>>(), [hidden.fact()], "the patient's clinic has it");
    // It works on, and meets the home.
    shelter.introduce();
    let person = reader_at(&shelter.holder, &shelter);
    let open = look(&shelter, &person);
    shelter.exchange(&shelter.home, &shelter.holder);
    let node = shelter.holder.clinic.store().node();
    for at in [&shelter.home, &shelter.holder] {
        let [found] = at.clinic.boxes_put_back().unwrap()[..] else { panic!("one box was put back") };
        assert_eq!(found.node, node);
        let said = notes(at);
        assert!(said.iter().any(|note| note.contains(&node.to_string()) && note.contains("put back")), "{said:?}");
    }
    let here: Vec<_> =
        shelter.holder.clinic.glasses().unwrap().iter().flat_map(|glass| glass.looks.clone()).map(|l| l.0.look).collect();
    assert!(here.contains(&hidden.fact()) && here.contains(&open.fact()), "what was to vanish is back in its own book");
    let mut admin = Browser::new(shelter.holder.site(Rung::Tls), Rung::Tls);
    admin.sign_in(&shelter.holder.admin.code.printed(), PASSPHRASE);
    let page = admin.get("/staff/review");
    assert!(page.text.contains("前の状態に戻されてから") && page.text.contains("ここの機器"), "{}", page.text);
    let mut home = Browser::new(shelter.home.site(Rung::Tls), Rung::Tls);
    home.sign_in(&shelter.home.admin.code.printed(), PASSPHRASE);
    let page = home.get("/staff/review");
    assert!(page.text.contains("前の状態に戻されてから") && page.text.contains(&node.to_string()), "{}", page.text);
}
