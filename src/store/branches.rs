//! Where an author's chains branch: its box was put back to an older state and wrote on, or it runs twice. Both branches are kept; somebody
//! should know.

use super::reader::decode_open;
use super::rows::{row_at, row_of};
use super::{Reader, StoreError};
use crate::exchange::EntryRef;
use crate::ledger::{CoarseKind, EntryId, LedgerId, NodeId, OpenPart};
use rusqlite::{OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};

/// An author whose entries in a ledger are no single line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branching {
    /// Whose.
    pub author: NodeId,
    /// Whether both branches were written in the same span of time, as far as their times can be believed: the box runs twice.
    pub is_at_once: bool,
    /// When the newest of them began, ms since 1970 UTC by the author's clock.
    pub began_ms: i64,
}

/// One of several ways on from an entry.
struct Way {
    first: OpenPart,
    last_ms: i64,
}

impl Way {
    fn overlaps(&self, other: &Self) -> bool {
        self.first.time().ms() <= other.last_ms && other.first.time().ms() <= self.last_ms
    }
}

impl Reader<'_> {
    /// The authors whose entries branch in a ledger; for each the newest branching.
    pub fn branchings(&self, ledger: LedgerId) -> Result<Vec<Branching>, StoreError> {
        let mut begins: BTreeMap<(NodeId, EntryId), Vec<OpenPart>> = BTreeMap::new();
        for open in self.opens_of_kind(ledger, CoarseKind::BEGIN)? {
            if open.seq() == 1 && open.previous() != EntryId::NONE {
                begins.entry((open.author(), open.previous())).or_default().push(open);
            }
        }
        let mut found: BTreeMap<NodeId, Branching> = BTreeMap::new();
        for ((author, before), firsts) in begins {
            let ways = self.ways(ledger, before, firsts)?;
            let Some(began_ms) = ways.iter().map(|way| way.first.time().ms()).max().filter(|_| ways.len() > 1) else {
                continue;
            };
            let pairs = ways.iter().enumerate().flat_map(|(at, way)| ways[at + 1..].iter().map(move |other| (way, other)));
            let is_at_once = pairs.into_iter().any(|(way, other)| way.overlaps(other));
            let newest = found.entry(author).or_insert(Branching { author, is_at_once, began_ms });
            newest.is_at_once |= is_at_once;
            newest.began_ms = newest.began_ms.max(began_ms);
        }
        // One start of one writer, twice: its memory was copied while it ran.
        for author in self.frontier(ledger)?.branched().map(|chain| chain.author).collect::<BTreeSet<_>>() {
            let tips = self.tips_of(ledger, author)?;
            let began_ms = self.newest_ms(ledger, &tips)?;
            found.insert(author, Branching { author, is_at_once: true, began_ms });
        }
        Ok(found.into_values().collect())
    }

    /// The ways on from an entry: starts that name it as what was there before them, and its own chain, if that goes on.
    fn ways(&self, ledger: LedgerId, before: EntryId, firsts: Vec<OpenPart>) -> Result<Vec<Way>, StoreError> {
        let mut firsts = firsts;
        if let Some(row) = row_of(self.conn, ledger, &before)? {
            let sql = "SELECT next.open FROM entry JOIN entry AS next ON next.chain = entry.chain AND next.seq = entry.seq + 1
                       WHERE entry.row = ?1";
            let next: Option<Vec<u8>> = self.conn.prepare_cached(sql)?.query_row([row], |row| row.get(0)).optional()?;
            firsts.extend(next.map(|open| decode_open(&open)).transpose()?);
        }
        firsts.into_iter().map(|first| Ok(Way { last_ms: self.last_ms(ledger, &first)?, first })).collect()
    }

    fn newest_ms(&self, ledger: LedgerId, tips: &[EntryRef]) -> Result<i64, StoreError> {
        let mut newest_ms = 0;
        for tip in tips {
            let Some(row) = row_at(self.conn, ledger, tip)? else { continue };
            newest_ms = self.entry(row)?.map_or(newest_ms, |entry| newest_ms.max(entry.open.time().ms()));
        }
        Ok(newest_ms)
    }

    /// The time of the last entry of an entry's chain.
    fn last_ms(&self, ledger: LedgerId, of: &OpenPart) -> Result<i64, StoreError> {
        let sql = "SELECT open FROM entry WHERE chain =
                   (SELECT id FROM chain WHERE ledger = ?1 AND author = ?2 AND incarnation = ?3) ORDER BY seq DESC LIMIT 1";
        let chain = params![ledger.0, of.author().0, of.incarnation().0];
        let open: Option<Vec<u8>> = self.conn.prepare_cached(sql)?.query_row(chain, |row| row.get(0)).optional()?;
        Ok(open.map(|open| decode_open(&open)).transpose()?.map_or(of.time().ms(), |open| open.time().ms()))
    }
}
