//! The portal before pages of any kind.

use super::*;
use axum::body::Body;
use axum::routing::get;
use std::time::Duration;
use tower::ServiceExt;

const PHONE: &str = "192.168.1.77";

async fn ask(pages: &Router, host: &str, path: &str) -> (u16, String, String) {
    let mut request = Request::get(path).header("host", host).body(Body::empty()).unwrap();
    request.extensions_mut().insert(Ends { local: "192.168.1.5:80".parse().unwrap(), peer: PHONE.parse().unwrap() });
    let response = pages.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    (status, to, String::from_utf8(body.to_vec()).unwrap())
}

fn pages(is_tls: bool) -> (Arc<Portal>, Router) {
    let portal = Portal::new(Visitors::new(Arc::new(|| Duration::ZERO)));
    let pages = Router::new().fallback(get(|| async { "a page" }));
    (Arc::clone(&portal), portal.around(pages, is_tls))
}

#[tokio::test]
async fn each_system_is_sent_to_the_page_once_and_then_told_what_it_expects() {
    for probe in &probe::PROBES {
        let (portal, pages) = pages(false);
        let sent = (302, "http://192.168.1.5/wifi".to_owned(), String::new());
        assert_eq!(ask(&pages, probe.host, probe.path).await, sent, "{probe:?}");
        portal.visitors.stays(PHONE.parse().unwrap());
        let (status, _, body) = ask(&pages, probe.host, probe.path).await;
        match probe.expected {
            Expected::Nothing => assert_eq!((status, body.as_str()), (204, ""), "{probe:?}"),
            Expected::Text(text) | Expected::Page(text) => assert_eq!((status, body.as_str()), (200, text), "{probe:?}"),
        }
    }
}

#[tokio::test]
async fn only_the_known_hosts_are_answered_for_and_nothing_of_theirs_reaches_the_pages() {
    let (_, pages) = pages(false);
    for host in ["example.jp", "apple.com", "captive.apple.com.example.jp", "captive.apple.com:8080", "192.168.1.5"] {
        assert_eq!(ask(&pages, host, "/hotspot-detect.html").await.2, "a page", "{host}");
    }
    for path in ["/record", "/staff", "/c/0000", "/wifi/continue"] {
        assert_eq!(ask(&pages, "captive.apple.com", path).await.0, 302, "{path}");
        assert_eq!(ask(&pages, "www.google.com", path).await.0, 404, "{path}");
    }
    assert_eq!(ask(&pages, "CAPTIVE.apple.com:80", "/hotspot-detect.html").await.0, 302);
}

#[tokio::test]
async fn over_tls_nothing_is_answered_for_anybody() {
    let (portal, pages) = pages(true);
    assert_eq!(ask(&pages, "captive.apple.com", "/hotspot-detect.html").await.2, "a page");
    assert!(portal.visitors.is_empty());
}

/// What a phone asks of itself every few minutes does not count as its owner's reading.
#[tokio::test]
async fn asking_for_the_state_is_not_reading() {
    let seconds = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let clock = Arc::clone(&seconds);
    let uptime = move || Duration::from_secs(clock.load(std::sync::atomic::Ordering::Relaxed));
    let portal = Portal::new(Visitors::new(Arc::new(uptime)));
    let pages = portal.around(Router::new().fallback(get(|| async { "a page" })), true);
    let peer = PHONE.parse().unwrap();
    portal.visitors.probed(peer, probe::System::Android);
    portal.visitors.welcomed(peer);
    for second in (0..180).step_by(30) {
        seconds.store(second, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(portal.visitors.probed(peer, probe::System::Android), Verdict::Pop, "{second}");
        ask(&pages, "sakura.example.jp", STATE).await;
    }
    seconds.store(180, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(portal.visitors.probed(peer, probe::System::Android), Verdict::Pass);
}
