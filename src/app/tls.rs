//! A TLS configuration from a certificate and a key.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file.
    #[error("the certificate file has no certificate in PEM form: {0}")]
    Certificate(String),
    /// The key file.
    #[error("the key file has no private key in PEM form: {0}")]
    Key(String),
    /// They do not fit.
    #[error("certificate and key cannot be used together: {0}")]
    Pair(#[from] rustls::Error),
}

/// For browsers: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1. `certificates` is the chain, own certificate first; both are PEM.
///
/// # Errors
/// Where they cannot be read or do not fit.
pub fn config(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
    let chain = chain.map_err(|e| TlsError::Certificate(e.to_string()))?;
    if chain.is_empty() {
        return Err(TlsError::Certificate("it is empty".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| TlsError::Key(e.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_and_key_must_fit_and_be_there() {
        let one = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let two = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (cert, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert!(config(cert.as_bytes(), key.as_bytes()).is_ok());
        let foreign = two.signing_key.serialize_pem();
        assert!(matches!(config(cert.as_bytes(), foreign.as_bytes()), Err(TlsError::Pair(_))));
        assert!(matches!(config(b"", key.as_bytes()), Err(TlsError::Certificate(_))));
        assert!(matches!(config(cert.as_bytes(), b"x"), Err(TlsError::Key(_))));
    }
}
