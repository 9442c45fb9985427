//! Import: made-up JAHIS files through the whole intake, against bare inserts of the same bytes at the same durability.

use super::BenchArgs;
use super::node::file_bytes;
use crate::clinic::Clinic;
use crate::clinic::intake::{Attach, Incoming};
use crate::clinic::setup::Location;
use crate::clock::Clock;
use crate::formats::jahis::{self, Document, OutputCategory};
use crate::ledger::payload::SiteProfile;
use crate::record::{Content, DateText};
use crate::store::Store;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Patients whose files are made before the clock runs.
const PATIENTS_PER_ROUND: usize = 2_000;
/// Entries that the bare reference writes in a transaction, as many as the store's own batches.
const ENTRIES_PER_COMMIT: usize = 2_000;

/// What the import took.
pub(super) struct Imported {
    entries: u64,
    took: Duration,
    bare_took: Duration,
    database_bytes: u64,
}

impl Imported {
    fn per_s(&self) -> f64 {
        per_second(self.entries, self.took)
    }

    fn ratio(&self) -> f64 {
        self.bare_took.as_secs_f64() / self.took.as_secs_f64()
    }

    pub(super) fn rows(&self) -> Vec<String> {
        vec![
            format!("import                        {:>10.0} entries/s ({} entries)", self.per_s(), self.entries),
            format!("bare inserts, same bytes      {:>10.0} entries/s", per_second(self.entries, self.bare_took)),
            format!("import : bare                 {:>10.2}", self.ratio()),
            format!("database                      {:>10} MB", self.database_bytes >> 20),
        ]
    }

    pub(super) fn json(&self) -> Value {
        json!({"entries": self.entries, "entries_per_s": self.per_s(), "to_bare": self.ratio(), "database_bytes": self.database_bytes})
    }
}

fn per_second(count: u64, took: Duration) -> f64 {
    // Counts here stay far below 2^52.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let count = count as f64;
    count / took.as_secs_f64()
}

/// Fills a clinic by import; the clock runs from the files' bytes to the last acknowledgement, reading included.
pub(super) fn measure(args: &BenchArgs, dir: &Path, scratch: &Path, err: &mut dyn Write) -> anyhow::Result<Imported> {
    let profile = SiteProfile {
        name: "計測薬局".to_owned(),
        phone: String::new(),
        card_base: "http://kusuri.internal".to_owned(),
        ..SiteProfile::default()
    };
    let clinic = Clinic::found(&Location::new(dir), &profile, Clock::system())?;
    let attach = Attach { registers_new: true, ..Attach::default() };
    let (mut took, mut made) = (Duration::ZERO, 0);
    while made < args.patients {
        let count = PATIENTS_PER_ROUND.min(args.patients - made);
        let files = files(u64::try_from(made)?, count, args.entries, &clinic);
        let start = Instant::now();
        let incoming = files.iter().flat_map(|file| {
            let reading = jahis::gather([file.clone()]);
            Incoming::of(reading.documents, std::slice::from_ref(file))
        });
        clinic.take_in(incoming, &attach, |_, _| ())?;
        took += start.elapsed();
        made += count;
        writeln!(err, "import: {made} of {} patients", args.patients)?;
    }
    let sizes = entry_sizes(clinic.store())?;
    let entries = u64::try_from(sizes.len())?;
    drop(clinic);
    writeln!(err, "bare inserts of the same bytes …")?;
    let bare_took = bare_inserts(&scratch.join("bare.db"), &sizes, ENTRIES_PER_COMMIT)?;
    Ok(Imported { entries, took, bare_took, database_bytes: file_bytes(dir)? })
}

/// Files of made-up patients, one a patient, with `entries` visits each, as a pharmacy writes them (CP932).
fn files(seed: u64, count: usize, entries: usize, clinic: &Clinic) -> Vec<jahis::Source> {
    let samples = crate::demo::patients(seed + 1_000, count + 3, clinic.today().date).skip(3);
    let mut files = Vec::with_capacity(count);
    for (sample, number) in samples.zip(0..) {
        let mut person = sample.person;
        // Names repeat after some thousands; a number keeps every patient apart.
        person.name = format!("{}{}", person.name, seed + number);
        let seen: Vec<_> =
            sample.facts.into_iter().filter_map(|f| if let Content::Visit(v) = f.content { Some(v) } else { None }).collect();
        // The person, their key and the file are entries too; visits fill the rest, going back a year each time they are used up.
        let wanted = if seen.is_empty() { 0 } else { entries.saturating_sub(3) };
        let visits = seen.iter().cycle().take(wanted).zip(0_usize..).map(|(visit, at)| {
            let mut visit = visit.clone();
            let back = jiff::Span::new().days(i32::try_from(at / seen.len() * 365).unwrap_or(i32::MAX));
            if let Some(day) = visit.date.day.and_then(|day| day.0.checked_sub(back).ok()) {
                visit.date = DateText::read(&day.strftime("%Y%m%d").to_string());
            }
            visit
        });
        let document =
            Document { patient: Some(person), visits: visits.collect(), ..Document::new(OutputCategory::FacilityToPatient) };
        files.push(jahis::Source { name: format!("{}.csv", seed + number), bytes: jahis::write(&document).bytes });
    }
    files
}

/// Length of open part and body of every entry, in order.
fn entry_sizes(store: &Store) -> anyhow::Result<Vec<usize>> {
    const ROWS: u32 = 10_000;
    let (mut sizes, mut last) = (Vec::new(), 0);
    loop {
        let entries = store.read_now(move |reader| reader.entries_after(last, ROWS))?;
        let Some(newest) = entries.last() else { return Ok(sizes) };
        last = newest.row;
        sizes.extend(entries.iter().map(|entry| 154 + entry.body.as_ref().map_or(0, Vec::len)));
    }
}

/// The reference: one table, one blob of the same size an entry, the same commits to disk.
#[expect(clippy::disallowed_methods, reason = "the reference is SQLite itself, without the store")]
fn bare_inserts(path: &Path, sizes: &[usize], per_commit: usize) -> anyhow::Result<Duration> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE entry (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);")?;
    let mut bytes = vec![0; sizes.iter().copied().max().unwrap_or_default()];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    let start = Instant::now();
    for batch in sizes.chunks(per_commit) {
        let transaction = connection.transaction()?;
        let mut insert = transaction.prepare_cached("INSERT INTO entry (bytes) VALUES (?1)")?;
        for size in batch {
            insert.execute([&bytes[..*size]])?;
        }
        drop(insert);
        transaction.commit()?;
    }
    Ok(start.elapsed())
}
