//! The rules. Each returns its complaints: a place, what is wrong, what to do.

use super::source::{File, Tree};

/// Rooms without a clock, randomness, files, network, SQL or async of their own.
const CORE: [&str; 15] = [
    "sentence",
    "record",
    "formats",
    "drugs",
    "finding",
    "seal",
    "release",
    "ledger",
    "exchange",
    "region",
    "risk",
    "availability",
    "placement",
    "study",
    "simulate",
];

/// What the core does not name. Randomness may be passed in as `&dyn`, so the trait is not here.
const NOT_IN_CORE: [&str; 18] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "tokio",
    "rusqlite",
    "SystemRandom",
    "fastrand",
    "getrandom",
    "rand::fill",
    "async fn",
    ".await",
    "println!",
];

/// What a file of the core may name all the same, with the reason.
const MAY_NAME: [(&str, &str, &str); 1] = [(
    "src/availability/enumerate/kernel.rs",
    "std::thread",
    "scoped threads that end with the call: they compute, and nothing else",
)];

/// Lines a file may have, and those that may have more, with the reason.
const LINES_MAX: usize = 500;
const LONGER: [(&str, usize, &str); 1] = [("src/record.rs", 700, "the frozen types, one after the other")];

/// Where a test lets time pass as such.
const MAY_SLEEP: [(&str, &str); 1] = [("tests/it/crash.rs", "the moment at which the power goes is what is tested")];

/// Each `.rs` file begins with what it is.
pub fn every_file_says_what_it_is(tree: &Tree) -> Vec<String> {
    let silent =
        |f: &&File| f.text.lines().next().and_then(|l| l.strip_prefix("//! ")).is_none_or(|said| said.trim().is_empty());
    tree.rust().filter(silent).map(|f| format!("{}: begin it with a `//!` line that says what it is", f.path)).collect()
}

/// A room names only itself and rooms that stand above it in src/lib.rs.
pub fn rooms_use_only_rooms_above(tree: &Tree) -> Vec<String> {
    let Some(lib) = tree.find("src/lib.rs") else { return vec!["src/lib.rs is not there".to_owned()] };
    let order: Vec<&str> = lib.text.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let place = |room: &str| order.iter().position(|r| *r == room);
    let mut complaints = Vec::new();
    for file in tree.rust() {
        let Some(room) = file.room().filter(|r| *r != "lib" && *r != "main") else { continue };
        let Some(here) = place(room) else {
            complaints.push(format!("{}: src/lib.rs lists no `pub mod {room};`", file.path));
            continue;
        };
        for (line, named) in file.rooms_named() {
            if place(&named).is_some_and(|there| there > here) {
                complaints.push(format!("{}:{line} uses {named}, which stands below {room} in src/lib.rs", file.path));
            }
        }
    }
    complaints
}

/// The core gets now, randomness and bytes as arguments.
pub fn core_does_no_io(tree: &Tree) -> Vec<String> {
    let core = tree.rust().filter(|f| f.room().is_some_and(|room| CORE.contains(&room)));
    let may = |path: &str, word: &str| MAY_NAME.iter().any(|(file, named, _)| *file == path && *named == word);
    let found = core.flat_map(|f| f.lines_with(&f.shipped_code(), &NOT_IN_CORE).into_iter().map(move |found| (f, found)));
    found
        .filter(|(f, (_, word))| !may(&f.path, word))
        .map(|(_, found)| found)
        .map(|(place, word)| format!("{place}: `{word}` in the core; take what it gives as an argument"))
        .collect()
}

/// Files are read whole: around 120 lines, seldom over 400, never over 500.
pub fn files_stay_short(tree: &Tree) -> Vec<String> {
    let limit = |path: &str| LONGER.iter().find(|(p, ..)| *p == path).map_or(LINES_MAX, |(_, lines, _)| *lines);
    let too_long = |f: &File| {
        let lines = f.text.lines().count();
        (lines > limit(&f.path)).then(|| format!("{} has {lines} lines: divide it by what it is about", f.path))
    };
    tree.rust().filter_map(too_long).collect()
}

/// No stub is left behind.
pub fn nothing_is_left_unbuilt(tree: &Tree) -> Vec<String> {
    let words = [concat!("unimplement", "ed!("), concat!("to", "do!("), concat!("(to ", "come)"), concat!("FIX", "ME")];
    let found = tree.rust().flat_map(|f| f.lines_with(&f.numbered(), &words));
    found.map(|(place, word)| format!("{place}: `{word}`: build it, or leave it out")).collect()
}

/// Tests wait for a condition with a deadline, in a function `until…`; none sleeps for a fixed time.
pub fn tests_wait_for_conditions(tree: &Tree) -> Vec<String> {
    let words = [concat!("thread::sle", "ep("), concat!("time::sle", "ep("), concat!(" sle", "ep(Duration")];
    let mut complaints = Vec::new();
    for file in tree.rust().filter(|f| MAY_SLEEP.iter().all(|(path, _)| f.path != *path)) {
        let mut function = String::new();
        for line in file.test_code() {
            if let Some((_, named)) = line.1.split_once("fn ") {
                named.clone_into(&mut function);
            }
            if !function.starts_with("until") {
                complaints.extend(file.lines_with(&[line], &words));
            }
        }
    }
    let advise = |(place, word)| format!("{place}: `{word}` in a test; wait `until_…` a condition holds, with a deadline");
    complaints.into_iter().map(advise).collect()
}

/// A file of tests that no `mod` line names is never compiled.
pub fn every_test_file_is_run(tree: &Tree) -> Vec<String> {
    let Some(main) = tree.find("tests/it/main.rs") else { return vec!["tests/it/main.rs is not there".to_owned()] };
    let module = |f: &File| {
        f.path.strip_prefix("tests/it/")?.strip_suffix(".rs").filter(|m| !m.contains('/') && *m != "main").map(str::to_owned)
    };
    let modules = tree.rust().filter_map(module);
    modules
        .filter(|m| !main.text.lines().any(|l| l.trim() == format!("mod {m};")))
        .map(|m| format!("tests/it/{m}.rs is never run: name it in tests/it/main.rs"))
        .collect()
}

/// A migration that has landed has run on somebody's data. migrations/SHA256SUMS holds each as it was.
pub fn migrations_stay_as_they_landed(tree: &Tree) -> Vec<String> {
    let migrations: Vec<&File> =
        tree.0.iter().filter(|f| f.path.starts_with("migrations/") && f.path.ends_with(".sql")).collect();
    let sums = tree.find("migrations/SHA256SUMS").map_or("", |f| f.text.as_str());
    let noted: Vec<(&str, &str)> = sums.lines().filter_map(|l| l.split_once("  ")).collect();
    let mut complaints = Vec::new();
    for (_, name) in &noted {
        if !migrations.iter().any(|f| f.path == format!("migrations/{name}")) {
            complaints.push(format!("migrations/{name} is gone: databases exist that it has made"));
        }
    }
    for file in migrations {
        let name = &file.path["migrations/".len()..];
        match noted.iter().find(|(_, n)| *n == name) {
            None => complaints.push(format!("{}: note it: (cd migrations && sha256sum {name} >> SHA256SUMS)", file.path)),
            Some((sum, _)) if *sum != sha256_hex(&file.text) => {
                complaints.push(format!("{} was changed after it landed: add a new migration instead", file.path));
            }
            Some(_) => {}
        }
    }
    complaints
}

fn sha256_hex(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nothing depends on, or tells of, the machine that it was written on, or where packages are fetched from.
pub fn nothing_names_a_machine(tree: &Tree) -> Vec<String> {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("deb.debian", ".org"),
        concat!("pypi", ".org"),
        concat!("pythonhosted", ".org"),
        concat!("static.crates", ".io"),
        concat!("index.crates", ".io"),
        concat!("registry.npmjs", ".org"),
    ];
    let written_by_hand = tree.0.iter().filter(|f| f.path != "Cargo.lock");
    let found = written_by_hand.flat_map(|f| f.lines_with(&f.numbered(), &words));
    found.map(|(place, word)| format!("{place}: `{word}` belongs to one machine, not to the project")).collect()
}

/// Pages load nothing from elsewhere, and nothing that the content security policy would drop in silence.
pub fn pages_ask_nobody_else(tree: &Tree) -> Vec<String> {
    const NAMESPACES: [&str; 2] = ["xmlns=\"http://www.w3.org/", "xmlns:xlink=\"http://www.w3.org/"];
    // Words that are only read, and a profile for a device's settings, whose format begins with an address.
    let is_page =
        |path: &str| path.starts_with("templates/") && !path.starts_with("templates/lang/") && !path.ends_with(".mobileconfig");
    let words = [
        "http://",
        "https://",
        "\"//",
        "'//",
        "(//",
        " style=\"",
        "<style",
        "<script>",
        " onclick=",
        " onload=",
        " onsubmit=",
        "javascript:",
    ];
    let bare = |line: &str| NAMESPACES.iter().fold(line.to_owned(), |line, namespace| line.replace(namespace, ""));
    let found = tree.0.iter().filter(|f| is_page(&f.path)).flat_map(|f| {
        let lines: Vec<(usize, String)> = f.numbered().into_iter().map(|(n, line)| (n, bare(line.as_ref()))).collect();
        f.lines_with(&lines, &words)
    });
    found.map(|(place, word)| format!("{place}: `{word}`: everything a page needs comes from this server, as a file")).collect()
}
