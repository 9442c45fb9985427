//! Counts entries by ranges of ids, for the comparison of all entries with a peer.

use super::holding::Holdings;
use super::replica::open_at;
use super::rows::parts;
use super::{Reader, StoreError};
use crate::exchange::EntryRef;
use crate::exchange::message::Set;
use crate::exchange::ranges::{Counting, Prefix, Tally};
use crate::ledger::{LedgerId, OpenPart};
use rusqlite::{CachedStatement, Rows, params};
use std::collections::BTreeMap;

/// One part of the index of ids; `?5` says whether what lacks its body is counted, too.
const IN_PART: &str = "SELECT prefix, open FROM entry WHERE (row >> 16) = ?1 AND prefix BETWEEN ?2 AND ?3
    AND (?5 OR NOT EXISTS (SELECT 1 FROM lacking WHERE lacking.holding = ?4 AND lacking.row = entry.row)) ORDER BY prefix";

impl Reader<'_> {
    /// Counts the entries of a set in a range of ids.
    pub fn tally(&self, ledger: LedgerId, set: Set, prefix: &Prefix) -> Result<Tally, StoreError> {
        let lists_bodyless = match set {
            Set::Tips => return Ok(self.frontier(ledger)?.tally(prefix)),
            Set::Entries => false,
            Set::Held => true,
        };
        let (first, last) = prefix.bounds();
        let (first, last) = (first.prefix(), last.prefix());
        // Ids ascend as numbers without a sign: those that look negative come last.
        let ranges = if first >= 0 && last < 0 { vec![(first, i64::MAX), (i64::MIN, last)] } else { vec![(first, last)] };
        let mut counting = Counting::new(prefix);
        for bounds in ranges {
            self.count_between(ledger, lists_bodyless, bounds, |entry| counting.add(entry))?;
        }
        Ok(counting.finish())
    }

    fn count_between(
        &self,
        ledger: LedgerId,
        lists_bodyless: bool,
        (first, last): (i64, i64),
        mut add: impl FnMut(EntryRef),
    ) -> Result<(), StoreError> {
        let holding = Holdings::new(self.conn).find(ledger)?;
        let selects = (0..parts(self.conn)?).map(|part| Ok((part, self.conn.prepare_cached(IN_PART)?)));
        let mut selects: Vec<(i64, CachedStatement<'_>)> = selects.collect::<Result<_, StoreError>>()?;
        let queries =
            selects.iter_mut().map(|(part, select)| select.query(params![*part, first, last, holding, lists_bodyless]));
        let mut merged = Merged::new(queries.collect::<Result<_, _>>()?)?;
        // Ids that agree in their first eight bytes are put in order here.
        let mut alike: Vec<EntryRef> = Vec::new();
        let mut flush = |alike: &mut Vec<EntryRef>| {
            alike.sort_unstable_by_key(|entry| entry.id);
            alike.dedup_by_key(|entry| entry.id);
            alike.drain(..).for_each(&mut add);
        };
        while let Some((prefix, open)) = merged.next()? {
            let Some(open) = open.filter(|open| open.ledger() == ledger) else { continue };
            let entry = EntryRef::of(&open);
            if entry.id.prefix() != prefix {
                continue;
            }
            if alike.last().is_some_and(|before| before.id.prefix() != prefix) {
                flush(&mut alike);
            }
            alike.push(entry);
        }
        flush(&mut alike);
        Ok(())
    }
}

/// What all parts have, in ascending order: each has its own in order, and the least of what they come to next is next.
struct Merged<'s> {
    parts: Vec<Rows<'s>>,
    /// By prefix and part; without an open part where it does not read.
    ahead: BTreeMap<(i64, usize), Option<OpenPart>>,
}

impl<'s> Merged<'s> {
    fn new(parts: Vec<Rows<'s>>) -> Result<Self, StoreError> {
        let mut merged = Self { ahead: BTreeMap::new(), parts };
        for part in 0..merged.parts.len() {
            merged.look_ahead(part)?;
        }
        Ok(merged)
    }

    fn next(&mut self) -> Result<Option<(i64, Option<OpenPart>)>, StoreError> {
        let Some(((prefix, part), open)) = self.ahead.pop_first() else { return Ok(None) };
        self.look_ahead(part)?;
        Ok(Some((prefix, open)))
    }

    fn look_ahead(&mut self, part: usize) -> Result<(), StoreError> {
        let Some(rows) = self.parts.get_mut(part) else { return Ok(()) };
        if let Some(row) = rows.next()? {
            self.ahead.insert((row.get(0)?, part), open_at(row, 1).ok());
        }
        Ok(())
    }
}
