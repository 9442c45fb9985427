//! Where an author's chains end: what a revocation names.

use super::StoreError;
use super::reader::{Reader, decode_open};
use crate::ledger::{EntryId, Incarnation, LedgerId, NodeId};
use rusqlite::Row;
use std::collections::BTreeMap;

/// The last number of each chain, and the entry that has it.
pub type ChainEnds = BTreeMap<(LedgerId, Incarnation), (u64, EntryId)>;

impl Reader<'_> {
    /// The last entry under a signed head of each chain of an author; where a chain has branches of equal length, that of the lowest id.
    /// Reads all of the author's heads: for commands, not for pages.
    pub fn chain_ends(&self, author: NodeId) -> Result<ChainEnds, StoreError> {
        let sql = "SELECT open FROM chain JOIN entry ON entry.chain = chain.id JOIN head USING (row) WHERE author = ?1";
        let mut select = self.conn().prepare_cached(sql)?;
        let mut rows = select.query([author.0])?;
        let mut ends = ChainEnds::new();
        while let Some(row) = rows.next()? {
            let open = decode_open(&bytes(row)?)?;
            let end = (open.seq(), open.id());
            let slot = ends.entry((open.ledger(), open.incarnation())).or_insert(end);
            if end.0 > slot.0 || (end.0 == slot.0 && end.1 < slot.1) {
                *slot = end;
            }
        }
        Ok(ends)
    }
}

fn bytes(row: &Row<'_>) -> rusqlite::Result<Vec<u8>> {
    row.get(0)
}
