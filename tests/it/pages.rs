//! The patients' pages over HTTP: what is refused and how, what every page carries, and that no fact is written twice.

pub mod desk;
mod floods;
pub mod node;
mod staff;
mod stranger;

use kusuribako::clinic::cards::Reason;
use kusuribako::formats::qr::{self, Correction};
use kusuribako::record::Content;
use node::{CLINIC, NOW_MS, Node, PATIENT};
use std::time::Duration;

/// Every page of a record that has an address of its own.
const RECORD_PAGES: [&str; 16] = [
    "/record",
    "/record/history",
    "/record/visit/01010101010101010101010101010101",
    "/record/notes",
    "/record/conceal/01010101010101010101010101010101",
    "/record/looks",
    "/record/qr",
    "/record/qr/codes",
    "/record/save",
    "/record/save/picture",
    "/record/print",
    "/record/print/list",
    "/record/print/sheet",
    "/record/print/receipt",
    "/record/print/receipt?width=58",
    "/record/print/wallet",
];

#[test]
fn every_page_of_a_record_says_whose_it_is_where_and_as_of_when() {
    let node = Node::start();
    let mut reader = node.reader();
    for (lang, birth, time) in
        [("ja", "1945年5月3日（昭和20年）", "2026年11月22日 10:35"), ("en", "3 May 1945 (Shōwa 20)", "22 November 2026, 10:35")]
    {
        reader.get(&format!("/?lang={lang}"));
        for path in RECORD_PAGES {
            let page = reader.get(path);
            assert_eq!(page.status, 200, "{path}");
            for must in ["見本 &lt;花子&gt;", birth, CLINIC, time] {
                assert!(page.text.contains(must), "{path} in {lang} lacks {must}");
            }
            assert!(!page.text.contains(PATIENT) && !page.text.contains("<b>水"), "{path} does not escape");
            assert!(page.text.contains("もらった薬は") || page.text.contains("may be missing"), "{path}");
        }
    }
}

#[test]
fn the_picture_is_a_dated_file_of_its_own() {
    let node = Node::start();
    let picture = node.reader().get("/record/save/picture.svg?download=yes");
    assert_eq!(picture.header("content-disposition"), Some("attachment; filename=\"okusuri-2026-11-22.svg\""));
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    for must in
        ["見本 &lt;花子&gt; さん", "1945年5月3日", "2026年11月22日 10:35", "見本錠&lt;１０ｍｇ&gt;", "ペニシリンで&lt;発疹&gt;"]
    {
        assert!(picture.text.contains(must), "{must}");
    }
}

#[test]
fn the_record_shows_the_days_amount_as_such_and_the_allergy_first() {
    let node = Node::start();
    let page = node.reader().get("/record");
    let at = |what: &str| page.text.find(what).unwrap_or_else(|| panic!("no {what}: {}", page.text));
    assert!(at("ペニシリンで&lt;発疹&gt;") < at("見本錠&lt;１０ｍｇ&gt;"));
    assert!(page.text.contains("1日 <b>6<span lang=\"ja\">錠</span></b>を 3回に分けて"));
    assert!(page.text.contains("1回 <b>2<span lang=\"ja\">錠</span></b>"));
    assert!(page.text.contains("【分３ 毎食後】") && page.text.contains("血圧を下げる薬"));
    assert!(page.text.contains("12月3日（木） まで（きょうのほかに、あと 11 日分）"), "{}", page.text);
}

#[test]
fn every_answer_carries_the_headers_and_only_assets_are_kept() {
    let node = Node::start();
    let mut reader = node.reader();
    for path in ["/", "/record", "/no/such/page", "/c/ABC", "/lost-pin", "/assets/style.css"] {
        let page = reader.get(path);
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'; script-src 'self'"), "{path}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{path}");
        let kept = if path.starts_with("/assets") { "public, max-age=604800" } else { "no-store" };
        assert_eq!(page.header("cache-control"), Some(kept), "{path}");
    }
}

#[test]
fn pages_ask_for_nothing_from_elsewhere() {
    let node = Node::start();
    let mut reader = node.reader();
    for path in RECORD_PAGES.into_iter().chain(["/", "/lost-pin"]) {
        let text = reader.get(path).text.replace("http://www.w3.org/2000/svg", "");
        assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("src=\"//"), "{path}");
        assert!(!text.contains("style=\"") && !text.contains("onclick"), "{path}: the policy would forbid it");
    }
}

#[test]
fn the_visit_stays_light() {
    let node = Node::start();
    let mut reader = node.reader();
    reader.headers.push(("Accept-Encoding", "gzip".to_owned()));
    let mut length = |path: &str| {
        let page = reader.get(path);
        assert_eq!(page.header("content-encoding"), Some("gzip"), "{path}");
        page.text.len()
    };
    // Lossy text counts broken bytes threefold: an upper bound.
    let style = length("/assets/style.css");
    for lang in ["ja", "ja-easy", "en", "zh", "ko", "vi", "pt"] {
        let whole = length(&format!("/?lang={lang}")) + style;
        assert!(whole < 14 * 1024, "{lang}: {whole} bytes");
    }
    assert!(length("/record") + style < 14 * 1024);
}

#[test]
fn only_known_names_are_answered_to() {
    let node = Node::start();
    let mut visitor = node.visitor();
    let port = node.address.port();
    for good in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("EXAMPLE.test:{port}")] {
        visitor.host = good;
        assert_eq!(visitor.get("/").status, 200, "{}", visitor.host);
    }
    for bad in
        ["evil.test".to_owned(), format!("evil.test:{port}"), "127.0.0.1".to_owned(), "example.test".to_owned(), String::new()]
    {
        visitor.host = bad;
        let page = visitor.get("/");
        assert_eq!(page.status, 421, "{:?}", visitor.host);
        assert!(page.text.contains("この住所では開けません"));
    }
}

#[test]
fn forms_of_other_sites_are_refused() {
    let node = Node::start();
    let card = [("code", node.code.as_str()), ("pin", node.pin.as_str())];
    let own = format!("http://{}", node.address);
    let cases = [
        (vec![("Sec-Fetch-Site", "cross-site".to_owned())], 403),
        (vec![("Sec-Fetch-Site", "same-site".to_owned())], 403),
        (vec![("Origin", "http://evil.test".to_owned())], 403),
        (vec![("Origin", own.replace("http:", "https:"))], 403),
        (vec![("Origin", "null".to_owned()), ("Sec-Fetch-Site", "cross-site".to_owned())], 403),
        (vec![("Origin", "null".to_owned()), ("Sec-Fetch-Site", "same-origin".to_owned())], 303),
        (vec![("Origin", own)], 303),
        (vec![], 303),
    ];
    for (headers, status) in cases {
        let mut visitor = node.visitor();
        visitor.headers = headers;
        assert_eq!(visitor.post("/open", &card).status, status, "{:?}", visitor.headers);
    }
}

#[test]
fn a_form_without_the_sessions_token_changes_nothing() {
    let node = Node::start();
    let (mut reader, mut other) = (node.reader(), node.reader());
    let notes = reader.get("/record/notes");
    let foreign = other.get("/record").csrf();
    let fact = notes.field("fact");
    let own = |csrf: &str| {
        [("csrf", csrf.to_owned()), ("fact", fact.clone()), ("on", "2026-11-22".into()), ("text", "untold".into())]
    };
    for csrf in ["", "0000", foreign.as_str()] {
        let fields = own(csrf);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(reader.post("/record/notes/own", &fields).status, 403);
        assert_eq!(reader.post("/finish", &[("csrf", csrf)]).status, 403);
        assert_eq!(
            reader
                .post(
                    "/record/conceal/01010101010101010101010101010101",
                    &[("csrf", csrf), ("fact", &fact), ("concealed", "true")]
                )
                .status,
            403
        );
    }
    assert!(!reader.get("/record/notes").text.contains("untold"));
    assert_eq!(reader.get("/record").status, 200, "nothing ended the session");
}

#[test]
fn a_session_ends_by_itself_and_says_so() {
    let node = Node::start();
    let mut reader = node.reader();
    node.clock.advance(Duration::from_secs(9 * 60));
    assert_eq!(reader.get("/record").status, 200);
    node.clock.advance(Duration::from_secs(10 * 60));
    let over = reader.get("/record");
    assert_eq!(over.status, 403);
    assert!(over.text.contains("時間がたったので閉じました") && !over.text.contains("花子"));
}

#[test]
fn even_a_session_in_use_ends_after_half_an_hour() {
    let node = Node::start();
    let mut reader = node.reader();
    for _ in 0..5 {
        node.clock.advance(Duration::from_secs(5 * 60));
        assert_eq!(reader.get("/record").status, 200);
    }
    node.clock.advance(Duration::from_secs(5 * 60));
    assert_eq!(reader.get("/record").status, 403);
}

#[test]
fn finishing_closes_the_record_for_whoever_has_the_cookie() {
    let node = Node::start();
    let mut reader = node.reader();
    let cookies = reader.cookies.clone();
    let csrf = reader.get("/record").csrf();
    let done = reader.post("/finish", &[("csrf", &csrf)]);
    assert_eq!((done.status, done.header("location")), (303, Some("/?done=finished")));
    assert!(reader.get("/?done=finished").text.contains("記録を閉じました"));
    assert_eq!(reader.get("/record").header("location"), Some("/"), "no cookie is left");
    reader.cookies = cookies;
    assert_eq!(reader.get("/record").status, 403, "and the old one is worth nothing");
}

#[test]
fn nothing_is_shown_before_the_person_said_it_is_theirs() {
    let node = Node::start();
    let mut visitor = node.visitor();
    visitor.post("/open", &[("code", &node.code), ("pin", &node.pin)]);
    for path in RECORD_PAGES {
        let page = visitor.get(path);
        assert_eq!((page.status, page.header("location")), (303, Some("/you")), "{path}");
    }
    let csrf = visitor.get("/you").csrf();
    let no = visitor.post("/you", &[("csrf", &csrf), ("answer", "no")]);
    assert_eq!(no.header("location"), Some("/?done=not-you"));
    assert_eq!(visitor.get("/you").header("location"), Some("/"));
}

#[test]
fn the_session_cookie_is_out_of_reach() {
    let node = Node::start();
    let opened = node.visitor().post("/open", &[("code", &node.code), ("pin", &node.pin)]);
    let cookie = opened.header("set-cookie").unwrap();
    assert!(cookie.starts_with("kusuribako_local=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    assert!(!cookie.contains("Domain") && !cookie.contains(&node.code));
    assert_eq!(cookie.split(['=', ';']).nth(1).unwrap().len(), 64);
}

#[test]
fn over_tls_the_cookie_is_for_tls_only() {
    let node = Node::start_tls();
    let mut visitor = node.visitor();
    let opened = visitor.post("/open", &[("code", &node.code), ("pin", &node.pin)]);
    let cookie = opened.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-kusuribako=") && cookie.ends_with("; Secure") && cookie.contains("Path=/;"), "{cookie}");
    let csrf = visitor.get("/you").csrf();
    assert_eq!(visitor.post("/you", &[("csrf", &csrf), ("answer", "yes")]).header("location"), Some("/record"));
    assert_eq!(visitor.get("/record").status, 200);
    // The value of a cookie that came over TLS, sent under the name of the other kind.
    let token = visitor.cookies.remove("__Host-kusuribako").unwrap();
    visitor.cookies.insert("kusuribako_local".to_owned(), token);
    assert_eq!(visitor.get("/record").header("location"), Some("/"));
}

#[test]
fn the_code_is_taken_typed_pasted_and_as_an_address() {
    let node = Node::start();
    let spaced: String = node.code.to_lowercase().chars().map(|c| format!("{c} ")).collect();
    let address = format!("http://kusuri.internal/c/{}", node.code);
    let wide_pin: String = node.pin.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
    for code in [&node.code, &spaced, &address] {
        let opened = node.visitor().post("/open", &[("code", code), ("pin", &wide_pin)]);
        assert_eq!(opened.status, 303, "{code}: {}", opened.text);
    }
    let camera = node.visitor().get(&format!("/c/{}", node.code));
    assert_eq!((camera.status, camera.field("code")), (200, node.code.clone()));
    let two_steps = node.visitor().post("/open", &[("code", &node.code)]);
    assert_eq!((two_steps.status, two_steps.field("code")), (200, node.code.clone()));
}

#[test]
fn each_refused_card_has_a_calm_page() {
    let node = Node::start();
    let mut wrong = node.code.clone();
    let last = if wrong.ends_with('0') { '1' } else { '0' };
    wrong.pop();
    wrong.push(last);
    let mistyped = node.visitor().post("/open", &[("code", &wrong), ("pin", "123456")]);
    assert_eq!(mistyped.status, 422);
    assert!(mistyped.text.contains("カードの番号を確かめて") && mistyped.text.contains(&wrong), "it can be mended");
    let format = node.visitor().post("/open", &[("code", &node.code), ("pin", "12345")]);
    assert!(format.status == 422 && format.text.contains("6けたの数字です"));

    let other = if node.pin == "000000" { "111111" } else { "000000" };
    for left in (1..5).rev() {
        let page = node.visitor().post("/open", &[("code", &node.code), ("pin", other)]);
        assert_eq!(page.status, 403);
        assert!(page.text.contains(&format!("あと {left} 回")), "{}", page.text);
    }
    node.visitor().post("/open", &[("code", &node.code), ("pin", other)]);
    let locked = node.visitor().post("/open", &[("code", &node.code), ("pin", &node.pin)]);
    assert_eq!(locked.status, 429);
    assert!(locked.text.contains("しばらくお待ちください") && locked.text.contains("15 分"), "{}", locked.text);
    assert!(locked.header("retry-after").is_some());
    node.clock.advance(Duration::from_secs(15 * 60 + 1));
    assert_eq!(node.visitor().post("/open", &[("code", &node.code), ("pin", &node.pin)]).status, 303);

    let card = node.clinic.cards(None).unwrap().remove(0);
    node.clinic.revoke_card(card.opener, Reason::Lost).unwrap();
    let revoked = node.visitor().post("/open", &[("code", &node.code), ("pin", &node.pin)]);
    assert!(revoked.status == 403 && revoked.text.contains("使えなくなっています"), "{}", revoked.text);
}

#[test]
fn an_unknown_card_and_its_pin_reveal_nothing() {
    let (node, elsewhere) = (Node::start(), Node::start());
    let page = |pin: &str| node.visitor().post("/open", &[("code", &elsewhere.code), ("pin", pin)]);
    let (one, two) = (page("000000"), page(&elsewhere.pin));
    assert_eq!((one.status, &one.text), (403, &two.text));
    assert!(one.text.contains("このカードでは開けませんでした"));
}

#[test]
fn a_photo_of_the_card_leads_to_the_pin_and_anything_else_to_a_calm_page() {
    let node = Node::start();
    let address = format!("http://kusuri.internal/c/{}", node.code);
    let photo = qr::png(address.as_bytes(), Correction::Medium).unwrap();
    let page = node.visitor().post_photo(&photo);
    assert_eq!((page.status, page.field("code")), (200, node.code.clone()), "{}", page.text);
    for bad in [b"not a picture".to_vec(), qr::png(b"https://example.test/", Correction::Medium).unwrap()] {
        let page = node.visitor().post_photo(&bad);
        assert_eq!(page.status, 422);
        assert!(page.text.contains("写真からカードを読み取れませんでした"));
    }
    let large = node.visitor().post_photo(&vec![0; 9 * 1024 * 1024]);
    assert_eq!(large.status, 413);
}

#[test]
fn forms_have_a_size() {
    let node = Node::start();
    let page = node.visitor().post("/open", &[("code", &"A".repeat(70_000)), ("pin", "123456")]);
    assert_eq!(page.status, 413);
    assert!(page.text.contains("送られたものが大きすぎます"));
    assert_eq!(node.visitor().post("/open", &[("pin", "123456")]).status, 400);
}

#[test]
fn a_double_click_writes_one_fact_and_another_text_is_not_swallowed() {
    let node = Node::start();
    let mut reader = node.reader();
    let notes = reader.get("/record/notes");
    let (csrf, fact) = (notes.csrf(), notes.field("fact"));
    let mut say = |text: &str| {
        reader.post("/record/notes/own", &[("csrf", &csrf), ("fact", &fact), ("on", "2026-11-22"), ("text", text)])
    };
    assert_eq!(say("めまいがした\r\n二行目").status, 303);
    assert_eq!(say("めまいがした\r\n二行目").status, 303);
    let other = say("別のこと");
    assert_eq!(other.status, 422);
    assert!(
        other.text.contains("もう記録してあります") && other.text.contains(">別のこと</textarea>"),
        "it need not be typed again"
    );
    assert_ne!(other.field("fact"), fact, "the new form is a new fact");
    assert_eq!(reader.get("/record/notes?saved=yes").text.matches("めまいがした\n二行目").count(), 1);
    let subject = node.clinic.patients().unwrap()[0].subject;
    let facts = node.clinic.chart_at_home(subject).unwrap().facts;
    assert_eq!(facts.iter().filter(|f| matches!(f.content, Content::OwnEntry(_))).count(), 1);
}

#[test]
fn an_otc_drug_is_added_with_its_days() {
    let node = Node::start();
    let mut reader = node.reader();
    let notes = reader.get("/record/notes");
    let csrf = notes.csrf();
    let fact = notes.text.rsplit_once("name=\"fact\" value=\"").unwrap().1[..32].to_owned();
    let mut add = |name: &str, start: &str| {
        let fields =
            [("csrf", csrf.as_str()), ("fact", &fact), ("name", name), ("start", start), ("end", ""), ("jan", "4900000000000")];
        reader.post("/record/notes/otc", &fields)
    };
    assert_eq!(add("", "2026-11-01").status, 422);
    assert_eq!(add("かぜ薬<A>", "きのう").status, 422);
    assert_eq!(add("かぜ薬<A>", "2026-11-01").status, 303);
    for path in ["/record", "/record/notes", "/record/print/list"] {
        assert!(reader.get(path).text.contains("かぜ薬&lt;A&gt;"), "{path}");
    }
}

#[test]
fn what_is_concealed_stays_the_patients_own_and_leaves_what_is_shared() {
    let node = Node::start();
    let mut reader = node.reader();
    let path = "/record/conceal/01010101010101010101010101010101";
    let drug = "見本錠&lt;１０ｍｇ&gt;";
    let turn = |reader: &mut node::Visitor, to: &str| {
        let form = reader.get(path);
        let (csrf, fact) = (form.csrf(), form.field("fact"));
        for _ in 0..2 {
            let done = reader.post(path, &[("csrf", &csrf), ("fact", &fact), ("concealed", to)]);
            assert_eq!(done.status, 303, "{}", done.text);
        }
    };
    turn(&mut reader, "true");
    assert!(reader.get("/record").text.contains(drug), "the patient sees it");
    assert!(reader.get("/record").text.contains("ほかの人には見せていません"));
    for shared in ["/record/print/list", "/record/print/wallet", "/record/save/picture.svg"] {
        let page = reader.get(shared);
        assert!(!page.text.contains(drug) && page.text.contains("見せない記録 1 件は、入れていません"), "{shared}");
        let with = reader.get(&format!("{shared}?hidden=in"));
        assert!(with.text.contains(drug) && with.text.contains("1 件も、入っています"), "{shared}");
    }
    turn(&mut reader, "false");
    assert!(reader.get("/record/print/list").text.contains(drug));
    assert_eq!(reader.get("/record/conceal/02020202020202020202020202020202").status, 404, "an allergy has no such switch");
}

#[test]
fn the_language_is_the_browsers_at_first_and_then_the_chosen_one() {
    let node = Node::start();
    let mut visitor = node.visitor();
    assert!(visitor.get("/").text.contains("<html lang=\"ja\">"));
    visitor.headers.push(("Accept-Language", "en-GB,en;q=0.9".to_owned()));
    assert!(visitor.get("/").text.contains("Card number"));
    let easy = visitor.get("/?lang=ja-easy");
    assert!(easy.text.contains("<ruby>番号<rt>ばんごう</rt></ruby>"));
    assert!(easy.header("set-cookie").unwrap().starts_with("lang=ja-easy;"));
    assert!(visitor.get("/lost-pin").text.contains("<ruby>"), "it is remembered");
    assert!(visitor.get("/?lang=xx").text.contains("<ruby>"), "an unknown one changes nothing");
}

#[test]
fn with_a_wrong_clock_no_days_are_counted() {
    let node = Node::start();
    let mut reader = node.reader();
    node.clock.set(NOW_MS - 900 * 24 * 3600 * 1000);
    let page = reader.get("/record");
    assert!(page.text.contains("時計は、合っていないかもしれません"), "{}", page.text);
    assert!(!page.text.contains("日分）") && page.text.contains("2026年12月3日"));
}

#[test]
fn unknown_pages_and_ways_are_calm() {
    let node = Node::start();
    let mut reader = node.reader();
    for path in [
        "/nothing",
        "/record/print/poster",
        "/record/visit/zz",
        "/record/conceal/ffffffffffffffffffffffffffffffff",
        "/assets/../x",
    ] {
        let page = reader.get(path);
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text.contains("このページはありません"), "{path}");
    }
    let page = reader.get("/open");
    assert!(page.status == 405 && page.text.contains("このページはありません"));
    assert_eq!(node.visitor().get("/record").header("location"), Some("/"));
}
