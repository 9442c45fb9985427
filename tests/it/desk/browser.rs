//! A browser that talks to the pages without a network: it keeps cookies, and comes over whichever rung a test wants.

use super::shelter::Rung;
pub use crate::answer::Answer;
use axum::body::Body;
use axum::http::{Method, Request};
use kusuribako::web::{self, LocalAddress, Site};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tower::ServiceExt;

pub struct Browser {
    runtime: Runtime,
    site: Arc<Site>,
    router: axum::Router,
    local: SocketAddr,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn new(site: Site, rung: Rung) -> Self {
        let local = match rung {
            Rung::Tls => "192.168.1.5:443",
            Rung::Loopback => "127.0.0.1:8080",
            Rung::Open => "192.168.1.5:8080",
        };
        let site = Arc::new(site);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let router = web::router(Arc::clone(&site));
        Self { runtime, router, site, local: local.parse().unwrap(), cookies: BTreeMap::new() }
    }

    /// The paths of all pages.
    pub fn paths(&self) -> Vec<String> {
        web::paths(&self.site)
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, "", Vec::new())
    }

    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pair = |(name, value): &(&str, &str)| format!("{name}={}", encoded(value));
        let body = fields.iter().map(pair).collect::<Vec<_>>().join("&");
        self.ask(Method::POST, path, "application/x-www-form-urlencoded", body.into_bytes())
    }

    /// A file as a form sends it.
    pub fn post_file(&mut self, path: &str, file: &[u8]) -> Answer {
        let mut body = b"--X\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"p\"\r\n\r\n".to_vec();
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--X--\r\n");
        self.ask(Method::POST, path, "multipart/form-data; boundary=X", body)
    }

    /// A file of what is on paper, at reception.
    pub fn post_paper(&mut self, csrf: &str, file: &[u8]) -> Answer {
        let mut body = format!("--X\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n").into_bytes();
        body.extend_from_slice(b"--X\r\nContent-Disposition: form-data; name=\"paper\"; filename=\"p\"\r\n\r\n");
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--X--\r\n");
        self.ask(Method::POST, "/staff/reception/paper", "multipart/form-data; boundary=X", body)
    }

    /// What the server does now and then: ends what is over.
    pub fn sweep(&self) {
        self.site.sweep();
    }

    /// The methods that a path answers to.
    pub fn allowed(&mut self, path: &str) -> String {
        let refused = self.ask(Method::PUT, path, "", Vec::new());
        assert_eq!(refused.status, 405, "{path}");
        refused.header("allow").unwrap_or_else(|| panic!("{path} does not say what it allows")).to_owned()
    }

    pub fn sign_in(&mut self, badge: &str, passphrase: &str) {
        let answer = self.post("/staff/sign-in", &[("badge", badge), ("passphrase", passphrase)]);
        assert_eq!(answer.location(), Some("/staff"), "{} {}", answer.status, answer.text);
    }

    pub fn sign_in_outside(&mut self, badge: &str, pin: &str) {
        let answer = self.post("/staff/outside", &[("badge", badge), ("pin", pin)]);
        assert_eq!(answer.location(), Some("/staff"), "{} {}", answer.status, answer.text);
    }

    fn ask(&mut self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", self.host());
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        if !self.cookies.is_empty() {
            let all: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", all.join("; "));
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(LocalAddress(self.local));
        let router = self.router.clone();
        let (status, headers, bytes) = self.runtime.block_on(async {
            let answer = router.oneshot(request).await.unwrap();
            let (parts, body) = answer.into_parts();
            (parts.status.as_u16(), parts.headers, axum::body::to_bytes(body, usize::MAX).await.unwrap())
        });
        let text = String::from_utf8_lossy(&bytes).replace("&#60;", "&lt;").replace("&#62;", "&gt;");
        let headers = headers.iter().map(|(n, v)| (n.as_str().to_owned(), v.to_str().unwrap().to_owned())).collect();
        let answer = Answer { status, headers, text };
        self.remember(&answer);
        answer
    }

    fn host(&self) -> String {
        if self.local.port() == 443 { self.local.ip().to_string() } else { self.local.to_string() }
    }

    fn remember(&mut self, answer: &Answer) {
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match cookie.contains("Max-Age=0") {
                true => drop(self.cookies.remove(name)),
                false => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
    }
}

fn encoded(value: &str) -> String {
    value.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
