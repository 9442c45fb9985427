//! The keeper over time: a box that is alone, and one that is not; what stands in the way of the region's authority.

use super::super::Best;
use super::super::authority::{self, Root};
use super::super::files;
use super::certify::Trying;
use super::*;
use crate::clinic::setup::Location;
use crate::clock::Clock;
use crate::entropy::SystemEntropy;
use crate::ledger::payload::SiteProfile;
use crate::region::kit::{KitKey, Purpose};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const NOW_MS: i64 = 1_795_311_300_000;

/// A node around the keeper, turned by the test.
#[derive(Default)]
struct Turned {
    running_ms: AtomicU64,
    has_peers: AtomicBool,
    signed: Mutex<Option<Vec<u8>>>,
    told: Mutex<Vec<Doorplate>>,
    shared_name: Mutex<Option<String>>,
}

struct Shared(Arc<Turned>);

impl Around for Shared {
    fn running_ms(&self) -> u64 {
        self.0.running_ms.load(Ordering::SeqCst)
    }
    fn has_peers(&self) -> bool {
        self.0.has_peers.load(Ordering::SeqCst)
    }
    fn tell(&self, doorplate: &Doorplate) {
        self.0.told.lock().unwrap().push(doorplate.clone());
    }
    fn shared_name(&self) -> Option<String> {
        self.0.shared_name.lock().unwrap().clone()
    }
    fn signed(&self) -> Option<Vec<u8>> {
        self.0.signed.lock().unwrap().clone()
    }
}

struct Node {
    _dir: tempfile::TempDir,
    turned: Arc<Turned>,
    clock: Clock,
    keeper: Keeper,
}

fn node(config: &Config) -> Node {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(NOW_MS);
    let location = Location { reserve_bytes: 1 << 20, ..Location::new(dir.path().join("clinic")) };
    let profile = SiteProfile { name: "見本診療所".to_owned(), ..SiteProfile::default() };
    let clinic = Clinic::found(&location, &profile, clock.clone()).unwrap();
    let data = dir.path().join("clinic");
    std::fs::write(data.join(FILE), config.text()).unwrap();
    let turned = Arc::new(Turned::default());
    let keeper = Keeper::new(Ladder::new(clock.clone()), clinic, data, Arc::new(Shared(Arc::clone(&turned))));
    Node { _dir: dir, turned, clock, keeper }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A port at which nobody answers.
fn dead() -> String {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    taken.local_addr().unwrap().to_string()
}

#[test]
fn a_box_declares_http_itself_only_after_the_chosen_hours_without_internet_and_other_clinics() {
    let config = Config { http_when_alone_hours: Some(24), internet_check: Some(dead()), ..Config::default() };
    let node = node(&config);
    let mut memory = Memory::default();
    let by = || node.keeper.ladder().declared().map(|declared| declared.by);
    let runtime = runtime();
    let mut at_hour = |hour: u64| {
        node.turned.running_ms.store(hour * HOUR_MS, Ordering::SeqCst);
        if hour == 50 {
            // Started anew, it goes on counting.
            memory = Memory::default();
        }
        runtime.block_on(node.keeper.look(&mut memory));
        by()
    };
    assert_eq!(at_hour(1), None);
    assert_eq!(at_hour(20), None);
    // Another clinic is heard: the count begins anew.
    node.turned.has_peers.store(true, Ordering::SeqCst);
    assert_eq!(at_hour(26), None);
    node.turned.has_peers.store(false, Ordering::SeqCst);
    assert_eq!(at_hour(27), None);
    assert_eq!(at_hour(50), None);
    assert_eq!(at_hour(51), Some(By::Alone { hours: 24 }));
    assert_eq!(at_hour(60), Some(By::Alone { hours: 24 }));
    node.turned.has_peers.store(true, Ordering::SeqCst);
    assert_eq!(at_hour(61), None, "and closes it when somebody is there again");
}

#[test]
fn nothing_is_declared_where_nobody_chose_it_or_nobody_can_tell_whether_there_is_internet() {
    for config in [
        Config { internet_check: Some(dead()), ..Config::default() },
        Config { http_when_alone_hours: Some(1), ..Config::default() },
    ] {
        let node = node(&config);
        let mut memory = Memory::default();
        for hour in [1, 30, 60] {
            node.turned.running_ms.store(hour * HOUR_MS, Ordering::SeqCst);
            runtime().block_on(node.keeper.look(&mut memory));
            assert_eq!(node.keeper.ladder().declared(), None);
        }
    }
}

#[test]
fn a_declaration_outlives_a_restart_and_ends_in_running_time() {
    let node = node(&Config::default());
    node.keeper.declare(By::Envelope { number: 1 }, "x", 1_000).unwrap();
    let again = Ladder::new(node.clock.clone());
    let keeper = Keeper { ladder: again.clone(), ..node.keeper.clone() };
    keeper.begin();
    assert!(again.declared().is_some());
    node.clock.advance(Duration::from_secs(3600 * 1000));
    keeper.declared();
    assert!(again.declared().is_some(), "no clock ends it");
    node.turned.running_ms.store(72 * HOUR_MS, Ordering::SeqCst);
    keeper.declared();
    assert_eq!(again.declared(), None, "72 hours at most, whatever was asked for");
}

#[test]
fn the_regions_authority_signs_for_one_box_and_its_names_and_devices_check_that() {
    let own = "sakura.example.jp".to_owned();
    let node = node(&Config { names: vec![own.clone()], ..Config::default() });
    let mut memory = Memory::default();
    let look = |memory: &mut Memory| {
        node.keeper.read_settings(memory);
        node.keeper.read_authority(memory);
    };
    look(&mut memory);
    assert!(node.keeper.ladder().b().is_none());
    let doorplate = node.turned.told.lock().unwrap()[0].clone();
    assert_eq!(doorplate.names, std::slice::from_ref(&own));

    let key = KitKey::random(Purpose::Root, &SystemEntropy::default());
    let root = Root::new(&key, "見本地域").unwrap();
    let suffixes = ["example.jp".to_owned()];
    let authority = root.certificate(&suffixes, NOW_MS).unwrap();
    let again = Root::new(&key, "見本地域").unwrap();
    // Of the same sheets, at another time.
    let signed = again.sign("さくら", &doorplate.key, &doorplate.names, NOW_MS).unwrap();
    *node.turned.signed.lock().unwrap() = Some(signed.clone());
    look(&mut memory);
    let held = node.keeper.ladder().b().unwrap();
    assert!(held.pair.covers(&own) && held.pair.is_valid(NOW_MS));
    assert_eq!(is_trusted(&authority, &held.pair, &own), Ok(()));
    let first = held.pair.fingerprint.clone();
    look(&mut memory);
    assert_eq!(node.keeper.ladder().b().unwrap().pair.fingerprint, first, "not made anew each time");
    node.keeper.ladder().listens(true, 443);
    let best = |knows| node.keeper.ladder().best("192.0.2.1:80".parse().unwrap(), knows);
    assert_eq!(
        (best(false), best(true)),
        (Best::Nothing, Best::Secure { rung: super::super::Rung::B, origin: format!("https://{own}") })
    );

    // A certificate for another name by the same box, as a thief would make it: the box's own authority does not reach that far.
    let kept = std::fs::read_to_string(Kept::of(&node.keeper.dir).path(files::AUTHORITY)).unwrap();
    let other = "other.example.jp".to_owned();
    assert!(authority::box_pair(&kept, &signed, std::slice::from_ref(&other), NOW_MS).is_err());
    let forged = authority::tests_only_pair(&kept, &signed, &other, NOW_MS);
    assert!(is_trusted(&authority, &forged, &other).is_err(), "names are limited in what was signed");
    let foreign = KitKey::random(Purpose::Root, &SystemEntropy::default());
    let foreign = Root::new(&foreign, "見本地域").unwrap().certificate(&suffixes, NOW_MS).unwrap();
    assert!(is_trusted(&foreign, &held.pair, &own).is_err());

    // Another key than the one that was signed.
    Kept::of(&node.keeper.dir).remove(files::BOX).unwrap();
    std::fs::remove_file(Kept::of(&node.keeper.dir).path(files::AUTHORITY)).unwrap();
    memory = Memory::default();
    look(&mut memory);
    let said = node.keeper.ladder().last(Doing::Authority).unwrap().failed.unwrap().1.en;
    assert!(said.contains("access authority"), "{said}");
}

#[test]
fn what_is_declared_does_not_hurry_a_server_that_asked_for_patience() {
    let node = node(&Config::default());
    let (_says, mut settings) = watch::channel(Settings::default());
    let mut trying = Trying { next_ms: Some(NOW_MS + 1), ..Trying::default() };
    let runtime = runtime();
    node.keeper.declare(By::Envelope { number: 1 }, "", 1).unwrap();
    let mut woken = |trying: &mut Trying| {
        let rest =
            async { tokio::time::timeout(Duration::from_millis(50), node.keeper.rest(trying, &mut settings)).await.is_ok() };
        runtime.block_on(rest)
    };
    assert!(!woken(&mut trying) && trying.next_ms == Some(NOW_MS + 1));
    node.keeper.ladder().renew(false);
    assert!(woken(&mut trying) && trying.next_ms.is_none(), "who asks for a certificate gets a try");
}

#[test]
fn a_server_that_lets_it_wait_for_a_certificate_holds_up_the_end_of_http_by_nothing() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let temp = tempfile::tempdir().unwrap();
    let roots = temp.path().join("roots.pem");
    std::fs::write(&roots, rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem()).unwrap();
    let acme = super::super::config::Acme {
        directory: format!("https://{}/dir", silent.local_addr().unwrap()),
        contact: None,
        terms_agreed: true,
        roots: Some(roots),
        profile: None,
        dns: super::super::config::Dns::Command { program: "/bin/true".into(), seconds: 1 },
        alias: None,
        check: Vec::new(),
    };
    let node = node(&Config { names: vec!["sakura.example.jp".to_owned()], acme: Some(acme), ..Config::default() });
    node.keeper.declare(By::Envelope { number: 1 }, "", 1).unwrap();
    let (runtime, stopping) = (runtime(), CancellationToken::new());
    let running = runtime.spawn(node.keeper.clone().run(stopping.clone()));
    let begun = std::time::Instant::now();
    let is_in_time = || begun.elapsed() < Duration::from_secs(20);
    // It has called, and is told nothing.
    let called = loop {
        if let Ok(called) = silent.accept() {
            break called;
        }
        assert!(is_in_time(), "nobody calls the server");
        std::thread::yield_now();
    };
    node.turned.running_ms.store(HOUR_MS, Ordering::SeqCst);
    node.keeper.ladder().kick();
    while node.keeper.ladder().declared().is_some() {
        assert!(is_in_time(), "http is open after its time");
        std::thread::yield_now();
    }
    assert!(node.keeper.ladder().last(Doing::Acme).is_none(), "the server has still said nothing");
    stopping.cancel();
    runtime.block_on(running).unwrap();
    drop(called);
}

#[test]
fn an_envelope_opens_http_once_and_a_wrong_code_wakes_nobody() {
    let node = node(&Config::default());
    let keeper = &node.keeper;
    let number = keeper.with_journal(|journal, _| journal.add_envelope(b"right")).unwrap();
    for _ in 0..20 {
        assert!(keeper.open_envelope(b"wrong").unwrap().is_err());
    }
    let declared = keeper.open_envelope(b"right").unwrap().unwrap();
    assert_eq!((declared.by, declared.until_running_ms), (By::Envelope { number }, Some(HOURS_MAX * HOUR_MS)));
    let mut kept = Journal::read(keeper.clinic.store()).unwrap();
    assert_eq!((kept.envelopes(), kept.in_force(0)), (vec![], keeper.ladder().declared()));
    assert!(keeper.open_envelope(b"right").unwrap().is_err());
    // What woke the keeper is taken; a code beyond those that are counted changes nothing, and so wakes nobody.
    let runtime = runtime();
    runtime.block_on(keeper.ladder().kicked());
    assert!(matches!(keeper.open_envelope(b"wrong").unwrap(), Err(EnvelopeRefusal::Busy { .. })));
    let woken = async { tokio::time::timeout(Duration::ZERO, keeper.ladder().kicked()).await.is_ok() };
    assert!(!runtime.block_on(woken));
}

#[test]
fn a_name_that_the_region_chooses_is_known_without_a_new_start() {
    let node = node(&Config { names: vec!["sakura.example.jp".to_owned()], ..Config::default() });
    let ladder = node.keeper.ladder();
    node.keeper.begin();
    assert!(ladder.is_called("Sakura.example.jp") && !ladder.is_called("kusuri.example.jp"));
    let mut memory = Memory::default();
    let runtime = runtime();
    runtime.block_on(node.keeper.look(&mut memory));
    *node.turned.shared_name.lock().unwrap() = Some("kusuri.example.jp".to_owned());
    runtime.block_on(node.keeper.look(&mut memory));
    assert!(ladder.is_called("kusuri.example.jp") && ladder.is_called("sakura.example.jp"));
    let config = Config {
        names: vec!["minato.example.jp".to_owned()],
        region_name: Some("r.example.jp".to_owned()),
        ..Config::default()
    };
    std::fs::write(node.keeper.dir.join(FILE), config.text()).unwrap();
    runtime.block_on(node.keeper.look(&mut memory));
    let called =
        ["sakura.example.jp", "kusuri.example.jp", "minato.example.jp", "r.example.jp"].map(|name| ladder.is_called(name));
    assert_eq!(called, [false, false, true, true]);
}

/// As a device that trusts this authority does.
fn is_trusted(authority: &[u8], pair: &Pair, name: &str) -> Result<(), rustls::Error> {
    use rustls::client::danger::ServerCertVerifier;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let chain = pair.chain();
    let now = rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_millis(NOW_MS.unsigned_abs()));
    verifier.verify_server_cert(&chain[0], &chain[1..], &name.to_owned().try_into().unwrap(), &[], now).map(drop)
}
