//! The region by command line alone: the real program, real directories, two boxes that meet by files or by network.

use crate::cli::program::{Clinic, Ran};
use crate::wait;
use serde_json::Value;
use std::net::TcpListener;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A path beside the data directory, as an argument.
pub fn at(clinic: &Clinic, name: &str) -> String {
    clinic.path(name).to_str().unwrap().to_owned()
}

pub fn ok(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}{}", String::from_utf8_lossy(&ran.out), ran.err);
    ran
}

/// Refused, in a sentence that has these words in it.
fn refused(ran: &Ran, words: &str) {
    assert_eq!(ran.code, 1, "{}", String::from_utf8_lossy(&ran.out));
    assert!(ran.err.contains(words), "{}", ran.err);
}

/// The founder with its kit in `kit`.
pub fn founded(split: bool) -> Clinic {
    let host = Clinic::named("さくら薬局", &["--lat", "33.55", "--lon", "133.53", "--damage", "0.3", "--host", "本町ビル"]);
    let (kit, staff) = (at(&host, "kit"), at(&host, "staff.txt"));
    let mut args = vec!["region", "found", "--name", "高知", "--kit-out", &kit, "--staff", &staff, "--json"];
    args.extend(split.then_some("--split"));
    assert_eq!(ok(host.run(&args)).json()["recovery_confirmed"], true);
    host
}

fn invite(host: &Clinic) -> String {
    ok(host.run(&["region", "invite", "--json"])).json()["code"].as_str().unwrap().to_owned()
}

/// Joins by files; the code that both screens show.
fn ask(host: &Clinic, guest: &Clinic, code: &str) -> String {
    let (request, answer) = (at(guest, "request"), at(guest, "answer"));
    ok(guest.run(&["region", "join", code, "--request-out", &request]));
    ok(host.run(&["region", "answer", &request, "--out", &answer]));
    let joined = ok(guest.run(&["region", "join", code, "--answer", &answer, "--json"])).json();
    let waiting = ok(host.run(&["region", "confirm", "--json"])).json();
    let shown = waiting["guests"].as_array().unwrap().iter().find(|guest| guest["compared"] == joined["compared"]);
    assert!(shown.is_some(), "{waiting}");
    joined["compared"].as_str().unwrap().to_owned()
}

pub fn carry(from: &Clinic, to: &Clinic) {
    let file = at(from, "statements");
    ok(from.run(&["region", "carry", "--out", &file]));
    ok(to.run(&["region", "carry", "--take", &file]));
}

pub fn joined(host: &Clinic, guest: &Clinic) {
    let compared = ask(host, guest, &invite(host));
    ok(guest.run(&["region", "confirm", &compared]));
    let root = at(host, "kit/root.txt");
    assert_eq!(ok(host.run(&["region", "confirm", &compared, "--root", &root, "--json"])).json()["counts"], true);
    carry(host, guest);
    carry(guest, host);
}

pub fn status(clinic: &Clinic) -> Value {
    ok(clinic.run(&["region", "status", "--json"])).json()
}

pub fn row<'a>(rows: &'a Value, field: &str, value: &Value) -> &'a Value {
    rows.as_array().unwrap().iter().find(|row| row[field] == *value).unwrap_or_else(|| panic!("no {field} {value}: {rows}"))
}

fn troubles(status: &Value) -> Vec<&str> {
    let kinds = status["troubles"].as_array().unwrap().iter();
    kinds.map(|trouble| trouble["kind"].as_str().unwrap()).collect()
}

#[test]
fn founded_joined_placed_and_confirmed_with_no_network() {
    let host = founded(true);
    let guest = Clinic::named("日本語 薬局", &["--damage", "0.1", "--capacity", "500", "--reading", "にほんご"]);
    assert_eq!(status(&guest)["region"], Value::Null);
    let code = invite(&host);
    refused(&guest.run(&["region", "join", &code.replacen(&code[8..9], "", 1), "--request-out", &at(&guest, "no")]), "code");
    let compared = ask(&host, &guest, &code);

    // Somebody who has seen the same invitation comes too late; and wrong codes are nobody's.
    let late = Clinic::named("あとから", &[]);
    ok(late.run(&["region", "join", &code, "--request-out", &at(&late, "request")]));
    refused(&host.run(&["region", "answer", &at(&late, "request"), "--out", &at(&late, "answer")]), "used before");
    let roots = [at(&host, "kit/root-1.txt"), at(&host, "kit/root-3.txt")];
    let by_root = |command: &[&str]| host.run(&[command, &["--root", &roots[0], "--root", &roots[1]]].concat());
    refused(&by_root(&["region", "confirm", "0000-0000-00"]), "stays different");
    refused(&guest.run(&["region", "confirm", "0000-0000-00"]), "stays different");
    refused(&host.run(&["region", "confirm", &compared]), "--root");
    refused(&host.run(&["region", "confirm", &compared, "--root", &roots[0]]), "another one of the three is needed");
    refused(&host.run(&["region", "confirm", &compared, "--root", &at(&host, "kit/duty-1.txt")]), "another one of the three");
    ok(guest.run(&["region", "confirm", &compared]));
    ok(by_root(&["region", "confirm", &compared]));
    carry(&host, &guest);
    carry(&guest, &host);

    let proposals = [(); 2].map(|()| ok(host.run(&["region", "place", "--propose", "--explain", "--json"])).out);
    assert_eq!(proposals[0], proposals[1]);
    assert_eq!(
        ok(guest.run(&["region", "place", "--propose", "--explain", "--json"])).out,
        proposals[0],
        "the same at each node"
    );
    let adopted = ok(by_root(&["region", "place", "--adopt", "--json"])).json();
    assert_eq!((&adopted["adopted"]["counts"], &adopted["predecessors"]), (&Value::Bool(true), &Value::Array(Vec::new())));
    let next = ok(host.run(&["region", "place", "--propose", "--json"])).json();
    assert_eq!((&next["is_change"], &next["predecessors"][0]), (&Value::Bool(false), &adopted["adopted"]["statement"]));

    let before = status(&host);
    assert!(troubles(&before).contains(&"holder-waits"), "{before}");
    let id = row(&before["sites"], "name", &Value::from("日本語 薬局"))["site"].clone();
    let holder = &id.as_str().unwrap()[..8];
    refused(&host.run(&["region", "confirm", "--holder", holder, "--staff", &at(&guest, "staff.txt")]), "no staff badge");
    ok(host.run(&["region", "confirm", "--holder", holder, "--staff", &at(&host, "staff.txt")]));
    assert!(!troubles(&status(&host)).contains(&"holder-waits"));

    let seen = status(&host);
    for field in ["region", "sites", "ledgers", "set_aside"] {
        assert!(!seen[field].is_null(), "{field}: {seen}");
    }
    let guest_row = row(&seen["sites"], "site", &id);
    assert_eq!((&guest_row["state"], &guest_row["reachable"]), (&Value::from("active"), &Value::Bool(false)));
    assert!(guest_row["last_contact_s"].is_null() && guest_row["node"].is_string());
    let own = row(&seen["ledgers"], "home", &seen["site"]);
    let held = row(&own["holders"], "site", &seen["site"]);
    assert!(held["entries"].as_u64().unwrap() > 0 && held["behind"] == 0 && held["unlock"] == "open", "{held}");
    assert_eq!(row(&own["holders"], "site", &id)["unlock"], "locked");
    let theirs = row(&seen["ledgers"], "home", &id);
    assert_eq!(row(&theirs["holders"], "site", &seen["site"])["unlock"], "card only");
    for trouble in seen["troubles"].as_array().unwrap() {
        for text in ["sentence", "next_action"] {
            assert!(!trouble[text]["ja"].as_str().unwrap().is_empty() && !trouble[text]["en"].as_str().unwrap().is_empty());
        }
    }
    let map = String::from_utf8(ok(host.run(&["region", "map"])).out).unwrap();
    assert!(map.starts_with("<svg") && map.contains("さくら薬局"), "{map}");
}

#[test]
fn a_guest_that_was_refused_after_it_had_confirmed_joins_with_another_invitation() {
    let (host, guest) = (founded(false), Clinic::named("二号店", &[]));
    let compared = ask(&host, &guest, &invite(&host));
    ok(guest.run(&["region", "confirm", &compared]));
    ok(host.run(&["region", "confirm", &compared, "--refuse"]));
    assert_eq!(troubles(&status(&guest)), ["not-admitted"], "one thing to do, and nothing beside it");
    joined(&host, &guest);
    assert!(!troubles(&status(&guest)).contains(&"not-admitted"));
    assert!(ok(guest.run(&["region", "status"])).err.is_empty());
    refused(&guest.run(&["region", "join", &invite(&host), "--request-out", &at(&guest, "again")]), "already");
}

#[test]
fn status_is_a_page_in_either_language_and_cards_lead_where_the_region_says() {
    let host = Clinic::named("さくら薬局", &[]);
    let card = |clinic: &Clinic| {
        let patient =
            ok(clinic.run(&["patient", "add", "--name", "見本 花子", "--birth", "19500101", "--sex", "female", "--json"]))
                .json();
        ok(clinic.run(&["card", "issue", "--patient", patient["patient"].as_str().unwrap(), "--json"])).json()["url"].clone()
    };
    let kit = at(&host, "kit");
    ok(host.run(&["region", "found", "--name", "高知", "--kit-out", &kit, "--card-base", "https://kusuri.example"]));
    let page = |args: &[&str]| String::from_utf8(ok(host.run(&[&["region", "status"], args].concat())).out).unwrap();
    assert!(
        page(&["--lang", "en"]).contains("cannot open this clinic's records yet.\n  If that is right, run `kusuribako region")
    );
    assert!(page(&["--lang", "ja"]).contains("施設") && page(&["--lang", "ja"]).contains("この箱"));
    ok(host.run(&["region", "confirm", "--recovery", "--staff", &at(&host, "staff.txt")]));
    assert!(page(&["--lang", "en"]).contains("Nothing is wrong, as far as this box knows."));
    assert!(card(&host).as_str().unwrap().starts_with("https://kusuri.example/c/"));
    let own = Clinic::named("みなと薬局", &["--card-base", "https://minato.example"]);
    joined(&host, &own);
    assert!(card(&own).as_str().unwrap().starts_with("https://minato.example/c/"), "a clinic's own word stays");
    assert!(troubles(&status(&own)).contains(&"card-base") && !troubles(&status(&host)).contains(&"card-base"));
    refused(&host.run(&["region", "kit", "check", &at(&host, "staff.txt")]), "no sheet's code in it");
}

#[test]
fn the_kit_is_split_put_together_and_told_from_others() {
    let host = founded(true);
    let sheets = |key: &str, numbers: [u8; 2]| numbers.map(|number| at(&host, &format!("kit/{key}-{number}.txt")));
    for (key, numbers) in [("root", [1, 2]), ("recovery", [2, 3]), ("duty", [3, 1])] {
        let [one, other] = sheets(key, numbers);
        let found = ok(host.run(&["region", "kit", "check", &one, &other, "--json"])).json();
        assert_eq!((&found["key"], &found["of_this_region"]), (&Value::from(key), &Value::Bool(true)));
    }
    let [one, other] = sheets("root", [1, 2]);
    let [recovery, _] = sheets("recovery", [1, 2]);
    refused(&host.run(&["region", "kit", "check", &one]), "another one of the three");
    refused(&host.run(&["region", "kit", "check", &one, &recovery]), "different keys");
    let whole = at(&host, "whole");
    ok(host.run(&["region", "kit", "write", &one, &other, "--whole", "--out", &whole, "--name", "高知"]));
    refused(&host.run(&["region", "kit", "write", &one, &other, "--whole", "--out", &whole]), "not empty");
    let restored = format!("{whole}/root.txt");
    assert_eq!(ok(host.run(&["region", "kit", "check", &restored, "--json"])).json()["of_this_region"], true);
    let page = std::fs::read_to_string(format!("{whole}/root.svg")).unwrap();
    assert!(
        page.contains("<svg") && page.contains("高知") && !page.contains("src=") && !page.contains("href"),
        "a page that asks nobody"
    );

    let other = founded(false);
    let root = at(&other, "kit/root.txt");
    assert_eq!(host.run(&["region", "kit", "check", &root]).code, 1);
    refused(&host.run(&["region", "retire", "さくら薬局", "--root", &root]), "does not sign for the region");

    // The code alone, as a hand types it, is enough.
    let code = std::fs::read_to_string(&restored).unwrap().lines().last().unwrap().to_lowercase();
    let typed = host.file("typed.txt", code.as_bytes());
    ok(host.run(&["region", "retire", "さくら薬局", "--reason", "試し", "--root", &typed, "--json"]));
    assert_eq!(row(&status(&host)["sites"], "name", &Value::from("さくら薬局"))["state"], "retired");
    let mistyped =
        host.file("mistyped.txt", code.replacen(&code[10..11], if &code[10..11] == "0" { "1" } else { "0" }, 1).as_bytes());
    refused(&host.run(&["region", "kit", "check", &mistyped]), "a sheet does not read");
}

#[test]
fn revoked_with_marks_and_signed_by_two_deputies() {
    let (host, guest) = (founded(false), Clinic::named("二号店", &[]));
    joined(&host, &guest);
    let root = at(&host, "kit/root.txt");
    let mut deputies = Vec::new();
    for name in ["甲", "乙"] {
        let file = at(&host, &format!("{name}.key"));
        let made = ok(host.run(&["region", "deputy", "new", "--name", name, "--out", &file]));
        let key = String::from_utf8(made.out).unwrap();
        ok(host.run(&["region", "deputy", "add", key.trim(), "--name", name, "--root", &root]));
        deputies.push(file);
    }
    refused(&host.run(&["region", "revoke", "二号店", "--deputy", &deputies[0]]), "region marks");
    let marks = guest.file("marks.json", &ok(guest.run(&["region", "marks", "二号店"])).out);
    let revoke = ["region", "revoke", "二号店", "--reason", "盗難", "--marks", &marks, "--deputy", &deputies[0], "--json"];
    let revoked = ok(host.run(&revoke)).json()["revoked"][0].clone();
    assert_eq!(revoked["counts"], false);
    assert!(revoked["marks"][0]["seq"].as_u64().unwrap() > 1);
    let waits = status(&host);
    assert_eq!(row(&waits["sites"], "name", &Value::from("二号店"))["state"], "active");
    let statement = revoked["statement"].as_str().unwrap();
    ok(host.run(&["region", "sign", &statement[..10], "--deputy", &deputies[1]]));
    let seen = status(&host);
    assert_eq!(row(&seen["sites"], "name", &Value::from("二号店"))["state"], "revoked");
    refused(&host.run(&revoke), "nothing is left");
    ok(host.run(&["region", "deputy", "end", "甲", "--root", &root]));
    refused(&host.run(&["region", "emergency", "declare", "--site", "さくら薬局", "--deputy", &deputies[0]]), "has ended");
    let declared = ok(host.run(&["region", "emergency", "declare", "--site", "さくら薬局", "--root", &root, "--json"])).json();
    ok(host.run(&["region", "emergency", "end", declared["emergency"].as_str().unwrap(), "--root", &root]));
}

#[test]
fn the_first_admin_is_made_once_and_a_chosen_passphrase_is_read_in_one_form() {
    let clinic = Clinic::init();
    refused(&clinic.run(&["staff", "first-admin"]), "has a first admin already");
    let staff = at(&clinic, "staff.txt");
    refused(&clinic.run(&["unlock", "--staff", &clinic.file("no.txt", b"nothing")]), "badge CODE");
    let other =
        Clinic::named("別", &["--passphrase-file", &clinic.file("phrase.txt", "くすりばこの ながい あいことば\n".as_bytes())]);
    assert!(std::fs::read_to_string(other.path("staff.txt")).unwrap().contains("(as it was chosen)"));
    let badge = std::fs::read_to_string(other.path("staff.txt")).unwrap();
    let chosen = other.file("staff2.txt", badge.replace("(as it was chosen)", "ｸｽﾘﾊﾞｺのながいあいことば").as_bytes());
    refused(&other.run(&["unlock", "--staff", &chosen]), "wrong passphrase, 4 tries left");
    let right = other.file("staff3.txt", badge.replace("(as it was chosen)", "くすりばこのながいあいことば").as_bytes());
    ok(other.run(&["unlock", "--staff", &right]));
    let short = clinic.file("short.txt", b"123");
    let refusal = Clinic::init().run(&["init", "--dir", &at(&clinic, "third"), "--name", "三", "--passphrase-file", &short]);
    refused(&refusal, "at least 10 characters");
    assert!(!clinic.path("third").exists(), "nothing is founded with a passphrase that is refused");
    assert!(!std::path::Path::new(&staff).exists());
}

#[test]
fn two_served_boxes_join_over_the_network_copy_and_unlock() {
    let (host, guest) = (founded(false), Clinic::named("日本語 薬局", &["--damage", "0.1"]));
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (host_at, guest_at) = (free(), free());
    let served_host = host.serve(&["--sync-listen", &host_at, "--no-discovery"]);
    let served_guest = guest.serve(&["--sync-listen", &guest_at, "--no-discovery"]);
    let invitation = ok(host.run(&["region", "invite", "--address", &host_at, "--json"])).json();
    // The scanned code says where the other side answers; nothing else is needed.
    let joined = ok(guest.run(&["region", "join", invitation["qr"].as_str().unwrap(), "--json"])).json();
    let compared = joined["compared"].as_str().unwrap();
    let root = at(&host, "kit/root.txt");
    // The guest first, as the documentation has it: it hears of its admission with no restart.
    ok(guest.run(&["region", "confirm", compared]));
    assert!(troubles(&status(&guest)).contains(&"not-admitted"));
    refused(&guest.run(&["region", "confirm", compared]), "confirmed already");
    ok(host.run(&["region", "confirm", compared, "--root", &root]));
    let both = |seen: &Value| {
        seen["sites"].as_array().is_some_and(|sites| sites.len() == 2 && sites.iter().all(|site| site["reachable"] == true))
    };
    wait::until("both see each other", PATIENCE, || (both(&status(&host)) && both(&status(&guest))).then_some(()));
    ok(host.run(&["region", "place", "--adopt", "--root", &root]));
    ok(host.run(&["region", "confirm", "--holder", "日本語 薬局", "--staff", &at(&host, "staff.txt")]));
    let copy = |seen: &Value, home: &str| {
        let home = row(&seen["sites"], "name", &Value::from(home))["site"].clone();
        row(&row(&seen["ledgers"], "home", &home)["holders"], "site", &seen["site"]).clone()
    };
    wait::until("the guest has a copy that its staff can open", PATIENCE, || {
        let held = ok(guest.run(&["region", "status", "--json"])).json();
        let is_held = held["ledgers"].as_array().unwrap().len() == 2 && copy_is_locked(&held);
        is_held.then_some(())
    });
    let opened = ok(guest.run(&["unlock", "--staff", &at(&guest, "staff.txt"), "--json"])).json();
    assert_eq!(opened["ledgers"][0]["unlock"], "open", "{opened}");
    assert_eq!(copy(&status(&guest), "さくら薬局")["unlock"], "open");
    let clock = row(&status(&guest)["sites"], "name", &Value::from("さくら薬局"))["clock_ahead_s"].as_i64();
    assert!(clock.is_some_and(|ahead_s| ahead_s.abs() < 3_600), "boxes say their clocks to each other: {clock:?}");
    ok(guest.run(&["lock"]));
    assert_eq!(copy(&status(&guest), "さくら薬局")["unlock"], "locked");
    let log = served_host.stop() + &served_guest.stop();
    assert!(!log.contains(compared), "codes that people compare are in no log");
}

/// Whether a copy of another's records lies here whose key was sealed to this site.
fn copy_is_locked(seen: &Value) -> bool {
    let other = seen["ledgers"].as_array().unwrap().iter().find(|ledger| ledger["home"] != seen["site"]);
    let holders = other.and_then(|ledger| ledger["holders"].as_array()).into_iter().flatten();
    holders.into_iter().any(|holder| holder["site"] == seen["site"] && holder["unlock"] == "locked")
}
