//! Finding, reading, reception and drugs in a browser: at a desk and on a phone, each page checked and kept for people to look at.

use super::checks::{faults, keep_picture};
use super::clinic::Demo;
use super::driver::{Browser, DESK, PHONE, Screen, walk};

pub(super) async fn sign_in(browser: &Browser, demo: &Demo) {
    let (badge, passphrase) = demo.staff();
    browser.go(&demo.url("/staff")).await;
    browser.fill("#badge", &badge).await;
    browser.fill("#passphrase", &passphrase).await;
    browser.follow("form[action='/staff/sign-in'] button").await;
    assert_eq!(browser.path().await, "/staff");
}

fn pages_are_sound(test: &str, screen: Screen) {
    let demo = Demo::start();
    walk(test, screen, async |browser| {
        let mut wrong = Vec::new();
        sign_in(browser, &demo).await;
        for path in ["/staff/reception", "/staff/reception/new", "/staff/drugs"] {
            browser.go(&demo.url(path)).await;
            wrong.extend(faults(browser).await);
            keep_picture(browser, &format!("desk-{}{}", screen.width, path.replace('/', "-"))).await;
        }
        browser.go(&demo.url("/staff/find")).await;
        wrong.extend(faults(browser).await);
        let card = demo.card(0);
        browser.fill("#name", &card.patient).await;
        browser.follow("form[action='/staff/find'] button").await;
        wrong.extend(faults(browser).await);
        keep_picture(browser, &format!("desk-{}-found", screen.width)).await;
        browser.follow(".person a.go").await;
        browser.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })", vec![]).await;
        wrong.extend(faults(browser).await);
        let text = browser.text().await;
        assert!(text.contains("ワルファリン") && text.contains("抗凝固薬") && text.contains("ペニシリン"), "{text}");
        keep_picture(browser, &format!("desk-{}-record", screen.width)).await;
        browser.follow("a[href$='/slip/a4']").await;
        assert!(browser.text().await.contains(&card.patient));
        keep_picture(browser, &format!("desk-{}-slip", screen.width)).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn the_patients_pages_of_the_desk_are_sound_on_a_wide_screen() {
    pages_are_sound("the_patients_pages_of_the_desk_are_sound_on_a_wide_screen", DESK);
}

#[test]
fn the_patients_pages_of_the_desk_are_sound_on_a_phone() {
    pages_are_sound("the_patients_pages_of_the_desk_are_sound_on_a_phone", PHONE);
}
