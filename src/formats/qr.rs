//! QR codes: written as SVG, PNG and text, read from PNG and JPEG pictures, split and joined by Structured Append.

mod append;
mod picture;
mod symbol;

pub use append::{APPENDED_MAX, AppendGap, Joined, cut, join_appended, parity};
pub use picture::{PIXELS_MAX, PictureError, is_picture, read_picture};
pub use symbol::{Correction, QrError, Symbol};

/// What one QR symbol says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QrSymbol {
    /// The bytes as coded. Their charset is for the reader to find out.
    pub bytes: Vec<u8>,
    /// Set where it is one of several that carry one stream of bytes.
    pub append: Option<Append>,
}

/// The Structured Append header of a symbol (ISO/IEC 18004, 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Append {
    /// From 0.
    pub index: u8,
    /// 1–16.
    pub total: u8,
    /// XOR of all bytes of the whole stream.
    pub parity: u8,
}

/// A QR code of `data` as SVG that scales to its frame, with a title for those who do not see it.
///
/// # Errors
/// Where the data does not fit into one symbol.
pub fn svg(data: &[u8], correction: Correction, title: &str) -> Result<String, QrError> {
    Ok(Symbol::new(data, correction)?.svg(title))
}

/// A QR code of `data` as PNG, large enough to be photographed from a screen.
///
/// # Errors
/// Where the data does not fit into one symbol.
pub fn png(data: &[u8], correction: Correction) -> Result<Vec<u8>, QrError> {
    Symbol::new(data, correction)?.png()
}

/// A QR code of `data` in block characters for a terminal.
///
/// # Errors
/// Where the data does not fit into one symbol.
pub fn terminal(data: &[u8], correction: Correction) -> Result<String, QrError> {
    Ok(Symbol::new(data, correction)?.terminal())
}
