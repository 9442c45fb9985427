//! Tests of the whole, one module a capability.

mod format;
mod tidy;
