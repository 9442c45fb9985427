//! Text and pictures in, records out, and back. Nothing in here touches files, network or clock.

pub mod jahis;
pub mod qr;
