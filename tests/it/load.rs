//! `load` against a clinic that is being served over TLS: what it says is what happened.

use crate::cli::program::{Clinic, JAHIS};

#[test]
fn slow_ones_are_held_in_every_way_and_what_is_not_let_in_is_said() {
    let clinic = Clinic::init();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = clinic.file("cert.pem", made.cert.pem().as_bytes());
    let key = clinic.file("key.pem", made.signing_key.serialize_pem().as_bytes());
    let served = clinic.serve(&["--tls-cert", &certificate, "--tls-key", &key, "--host", "localhost"]);
    let at = served.url().strip_prefix("https://").unwrap().to_owned();
    let slow = ["load", &at, "--certificate", &certificate, "--slow", "40", "--per-second", "0", "--seconds", "3", "--json"];
    let ran = clinic.run(&slow);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let figures = ran.json();
    let ways = ["silent", "idle", "headers", "body", "reader"];
    assert!(ways.iter().all(|way| figures["by_kind"][way] == 8), "{figures}");
    assert_eq!(
        (&figures["held_most"], &figures["came"], &figures["not_let_in"]),
        (&40.into(), &40.into(), &0.into()),
        "{figures}"
    );
    assert!(figures["entering_p99_ms"].as_f64().unwrap() > 0.0, "{figures}");
    served.stop();
    let ran = clinic.run(&slow);
    assert!(ran.code != 0 && ran.err.contains("no connection was made: connecting"), "{}", ran.err);
}

#[test]
fn phones_open_records_and_read_and_what_does_not_come_is_counted() {
    let clinic = Clinic::init();
    let file = clinic.file("a.csv", JAHIS.as_bytes());
    assert_eq!(clinic.run(&["import", "--new-patients", &file]).code, 0);
    let listed = clinic.run(&["patient", "list", "--json"]).json();
    let rows = listed.as_array().or_else(|| listed["patients"].as_array()).unwrap();
    let issued = clinic.run(&["card", "issue", "--patient", rows[0]["patient"].as_str().unwrap(), "--json"]).json();
    let (code, pin) = (issued["code"].as_str().unwrap().replace('-', ""), issued["pin"].as_str().unwrap());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = clinic.file("cert.pem", made.cert.pem().as_bytes());
    let key = clinic.file("key.pem", made.signing_key.serialize_pem().as_bytes());
    let served = clinic.serve(&["--tls-cert", &certificate, "--tls-key", &key, "--host", "localhost"]);
    let at = served.url().strip_prefix("https://").unwrap();
    let load = |cards: &str| {
        let asked = ["load", at, "--certificate", &certificate, "--phones", "4", "--seconds", "2", "--look-ms", "50", "--json"];
        clinic.run(&[&asked[..], &["--from", "127.0.0.1,127.0.0.2", "--cards", cards]].concat())
    };
    let ran = load(&clinic.file("cards", format!("{code} {pin}\n").as_bytes()));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let figures = ran.json();
    assert_eq!(
        (&figures["opened"], &figures["failed"], &figures["requests_to_record"]),
        (&4.into(), &0.into(), &5.into()),
        "{figures}"
    );
    assert!(figures["pages"].as_u64().unwrap() >= 4 && figures["p99_ms"].as_f64().unwrap() > 0.0, "{figures}");
    let bytes = figures["bytes_to_record"].as_u64().unwrap();
    assert!((1_000..30_000).contains(&bytes), "{bytes}");
    let wrong = if pin == "000000" { "111111" } else { "000000" };
    let ran = load(&clinic.file("wrong", format!("{code} {wrong}\n").as_bytes()));
    assert!(ran.code == 1 && ran.err.contains("no record could be opened"), "{}", ran.err);
    served.stop();
}
