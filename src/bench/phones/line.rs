//! A phone's connection: HTTP/2 over TLS where there is a certificate to trust, else plain HTTP/1.1.

use crate::tasks::Tasks;
use anyhow::Context;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

/// How the clinic is reached.
pub(super) struct Way {
    at: SocketAddr,
    /// What pages are asked for as.
    pub(super) host: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    tasks: Tasks,
}

/// Bytes both ways, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection.
pub(super) enum Line {
    Plain(http1::SendRequest<Full<Bytes>>),
    Tls(http2::SendRequest<Full<Bytes>>),
}

impl Way {
    /// Over TLS, `protocol` is spoken (ALPN).
    pub(super) fn new(at: SocketAddr, certificate: Option<&Path>, name: &str, protocol: &[u8]) -> anyhow::Result<Self> {
        let Some(file) = certificate else { return Ok(Self { at, host: at.to_string(), tls: None, tasks: Tasks::new() }) };
        let shown = || format!("the certificate {}", file.display());
        let pem = std::fs::read(file).with_context(shown)?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate.with_context(shown)?).with_context(shown)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        // Each comes as if for the first time.
        config.resumption = rustls::client::Resumption::disabled();
        let server = ServerName::try_from(name.to_owned()).with_context(|| format!("{name:?} is no name of a server"))?;
        Ok(Self {
            at,
            host: format!("{name}:{}", at.port()),
            tls: Some((TlsConnector::from(Arc::new(config)), server)),
            tasks: Tasks::new(),
        })
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// A connection, from this address where one is named; with a receive buffer of so many bytes where that is said.
    pub(super) async fn call(&self, from: Option<IpAddr>, window: Option<u32>) -> anyhow::Result<TcpStream> {
        let socket = if self.at.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = window {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(from) = from {
            socket.bind(SocketAddr::new(from, 0)).with_context(|| format!("calling from {from}"))?;
        }
        let stream = socket.connect(self.at).await.context("connecting")?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The TLS handshake, where TLS is spoken.
    pub(super) async fn greet(&self, stream: TcpStream) -> anyhow::Result<Box<dyn Stream>> {
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some((tls, name)) => Ok(Box::new(tls.connect(name.clone(), stream).await.context("the TLS handshake")?)),
        }
    }

    /// Calls, from this address where one is named, ready for requests.
    pub(super) async fn connect(&self, from: Option<IpAddr>) -> anyhow::Result<Line> {
        let stream = TokioIo::new(self.greet(self.call(from, None).await?).await?);
        if self.tls.is_none() {
            let (sender, connection) = http1::handshake(stream).await?;
            // How it ends is seen by whoever asks for the next page.
            self.tasks.spawn("phone", async { drop(connection.await) });
            return Ok(Line::Plain(sender));
        }
        let (sender, connection) = http2::handshake(self.tasks.clone(), stream).await?;
        self.tasks.spawn("phone", async { drop(connection.await) });
        Ok(Line::Tls(sender))
    }
}

impl Line {
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Plain(sender) => sender.is_closed() || !sender.is_ready(),
            Self::Tls(sender) => sender.is_closed(),
        }
    }

    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Plain(sender) => sender.send_request(request).await,
            Self::Tls(sender) => sender.send_request(request).await,
        }
    }
}
