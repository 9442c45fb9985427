//! A helper from outside at a clinic whose staff, and all of whose neighbours, are gone: by command line, with the real program.

use crate::cli::program::{Clinic, Ran};
use crate::region_cli::{at, carry, founded, joined, ok, row, status};
use crate::wait;
use serde_json::Value;
use std::net::TcpListener;
use std::time::Duration;

pub(super) const PATIENCE: Duration = Duration::from_secs(60);
const HOLDER: &str = "みなと薬局";

/// A home and a holder whose staff have opened its copy once; both stopped, the holder locked.
pub(super) fn pair() -> (Clinic, Clinic) {
    let (home, holder) = (founded(false), Clinic::named(HOLDER, &["--damage", "0.1"]));
    joined(&home, &holder);
    ok(home.run(&["region", "place", "--adopt", "--root", &at(&home, "kit/root.txt")]));
    ok(home.run(&["region", "confirm", "--holder", HOLDER, "--staff", &at(&home, "staff.txt")]));
    carry(&home, &holder);
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (home_at, holder_at) = (free(), free());
    let served_home = home.serve(&["--sync-listen", &home_at, "--no-discovery"]);
    let served = holder.serve(&["--sync-listen", &holder_at, "--no-discovery", "--peer", &home_at]);
    wait::until("the holder has a copy that its staff can open", PATIENCE, || (unlock(&holder)? == "locked").then_some(()));
    ok(holder.run(&["unlock", "--staff", &at(&holder, "staff.txt")]));
    ok(holder.run(&["lock"]));
    drop((served.stop(), served_home.stop()));
    carry(&holder, &home);
    (home, holder)
}

/// How the holder can open the home's copy.
fn unlock(holder: &Clinic) -> Option<Value> {
    let seen = status(holder);
    let ledger = seen["ledgers"].as_array()?.iter().find(|ledger| ledger["home"] != seen["site"])?;
    let own = ledger["holders"].as_array()?.iter().find(|row| row["site"] == seen["site"])?;
    Some(own["unlock"].clone())
}

/// Issued at the home; its file and the file with its PIN.
fn issue(home: &Clinic, name: &str, area: &str) -> (String, String) {
    let out = at(home, name);
    let duty = at(home, "kit/duty.txt");
    let args = [
        "badge",
        "issue",
        "--duty",
        &duty,
        "--name",
        "応援 花子",
        "--licence",
        "123456",
        "--area",
        area,
        "--out",
        &out,
        "--json",
    ];
    let issued = ok(home.run(&args)).json();
    assert_eq!((&issued["hours"], &issued["qr"]), (&Value::from(72), &Value::from(true)), "{issued}");
    let pin = home.file(&format!("{name}.pin"), issued["pin"].as_str().unwrap().as_bytes());
    (out, pin)
}

fn open(holder: &Clinic, (badge, pin): &(String, String)) -> Value {
    ok(holder.run(&["badge", "open", "--badge", badge, "--pin-file", pin, "--json"])).json()
}

/// An issue with a sheet that may not be the one that it takes.
fn tried(clinic: &Clinic, sheet: &str, out: &str) -> Ran {
    clinic.run(&[
        "badge",
        "issue",
        "--duty",
        sheet,
        "--name",
        "a",
        "--licence",
        "b",
        "--area",
        "all",
        "--out",
        &at(clinic, out),
    ])
}

/// Refused, with a sentence and what to do in both languages.
fn refused(holder: &Clinic, (badge, pin): &(String, String), why: &str) {
    let ran = holder.run(&["badge", "open", "--badge", badge, "--pin-file", pin, "--json"]);
    let said = ran.json();
    assert_eq!((ran.code, &said["refused"]), (1, &Value::from(why)), "{said}");
    for text in ["sentence", "next_action"] {
        assert!(["ja", "en"].iter().all(|language| !said[text][language].as_str().unwrap().is_empty()), "{said}");
    }
    let page = holder.run(&["badge", "open", "--badge", badge, "--pin-file", pin]);
    assert!(page.code == 1 && page.err.contains(said["next_action"]["en"].as_str().unwrap()), "{}", page.err);
}

#[test]
fn a_badge_opens_a_locked_holder_with_all_its_staff_and_all_its_neighbours_gone() {
    let (home, holder) = pair();
    let badge = issue(&home, "helper.txt", HOLDER);
    let file = std::fs::read_to_string(&badge.0).unwrap();
    assert!(!file.contains("応援") && !file.contains("123456"), "the file alone says nothing of its owner");
    // Nobody else runs; the server has just started.
    let served = holder.serve(&[]);
    assert_eq!(unlock(&holder).unwrap(), "locked");
    let opened = open(&holder, &badge);
    assert_eq!(
        (&opened["name"], &opened["ledgers"][0]["unlock"]),
        (&Value::from("応援 花子"), &Value::from("open")),
        "{opened}"
    );
    assert!(opened["left_s"].as_u64().is_some_and(|left| left > 71 * 3_600), "{opened}");
    assert_eq!(unlock(&holder).unwrap(), "open");
    let listed = ok(holder.run(&["badge", "list", "--json"])).json();
    assert_eq!((&listed["slots_left"], &listed["used"][0]["licence"]), (&Value::from(19), &Value::from("123456")), "{listed}");
    ok(holder.run(&["lock"]));
    assert_eq!(unlock(&holder).unwrap(), "locked");
    open(&holder, &badge);
    let log = served.stop();
    assert!(!log.contains("応援") && !log.contains("123456"), "who it is stands in the ledger, not in the log");

    // After a restart, and after the projections were made anew.
    ok(holder.run(&["rebuild"]));
    let served = holder.serve(&[]);
    assert_eq!(unlock(&holder).unwrap(), "locked");
    open(&holder, &badge);
    assert_eq!(unlock(&holder).unwrap(), "open");
    drop(served.stop());
    let listed = ok(holder.run(&["badge", "list", "--json"])).json();
    let tries = listed["tries"].as_array().unwrap();
    assert!(
        tries.len() == 3 && tries.iter().all(|tried| tried["outcome"] == "Opened" && tried["licence"] == "123456"),
        "{listed}"
    );
    let verified = ok(holder.run(&["verify", "--json"])).json();
    assert_eq!(verified["faults"], serde_json::json!([]));
}

#[test]
fn forged_altered_and_foreign_badges_open_nothing() {
    let (home, holder) = pair();
    let badge = issue(&home, "helper.txt", HOLDER);

    // Another region's duty key makes none of this region's badges.
    let other = founded(false);
    let foreign = tried(&home, &at(&other, "kit/duty.txt"), "no.txt");
    assert!(foreign.code == 1 && foreign.err.contains("not the duty key"), "{}", foreign.err);
    let by_root = tried(&home, &at(&home, "kit/root.txt"), "no.txt");
    assert!(by_root.code == 1 && by_root.err.contains("not the duty key"), "{}", by_root.err);

    // Altered bytes; another PIN; no PIN at all.
    let text = std::fs::read_to_string(&badge.0).unwrap();
    let third = text.lines().nth(2).unwrap();
    let altered = text.replacen(&third[8..12], if &third[8..12] == "AAAA" { "BBBB" } else { "AAAA" }, 1);
    refused(&holder, &(holder.file("altered.txt", altered.as_bytes()), badge.1.clone()), "damaged");
    refused(&holder, &(holder.file("other.txt", b"no badge"), badge.1.clone()), "damaged");
    refused(&holder, &(badge.0.clone(), holder.file("short.pin", b"123456")), "pin-format");
    refused(&holder, &(badge.0.clone(), holder.file("wrong.pin", b"000000000000")), "wrong-pin");

    // For another site; and one whose slot is none of this box's.
    let first = issue(&home, "second.txt", HOLDER);
    ok(home.run(&["unlock", "--staff", &at(&home, "staff.txt")]));
    let elsewhere = issue(&home, "elsewhere.txt", "さくら薬局");
    refused(&holder, &elsewhere, "other-area");

    // What was opened and what was refused stands in the clinic's own ledger.
    open(&holder, &first);
    let listed = ok(holder.run(&["badge", "list", "--json"])).json();
    let outcomes: Vec<&str> =
        listed["tries"].as_array().unwrap().iter().map(|tried| tried["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["WrongPin", "WrongPin", "OtherArea", "OtherArea", "Opened"]);
    assert_eq!(row(&listed["used"], "name", &Value::from("応援 花子"))["times"], 1);
    // Split sheets do as well as whole ones, and one of them says nothing.
    let split = founded(true);
    let one = tried(&split, &at(&split, "kit/duty-1.txt"), "b.txt");
    assert!(one.code == 1 && one.err.contains("another one of the three"), "{}", one.err);
}

#[test]
fn of_two_badges_with_one_slot_the_first_that_is_used_has_it() {
    let (home, holder) = pair();
    // One issuer gives out every slot; another, who knows nothing of it, gives one of them out again.
    let badges: Vec<_> = (0..20).map(|n| issue(&home, &format!("helper{n}.txt"), HOLDER)).collect();
    let area = ["--area", HOLDER, "--out", &at(&home, "none.txt")];
    let duty = at(&home, "kit/duty.txt");
    let who = ["badge", "issue", "--duty", &duty, "--name", "a", "--licence", "b"];
    let none = home.run(&[&who[..], &area].concat());
    assert!(none.code == 1 && none.err.contains("has a slot"), "{}", none.err);
    let again = at(&holder, "again.txt");
    let issued = ok(holder.run(&[&who[..], &["--area", HOLDER, "--out", &again, "--json"]].concat())).json();
    let again = (again, holder.file("again.pin", issued["pin"].as_str().unwrap().as_bytes()));
    for badge in &badges {
        open(&holder, badge);
    }
    refused(&holder, &again, "slot-taken");
    open(&holder, &badges[0]);
    assert_eq!(ok(holder.run(&["badge", "list", "--json"])).json()["slots_left"], 0);
    // A member of the staff comes back: there are new ones.
    ok(holder.run(&["unlock", "--staff", &at(&holder, "staff.txt")]));
    assert_eq!(ok(holder.run(&["badge", "list", "--json"])).json()["slots_left"], 20);
    carry(&holder, &home);
    open(&holder, &issue(&home, "new.txt", HOLDER));
}
