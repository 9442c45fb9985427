//! A phone's own browser from the poster on the wall to the record: on each rung of the ladder, with the internet cut, with the certificate
//! ended, and with the home clinic dead and the card scanned at another.

mod town;

use super::checks::keep_picture;
use super::device::Device;
use super::driver::{Browser, walk_on};
use super::tongues::{codes_on, printed};
use crate::region::DRUG;
use crate::region::clinic::PATIENCE;
use crate::region::lan::{Lan, address};
use crate::wait;
use fantoccini::Locator;
use kusuribako::formats::qr::{self, Correction};
use serde_json::json;
use std::path::{Path, PathBuf};
use town::{HOME, NAMES, OTHER, Town};

const TEST: &str = "a_phone_walks_from_the_poster_to_the_record_on_every_rung";

/// Until when its box thinks that a certificate of ninety days has ended, and one of the region's authority has not.
const LATER: &str = "+100d";

/// Where a secure page of a clinic is.
fn secure(clinic: usize) -> String {
    format!("https://{}", NAMES[clinic])
}

fn bare() -> String {
    format!("http://{}", address(HOME))
}

async fn is_there(browser: &Browser, css: &str) -> bool {
    !browser.client().find_all(Locator::Css(css)).await.unwrap().is_empty()
}

/// What the poster's codes say, as the program drew them and the browser prints them.
async fn poster(town: &Town<'_>, browser: &Browser) -> String {
    let file = town.home.path("poster.html");
    let wifi = ["poster", "--clinic", "さくら薬局", "--wifi-name", "Sakura", "--wifi-password", "yoake:2026"];
    town.home.ok(&[&wifi[..], &["--address", &address(HOME), "--name", "kusuri.internal", "--out", file.to_str().unwrap()]].concat());
    browser.go(&format!("file://{}", file.display())).await;
    let mut codes = codes_on(&printed(browser, "walk-poster").await);
    codes.retain(|code| !code.starts_with("WIFI:"));
    let [url] = &codes[..] else { panic!("one address: {codes:?}") };
    url.clone()
}

/// A photo of the card.
fn photo(town: &Town<'_>) -> PathBuf {
    let file = town.home.path("card.png");
    std::fs::write(&file, qr::png(town.scanned().as_bytes(), Correction::Medium).unwrap()).unwrap();
    file
}

async fn shows_photo(browser: &Browser, photo: &Path) {
    let field = browser.client().find(Locator::Css("#photo")).await.unwrap();
    field.send_keys(photo.to_str().unwrap()).await.unwrap();
    browser.follow("form[action='/photo'] button").await;
}

/// From the page that asks for the PIN to the record and what it says; then the reader finishes.
async fn reads(town: &Town<'_>, browser: &Browser, picture: &str) -> String {
    keep_picture(browser, &format!("walk-{picture}-pin")).await;
    browser.fill("#pin", &town.card.pin).await;
    browser.follow("form[action='/open'] button").await;
    assert!(browser.text().await.contains("見本 花子"), "is this you?");
    browser.follow("button[name=answer][value=yes]").await;
    assert_eq!(browser.path().await, "/record");
    let record = browser.text().await;
    assert!(record.contains(DRUG) && record.contains("見本 花子"), "{record}");
    keep_picture(browser, &format!("walk-{picture}-record")).await;
    browser.follow("form.finish button").await;
    record
}

const NOT_ENCRYPTED: &str = "暗号で守られていません";

/// Rung A; and nothing of it changes when the internet goes.
fn on_a(town: &Town<'_>, phone: &Device) -> String {
    let mut wall = String::new();
    walk_on(TEST, phone, async |browser| {
        wall = poster(town, browser).await;
        assert!(town.has_internet());
        browser.go(&wall).await;
        assert_eq!(browser.origin().await, secure(HOME));
        shows_photo(browser, &photo(town)).await;
        assert!(!reads(town, browser, "a").await.contains(NOT_ENCRYPTED));

        town.cut();
        assert!(!town.has_internet());
        browser.go(&town.scanned()).await;
        assert_eq!(browser.origin().await, secure(HOME));
        reads(town, browser, "a-cut-off").await;
    });
    wall
}

async fn sign_in(town: &Town<'_>, browser: &Browser) {
    let file = std::fs::read_to_string(town.home.path("staff.txt")).unwrap();
    let line = |name: &str| file.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    browser.go(&format!("{}/staff", secure(HOME))).await;
    browser.fill("#badge", &line("badge ")).await;
    browser.fill("#passphrase", &line("passphrase ")).await;
    browser.follow("form[action='/staff/sign-in'] button").await;
    assert_eq!(browser.path().await, "/staff");
}

/// Signed in over A, staff fetch the certificate of the region's authority; its fingerprint is what the page says.
fn fetches_authority(town: &Town<'_>, tablet: &Device) {
    let file = town.home.path("kusuribako.crt");
    walk_on(TEST, tablet, async |browser| {
        sign_in(town, browser).await;
        browser.go(&format!("{}/staff/trust", secure(HOME))).await;
        let told = browser.text().await;
        let link = browser.attributes("main a.go", "href").await;
        let link = link.iter().find(|href| href.ends_with(".crt")).unwrap();
        let fetch = "const done = arguments[arguments.length - 1];
            fetch(arguments[0]).then(answer => answer.arrayBuffer()).then(bytes => done([...new Uint8Array(bytes)]));";
        let bytes = browser.client().execute_async(fetch, vec![json!(link)]).await.unwrap();
        let bytes: Vec<u8> = serde_json::from_value(bytes).unwrap();
        let fingerprint = kusuribako::access::authority::shown_fingerprint(&bytes);
        assert!(told.contains(&fingerprint), "{fingerprint}: {told}");
        std::fs::write(&file, bytes).unwrap();
        keep_picture(browser, "walk-trust").await;
    });
    tablet.trusts("the region", &file);
}

/// The certificate has ended and nothing was declared: the phone is told what to do, and shown no warning that could be clicked away.
fn with_nothing(town: &Town<'_>, phone: &Device, wall: &str) {
    wait::until("the box takes its certificate for ended", PATIENCE, || town.door().starts_with("HTTP/1.1 503").then_some(()));
    walk_on(TEST, phone, async |browser| {
        for address in [wall, &town.scanned()] {
            browser.go(address).await;
            let told = browser.text().await;
            assert!(told.contains("受付の人に、カードを見せてください"), "{told}");
            assert!(!is_there(browser, "#pin").await, "nothing to type into");
        }
        keep_picture(browser, "walk-nothing").await;
        browser.follow("nav.langs a[hreflang=en]").await;
        let told = browser.text().await;
        assert!(told.contains("show your card at the reception desk"), "in the language that its owner chooses: {told}");
        browser.go(&format!("{}/?lang=ja", bare())).await;
        // The name is staff's now, by an authority that this phone does not know. Nobody is led there; and in the days for which the browser
        // insists on https, nobody who types it learns to click a warning away.
        for address in [format!("{}/", secure(HOME)), format!("http://{}/staff", NAMES[HOME])] {
            let told = browser.refuses(&address).await;
            assert!(told.contains("ERR_CERT_AUTHORITY_INVALID") || told.contains("insecure certificate"), "{told}");
            assert!(!is_there(browser, "#passphrase, #code").await);
            let can_go_on =
                "const link = document.getElementById('proceed-link'); return link !== null && link.offsetParent !== null";
            assert_eq!(browser.evaluate(can_go_on, vec![]).await, json!(false), "{told}");
        }
    });
}

/// Staff's tablet trusts the region's authority: it is at the same name, and declares http.
fn on_b(town: &Town<'_>, tablet: &Device) {
    walk_on(TEST, tablet, async |browser| {
        sign_in(town, browser).await;
        browser.go(&format!("{}/staff/access", secure(HOME))).await;
        keep_picture(browser, "walk-access").await;
        let told = browser.text().await;
        assert!(told.contains("に切れました") && told.contains("という案内が出ます"), "{told}");
        browser.fill("#reason", "証明書が切れた").await;
        browser.follow("form[action='/staff/access/declare'] button").await;
        assert!(browser.text().await.contains("http を開きました"));
    });
}

/// Http was declared: the record is read at the box's address, and each page says what that means.
fn on_c(town: &Town<'_>, phone: &Device, wall: &str) {
    walk_on(TEST, phone, async |browser| {
        browser.go(wall).await;
        assert_eq!(browser.origin().await, bare());
        assert!(browser.text().await.contains(NOT_ENCRYPTED));
        shows_photo(browser, &photo(town)).await;
        assert!(reads(town, browser, "c").await.contains(NOT_ENCRYPTED));
        browser.go(&town.scanned()).await;
        assert!(reads(town, browser, "c-card").await.contains(NOT_ENCRYPTED));
        browser.go(&format!("{}/staff", bare())).await;
        assert!(!is_there(browser, "#passphrase").await, "no secret of staff's is asked for in clear");
    });
}

/// The home clinic is dead; the card is scanned in the Wi-Fi of the one that holds the copy.
fn at_the_other(town: &Town<'_>, phone: &Device) {
    walk_on(TEST, phone, async |browser| {
        browser.go(&town.scanned()).await;
        assert_eq!(browser.origin().await, secure(OTHER));
        let record = reads(town, browser, "other").await;
        assert!(record.contains(&town.home.name), "a copy says whose it is: {record}");
    });
}

#[test]
fn a_phone_walks_from_the_poster_to_the_record_on_every_rung() {
    if !town::is_installed(TEST) {
        return;
    }
    let Some(lan) = Lan::new(TEST, town::PLACES) else { return };
    let Some(mut town) = Town::new(TEST, &lan) else { return };
    let (phone, tablet) = (town.phone(), town.tablet());
    let wall = on_a(&town, &phone);
    assert_eq!(wall, format!("{}/", bare()));
    fetches_authority(&town, &tablet);
    town.home.turn_clock(LATER);
    with_nothing(&town, &phone, &wall);
    on_b(&town, &tablet);
    on_c(&town, &phone, &wall);
    town.home.kill();
    town.carry_to_the_other(&phone);
    at_the_other(&town, &phone);
}
