//! Tests of the whole, one module a capability.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that meets what it did not expect ends there; nobody depends on it"
)]

/// The program's own: what a test sees of its memory is what the program does with its own.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<mimalloc::MiMalloc> = zeroizing_alloc::ZeroAlloc(mimalloc::MiMalloc);

mod access;
mod answer;
mod browser;
mod carry;
mod cli;
mod crash;
mod demo;
mod desk;
mod fixtures;
mod format;
mod jahis;
mod load;
mod machine;
mod pages;
mod phone;
mod recipe;
mod region;
mod region_cli;
mod store;
mod study;
mod sync;
mod tidy;
mod wait;
