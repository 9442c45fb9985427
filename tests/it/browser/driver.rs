//! Chromium as a phone has it, driven through chromedriver.

use super::device::Device;
use crate::wait;
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A page must be there within this time, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A walk that takes longer hangs.
const WALK_MAX: Duration = Duration::from_secs(600);

/// A screen, in CSS pixels.
#[derive(Clone, Copy)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    pub has_javascript: bool,
}

/// A phone of these years.
pub const PHONE: Screen = Screen { width: 390, height: 844, has_javascript: true };
/// A screen at a desk.
pub const DESK: Screen = Screen { width: 1280, height: 800, has_javascript: true };
/// The narrowest screen that pages must fit; also what remains of 640 pixels at 200 % zoom.
pub const NARROW: Screen = Screen { width: 320, height: 568, has_javascript: true };
/// The phone with scripts switched off.
pub const PLAIN: Screen = Screen { has_javascript: false, ..PHONE };

/// A browser with one window.
pub struct Browser {
    client: Client,
    driver: Driver,
    has_javascript: bool,
    _profile: Option<tempfile::TempDir>,
}

struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether the browser is installed. tests/run installs it, and sets KUSURIBAKO_NO_SKIP so that nothing is skipped in silence.
fn is_installed(test: &str) -> bool {
    let answers = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success());
    let is_there = answers("chromedriver") && answers("chromium");
    assert!(is_there || std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(), "chromium and chromedriver are not installed");
    if !is_there {
        println!("{test} skipped: chromium and chromedriver are not installed");
    }
    is_there
}

/// Opens a browser, walks, and closes it again whatever happened on the way.
pub fn walk(test: &str, screen: Screen, steps: impl AsyncFnOnce(&Browser)) {
    walk_with(test, screen, None, steps);
}

/// The same with a device's browser, in its network.
pub fn walk_on(test: &str, device: &Device, steps: impl AsyncFnOnce(&Browser)) {
    walk_with(test, PHONE, Some(device), steps);
}

fn walk_with(test: &str, screen: Screen, device: Option<&Device>, steps: impl AsyncFnOnce(&Browser)) {
    if !is_installed(test) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let browser = runtime.block_on(Browser::open(screen, device));
    let in_time = async { tokio::time::timeout(WALK_MAX, steps(&browser)).await.expect("the walk does not end") };
    let walked = catch_unwind(AssertUnwindSafe(|| runtime.block_on(in_time)));
    let closed = runtime.block_on(browser.close());
    if let Err(panic) = walked {
        resume_unwind(panic);
    }
    closed.unwrap();
}

impl Browser {
    async fn open(screen: Screen, device: Option<&Device>) -> Self {
        let (options, profile) = match device {
            Some(device) => (device.options(options(screen, &device.profile())), None),
            None => {
                let profile = tempfile::tempdir().unwrap();
                (with_arguments(options(screen, profile.path()), &["--ignore-certificate-errors"]), Some(profile))
            }
        };
        let (driver, port) = start_driver();
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        let address = format!("http://127.0.0.1:{port}");
        let client = ClientBuilder::rustls().unwrap().capabilities(capabilities).connect(&address).await.unwrap();
        Self { client, driver, has_javascript: screen.has_javascript, _profile: profile }
    }

    async fn close(self) -> Result<(), CmdError> {
        let closed = self.client.close().await;
        drop(self.driver);
        closed
    }

    /// The client, for what has no word of its own here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Opens an address.
    pub async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Opens an address that this browser does not show: what it says instead, to programs and to people.
    pub async fn refuses(&self, url: &str) -> String {
        let gone = self.client.goto(url).await;
        let script = "return document.title + ' ' + document.documentElement.innerText";
        format!("{gone:?} {} {}", self.client.current_url().await.unwrap(), self.evaluate(script, vec![]).await)
    }

    /// Scheme, host and port of the page that is shown.
    pub async fn origin(&self) -> String {
        self.client.current_url().await.unwrap().origin().ascii_serialization()
    }

    /// The path and query of the page that is shown.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// What a person can read on the page.
    pub async fn text(&self) -> String {
        self.client.find(Locator::Css("body")).await.unwrap().text().await.unwrap()
    }

    /// Clicks what `css` names, and waits until another page is there. Chromedriver's click needs scripts; without them, Enter is pressed.
    pub async fn follow(&self, css: &str) {
        let body = self.client.find(Locator::Css("body")).await.unwrap();
        let target = self.client.find(Locator::Css(css)).await.unwrap_or_else(|e| panic!("{css}: {e}"));
        if self.has_javascript {
            target.click().await.unwrap();
        } else {
            target.send_keys(&Key::Enter.to_string()).await.unwrap();
        }
        self.left_behind(&body).await;
    }

    /// Waits until the page that `body` belongs to is gone and the next one is there.
    async fn left_behind(&self, body: &fantoccini::elements::Element) {
        wait::until_async("the next page", PATIENCE, async || body.tag_name().await.is_err().then_some(())).await;
        wait::until_async("the next page's body", PATIENCE, async || self.client.find(Locator::Css("body")).await.ok()).await;
    }

    /// Types into the field that `css` names.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.client.find(Locator::Css(css)).await.unwrap_or_else(|e| panic!("{css}: {e}"));
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Puts a text of several lines into the field that `css` names, as from a clipboard. Only where scripts run.
    pub async fn paste(&self, css: &str, text: &str) {
        self.evaluate("document.querySelector(arguments[0]).value = arguments[1]", vec![json!(css), json!(text)]).await;
    }

    /// What a person can read in everything that `css` names.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.client.find_all(Locator::Css(css)).await.unwrap() {
            texts.push(element.text().await.unwrap());
        }
        texts
    }

    /// Values of an attribute of everything that `css` names.
    pub async fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let mut values = Vec::new();
        for element in self.client.find_all(Locator::Css(css)).await.unwrap() {
            values.extend(element.attr(name).await.unwrap());
        }
        values
    }

    /// Presses keys where the focus is.
    pub async fn press(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Presses Enter where the focus is, and waits for the next page.
    pub async fn enter(&self) {
        let body = self.client.find(Locator::Css("body")).await.unwrap();
        self.press(&Key::Enter.to_string()).await;
        self.left_behind(&body).await;
    }

    /// Presses Tab until the focus is on what `css` names.
    pub async fn tab_to(&self, css: &str) {
        const TABS_MAX: usize = 150;
        for _ in 0..TABS_MAX {
            self.press(&Key::Tab.to_string()).await;
            if self.evaluate("return document.activeElement.matches(arguments[0])", vec![json!(css)]).await == json!(true) {
                return;
            }
        }
        panic!("{TABS_MAX} tabs do not reach {css} on {}", self.path().await);
    }

    /// The value of a script. Only where scripts run.
    pub async fn evaluate(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }
}

/// Chromedriver says the free port that it took.
fn start_driver() -> (Driver, u16) {
    let mut child = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let driver = Driver(child);
    let port = said.find_map(|line| line.ok()?.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
    // What it says later goes nowhere, but it must not meet a closed pipe.
    std::thread::spawn(move || said.for_each(drop));
    (driver, port.expect("chromedriver names its port"))
}

/// The same options with further arguments.
pub fn with_arguments(mut options: Value, more: &[&str]) -> Value {
    if let Some(args) = options["args"].as_array_mut() {
        args.extend(more.iter().map(|argument| json!(argument)));
    }
    options
}

fn options(screen: Screen, profile: &Path) -> Value {
    let metrics = json!({ "width": screen.width, "height": screen.height, "pixelRatio": 2.0, "touch": true, "mobile": true });
    let mut preferences = json!({ "intl.accept_languages": "ja" });
    if !screen.has_javascript {
        preferences["profile.managed_default_content_settings.javascript"] = json!(2);
    }
    json!({
        "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--lang=ja", format!("--user-data-dir={}", profile.display()),
        ],
        "mobileEmulation": { "deviceMetrics": metrics },
        "prefs": preferences,
    })
}
