//! A phone that asks as RFC 8908 says, over TLS, through an evening at the clinic.

use crate::accept::Ends;
use crate::clinic::Clinic;
use crate::clinic::setup::Location;
use crate::clock::Clock;
use crate::ledger::payload::SiteProfile;
use crate::portal::Portal;
use crate::portal::visitors::Visitors;
use crate::web::{LocalAddress, Site, router};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tower::ServiceExt;

const NAME: &str = "sakura.example.jp";

struct Evening {
    _dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    seconds: Arc<AtomicU64>,
    pages: Router,
}

fn evening() -> Evening {
    let dir = tempfile::tempdir().unwrap();
    let location = Location { reserve_bytes: 4_096, ..Location::new(dir.path().join("data")) };
    let profile = SiteProfile { name: "見本薬局".to_owned(), ..SiteProfile::default() };
    let clinic = Clinic::found(&location, &profile, Clock::system()).unwrap();
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&seconds);
    let uptime: crate::portal::visitors::Uptime = Arc::new(move || Duration::from_secs(clock.load(Ordering::SeqCst)));
    let portal = Portal::new(Visitors::new(Arc::clone(&uptime)));
    let site = Site::new(clinic, vec![NAME.to_owned()], true, uptime).behind(Some(Arc::clone(&portal)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Evening { _dir: dir, runtime, seconds, pages: portal.around(router(Arc::new(site)), true) }
}

impl Evening {
    fn get(&self, phone: &str, path: &str) -> (u16, String, String) {
        let local: SocketAddr = "192.168.1.5:443".parse().unwrap();
        let mut request = Request::get(path).header(header::HOST, NAME).body(Body::empty()).unwrap();
        request.extensions_mut().insert(Ends { local, peer: phone.parse().unwrap() });
        request.extensions_mut().insert(LocalAddress(local));
        let response = self.runtime.block_on(self.pages.clone().oneshot(request)).unwrap();
        let kind = response.headers().get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = self.runtime.block_on(axum::body::to_bytes(response.into_body(), 1 << 20)).unwrap();
        (status, kind.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
    }

    /// As a phone asks, and what it may not be mistaken about.
    fn is_captive(&self, phone: &str) -> bool {
        let (status, kind, body) = self.get(phone, "/wifi/state");
        assert_eq!((status, kind.as_str()), (200, "application/captive+json"), "{body}");
        let state: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(state["user-portal-url"], json!(format!("https://{NAME}/wifi")));
        state["captive"].as_bool().unwrap()
    }
}

#[test]
fn a_phone_that_asks_by_rfc_8908_is_let_go_once_its_owner_has_seen_the_page() {
    let (evening, phone) = (evening(), "192.168.1.77");
    assert!(evening.is_captive(phone));
    evening.seconds.store(20, Ordering::SeqCst);
    assert!(evening.is_captive(phone), "its owner has seen nothing yet");
    assert_eq!(evening.get(phone, "/wifi").0, 200);
    for second in [21, 60, 200, 3_600] {
        evening.seconds.store(second, Ordering::SeqCst);
        assert!(!evening.is_captive(phone), "after {second} s");
        assert_eq!(evening.get(phone, "/").0, 200);
    }
    // The next day it is a new one.
    evening.seconds.store(3_600 + 12 * 3_600, Ordering::SeqCst);
    assert!(evening.is_captive(phone));
}

#[test]
fn one_whose_owner_never_looks_is_left_in_peace_and_another_is_nobody_it_knows() {
    let (evening, phone) = (evening(), "192.168.1.78");
    for second in [0, 30, 59] {
        evening.seconds.store(second, Ordering::SeqCst);
        assert!(evening.is_captive(phone), "{second}");
    }
    evening.seconds.store(60, Ordering::SeqCst);
    assert!(!evening.is_captive(phone));
    assert!(evening.is_captive("192.168.1.79"));
}
