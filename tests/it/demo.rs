//! `kusuribako demo` as a newcomer starts it: three clinics, of which any one may die.

use crate::phone::Phone;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

struct Demo {
    process: Child,
    clinics: Vec<Value>,
    outside: Value,
    _dir: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kusuribako"));
        command.args(["demo", "--json", "--dir"]).arg(dir.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("no ready line: {e}: {line:?}"));
        let clinics = ready["clinics"].as_array().unwrap().clone();
        assert_eq!(clinics.len(), 3);
        Self { process, clinics, outside: ready["outside"].clone(), _dir: dir }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text was expected: {value}"))
}

/// Every card opens at each clinic that lives and holds its record; the others say who does, and whether it answers.
fn check(demo: &Demo, dead: usize) {
    let is_dead = |name: &str| name == text(&demo.clinics[dead]["name"]);
    let cards = demo.clinics.iter().flat_map(|clinic| clinic["cards"].as_array().unwrap());
    for card in cards {
        let held_by: Vec<&str> = card["held_by"].as_array().unwrap().iter().map(text).collect();
        assert_eq!(held_by.len(), 2, "{card}");
        let (code, pin) = (text(&card["code"]), text(&card["pin"]));
        for clinic in demo.clinics.iter().filter(|clinic| !is_dead(text(&clinic["name"]))) {
            let mut phone = Phone::near(text(&clinic["url"]).strip_prefix("http://").unwrap());
            let page = phone.read(code, pin);
            if held_by.contains(&text(&clinic["name"])) {
                assert!(page.starts_with("HTTP/1.1 200") && page.contains(text(&card["patient"])), "{page}");
                continue;
            }
            assert!(held_by.iter().all(|holder| page.contains(holder)), "who holds it is named: {page}");
            assert!(page.contains("km") && page.contains("今、つながっています"), "how far it is, and that it answers: {page}");
        }
    }
}

/// Staff of the first clinic sign in with the badge that the demo names, and something that was written elsewhere waits for them.
fn staff_have_something_to_look_at(demo: &Demo) {
    let clinic = &demo.clinics[0];
    let file = std::fs::read_to_string(text(&clinic["staff"])).unwrap();
    let mut phone = Phone::near(text(&clinic["url"]).strip_prefix("http://").unwrap());
    let answer = phone.post("/staff/sign-in", &[("badge", &file), ("passphrase", "")]);
    assert!(answer.contains("location: /staff"), "{answer}");
    let list = phone.get("/staff/elsewhere");
    let patient = clinic["cards"].as_array().unwrap().last().unwrap()["patient"].as_str().unwrap();
    assert!(list.contains(patient) && list.contains("新しい："), "{list}");
}

/// A helper from outside signs in at each clinic that lives, whose own staff have locked it; and at each there is a badge for every role.
fn helpers_come_in(demo: &Demo, dead: usize) {
    let (badge, pin) = (std::fs::read_to_string(text(&demo.outside["file"])).unwrap(), text(&demo.outside["pin"]));
    for (_, clinic) in demo.clinics.iter().enumerate().filter(|(at, _)| *at != dead) {
        let mut phone = Phone::near(text(&clinic["url"]).strip_prefix("http://").unwrap());
        let answer = phone.post("/staff/outside", &[("badge", &badge), ("pin", pin)]);
        assert!(answer.contains("location: /staff"), "{answer}");
        assert!(phone.get("/staff/glass").contains("name=\"reason\""));
        for role in ["admin", "pharmacist", "reader"] {
            let file = std::fs::read_to_string(text(&clinic["badges"][role])).unwrap();
            assert!(
                phone.post("/staff/sign-in", &[("badge", &file), ("passphrase", "")]).contains("location: /staff"),
                "{role}"
            );
        }
    }
}

#[test]
fn any_one_of_the_three_clinics_may_die() {
    for dead in 0..3 {
        let demo = Demo::start();
        staff_have_something_to_look_at(&demo);
        let pid = demo.clinics[dead]["pid"].as_u64().unwrap().to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        check(&demo, dead);
        helpers_come_in(&demo, dead);
    }
}
