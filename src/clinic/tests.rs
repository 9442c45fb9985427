//! What the envelopes promise, on a real directory: who can open what, and who cannot.

mod elsewhere;
mod forged;
mod late;
mod people;
mod region;
mod rotation;

use super::cards::Reason;
use super::intake::NewFact;
use super::keys::{Keyring, LedgerKeys};
use super::setup::Location;
use super::{CardRefusal, Clinic, ClinicError, Inner};
use crate::clock::Clock;
use crate::entropy::SystemEntropy;
use crate::ledger::payload::SiteProfile;
use crate::record::{Channel, Content, DateText, Memo, Origin, Patient, Sex, Source, Subject};
use crate::seal::key::Key;
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "架空 花子";
const MEMO: &str = "ワーファリン錠１ｍｇを飲んでいます";

struct Fixture {
    dir: tempfile::TempDir,
    clock: Clock,
}

impl Fixture {
    fn new() -> (Self, Clinic) {
        let fixture = Self { dir: tempfile::tempdir().unwrap(), clock: Clock::manual(1_795_000_000_000) };
        let profile = SiteProfile { name: "さくら薬局".to_owned(), ..SiteProfile::default() };
        let clinic = Clinic::found(&fixture.location(), &profile, fixture.clock.clone()).unwrap();
        (fixture, clinic)
    }

    fn location(&self) -> Location {
        Location { reserve_bytes: 1 << 20, ..Location::new(self.dir.path().join("clinic")) }
    }

    fn open(&self) -> Result<Clinic, ClinicError> {
        Clinic::open(&self.location(), self.clock.clone())
    }
}

fn source() -> Source {
    Source { origin: Origin::Staff, name: String::new(), channel: Channel::CommandLine }
}

fn register(clinic: &Clinic) -> Subject {
    let person = Patient { name: NAME.to_owned(), sex: Sex::Female, birth: DateText::read("S180512"), ..Patient::default() };
    let memo = Content::Memo(Memo { text: MEMO.to_owned(), ..Memo::default() });
    let fact = NewFact::minted(memo, source(), &SystemEntropy::default());
    clinic.register(person, source(), vec![fact]).unwrap()
}

fn memos(facts: &[crate::record::Fact]) -> Vec<&str> {
    facts.iter().filter_map(|f| if let Content::Memo(m) = &f.content { Some(&*m.text) } else { None }).collect()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The same store in the hands of a member that has no ledger key.
fn without_ledger_key(clinic: Clinic) -> Clinic {
    let Ok(inner) = Arc::try_unwrap(clinic.inner) else { panic!("the clinic is shared") };
    let keyring = Arc::new(Keyring::new(LedgerKeys::new(Key::random(&*inner.entropy))));
    Clinic { inner: Arc::new(Inner { keyring, ..inner }) }
}

#[test]
fn card_and_pin_open_a_record_at_home_and_without_the_ledger_key() {
    let (_fixture, clinic) = Fixture::new();
    let subject = register(&clinic);
    let card = clinic.issue_card(subject).unwrap();
    let (code, pin) = (card.code.compact(), card.pin.digits());
    let clinic = without_ledger_key(clinic);
    assert!(matches!(clinic.chart_at_home(subject), Err(ClinicError::KeyDoesNotFit)));
    let record = block_on(clinic.open_with_card(&code, &pin)).unwrap();
    let chart = block_on(clinic.chart(&record)).unwrap();
    assert_eq!(memos(&chart.facts), [MEMO]);
    assert_eq!(chart.unreadable, 0);
    assert!(chart.facts.iter().any(|fact| matches!(fact.content, Content::Look(_))), "the look is noted");
}

#[test]
fn a_copied_directory_without_its_key_file_opens_no_body() {
    let (fixture, clinic) = Fixture::new();
    let subject = register(&clinic);
    drop(clinic);
    let key_file = fixture.location().dir.join("node.key");
    std::fs::remove_file(&key_file).unwrap();
    assert!(matches!(fixture.open(), Err(ClinicError::KeyFile(_))));
    // A thief's own key file makes the directory no more readable.
    super::node_key::NodeKey::random(&SystemEntropy::default()).write_new(&key_file).unwrap();
    match fixture.open() {
        Err(ClinicError::KeyDoesNotFit | ClinicError::Store(_)) => {}
        Err(other) => panic!("{other}"),
        Ok(clinic) => panic!("opened: {:?}", clinic.chart_at_home(subject).map(|c| c.facts.len())),
    }
}

#[test]
fn nothing_readable_lies_in_the_data_directory() {
    let (fixture, clinic) = Fixture::new();
    let subject = register(&clinic);
    let card = clinic.issue_card(subject).unwrap();
    let _ = block_on(clinic.open_with_card(&card.code.compact(), &card.pin.digits())).unwrap();
    let secrets = [NAME, "花子", MEMO, "ワーファリン", "S180512", "19430512", &card.code.compact(), &card.code.printed()[5..]];
    for file in fixture.location().dir.read_dir().unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        for secret in secrets {
            let (utf8, utf16) = (secret.as_bytes().to_vec(), secret.encode_utf16().flat_map(u16::to_le_bytes).collect());
            let cp932 = encoding_rs::SHIFT_JIS.encode(secret).0.into_owned();
            for needle in [utf8, utf16, cp932] {
                assert!(!bytes.windows(needle.len()).any(|w| w == needle), "{secret} lies in {}", path.display());
            }
        }
    }
}

#[test]
fn five_wrong_pins_lock_a_card_across_restarts_and_a_wrong_secret_locks_nobody() {
    let (fixture, clinic) = Fixture::new();
    let subject = register(&clinic);
    let (card, other) = (clinic.issue_card(subject).unwrap(), clinic.issue_card(subject).unwrap());
    let (code, pin) = (card.code.compact(), card.pin.digits());
    let wrong = if *pin == "000000" { "000001" } else { "000000" };
    for left in (0..5).rev() {
        let refusal = block_on(clinic.open_with_card(&code, wrong)).err();
        assert_eq!(refusal, Some(CardRefusal::WrongPin { tries_left: left }));
    }
    drop(clinic);
    let clinic = fixture.open().unwrap();
    assert!(
        matches!(block_on(clinic.open_with_card(&code, &pin)).err(), Some(CardRefusal::Locked { wait_s }) if wait_s <= 900)
    );
    clinic.rebuild(&mut |_| ()).unwrap();
    assert!(
        matches!(block_on(clinic.open_with_card(&code, &pin)).err(), Some(CardRefusal::Locked { .. })),
        "rebuild keeps the count"
    );
    let stranger = crate::seal::card::CardCode::random(&clinic.inner.ledger, &SystemEntropy::default());
    for _ in 0..20 {
        assert_eq!(block_on(clinic.open_with_card(&stranger.compact(), "000000")).err(), Some(CardRefusal::Unknown));
    }
    assert!(block_on(clinic.open_with_card(&other.code.compact(), &other.pin.digits())).is_ok());
    fixture.clock.advance(Duration::from_secs(15 * 60 + 1));
    assert!(block_on(clinic.open_with_card(&code, &pin)).is_ok());
}

#[test]
fn a_replaced_card_opens_nothing_and_the_others_read_what_is_written_later() {
    let (fixture, clinic) = Fixture::new();
    let subject = register(&clinic);
    let (lost, kept) = (clinic.issue_card(subject).unwrap(), clinic.issue_card(subject).unwrap());
    let new = clinic.replace_card(lost.opener).unwrap();
    let refusal = block_on(clinic.open_with_card(&lost.code.compact(), &lost.pin.digits())).err();
    assert_eq!(refusal, Some(CardRefusal::Revoked));
    drop(clinic);
    let clinic = without_ledger_key(fixture.open().unwrap());
    let by =
        |card: &super::cards::IssuedCard| block_on(clinic.open_with_card(&card.code.compact(), &card.pin.digits())).unwrap();
    let own = Content::Memo(Memo { text: "後から".to_owned(), ..Memo::default() });
    block_on(clinic.add_fact(&by(&new), clinic.new_fact_id(), own)).unwrap();
    for card in [&new, &kept] {
        let chart = block_on(clinic.chart(&by(card))).unwrap();
        assert_eq!((memos(&chart.facts), chart.unreadable), (vec![MEMO, "後から"], 0));
    }
    let _ = (clinic.cards(Some(subject)).unwrap(), Reason::Lost);
}

#[test]
fn a_damaged_body_never_vanishes_quietly() {
    let (_fixture, clinic) = Fixture::new();
    let subject = register(&clinic);
    let inner = clinic.inner.clone();
    let (found, ring) = clinic
        .inner
        .store
        .read_now(move |reader| Ok((inner.own(reader).entries_of(subject)?, inner.patient_ring(reader, subject).unwrap())))
        .unwrap();
    let sealed = |entry: &&crate::store::StoredEntry| entry.open.kind() != crate::ledger::CoarseKind::KEY;
    for entry in found.entries.iter().filter(sealed) {
        assert_eq!(super::chart::facts_of(std::slice::from_ref(entry), &ring).unreadable, 0);
        // The class byte too: a sealed body that says that it is open must not be passed over.
        for (byte, bit) in (0..4).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
            let mut damaged = entry.clone();
            damaged.body.as_mut().unwrap()[byte] ^= 1 << bit;
            let chart = super::chart::facts_of(&[damaged], &ring);
            assert_eq!((chart.unreadable, chart.facts.len()), (1, 0), "byte {byte}, bit {bit}");
        }
    }
}
