//! The audit holds: what was changed or taken out of it is found and named, and nothing of it is in a log.

use super::glass::look;
use super::shelter::{NAME, PASSPHRASE, Rung, Shelter, Who};
use kusuribako::clinic::Clinic;
use kusuribako::clinic::check::Told;
use kusuribako::seal::badge::Passphrase;

fn faults(clinic: &Clinic) -> Vec<String> {
    let mut faults = Vec::new();
    clinic.verify(&mut |told| faults.extend(if let Told::Fault(fault) = told { Some(fault) } else { None })).unwrap();
    faults
}

#[test]
fn an_audit_entry_that_was_changed_or_taken_out_is_named() {
    let shelter = Shelter::new();
    let clinic = &shelter.holder.clinic;
    let person = clinic.sign_in(&shelter.reader.code, &Passphrase::entered(PASSPHRASE)).unwrap().person;
    for _ in 0..2 {
        look(&shelter, &person);
    }
    assert_eq!(faults(clinic), Vec::<String>::new());
    let conn = shelter.holder.database();
    let select = "SELECT entry.row, bytes FROM entry JOIN body USING (row) WHERE kind = 5 ORDER BY entry.row";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
    let audit: Vec<(i64, Vec<u8>)> = conn.prepare(select).unwrap().query_map([], read).unwrap().map(Result::unwrap).collect();
    // Two glasses and two looks in the site's ledger, and two looks in the patient's record.
    assert_eq!(audit.len(), 6);
    let set = |row: i64, bytes: &[u8]| conn.execute("UPDATE body SET bytes = ?2 WHERE row = ?1", rusqlite::params![row, bytes]);
    for (row, bytes) in &audit {
        let mut altered = bytes.clone();
        let last = altered.len() - 1;
        altered[last] ^= 1;
        set(*row, &altered).unwrap();
        let named = faults(clinic);
        assert!(named.iter().any(|fault| fault.contains(&format!("row {row}:"))), "{row}: {named:?}");
        set(*row, bytes).unwrap();
    }
    assert_eq!(faults(clinic), Vec::<String>::new());
    drop(conn);
    for (row, _) in &audit {
        let copy = shelter.holder.copied();
        let conn = super::shelter::database_in(copy.path());
        for table in ["head", "body", "entry"] {
            conn.execute(&format!("DELETE FROM {table} WHERE row = ?1"), [row]).unwrap();
        }
        drop(conn);
        let named = faults(&shelter.holder.put_back(copy).clinic);
        let says = |fault: &String| {
            ["on are missing before it", "which is not here", "missing", "run `kusuribako rebuild`"]
                .iter()
                .any(|words| fault.contains(words))
        };
        assert!(named.iter().any(says), "the entry of row {row} was taken out: {named:?}");
        println!("row {row}: {named:?}");
    }
}

/// Whoever has not given a reason and a consent learns nothing: neither of who is there nor of who is not.
#[test]
fn before_a_glass_present_and_absent_patients_are_one() {
    let shelter = Shelter::new();
    let ledger = data_encoding::HEXLOWER.encode(&shelter.home.clinic.ledger().0);
    let (present, absent) = (data_encoding::HEXLOWER.encode(&shelter.subject.0), "0".repeat(32));
    for who in [Who::Nobody, Who::Reader, Who::Pharmacist, Who::Admin, Who::Outside] {
        let mut browser = shelter.browser(Rung::Tls, who);
        let routes: Vec<String> = browser.paths().into_iter().filter(|path| path.starts_with("/staff/patient/")).collect();
        for path in routes.iter().map(|path| path.replace("{ledger}", &ledger)) {
            let (one, other) =
                (browser.get(&path.replace("{subject}", &present)), browser.get(&path.replace("{subject}", &absent)));
            assert_eq!((one.status, &one.text), (other.status, &other.text), "{who:?}: {path}");
            assert!(!one.text.contains(NAME), "{who:?}: {path}");
        }
        for path in ["/staff", "/staff/glass", "/staff/review", "/staff/people", "/staff/elsewhere"] {
            assert!(!browser.get(path).text.contains(NAME), "{who:?}: {path}");
        }
    }
}

/// With every log that there is, of the real program.
#[test]
fn no_badge_no_passphrase_and_no_word_of_a_form_is_in_a_log() {
    let clinic = crate::cli::program::Clinic::named("見本薬局", &[]);
    let sheet = std::fs::read_to_string(crate::region_cli::at(&clinic, "staff.txt")).unwrap();
    let line = |name: &str| sheet.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let (badge, passphrase) = (line("badge "), line("passphrase "));
    let served = clinic.serve(&["--sync-listen", "127.0.0.1:0", "--no-discovery"]);
    let wrong = served.post("/staff/sign-in", &format!("badge={badge}&passphrase=zettai-himitsu-desu"));
    assert!(wrong.starts_with("HTTP/1.1 403"), "{wrong}");
    let right = served.post("/staff/sign-in", &format!("badge={badge}&passphrase={passphrase}"));
    assert!(right.starts_with("HTTP/1.1 303"), "{right}");
    served.post("/staff/outside", "badge=mukashi-no-fuda&pin=987654321098");
    served.post("/staff/glass", "csrf=x&reason=other&words=yaeagashi-sumire&consent=patient");
    let log = served.stop();
    for secret in [badge.as_str(), &passphrase, "zettai-himitsu-desu", "mukashi-no-fuda", "987654321098", "yaeagashi-sumire"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
