//! Tests of the whole, one module a capability.

mod jahis;
