//! A small load generator: keep-alive connections, one request at a time each.

use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What a load run gave.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) requests_per_s: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    /// Bytes of the longest answer's body.
    pub(super) body_len: usize,
    /// Requests that were answered.
    pub(super) count: u32,
}

/// Sends `requests` in turn over `connections` for `length`. Every answer must be 200 and not empty.
pub(super) fn run(
    addr: SocketAddr,
    requests: &Arc<Vec<Vec<u8>>>,
    connections: usize,
    length: Duration,
) -> anyhow::Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut workers = JoinSet::new();
        let start = Instant::now();
        for first in 0..connections {
            workers.spawn(worker(first, addr, requests.clone(), connections, start + length));
        }
        let (mut latencies, mut body_len) = (Vec::new(), 0);
        while let Some(done) = workers.join_next().await {
            let (more, len) = done??;
            latencies.extend(more);
            body_len = body_len.max(len);
        }
        let took = start.elapsed();
        latencies.sort_unstable();
        let at =
            |per_mille: usize| latencies.get(latencies.len() * per_mille / 1000).copied().context("no request was answered");
        let count = u32::try_from(latencies.len())?;
        Ok(Load { requests_per_s: f64::from(count) / took.as_secs_f64(), p50: at(500)?, p99: at(990)?, body_len, count })
    })
}

/// One connection's requests until the time is over.
async fn worker(
    first: usize,
    addr: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    step: usize,
    until: Instant,
) -> anyhow::Result<(Vec<Duration>, usize)> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut buffer, mut body_len) = (Vec::new(), Vec::new(), 0);
    let mut next = first;
    while Instant::now() < until {
        let start = Instant::now();
        stream.write_all(&requests[next % requests.len()]).await?;
        body_len = body_len.max(answer(&mut stream, &mut buffer).await?);
        latencies.push(start.elapsed());
        next += step;
    }
    Ok((latencies, body_len))
}

/// Reads one answer; the length of its body.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<usize> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        let Some(head_len) = find(buffer, b"\r\n\r\n").map(|at| at + 4) else { continue };
        let head = std::str::from_utf8(&buffer[..head_len]).context("the answer's head is no text")?;
        if !head.starts_with("HTTP/1.1 200") {
            bail!("the server answered {:?}", head.lines().next().unwrap_or_default());
        }
        let len = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().parse::<usize>()));
        let len = len.context("the answer has no content-length")??;
        while buffer.len() < head_len + len {
            if stream.read_buf(buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        return if len == 0 { bail!("the answer is empty") } else { Ok(len) };
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
