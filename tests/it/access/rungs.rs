//! Routes by rungs: what answers on which, whose cookie counts where, and which names are answered to.

use crate::desk::matrix;
use crate::pages::node::Node;
use axum::body::Body;
use axum::http::{Method, Request};
use kusuribako::access::declared::{By, Declared};
use kusuribako::access::{Ladder, Rung};
use kusuribako::web::{self, LocalAddress, Site, session};
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

const LAN: &str = "192.168.1.5:8080";

/// The pages of a clinic for those who come by one rung.
struct Wing<'n> {
    node: &'n Node,
    rung: Rung,
    site: Arc<Site>,
    local: SocketAddr,
}

struct Answer {
    status: u16,
    cookies: Vec<String>,
    location: String,
}

impl<'n> Wing<'n> {
    fn new(node: &'n Node, rung: Rung) -> Self {
        let local: SocketAddr = if rung == Rung::Within { "127.0.0.1:8080" } else { LAN }.parse().unwrap();
        let ladder = Ladder::new(node.clock.clone());
        ladder.listens(false, 8080);
        let declared = Declared { by: By::Operator, reason: String::new(), at_ms: 0, until_running_ms: None, ended: None };
        ladder.set_declared(Some(declared));
        let site = Site::new(node.clinic.clone(), vec!["kusuri.internal:8080".to_owned()], rung.is_tls(), session::uptime());
        Self { node, rung, site: Arc::new(site.on(rung, ladder, None)), local }
    }

    fn ask(&self, method: &str, path: &str, host: &str, cookie: &str, body: &str) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let request = Request::builder().method(Method::try_from(method).unwrap()).uri(path).header("host", host);
        let request = request.header("content-type", "application/x-www-form-urlencoded").header("cookie", cookie);
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(LocalAddress(self.local));
        let router = if self.rung == Rung::C { web::door(Arc::clone(&self.site)) } else { web::router(Arc::clone(&self.site)) };
        let answer = runtime.block_on(router.oneshot(request)).unwrap();
        let all = |name: &str| {
            answer.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        Answer { status: answer.status().as_u16(), cookies: all("set-cookie"), location: all("location").concat() }
    }

    fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask("GET", path, &self.local.to_string(), cookie, "")
    }

    /// The cookie of a session that was opened with card and PIN: name and token.
    fn open(&self) -> (String, String) {
        let form = format!("code={}&pin={}", self.node.code, self.node.pin);
        let opened = self.ask("POST", "/open", &self.local.to_string(), "", &form);
        assert_eq!((opened.status, &opened.location[..]), (303, "/you"), "{:?}", self.rung);
        let cookie = opened.cookies.iter().find(|cookie| cookie.contains("HttpOnly")).unwrap();
        let (name, token) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        assert_eq!(cookie.contains("; Secure"), self.rung.is_tls(), "{cookie}");
        (name.to_owned(), token.to_owned())
    }
}

#[test]
fn staff_never_answer_on_c_and_patients_only_read() {
    let node = Node::start();
    let wing = Wing::new(&node, Rung::C);
    let lan = wing.local.to_string();
    let staff = [
        "/staff",
        "/staff/sign-in",
        "/staff/photo",
        "/staff/sign-out",
        "/staff/elsewhere",
        "/staff/elsewhere/00",
        "/staff/access",
        "/staff/trust",
        "/staff/trust/authority.crt",
        "/staff/whatever/comes/next",
    ];
    for path in staff {
        for method in ["GET", "POST", "HEAD", "PUT", "DELETE"] {
            assert_eq!(wing.ask(method, path, &lan, "", "").status, 403, "{method} {path}");
        }
    }
    let writes = ["/record/notes/own", "/record/notes/otc", "/record/conceal/00", "/record", "/", "/new"];
    for path in writes {
        assert_eq!(wing.ask("POST", path, &lan, "", "csrf=x").status, 403, "{path}");
    }
    for (method, path) in [("GET", "/record/conceal/00"), ("GET", "/new"), ("PUT", "/record"), ("OPTIONS", "/")] {
        assert_eq!(wing.ask(method, path, &lan, "", "").status, 403, "{method} {path}");
    }
    for path in ["/", "/lost-pin", "/assets/icon.svg"] {
        assert_eq!(wing.get(path, "").status, 200, "{path}");
    }
    let reads = [
        "/record",
        "/record/history",
        "/record/notes",
        "/record/looks",
        "/record/qr",
        "/record/qr/codes",
        "/record/save",
        "/record/print",
        "/record/print/sheet",
    ];
    let (name, token) = wing.open();
    for path in reads {
        let status = wing.get(path, &format!("{name}={token}")).status;
        assert!(status == 303 || status == 200, "{path}: {status}");
    }
}

/// Every route of the router, as the desk's matrix lists them, which fails where one has no row.
#[test]
fn on_c_every_route_of_staffs_is_refused_and_a_patient_posts_only_to_come_in_and_to_go() {
    let node = Node::start();
    let wing = Wing::new(&node, Rung::C);
    let lan = wing.local.to_string();
    let ways = ["/open", "/photo", "/you", "/finish", "/envelope", "/wifi/stay"];
    let mut seen = (0, 0);
    for (path, get, post) in matrix::rows() {
        let asked = matrix::filled(&path, &node.clinic.ledger().to_string());
        let [got, posted] = ["GET", "POST"].map(|method| wing.ask(method, &asked, &lan, "", "csrf=x").status);
        if path == "/staff" || path.starts_with("/staff/") {
            assert_eq!((got, posted), (403, 403), "{path}");
            seen.0 += 1;
        } else {
            // A way in or out may refuse what this form says; of all others none is even looked at.
            assert!(posted == 403 || (ways.contains(&path.as_str()) && post != matrix::NONE), "POST {path}: {posted}");
            let writes = path.starts_with("/record/conceal/");
            assert_eq!(got != 403, get != matrix::NONE && !writes, "GET {path}: {got}");
            seen.1 += 1;
        }
    }
    assert!(seen.0 > 40 && seen.1 > 20, "{seen:?}");
}

#[test]
fn no_cookie_crosses_from_one_rung_to_another() {
    let node = Node::start();
    let wings = Rung::ALL.map(|rung| Wing::new(&node, rung));
    let opened: Vec<(String, String)> = wings.iter().map(Wing::open).collect();
    for (from, (name, token)) in wings.iter().zip(&opened) {
        for (to, (own_name, _)) in wings.iter().zip(&opened) {
            let is_same = from.rung == to.rung;
            for name in [name, own_name] {
                let answer = to.get("/you", &format!("{name}={token}"));
                assert_eq!(answer.status == 200, is_same, "{:?} to {:?} as {name}: {}", from.rung, to.rung, answer.status);
            }
        }
    }
    let names: std::collections::BTreeSet<_> = opened.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 3, "A and B share the name, not the sessions: {names:?}");
}

#[test]
fn a_name_that_somebody_points_at_the_box_gets_nothing_on_any_rung() {
    let node = Node::start();
    for rung in Rung::ALL {
        let wing = Wing::new(&node, rung);
        for host in [
            "attacker.example",
            "attacker.example:8080",
            "192.168.1.6:8080",
            "192.168.1.5:9",
            "kusuri.internal.attacker.example:8080",
            "",
        ] {
            for path in ["/", "/record", "/staff", "/c/x", "/envelope"] {
                assert_eq!(wing.ask("GET", path, host, "", "").status, 421, "{rung:?} {host} {path}");
            }
            assert_eq!(wing.ask("POST", "/open", host, "", "code=x&pin=x").status, 421, "{rung:?} {host}");
        }
        assert_eq!(wing.ask("GET", "/", "kusuri.internal:8080", "", "").status, 200, "{rung:?}");
    }
}
