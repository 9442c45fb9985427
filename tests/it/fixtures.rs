//! What this version wrote, kept so that every later version must still read it: a database with two ledgers and its key file, and all messages
//! of an exchange between two nodes. Never made again for a version that has been out: a new format gets a directory of its own beside `v1`.
//!
//! Written by `cargo test --test it fixtures::write -- --ignored`, which nothing runs by itself. The people in them are made up.

mod recording;
mod replay;
mod writing;

use kusuribako::clinic::check::Told;
use kusuribako::clinic::setup::Location;
use kusuribako::clinic::{CardRefusal, Clinic};
use kusuribako::clock::Clock;
use kusuribako::exchange::Frontier;
use kusuribako::ledger::LedgerId;
use kusuribako::membership::Member;
use kusuribako::record::Content;
use std::collections::BTreeMap;
use std::path::PathBuf;

const DATABASE: &[u8] = include_bytes!("fixtures/v1/ledger.db.zst");
const KEY_FILE: &[u8] = include_bytes!("fixtures/v1/node.key");
const EXCHANGE: &[u8] = include_bytes!("fixtures/v1/exchange.cbor.zst");
/// Cards with their PINs and what is to be found.
const FACTS: &str = include_str!("fixtures/v1/facts.txt");

const OWN: &str = "架空一郎の記録";
const CORRECTED: &str = "書き直した文";
const FOREIGN: &str = "架空二郎の記録";
const LEFT: &str = "救護所で飲んだ薬";
const REGION: &str = "Region";

const DECOMPRESSED_MAX: usize = 4 << 20;

fn facts() -> BTreeMap<&'static str, &'static str> {
    FACTS.lines().map(|line| line.split_once(" = ").expect("name = value")).collect()
}

/// A copy of the recorded clinic, in a directory of its own.
struct Recorded {
    _home: tempfile::TempDir,
    clinic: Clinic,
}

impl Recorded {
    fn open() -> Self {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("clinic");
        put(&dir);
        let location = Location { reserve_bytes: 1 << 20, ..Location::new(&dir) };
        Self { clinic: Clinic::open(&location, Clock::system()).unwrap(), _home: home }
    }

    fn is_clean(&self) {
        let mut faults = Vec::new();
        self.clinic.verify(&mut |told| faults.extend(if let Told::Fault(fault) = told { Some(fault) } else { None })).unwrap();
        assert_eq!(faults, Vec::<String>::new());
    }
}

fn put(dir: &PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(dir).unwrap();
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(dir.join("ledger.db"), zstd::bulk::decompress(DATABASE, DECOMPRESSED_MAX).unwrap()).unwrap();
    std::fs::write(dir.join("node.key"), KEY_FILE).unwrap();
    std::fs::set_permissions(dir.join("node.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// All memos that a card opens, as they stand after corrections.
fn memos(clinic: &Clinic, code: &str, pin: &str) -> Result<(LedgerId, Vec<String>), CardRefusal> {
    let record = block_on(clinic.open_with_card(code, pin))?;
    let chart = block_on(clinic.chart(&record)).unwrap();
    assert_eq!((chart.unreadable, chart.not_understood), (0, 0));
    let stated = chart.facts.iter().filter_map(|fact| match fact.content.stated() {
        Content::Memo(memo) => Some(memo.text.clone()),
        _ => None,
    });
    Ok((record.ledger(), stated.collect()))
}

#[test]
fn the_recorded_database_is_read_verified_and_rebuilt() {
    let (recorded, facts) = (Recorded::open(), facts());
    let clinic = &recorded.clinic;
    recorded.is_clean();
    for _ in 0..2 {
        let (ledger, own) = memos(clinic, facts["own card"], facts["own pin"]).unwrap();
        assert_eq!(ledger, clinic.ledger());
        assert!([OWN, CORRECTED].iter().all(|text| own.iter().any(|memo| memo == text)), "{own:?}");
        let (ledger, foreign) = memos(clinic, facts["foreign card"], facts["foreign pin"]).unwrap();
        assert!(ledger != clinic.ledger() && foreign == [FOREIGN], "{foreign:?}");
        let lost = memos(clinic, facts["lost card"], facts["lost pin"]);
        assert!(matches!(lost, Err(CardRefusal::Revoked)), "{lost:?}");
        clinic.rebuild(&mut |_| ()).unwrap();
        recorded.is_clean();
    }
    assert_eq!(clinic.patients().unwrap().len(), 1);
    assert_eq!(clinic.open_inbox().unwrap().attached, 1);
    let (_, own) = memos(clinic, facts["own card"], facts["own pin"]).unwrap();
    assert!(own.iter().any(|memo| memo == LEFT), "{own:?}");
    let region = Member::open(clinic).unwrap().region().unwrap();
    assert_eq!((region.founded().name.as_str(), region.nodes().len()), (REGION, 2));
}

#[test]
fn the_recorded_exchange_reads_as_it_was_written_and_gives_the_same_copy() {
    let messages = recording::read(EXCHANGE);
    assert!(messages.iter().filter(|message| message.is_batch()).count() > 1, "several batches");
    messages.iter().for_each(recording::Recorded::encodes_to_the_same_bytes);
    let kinds: std::collections::BTreeSet<&str> = messages.iter().map(recording::Recorded::kind).collect();
    let all = ["batch", "compare", "compared", "hint", "noted", "want"];
    assert_eq!(kinds, all.into(), "one of each kind");
    let recorded = Recorded::open();
    let ledger = recorded.clinic.ledger();
    let filled: Frontier = replay::fill_from(&messages, ledger);
    let facts = facts();
    let summary = filled.summary();
    let said = format!("{} {}", filled.entries(), data_encoding::HEXLOWER.encode(&summary.digest));
    assert_eq!(said, facts["frontier"]);
    let home = recorded.clinic.store().read_now(move |reader| reader.frontier(ledger)).unwrap();
    assert_eq!((home.summary(), home.entries(), filled.missing()), (summary, filled.entries(), 0));
}
