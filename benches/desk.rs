//! The desk in figures, beside its goals: who can be found is read anew among 100,000 patients (1 s), a search of them (30 ms, p99), how often the right
//! person is among the first five (98 %), the ministry's price list is taken in (2 s), a search of it (10 ms, p99).
//!
//! `cargo bench --bench desk -- [--patients N] [--prices FILE]`: without a price list the drugs are left out.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a benchmark that meets what it did not expect ends there; it prints"
)]

#[path = "../src/finding/tests/made_up.rs"]
mod made_up;

use fastrand::Rng;
use kusuribako::clinic::Clinic;
use kusuribako::clinic::patients::NewPatient;
use kusuribako::clinic::search::Sought;
use kusuribako::clinic::setup::Location;
use kusuribako::clock::Clock;
use kusuribako::finding::{Index, Query};
use kusuribako::ledger::payload::SiteProfile;
use kusuribako::record::text::read_date;
use kusuribako::record::{Patient, Sex, Source, Subject};
use std::path::Path;
use std::time::{Duration, Instant};

/// As many as a large clinic has.
const PATIENTS: usize = 100_000;
/// Registered in one append.
const BATCH: usize = 1_000;
/// Searches of each kind of error.
const SEARCHES: usize = 50;
/// As many as the desk shows.
const SHOWN: usize = 10;
/// How often reading is measured.
const TIMES: usize = 3;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let patients = value("--patients").map_or(PATIENTS, |said| said.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    for is_held_out in [false, true] {
        let shares = made_up::recall(6_000, 200, is_held_out);
        let of = |share: f64| share / 14.0;
        let mean: f64 = shares.iter().map(|(_, share)| of(*share)).sum();
        let least = shares.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        println!(
            "recall, held out: {is_held_out:<5}  {:.2} % (goal 98), least {:.1} % ({})",
            mean * 100.0,
            least.1 * 100.0,
            least.0
        );
    }
    let people = registered(dir.path(), patients);
    let clinic = Clinic::open(&location(dir.path()), Clock::system()).unwrap();
    for _ in 0..TIMES {
        clinic.forget_people();
        let (wall, cpu) = timed(|| clinic.read_people().unwrap());
        assert_eq!(clinic.searchable().people, patients);
        println!("reading who can be found     {wall:?}, {cpu:?} of the processor (goal 1 s)");
    }
    searches(&clinic, &people);
    match value("--prices") {
        Some(file) => drugs(&clinic, Path::new(file)),
        None => eprintln!("drugs are left out: --prices FILE names the ministry's price list"),
    }
}

fn location(dir: &Path) -> Location {
    Location { reserve_bytes: 1 << 20, ..Location::new(dir.join("clinic")) }
}

/// Wall clock and processor time of this process.
fn timed(work: impl FnOnce()) -> (Duration, Duration) {
    let cpu = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
    };
    let (begun, before) = (Instant::now(), cpu());
    work();
    (begun.elapsed(), cpu().checked_sub(before).unwrap())
}

/// A clinic with so many patients, closed again.
fn registered(dir: &Path, patients: usize) -> Vec<Patient> {
    let clinic = Clinic::found(&location(dir), &SiteProfile::default(), Clock::system()).unwrap();
    let [families, given] = made_up::names();
    let mut random = Rng::with_seed(1);
    let people: Vec<Patient> = (0..patients).map(|_| made_up::person(&mut random, &families, &given)).collect();
    let (wall, _) = timed(|| {
        for batch in people.chunks(BATCH) {
            let new = |person: &Patient| NewPatient { person: person.clone(), source: Source::UNKNOWN, facts: Vec::new() };
            clinic.register_many(batch.iter().map(new).collect()).unwrap();
        }
    });
    println!("{patients} patients registered in {wall:?}");
    people
}

/// With what somebody remembers wrongly; as the page does it, with the records of those who are shown.
fn searches(clinic: &Clinic, people: &[Patient]) {
    let [families, _] = made_up::names();
    let mut random = Rng::with_seed(2);
    let mut took = Vec::new();
    for error in made_up::ERRORS {
        for _ in 0..SEARCHES {
            let asked = made_up::query(&mut random, error, random.choice(people).unwrap(), &families);
            let sought = Sought { query: asked, drug: String::new() };
            took.push(timed(|| drop(std::hint::black_box(clinic.find_people(&sought, clinic.ledger(), SHOWN).unwrap()))));
        }
    }
    print_times("a search", took, "30 ms");
}

fn print_times(what: &str, mut took: Vec<(Duration, Duration)>, goal: &str) {
    let at = |took: &[(Duration, Duration)], percent: usize| took[(took.len() - 1) * percent / 100];
    took.sort();
    let (p50, p99) = (at(&took, 50).0, at(&took, 99).0);
    took.sort_by_key(|(_, cpu)| *cpu);
    println!("{what:<28} p50 {p50:?}, p99 {p99:?}; of the processor p99 {:?} (goal {goal})", at(&took, 99).1);
}

fn drugs(clinic: &Clinic, file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let (wall, cpu) = timed(|| println!("{} products", clinic.import_drugs("prices.csv", &bytes).unwrap().products));
    println!("the price list is taken in   {wall:?}, {cpu:?} of the processor (goal 2 s)");
    let (wall, _) = timed(|| drop(clinic.drug_master().unwrap()));
    println!("and read for the first look  {wall:?}");
    let mut took = Vec::new();
    for text in ["わーふぁ", "ロキソプロフェン", "3332001", "ｱﾑﾛｼﾞ", "アムロジ サワイ", "プレドニゾロン", "ない薬", "ア", "錠"]
    {
        for _ in 0..SEARCHES {
            let master = clinic.drug_master().unwrap();
            took.push(timed(|| drop(std::hint::black_box(master.master.search(text, 50)))));
        }
    }
    print_times("a search of drugs", took, "10 ms");
}
