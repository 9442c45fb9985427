//! A fresh Debian under its own systemd: installed, served, killed, hung, updated, rolled back, removed. A machine that cannot boot a
//! container fails here by name.

mod container;
mod local;
mod packaged;
mod units;
