//! One QR symbol as a square of modules, and how it is drawn.

use super::{Append, QrSymbol};
use image::{GrayImage, ImageEncoder, Luma};
use qrcode::bits::Bits;
use qrcode::canvas::Canvas;
use qrcode::types::{Mode, QrError as CrateError};
use qrcode::{Color, EcLevel, QrCode, Version, ec};
use std::fmt::Write as _;

/// How much of a symbol may be lost: about 7, 15, 25, 30 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// 7 %
    Low,
    /// 15 %
    Medium,
    /// 25 %
    Quartile,
    /// 30 %
    High,
}

/// Why no symbol could be made.
#[derive(Debug, thiserror::Error)]
pub enum QrError {
    /// More than a symbol holds.
    #[error("{bytes} bytes do not fit into one QR symbol")]
    TooLong {
        /// Of the data.
        bytes: usize,
    },
    /// The encoder refused.
    #[error("the QR code could not be made: {0}")]
    Encoder(CrateError),
    /// The picture could not be written.
    #[error("the picture could not be written: {0}")]
    Picture(image::ImageError),
}

/// Light modules around a symbol, as the standard wants.
const QUIET: usize = 4;

/// A QR symbol: dark and light modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    width: usize,
    modules: Vec<bool>,
}

impl Symbol {
    /// The smallest symbol for `data`, in whatever mix of modes is shortest: for addresses and codes.
    ///
    /// # Errors
    /// Where the data does not fit into one symbol.
    pub fn new(data: &[u8], correction: Correction) -> Result<Self, QrError> {
        let code = QrCode::with_error_correction_level(data, level(correction)).map_err(|error| refused(error, data))?;
        let width = code.width();
        Ok(Self::from_colors(width, &code.into_colors()))
    }

    /// A symbol with one byte segment, and the header of Structured Append where it is one of several: for JAHIS, whose readers
    /// guess the charset segment by segment.
    ///
    /// # Errors
    /// Where the data does not fit into one symbol.
    pub fn of_bytes(symbol: &QrSymbol, correction: Correction) -> Result<Self, QrError> {
        let level = level(correction);
        let data = &symbol.bytes;
        for number in 1..=40 {
            let version = Version::Normal(number);
            let capacity = Bits::new(version).max_len(level).map_err(QrError::Encoder)?;
            if let Some(codewords) = codewords(symbol, version, capacity) {
                return draw(&codewords, version, level).map_err(QrError::Encoder);
            }
        }
        Err(QrError::TooLong { bytes: data.len() })
    }

    fn from_colors(width: usize, colors: &[Color]) -> Self {
        Self { width, modules: colors.iter().map(|color| *color == Color::Dark).collect() }
    }

    /// Modules on a side, without the quiet zone.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether a module is dark. Outside the symbol all is light.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && y < self.width && self.modules[y * self.width + x]
    }

    /// One path of dark runs, quiet zone included; scales to its frame.
    pub fn svg(&self, title: &str) -> String {
        let side = self.width + 2 * QUIET;
        let title = escape(title);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"{title}\" \
             shape-rendering=\"crispEdges\"><title>{title}</title><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\
             <path d=\""
        );
        for y in 0..self.width {
            let mut x = 0;
            while x < self.width {
                let run = (x..self.width).take_while(|x| self.is_dark(*x, y)).count();
                if run > 0 {
                    // Writing to a string cannot fail.
                    let _ = write!(svg, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
                }
                x += run + 1;
            }
        }
        svg.push_str("\"/></svg>");
        svg
    }

    /// A greyscale PNG, quiet zone included, at least 8 pixels a module.
    ///
    /// # Errors
    /// Where the picture cannot be written.
    pub fn png(&self) -> Result<Vec<u8>, QrError> {
        let image = self.picture(8);
        let mut bytes = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        let (width, height) = image.dimensions();
        encoder.write_image(image.as_raw(), width, height, image::ExtendedColorType::L8).map_err(QrError::Picture)?;
        Ok(bytes)
    }

    /// The symbol in pixels, quiet zone included.
    pub fn picture(&self, module_px: u32) -> GrayImage {
        let side = u32::try_from(self.width + 2 * QUIET).unwrap_or(u32::MAX).saturating_mul(module_px);
        GrayImage::from_fn(side, side, |x, y| {
            let module = |pixel: u32| usize::try_from(pixel / module_px).ok().and_then(|module| module.checked_sub(QUIET));
            let is_dark = module(x).zip(module(y)).is_some_and(|(x, y)| self.is_dark(x, y));
            Luma([if is_dark { 0 } else { 255 }])
        })
    }

    /// Half blocks, two modules a character. Light modules are drawn, so that it reads on a dark terminal; most readers also take
    /// it inverted.
    pub fn terminal(&self) -> String {
        let side = self.width + 2 * QUIET;
        let is_light = |x: usize, y: usize| match (x.checked_sub(QUIET), y.checked_sub(QUIET)) {
            (Some(x), Some(y)) => !self.is_dark(x, y),
            _ => true,
        };
        let mut text = String::new();
        for y in (0..side).step_by(2) {
            for x in 0..side {
                text.push(match (is_light(x, y), y + 1 < side && is_light(x, y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            text.push('\n');
        }
        text
    }
}

fn level(correction: Correction) -> EcLevel {
    match correction {
        Correction::Low => EcLevel::L,
        Correction::Medium => EcLevel::M,
        Correction::Quartile => EcLevel::Q,
        Correction::High => EcLevel::H,
    }
}

fn refused(error: CrateError, data: &[u8]) -> QrError {
    if error == CrateError::DataTooLong { QrError::TooLong { bytes: data.len() } } else { QrError::Encoder(error) }
}

/// The data codewords of one byte segment, filled up to `capacity` bits. The `qrcode` crate writes plain byte segments itself, but
/// keeps the pushing of single bits private, without which there is no Structured Append header; error correction, placement and
/// masking remain the crate's. None where it does not fit.
fn codewords(symbol: &QrSymbol, version: Version, capacity: usize) -> Option<Vec<u8>> {
    const STRUCTURED_APPEND: u8 = 0b0011;
    const BYTE: u8 = 0b0100;
    let mut bits = BitString::default();
    if let Some(Append { index, total, parity }) = symbol.append {
        bits.push(u32::from(STRUCTURED_APPEND), 4);
        bits.push(u32::from(index & 0xF), 4);
        bits.push(u32::from(total.wrapping_sub(1) & 0xF), 4);
        bits.push(u32::from(parity), 8);
    }
    bits.push(u32::from(BYTE), 4);
    let count_bits = Mode::Byte.length_bits_count(version);
    let count = u32::try_from(symbol.bytes.len()).ok().filter(|count| count >> count_bits == 0)?;
    bits.push(count, count_bits);
    for byte in &symbol.bytes {
        bits.push(u32::from(*byte), 8);
    }
    bits.fill(capacity)
}

fn draw(codewords: &[u8], version: Version, level: EcLevel) -> Result<Symbol, CrateError> {
    let (data, correction) = ec::construct_codewords(codewords, version, level)?;
    let mut canvas = Canvas::new(version, level);
    canvas.draw_all_functional_patterns();
    canvas.draw_data(&data, &correction);
    let width = usize::try_from(version.width()).unwrap_or_default();
    Ok(Symbol::from_colors(width, &canvas.apply_best_mask().into_colors()))
}

#[derive(Default)]
struct BitString {
    bits: Vec<bool>,
}

impl BitString {
    fn push(&mut self, value: u32, count: usize) {
        self.bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    /// Terminator of up to four zeros, zeros to a whole byte, then the two pad bytes in turn.
    fn fill(mut self, capacity: usize) -> Option<Vec<u8>> {
        let room = capacity.checked_sub(self.bits.len())?;
        self.push(0, room.min(4));
        let to_byte = self.bits.len().next_multiple_of(8) - self.bits.len();
        self.push(0, to_byte);
        let mut bytes: Vec<u8> =
            self.bits.chunks(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | u8::from(*bit))).collect();
        let missing = (capacity / 8).checked_sub(bytes.len())?;
        bytes.extend([0xEC, 0x11].into_iter().cycle().take(missing));
        Some(bytes)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_segment_is_what_the_crate_writes() {
        let data = "鈴木 太郎 abc 0123".as_bytes();
        let symbol = QrSymbol { bytes: data.to_vec(), append: None };
        for (number, count) in [(3, data.len()), (12, 200), (40, 2331)] {
            let symbol = QrSymbol { bytes: data.iter().copied().cycle().take(count).collect(), ..symbol.clone() };
            let mut bits = Bits::new(Version::Normal(number));
            bits.push_byte_data(&symbol.bytes).unwrap();
            bits.push_terminator(EcLevel::M).unwrap();
            let capacity = Bits::new(Version::Normal(number)).max_len(EcLevel::M).unwrap();
            assert_eq!(codewords(&symbol, Version::Normal(number), capacity).unwrap(), bits.into_bytes());
        }
    }

    #[test]
    fn a_symbol_holds_what_the_standard_says_and_no_more() {
        let symbol = |count: usize| QrSymbol { bytes: vec![0x82; count], append: None };
        assert_eq!(Symbol::of_bytes(&symbol(2331), Correction::Medium).unwrap().width(), 177);
        let error = Symbol::of_bytes(&symbol(2332), Correction::Medium).unwrap_err();
        assert!(matches!(error, QrError::TooLong { bytes: 2332 }));
        assert!(matches!(Symbol::new(&[0xFF; 3000], Correction::Low), Err(QrError::TooLong { bytes: 3000 })));
    }

    #[test]
    fn the_svg_draws_every_dark_module_once() {
        let symbol = Symbol::new(b"http://kusuri.internal/c/0", Correction::Medium).unwrap();
        let svg = symbol.svg("カード <1>");
        assert!(svg.contains("role=\"img\"") && svg.contains("<title>カード &lt;1&gt;</title>"));
        let path = svg.split("<path d=\"").nth(1).unwrap();
        let runs = path.split('h').skip(1).filter_map(|run| run.split('v').next()?.parse::<usize>().ok());
        assert_eq!(runs.sum::<usize>(), symbol.modules.iter().filter(|dark| **dark).count());
    }

    #[test]
    fn the_terminal_shows_a_quiet_zone() {
        let symbol = Symbol::new(b"1", Correction::Low).unwrap();
        let text = symbol.terminal();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), (21 + 8_usize).div_ceil(2));
        assert!(lines[..2].iter().all(|line| line.chars().all(|c| c == '█') && line.chars().count() == 29));
        // Top of the upper left finder pattern: a dark row of seven over a light one with dark ends.
        assert_eq!(lines[2].chars().skip(4).take(8).collect::<String>(), " ▄▄▄▄▄ █");
    }
}
