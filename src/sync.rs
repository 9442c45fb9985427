//! The ledger exchange over the network: mutual TLS, HTTP/2, one task that drives [`crate::exchange`].

pub mod tls;
