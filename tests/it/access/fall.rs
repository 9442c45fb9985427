//! A certificate that ends by the clock: down the ladder and up again, with the card that was scanned going along.

use super::board::certificate;
use super::world::{Boxed, OWN, PATIENCE, answers};
use crate::cli::program::JAHIS;
use crate::phone::Phone;
use crate::region::clinic::faketime;
use crate::wait;
use std::process::{Child, Command, Stdio};

const NAMED: &str = "kusuri.internal";

struct Card {
    code: String,
    pin: String,
}

fn card(node: &Boxed) -> Card {
    let added =
        node.clinic.run(&["patient", "add", "--name", "見本 太郎", "--birth", "19580303", "--sex", "male", "--json"]).json();
    let patient = added["patient"].as_str().unwrap();
    node.ok(&["import", &node.clinic.file("one.csv", JAHIS.as_bytes()), "--patient", patient]);
    let issued = node.clinic.run(&["card", "issue", "--patient", patient, "--json"]).json();
    Card { code: issued["code"].as_str().unwrap().to_owned(), pin: issued["pin"].as_str().unwrap().to_owned() }
}

/// The server with a clock that follows a file.
struct Shifted(Child);

impl Shifted {
    fn serve(node: &Boxed, library: &std::path::Path, clock: &str) -> Self {
        let (https, http) = (format!("127.0.0.1:{}", node.https), format!("127.0.0.1:{}", node.http));
        let mut command = Command::new(env!("CARGO_BIN_EXE_kusuribako"));
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--sync-listen",
            "off",
            "--https-listen",
            &https,
            "--http-listen",
            &http,
        ]);
        command.args(["--host", NAMED]).env("KUSURIBAKO_DIR", node.clinic.path("data"));
        command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", clock).env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        answers("the box", node.http);
        Self(child)
    }
}

impl Drop for Shifted {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn with_its_certificate_ended_the_box_falls_as_far_as_was_declared_and_rises_again() {
    let Some(library) = faketime() else {
        assert!(std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(), "libfaketime must be installed");
        println!("skipped: the fall by the clock needs libfaketime");
        return;
    };
    let node = Boxed::new();
    let card = card(&node);
    let (chain, key) = certificate(&node, "a", &[OWN], -30, 60);
    node.ok(&["access", "configure", "--name", OWN, "--certificate", &chain, "--key", &key]);
    let clock = node.clinic.file("clock", b"+0d");
    let turn = |by: &str| std::fs::write(&clock, by).unwrap();
    let _served = Shifted::serve(&node, &library, &clock);
    let (address, named) = (format!("127.0.0.1:{}", node.http), format!("{NAMED}:{}", node.http));
    let scanned = format!("/c/{}", card.code);
    let secure = format!("location: https://{OWN}:{}{scanned}\r\n", node.https);
    let door = |host: &str| node.http(host, &scanned, &[]);
    let waits = |what: &str, is_so: &dyn Fn(&str) -> bool| {
        wait::until(what, PATIENCE, || Some(door(&address)).filter(|answer| is_so(answer)))
    };

    for host in [&address, &named] {
        let sent = door(host);
        assert!(sent.starts_with("HTTP/1.1 303") && sent.contains(&secure) && !sent.contains("strict-transport"), "{sent}");
    }
    assert!(node.https(&chain, OWN, &scanned).unwrap().contains("HTTP/2 200"));
    assert!(door("attacker.example").starts_with("HTTP/1.1 421"));

    turn("+61d");
    let told = waits("nothing holds", &|answer| answer.starts_with("HTTP/1.1 503"));
    assert!(told.contains("受付の人に、カードを見せてください"), "{told}");
    assert!(door(&named).starts_with("HTTP/1.1 503"));
    let own = door(&format!("{OWN}:{}", node.http));
    assert!(
        own.contains(&format!("location: http://{address}{scanned}\r\n")),
        "browsers may insist on https for the name: {own}"
    );
    assert_eq!(node.https(&chain, OWN, "/"), None);
    assert!(Phone::near(&address).read(&card.code, &card.pin).starts_with("HTTP/1.1 503"));

    // The envelope.
    let out = node.clinic.path("envelope.txt");
    node.ok(&["access", "envelope", "--out", out.to_str().unwrap()]);
    let sheet = std::fs::read_to_string(&out).unwrap();
    let code = sheet.lines().last().unwrap();
    assert!(node.http(&address, "/envelope", &[]).starts_with("HTTP/1.1 200"));
    let typed = |code: &str| node.http(&address, "/envelope", &["-d", &format!("code={code}")]);
    assert!(typed("AAAA-AAAA").starts_with("HTTP/1.1 403"));
    assert!(typed(code).starts_with("HTTP/1.1 303"));
    assert!(typed(code).starts_with("HTTP/1.1 403"), "it is good once");
    assert_eq!(node.status()["c"]["by"]["envelope"]["number"], 1);
    reads_and_does_no_more(&node, &address, &card);

    turn("+0d");
    waits("the certificate holds again", &|answer| answer.contains(&secure));
    node.ok(&["access", "end-http"]);
    turn("+61d");
    waits("nothing holds again", &|answer| answer.starts_with("HTTP/1.1 503"));

    // One badge.
    let staff = node.clinic.path("staff.txt");
    let wrong = std::fs::read_to_string(&staff).unwrap().replace("passphrase ", "passphrase x");
    let wrong = node.clinic.file("wrong.txt", wrong.as_bytes());
    assert_eq!(node.clinic.run(&["access", "declare-http", "--staff", &wrong]).code, 1);
    assert!(door(&address).starts_with("HTTP/1.1 503"));
    node.ok(&["access", "declare-http", "--staff", staff.to_str().unwrap(), "--hours", "2", "--reason", "停電"]);
    reads_and_does_no_more(&node, &address, &card);
    assert_eq!((&node.status()["phones_get"], &node.status()["c"]["reason"]), (&"C".into(), &"停電".into()));
}

/// By http without encryption.
fn reads_and_does_no_more(node: &Boxed, address: &str, card: &Card) {
    let pin_page = node.http(address, &format!("/c/{}", card.code), &[]);
    assert!(pin_page.starts_with("HTTP/1.1 200") && pin_page.contains("暗号で守られていません"), "{pin_page}");
    let mut phone = Phone::near(address);
    let opened = phone.open(&card.code, &card.pin);
    assert!(opened.contains("set-cookie: kusuribako_http=") && !opened.contains("Secure"), "{opened}");
    let record = phone.get("/record");
    assert!(record.contains("ｺﾘｵﾊﾟﾝ") && record.contains("暗号で守られていません"), "{record}");
    let notes = phone.get("/record/notes");
    assert!(notes.starts_with("HTTP/1.1 200") && !notes.contains("/record/notes/own"), "no form that would be refused");
    for (path, form) in [("/record/notes/own", "text"), ("/record/notes/otc", "name"), ("/record/conceal/00", "concealed")] {
        assert!(phone.post(path, &[(form, "x")]).starts_with("HTTP/1.1 403"), "{path}");
    }
    for path in ["/staff", "/staff/elsewhere", "/record/conceal/00", "/anything/new"] {
        assert!(phone.get(path).starts_with("HTTP/1.1 403"), "{path}");
    }
    let named = node.http(&format!("{NAMED}:{}", node.http), "/record", &[]);
    assert!(named.starts_with("HTTP/1.1 303") && named.contains("location: /\r\n"), "{named}");
    assert!(node.http("attacker.example", "/", &[]).starts_with("HTTP/1.1 421"));
    assert!(!record.contains("strict-transport"));
}
