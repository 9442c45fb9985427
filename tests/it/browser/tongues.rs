//! Languages in a browser: readings above every character of plain Japanese, made-up languages that are longer or run the other way, and the
//! sheet for the wall in all of them.

use super::checks::{accessibility, faults, keep_picture, picture_path, too_small};
use super::clinic::Demo;
use super::driver::{Browser, NARROW, PHONE, Screen, walk};
use super::{open_record, pages_of_the_record};
use fantoccini::wd::{PrintConfiguration, PrintConfigurationBuilder, PrintMargins, PrintSize};
use kusuribako::formats::qr::read_picture;
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// Characters without a reading, outside of what is shown as it was written: with the text around them. A drawing has no place for readings; the words
/// beside it have them.
const WITHOUT_READING: &str = r"
    const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode, holder = node.parentElement;
        const isAsWritten = holder.closest('[lang]') !== document.documentElement || holder.closest('svg');
        if (/\p{Script=Han}/u.test(node.data) && !isAsWritten && !holder.closest('ruby')) found.push(node.data.trim());
    }
    return found;";

#[test]
fn plain_japanese_has_a_reading_above_every_character() {
    let demo = Demo::start();
    walk("plain_japanese_has_a_reading_above_every_character", PHONE, async |browser| {
        let mut bare = Vec::new();
        let mut look = async |path: &str| {
            let found = browser.evaluate(WITHOUT_READING, vec![]).await;
            bare.extend(found.as_array().unwrap().iter().map(|text| format!("{path}: {text}")));
            assert_eq!(browser.evaluate("return document.body.className", vec![]).await, json!("ja-easy"), "{path}");
        };
        for path in ["/?lang=ja-easy", "/lost-pin", "/nowhere"] {
            browser.go(&demo.url(path)).await;
            look(path).await;
        }
        open_record(browser, &demo, &demo.card(0)).await;
        pages_of_the_record(browser, &demo, async |path| {
            if !path.starts_with("/record/print/") {
                look(path).await;
            }
        })
        .await;
        assert!(bare.is_empty(), "{}", bare.join("\n"));
        // The check can fail.
        browser.evaluate("document.querySelector('h1').textContent = '薬'", vec![]).await;
        assert_eq!(browser.evaluate(WITHOUT_READING, vec![]).await, json!(["薬"]));
    });
}

/// Every string of the page's language half as long again and more, in words without any place to break.
const LONGER: &str = r"
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    for (const node of nodes) {
        if (node.parentElement.closest('[lang]') !== document.documentElement) continue;
        node.data = node.data.replace(/\p{L}+/gu, word => word + word.slice(0, Math.ceil(word.length * 0.6)))
            .replace(/(\p{L}+) (\p{L}+)/gu, '$1$2');
    }";

/// A script that runs from right to left, with its marks mirrored.
const MIRRORED: &str = r"
    const mirror = { '(': ')', ')': '(', '“': '”', '”': '“', '→': '←', ',': '،', '?': '؟' };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    document.documentElement.dir = 'rtl';
    for (const node of nodes) {
        if (node.parentElement.closest('[lang]') !== document.documentElement) continue;
        node.data = node.data.replace(/\p{L}/gu, letter => String.fromCharCode(0x5d0 + letter.charCodeAt(0) % 27))
            .replace(/[()“”→,?]/gu, mark => mirror[mark]);
    }";

/// What sticks out on either side, and what is cut off.
const OUTSIDE: &str = r"
    const width = document.documentElement.clientWidth, found = [];
    const shown = e => { const r = e.getBoundingClientRect(); return r.width > 1 && r.height > 1 && r.bottom > 0; };
    if (!document.body.matches('.paper')) {
        for (const e of document.body.querySelectorAll('*')) {
            const r = e.getBoundingClientRect();
            if (shown(e) && (r.right > width + 1 || r.left < -1)) found.push('outside: ' + e.outerHTML.slice(0, 120));
        }
        if (document.documentElement.scrollWidth > width) found.push('scrolls sideways: ' + document.documentElement.scrollWidth);
    }
    for (const e of document.body.querySelectorAll('a, button, p, li, dd, dt, h1, h2, h3, td, th, label, summary')) {
        const style = getComputedStyle(e);
        const isCut = e.scrollWidth > e.clientWidth + 1 && style.display !== 'inline' && style.overflowX !== 'visible';
        if (shown(e) && isCut) found.push('cut: ' + e.outerHTML.slice(0, 120));
    }
    return found;";

async fn is_laid_out(browser: &Browser, path: &str, change: &str, wrong: &mut Vec<String>) {
    browser.evaluate(change, vec![]).await;
    let outside = browser.evaluate(OUTSIDE, vec![]).await;
    wrong.extend(outside.as_array().unwrap().iter().map(|what| format!("{path} {what}")));
    wrong.extend(too_small(browser).await.into_iter().map(|what| format!("{path} {what}")));
}

fn made_up_languages_fit(test: &str, screen: Screen) {
    let demo = Demo::start();
    walk(test, screen, async |browser| {
        let mut wrong = Vec::new();
        for (name, change) in [("longer", LONGER), ("mirrored", MIRRORED)] {
            for path in ["/?lang=en", "/lost-pin", &format!("/c/{}", demo.card(0).code.replace(['-', ' '], ""))] {
                browser.go(&demo.url(path)).await;
                is_laid_out(browser, path, change, &mut wrong).await;
                keep_picture(browser, &format!("{name}-{}{}", screen.width, path.replace(['/', '?', '='], "-"))).await;
            }
            open_record(browser, &demo, &demo.card(0)).await;
            pages_of_the_record(browser, &demo, async |path| {
                is_laid_out(browser, path, change, &mut wrong).await;
                if path == "/record" {
                    keep_picture(browser, &format!("{name}-{}-record", screen.width)).await;
                }
            })
            .await;
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn longer_and_mirrored_languages_fit_a_phone() {
    made_up_languages_fit("longer_and_mirrored_languages_fit_a_phone", PHONE);
}

#[test]
fn longer_and_mirrored_languages_fit_a_narrow_screen() {
    made_up_languages_fit("longer_and_mirrored_languages_fit_a_narrow_screen", NARROW);
}

#[test]
fn what_sticks_out_or_is_cut_is_found_and_marks_change_sides() {
    walk("what_sticks_out_or_is_cut_is_found_and_marks_change_sides", PHONE, async |browser| {
        let page = "<!DOCTYPE html><html lang=en><meta name=viewport content='width=device-width'><body>\
            <p style='width:30px;overflow:hidden;white-space:nowrap'>long enough</p><div dir=rtl><p style='width:900px'>wide</p></div>";
        browser.go(&format!("data:text/html,{page}")).await;
        let found = browser.evaluate(OUTSIDE, vec![]).await.to_string();
        assert!(found.contains("cut: ") && found.contains("outside: "), "{found}");
        let demo = Demo::start();
        browser.go(&demo.url("/c/AAAA?lang=en")).await;
        let bars =
            "const s = getComputedStyle(document.querySelector('.alert')); return [s.borderLeftWidth, s.borderRightWidth]";
        let before = browser.evaluate(bars, vec![]).await;
        browser.evaluate(MIRRORED, vec![]).await;
        let after = browser.evaluate(bars, vec![]).await;
        assert!(before[0] != json!("0px") && before[1] == json!("0px"), "{before}");
        assert_eq!((&after[0], &after[1]), (&before[1], &before[0]), "what marks a warning stands where a line begins");
    });
}

const LANGUAGES: &str = "ja,en,zh,ko,vi,pt,ja-easy";
const ADDRESS: &str = "http://192.0.2.10/";

/// Prints what is shown on A4, without margins of the browser's own.
pub(super) async fn printed(browser: &Browser, name: &str) -> std::path::PathBuf {
    let none = PrintMargins { top: 0.0, bottom: 0.0, left: 0.0, right: 0.0 };
    let paper: PrintConfiguration = PrintConfigurationBuilder::default().size(PrintSize::A4).margins(none).build().unwrap();
    let file = picture_path(&format!("{name}.pdf"));
    std::fs::write(&file, browser.client().print(paper).await.unwrap()).unwrap();
    file
}

/// What the codes on a printed page say, as a camera reads them.
pub(super) fn codes_on(paper: &Path) -> Vec<String> {
    let picture = paper.with_extension("");
    let drawn = Command::new("pdftoppm").args(["-r", "150", "-png", "-singlefile"]).arg(paper).arg(&picture).status();
    assert!(drawn.unwrap().success());
    let found = read_picture(&std::fs::read(picture.with_extension("png")).unwrap()).unwrap();
    let mut texts: Vec<String> = found.into_iter().map(|symbol| String::from_utf8(symbol.bytes).unwrap()).collect();
    texts.sort_unstable();
    texts
}

#[test]
fn the_poster_is_one_page_whose_codes_can_be_read() {
    walk("the_poster_is_one_page_whose_codes_can_be_read", PHONE, async |browser| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("poster.html");
        let made = Command::new(env!("CARGO_BIN_EXE_kusuribako"))
            .args(["poster", "--clinic", "見本診療所", "--wifi-name", "Sakura;Guest", "--wifi-password", "yoake:2026"])
            .args(["--address", "192.0.2.10", "--name", "kusuri.example", "--languages", LANGUAGES, "--out"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        browser.go(&format!("file://{}", file.display())).await;
        keep_picture(browser, "poster").await;
        if let Some(findings) = accessibility(browser).await {
            let of_contents: Vec<_> =
                findings.iter().filter(|f| !f.starts_with("landmark") && !f.starts_with("region")).collect();
            assert!(of_contents.iter().all(|f| f.starts_with("page-has-heading-one")), "{of_contents:?}");
        }
        let paper = printed(browser, "poster-printed").await;
        let tool = |name: &str, args: &[&str]| Command::new(name).args(args).arg(&paper).output();
        let Ok(about) = tool("pdfinfo", &[]) else {
            assert!(std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(), "pdfinfo is not installed");
            return println!("the printed poster skipped: poppler-utils is not installed");
        };
        let about = String::from_utf8(about.stdout).unwrap();
        assert!(about.lines().any(|line| line.starts_with("Pages:") && line.ends_with(" 1")), "{about}");
        let words = Command::new("pdftotext").arg(&paper).arg("-").output().unwrap();
        let words: String = String::from_utf8(words.stdout).unwrap().split_whitespace().collect();
        for must in
            ["見本診療所", "kusuri.example", "Sakura;Guest", "スマートフォンで", "用手机查看", "스마트폰", "Xem", "registro"]
        {
            assert!(words.contains(must), "{must}: {words}");
        }
        assert_eq!(codes_on(&paper), [r"WIFI:T:WPA;S:Sakura\;Guest;P:yoake\:2026;;", ADDRESS]);
    });
}

#[test]
fn staff_make_the_poster_and_find_the_words_phones_say() {
    let demo = Demo::start();
    walk("staff_make_the_poster_and_find_the_words_phones_say", PHONE, async |browser| {
        super::staff::sign_in(browser, &demo).await;
        let mut wrong = Vec::new();
        for lang in ["ja", "en"] {
            browser.go(&demo.url(&format!("/staff/connect?lang={lang}"))).await;
            wrong.extend(faults(browser).await);
            keep_picture(browser, &format!("connect-{lang}")).await;
            browser.go(&demo.url("/staff/poster")).await;
            wrong.extend(faults(browser).await);
            keep_picture(browser, &format!("poster-form-{lang}")).await;
        }
        browser.fill("#wifi", "Sakura").await;
        browser.fill("#password", "short").await;
        browser.fill("#address", "192.0.2.10").await;
        browser.follow("form[action='/staff/poster'] button").await;
        assert!(browser.text().await.contains("8 to 63"), "what is wrong is said");
        wrong.extend(faults(browser).await);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        browser.fill("#password", "yoake:2026").await;
        browser.follow("form[action='/staff/poster'] button").await;
        let words = browser.client().find(fantoccini::Locator::Css("svg")).await.unwrap().text().await.unwrap();
        assert!(words.contains("Sakura") && words.contains(ADDRESS), "{words}");
        let paper = printed(browser, "poster-of-staff").await;
        let about = Command::new("pdfinfo").arg(paper).output();
        let pages = about.map(|out| String::from_utf8(out.stdout).unwrap());
        assert!(pages.is_err() || pages.unwrap().lines().any(|line| line.starts_with("Pages:") && line.ends_with(" 1")));
    });
}
