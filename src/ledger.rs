//! The append-only log: entries, chains, signed heads, and what makes them valid. Bytes as in docs/format.md.

pub mod content;
pub mod payload;
