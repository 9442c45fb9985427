//! What is known of drugs beyond what a record says: codes, the clinic's own drug master, groups that need special care, and marks on a
//! person's drugs. There is no openly licensed table of interactions in Japan, so no mark is ever a complete check, and whatever could not be
//! told is marked as not checked.

pub mod code;
pub mod groups;
pub mod kept;
pub mod marks;
pub mod master;
pub mod names;
pub mod table;

#[cfg(test)]
mod tests;
