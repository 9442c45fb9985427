//! Staff's pages over HTTP: who gets in, for how long, over which connections; and what staff decide there.

use super::node::{Answer, Node, Visitor};
use crate::pages::stranger;
use axum::body::Body;
use axum::http::{Method, Request};
use kusuribako::clinic::intake::NewFact;
use kusuribako::record::review::Standing;
use kusuribako::record::{
    Channel, Content, DateText, FactId, Looker, Memo, Note, NoteKind, OWN_CLINIC, Origin, Source, Subject,
};
use kusuribako::seal::badge::Passphrase;
use kusuribako::web::{self, LocalAddress, Site, session};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

const PASSPHRASE: &str = "いろはにほへとちりぬる";

/// Every route of staff's, with a body where it takes one.
const ROUTES: [(&str, &str); 13] = [
    ("GET", "/staff"),
    ("POST", "/staff/sign-in"),
    ("POST", "/staff/photo"),
    ("POST", "/staff/sign-out"),
    ("GET", "/staff/elsewhere"),
    ("GET", "/staff/elsewhere/{patient}"),
    ("POST", "/staff/elsewhere/{patient}/accept"),
    ("POST", "/staff/elsewhere/{patient}/query"),
    ("POST", "/staff/elsewhere/{patient}/end"),
    ("GET", "/staff/elsewhere/{patient}/export"),
    ("GET", "/staff/connect"),
    ("GET", "/staff/poster"),
    ("POST", "/staff/poster"),
];

/// A served clinic whose first admin has a badge.
struct Desk {
    node: Node,
    badge: String,
    patient: String,
    subject: Subject,
}

impl Desk {
    fn new(node: Node) -> Self {
        let badge = node.clinic.first_admin(Some(Passphrase::chosen(PASSPHRASE).unwrap())).unwrap();
        let subject = node.clinic.patients().unwrap()[0].subject;
        let patient = subject.0.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { badge: badge.code.printed().to_string(), patient, subject, node }
    }

    fn try_in(&self, passphrase: &str) -> (Visitor, Answer) {
        let mut visitor = self.node.visitor();
        let answer = visitor.post("/staff/sign-in", &[("badge", &self.badge), ("passphrase", passphrase)]);
        (visitor, answer)
    }

    fn signed_in(&self) -> Visitor {
        let (visitor, answer) = self.try_in(PASSPHRASE);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/staff")), "{}", answer.text);
        visitor
    }

    fn page(&self) -> String {
        format!("/staff/elsewhere/{}", self.patient)
    }

    /// What another clinic left in the inbox.
    fn with_news(&self) -> [FactId; 2] {
        let source = || Source { origin: Origin::Pharmacy, name: "救護所<A>".to_owned(), channel: Channel::JahisFile };
        let memo = Content::Memo(Memo { text: "避難所で<渡した>".to_owned(), ..Memo::default() });
        let warning = Content::Note(Note {
            kind: NoteKind::Allergy,
            text: "卵<も>".to_owned(),
            none: false,
            on: DateText::default(),
            by: String::new(),
            creator: None,
        });
        let fact = |n: u8, content| NewFact { id: FactId([n; 16]), content, source: source(), digest: None };
        stranger::leaves(&self.node, &[fact(0x71, memo), fact(0x72, warning)]);
        [FactId([0x71; 16]), FactId([0x72; 16])]
    }

    fn standing(&self, fact: FactId) -> Standing {
        let items = self.node.clinic.elsewhere_of(self.subject).unwrap().items;
        items.into_iter().find(|item| item.fact.id == fact).unwrap().standing
    }

    fn staff_looks(&self) -> usize {
        let facts = self.node.clinic.chart_at_home(self.subject).unwrap().facts;
        let by_staff =
            |content: &Content| matches!(content, Content::Look(look) if look.by == Looker::Staff && look.reason == OWN_CLINIC);
        facts.iter().filter(|fact| by_staff(&fact.content)).count()
    }
}

#[test]
fn badge_and_passphrase_lead_to_the_desk_and_nothing_else_does() {
    let desk = Desk::new(Node::start());
    let mut stranger = desk.node.visitor();
    let front = stranger.get("/staff");
    assert!(front.status == 200 && front.text.contains("name=\"passphrase\""), "{}", front.text);
    for path in ["/staff/elsewhere", &desk.page(), &format!("{}/export", desk.page())] {
        let shut = stranger.get(path);
        assert_eq!((shut.status, shut.header("location")), (303, Some("/staff")), "{path}");
    }
    for path in ["accept", "query", "end"] {
        assert_eq!(stranger.post(&format!("{}/{path}", desk.page()), &[("csrf", "")]).status, 403);
    }
    // A patient's session is none of staff's, and the other way round.
    let mut reader = desk.node.reader();
    assert!(reader.get("/staff").text.contains("name=\"passphrase\""));
    assert_eq!(reader.get("/staff/elsewhere").header("location"), Some("/staff"));
    let mut staff = desk.signed_in();
    assert_eq!(staff.get("/record").header("location"), Some("/"));
    let home = staff.get("/staff");
    assert!(home.status == 200 && home.text.contains("まだ見ていない記録はありません"), "{}", home.text);
    assert_eq!(home.header("cache-control"), Some("no-store"));
    assert_eq!(staff.get("/staff/elsewhere/00").status, 404);
    assert_eq!(staff.get(&format!("/staff/elsewhere/{}", "0".repeat(32))).status, 404);
}

#[test]
fn the_desk_speaks_two_languages_and_nothing_on_it_a_third() {
    let desk = Desk::new(Node::start());
    let mut easy = desk.node.visitor();
    let front = easy.get("/staff?lang=ja-easy");
    assert!(front.text.contains("職員証の 28 文字") && !front.text.contains("<ruby>"), "{}", front.text);
    assert!(front.text.contains("?lang=en") && !front.text.contains("?lang=ja-easy"), "{}", front.text);
    let shut = easy.post("/staff/elsewhere/00/accept", &[("csrf", "")]);
    assert!(shut.status == 403 && !shut.text.contains("<ruby>"), "{}", shut.text);
    assert!(easy.get("/").text.contains("<ruby>"), "patients' pages stay in the language that was chosen");
}

#[test]
fn the_whole_sheet_may_be_pasted_and_a_photo_leads_to_the_passphrase() {
    let desk = Desk::new(Node::start());
    let sheet = format!("kusuribako staff badge 1\r\nbadge {}\r\npassphrase {PASSPHRASE}\r\n", desk.badge);
    let answer = desk.node.visitor().post("/staff/sign-in", &[("badge", &sheet), ("passphrase", "")]);
    assert_eq!(answer.status, 303, "{}", answer.text);
    for text in [&desk.badge, &sheet] {
        let photo = kusuribako::formats::qr::png(text.as_bytes(), kusuribako::formats::qr::Correction::Medium).unwrap();
        let read = desk.node.visitor().post_photo_to("/staff/photo", &photo);
        assert!(read.status == 200 && read.text.contains(&desk.badge), "{}", read.text);
        assert!(!read.text.contains(PASSPHRASE), "a passphrase is never sent back");
    }
    assert_eq!(desk.node.visitor().post_photo_to("/staff/photo", b"no picture").status, 422);
}

#[test]
fn guessing_locks_the_badge_and_a_badge_nobody_has_locks_nobody() {
    let desk = Desk::new(Node::start());
    let mistyped = desk.node.visitor().post("/staff/sign-in", &[("badge", "nonsense"), ("passphrase", "x")]);
    assert!(mistyped.status == 422 && mistyped.text.contains("職員証を確かめて"), "{}", mistyped.text);
    let other = Desk::new(Node::start());
    for _ in 0..6 {
        let form = [("badge", other.badge.as_str()), ("passphrase", "まちがい")];
        let unknown = desk.node.visitor().post("/staff/sign-in", &form);
        assert!(unknown.status == 403 && unknown.text.contains("ここの職員証ではありません"), "{}", unknown.text);
    }
    for left in (0..5).rev() {
        let (_, wrong) = desk.try_in("ちがう合言葉です");
        assert!(wrong.status == 403 && wrong.text.contains(&format!("あと {left} 回")), "{}", wrong.text);
        assert!(!wrong.text.contains("ちがう合言葉です"));
    }
    let (_, locked) = desk.try_in(PASSPHRASE);
    assert_eq!(locked.status, 429, "{}", locked.text);
    assert!(locked.header("retry-after").is_some());
    desk.node.clock.advance(Duration::from_secs(15 * 60 + 1));
    desk.signed_in();
}

#[test]
fn a_desk_closes_after_ten_idle_minutes_and_after_eight_hours_and_at_once_when_asked() {
    let desk = Desk::new(Node::start());
    let mut idle = desk.signed_in();
    desk.node.clock.advance(Duration::from_secs(10 * 60));
    let over = idle.get("/staff/elsewhere");
    assert!(over.status == 403 && over.text.contains("時間がたったのでサインアウトしました"), "{}", over.text);

    let mut busy = desk.signed_in();
    for _ in 0..(8 * 60 / 9) {
        desk.node.clock.advance(Duration::from_secs(9 * 60));
        assert_eq!(busy.get("/staff/elsewhere").status, 200);
    }
    desk.node.clock.advance(Duration::from_secs(9 * 60));
    assert_eq!(busy.get("/staff/elsewhere").status, 403, "no session of staff lasts longer than eight hours");

    let mut leaving = desk.signed_in();
    let cookies = leaving.cookies.clone();
    let csrf = leaving.get("/staff").csrf();
    assert_eq!(leaving.post("/staff/sign-out", &[("csrf", "0000")]).status, 403);
    let left = leaving.post("/staff/sign-out", &[("csrf", &csrf)]);
    assert_eq!((left.status, left.header("location")), (303, Some("/staff?done=signed-out")));
    leaving.cookies = cookies;
    assert_eq!(leaving.get("/staff/elsewhere").status, 403, "the old cookie is worth nothing");
}

#[test]
fn the_cookie_is_staffs_own() {
    for (node, name, end) in [
        (Node::start(), "kusuribako_staff_local=", "SameSite=Strict"),
        (Node::start_tls(), "__Host-kusuribako-staff=", "; Secure"),
    ] {
        let desk = Desk::new(node);
        let (_, answer) = desk.try_in(PASSPHRASE);
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with(name) && cookie.ends_with(end) && cookie.contains("HttpOnly"), "{cookie}");
    }
}

#[test]
fn no_route_of_staffs_answers_over_plain_http_off_loopback() {
    let desk = Desk::new(Node::start());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ask = |is_tls: bool, at: &str, method: &str, path: &str| {
        let address: std::net::SocketAddr = at.parse().unwrap();
        let site = Site::new(desk.node.clinic.clone(), Vec::new(), is_tls, session::uptime());
        let mut request = Request::builder().method(Method::try_from(method).unwrap()).uri(path);
        request = request.header("host", at).header("content-type", "application/x-www-form-urlencoded");
        let mut request = request.body(Body::from("csrf=x&badge=x&entry=&text=x&question=x&ending=x")).unwrap();
        request.extensions_mut().insert(LocalAddress(address));
        runtime.block_on(async {
            let answer = web::router(Arc::new(site)).oneshot(request).await.unwrap();
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            (status, String::from_utf8_lossy(&body).into_owned())
        })
    };
    let refused = "職員のページは、ここでは開けません";
    for (method, path) in ROUTES {
        let path = path.replace("{patient}", &desk.patient);
        for open in ["192.168.1.5:8080", "[fe80::1]:8080"] {
            let (status, text) = ask(false, open, method, &path);
            assert!(status == 403 && text.contains(refused), "{method} {path} at {open}: {status} {text}");
            let (_, text) = ask(true, open, method, &path);
            assert!(!text.contains(refused), "{method} {path} over TLS at {open}: {text}");
        }
        for within in ["127.0.0.1:8080", "[::1]:8080"] {
            let (_, text) = ask(false, within, method, &path);
            assert!(!text.contains(refused), "{method} {path} at {within}: {text}");
        }
    }
    assert_eq!(ask(false, "192.168.1.5:8080", "GET", "/").0, 200, "patients' pages are as they were");
}

#[test]
fn what_waits_is_counted_and_the_list_says_nothing_of_what_is_in_the_records() {
    let desk = Desk::new(Node::start());
    desk.with_news();
    let mut staff = desk.signed_in();
    let home = staff.get("/staff");
    assert!(home.text.contains("よそで書かれた記録 2 件（患者 1 人）"), "{}", home.text);
    let list = staff.get("/staff/elsewhere");
    for must in ["見本 &lt;花子&gt;", "新しい：2", "安全にかかわります", &desk.page()] {
        assert!(list.text.contains(must), "{must}: {}", list.text);
    }
    assert!(!list.text.contains("避難所で") && !list.text.contains("卵"));
    assert_eq!(desk.staff_looks(), 0, "nobody has looked at a record");
}

#[test]
fn staff_see_both_sides_and_decide_and_it_is_noted_once_that_they_looked() {
    let desk = Desk::new(Node::start());
    let [memo, warning] = desk.with_news();
    let mut staff = desk.signed_in();
    let page = staff.get(&desk.page());
    assert_eq!(page.status, 200, "{}", page.text);
    let at = |what: &str| page.text.find(what).unwrap_or_else(|| panic!("no {what}: {}", page.text));
    assert!(at("卵&lt;も&gt;") < at("避難所で&lt;渡した&gt;"), "what concerns safety stands first");
    for must in ["ペニシリンで&lt;発疹&gt;", "見本錠&lt;１０ｍｇ&gt;", "受け箱", "この地域で知られていない所", "1945年5月3日"]
    {
        at(must);
    }
    let here = page.text.split_once("id=\"here\"").unwrap().1;
    assert!(!here.contains("卵"), "what is not accepted is no part of what the clinic has");

    let csrf = page.csrf();
    let (memo_id, warning_id) = ("71".repeat(16), "72".repeat(16));
    let query = format!("{}/query", desk.page());
    assert_eq!(staff.post(&query, &[("csrf", "0"), ("entry", &memo_id), ("text", "x")]).status, 403);
    assert_eq!(staff.post(&query, &[("csrf", &csrf), ("entry", &memo_id), ("text", "  ")]).status, 422);
    for _double_click in 0..2 {
        let asked = staff.post(&query, &[("csrf", &csrf), ("entry", &memo_id), ("text", "何日分<ですか>")]);
        assert_eq!(asked.status, 303, "{}", asked.text);
    }
    assert_eq!(desk.standing(memo), Standing::Queried);
    let page = staff.get(&desk.page());
    assert_eq!(page.text.matches("何日分&lt;ですか&gt;").count(), 1, "{}", page.text);
    let shown = desk.node.reader().get("/record/notes").text;
    assert!(shown.contains("何日分&lt;ですか&gt;") && shown.contains("避難所で"), "the patient sees both: {shown}");

    let end = format!("{}/end", desk.page());
    let question = page.field("question");
    let answer = [("csrf", csrf.as_str()), ("question", &question), ("ending", "answered"), ("text", "三日分")];
    assert_eq!(staff.post(&end, &answer).status, 303);
    assert_eq!(desk.standing(memo), Standing::New);
    assert!(staff.get(&desk.page()).text.contains("三日分"));

    let accept = format!("{}/accept", desk.page());
    assert_eq!(staff.post(&accept, &[("csrf", "0"), ("entry", "")]).status, 403);
    assert_eq!(desk.standing(warning), Standing::New);
    assert_eq!(staff.post(&accept, &[("csrf", &csrf), ("entry", &warning_id)]).status, 303);
    assert_eq!((desk.standing(warning), desk.standing(memo)), (Standing::Accepted, Standing::New));
    let here = staff.get(&desk.page()).text.split_once("id=\"here\"").unwrap().1.to_owned();
    assert!(here.contains("卵"), "now it is part of what the clinic has");
    assert_eq!(staff.post(&accept, &[("csrf", &csrf), ("entry", "")]).status, 303);
    assert_eq!(desk.standing(memo), Standing::Accepted);
    assert!(staff.get("/staff").text.contains("まだ見ていない記録はありません"));

    let export = staff.get(&format!("{}/export", desk.page()));
    let name = export.header("content-disposition").unwrap();
    assert_eq!(name, "attachment; filename=\"elsewhere-2026-11-22.csv\"");
    assert!(export.text.starts_with("JAHISTC08,1"), "{}", export.text);
    assert_eq!(staff.get(&format!("{}/export?new=yes", desk.page())).status, 404, "nothing is new");
    assert_eq!(desk.staff_looks(), 1, "once a session");
    assert_eq!(desk.signed_in().get(&desk.page()).status, 200);
    assert_eq!(desk.staff_looks(), 2);
    let looks = desk.node.reader().get("/record/looks").text;
    assert!(
        looks.contains("職員") && looks.contains("かかっている薬局・診療所で"),
        "the patient sees who looked and why: {looks}"
    );
}
