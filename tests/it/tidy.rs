//! Holds what the compiler does not: the order of the rooms, the core's ban on I/O, the length of files, migrations that stay as
//! they landed, pages that ask nobody else for anything. Each rule is also shown to fail.

mod rules;
mod source;

use source::Tree;

/// Runs a rule over the project's own tree.
fn holds(rule: fn(&Tree) -> Vec<String>) {
    let complaints = rule(&Tree::of_the_project());
    assert!(complaints.is_empty(), "{} complaint(s):\n{}", complaints.len(), complaints.join("\n"));
}

/// Shows that a rule complains of a made-up tree, and names the file.
fn complains(rule: fn(&Tree) -> Vec<String>, files: &[(&str, &str)], of: &str) {
    let complaints = rule(&Tree::made_up(files));
    assert_eq!(complaints.len(), 1, "one complaint expected: {complaints:?}");
    assert!(complaints[0].contains(of), "{of:?} is not named: {complaints:?}");
}

/// Shows that a rule accepts a made-up tree.
fn accepts(rule: fn(&Tree) -> Vec<String>, files: &[(&str, &str)]) {
    assert_eq!(rule(&Tree::made_up(files)), Vec::<String>::new());
}

const ROOMS: (&str, &str) = ("src/lib.rs", "//! x\npub mod record;\npub mod seal;\npub mod store;\npub mod web;\n");

#[test]
fn every_file_says_what_it_is() {
    holds(rules::every_file_says_what_it_is);
    complains(rules::every_file_says_what_it_is, &[("src/a.rs", "use std::fmt;\n")], "src/a.rs");
    complains(rules::every_file_says_what_it_is, &[("src/a.rs", "//!\n")], "src/a.rs");
    accepts(rules::every_file_says_what_it_is, &[("src/a.rs", "//! What it is.\n"), ("README.md", "# x\n")]);
}

#[test]
fn rooms_use_only_rooms_above() {
    holds(rules::rooms_use_only_rooms_above);
    let rule = rules::rooms_use_only_rooms_above;
    complains(rule, &[ROOMS, ("src/seal.rs", "//! x\nuse crate::store::Store;\n")], "src/seal.rs:2");
    complains(rule, &[ROOMS, ("src/seal/card.rs", "//! x\nfn f() { crate::web::page() }\n")], "src/seal/card.rs:2");
    complains(rule, &[ROOMS, ("src/seal.rs", "//! x\nuse crate::{\n    record::{self, Fact},\n    web,\n};\n")], "uses web");
    complains(rule, &[ROOMS, ("src/other.rs", "//! x\n")], "src/other.rs");
    accepts(rule, &[ROOMS, ("src/web.rs", "//! x\nuse crate::record;\nuse crate::{seal, store::{A, B}};\n// crate::app\n")]);
    accepts(rule, &[ROOMS, ("src/store/row.rs", "//! x\nuse crate::store::Store;\n"), ("src/main.rs", "//! x\n")]);
}

#[test]
fn core_does_no_io() {
    holds(rules::core_does_no_io);
    let rule = rules::core_does_no_io;
    complains(rule, &[("src/record/text.rs", "//! x\nuse std::fs;\n")], "src/record/text.rs:2");
    complains(rule, &[("src/ledger.rs", "//! x\nlet t = Instant::now();\n")], "Instant::now");
    complains(rule, &[("src/formats.rs", "//! x\nasync fn f() {}\n")], "async fn");
    accepts(rule, &[("src/record.rs", "//! no tokio\n// no rusqlite\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n")]);
    accepts(rule, &[("src/store.rs", "//! x\nuse std::fs;\n")]);
}

#[test]
fn files_stay_short() {
    holds(rules::files_stay_short);
    complains(rules::files_stay_short, &[("src/a.rs", &"//! x\n".repeat(501))], "src/a.rs has 501 lines");
    accepts(rules::files_stay_short, &[("src/a.rs", &"//! x\n".repeat(500))]);
}

#[test]
fn nothing_is_left_unbuilt() {
    holds(rules::nothing_is_left_unbuilt);
    let rule = rules::nothing_is_left_unbuilt;
    complains(rule, &[("src/a.rs", concat!("//! x\nfn f() { unimplement", "ed!() }\n"))], "src/a.rs:2");
    complains(rule, &[("src/a.rs", concat!("//! (to ", "come)\n"))], "src/a.rs:1");
    accepts(rule, &[("src/a.rs", "//! x\nfn f() { unreachable!() }\n")]);
}

#[test]
fn tests_wait_for_conditions() {
    holds(rules::tests_wait_for_conditions);
    let rule = rules::tests_wait_for_conditions;
    let sleep = concat!("//! x\n#[cfg(test)]\nmod tests { fn f() { std::thread::sle", "ep(d) } }\n");
    complains(rule, &[("tests/it/a.rs", sleep)], "tests/it/a.rs:3");
    complains(rule, &[("src/a.rs", sleep)], "src/a.rs:3");
    accepts(rule, &[("src/a.rs", concat!("//! x\nfn f() { std::thread::sle", "ep(d) }\n"))]);
    accepts(rule, &[("tests/it/wait.rs", concat!("//! x\npub fn until<T>() {\n    std::thread::sle", "ep(d)\n}\n"))]);
}

#[test]
fn every_test_file_is_run() {
    holds(rules::every_test_file_is_run);
    let rule = rules::every_test_file_is_run;
    complains(rule, &[("tests/it/main.rs", "//! x\nmod b;\n"), ("tests/it/a.rs", "//! x\n")], "tests/it/a.rs");
    accepts(rule, &[("tests/it/main.rs", "//! x\nmod a;\n"), ("tests/it/a.rs", "//! x\n"), ("tests/it/a/b.rs", "//! x\n")]);
}

#[test]
fn migrations_stay_as_they_landed() {
    holds(rules::migrations_stay_as_they_landed);
    let rule = rules::migrations_stay_as_they_landed;
    let sums = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  0001_a.sql\n";
    complains(rule, &[("migrations/0001_a.sql", "b"), ("migrations/SHA256SUMS", sums)], "0001_a.sql was changed");
    complains(rule, &[("migrations/SHA256SUMS", sums)], "0001_a.sql is gone");
    complains(rule, &[("migrations/0001_a.sql", "a")], "SHA256SUMS");
    accepts(rule, &[("migrations/0001_a.sql", "a"), ("migrations/SHA256SUMS", sums)]);
}

#[test]
fn nothing_names_a_machine() {
    holds(rules::nothing_names_a_machine);
    let rule = rules::nothing_names_a_machine;
    complains(rule, &[("README.md", concat!("a\nsee /ho", "me/me/x\n"))], "README.md:2");
    complains(rule, &[("tests/run", concat!("curl https://pypi", ".org/x\n"))], "tests/run:1");
    accepts(rule, &[("README.md", "see docs/format.md\n"), ("Cargo.lock", concat!("https://static.crates", ".io/\n"))]);
}

#[test]
fn pages_ask_nobody_else() {
    holds(rules::pages_ask_nobody_else);
    let rule = rules::pages_ask_nobody_else;
    complains(rule, &[("templates/web/a.html", "<img src=\"https://example.jp/a.png\">")], "a.html:1");
    complains(rule, &[("templates/style.css", "@import url(//example.jp/a.css);")], "style.css:1");
    complains(rule, &[("templates/web/a.html", "<p>\n<p style=\"color:red\">")], "a.html:2");
    complains(rule, &[("templates/web/a.html", "<script>alert(1)</script>")], "a.html:1");
    accepts(rule, &[("templates/web/a.html", "<svg xmlns=\"http://www.w3.org/2000/svg\"><link href=\"/style.css\">")]);
}
