//! A phone at other clinics than the patient's own: where a copy of the record lies, and where none does.

use super::checks::{keep_picture, page_is_sound};
use super::clinic::{Card, Demo};
use super::driver::{Browser, NARROW, PHONE, Screen, walk};
use super::{languages, open_record};
use fantoccini::Locator;

/// Code and PIN are typed on the first page in a language; nothing is kept here.
async fn try_card(browser: &Browser, demo: &Demo, language: &str, card: &Card) {
    browser.go(&demo.url(&format!("/{language}"))).await;
    browser.fill("#code", &card.code).await;
    browser.fill("#pin", &card.pin).await;
    browser.follow("form[action='/open'] button").await;
}

fn other_clinics_pages_are_sound(test: &str, screen: Screen) {
    let demo = Demo::start();
    walk(test, screen, async |browser| {
        let (holder, card) = (demo.carry_to(true), demo.card(0));
        for (n, language) in languages(browser, &demo).await.into_iter().enumerate() {
            browser.go(&demo.url(&format!("/{language}"))).await;
            open_record(browser, &demo, &card).await;
            page_is_sound(browser).await;
            assert!(browser.text().await.contains(&demo.home()), "a copy says whose it is");
            keep_picture(browser, &format!("holder-{}-{n}", screen.width)).await;
        }
        demo.carry_to(false);
        for (n, language) in languages(browser, &demo).await.into_iter().enumerate() {
            try_card(browser, &demo, &language, &card).await;
            page_is_sound(browser).await;
            let text = browser.text().await;
            assert!(text.contains(&holder) && text.contains("km"), "where to go, and how far: {text}");
            assert!(!text.contains(&card.patient), "a clinic that keeps no copy knows no name");
            keep_picture(browser, &format!("elsewhere-{}-{n}", screen.width)).await;
        }
    });
}

#[test]
fn pages_at_other_clinics_are_sound_on_a_phone() {
    other_clinics_pages_are_sound("pages_at_other_clinics_are_sound_on_a_phone", PHONE);
}

#[test]
fn pages_at_other_clinics_fit_a_narrow_screen() {
    other_clinics_pages_are_sound("pages_at_other_clinics_fit_a_narrow_screen", NARROW);
}

#[test]
fn the_keyboard_alone_is_enough_at_other_clinics() {
    let demo = Demo::start();
    walk("the_keyboard_alone_is_enough_at_other_clinics", PHONE, async |browser| {
        let card = demo.card(1);
        for keeps_copies in [true, false] {
            demo.carry_to(keeps_copies);
            browser.go(&demo.url("/")).await;
            browser.tab_to("#code").await;
            browser.press(&card.code).await;
            browser.tab_to("#pin").await;
            browser.press(&card.pin).await;
            browser.enter().await;
            if keeps_copies {
                browser.tab_to("button[name=answer][value=yes]").await;
                browser.enter().await;
                assert!(browser.text().await.contains(&card.patient));
                browser.tab_to("form.finish button").await;
                browser.enter().await;
            } else {
                browser.tab_to("main a").await;
                browser.enter().await;
                assert!(browser.client().find(Locator::Css("#code")).await.is_ok(), "back at the first page");
            }
        }
    });
}
