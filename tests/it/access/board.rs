//! The board and the settings: what is delivered is looked at before it is used; what cannot be is said, and nothing that works is given up for it.

use super::world::{Boxed, OWN};
use kusuribako::clock::{Clock, today_in_japan};
use rcgen::{CertificateParams, KeyPair};

/// A certificate for names from so many days on to so many, as two files.
pub fn certificate(node: &Boxed, file: &str, names: &[&str], from_day: i64, to_day: i64) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let at = |day: i64| {
        let date = today_in_japan(Clock::system().now_ms() + day * 24 * 3600 * 1000);
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    (params.not_before, params.not_after) = (at(from_day), at(to_day));
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let chain = node.clinic.file(&format!("{file}.pem"), made.pem().as_bytes());
    (chain, node.clinic.file(&format!("{file}.key"), key.serialize_pem().as_bytes()))
}

#[test]
fn a_delivered_certificate_is_swapped_in_and_a_bad_one_is_not() {
    let mut node = Boxed::new();
    let (chain, key) = certificate(&node, "a", &[OWN], -30, 60);
    node.ok(&["access", "configure", "--name", OWN, "--certificate", &chain, "--key", &key]);
    node.serve();
    let first = node.status()["a"]["fingerprint_sha256"].clone();
    assert!(first.is_string() && node.https(&chain, OWN, "/").is_some());

    let (other, other_key) = certificate(&node, "b", &[OWN], -1, 80);
    let put = |from: &str, to: &str| std::fs::copy(from, to).unwrap();
    // The certificate came, its key not yet.
    put(&other, &chain);
    let failed = |status: &serde_json::Value| status["tries"]["file"]["error"]["kind"] == "certificate";
    let status = node.until("it is refused", failed);
    assert_eq!((&status["a"]["fingerprint_sha256"], &status["a"]["state"]), (&first, &"valid".into()), "the one before stays");
    put(&other_key, &key);
    let status = node.until("it is taken", |status| status["a"]["fingerprint_sha256"] != first);
    assert_eq!(status["tries"]["file"]["error"], serde_json::Value::Null);
    assert!(node.https(&other, OWN, "/").is_some());

    for (file, names, from, to, why) in [
        ("c", &["another.example.test"][..], -1, 80, "is not for"),
        ("d", &[OWN][..], -1, 5, "lasts only"),
        ("e", &[OWN][..], -80, -1, "ended"),
    ] {
        let (bad, bad_key) = certificate(&node, file, names, from, to);
        put(&bad_key, &key);
        put(&bad, &chain);
        let said =
            |status: &serde_json::Value| status["tries"]["file"]["error"]["en"].as_str().is_some_and(|en| en.contains(why));
        node.until(why, said);
        assert!(node.https(&other, OWN, "/").is_some());
    }
}

#[test]
fn settings_that_cannot_be_are_refused_or_said_on_the_board() {
    let node = Boxed::new();
    let refused = |args: &[&str], why: &str| {
        let ran = node.clinic.run(&[&["access", "configure"], args].concat());
        assert!(ran.code == 1 && ran.err.contains(why), "{args:?}: {} {}", ran.code, ran.err);
    };
    refused(&["--name", OWN, "--dns-command", "/bin/true", "--agree-terms", "--profile", "shortlived"], "six days");
    refused(&["--name", OWN, "--dns-command", "/bin/true"], "terms_agreed");
    refused(&["--name", "https://x.jp/", "--dns-command", "/bin/true", "--agree-terms"], "no host name");
    refused(&["--dns-command", "/bin/true", "--agree-terms"], "public name");
    refused(&["--name", "192.0.2.1"], "no host name");
    assert!(!node.clinic.path("data/access.json").exists());
    std::fs::write(node.clinic.path("data/access.json"), "{ \"nmes\": [] }").unwrap();
    let status = node.status();
    let said = status["tries"]["settings"]["error"]["en"].as_str().unwrap();
    assert!(said.contains("nmes") && said.contains("line 1") && said.contains("access configure"), "{said}");
    let text = String::from_utf8(node.clinic.run(&["access", "status"]).out).unwrap();
    assert!(text.contains("nmes") && text.contains("A  public certificate     none"), "{text}");
}
