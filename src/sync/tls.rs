//! TLS between nodes: version 1.3, raw public keys on both sides (RFC 7250), no certificates and so no dates. Whoever proves a key is
//! let in; what that key may do is asked for each request. Nothing is resumed: a node that was revoked must not come back by a ticket.

use crate::ledger::{NodeId, node_id};
use crate::region::Signer;
use aws_lc_rs::signature::Ed25519KeyPair;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs as provider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
};
use std::sync::Arc;

/// What both sides must speak.
pub const ALPN: &[u8] = b"kusuribako/1";

/// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// This node's side of every connection.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Where this node is called.
    pub server: Arc<ServerConfig>,
    /// Where it calls.
    pub client: Arc<ClientConfig>,
}

impl Tls {
    /// For a node's signing key.
    ///
    /// # Errors
    /// Where the key cannot be used, which no Ed25519 key gives cause for.
    pub fn new(key: &Ed25519KeyPair) -> Result<Self, Error> {
        let provider = Arc::new(provider::default_provider());
        let own = Arc::new(certified(key, &provider)?);
        let verifier = Arc::new(AnyKey(provider.signature_verification_algorithms));
        Ok(Self { server: server(&provider, &own, &verifier)?, client: client(&provider, own, verifier)? })
    }
}

fn server(provider: &Arc<CryptoProvider>, own: &Arc<CertifiedKey>, verifier: &Arc<AnyKey>) -> Result<Arc<ServerConfig>, Error> {
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(provider)).with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder
        .with_client_cert_verifier(Arc::clone(verifier) as _)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(own))));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

fn client(provider: &Arc<CryptoProvider>, own: Arc<CertifiedKey>, verifier: Arc<AnyKey>) -> Result<Arc<ClientConfig>, Error> {
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(provider)).with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(own)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}

fn certified(key: &Ed25519KeyPair, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
    let pkcs8 = key.to_pkcs8v1().map_err(|_unspecified| Error::General("the node's key does not encode".to_owned()))?;
    let signing = provider.key_provider.load_private_key(PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec()).into())?;
    let public = signing.public_key().ok_or_else(|| Error::General("the node's key has no public half".to_owned()))?;
    Ok(CertifiedKey::new(vec![CertificateDer::from(public.as_ref().to_vec())], signing))
}

/// Whom a connection is with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerKey {
    /// The node.
    pub node: NodeId,
    /// The key that it proved.
    pub key: Signer,
}

impl PeerKey {
    /// After the handshake. `None` where the peer agreed to another protocol, or to none.
    pub fn of(connection: &CommonState) -> Option<Self> {
        if connection.alpn_protocol() != Some(ALPN) {
            return None;
        }
        let key = ed25519(connection.peer_certificates()?.first()?)?;
        Some(Self { node: node_id(&key), key: Signer(key) })
    }
}

/// The key of a SubjectPublicKeyInfo, if it is an Ed25519 key in its only encoding.
fn ed25519(spki: &[u8]) -> Option<[u8; 32]> {
    spki.strip_prefix(&ED25519_SPKI)?.try_into().ok()
}

/// Checks that the peer has the private half of the key that it shows, and nothing else.
#[derive(Debug)]
struct AnyKey(WebPkiSupportedAlgorithms);

impl AnyKey {
    fn check(spki: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
        match ed25519(spki).filter(|_| others.is_empty()) {
            Some(_) => Ok(()),
            None => Err(CertificateError::BadEncoding.into()),
        }
    }

    fn verify(&self, message: &[u8], spki: &[u8], signed: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature_with_raw_key(message, &SubjectPublicKeyInfoDer::from(spki), signed, &self.0)
    }
}

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Self::check(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is spoken between nodes".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Self::check(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is spoken between nodes".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
