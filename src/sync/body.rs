//! Bodies of requests and answers: compressed where that helps, bounded while they are read and while they are unpacked, and sent no
//! faster than they are taken.

use super::pace::Pace;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use std::borrow::Cow;
use std::convert::Infallible;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Sealed bodies do not get smaller; open parts do, at any level.
const LEVEL: i32 = 1;

/// Of a longer body a piece is compressed first: where it does not get smaller, the whole would be compressed for nothing.
const SAMPLE_LEN: usize = 16 * 1024;

/// Less is not worth a header.
const PACK_FROM: usize = 512;

/// No frame needs a larger window than this (as a power of two) to be unpacked: its memory is bounded, too.
const WINDOW_LOG_MAX: u32 = 23;

/// What is handed to the connection at a time: what lies there is out of reach of pacing.
const CHUNK_LEN: usize = 32 * 1024;

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than it may be, packed or unpacked.
    #[error("it is longer than the {max} bytes that it may have")]
    TooLong {
        /// What is allowed.
        max: usize,
    },
    /// It stopped coming.
    #[error("it did not come in time")]
    Late,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// It is packed in a way that does not unpack.
    #[error("it does not unpack")]
    Malformed,
}

/// A body as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its bytes.
    pub bytes: Bytes,
    /// Whether they are compressed.
    pub is_zstd: bool,
}

impl Packed {
    /// Compresses where that saves something.
    pub fn new(plain: Vec<u8>) -> Self {
        let is_worth_it = plain.len() >= PACK_FROM && sample(&plain).is_none_or(|piece| compress(piece).is_some());
        match is_worth_it.then(|| compress(&plain)).flatten() {
            Some(smaller) => Self { bytes: smaller.into(), is_zstd: true },
            None => Self { bytes: plain.into(), is_zstd: false },
        }
    }

    /// Notes in the headers how it is packed.
    pub fn note(&self, headers: &mut HeaderMap) {
        if self.is_zstd {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
        }
    }

    /// Reads a body of at most `len_max` bytes; between two pieces at most `patience` passes.
    ///
    /// # Errors
    /// [`BodyError`].
    pub async fn read(headers: &HeaderMap, mut body: Incoming, len_max: usize, patience: Duration) -> Result<Self, BodyError> {
        let is_zstd = headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "zstd");
        // As long as it says that it is: a buffer that grows is copied, and leaves as much behind.
        let said = body.size_hint().exact().and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
        let mut read = Vec::with_capacity(said.min(len_max));
        loop {
            let frame = tokio::time::timeout(patience, body.frame()).await.map_err(|_elapsed| BodyError::Late)?;
            let Some(frame) = frame else { break };
            let Ok(data) = frame?.into_data() else { continue };
            if read.len().saturating_add(data.len()) > len_max {
                return Err(BodyError::TooLong { max: len_max });
            }
            read.extend_from_slice(&data);
        }
        Ok(Self { bytes: read.into(), is_zstd })
    }

    /// The plain bytes, if they are no more than `len_max`; where they travelled as they are, no copy is made.
    ///
    /// # Errors
    /// [`BodyError::TooLong`], [`BodyError::Malformed`].
    pub fn unpack(&self, len_max: usize) -> Result<Cow<'_, [u8]>, BodyError> {
        let too_long = BodyError::TooLong { max: len_max };
        if !self.is_zstd {
            return if self.bytes.len() <= len_max { Ok(Cow::Borrowed(&self.bytes)) } else { Err(too_long) };
        }
        let mut decoder = zstd::stream::read::Decoder::with_buffer(&self.bytes[..]).map_err(|_io| BodyError::Malformed)?;
        decoder.window_log_max(WINDOW_LOG_MAX).map_err(|_io| BodyError::Malformed)?;
        let said =
            zstd::zstd_safe::get_frame_content_size(&self.bytes).ok().flatten().and_then(|len| usize::try_from(len).ok());
        let mut plain = Vec::with_capacity(said.unwrap_or(0).min(len_max).saturating_add(1));
        let bound = u64::try_from(len_max).unwrap_or(u64::MAX).saturating_add(1);
        decoder.take(bound).read_to_end(&mut plain).map_err(|_io| BodyError::Malformed)?;
        if plain.len() <= len_max { Ok(Cow::Owned(plain)) } else { Err(too_long) }
    }
}

/// From the middle of a long body.
fn sample(plain: &[u8]) -> Option<&[u8]> {
    let at = plain.len() / 2;
    plain.get(at..at.checked_add(SAMPLE_LEN)?)
}

/// None where that saves next to nothing.
fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::compress(plain, LEVEL).ok().filter(|smaller| smaller.len() < plain.len() - plain.len() / 16)
}

/// An answer on its way. Whatever `held` is, it is given back when the last byte was taken or the answer is given up.
pub struct Sending<H> {
    left: Bytes,
    pace: Arc<Pace>,
    wait: Option<Pin<Box<Sleep>>>,
    held: Option<H>,
}

impl<H> Sending<H> {
    /// Of these bytes.
    pub const fn new(bytes: Bytes, pace: Arc<Pace>, held: H) -> Self {
        Self { left: bytes, pace, wait: None, held: Some(held) }
    }
}

impl<H: Unpin> Body for Sending<H> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(wait) = &mut self.wait {
            match wait.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => self.wait = None,
            }
        }
        let len = self.left.len().min(CHUNK_LEN);
        if len == 0 {
            self.held = None;
            return Poll::Ready(None);
        }
        let chunk = self.left.split_to(len);
        // What this chunk costs is waited for before the next one.
        let next = self.pace.take(len, Instant::now());
        self.wait = next.filter(|_| !self.left.is_empty()).map(|at| Box::pin(tokio::time::sleep_until(at)));
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(u64::try_from(self.left.len()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks_to_the_same() {
        for plain in [vec![], vec![7; 100], vec![7; 100_000], (0..4_000_u32).flat_map(u32::to_be_bytes).collect()] {
            let packed = Packed::new(plain.clone());
            assert_eq!(packed.unpack(plain.len()).unwrap(), plain);
            assert!(packed.bytes.len() <= plain.len());
        }
        assert!(Packed::new(vec![7; 100_000]).bytes.len() < 1_000);
    }

    #[test]
    fn a_long_body_is_compressed_as_its_middle_is() {
        let noise: Vec<u8> = (0..100_000_u32)
            .flat_map(|at| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &at.to_be_bytes()).as_ref()[..4].to_vec())
            .collect();
        assert!(!Packed::new(noise.clone()).is_zstd);
        let text = [vec![7; 200_000], noise[..1_000].to_vec()].concat();
        assert!(Packed::new(text).is_zstd);
        let sealed_inside = [vec![7; 100], noise, vec![7; 100]].concat();
        let packed = Packed::new(sealed_inside.clone());
        assert_eq!((packed.is_zstd, packed.unpack(sealed_inside.len()).unwrap().into_owned()), (false, sealed_inside));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = Packed { bytes: zstd::bulk::compress(&vec![0; 64 << 20], LEVEL).unwrap().into(), is_zstd: true };
        assert!(bomb.bytes.len() < 64 << 10);
        assert!(matches!(bomb.unpack(1 << 20), Err(BodyError::TooLong { max }) if max == 1 << 20));
    }

    #[test]
    fn a_frame_that_asks_for_a_huge_window_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL).unwrap();
        encoder.window_log(27).unwrap();
        std::io::Write::write_all(&mut encoder, &[1; 100]).unwrap();
        let greedy = Packed { bytes: encoder.finish().unwrap().into(), is_zstd: true };
        assert!(matches!(greedy.unpack(1 << 20), Err(BodyError::Malformed)));
    }

    #[test]
    fn nonsense_does_not_unpack() {
        let nonsense = Packed { bytes: Bytes::from_static(b"nonsense"), is_zstd: true };
        assert!(matches!(nonsense.unpack(100), Err(BodyError::Malformed)));
        let truncated = zstd::bulk::compress(&[5; 10_000], LEVEL).unwrap();
        let truncated = Packed { bytes: Bytes::copy_from_slice(&truncated[..truncated.len() - 3]), is_zstd: true };
        assert!(matches!(truncated.unpack(100_000), Err(BodyError::Malformed)));
    }
}
