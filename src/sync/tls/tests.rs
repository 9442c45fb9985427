//! Handshakes in memory: who is who, and that nothing is resumed.

use super::*;
use aws_lc_rs::signature::KeyPair;
use rustls::client::ClientSessionMemoryCache;
use rustls::{ClientConnection, HandshakeKind, ServerConnection};

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn public(seed: u8) -> [u8; 32] {
    key(seed).public_key().as_ref().try_into().unwrap()
}

fn server_name() -> ServerName<'static> {
    ServerName::try_from("192.0.2.1").unwrap()
}

/// Carries bytes both ways until neither has any; also tickets, were there some.
fn shake(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), Error> {
    for _ in 0..16 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut left = &bytes[..];
        while !left.is_empty() {
            server.read_tls(&mut left).unwrap();
            server.process_new_packets()?;
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut left = &bytes[..];
        while !left.is_empty() {
            client.read_tls(&mut left).unwrap();
            client.process_new_packets()?;
        }
    }
    Ok(())
}

fn connections(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> (ClientConnection, ServerConnection) {
    let client = ClientConnection::new(Arc::clone(client), server_name()).unwrap();
    (client, ServerConnection::new(Arc::clone(server)).unwrap())
}

#[test]
fn both_sides_know_the_others_key() {
    let (one, two) = (Tls::new(&key(1)).unwrap(), Tls::new(&key(2)).unwrap());
    let (mut client, mut server) = connections(&one.client, &two.server);
    shake(&mut client, &mut server).unwrap();
    assert_eq!(PeerKey::of(&client).unwrap(), PeerKey { node: node_id(&public(2)), key: Signer(public(2)) });
    assert_eq!(PeerKey::of(&server).unwrap().key, Signer(public(1)));
    assert_eq!(client.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
}

#[test]
fn a_client_that_tries_to_resume_does_a_full_handshake() {
    let (one, two) = (Tls::new(&key(1)).unwrap(), Tls::new(&key(2)).unwrap());
    let mut eager = ClientConfig::clone(&one.client);
    eager.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(8)));
    let eager = Arc::new(eager);
    for _ in 0..3 {
        let (mut client, mut server) = connections(&eager, &two.server);
        shake(&mut client, &mut server).unwrap();
        assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(server.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(client.tls13_tickets_received(), 0);
    }
}

/// The same eager client does resume where a server lets it: the test above can fail.
#[test]
fn the_test_of_resumption_would_notice() {
    let (one, two) = (Tls::new(&key(1)).unwrap(), Tls::new(&key(2)).unwrap());
    let mut eager = ClientConfig::clone(&one.client);
    eager.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(8)));
    let mut lenient = ServerConfig::clone(&two.server);
    lenient.send_tls13_tickets = 2;
    lenient.session_storage = rustls::server::ServerSessionMemoryCache::new(8);
    let (eager, lenient) = (Arc::new(eager), Arc::new(lenient));
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let (mut client, mut server) = connections(&eager, &lenient);
        shake(&mut client, &mut server).unwrap();
        kinds.push(server.handshake_kind());
    }
    assert_eq!(kinds, [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]);
}

#[test]
fn who_shows_a_key_without_having_it_is_refused() {
    let provider = provider::default_provider();
    let two = Tls::new(&key(2)).unwrap();
    let stolen = CertifiedKey::new(certified(&key(1), &provider).unwrap().cert, certified(&key(3), &provider).unwrap().key);
    let verifier = Arc::new(AnyKey(provider.signature_verification_algorithms));
    let forged = client(&Arc::new(provider), Arc::new(stolen), verifier).unwrap();
    let (mut client, mut server) = connections(&forged, &two.server);
    assert!(shake(&mut client, &mut server).is_err());
}

#[test]
fn who_shows_no_key_or_a_certificate_is_refused() {
    let two = Tls::new(&key(2)).unwrap();
    let provider = Arc::new(provider::default_provider());
    let verifier = Arc::new(AnyKey(provider.signature_verification_algorithms));
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let mut keyless = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    keyless.alpn_protocols = vec![ALPN.to_vec()];
    let (mut client, mut server) = connections(&Arc::new(keyless), &two.server);
    assert!(shake(&mut client, &mut server).is_err());

    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let chain = vec![made.cert.der().clone()];
    let private = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(provider::default_provider());
    let verifier = Arc::new(AnyKey(provider.signature_verification_algorithms));
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let with_certificate =
        builder.dangerous().with_custom_certificate_verifier(verifier).with_client_auth_cert(chain, private).unwrap();
    let (mut client, mut server) = connections(&Arc::new(with_certificate), &two.server);
    assert!(shake(&mut client, &mut server).is_err());
}

#[test]
fn whoever_speaks_another_protocol_is_no_peer() {
    let (one, two) = (Tls::new(&key(1)).unwrap(), Tls::new(&key(2)).unwrap());
    let mut other = ClientConfig::clone(&one.client);
    other.alpn_protocols = Vec::new();
    let (mut client, mut server) = connections(&Arc::new(other), &two.server);
    shake(&mut client, &mut server).unwrap();
    assert_eq!(PeerKey::of(&server), None);
}
