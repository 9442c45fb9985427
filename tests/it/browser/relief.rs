//! The worst day at the desk: the patient's clinic and everybody who works at its neighbours are gone. A pharmacist from outside finds the right one of two
//! people who sound alike, reads, and prints the slip; when the clinic is back, it sees that, and so does the patient.

use super::checks::{faults, keep_screens, picture_path};
use super::clinic::Demo;
use super::driver::{Browser, DESK, PATIENCE, PHONE, Screen, walk};
use super::{open_record, squeezed};
use crate::wait;
use fantoccini::Locator;
use std::cell::{Cell, RefCell};

/// From signing in to the record nobody needs more clicks and pressed buttons than this.
const ACTIONS_MAX: usize = 8;
/// As the demo calls them.
const HELPER: &str = "応援 太郎";
const WORDS: &str = "避難所で 手帳が流された";
/// The patient is 見本 花子, ミホン ハナコ: one letter is wrong, and only the year is known.
const MISSPELT: &str = "みほん はまこ";
const TWIN: &str = "見本 華子";

/// Somebody before a browser: what they click and press is counted, and every page that they come to is looked at.
struct Helper<'b> {
    browser: &'b Browser,
    screen: Screen,
    actions: Cell<usize>,
    wrong: RefCell<Vec<String>>,
}

impl<'b> Helper<'b> {
    fn new(browser: &'b Browser, screen: Screen) -> Self {
        Self { browser, screen, actions: Cell::new(0), wrong: RefCell::default() }
    }

    fn acted(&self) {
        self.actions.set(self.actions.get() + 1);
    }

    /// A click that leads to another page.
    async fn follow(&self, css: &str) {
        self.acted();
        self.browser.follow(css).await;
    }

    /// A click that stays on the page.
    async fn choose(&self, css: &str) {
        self.acted();
        self.browser.client().find(Locator::Css(css)).await.unwrap_or_else(|e| panic!("{css}: {e}")).click().await.unwrap();
    }

    /// Enter on what the keyboard came to.
    async fn enter(&self) {
        self.acted();
        self.browser.enter().await;
    }

    /// Checks the page and keeps a picture of it from top to bottom.
    async fn look(&self, name: &str) -> String {
        let found = faults(self.browser).await;
        self.wrong.borrow_mut().extend(found);
        keep_screens(self.browser, &format!("relief-{}-{name}", self.screen.width)).await;
        self.browser.text().await
    }
}

/// Outside badge, reason and consent, a misspelt name, one of two, the record: in how many actions.
async fn from_signing_in_to_the_record(helper: &Helper<'_>, demo: &Demo) {
    let (browser, (badge, pin)) = (helper.browser, demo.outside());
    browser.go(&demo.url("/staff/outside")).await;
    helper.look("1-outside").await;
    browser.paste("#badge", &badge).await;
    browser.fill("#pin", &pin).await;
    helper.follow("form[action='/staff/outside'] button").await;
    let home = helper.look("2-home").await;
    assert!(home.contains(HELPER), "who is signed in stands on the page: {home}");
    helper.follow(".menu a[href='/staff/glass']").await;
    helper.look("3-glass").await;
    helper.choose("input[name=reason][value=continuation]").await;
    browser.fill("#words", WORDS).await;
    helper.choose("input[name=consent][value=cannot]").await;
    helper.follow("form[action='/staff/glass'] button").await;
    let beyond = helper.look("4-find").await;
    assert!(!beyond.contains(&demo.card(0).patient) && !beyond.contains(TWIN), "nobody is named before anybody is sought");
    search_and_choose(helper, demo).await;
}

/// By keyboard alone.
async fn search_and_choose(helper: &Helper<'_>, demo: &Demo) {
    let (browser, patient) = (helper.browser, demo.card(0).patient);
    browser.tab_to("#name").await;
    browser.press(MISSPELT).await;
    helper.enter().await;
    let found = helper.look("5-found").await;
    assert!(found.contains(&patient) && found.contains(TWIN), "both are there: {found}");
    assert!(found.contains(&demo.home()), "and whose patients they are: {found}");
    let differs = browser.texts("section.twins .differs").await;
    assert!(
        differs.iter().any(|text| text.contains("架空町")) && differs.iter().any(|text| text.contains("仮町")),
        "{differs:?}"
    );
    let names = browser.texts(".person h2").await;
    let at = names.iter().position(|name| *name == patient).unwrap_or_else(|| panic!("{names:?}"));
    let links = browser.attributes(".person a.go", "href").await;
    assert_eq!(names.len(), links.len());
    browser.tab_to(&format!("a.go[href='{}']", links[at])).await;
    helper.enter().await;
}

/// The slip as it comes out of the printer.
async fn print_the_slip(helper: &Helper<'_>, demo: &Demo) {
    let browser = helper.browser;
    browser.follow("a[href$='/slip/a4']").await;
    helper.look("7-slip").await;
    let paper = browser.client().print(fantoccini::wd::PrintConfiguration::default()).await.unwrap();
    let file = picture_path(&format!("relief-{}-slip.pdf", helper.screen.width));
    std::fs::write(&file, paper).unwrap();
    let read = std::process::Command::new("pdftotext").arg("-layout").arg(&file).arg("-").output();
    match read {
        Ok(read) => {
            let words = String::from_utf8(read.stdout).unwrap();
            for must in [
                &*demo.card(0).patient,
                "ワルファリン",
                "ペニシリン",
                "ロキソプロフェンで胃潰瘍",
                HELPER,
                WORDS,
                "完全な確認ではありません",
            ] {
                assert!(squeezed(&words).contains(&squeezed(must)), "the slip does not say {must}:\n{words}");
            }
            assert!(!words.contains(TWIN) && !words.contains("ロキソニン"), "nothing of the other is on it:\n{words}");
        }
        Err(error) => {
            assert!(std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(), "pdftotext: {error}");
            println!("words of the slip skipped: pdftotext is not installed");
        }
    }
    browser.follow("nav a.go").await;
    assert!(browser.path().await.starts_with("/staff/patient/"), "and back to the record");
}

/// A page of a clinic that has just come back, until it says something.
async fn until_it_says(browser: &Browser, url: &str, what: &str) -> String {
    wait::until_async(&format!("{url} says {what}"), PATIENCE, async || {
        browser.go(url).await;
        let text = browser.text().await;
        text.contains(what).then_some(text)
    })
    .await
}

fn relief(test: &str, screen: Screen) {
    let demo = Demo::start();
    let there = demo.carry_to(true);
    demo.kill_home();
    walk(test, screen, async |browser| {
        let helper = Helper::new(browser, screen);
        from_signing_in_to_the_record(&helper, &demo).await;
        let record = helper.look("6-record").await;
        for must in ["ワルファリン", "抗凝固薬", "ペニシリン", "完全な確認ではありません"] {
            assert!(record.contains(must), "the record does not say {must}: {record}");
        }
        assert!(!record.contains("同じ成分が重なっています"), "a dispensing that was sent again is not taken twice: {record}");
        assert!(record.contains("送り直されたようです"), "but somebody should know which is right: {record}");
        let person = browser.texts(".who-is dd").await;
        assert!(record.contains(&demo.card(0).patient) && person.iter().any(|text| text.contains("架空町1-2-3")), "{person:?}");
        println!("{} actions from signing in to the record", helper.actions.get());
        assert!(helper.actions.get() <= ACTIONS_MAX, "{} actions", helper.actions.get());
        print_the_slip(&helper, &demo).await;
        browser.go(&demo.url("/staff/glass")).await;
        let glass = helper.look("8-glass-used").await;
        assert!(glass.contains("開いた記録へ"), "the way back to the record: {glass}");
        browser.go(&demo.url("/staff")).await;
        browser.follow("form.finish button").await;

        demo.start_home();
        demo.carry_home();
        super::desk::sign_in(browser, &demo).await;
        let review = until_it_says(browser, &demo.url("/staff/review"), HELPER).await;
        helper.look("9-review").await;
        assert!(review.contains(&there) && review.contains(WORDS), "where and why: {review}");
        open_record(browser, &demo, &demo.card(0)).await;
        browser.go(&demo.url("/record/looks")).await;
        let looks = helper.look("10-who-looked").await;
        assert!(looks.contains(HELPER) && looks.contains(&there) && looks.contains(WORDS), "the patient sees it: {looks}");
        assert!(helper.wrong.borrow().is_empty(), "{}", helper.wrong.borrow().join("\n"));
    });
}

#[test]
fn a_helper_reads_where_everybody_is_gone_at_a_desk() {
    relief("a_helper_reads_where_everybody_is_gone_at_a_desk", DESK);
}

#[test]
fn a_helper_reads_where_everybody_is_gone_on_a_phone() {
    relief("a_helper_reads_where_everybody_is_gone_on_a_phone", PHONE);
}
