//! A certificate chain with its key: read, and looked at before it is used.

use data_encoding::BASE64;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::sync::Arc;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// Certificates that live shorter than this are of the six-day kind: a clinic that is cut off for a week would have none.
const LIFE_MIN_MS: i64 = 20 * 24 * 3600 * 1000;

/// A certificate that was made a moment ago may begin a little after now: no two clocks agree.
const CLOCKS_APART_MS: i64 = 3600 * 1000;

/// Why certificate and key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// The chain.
    #[error("the certificate file has no certificate in PEM form: {0}")]
    Certificate(String),
    /// The key.
    #[error("the key file has no private key in PEM form: {0}")]
    Key(String),
    /// They do not fit.
    #[error("certificate and key cannot be used together: {0}")]
    Pair(String),
    /// It names nothing that a phone could be sent to.
    #[error("the certificate names no host")]
    Nameless,
    /// A name of the clinic's is not in it.
    #[error("the certificate is not for {name}; it names {found}")]
    Name {
        /// The clinic's.
        name: String,
        /// The certificate's.
        found: String,
    },
    /// It is over.
    #[error("the certificate ended {}", crate::clock::moment_in_japan(*.not_after_ms))]
    Over {
        /// Milliseconds since 1970 UTC.
        not_after_ms: i64,
    },
    /// It has not begun.
    #[error("the certificate begins only {}", crate::clock::moment_in_japan(*.not_before_ms))]
    Early {
        /// Milliseconds since 1970 UTC.
        not_before_ms: i64,
    },
    /// A certificate of days.
    #[error("the certificate lasts only {days} days: a clinic that is cut off for a week would have none")]
    Short {
        /// For how long it lasts.
        days: i64,
    },
}

/// A chain, its key, and what the first certificate says.
pub struct Pair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// The names, lower case; `*.` at the front of one that covers a level.
    pub names: Vec<String>,
    /// Milliseconds since 1970 UTC.
    pub not_before_ms: i64,
    /// Milliseconds since 1970 UTC.
    pub not_after_ms: i64,
    /// Who signed it.
    pub issuer: String,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("names", &self.names).field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Pair {
    /// From two PEM texts; the chain with its own certificate first. That key and certificate fit is known once [`Pair::server_config`] takes them.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn read(certificates: &[u8], key: &[u8]) -> Result<Self, PairError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|e| PairError::Certificate(e.to_string()))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| PairError::Key(e.to_string()))?;
        Self::new(chain, key)
    }

    /// From what was read.
    ///
    /// # Errors
    /// Where the first certificate cannot be read.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, PairError> {
        let own = chain.first().ok_or_else(|| PairError::Certificate("it is empty".to_owned()))?;
        let (_, parsed) = X509Certificate::from_der(own).map_err(|e| PairError::Certificate(e.to_string()))?;
        let fingerprint = fingerprint(own);
        let (names, issuer) = (names(&parsed), parsed.issuer().to_string());
        let ms = |time: x509_parser::time::ASN1Time| time.timestamp().saturating_mul(1000);
        let (not_before_ms, not_after_ms) = (ms(parsed.validity().not_before), ms(parsed.validity().not_after));
        Ok(Self { chain, key, names, not_before_ms, not_after_ms, issuer, fingerprint })
    }

    /// Key and chain as one PEM text.
    pub fn pem(&self) -> Zeroizing<String> {
        let part = |kind: &str, bytes: &[u8]| {
            let text = BASE64.encode(bytes);
            let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
            format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
        };
        let mut text = part("PRIVATE KEY", self.key.secret_der());
        for certificate in &self.chain {
            text.push_str(&part("CERTIFICATE", certificate));
        }
        Zeroizing::new(text)
    }

    /// The chain, its own certificate first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Whether the second certificate of the chain is this one.
    pub fn is_followed_by(&self, certificate: &[u8]) -> bool {
        self.chain.get(1).is_some_and(|second| second.as_ref() == certificate)
    }

    /// Whether it has not ended. When it began is the phones' concern: a box whose clock is behind would otherwise show none.
    pub fn is_valid(&self, now_ms: i64) -> bool {
        now_ms < self.not_after_ms
    }

    /// Whether it is for a host.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
            None => *name == host,
        })
    }

    /// The first of the clinic's names that it covers; where the clinic named none, its own first.
    pub fn first_name<'a>(&'a self, wanted: &'a [String]) -> Option<&'a str> {
        let own = || self.names.iter().find(|name| !name.starts_with("*."));
        wanted.iter().find(|name| self.covers(name)).or_else(own).map(String::as_str)
    }

    /// When it is to be renewed: at a third of its life left.
    pub fn renew_from_ms(&self) -> i64 {
        self.not_after_ms.saturating_sub(self.not_after_ms.saturating_sub(self.not_before_ms) / 3)
    }

    /// Looks at it before it is put into the place of another. `names` are those that it must be for.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, names: &[String], now_ms: i64) -> Result<(), PairError> {
        if self.names.is_empty() {
            return Err(PairError::Nameless);
        }
        if let Some(name) = names.iter().find(|name| !self.covers(name)) {
            return Err(PairError::Name { name: name.clone(), found: self.names.join(", ") });
        }
        if !self.is_valid(now_ms) {
            return Err(PairError::Over { not_after_ms: self.not_after_ms });
        }
        if now_ms.saturating_add(CLOCKS_APART_MS) < self.not_before_ms {
            return Err(PairError::Early { not_before_ms: self.not_before_ms });
        }
        let life_ms = self.not_after_ms.saturating_sub(self.not_before_ms);
        if life_ms < LIFE_MIN_MS {
            return Err(PairError::Short { days: life_ms / (24 * 3600 * 1000) });
        }
        Ok(())
    }

    /// For browsers: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// Where chain and key do not fit.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, PairError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let unfit = |e: rustls::Error| PairError::Pair(e.to_string());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unfit)?;
        let mut config =
            builder.with_no_client_auth().with_single_cert(self.chain.clone(), self.key.clone_key()).map_err(unfit)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// SHA-256 of a certificate, hexadecimal in pairs, as devices show it.
pub fn fingerprint(certificate: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(subject)) = parsed.subject_alternative_name() else { return Vec::new() };
    let name = |general: &GeneralName<'_>| {
        if let GeneralName::IPAddress(bytes) = general {
            return address(bytes);
        }
        if let GeneralName::DNSName(name) = general { Some(name.to_ascii_lowercase()) } else { None }
    };
    subject.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|octets| std::net::IpAddr::from(octets).to_string()).ok();
    v4.or_else(|| <[u8; 16]>::try_from(bytes).map(|octets| format!("[{}]", std::net::Ipv6Addr::from(octets))).ok())
}
