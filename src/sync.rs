//! The ledger exchange over the network: mutual TLS, HTTP/2, one task that drives [`crate::exchange`].

pub mod body;
pub mod link;
pub mod offer;
pub mod pace;
pub mod terms;
pub mod tls;
