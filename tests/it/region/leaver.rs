//! Somebody leaves the home's staff: what is written after that, the card, the holder's staff and a box that takes the home's place read, and the
//! leaver's badge does not, at the holder or on a copy of its disk. The real program, over real sockets.

use super::badge::{PATIENCE, pair};
use super::clinic::{Card, entries};
use crate::cli::program::{Clinic, JAHIS, Served};
use crate::phone::{Phone, value};
use crate::region_cli::{at, ok, status};
use crate::wait;
use rusqlite::OpenFlags;
use serde_json::json;
use std::collections::BTreeSet;

const HOME: &str = "さくら薬局";
const NAME: &str = "八重樫 すみれ";
/// Where a drug was dispensed, before and after.
const OLD: &str = "辞める前の薬局";
const NEW: &str = "辞めた後の薬局";

/// A home whose patient's record lies at a holder, and somebody of the home's staff.
struct Scene {
    home: Clinic,
    holder: Clinic,
    ledger: Vec<u8>,
    patient: String,
    card: Card,
    leaver: String,
    addresses: [String; 2],
}

impl Scene {
    fn new() -> Self {
        let (home, holder) = pair();
        let json = |args: &[&str]| ok(home.run(&[args, &["--json"]].concat())).json();
        let added = json(&["patient", "add", "--name", NAME, "--birth", "19580303", "--sex", "male"]);
        let patient = added["patient"].as_str().unwrap().to_owned();
        let issued = json(&["card", "issue", "--patient", &patient]);
        let card = Card { code: issued["code"].as_str().unwrap().to_owned(), pin: issued["pin"].as_str().unwrap().to_owned() };
        let (staff, out) = (at(&home, "staff.txt"), at(&home, "leaver.txt"));
        let badge = ["staff", "add", "--name", "辞める人", "--role", "pharmacist", "--staff", &staff, "--out", &out];
        let leaver = json(&badge)["id"].as_str().unwrap().to_owned();
        let seen = status(&home);
        let own = seen["ledgers"].as_array().unwrap().iter().find(|ledger| ledger["home"] == seen["site"]).unwrap();
        let ledger = data_encoding::HEXLOWER.decode(own["ledger"].as_str().unwrap().as_bytes()).unwrap();
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        Self { home, holder, ledger, patient, card, leaver, addresses: [free(), free()] }
    }

    /// The first of the addresses is the home's, or that of the box in its place.
    fn serve(&self, clinic: &Clinic, place: usize) -> Served {
        let [own, peer] = [&self.addresses[place], &self.addresses[1 - place]];
        clinic.serve(&["--sync-listen", own, "--no-discovery", "--peer", peer])
    }

    fn held(&self, clinic: &Clinic) -> BTreeSet<Vec<u8>> {
        entries(&clinic.path("data")).into_iter().filter(|(of, _)| *of == self.ledger).map(|(_, open)| open).collect()
    }

    fn until_copied(&self, from: &Clinic, to: &Clinic) {
        wait::until("everything of the ledger is there, too", PATIENCE, || {
            self.held(from).is_subset(&self.held(to)).then_some(())
        });
    }

    /// At home something was dispensed.
    fn write(&self, dispensed_at: &str) {
        let record = JAHIS.replace("見本 太郎", NAME).replace("株式会社 見本薬局", dispensed_at);
        let file = self.home.file(&format!("{dispensed_at}.csv"), record.as_bytes());
        ok(self.home.run(&["import", &file, "--patient", &self.patient]));
    }

    /// What the patient's card opens somewhere.
    fn history(&self, at: &Served) -> String {
        let mut phone = Phone::near(at.host());
        let opened = phone.open(&self.card.code, &self.card.pin);
        assert!(opened.contains("location: /you"), "{opened}");
        phone.get("/record/history")
    }
}

/// Signed in with the badge of a file.
fn signs_in(at: &Served, file: &str) -> Result<(Phone<'static>, String), String> {
    let mut phone = Phone::near(at.host());
    let sheet = std::fs::read_to_string(file).unwrap();
    let answer = phone.post("/staff/sign-in", &[("badge", &sheet), ("passphrase", "")]);
    if !answer.contains("location: /staff") {
        return Err(answer);
    }
    let csrf = value(&phone.get("/staff"), "csrf").to_owned();
    Ok((phone, csrf))
}

/// The record of whoever is found on a page by their name.
fn found(phone: &mut Phone<'_>, csrf: &str, path: &str) -> String {
    let link = wait::until("the name is found", PATIENCE, || {
        let page = phone.post(path, &[("csrf", csrf), ("name", NAME), ("birth", "S330303")]);
        let link = page.split_once("href=\"/staff/patient/").map(|(_, rest)| rest.split_once('"').unwrap().0.to_owned());
        assert!(link.is_some() || page.starts_with("HTTP/1.1 200"), "{page}");
        link
    });
    let record = phone.get(&format!("/staff/patient/{link}"));
    assert!(record.starts_with("HTTP/1.1 200") && record.contains(NAME), "{record}");
    record
}

/// On a page of the home's own console.
fn taken_back(at: &Served, admin: &str, badge: &str) {
    let (mut phone, csrf) = signs_in(at, admin).unwrap();
    let taken = phone.post(&format!("/staff/people/{badge}/revoke"), &[("csrf", &csrf), ("why", "left")]);
    assert!(taken.contains("location: /staff/people?done=left"), "{taken}");
}

/// Somebody of the holder's staff, who has a reason.
fn read_by_the_holders_staff(at: &Served, staff: &str) -> String {
    let (mut phone, csrf) = signs_in(at, staff).unwrap();
    let why = [("csrf", csrf.as_str()), ("reason", "continuation"), ("consent", "patient"), ("words", "避難所")];
    let broken = phone.post("/staff/glass", &why);
    assert!(broken.starts_with("HTTP/1.1 303"), "{broken}");
    found(&mut phone, &csrf, "/staff/find/beyond")
}

/// What the badge reads on a copy of the holder's disk, from which a thief took the note that the badge was taken back: nothing but the keys stands
/// between them and the record then.
fn read_on_a_copy(copy: &Clinic, badge: &str) -> String {
    const REVOKED: u8 = 5;
    let db = rusqlite::Connection::open_with_flags(copy.path("data/ledger.db"), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    db.execute("DELETE FROM projection WHERE kind = ?1", [REVOKED]).unwrap();
    drop(db);
    let served = copy.serve(&[]);
    let (mut phone, csrf) = signs_in(&served, badge).unwrap();
    let record = found(&mut phone, &csrf, "/staff/find");
    served.stop();
    record
}

/// A new box in the home's place, filled by the holder; handed over by the home's staff, with the region's word.
fn successor(scene: &Scene) -> Clinic {
    let (new, holder) = (Clinic::nowhere(), &scene.holder);
    let (request, answer) = (at(&new, "request"), at(&new, "answer"));
    let made = ok(new.run(&["init", "--successor", "--request-out", &request, "--json"])).json();
    let (staff, root) = (at(&scene.home, "staff.txt"), at(&scene.home, "kit/root.txt"));
    let by = ["--staff", &staff, "--root", &root, "--code", made["compared"].as_str().unwrap(), "--json"];
    let succeed = ["region", "succeed", HOME, "--request", &request, "--answer-out", &answer];
    let handed = ok(holder.run(&[&succeed[..], &by].concat())).json();
    assert_eq!(handed["admitted"], true, "{handed}");
    ok(new.run(&["init", "--successor", "--answer", &answer]));
    new
}

fn is_clean(clinic: &Clinic) {
    assert_eq!(ok(clinic.run(&["verify", "--json"])).json()["faults"], json!([]));
}

#[test]
fn what_is_written_after_somebody_left_their_badge_does_not_open_and_everybody_elses_keys_do() {
    let scene = Scene::new();
    let (home, holder) = (&scene.home, &scene.holder);
    let (admin, leaver, holders) = (at(home, "staff.txt"), at(home, "leaver.txt"), at(holder, "staff.txt"));
    let (at_home, at_holder) = (scene.serve(home, 0), scene.serve(holder, 1));
    scene.write(OLD);
    scene.until_copied(home, holder);
    let (mut guest, csrf) = signs_in(&at_holder, &leaver).unwrap();
    let record = found(&mut guest, &csrf, "/staff/find");
    assert!(record.contains(OLD), "till then it is theirs: {record}");
    drop(at_holder.stop());
    let before = holder.copied();

    let at_holder = scene.serve(holder, 1);
    taken_back(&at_home, &admin, &scene.leaver);
    scene.write(NEW);
    scene.until_copied(home, holder);
    for served in [&at_home, &at_holder] {
        let history = scene.history(served);
        assert!(history.contains(OLD) && history.contains(NEW), "the card opens both: {history}");
    }
    let record = read_by_the_holders_staff(&at_holder, &holders);
    assert!(record.contains(OLD) && record.contains(NEW), "{record}");
    for served in [&at_home, &at_holder] {
        let refused = signs_in(served, &leaver).err().unwrap();
        assert!(refused.starts_with("HTTP/1.1 403") && !refused.contains(NAME), "{refused}");
    }
    drop((at_home.stop(), at_holder.stop()));
    for copy in [&before, &holder.copied()] {
        let record = read_on_a_copy(copy, &leaver);
        assert!(record.contains(OLD) && !record.contains(NEW), "{record}");
    }

    // The home is lost.
    let new = successor(&scene);
    let (at_holder, at_new) = (scene.serve(holder, 1), scene.serve(&new, 0));
    scene.until_copied(holder, &new);
    wait::until("it has everything", PATIENCE, || status(&new)["filling"].is_null().then_some(()));
    let history = scene.history(&at_new);
    assert!(history.contains(OLD) && history.contains(NEW), "{history}");
    let (mut phone, csrf) = signs_in(&at_new, &admin).unwrap();
    let record = found(&mut phone, &csrf, "/staff/find");
    assert!(record.contains(OLD) && record.contains(NEW), "{record}");
    assert!(signs_in(&at_new, &leaver).is_err());
    drop((at_new.stop(), at_holder.stop()));
    [home, holder, &new].into_iter().for_each(is_clean);
}
