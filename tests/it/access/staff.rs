//! Staff's pages about the ladder: what they say in each state, who may declare http and who may hand out the region's certificate.

use crate::pages::node::{NOW_MS, Node};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use data_encoding::BASE64;
use kusuribako::access::board::{Doing, Tried};
use kusuribako::access::keeper::{Around, Keeper};
use kusuribako::access::pair::Pair;
use kusuribako::access::{Held, Ladder, Rung, authority};
use kusuribako::clinic::staff::{NewBadge, Role};
use kusuribako::seal::badge::Passphrase;
use kusuribako::sentence::Sentence;
use kusuribako::web::{self, LocalAddress, Site, session};
use rcgen::{CertificateParams, KeyPair};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt;

const PASSPHRASE: &str = "いろはにほへとちりぬる";
const NAME: &str = "sakura.example.test";
const HOUR_MS: u64 = 3600 * 1000;

/// The node around the keeper: its running time is turned by the test; the region has an authority, or none.
struct Turned {
    running_ms: AtomicU64,
    authority: Option<Vec<u8>>,
}

struct Shared(Arc<Turned>);

impl Around for Shared {
    fn running_ms(&self) -> u64 {
        self.0.running_ms.load(Ordering::SeqCst)
    }
    fn has_peers(&self) -> bool {
        true
    }
    fn authority(&self) -> Option<Vec<u8>> {
        self.0.authority.clone()
    }
}

/// A clinic with staff, its ladder and the keeper of it.
struct Doors {
    node: Node,
    ladder: Ladder,
    keeper: Keeper,
    turned: Arc<Turned>,
    admin: NewBadge,
    _dir: tempfile::TempDir,
}

/// What a page gave.
struct Answer {
    status: u16,
    kind: String,
    location: String,
    cookie: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn csrf(&self) -> String {
        let text = self.text();
        let after = text.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form in {text}")).1;
        after.split_once('"').unwrap().0.to_owned()
    }
}

impl Doors {
    fn new(authority: Option<Vec<u8>>) -> Self {
        let (node, dir) = (Node::start(), tempfile::tempdir().unwrap());
        let ladder = Ladder::new(node.clock.clone());
        ladder.listens(true, 443);
        ladder.listens(false, 80);
        let turned = Arc::new(Turned { running_ms: AtomicU64::new(0), authority });
        let around = Arc::new(Shared(Arc::clone(&turned)));
        let keeper = Keeper::new(ladder.clone(), node.clinic.clone(), dir.path().to_owned(), around);
        let admin = node.clinic.first_admin(Some(Passphrase::chosen(PASSPHRASE).unwrap())).unwrap();
        Self { node, ladder, keeper, turned, admin, _dir: dir }
    }

    fn add(&self, name: &str, role: Role) -> NewBadge {
        let by = self.node.clinic.sign_in(&self.admin.code, &Passphrase::entered(PASSPHRASE)).unwrap().staff.unwrap();
        self.node.clinic.add_staff(&by, name, role, Some(Passphrase::chosen(PASSPHRASE).unwrap())).unwrap()
    }

    /// The pages for those who come by a rung.
    fn by(&self, rung: Rung) -> Wing {
        let local: SocketAddr = if rung == Rung::Within { "127.0.0.1:443" } else { "192.168.1.5:443" }.parse().unwrap();
        let site = Site::new(self.node.clinic.clone(), Vec::new(), rung.is_tls(), session::uptime());
        Wing { site: Arc::new(site.on(rung, self.ladder.clone(), Some(self.keeper.clone()))), local, cookie: String::new() }
    }

    /// The same with somebody signed in.
    fn signed_in(&self, rung: Rung, badge: &NewBadge) -> Wing {
        let mut wing = self.by(rung);
        let answer = wing.post("/staff/sign-in", &[("badge", &badge.code.printed()), ("passphrase", PASSPHRASE)]);
        assert_eq!((answer.status, &answer.location[..]), (303, "/staff"), "{}", answer.text());
        wing.cookie = answer.cookie.unwrap();
        wing
    }
}

struct Wing {
    site: Arc<Site>,
    local: SocketAddr,
    cookie: String,
}

impl Wing {
    fn ask(&self, method: &str, path: &str, body: String) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let request = Request::builder().method(method).uri(path).header("host", self.local.to_string());
        let request = request.header("content-type", "application/x-www-form-urlencoded").header("cookie", &self.cookie);
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(LocalAddress(self.local));
        runtime.block_on(async {
            let answer = web::router(Arc::clone(&self.site)).oneshot(request).await.unwrap();
            let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let (kind, location) = (header("content-type").unwrap_or_default(), header("location").unwrap_or_default());
            let cookie = header("set-cookie").map(|cookie| cookie.split(';').next().unwrap().to_owned());
            let status = answer.status().as_u16();
            let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec();
            Answer { status, kind, location, cookie, body }
        })
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, String::new())
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.ask("POST", path, body.join("&"))
    }

    /// The board, in Japanese, in words alone.
    fn board(&self) -> String {
        let page = self.get("/staff/access?lang=ja");
        assert_eq!(page.status, 200, "{}", page.text());
        crate::pages::desk::bare(&page.text())
    }
}

/// A certificate for so many days from now on.
fn held(days: i64) -> Held {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    let at = |ms: i64| {
        let date = kusuribako::clock::today_in_japan(ms);
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    (params.not_before, params.not_after) = (at(NOW_MS - 24 * 3600 * 1000), at(NOW_MS + days * 24 * 3600 * 1000));
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    Held::new(Pair::read(made.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()).unwrap()
}

/// The region's authority, for names below one domain.
fn region() -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(1));
    params.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("example.test".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

#[test]
fn the_page_says_what_holds_on_each_rung_and_what_does_not_work() {
    let doors = Doors::new(None);
    let wing = doors.signed_in(Rung::A, &doors.admin);
    let said = wing.board();
    let nothing = ["という案内が出ます", "公の証明書（A）ありません", "地域の認証局（B）ありません", "開いていません"];
    assert!(nothing.iter().all(|words| said.contains(words)), "{said}");

    doors.ladder.set_a(Some(held(60)));
    doors.ladder.set_b(Some(held(300)));
    let said = wing.board();
    assert!(said.contains("公の証明書のページへ送られます"), "{said}");
    assert!(said.contains(&format!("{NAME} のために 2027年1月21日")) && !said.contains("に切れました"), "{said}");

    let say = Sentence { ja: "名前が<合いません>。".to_owned(), en: "the name does not <fit>".to_owned() };
    doors.ladder.tried(Doing::Acme, Tried { at_ms: NOW_MS, failed: Some(("challenge", say)) });
    doors.node.clock.set(NOW_MS + 100 * 24 * 3600 * 1000);
    let wing = doors.signed_in(Rung::B, &doors.admin);
    let said = wing.board();
    assert!(said.contains("に切れました") && said.contains("という案内が出ます"), "{said}");
    assert!(
        said.contains("うまくいっていないこと") && wing.get("/staff/access").text().contains("名前が&#60;合いません&#62;。"),
        "{said}"
    );
    let english = wing.get("/staff/access?lang=en");
    let text = crate::pages::desk::bare(&english.text());
    assert!(
        english.text().contains("the name does not &#60;fit&#62;") && text.contains("Patients' phones are told to ask"),
        "{text}"
    );
    assert!(!english.text().contains("<script"), "nothing on it needs scripts");
}

#[test]
fn any_badge_of_the_clinics_opens_http_for_hours_and_the_page_says_who_why_and_how_long() {
    let doors = Doors::new(None);
    let reader = doors.add("受付 さくら", Role::Reader);
    let wing = doors.signed_in(Rung::A, &reader);
    let csrf = wing.get("/staff/access").csrf();
    let declare = |csrf: &str, hours: &str| {
        wing.post("/staff/access/declare", &[("csrf", csrf), ("reason", "停電<のため>"), ("hours", hours)])
    };
    assert!(declare("", "24").status >= 400 && doors.ladder.declared().is_none(), "a form of somebody else's");
    assert_eq!(doors.by(Rung::A).post("/staff/access/declare", &[("csrf", &csrf), ("hours", "24")]).status, 403);
    let done = declare(&csrf, "24");
    assert_eq!((done.status, &done.location[..]), (303, "/staff/access?done=declared"), "{}", done.text());
    let page = wing.get("/staff/access?done=declared&lang=ja").text();
    let said = crate::pages::desk::bare(&page);
    assert!(said.contains("http を開きました") && said.contains("自分の記録を見ることだけ"), "{said}");
    assert!(
        said.contains("受付 さくら") && page.contains("停電&lt;のため&gt;") && said.contains("あと 24 時間以内に"),
        "{page}"
    );
    doors.turned.running_ms.store(22 * HOUR_MS + 1, Ordering::SeqCst);
    assert!(wing.board().contains("あと 2 時間以内に"));
    let english = crate::pages::desk::bare(&wing.get("/staff/access?lang=en").text());
    assert!(english.contains("受付 さくら of the staff") && english.contains("within 2 hours"), "{english}");

    let ended = wing.post("/staff/access/end", &[("csrf", &csrf)]);
    assert_eq!((ended.status, &ended.location[..]), (303, "/staff/access?done=ended"));
    assert!(doors.ladder.declared().is_none() && wing.board().contains("開いていません"));
    // Nobody opens it for longer than three days.
    declare(&csrf, "9000");
    assert!(crate::pages::desk::bare(&wing.get("/staff/access?lang=ja").text()).contains("あと 72 時間以内に"));
}

#[test]
fn only_an_admin_hands_out_the_regions_certificate_and_only_where_nobody_could_change_it() {
    let certificate = region();
    let doors = Doors::new(Some(certificate.clone()));
    let files = ["/staff/trust", "/staff/trust/kusuribako.crt", "/staff/trust/kusuribako.mobileconfig"];
    for rung in [Rung::A, Rung::Within] {
        let wing = doors.signed_in(rung, &doors.admin);
        assert!(wing.get("/staff/access").text().contains("href=\"/staff/trust\""));
        let page = wing.get("/staff/trust?lang=ja");
        let said = page.text();
        assert!(page.status == 200 && said.contains(&authority::shown_fingerprint(&certificate)), "{said}");
        assert!(
            said.contains("example.test") && said.contains("患者さんの電話には入れません") && !said.contains("<script"),
            "{said}"
        );
        for file in &files[1..] {
            assert!(said.contains(&format!("href=\"{file}\"")), "{file}");
        }
        let plain = wing.get(files[1]);
        assert_eq!((plain.status, &plain.kind[..]), (200, "application/x-x509-ca-cert"));
        assert_eq!(plain.body, certificate);
        let profile = wing.get(files[2]);
        assert_eq!((profile.status, &profile.kind[..]), (200, "application/x-apple-aspen-config"));
        assert!(profile.text().contains(&BASE64.encode(&certificate)) && profile.text().contains(crate::pages::node::CLINIC));
        assert_eq!(wing.get("/staff/trust/authority.crt").status, 404);
    }
    for role in [Role::Reader, Role::Pharmacist] {
        let badge = doors.add("ほかの 人", role);
        let wing = doors.signed_in(Rung::A, &badge);
        let board = wing.get("/staff/access");
        assert!(board.status == 200 && !board.text().contains("/staff/trust"), "what one may not is not offered");
        for file in files {
            assert_eq!(wing.get(file).status, 403, "{role:?} {file}");
        }
    }
    let by_authority = doors.signed_in(Rung::B, &doors.admin);
    for file in files {
        assert_eq!(by_authority.get(file).status, 403, "over B it would vouch for itself: {file}");
        let stranger = doors.by(Rung::A).get(file);
        assert_eq!((stranger.status, &stranger.location[..]), (303, "/staff"), "{file}");
        assert_eq!(doors.by(Rung::C).get(file).status, 403, "{file}");
    }
}

#[test]
fn where_the_region_has_no_authority_the_page_says_who_makes_one() {
    let doors = Doors::new(None);
    let wing = doors.signed_in(Rung::A, &doors.admin);
    let page = wing.get("/staff/trust?lang=ja");
    assert!(page.status == 200 && page.text().contains("まだ認証局がありません"), "{}", page.text());
    assert_eq!(wing.get("/staff/trust/kusuribako.crt").status, 404);
    assert_eq!(wing.get("/staff/trust/kusuribako.mobileconfig").status, 404);
}
