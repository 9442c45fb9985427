//! Dates and numbers as Japanese records write them.
