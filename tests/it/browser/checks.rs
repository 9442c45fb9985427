//! What must hold on every page: no finding of the accessibility checker, nothing wider than the screen, targets for old fingers.

use super::driver::Browser;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::LazyLock;

/// The checker, as tests/run fetched it.
static AXE: LazyLock<Option<String>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/axe.min.js");
    let script = std::fs::read_to_string(path).ok();
    assert!(script.is_some() || std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(), "target/tools/axe.min.js is not there");
    script
});

/// What the accessibility checker finds on the page, each finding with its rule and its elements; `None` without the checker.
pub async fn accessibility(browser: &Browser) -> Option<Vec<String>> {
    let axe = AXE.as_ref()?;
    browser.evaluate(axe, Vec::new()).await;
    let script = "const done = arguments[arguments.length - 1];
        axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
            .then(found => done(found.violations.map(v => v.id + ': ' + v.help + ' '
                + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | '))))
            .catch(e => done(['axe failed: ' + e]));";
    let found = browser.client().execute_async(script, Vec::new()).await.unwrap();
    Some(texts(&found))
}

/// Elements that reach beyond the screen's right edge, so that the page scrolls sideways. A sheet of paper has its own width.
pub async fn too_wide(browser: &Browser) -> Vec<String> {
    let script = "const width = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= width || document.body.matches('.paper')) return [];
        return [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > width + 1)
            .map(e => e.outerHTML.slice(0, 120));";
    texts(&browser.evaluate(script, Vec::new()).await)
}

/// Fields, buttons and links that stand alone and are lower than 48 pixels; text smaller than 14, body text other than 20.
pub async fn too_small(browser: &Browser) -> Vec<String> {
    let script = "const found = [];
        const shown = e => e.getClientRects().length > 0 && e.getBoundingClientRect().width > 1 && e.type !== 'hidden';
        for (const e of document.querySelectorAll('button, input, .menu a, a.go, nav a')) {
            // A box to tick is pressed on its label as well.
            const target = e.type === 'checkbox' || e.type === 'radio' ? e.closest('label') : e;
            const height = target.getBoundingClientRect().height;
            if (shown(e) && height < 47.5) found.push(height + ' px high: ' + e.outerHTML.slice(0, 120));
        }
        const size = parseFloat(getComputedStyle(document.body).fontSize);
        if (size < 20) found.push('body text of ' + size + ' px');
        return found;";
    texts(&browser.evaluate(script, Vec::new()).await)
}

/// Amounts for each time that begin within the line of the whole, where "3 times" and "1 tablet each time" run into each other.
pub async fn run_on(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelectorAll('.each')].filter(e => {
            const before = document.createRange();
            before.setStart(e.parentElement, 0);
            before.setEndBefore(e);
            return before.getBoundingClientRect().bottom > e.getBoundingClientRect().top + 10;
        }).map(e => e.parentElement.textContent.slice(0, 120));";
    texts(&browser.evaluate(script, Vec::new()).await)
}

/// All of the above, and what every page says of itself: what is wrong, each with the page's place.
pub async fn faults(browser: &Browser) -> Vec<String> {
    let place = browser.path().await;
    let script = "return [document.documentElement.lang, document.title, document.querySelectorAll('h1').length]";
    let says = browser.evaluate(script, Vec::new()).await;
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let mut faults = Vec::new();
    for (is_wrong, fault) in [
        (!is_text(&says[0]), "does not say its language"),
        (!is_text(&says[1]), "has no title"),
        (says[2] != json!(1), "has not one heading of the first order"),
    ] {
        faults.extend(is_wrong.then(|| fault.to_owned()));
    }
    faults.extend(too_wide(browser).await.into_iter().map(|part| format!("is wider than the screen: {part}")));
    faults.extend(too_small(browser).await.into_iter().map(|part| format!("has too small parts: {part}")));
    faults.extend(run_on(browser).await.into_iter().map(|part| format!("runs two amounts into one: {part}")));
    match accessibility(browser).await {
        Some(findings) => faults.extend(findings.into_iter().map(|finding| format!("is not accessible: {finding}"))),
        None => println!("accessibility of {place} skipped: no target/tools/axe.min.js (tests/run fetches it)"),
    }
    faults.into_iter().map(|fault| format!("{place} {fault}")).collect()
}

/// Nothing is wrong with the page that is shown.
pub async fn page_is_sound(browser: &Browser) {
    let faults = faults(browser).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Keeps a picture of the page for people to look at, in target/pictures.
pub async fn keep_picture(browser: &Browser, name: &str) {
    let picture = browser.client().screenshot().await.unwrap();
    std::fs::write(picture_path(&format!("{name}.png")), picture).unwrap();
}

/// Keeps a picture of each screenful of the page, as somebody sees it who reads to its end.
pub async fn keep_screens(browser: &Browser, name: &str) {
    let scroll = "const at = arguments[0] * innerHeight; scrollTo(0, at); return at < document.documentElement.scrollHeight";
    let mut nth = 0;
    while browser.evaluate(scroll, vec![json!(nth)]).await == json!(true) {
        keep_picture(browser, &format!("{name}-screen-{nth}")).await;
        nth += 1;
    }
    browser.evaluate("scrollTo(0, 0)", vec![]).await;
}

/// Where pictures and prints are kept.
pub fn picture_path(file: &str) -> PathBuf {
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/pictures"));
    std::fs::create_dir_all(&dir).unwrap();
    dir.join(file)
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().unwrap_or_else(|| panic!("a list was expected: {value}"));
    list.iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}
