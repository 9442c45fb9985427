//! Who may come to what at the desk: two clinics of one region, and everybody who may stand before a holder's box.

mod audit;
mod browser;
mod finding;
mod glass;
pub mod matrix;
mod memory;
mod others;
mod refused;
mod shelter;
mod thief;
mod times;
mod traces;
