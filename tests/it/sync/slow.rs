//! A client that reads no bodies.

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kusuribako::sync::tls::Tls;
use kusuribako::tasks::Tasks;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[derive(Clone, Default)]
pub struct Unread(Arc<[AtomicUsize; 2]>);

impl Unread {
    /// Long answers that have begun.
    pub fn begun(&self) -> usize {
        self.0[0].load(Ordering::SeqCst)
    }

    /// Whether a question was answered shortly, or not at all.
    pub fn is_refused(&self) -> bool {
        self.0[1].load(Ordering::SeqCst) > 0
    }
}

pub async fn ask_and_read_nothing(tls: &Tls, address: SocketAddr, want: &[u8], count: usize) -> Unread {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::from(address.ip());
    let stream = TlsConnector::from(Arc::clone(&tls.client)).connect(name, stream).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(1_024).initial_connection_window_size(65_535);
    let (requests, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let tasks = Tasks::new();
    tasks.spawn("connection", async move { drop(connection.await) });
    let unread = Unread::default();
    for _ in 0..count {
        let (mut requests, unread) = (requests.clone(), unread.clone());
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(want)));
        (*request.method_mut(), *request.uri_mut()) = (Method::POST, hyper::Uri::from_static("/exchange"));
        tasks.spawn("question", async move {
            let answer = requests.send_request(request).await;
            let is_long = answer.as_ref().is_ok_and(|answer| {
                let len = answer.headers().get("content-length").and_then(|len| len.to_str().ok()?.parse::<usize>().ok());
                len.is_some_and(|len| len > 10_000)
            });
            unread.0[usize::from(!is_long)].fetch_add(1, Ordering::SeqCst);
            // Kept, and never read.
            std::future::pending::<()>().await;
            drop(answer);
        });
    }
    unread
}
