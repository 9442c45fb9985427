//! Which rung holds when, who is sent where, and what is refused.

use super::declared::{By, Declared, Ended, EnvelopeRefusal, HOURS_MAX, Journal};
use super::envelope::Envelope;
use super::pair::{Pair, PairError};
use super::*;
use crate::entropy::SystemEntropy;
use rcgen::{CertificateParams, KeyPair};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// 2026-11-22.
const NOW_MS: i64 = 1_795_311_300_000;

fn held(names: &[&str], from_day: i64, to_day: i64) -> Held {
    Held::new(made(names, from_day, to_day)).unwrap()
}

fn made(names: &[&str], from_day: i64, to_day: i64) -> Pair {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let at = |day: i64| x509_parser::time::ASN1Time::from_timestamp((NOW_MS + day * DAY_MS) / 1000).unwrap().to_datetime();
    (params.not_before, params.not_after) = (at(from_day), at(to_day));
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Pair::read(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

fn ladder() -> (Clock, Ladder) {
    let clock = Clock::manual(NOW_MS);
    let ladder = Ladder::new(clock.clone());
    ladder.listens(true, 443);
    ladder.listens(false, 80);
    (clock, ladder)
}

fn declared(by: By) -> Declared {
    Declared { by, reason: String::new(), at_ms: NOW_MS, until_running_ms: Some(1_000), ended: None }
}

fn local() -> SocketAddr {
    "192.0.2.5:80".parse().unwrap()
}

fn secure(rung: Rung, name: &str) -> Best {
    Best::Secure { rung, origin: format!("https://{name}") }
}

#[test]
fn a_phone_gets_the_best_rung_that_holds_and_only_devices_that_trust_it_get_b() {
    let (clock, ladder) = ladder();
    assert_eq!(ladder.best(local(), true), Best::Nothing);
    ladder.set_b(Some(held(&["b.example.jp"], -1, 800)));
    assert_eq!(ladder.best(local(), false), Best::Nothing);
    assert_eq!(ladder.best(local(), true), secure(Rung::B, "b.example.jp"));
    ladder.set_a(Some(held(&["a.example.jp"], -30, 60)));
    for knows in [false, true] {
        assert_eq!(ladder.best(local(), knows), secure(Rung::A, "a.example.jp"));
    }
    ladder.set_declared(Some(declared(By::Operator)));
    assert_eq!(ladder.best(local(), false), secure(Rung::A, "a.example.jp"), "http is only for when there is nothing better");
    clock.set(NOW_MS + 60 * DAY_MS);
    assert_eq!(ladder.best(local(), true), secure(Rung::B, "b.example.jp"));
    assert_eq!(ladder.best(local(), false), Best::Clear { origin: "http://192.0.2.5".to_owned() });
    ladder.set_declared(None);
    assert_eq!(ladder.best(local(), false), Best::Nothing);
    clock.set(NOW_MS);
    assert_eq!(ladder.best(local(), false), secure(Rung::A, "a.example.jp"), "and back by the clock alone");
}

#[test]
fn a_clock_that_is_behind_hides_no_certificate() {
    let (clock, ladder) = ladder();
    ladder.set_a(Some(held(&["a.example.jp"], -30, 60)));
    clock.set(0);
    assert!(matches!(ladder.best(local(), false), Best::Secure { rung: Rung::A, .. }));
}

#[test]
fn a_handshake_gets_a_certificate_that_fits_or_none() {
    let (clock, ladder) = ladder();
    let rung = |name| ladder.choose(name).map(|(rung, _)| rung);
    assert_eq!(rung(None), None);
    ladder.set_a(Some(held(&["a.example.jp", "*.wide.example.jp"], -30, 60)));
    ladder.set_b(Some(held(&["a.example.jp", "b.example.jp"], -1, 800)));
    let fits = [
        (Some("a.example.jp"), Some(Rung::A)),
        (Some("A.Example.JP"), Some(Rung::A)),
        (Some("b.example.jp"), Some(Rung::B)),
        (Some("x.wide.example.jp"), Some(Rung::A)),
        (Some("x.y.wide.example.jp"), None),
        (Some("wide.example.jp"), None),
        (Some("captive.example.com"), None),
        (None, Some(Rung::A)),
    ];
    for (name, expected) in fits {
        assert_eq!(rung(name), expected, "{name:?}");
    }
    clock.set(NOW_MS + 60 * DAY_MS);
    assert_eq!(rung(Some("a.example.jp")), Some(Rung::B), "an ended certificate is never shown");
    assert_eq!(rung(Some("x.wide.example.jp")), None);
}

#[test]
fn what_browsers_remember_never_outlasts_the_certificate_nor_binds_a_shared_name() {
    let (clock, ladder) = ladder();
    ladder.set_a(Some(held(&["a.example.jp", "kusuri.example.jp"], -30, 60)));
    ladder.set_names(vec!["a.example.jp".to_owned()], Some("kusuri.example.jp".to_owned()));
    assert_eq!(ladder.hsts_s("a.example.jp"), Some(HSTS_MAX.as_secs()));
    assert_eq!(ladder.hsts_s("kusuri.example.jp"), None);
    assert_eq!(ladder.hsts_s("192.0.2.5"), None);
    assert_eq!(
        ["a.example.jp", "kusuri.example.jp", "kusuri.internal"].map(|name| ladder.is_for_http(name)),
        [false, true, true]
    );
    clock.set(NOW_MS + 59 * DAY_MS);
    assert_eq!(ladder.hsts_s("a.example.jp"), Some(24 * 3600));
    clock.set(NOW_MS + 60 * DAY_MS);
    assert_eq!(ladder.hsts_s("a.example.jp"), None);
}

#[test]
fn a_certificate_is_looked_at_before_it_is_used() {
    let names = ["a.example.jp".to_owned()];
    let check = |pair: &Pair| pair.check(&names, NOW_MS);
    assert_eq!(check(&made(&["a.example.jp", "b.example.jp"], -1, 89)), Ok(()));
    assert!(matches!(check(&made(&["b.example.jp"], -1, 89)), Err(PairError::Name { .. })));
    assert!(matches!(check(&made(&[], -1, 89)), Err(PairError::Nameless)));
    assert!(matches!(check(&made(&["a.example.jp"], -90, 0)), Err(PairError::Over { .. })));
    assert!(matches!(check(&made(&["a.example.jp"], 1, 90)), Err(PairError::Early { .. })));
    assert_eq!(check(&made(&["a.example.jp"], -1, 5)), Err(PairError::Short { days: 6 }));
    let (one, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new(names.to_vec()).unwrap().self_signed(&one).unwrap();
    let read = |key: &str| Pair::read(certificate.pem().as_bytes(), key.as_bytes());
    assert!(read(&one.serialize_pem()).unwrap().server_config().is_ok());
    assert!(matches!(read(&other.serialize_pem()).unwrap().server_config(), Err(PairError::Pair(_))));
    assert!(matches!(read("x"), Err(PairError::Key(_))));
    assert!(matches!(Pair::read(b"", one.serialize_pem().as_bytes()), Err(PairError::Certificate(_))));
}

#[test]
fn a_third_of_its_life_is_left_when_it_is_renewed() {
    let pair = made(&["a.example.jp"], 0, 90);
    assert_eq!(pair.renew_from_ms(), pair.not_before_ms + 60 * DAY_MS);
}

#[test]
fn a_declaration_ends_by_running_time_and_leaves_its_trace() {
    let mut journal = Journal::default();
    assert_eq!(journal.in_force(0), None);
    journal.declare(declared(By::Staff { badge: "x".to_owned() }));
    assert!(journal.in_force(999).is_some());
    assert_eq!(journal.in_force(1_000), None);
    assert_eq!(journal.declared[0].ended, Some(Ended::Expired));
    assert_eq!(journal.in_force(0), None, "what has ended stays ended");
    journal.declare(declared(By::Alone { hours: 24 }));
    journal.declare(declared(By::Envelope { number: 1 }));
    assert_eq!(journal.declared[1].ended, Some(Ended::Replaced));
    assert!(journal.end(Ended::TakenBack { at_ms: NOW_MS }) && !journal.end(Ended::Expired));
    assert_eq!(journal.in_force(0), None);
}

#[test]
fn a_box_is_called_what_it_sends_phones_to_and_not_whatever_its_certificate_would_cover() {
    let (_, ladder) = ladder();
    ladder.set_a(Some(held(&["*.example.jp", "own.example.jp"], -1, 60)));
    assert!(ladder.is_called("OWN.example.jp") && !ladder.is_called("www.example.jp"));
    ladder.set_names(vec!["sakura.example.jp".to_owned()], Some("kusuri.example.jp".to_owned()));
    assert!(ladder.is_called("sakura.example.jp") && ladder.is_called("kusuri.example.jp"));
    assert!(!ladder.is_called("own.example.jp") && !ladder.is_called("www.example.jp"));
}

#[test]
fn an_envelope_is_good_once_and_wrong_codes_are_not_listened_to_for_ever() {
    let entropy = SystemEntropy::default();
    let (good, strange) = (Envelope::random(&entropy), Envelope::random(&entropy));
    let mut journal = Journal::default();
    let number = journal.add_envelope(good.secret());
    let typed = Envelope::read(&good.printed().to_lowercase().replace('-', " ")).unwrap();
    assert_eq!(journal.use_envelope(strange.secret(), 0), Err(EnvelopeRefusal::Unknown));
    assert_eq!(journal.use_envelope(typed.secret(), 0), Ok(number));
    assert_eq!(journal.use_envelope(typed.secret(), 0), Err(EnvelopeRefusal::Unknown));
    for _ in 0..8 {
        assert_eq!(journal.use_envelope(strange.secret(), 0), Err(EnvelopeRefusal::Unknown));
    }
    let number = journal.add_envelope(good.secret());
    assert_eq!(journal.use_envelope(strange.secret(), 60_000), Err(EnvelopeRefusal::Busy { wait_s: 840 }));
    let before = journal.clone();
    assert_eq!(journal.use_envelope(strange.secret(), 60_001), Err(EnvelopeRefusal::Busy { wait_s: 840 }));
    assert_eq!(journal, before, "a flood of wrong codes writes nothing");
    assert_eq!(journal.use_envelope(good.secret(), 60_000), Ok(number), "whoever floods locks out nobody who has the paper");
    assert_eq!(journal.use_envelope(strange.secret(), 900_000), Err(EnvelopeRefusal::Unknown));
    const { assert!(HOURS_MAX <= 72) };
}

#[test]
fn the_rungs_differ_in_what_they_serve() {
    assert_eq!(Rung::ALL.map(Rung::serves_staff), [true, true, false, true]);
    assert_eq!(Rung::ALL.map(Rung::is_read_only), [false, false, true, false]);
    assert_eq!(Rung::ALL.map(Rung::is_tls), [true, true, false, false]);
}
