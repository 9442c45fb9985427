//! QR symbols in PNG and JPEG pictures: several in one, rotated, light on dark. Bytes, never somebody's guess at a charset.

use super::{Append, QrSymbol};
use image::{DynamicImage, GrayImage, ImageFormat, ImageReader, Limits, imageops};
use rxing::common::cpp_essentials::{DecoderResult, StructuredAppendInfo};
use rxing::common::{BitMatrix, DetectorRXingResult, GlobalHistogramBinarizer, HybridBinarizer};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{FindFinderPatterns, GenerateFinderPatternSets, SampleQR};
use rxing::{Binarizer, Luma8LuminanceSource};
use std::io::Cursor;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// More pixels are refused before any is decoded.
pub const PIXELS_MAX: u64 = 24_000_000;

/// Above this, the search runs over a smaller copy first: most photographs show their symbols large.
const PIXELS_FAST: u64 = 4_000_000;

/// Finder patterns looked at in one pass. A picture with more at a coarse look is not searched at all: searching a sheet of nothing
/// but such squares costs a minute (quadratic in their number).
const PATTERNS_MAX: usize = 600;

/// Trios of finder patterns tried in one pass, likeliest first.
const TRIOS_MAX: usize = 4_000;

/// Why a picture could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Over [`PIXELS_MAX`].
    #[error("the picture has {width}×{height} pixels")]
    TooLarge {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Not PNG or JPEG, or damaged.
    #[error("the picture cannot be decoded: {0}")]
    Unreadable(String),
}

/// Whether bytes begin as PNG or JPEG do.
pub fn is_picture(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1A\n") || bytes.starts_with(&[0xFF, 0xD8, 0xFF])
}

/// Every QR symbol in a picture, each once. None found is an empty list, not an error.
///
/// # Errors
/// Where the picture is too large or cannot be decoded.
pub fn read_picture(bytes: &[u8]) -> Result<Vec<QrSymbol>, PictureError> {
    let picture = grey(decode(bytes)?);
    let mut found = Vec::new();
    for pass in passes(&picture) {
        if look(&pass, &mut found).is_break() {
            return Ok(found);
        }
    }
    if found.is_empty() {
        let mut inverted = passes(&picture).swap_remove(0);
        imageops::invert(&mut inverted);
        let _ = look(&inverted, &mut found);
    }
    Ok(found)
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, PictureError> {
    let unreadable = |error: &dyn std::fmt::Display| PictureError::Unreadable(error.to_string());
    let open = || -> Result<ImageReader<Cursor<&[u8]>>, PictureError> {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| unreadable(&e))?;
        match reader.format() {
            Some(ImageFormat::Png | ImageFormat::Jpeg) => Ok(reader),
            _ => Err(PictureError::Unreadable("neither PNG nor JPEG".to_owned())),
        }
    };
    let (width, height) = open()?.into_dimensions().map_err(|e| unreadable(&e))?;
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(PictureError::TooLarge { width, height });
    }
    let mut reader = open()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(PIXELS_MAX * 6);
    reader.limits(limits);
    match catch_unwind(AssertUnwindSafe(|| reader.decode())) {
        Ok(decoded) => decoded.map_err(|e| unreadable(&e)),
        Err(_) => Err(PictureError::Unreadable("damaged".to_owned())),
    }
}

/// Grey, with what is transparent on white.
fn grey(picture: DynamicImage) -> GrayImage {
    if !picture.color().has_alpha() {
        return picture.into_luma8();
    }
    let picture = picture.into_luma_alpha8();
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [luma, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        let over_white = (luma * alpha + 255 * (255 - alpha)) / 255;
        image::Luma([u8::try_from(over_white).unwrap_or(u8::MAX)])
    })
}

/// The picture, and before it a smaller copy where it is large.
fn passes(picture: &GrayImage) -> Vec<GrayImage> {
    let (width, height) = picture.dimensions();
    if u64::from(width) * u64::from(height) <= PIXELS_FAST {
        return vec![picture.clone()];
    }
    vec![imageops::resize(picture, width / 2, height / 2, imageops::FilterType::Triangle), picture.clone()]
}

/// Adds what one pass finds; breaks off where the picture is not worth another.
fn look(picture: &GrayImage, found: &mut Vec<QrSymbol>) -> ControlFlow<()> {
    let (width, height) = picture.dimensions();
    let source = || Luma8LuminanceSource::new(picture.as_raw().clone(), width, height).ok();
    let local = || symbols(HybridBinarizer::new(source()?).get_black_matrix().ok()?);
    let global = || symbols(GlobalHistogramBinarizer::new(source()?).get_black_matrix().ok()?);
    let count = found.len();
    add(found, attempt(local)?);
    if found.len() == count {
        add(found, attempt(global)?);
    }
    ControlFlow::Continue(())
}

/// Foreign code on foreign bytes: should it panic, the pass counts as one without symbols.
fn attempt(search: impl FnOnce() -> Option<Search>) -> ControlFlow<(), Vec<QrSymbol>> {
    match catch_unwind(AssertUnwindSafe(search)).ok().flatten() {
        Some(Search::Crowded) => ControlFlow::Break(()),
        Some(Search::Found(symbols)) => ControlFlow::Continue(symbols),
        None => ControlFlow::Continue(Vec::new()),
    }
}

enum Search {
    Found(Vec<QrSymbol>),
    /// Too many finder patterns.
    Crowded,
}

fn add(found: &mut Vec<QrSymbol>, more: Vec<QrSymbol>) {
    for symbol in more {
        if !found.contains(&symbol) {
            found.push(symbol);
        }
    }
}

fn symbols(matrix: &BitMatrix) -> Option<Search> {
    if FindFinderPatterns(matrix, false, 0).len() > PATTERNS_MAX {
        return Some(Search::Crowded);
    }
    let mut patterns = FindFinderPatterns(matrix, true, 0);
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.size));
    patterns.truncate(PATTERNS_MAX);
    let mut used = Vec::new();
    let mut found = Vec::new();
    for trio in GenerateFinderPatternSets(&mut patterns).into_iter().take(TRIOS_MAX) {
        let corners = [trio.bl, trio.tl, trio.tr];
        if corners.iter().any(|corner| used.contains(corner)) {
            continue;
        }
        let Ok(sampled) = SampleQR(matrix, &trio) else { continue };
        let Ok(decoded) = Decode(sampled.getBits()) else { continue };
        if decoded.isValid() {
            used.extend(corners);
            found.push(symbol(&decoded));
        }
    }
    Some(Search::Found(found))
}

fn symbol(decoded: &DecoderResult<bool>) -> QrSymbol {
    QrSymbol { bytes: decoded.content().bytes().to_vec(), append: append(decoded.structuredAppend()) }
}

/// The library's `id` is the parity in decimal.
fn append(info: &StructuredAppendInfo) -> Option<Append> {
    let (index, total) = (u8::try_from(info.index).ok()?, u8::try_from(info.count).ok()?);
    let parity = info.id.parse().ok()?;
    if index < total { Some(Append { index, total, parity }) } else { None }
}
