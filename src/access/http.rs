//! A client for the few requests that certificates need: one connection a request, bounded in time and size.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Body;
use hyper::{Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// For one request, from the connection to the end of the answer.
const REQUEST_MAX: Duration = Duration::from_secs(30);
const ANSWER_LEN_MAX: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The certificates that servers are trusted by.
    #[error("no certificate that servers could be trusted by: {0}")]
    Roots(String),
    /// The address.
    #[error("{0} is no address of a web server")]
    Address(String),
    /// The connection.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// Whom.
        host: String,
        /// Why.
        why: String,
    },
    /// The exchange.
    #[error("{host} did not answer as it should: {why}")]
    Broken {
        /// Who.
        host: String,
        /// How.
        why: String,
    },
}

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    tls: Arc<ClientConfig>,
    /// When the last server that was asked too much wants to be asked again, in seconds from then.
    retry_after_s: Arc<Mutex<Option<u64>>>,
}

impl Client {
    /// Trusts the certificates of a PEM file, or else the system's.
    ///
    /// # Errors
    /// [`HttpError::Roots`].
    pub fn new(roots: Option<&Path>) -> Result<Self, HttpError> {
        let mut store = RootCertStore::empty();
        match roots {
            Some(path) => {
                let unread = |e: &dyn std::fmt::Display| HttpError::Roots(format!("{}: {e}", path.display()));
                for certificate in CertificateDer::pem_file_iter(path).map_err(|e| unread(&e))? {
                    store.add(certificate.map_err(|e| unread(&e))?).map_err(|e| unread(&e))?;
                }
            }
            None => {
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if store.is_empty() {
            return Err(HttpError::Roots("install the package ca-certificates, or name a file in \"roots\"".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|e| HttpError::Roots(e.to_string()))?;
        let tls = Arc::new(builder.with_root_certificates(store).with_no_client_auth());
        Ok(Self { tls, retry_after_s: Arc::default() })
    }

    /// What the last refusal said of when to come again, in seconds; asked for once.
    pub fn take_retry_after_s(&self) -> Option<u64> {
        self.retry_after_s.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<Bytes>, HttpError>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let late =
            || HttpError::Unreachable { host: host.clone(), why: format!("no answer within {} s", REQUEST_MAX.as_secs()) };
        let answer = tokio::time::timeout(REQUEST_MAX, self.exchange(request)).await.map_err(|_late| late())??;
        if answer.status().as_u16() == 429 || answer.status().as_u16() == 503 {
            let seconds = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            *self.retry_after_s.lock().unwrap_or_else(PoisonError::into_inner) = seconds;
        }
        Ok(answer)
    }

    async fn exchange<B>(&self, request: Request<B>) -> Result<Response<Bytes>, HttpError>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let uri = request.uri().clone();
        let (host, port, is_tls) = target(&uri).ok_or_else(|| HttpError::Address(uri.to_string()))?;
        let unreachable = |why: String| HttpError::Unreachable { host: host.clone(), why };
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|e| unreachable(e.to_string()))?;
        if !is_tls {
            return talk(stream, request, &host).await;
        }
        let name = ServerName::try_from(host.clone()).map_err(|_no_name| HttpError::Address(uri.to_string()))?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        talk(stream.map_err(|e| unreachable(e.to_string()))?, request, &host).await
    }
}

async fn talk<S, B>(stream: S, mut request: Request<B>, host: &str) -> Result<Response<Bytes>, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let broken = |why: String| HttpError::Broken { host: host.to_owned(), why };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(e.to_string()))?;
    prepare(&mut request);
    let answered = async {
        let (parts, body) = sender.send_request(request).await.map_err(|e| broken(e.to_string()))?.into_parts();
        let body = Limited::new(body, ANSWER_LEN_MAX).collect().await.map_err(|e| broken(e.to_string()))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    tokio::pin!(answered, connection);
    tokio::select! {
        answer = &mut answered => return answer,
        _over = &mut connection => {}
    }
    // What was read before the connection ended is still handed over.
    answered.await
}

/// HTTP/1.1 names the server in a header and asks by the path alone.
fn prepare<B>(request: &mut Request<B>) {
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    if let (Ok(host), Ok(path)) = (header::HeaderValue::from_str(&authority), path.parse::<Uri>()) {
        request.headers_mut().insert(header::HOST, host);
        *request.uri_mut() = path;
    }
}

/// Host, port, and whether it is TLS.
fn target(uri: &Uri) -> Option<(String, u16, bool)> {
    let is_tls = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _other => return None,
    };
    let host = uri.host()?.trim_matches(['[', ']']).to_owned();
    Some((host, uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }), is_tls))
}

/// Host and port of an address: what can be called to see whether it is there.
pub fn host_and_port(url: &str) -> Option<(String, u16)> {
    let (host, port, _) = target(&url.parse().ok()?)?;
    Some((host, port))
}

/// A request whose body is JSON.
///
/// # Errors
/// [`HttpError::Address`].
pub fn post_json(url: &str, headers: &[(&str, &str)], body: &serde_json::Value) -> Result<Request<Full<Bytes>>, HttpError> {
    let mut request = Request::post(url).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::from(body.to_string())).map_err(|_unfit| HttpError::Address(url.to_owned()))
}

impl instant_acme::HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let is_in_clear = request.uri().scheme_str() != Some("https");
            if is_in_clear {
                let error = HttpError::Address(request.uri().to_string());
                return Err(instant_acme::Error::Other(Box::new(error)));
            }
            let answer = client.send(request).await.map_err(|e| instant_acme::Error::Other(Box::new(e)))?;
            Ok(BytesResponse::from(answer.map(Full::<Bytes>::from)))
        })
    }
}
