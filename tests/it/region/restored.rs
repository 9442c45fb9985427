//! A box that was put back to a backup, and a box that runs twice: both branches are kept and shown, and nothing acknowledged is lost.

use super::clinic::{Card, Clinic, entries};
use super::lan::{Lan, address};
use super::reads;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

pub(super) const NAMES: [&str; 3] = ["さくら薬局", "Aoba Clinic", "みなと薬局"];

/// Three clinics of one region, placed and served.
pub(super) fn region(lan: &Lan) -> Vec<Clinic<'_>> {
    let mut clinics: Vec<Clinic> = NAMES.iter().enumerate().map(|(at, name)| Clinic::new(lan, at, name)).collect();
    let kit = clinics[0].path("kit");
    clinics[0].ok(&["region", "found", "--name", "試しの地域", "--kit-out", kit.to_str().unwrap()]);
    let root = kit.join("root.txt").to_str().unwrap().to_owned();
    clinics.iter_mut().for_each(Clinic::start);
    for joining in &clinics[1..] {
        let invited = clinics[0].json(&["region", "invite"]);
        let first = format!("{}:7443", address(0));
        let asked = joining.json(&["region", "join", invited["code"].as_str().unwrap(), "--address", &first]);
        let compared = asked["compared"].as_str().unwrap();
        joining.ok(&["region", "confirm", compared]);
        clinics[0].ok(&["region", "confirm", compared, "--root", &root]);
    }
    until_all_meet(&clinics);
    clinics[0].ok(&["region", "place", "--adopt", "--root", &root]);
    clinics
}

pub(super) fn until_all_meet(clinics: &[Clinic<'_>]) {
    for clinic in clinics {
        clinic.until_status("all are reachable", |status| {
            let sites = status["sites"].as_array().unwrap();
            sites.len() == NAMES.len() && sites.iter().all(|site| site["reachable"] == true)
        });
    }
}

/// What the status says of the first clinic's ledger.
fn first_ledger(status: &Value) -> Value {
    let sites = status["sites"].as_array().unwrap();
    let home = sites.iter().find(|site| site["name"] == NAMES[0]).unwrap()["site"].clone();
    status["ledgers"].as_array().unwrap().iter().find(|ledger| ledger["home"] == home).unwrap().clone()
}

/// Every holder of the first clinic's ledger has all of it.
pub(super) fn until_copied(home: &Clinic<'_>) {
    home.until_status("all copies are complete", |status| {
        let ledger = first_ledger(status);
        let holders = ledger["holders"].as_array().unwrap();
        holders.len() >= 2 && holders.iter().all(|holder| holder["behind"] == 0)
    });
}

pub(super) fn holder(clinics: &[Clinic<'_>]) -> usize {
    let status = clinics[0].status();
    let ledger = first_ledger(&status);
    let holders: Vec<Value> = ledger["holders"].as_array().unwrap().iter().map(|holder| holder["site"].clone()).collect();
    let site =
        |name: &str| status["sites"].as_array().unwrap().iter().find(|site| site["name"] == name).unwrap()["site"].clone();
    (1..NAMES.len()).find(|at| holders.contains(&site(NAMES[*at]))).expect("somebody holds the first clinic's ledger")
}

/// All files, as a backup has them.
pub(super) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in from.read_dir().unwrap().map(Result::unwrap) {
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

fn trouble(status: &Value, kind: &str) -> Option<Value> {
    status["troubles"].as_array().unwrap().iter().find(|trouble| trouble["kind"] == kind).cloned()
}

/// Waits until it is said, in both languages with what to do, and at the ledger.
fn until_shown(clinic: &Clinic<'_>, kind: &str) {
    let status = clinic.until_status(kind, |status| trouble(status, kind).is_some());
    let trouble = trouble(&status, kind).unwrap();
    for said in ["sentence", "next_action"] {
        assert!(["ja", "en"].iter().all(|lang| !trouble[said][lang].as_str().unwrap().is_empty()), "{trouble}");
    }
    assert_eq!(first_ledger(&status)["branched"], true, "{status:#}");
}

/// Stops everybody and says what lies there of the first clinic's ledger, which is the same at all of them.
pub(super) fn same_everywhere(clinics: &mut [Clinic<'_>], with: &BTreeSet<usize>, ledger: &[u8]) -> BTreeSet<Vec<u8>> {
    clinics.iter_mut().for_each(Clinic::stop);
    let of = |clinic: &Clinic<'_>| -> BTreeSet<Vec<u8>> {
        entries(&clinic.data()).into_iter().filter(|(of, _)| of == ledger).map(|(_, open)| open).collect()
    };
    let copies: Vec<BTreeSet<Vec<u8>>> = with.iter().map(|at| of(&clinics[*at])).collect();
    for copy in &copies {
        assert_eq!(copy.len(), copies[0].len());
        assert!(*copy == copies[0], "two copies differ");
    }
    copies[0].clone()
}

/// The id of the ledger that a clinic is at home in, by a stopped clinic's file.
pub(super) fn own_ledger(home: &Clinic<'_>) -> Vec<u8> {
    let db = rusqlite::Connection::open_with_flags(home.data().join("ledger.db"), rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
        .unwrap();
    db.query_row("SELECT ledger FROM chain ORDER BY id LIMIT 1", [], |row| row.get(0)).unwrap()
}

fn of_ledger(home: &Clinic<'_>, ledger: &[u8]) -> BTreeSet<Vec<u8>> {
    entries(&home.data()).into_iter().filter(|(of, _)| of == ledger).map(|(_, open)| open).collect()
}

pub(super) fn is_clean(clinic: &Clinic<'_>) {
    let verified = clinic.json(&["verify"]);
    assert_eq!(verified["faults"], serde_json::json!([]), "{}", clinic.name);
}

#[test]
fn a_home_put_back_to_its_backup_gets_back_what_reached_a_holder_and_keeps_both_branches() {
    let test = "a_home_put_back_to_its_backup_gets_back_what_reached_a_holder_and_keeps_both_branches";
    let Some(lan) = Lan::new(test, 3) else { return };
    let mut clinics = region(&lan);
    let before = clinics[0].patient("患者 前");
    until_copied(&clinics[0]);
    clinics[0].stop();
    let (data, backup) = (clinics[0].data(), clinics[0].path("backup"));
    copy_dir(&data, &backup);
    clinics[0].start();
    let lost = clinics[0].patient("患者 失");
    assert!(clinics[0].write_memo(&before, "バックアップの後").starts_with("HTTP/1.1 303"));
    until_copied(&clinics[0]);
    let at = holder(&clinics);
    clinics[0].stop();
    let ledger = own_ledger(&clinics[0]);
    let acknowledged = of_ledger(&clinics[0], &ledger);

    std::fs::remove_dir_all(&data).unwrap();
    copy_dir(&backup, &data);
    let others: Vec<usize> = (1..NAMES.len()).collect();
    lan.cut(&[0], &others);
    clinics[0].start();
    assert!(!reads(&clinics[0], &lost), "the backup does not have it");
    let after = clinics[0].patient("患者 後");
    assert!(clinics[0].write_memo(&before, "戻した後").starts_with("HTTP/1.1 303"));
    lan.heal();
    until_all_meet(&clinics);
    clinics[0].until_status("what was lost is here again", |_| reads(&clinics[0], &lost));
    until_copied(&clinics[0]);
    for clinic in [0, at] {
        for card in [&before, &lost, &after] {
            assert!(reads(&clinics[clinic], card), "{}", NAMES[clinic]);
        }
        until_shown(&clinics[clinic], "branched");
    }
    let page = clinics[0].notes(&before);
    assert!(page.contains("バックアップの後") && page.contains("戻した後"), "{page}");
    let all = same_everywhere(&mut clinics, &[0, at].into(), &ledger);
    assert!(all.is_superset(&acknowledged), "what was acknowledged before is there");
    assert!(all.len() > acknowledged.len());
    [0, at].into_iter().for_each(|at| is_clean(&clinics[at]));
    // The next start goes on from what is there: nothing branches anew.
    clinics.iter_mut().for_each(Clinic::start);
    assert!(reads(&clinics[0], &lost));
}

#[test]
fn a_box_that_runs_twice_is_shown_and_what_both_wrote_is_kept() {
    let Some(lan) = Lan::new("a_box_that_runs_twice_is_shown_and_what_both_wrote_is_kept", 4) else { return };
    let mut clinics = region(&lan);
    let before = clinics[0].patient("患者 前");
    until_copied(&clinics[0]);
    let at = holder(&clinics);
    clinics[0].stop();
    let ledger = own_ledger(&clinics[0]);
    let mut twin = Clinic::with_clock(&lan, 3, NAMES[0], None);
    copy_dir(&clinics[0].data(), &twin.data());
    lan.cut(&[3], &[0, 1, 2]);
    clinics[0].start();
    twin.start();
    let mut cards: Vec<Card> = vec![before.clone()];
    for round in 0..2 {
        cards.push(clinics[0].patient(&format!("患者 甲{round}")));
        cards.push(twin.patient(&format!("患者 乙{round}")));
        assert!(clinics[0].write_memo(&before, &format!("甲の{round}")).starts_with("HTTP/1.1 303"));
        assert!(twin.write_memo(&before, &format!("乙の{round}")).starts_with("HTTP/1.1 303"));
    }
    lan.heal();
    for clinic in [&clinics[0], &twin, &clinics[at]] {
        clinic.until_status("what both wrote is here", |_| cards.iter().all(|card| reads(clinic, card)));
        until_shown(clinic, "runs-twice");
        let page = clinic.notes(&before);
        assert!(["甲の0", "甲の1", "乙の0", "乙の1"].iter().all(|memo| page.contains(memo)), "{page}");
    }
    // The cure that is named: one of the two is stopped. What it wrote last has reached somebody.
    let of_twin = |twin: &Clinic<'_>| of_ledger(twin, &ledger);
    twin.stop();
    let written = of_twin(&twin);
    clinics[0].until_status("all that the twin wrote is here", |_| {
        of_ledger(&clinics[0], &ledger).is_superset(&written) && of_ledger(&clinics[at], &ledger).is_superset(&written)
    });
    until_copied(&clinics[0]);
    let all = same_everywhere(&mut clinics, &[0, at].into(), &ledger);
    assert!(all.is_superset(&written));
    [0, at].into_iter().for_each(|at| is_clean(&clinics[at]));
}

/// A record that somebody brings here for a patient of another clinic: what is good goes there, what cannot be understood is kept here.
#[test]
fn of_a_file_for_another_clinic_s_patient_nothing_vanishes() {
    let Some(lan) = Lan::new("of_a_file_for_another_clinic_s_patient_nothing_vanishes", 3) else { return };
    let clinics = region(&lan);
    let card = clinics[0].patient("患者 前");
    until_copied(&clinics[0]);
    let at = holder(&clinics);
    // One of the two others holds nothing of it.
    let Some(elsewhere) = (1..NAMES.len()).find(|other| *other != at) else { return };
    let record = crate::cli::program::JAHIS;
    let other = record.replace("ｺﾘｵﾊﾟﾝｶﾌﾟｾﾙ5mg", "別の薬").replace("620004992", "620000001").replace("R020410", "R020501");
    let broken = record.replace(",2,620004992,", ",2,,");
    for (name, bytes) in [("good.csv", other), ("broken.csv", broken.clone())] {
        std::fs::write(clinics[elsewhere].path(name), bytes).unwrap();
    }
    let (good, broken_path) = (clinics[elsewhere].path("good.csv"), clinics[elsewhere].path("broken.csv"));
    let files = [good.to_str().unwrap(), broken_path.to_str().unwrap()];
    let ran = clinics[elsewhere].run(&["import", files[0], files[1], "--card", &card.code, "--json"]);
    let said = ran.json();
    let outcomes: Vec<&str> =
        said["records"].as_array().unwrap().iter().map(|record| record["outcome"].as_str().unwrap()).collect();
    assert_eq!((ran.code, outcomes), (1, vec!["left-in-inbox", "set-aside"]), "{said}");
    let waiting = clinics[elsewhere].json(&["set-aside", "list"])["set_aside"].clone();
    let [kept] = &waiting.as_array().unwrap()[..] else { panic!("{waiting}") };
    assert_eq!((kept["file"].as_str(), kept["reason"].as_str()), (Some("broken.csv"), Some("invalid")), "{kept}");
    clinics[0].until_status("the home has opened it", |_| clinics[0].read(&card).contains("別の薬"));
    let again = clinics[elsewhere].run(&["import", files[0], files[1], "--card", &card.code, "--json"]).json();
    assert!(again["records"].as_array().unwrap().iter().all(|record| record["outcome"] == "taken-before"), "{again}");
    let waiting = clinics[elsewhere].json(&["set-aside", "list"])["set_aside"].clone();
    assert_eq!(waiting.as_array().unwrap().len(), 1, "and nothing is kept twice");
}
