//! Reading who is in a ledger: statements of persons with the keys that open them, a chunk at a time, opened on all cores while the next is read.

use super::Shelf;
use super::unread::{Tried, Unread};
use crate::clinic::chart::facts_of;
use crate::clinic::keys::{LedgerKeys, Ring, links};
use crate::clinic::line::Link;
use crate::clinic::within::Within;
use crate::clinic::{Clinic, ClinicError};
use crate::finding::Index;
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::{Content, Subject};
use crate::store::{Pending, Reader, StoreError, StoredEntry};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::available_parallelism;

/// Statements that are read at once: few enough that a page never waits long behind them.
const CHUNK: u32 = 2_000;

/// Statements that one thread opens at least: below that, another thread costs more than it gives.
const EACH_MIN: usize = 100;

/// Statements of persons, and the keys that lie near them.
struct Chunk {
    statements: Vec<StoredEntry>,
    links: HashMap<Subject, Vec<Link>>,
}

/// Whoever some statements are about, and those of them that do not open.
#[derive(Default)]
struct Opened {
    people: Index,
    unread: Vec<Unread>,
}

/// Fills a shelf up to now. Where somebody else is at it, waits for them.
pub(super) fn fill(clinic: &Clinic, ledger: LedgerId, keys: &Arc<LedgerKeys>, shelf: &Shelf) -> Result<(), ClinicError> {
    let _turn = shelf.filling.lock().unwrap_or_else(PoisonError::into_inner);
    read_again(clinic, ledger, keys, shelf)?;
    let mut reading = read(clinic, ledger, shelf.read().read_to);
    loop {
        let chunk = reading.wait()??;
        let Some(last) = chunk.statements.last().map(|entry| entry.row) else { break };
        let is_last = chunk.statements.len() < usize::try_from(CHUNK).unwrap_or(usize::MAX);
        let following = (!is_last).then(|| read(clinic, ledger, last));
        let Opened { people, unread } = opened(clinic, ledger, keys, &chunk)?;
        if shelf.is_over.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut filled = shelf.write();
        filled.index.absorb(people);
        filled.waiting.statements.extend(unread);
        filled.read_to = last;
        drop(filled);
        match following {
            Some(next) => reading = next,
            None => break,
        }
    }
    shelf.finish_first_reading();
    Ok(())
}

/// Tries again what did not open: its key may have come after it, by another writer's chain, or when the ledger's keys were opened here.
fn read_again(clinic: &Clinic, ledger: LedgerId, keys: &Arc<LedgerKeys>, shelf: &Shelf) -> Result<(), ClinicError> {
    let waiting = shelf.read().waiting.clone();
    let (inner, count, is_any) = (clinic.inner.clone(), keys.len(), !waiting.statements.is_empty());
    let keys_after = waiting.tried.keys_to;
    let (now, came) = clinic.inner.store.read_now(move |reader| {
        let home = inner.homes.of(Within::new(reader, ledger))?;
        let now = Tried { keys: count, keys_to: reader.last_row()?, home: Some(home) };
        Ok((now, if is_any { subjects_of_keys(reader, ledger, keys_after)? } else { BTreeSet::new() }))
    })?;
    for some in waiting.ripe(&now, &came).chunks(usize::try_from(CHUNK).unwrap_or(usize::MAX)) {
        let rows: Vec<i64> = some.iter().map(|unread| unread.row).collect();
        let statements = clinic.inner.store.read_now(move |reader| {
            let found = rows.iter().map(|row| Within::new(reader, ledger).entry(*row)).filter_map(Result::transpose);
            found.collect::<Result<Vec<_>, _>>()
        })?;
        let Opened { people, unread } = opened(clinic, ledger, keys, &Chunk { statements, links: HashMap::new() })?;
        let mut filled = shelf.write();
        filled.index.absorb(people);
        filled.waiting.put(some, unread);
    }
    shelf.write().waiting.tried = now;
    Ok(())
}

/// Whose keys have come after a row.
fn subjects_of_keys(reader: &Reader<'_>, ledger: LedgerId, mut after: i64) -> Result<BTreeSet<Subject>, StoreError> {
    let mut subjects = BTreeSet::new();
    loop {
        let came = reader.entries_of_kind(ledger, CoarseKind::KEY, after, CHUNK)?;
        let Some(last) = came.last() else { return Ok(subjects) };
        after = last.row;
        subjects.extend(came.iter().map(|entry| entry.open.subject()));
    }
}

fn read(clinic: &Clinic, ledger: LedgerId, after: i64) -> Pending<Result<Chunk, ClinicError>> {
    let inner = clinic.inner.clone();
    clinic.inner.store.read(move |reader: &Reader<'_>| {
        let statements = reader.entries_of_kind(ledger, CoarseKind::PERSON, after, CHUNK)?;
        let home = inner.homes.of(Within::new(reader, ledger))?;
        let mut links: HashMap<Subject, Vec<Link>> = HashMap::new();
        if let Some(last) = statements.last() {
            // Whoever registers somebody writes key and statement together: one scan finds most keys, where single look-ups would take ten times as long.
            for entry in reader.entries_between(ledger, CoarseKind::KEY, after, last.row)? {
                let subject = entry.open.subject();
                if subject != Subject::NONE {
                    links.entry(subject).or_default().extend(Link::of(&entry, &home));
                }
            }
        }
        Ok(Ok(Chunk { statements, links }))
    })
}

/// Whoever the statements are about, as far as they open.
fn opened(clinic: &Clinic, ledger: LedgerId, keys: &Arc<LedgerKeys>, chunk: &Chunk) -> Result<Opened, ClinicError> {
    let threads = available_parallelism().map_or(1, usize::from);
    let each = chunk.statements.len().div_ceil(threads).max(EACH_MIN);
    std::thread::scope(|scope| {
        let parts: Vec<_> = chunk
            .statements
            .chunks(each)
            .map(|part| scope.spawn(move || part_of(clinic, ledger, keys, &chunk.links, part)))
            .collect();
        let mut all = Opened::default();
        for part in parts {
            match part.join() {
                Ok(found) => {
                    let Opened { people, unread } = found?;
                    all.people.absorb(people);
                    all.unread.extend(unread);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(all)
    })
}

fn part_of(
    clinic: &Clinic,
    ledger: LedgerId,
    keys: &Arc<LedgerKeys>,
    near: &HashMap<Subject, Vec<Link>>,
    statements: &[StoredEntry],
) -> Result<Opened, ClinicError> {
    let mut all = Opened::default();
    for entry in statements {
        let subject = entry.open.subject();
        let said = |ring: &Ring| Some(facts_of(std::slice::from_ref(entry), ring)).filter(|chart| chart.unreadable == 0);
        let quick = near.get(&subject).and_then(|links| keys.ring_of(ledger, subject, links));
        let said = match (quick.as_ref().and_then(said), &entry.body) {
            (Some(said), _) => Some(said),
            (None, Some(_)) => all_keys(clinic, ledger, keys, subject)?.as_ref().and_then(said),
            (None, None) => None,
        };
        let Some(said) = said else {
            // Its key may still come; or it is nobody's here, or sealed to what home did not vouch for.
            all.unread.push(Unread { row: entry.row, subject, has_body: entry.body.is_some() });
            continue;
        };
        for fact in &said.facts {
            if let Content::Patient(person) = fact.content.stated() {
                all.people.add(subject, person);
            }
        }
    }
    Ok(all)
}

fn all_keys(clinic: &Clinic, ledger: LedgerId, keys: &Arc<LedgerKeys>, subject: Subject) -> Result<Option<Ring>, ClinicError> {
    let inner = clinic.inner.clone();
    let found = clinic.inner.store.read_now(move |reader| {
        let within = Within::new(reader, ledger);
        let home = inner.homes.of(within)?;
        Ok(links(within, subject, &home))
    })??;
    Ok(keys.ring_of(ledger, subject, &found))
}
