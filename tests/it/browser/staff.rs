//! Staff's desk in a browser: signing in, what happened elsewhere to a patient, and deciding about it, on a phone and on a desk's screen.

use super::checks::{faults, keep_picture, page_is_sound};
use super::clinic::Demo;
use super::driver::{Browser, DESK, PHONE, PLAIN, Screen, walk};
use fantoccini::Locator;
use fantoccini::key::Key;

pub(super) async fn sign_in(browser: &Browser, demo: &Demo) {
    let (badge, passphrase) = demo.staff();
    browser.go(&demo.url("/staff")).await;
    browser.fill("#badge", &badge).await;
    browser.fill("#passphrase", &passphrase).await;
    browser.follow("form[action='/staff/sign-in'] button").await;
    assert_eq!(browser.path().await, "/staff");
}

/// The address of the page of the patient to whom something happened.
async fn patient(browser: &Browser, demo: &Demo) -> String {
    browser.go(&demo.url("/staff/elsewhere")).await;
    let links = browser.attributes("main .menu a", "href").await;
    let [link] = &links[..] else { panic!("one patient: {links:?}") };
    link.clone()
}

fn desk_is_sound(test: &str, screen: Screen) {
    let demo = Demo::start();
    walk(test, screen, async |browser| {
        let mut wrong = Vec::new();
        for (n, language) in ["?lang=ja", "?lang=en"].into_iter().enumerate() {
            browser.go(&demo.url(&format!("/staff{language}"))).await;
            page_is_sound(browser).await;
            sign_in(browser, &demo).await;
            wrong.extend(faults(browser).await);
            keep_picture(browser, &format!("staff-{}-{n}-home", screen.width)).await;
            let patient = patient(browser, &demo).await;
            wrong.extend(faults(browser).await);
            browser.go(&demo.url(&patient)).await;
            // What is folded away is looked at, too.
            browser.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })", vec![]).await;
            wrong.extend(faults(browser).await);
            let text = browser.text().await;
            let card = demo.last_card();
            assert!(text.contains(&card.patient), "whose record it is: {text}");
            assert!(text.contains(&demo.keeper()), "and where it was written: {text}");
            keep_picture(browser, &format!("staff-{}-{n}-patient", screen.width)).await;
            for path in ["glass", "people", "review", "outside", "outside/issue"] {
                browser.go(&demo.url(&format!("/staff/{path}"))).await;
                browser.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })", vec![]).await;
                wrong.extend(faults(browser).await);
                keep_picture(browser, &format!("staff-{}-{n}-{}", screen.width, path.replace('/', "-"))).await;
            }
            browser.go(&demo.url("/staff")).await;
            browser.follow("form.finish button").await;
            page_is_sound(browser).await;
            browser.go(&demo.url(&patient)).await;
            assert!(!browser.text().await.contains(&card.patient), "signed out");
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn the_desk_is_sound_on_a_phone() {
    desk_is_sound("the_desk_is_sound_on_a_phone", PHONE);
}

#[test]
fn the_desk_is_sound_on_a_wide_screen() {
    desk_is_sound("the_desk_is_sound_on_a_wide_screen", DESK);
}

#[test]
fn staff_decide_without_scripts() {
    let demo = Demo::start();
    walk("staff_decide_without_scripts", PLAIN, async |browser| {
        sign_in(browser, &demo).await;
        let patient = patient(browser, &demo).await;
        browser.go(&demo.url(&patient)).await;
        let summary = browser.client().find(Locator::Css(".item details summary")).await.unwrap();
        summary.send_keys(&Key::Enter.to_string()).await.unwrap();
        browser.fill(".item details[open] textarea", "何日分ですか").await;
        browser.follow(".item details[open] button").await;
        assert!(browser.path().await.ends_with("?done=asked"));
        assert!(browser.text().await.contains("何日分ですか"));
        browser.follow(".item form[action$='/accept'] button").await;
        assert!(browser.path().await.ends_with("?done=accepted"));
        let text = browser.text().await;
        assert!(text.contains("確かめた") && text.contains("問い合わせは取り下げられました"), "{text}");
        page_is_sound_without_scripts(browser).await;
    });
}

/// Where no script runs, no check that is a script does.
async fn page_is_sound_without_scripts(browser: &Browser) {
    assert_eq!(browser.client().find_all(Locator::Css("h1")).await.unwrap().len(), 1);
}

#[test]
fn the_keyboard_alone_is_enough_at_the_desk() {
    let demo = Demo::start();
    walk("the_keyboard_alone_is_enough_at_the_desk", DESK, async |browser| {
        let (badge, passphrase) = demo.staff();
        browser.go(&demo.url("/staff")).await;
        browser.tab_to("#badge").await;
        browser.press(&badge).await;
        browser.tab_to("#passphrase").await;
        browser.press(&passphrase).await;
        browser.enter().await;
        browser.tab_to(".menu a[href='/staff/elsewhere']").await;
        browser.enter().await;
        browser.tab_to(".menu a").await;
        browser.enter().await;
        assert!(browser.text().await.contains(&demo.last_card().patient));
        browser.tab_to(".item summary").await;
        browser.press(" ").await;
        browser.tab_to(".item details[open] textarea").await;
        browser.press("何日分ですか").await;
        browser.tab_to(".item details[open] button").await;
        browser.enter().await;
        assert!(browser.path().await.ends_with("?done=asked"));
        for target in [".item summary", ".item button", "form.finish button"] {
            browser.tab_to(target).await;
            let outline = "const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2";
            assert_eq!(browser.evaluate(outline, Vec::new()).await, true, "the focus on {target} is seen");
        }
        browser.enter().await;
        assert!(browser.path().await.starts_with("/staff?done="), "signed out");
    });
}
