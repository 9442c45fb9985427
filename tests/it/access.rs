//! How phones reach the box: certificates by ACME against a real test server and a real name server, delivered certificates, the front door,
//! http that is declared, and what no rung lets through.

mod acme;
mod board;
mod fall;
mod rungs;
mod staff;
pub mod world;
