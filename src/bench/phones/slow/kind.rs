//! The ways to make a server wait.

use super::super::line::{Stream, Way};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How often whoever sends slowly sends a byte.
const BEAT: Duration = Duration::from_secs(3);

/// The smallest window that Linux gives: an answer of some kilobytes stays with the server.
const SMALL_WINDOW: u32 = 2_304;

/// So many answers are asked for at once by whoever does not read them: more than the system keeps for one connection.
const ASKED: usize = 200;

/// One of the ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(in super::super) enum Kind {
    /// Connects and says nothing
    Silent,
    /// Nothing after the TLS handshake
    Idle,
    /// Headers without an end, a byte every three seconds (Slowloris)
    Headers,
    /// A form, a byte every three seconds
    Body,
    /// Asks for much and reads sixteen bytes a second
    Reader,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "silent",
            Self::Idle => "idle",
            Self::Headers => "headers",
            Self::Body => "body",
            Self::Reader => "reader",
        })
    }
}

impl Kind {
    /// Gets in, as far as this way goes.
    pub(super) async fn enter(self, way: &Way, from: Option<IpAddr>) -> anyhow::Result<Box<dyn Stream>> {
        let stream = way.call(from, (self == Self::Reader).then_some(SMALL_WINDOW)).await?;
        match self {
            Self::Silent => Ok(Box::new(stream)),
            Self::Idle | Self::Headers | Self::Body | Self::Reader => way.greet(stream).await,
        }
    }

    /// Stays until it is cut.
    pub(super) async fn linger(self, mut stream: Box<dyn Stream>, host: &str) {
        let begun = match self {
            Self::Silent | Self::Idle => String::new(),
            Self::Headers => format!("GET / HTTP/1.1\r\nHost: {host}\r\nX:"),
            Self::Body => format!(
                "POST /open HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\ncode="
            ),
            Self::Reader => format!("GET /assets/style.css HTTP/1.1\r\nHost: {host}\r\n\r\n").repeat(ASKED),
        };
        if !begun.is_empty() && !is_sent(&mut stream, begun.as_bytes()).await {
            return;
        }
        match self {
            Self::Silent | Self::Idle => while is_open(&mut stream).await {},
            Self::Headers | Self::Body => loop {
                let heard = tokio::time::timeout(BEAT, is_open(&mut stream)).await;
                if heard == Ok(false) || !is_sent(&mut stream, b"a").await {
                    return;
                }
            },
            Self::Reader => loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                // Something is sent, too: only so does it show that the other side is gone while answers of it lie here still.
                if !is_open(&mut stream).await || !is_sent(&mut stream, b"\r\n").await {
                    return;
                }
            },
        }
    }
}

async fn is_sent(stream: &mut Box<dyn Stream>, bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok()
}

/// Waits for a few bytes: whether there were any.
async fn is_open(stream: &mut Box<dyn Stream>) -> bool {
    stream.read(&mut [0; 16]).await.is_ok_and(|read| read > 0)
}
