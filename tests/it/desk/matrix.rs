//! The matrix: who (by role) comes to which route, over which rung, in which state of the site. Every route of the router has a row, and every cell is a
//! real request.

use super::browser::{Answer, Browser};
use super::shelter::{Rung, Shelter, Who};
use std::collections::BTreeSet;

/// Who is let through by method: n nobody, c a patient with card and PIN, r reader, p pharmacist, a admin, g guest (staff of a clinic whose copy lies
/// here), o helper from outside. `.`: there is no such method. Whoever is not named is refused, or sent to where they have to show who they are.
struct Row(&'static str, &'static str, &'static str);

const ALL: &str = "ncrpago";
pub const NONE: &str = ".";

const ROWS: [Row; 73] = [
    // Anybody's.
    Row("/", ALL, NONE),
    Row("/c/{code}", ALL, NONE),
    Row("/open", NONE, ALL),
    Row("/photo", NONE, ALL),
    Row("/lost-pin", ALL, NONE),
    Row("/wifi", ALL, NONE),
    Row("/wifi/stay", NONE, ALL),
    Row("/wifi/state", ALL, NONE),
    Row("/envelope", ALL, ALL),
    Row("/assets/{file}", ALL, NONE),
    // The patient's own.
    Row("/you", "c", "c"),
    Row("/finish", NONE, ALL),
    Row("/record", "c", NONE),
    Row("/record/history", "c", NONE),
    Row("/record/visit/{fact}", "c", NONE),
    Row("/record/notes", "c", NONE),
    Row("/record/notes/own", NONE, "c"),
    Row("/record/notes/otc", NONE, "c"),
    Row("/record/conceal/{fact}", "c", "c"),
    Row("/record/looks", "c", NONE),
    Row("/record/qr", "c", NONE),
    Row("/record/qr/codes", "c", NONE),
    Row("/record/save", "c", NONE),
    Row("/record/save/picture", "c", NONE),
    Row("/record/save/picture.svg", "c", NONE),
    Row("/record/print", "c", NONE),
    Row("/record/print/{paper}", "c", NONE),
    // The way to the desk.
    Row("/staff", ALL, NONE),
    Row("/staff/sign-in", NONE, ALL),
    Row("/staff/photo", NONE, ALL),
    Row("/staff/sign-out", NONE, ALL),
    Row("/staff/outside", ALL, ALL),
    Row("/staff/outside/file", NONE, ALL),
    // At the desk.
    Row("/staff/glass", "rpao", "rpao"),
    Row("/staff/glass/end", NONE, "rpago"),
    Row("/staff/outside/issue", "pa", "pa"),
    Row("/staff/people", "a", "a"),
    Row("/staff/people/{badge}", NONE, "a"),
    Row("/staff/people/{badge}/revoke", NONE, "a"),
    Row("/staff/review", "a", "a"),
    Row("/staff/review/export", "a", NONE),
    Row("/staff/connect", "rpago", NONE),
    Row("/staff/poster", "rpago", "rpago"),
    Row("/staff/find", "rpag", "rpag"),
    Row("/staff/find/beyond", "rpao", "rpao"),
    Row("/staff/find/beyond/card", NONE, "rpao"),
    Row("/staff/find/beyond/photo", NONE, "rpao"),
    Row("/staff/find/others", NONE, "rpao"),
    Row("/staff/others/{ledger}/{subject}", "rpao", NONE),
    Row("/staff/others/{ledger}/{subject}/hidden", NONE, "rpao"),
    Row("/staff/others/{ledger}/{subject}/slip/{paper}", "rpao", NONE),
    Row("/staff/find/card", NONE, "rpag"),
    Row("/staff/find/photo", NONE, "rpag"),
    Row("/staff/patient/{ledger}/{subject}", "rpao", NONE),
    Row("/staff/patient/{ledger}/{subject}/hidden", NONE, "rpao"),
    Row("/staff/patient/{ledger}/{subject}/consent", NONE, "pa"),
    Row("/staff/patient/{ledger}/{subject}/card", NONE, "pa"),
    Row("/staff/patient/{ledger}/{subject}/slip/{paper}", "rpao", NONE),
    Row("/staff/reception", "rpa", NONE),
    Row("/staff/reception/new", "pa", "pa"),
    Row("/staff/reception/paper", NONE, "pa"),
    Row("/staff/reception/take", NONE, "pa"),
    Row("/staff/drugs", "rpago", "rpago"),
    Row("/staff/drugs/import", NONE, "a"),
    Row("/staff/access", "rpag", NONE),
    // Without its fields this form is refused before anybody's role is asked.
    Row("/staff/access/declare", NONE, "rpago"),
    Row("/staff/access/end", NONE, "rpag"),
    Row("/staff/trust", "a", NONE),
    Row("/staff/trust/{file}", "a", NONE),
    Row("/staff/elsewhere", "rpa", NONE),
    Row("/staff/elsewhere/{subject}", "rpa", NONE),
    Row("/staff/elsewhere/{subject}/export", "rpa", NONE),
    Row("/staff/elsewhere/{subject}/{decision}", NONE, "pa"),
];

/// What names a ledger, asked for again with the home's: to its staff, who are guests here, its patients are their own.
const OF_THE_HOME: [Row; 8] = [
    Row("/staff/others/{ledger}/{subject}", "rpao", NONE),
    Row("/staff/others/{ledger}/{subject}/hidden", NONE, "rpao"),
    Row("/staff/others/{ledger}/{subject}/slip/{paper}", "rpao", NONE),
    Row("/staff/patient/{ledger}/{subject}", "rpago", NONE),
    Row("/staff/patient/{ledger}/{subject}/hidden", NONE, "rpago"),
    Row("/staff/patient/{ledger}/{subject}/consent", NONE, ""),
    Row("/staff/patient/{ledger}/{subject}/card", NONE, ""),
    Row("/staff/patient/{ledger}/{subject}/slip/{paper}", "rpago", NONE),
];

/// Rows that stand for several paths.
const DECISIONS: [&str; 3] = ["accept", "query", "end"];

/// Every route with who is let through by GET and by POST.
pub fn rows() -> Vec<(String, &'static str, &'static str)> {
    let of = |Row(path, get, post): &Row| -> Vec<(String, &'static str, &'static str)> {
        let one = |path: String| (path, *get, *post);
        if path.contains("{decision}") {
            DECISIONS.iter().map(|decision| one(path.replace("{decision}", decision))).collect()
        } else {
            vec![one((*path).to_owned())]
        }
    };
    ROWS.iter().flat_map(of).collect()
}

/// What a form may carry, so that whoever is let through is not stopped before they are: nothing of it is anything.
const FIELDS: [&str; 34] = [
    "code",
    "pin",
    "answer",
    "fact",
    "on",
    "text",
    "concealed",
    "badge",
    "passphrase",
    "entry",
    "question",
    "ending",
    "name",
    "role",
    "reason",
    "look",
    "decision",
    "why",
    "second_badge",
    "secret",
    "kana",
    "birth",
    "sex",
    "phone",
    "postcode",
    "address",
    "emergency",
    "id",
    "allergy",
    "allergies",
    "is_other",
    "words",
    "note",
    "consent",
];

/// But for these, which have to be read before anybody's role is asked.
const READ: [(&str, &str); 5] =
    [("form", "00000000000000000000000000000000"), ("given", "yes"), ("how", "patient"), ("basis", "emergency"), ("to", "new")];

/// A path with something in the places of its names: of ledgers the holder's own.
pub fn filled(path: &str, ledger: &str) -> String {
    let named = |part: &str| part.starts_with('{');
    let fill = |part: &str| match part {
        "{file}" => "style.css".to_owned(),
        "{paper}" => "receipt".to_owned(),
        "{ledger}" => ledger.to_owned(),
        part if named(part) => "0".repeat(32),
        part => part.to_owned(),
    };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// What was open is locked after everybody has signed in.
    Locked,
}

/// Whether somebody was stopped before anything was done for them.
fn is_refused(answer: &Answer) -> bool {
    let to_the_way_in = matches!(answer.location(), Some("/" | "/staff" | "/you"));
    let said = [
        "この職員証では、できません",
        "時間がたったのでサインアウトしました",
        "時間がたったので閉じました",
        "職員のページは、ここでは開けません",
    ];
    let is_shut = answer.status == 403 && said.iter().any(|sentence| answer.text.contains(sentence));
    (answer.status == 303 && to_the_way_in) || is_shut
}

/// The token of whichever session there is.
fn csrf(browser: &mut Browser, who: Who, rung: Rung) -> String {
    match who {
        Who::Nobody => String::new(),
        Who::Patient => browser.get("/record").csrf(),
        Who::Reader | Who::Pharmacist | Who::Admin | Who::Guest | Who::Outside if rung == Rung::Open => String::new(),
        Who::Reader | Who::Pharmacist | Who::Admin | Who::Guest | Who::Outside => browser.get("/staff").csrf(),
    }
}

fn is_let_through(who: Who, rung: Rung, state: State, path: &str, letters: &str) -> bool {
    let is_desk = path.starts_with("/staff");
    let has_session = !matches!(who, Who::Nobody | Who::Patient);
    let needs_session = letters != ALL;
    // Staff never work over a network on which anybody can read along; and what was locked has ended their sessions.
    let is_shut = is_desk && (rung == Rung::Open || (state == State::Locked && has_session && needs_session));
    letters.contains(who.letter()) && !is_shut
}

fn check(shelter: &Shelter, who: Who, rung: Rung, state: State) {
    // Over plain http nobody of the staff can sign in at all: their pages are asked for without.
    let can_sign_in = rung != Rung::Open || matches!(who, Who::Nobody | Who::Patient);
    let mut browser = if can_sign_in { shelter.browser(rung, who) } else { shelter.browser(rung, Who::Nobody) };
    let csrf = if can_sign_in { csrf(&mut browser, who, rung) } else { String::new() };
    if state == State::Locked {
        shelter.holder.clinic.lock();
    }
    let (holder, home) = (shelter.holder.clinic.ledger().to_string(), shelter.home.clinic.ledger().to_string());
    let own = rows().into_iter().map(|(path, get, post)| (filled(&path, &holder), path, get, post));
    let of_the_home = OF_THE_HOME.map(|Row(path, get, post)| (filled(path, &home), path.to_owned(), get, post));
    for (at, path, get, post) in own.chain(of_the_home) {
        let cookies = browser.cookies.clone();
        let mut ask = |method: &str, letters: &str| {
            // Each is asked with the session as it was: nobody is signed out by the page before.
            browser.cookies.clone_from(&cookies);
            let token = if at.ends_with("/sign-out") || at == "/finish" { "another" } else { csrf.as_str() };
            let mut fields: Vec<(&str, &str)> = FIELDS.iter().map(|name| (*name, "x")).collect();
            fields.extend(READ);
            fields.push(("csrf", token));
            let answer = if method == "GET" { browser.get(&at) } else { browser.post(&at, &fields) };
            let is_through = is_let_through(who, rung, state, &path, letters);
            // What ends a session refuses another session's form, whoever sends it.
            if !is_ending(&at) {
                assert_eq!(
                    !is_refused(&answer),
                    is_through,
                    "{who:?} over {rung:?} ({state:?}): {method} {at}: {} {:?}\n{}",
                    answer.status,
                    answer.location(),
                    answer.text
                );
            }
            assert!(answer.status < 500, "{method} {at}: {} {}", answer.status, answer.text);
        };
        if get != NONE {
            ask("GET", get);
        }
        if post != NONE {
            ask("POST", post);
        }
    }
}

fn is_ending(path: &str) -> bool {
    path == "/finish" || path == "/staff/sign-out"
}

#[test]
fn what_names_a_ledger_is_asked_for_with_the_homes_too() {
    let named = |path: &&String| path.contains("{ledger}");
    let (own, home): (BTreeSet<String>, BTreeSet<String>) = (
        rows().into_iter().map(|(path, ..)| path).collect(),
        OF_THE_HOME.iter().map(|Row(path, ..)| (*path).to_owned()).collect(),
    );
    assert_eq!(own.iter().filter(named).collect::<BTreeSet<_>>(), home.iter().collect());
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let shelter = Shelter::new();
    let mut browser = shelter.browser(Rung::Loopback, Who::Nobody);
    let routes: BTreeSet<String> = browser.paths().into_iter().collect();
    let listed: BTreeSet<String> = rows().into_iter().map(|(path, _, _)| path).collect();
    let missing: Vec<&String> = routes.difference(&listed).collect();
    assert!(missing.is_empty(), "routes without a row: say in ROWS who may come to them: {missing:?}");
    let gone: Vec<&String> = listed.difference(&routes).collect();
    assert!(gone.is_empty(), "rows without a route: {gone:?}");
    for (path, get, post) in rows() {
        let allowed = browser.allowed(&filled(&path, &shelter.holder.clinic.ledger().to_string()));
        let methods: BTreeSet<&str> = allowed.split(',').map(str::trim).filter(|method| *method != "HEAD").collect();
        let expected: BTreeSet<&str> =
            [("GET", get), ("POST", post)].iter().filter(|(_, letters)| *letters != NONE).map(|(method, _)| *method).collect();
        assert_eq!(methods, expected, "{path}");
    }
}

#[test]
fn who_comes_to_what_over_which_rung_in_which_state() {
    let shelter = Shelter::new();
    for is_emergency in [false, true] {
        if is_emergency {
            shelter.declare_emergency();
        }
        for state in [State::Open, State::Locked] {
            for rung in Rung::ALL {
                for who in Who::ALL {
                    check(&shelter, who, rung, state);
                }
            }
        }
    }
}
