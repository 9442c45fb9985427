//! The master as it is kept: rows of several tables united, as one file that a power cut leaves whole.

use super::master::Master;
use super::table::Row;
use crate::record::text::key;
use minicbor::{Decode, Encode};
use std::collections::HashMap;

/// The version of the form that is kept.
const VERSION: u16 = 1;

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Kept {
    #[n(0)]
    version: u16,
    /// The files that it came from, by name, with the number of products of each; the newest last.
    #[cbor(n(1), default)]
    pub sources: Vec<Imported>,
    /// All products.
    #[cbor(n(2), default)]
    pub rows: Vec<Row>,
}

/// A table that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Imported {
    /// The file's name.
    #[n(0)]
    pub file: String,
    /// Products in it.
    #[n(1)]
    pub products: u64,
    /// The day at the clinic, `YYYY-MM-DD`.
    #[n(2)]
    pub on: String,
}

/// Why kept bytes do not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// They are damaged.
    #[error("the kept drug master is damaged: import the tables again")]
    Damaged,
    /// A later version wrote them.
    #[error("the kept drug master was written by a later version of this program ({0})")]
    Later(u16),
}

impl Kept {
    /// Takes a table in: what the same product has already is completed and, where both say something, replaced.
    pub fn unite(&mut self, imported: Imported, rows: Vec<Row>) {
        let mut places: HashMap<(String, String), usize> =
            self.rows.iter().enumerate().map(|(at, row)| (identity(row), at)).collect();
        for row in rows {
            match places.get(&identity(&row)).and_then(|at| self.rows.get_mut(*at)) {
                Some(known) => complete(known, row),
                None => {
                    places.insert(identity(&row), self.rows.len());
                    self.rows.push(row);
                }
            }
        }
        self.sources.retain(|source| source.file != imported.file);
        self.sources.push(imported);
    }

    /// As bytes.
    ///
    /// # Errors
    /// Where they cannot be compressed.
    pub fn to_bytes(&self) -> std::io::Result<Vec<u8>> {
        let cbor = crate::record::wire::encode(&Self { version: VERSION, ..self.clone() });
        zstd::bulk::compress(&cbor, 3)
    }

    /// Reads such bytes.
    ///
    /// # Errors
    /// [`KeptError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeptError> {
        /// More than any master has.
        const LEN_MAX: usize = 256 << 20;
        let cbor = zstd::bulk::decompress(bytes, LEN_MAX).or(Err(KeptError::Damaged))?;
        let kept: Self = minicbor::decode(&cbor).or(Err(KeptError::Damaged))?;
        if kept.version > VERSION { Err(KeptError::Later(kept.version)) } else { Ok(kept) }
    }

    /// To be looked things up in.
    pub fn master(self) -> Master {
        Master::new(self.rows)
    }
}

/// One product in all tables: its code and name, since brands of one group share a code of the price list.
fn identity(row: &Row) -> (String, String) {
    (row.code.clone(), key(&row.name))
}

fn complete(known: &mut Row, newer: Row) {
    let take = |old: &mut String, new: String| {
        if !new.is_empty() {
            *old = new;
        }
    };
    take(&mut known.ingredient, newer.ingredient);
    take(&mut known.strength, newer.strength);
    take(&mut known.maker, newer.maker);
    take(&mut known.hot7, newer.hot7);
    take(&mut known.hot9, newer.hot9);
    for code in newer.receipt {
        if !known.receipt.contains(&code) {
            known.receipt.push(code);
        }
    }
}
