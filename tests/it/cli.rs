//! The command line as a person or script runs it: the real program, real directories, exit codes.

pub mod program;

use program::{Clinic, JAHIS, WORDS};
use serde_json::Value;
use std::fs;

/// A valid record of one made-up person.
fn valid() -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(JAHIS).0.into_owned()
}

fn ids(listed: &Value) -> Vec<String> {
    listed["patients"].as_array().unwrap().iter().map(|p| p["patient"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_file_goes_in_waits_is_resolved_and_comes_out() {
    let clinic = Clinic::init();
    let file = clinic.file("20260410.csv", &valid());
    let first = clinic.run(&["import", "--json", &file]);
    assert_eq!(first.code, 1, "nobody is known: the record waits");
    assert_eq!(first.json()["records"][0]["reason"], "no-match");

    let waiting = clinic.run(&["set-aside", "list", "--json"]).json()["set_aside"].clone();
    assert_eq!(waiting[0]["name"], "見本 太郎");
    let number = waiting[0]["number"].to_string();
    let missing = clinic.run(&["set-aside", "resolve", &number, "--patient", &"0".repeat(32)]);
    assert_eq!((missing.code, missing.err.contains("no patient here has the id")), (1, true), "{}", missing.err);
    assert_eq!(clinic.run(&["set-aside", "resolve", &number, "--new-patient"]).code, 0);
    assert_eq!(clinic.run(&["set-aside", "list", "--json"]).json()["set_aside"].as_array().unwrap().len(), 0);
    let again = clinic.run(&["set-aside", "resolve", &number, "--discard"]);
    assert_eq!(again.code, 1, "what is resolved is resolved once");

    let taken = clinic.run(&["import", "--json", &file]);
    assert_eq!((taken.code, &taken.json()["records"][0]["outcome"]), (0, &Value::from("taken-before")));

    let listed = clinic.run(&["patient", "list", "--json"]).json();
    let [id] = &ids(&listed)[..] else { panic!("{listed}") };
    let exported = clinic.run(&["export", "--patient", id]);
    let text = encoding_rs::SHIFT_JIS.decode(&exported.out).0.into_owned();
    assert!(text.starts_with("JAHISTC08,1\r\n") && text.contains("ｺﾘｵﾊﾟﾝｶﾌﾟｾﾙ5mg,6,Ｃ"), "{text}");
    let verified = clinic.run(&["verify", "--json"]);
    assert_eq!((verified.code, verified.json()["faults"].as_array().unwrap().len()), (0, 0), "{}", verified.err);
}

#[test]
fn a_match_is_proposed_and_needs_a_persons_word() {
    let clinic = Clinic::init();
    let add = ["patient", "add", "--name", "見本太郎", "--birth", "S330303", "--sex", "male", "--external-id", "K-17"];
    assert_eq!(clinic.run(&add).code, 0);
    let file = clinic.file("a.csv", &valid());
    let proposed = clinic.run(&["import", "--json", &file]);
    assert_eq!((proposed.code, &proposed.json()["records"][0]["reason"]), (1, &Value::from("proposed")));
    let number = clinic.run(&["set-aside", "list", "--json"]).json()["set_aside"][0]["number"].to_string();
    assert_eq!(clinic.run(&["set-aside", "resolve", &number, "--accept"]).code, 0);

    let later = JAHIS.replace("R020410", "R020510");
    let (by_match, by_id) =
        (clinic.file("b.csv", later.as_bytes()), clinic.file("c.csv", later.replace("0510", "0610").as_bytes()));
    assert_eq!(clinic.run(&["import", "--accept-matches", &by_match]).code, 0);
    assert_eq!(clinic.run(&["import", "--external-id", "Ｋ-17", &by_id]).code, 0);
    let stranger = clinic.file("d.csv", JAHIS.replace("見本 太郎", "架空 次郎").as_bytes());
    assert_eq!(clinic.run(&["import", "--accept-matches", &stranger]).code, 1);
    assert_eq!(
        clinic
            .run(&["import", "--new-patients", &clinic.file("e.csv", JAHIS.replace("見本 太郎", "架空 三郎").as_bytes())])
            .code,
        0
    );
    assert_eq!(ids(&clinic.run(&["patient", "list", "--json"]).json()).len(), 2);

    // A second person of the same name, birth date and sex: nobody may guess.
    assert_eq!(clinic.run(&add[..add.len() - 2]).code, 0);
    let twins =
        clinic.run(&["import", "--json", "--accept-matches", &clinic.file("f.csv", later.replace("0510", "0710").as_bytes())]);
    assert_eq!((twins.code, &twins.json()["records"][0]["reason"]), (1, &Value::from("several-match")));
}

#[test]
fn one_patient_named_for_the_records_of_two_takes_in_nothing_of_either() {
    let clinic = Clinic::init();
    let add = ["patient", "add", "--name", "見本太郎", "--birth", "S330303", "--sex", "male", "--external-id", "K-17"];
    assert_eq!(clinic.run(&add).code, 0);
    let id = ids(&clinic.run(&["patient", "list", "--json"]).json()).remove(0);
    let childs = JAHIS.replace("見本 太郎", "見本 次郎").replace("S330303", "H300303");
    let (his, its) = (clinic.file("his.csv", JAHIS.as_bytes()), clinic.file("its.csv", childs.as_bytes()));
    let both = clinic.file("both.csv", [JAHIS, &childs].concat().as_bytes());
    for named in [vec!["--patient", &id, &both], vec!["--patient", &id, &his, &its], vec!["--external-id", "K-17", &his, &its]]
    {
        let refused = clinic.run(&[&["import", "--json"], &named[..]].concat());
        assert!(refused.code != 0 && refused.err.contains("several people"), "{named:?}: {}", refused.err);
        assert!(WORDS.iter().all(|word| !refused.err.contains(word)), "{}", refused.err);
    }
    // A file that a program drops under an id is set aside, and the next one is taken.
    let aside = clinic.run(&["import", "--json", "--external-id", "K-17", &both]);
    let reasons: Vec<_> = aside.json()["records"].as_array().unwrap().iter().map(|record| record["reason"].clone()).collect();
    assert_eq!((aside.code, reasons), (1, vec![Value::from("several-people"); 2]));
    let exported = clinic.run(&["export", "--patient", &id]);
    let text = encoding_rs::SHIFT_JIS.decode(&exported.out).0.into_owned();
    assert!(!text.contains("ｺﾘｵﾊﾟﾝ"), "{text}");
    assert_eq!(clinic.run(&["import", "--patient", &id, &his]).code, 0);
}

#[test]
fn an_invalid_record_waits_and_can_only_be_discarded() {
    let clinic = Clinic::init();
    let bad = JAHIS.replace(",2,620004992,", ",2,,");
    let import = clinic.run(&["import", "--json", "--new-patients", &clinic.file("bad.csv", bad.as_bytes())]);
    assert_eq!((import.code, &import.json()["records"][0]["reason"]), (1, &Value::from("invalid")));
    assert!(
        import.json()["findings"].as_array().unwrap().iter().any(|f| f["severity"] == "error" && f["line"] == 6),
        "{}",
        import.json()
    );
    let number = clinic.run(&["set-aside", "list", "--json"]).json()["set_aside"][0]["number"].to_string();
    assert_eq!(clinic.run(&["set-aside", "resolve", &number, "--new-patient"]).code, 1);
    assert_eq!(clinic.run(&["set-aside", "resolve", &number, "--discard"]).code, 0);
}

#[test]
fn a_watched_directory_is_emptied_once_and_says_what_was_odd() {
    let clinic = Clinic::init();
    let drop = clinic.path("drop");
    fs::create_dir(&drop).unwrap();
    fs::write(drop.join("good.csv"), valid()).unwrap();
    fs::write(drop.join("bad.csv"), JAHIS.replace(",2,620004992,", ",2,,")).unwrap();
    fs::write(drop.join("half.tmp"), "JAHISTC08,1").unwrap();
    let watch = |extra: &[&str]| clinic.run(&[&["import", "--watch", drop.to_str().unwrap(), "--once"], extra].concat());
    assert_eq!(watch(&["--new-patients"]).code, 1, "one of them waits");
    for path in ["done/good.csv", "done/good.csv.findings.json", "aside/bad.csv", "aside/bad.csv.findings.json", "half.tmp"] {
        assert!(drop.join(path).exists(), "{path}");
    }
    // The pharmacy computer drops the same file again, under the same name.
    fs::write(drop.join("good.csv"), valid()).unwrap();
    assert_eq!(watch(&[]).code, 0);
    let findings: Value = serde_json::from_slice(&fs::read(drop.join("done/2-good.csv.findings.json")).unwrap()).unwrap();
    assert_eq!(findings["records"][0]["outcome"], "taken-before");
    assert_eq!(ids(&clinic.run(&["patient", "list", "--json"]).json()).len(), 1);
}

#[test]
fn cards_are_issued_replaced_and_revoked_also_while_the_pages_are_served() {
    let clinic = Clinic::init();
    assert_eq!(clinic.run(&["import", "--new-patients", &clinic.file("a.csv", &valid())]).code, 0);
    let id = ids(&clinic.run(&["patient", "list", "--json"]).json()).remove(0);
    let first = clinic.run(&["card", "issue", "--patient", &id, "--json"]).json();
    let served = clinic.serve(&[]);
    let code = |card: &Value| card["code"].as_str().unwrap().to_owned();
    let pin = |card: &Value| card["pin"].as_str().unwrap().to_owned();
    assert!(served.opens(&code(&first), &pin(&first)));

    let second = clinic.run(&["card", "replace", &code(&first), "--json"]).json();
    assert!(!served.opens(&code(&first), &pin(&first)), "a replaced card opens nothing");
    assert!(served.opens(&code(&second), &pin(&second)));
    let file = clinic.file("b.csv", JAHIS.replace("R020410", "R020510").as_bytes());
    assert_eq!(clinic.run(&["import", "--accept-matches", &file]).code, 0, "the server takes it in");
    assert_eq!(clinic.run(&["card", "revoke", &code(&second)]).code, 0);
    assert!(!served.opens(&code(&second), &pin(&second)));
    let states: Vec<String> = clinic.run(&["card", "list", "--json"]).json()["cards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|card| card["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["replaced", "lost"]);
    assert_eq!(clinic.run(&["verify"]).code, 0, "while it is served");
    let other = clinic.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!((other.code, other.err.contains("using")), (1, true), "{}", other.err);
    drop(served);
    assert_eq!(clinic.run(&["verify"]).code, 0);
}

#[test]
fn nothing_said_to_the_program_is_in_its_logs() {
    let clinic = Clinic::init();
    assert_eq!(clinic.run(&["import", "--new-patients", &clinic.file("a.csv", &valid())]).code, 0);
    let id = ids(&clinic.run(&["patient", "list", "--json"]).json()).remove(0);
    let card = clinic.run(&["card", "issue", "--patient", &id, "--json"]).json();
    let served = clinic.serve(&[]);
    let (code, pin) = (card["code"].as_str().unwrap(), card["pin"].as_str().unwrap());
    assert!(served.opens(code, pin) && !served.opens(code, "000000"));
    served.get(&format!("/c/{}", code.replace('-', "")));
    let log = served.stop();
    for word in WORDS.into_iter().chain([code, &code.replace('-', ""), pin]) {
        assert!(!log.contains(word), "{word} is in the log: {log}");
    }
}

#[test]
fn wrong_input_is_named_with_the_next_action() {
    let clinic = Clinic::init();
    for (args, code, said) in [
        (&["init", "--name", "別"][..], 1, "already"),
        (&["import", "/nowhere/a.csv"], 1, "/nowhere/a.csv"),
        (&["import"], 2, "FILE"),
        (&["card", "issue", "--patient", "xyz"], 1, "32 hexadecimal"),
        (&["card", "revoke", "ABCD"], 1, "neither a card's id nor a card's code"),
        (&["export", "--patient", "00000000000000000000000000000000"], 1, "patient list"),
        (&["set-aside", "resolve", "7"], 2, "--accept"),
        (&["serve", "--listen", "0.0.0.0:0"], 1, "--insecure-lan"),
        (&["patient", "add", "--name", "a", "--birth", "19431399", "--sex", "male"], 1, "19431399"),
        (&["frobnicate"], 2, "unrecognized"),
    ] {
        let run = clinic.run(args);
        assert_eq!((run.code, run.err.contains(said)), (code, true), "{args:?}: {}", run.err);
        assert!(run.out.is_empty(), "{args:?} says something on standard output");
    }
    let nowhere = clinic.run(&["verify", "--dir", "/nowhere/at/all"]);
    assert_eq!((nowhere.code, nowhere.err.contains("init")), (1, true), "{}", nowhere.err);
    assert!(String::from_utf8(clinic.run(&["--help"]).out).unwrap().contains("Examples:"));
}

#[test]
fn tls_with_a_given_certificate_serves_and_a_wrong_key_is_named() {
    let clinic = Clinic::init();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let cert = clinic.file("cert.pem", made.cert.pem().as_bytes());
    let key = clinic.file("key.pem", made.signing_key.serialize_pem().as_bytes());
    let wrong = clinic.run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &cert]);
    assert_eq!((wrong.code, wrong.err.contains("cert.pem")), (1, true), "{}", wrong.err);
    let served = clinic.serve(&["--tls-cert", &cert, "--tls-key", &key]);
    assert!(served.url().starts_with("https://127.0.0.1:"));
    let port = served.url().rsplit(':').next().unwrap();
    let output = std::process::Command::new("curl")
        .args(["--silent", "--include", "--cacert", &cert, "--resolve", &format!("localhost:{port}:127.0.0.1")])
        .arg(format!("https://localhost:{port}/"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.starts_with("HTTP/2 200") && text.contains("name=\"code\""),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
