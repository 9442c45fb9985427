//! Structured Append: a stream of bytes cut anywhere, even inside a character, into at most 16 symbols.

use super::{Append, QrSymbol};

/// The standard allows no more symbols.
pub const APPENDED_MAX: usize = 16;

/// XOR of all bytes: the same in every symbol of one stream.
pub fn parity(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |parity, byte| parity ^ byte)
}

/// Cuts a stream into as few symbols of about equal length as `limit` bytes allow. None where 16 do not suffice.
pub fn cut(bytes: &[u8], limit: usize) -> Option<Vec<QrSymbol>> {
    let total = bytes.len().div_ceil(limit.max(1)).max(1);
    if total == 1 {
        return Some(vec![QrSymbol { bytes: bytes.to_vec(), append: None }]);
    }
    if total > APPENDED_MAX {
        return None;
    }
    let parity = parity(bytes);
    let length = bytes.len().div_ceil(total);
    let count = u8::try_from(bytes.len().div_ceil(length)).ok()?;
    let symbols = (0..count).zip(bytes.chunks(length));
    let with_header =
        |(index, chunk): (u8, &[u8])| QrSymbol { bytes: chunk.to_vec(), append: Some(Append { index, total: count, parity }) };
    Some(symbols.map(with_header).collect())
}

/// Why symbols do not make a stream. Numbers are from 1, as people count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendGap {
    /// Some are not here.
    Missing {
        /// Which.
        missing: Vec<u8>,
        /// Which are.
        have: Vec<u8>,
        /// How many there should be.
        total: u8,
    },
    /// One came twice with different contents.
    Conflict {
        /// Which.
        number: u8,
    },
}

/// What became of the symbols with one parity and total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Where its symbols came from, each once.
    pub sources: Vec<String>,
    /// The stream, or why there is none.
    pub outcome: Result<Vec<u8>, AppendGap>,
    /// Whether the parity is that of the bytes. Some writers count it otherwise.
    pub is_parity_right: bool,
    /// As the symbols say.
    pub parity: u8,
}

/// Joins symbols of structured appends, each with the name of its source, in any order and however often they came. Symbols
/// without a header are left out.
pub fn join_appended(symbols: impl IntoIterator<Item = (String, QrSymbol)>) -> Vec<Joined> {
    let mut groups: Vec<((u8, u8), Vec<Piece>)> = Vec::new();
    for (source, QrSymbol { bytes, append }) in symbols {
        let Some(Append { index, total, parity }) = append else { continue };
        let key = (total, parity);
        let place = groups.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(Piece { index, bytes, source });
    }
    groups.into_iter().map(|((total, parity), pieces)| join_group(total, parity, pieces)).collect()
}

struct Piece {
    index: u8,
    bytes: Vec<u8>,
    source: String,
}

fn join_group(total: u8, written: u8, mut pieces: Vec<Piece>) -> Joined {
    pieces.sort_by_key(|piece| piece.index);
    let mut sources: Vec<String> = Vec::new();
    for piece in &pieces {
        if !sources.contains(&piece.source) {
            sources.push(piece.source.clone());
        }
    }
    let outcome = stream(total, &pieces);
    let is_parity_right = outcome.as_ref().is_ok_and(|bytes| parity(bytes) == written);
    Joined { sources, outcome, is_parity_right, parity: written }
}

/// `pieces` by ascending index.
fn stream(total: u8, pieces: &[Piece]) -> Result<Vec<u8>, AppendGap> {
    for pair in pieces.windows(2) {
        if pair[0].index == pair[1].index && pair[0].bytes != pair[1].bytes {
            return Err(AppendGap::Conflict { number: pair[0].index + 1 });
        }
    }
    let mut have: Vec<u8> = pieces.iter().map(|piece| piece.index + 1).collect();
    have.dedup();
    let missing: Vec<u8> = (1..=total).filter(|number| !have.contains(number)).collect();
    if !missing.is_empty() {
        return Err(AppendGap::Missing { missing, have, total });
    }
    let mut bytes = Vec::new();
    for number in have {
        bytes.extend(pieces.iter().find(|piece| piece.index + 1 == number).into_iter().flat_map(|piece| &piece.bytes));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(symbols: Vec<QrSymbol>) -> Vec<(String, QrSymbol)> {
        symbols.into_iter().map(|symbol| ("p".to_owned(), symbol)).collect()
    }

    #[test]
    fn a_missing_symbol_is_named() {
        let mut symbols = cut(b"abcdefghij", 4).unwrap();
        assert_eq!(symbols.len(), 3);
        symbols.remove(1);
        let joined = join_appended(named(symbols));
        assert_eq!(joined[0].outcome, Err(AppendGap::Missing { missing: vec![2], have: vec![1, 3], total: 3 }));
    }

    #[test]
    fn the_same_number_with_other_contents_is_a_conflict() {
        let mut symbols = cut(b"abcdefghij", 4).unwrap();
        let mut other = symbols[2].clone();
        other.bytes[0] ^= 1;
        symbols.push(other);
        assert_eq!(join_appended(named(symbols))[0].outcome, Err(AppendGap::Conflict { number: 3 }));
    }

    #[test]
    fn a_wrong_parity_is_seen() {
        let mut symbols = cut(b"abcdefghij", 4).unwrap();
        symbols[0].bytes[0] ^= 1;
        let joined = join_appended(named(symbols));
        assert!(joined[0].outcome.is_ok() && !joined[0].is_parity_right);
    }

    #[test]
    fn sixteen_symbols_are_the_most() {
        assert_eq!(cut(&[7; 160], 10).unwrap().len(), 16);
        assert_eq!(cut(&[7; 161], 10), None);
    }

    proptest! {
        #[test]
        fn what_was_cut_is_joined(
            bytes in prop::collection::vec(any::<u8>(), 2..400),
            (limit, seed) in (30_usize..400, any::<usize>()),
        ) {
            let symbols = cut(&bytes, limit).unwrap();
            prop_assert!(symbols.iter().all(|symbol| symbol.bytes.len() <= limit));
            if symbols.len() > 1 {
                let mut shuffled = symbols.clone();
                shuffled.rotate_left(seed % symbols.len());
                shuffled.extend(symbols.into_iter().rev());
                let joined = join_appended(named(shuffled));
                prop_assert_eq!(joined.len(), 1);
                prop_assert!(joined[0].is_parity_right);
                prop_assert_eq!(joined[0].outcome.as_ref(), Ok(&bytes));
            }
        }
    }
}
