//! Kusuribako: an offline-first medication-record appliance. Rooms stand in order: each uses only those above it.

pub mod sentence;

pub mod record;

pub mod formats;

pub mod drugs;

pub mod finding;

pub mod seal;

pub mod release;

pub mod ledger;

pub mod exchange;

pub mod region;

pub mod risk;

pub mod availability;

pub mod placement;

pub mod study;

pub mod entropy;

pub mod clock;

pub mod tasks;

pub mod accept;

pub mod store;

pub mod clinic;

pub mod membership;

pub mod discovery;

pub mod sync;

pub mod carry;

pub mod simulate;

pub mod demo;

pub mod access;

pub mod portal;

pub mod web;

pub mod app;

pub mod machine;

pub mod bench;

pub mod cli;
