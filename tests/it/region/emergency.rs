//! Six clinics, three of which are lost: the others copy until there are enough, keep the copies when the lost ones come back, and give up
//! exactly those that the next placement does not want.

use super::clinic::Clinic;
use super::lan::Lan;
use super::{NAMES, Region};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const LIVING: [usize; 3] = [0, 1, 2];
const LOST: [usize; 3] = [3, 4, 5];
/// Copies of each record.
const TARGET: usize = 3;

fn rows<'a>(value: &'a Value, field: &str) -> &'a Vec<Value> {
    value[field].as_array().unwrap_or_else(|| panic!("{field} in {value}"))
}

/// Which clinics have entries of a clinic's ledger, by one clinic's status.
fn at(status: &Value, home: &Value, sites: &[Value]) -> BTreeSet<usize> {
    let ledger = rows(status, "ledgers").iter().find(|ledger| ledger["home"] == *home).unwrap();
    let has = |holder: &&Value| holder["entries"].as_u64().is_some_and(|entries| entries > 0);
    let held = rows(ledger, "holders").iter().filter(has);
    held.map(|holder| sites.iter().position(|site| *site == holder["site"]).unwrap()).collect()
}

fn ledger<'a>(status: &'a Value, home: &Value) -> &'a Value {
    rows(status, "ledgers").iter().find(|ledger| ledger["home"] == *home).unwrap()
}

/// What lies in a clinic's own files: whole entries of each ledger, by its home's place in the list.
fn on_disk(clinic: &Clinic<'_>, ledgers: &[Vec<u8>]) -> BTreeMap<usize, i64> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = rusqlite::Connection::open_with_flags(clinic.data().join("ledger.db"), flags).unwrap();
    let select = "SELECT entries - missing FROM holding WHERE ledger = ?1";
    let of = |ledger: &Vec<u8>| db.query_row(select, [ledger], |row| row.get::<_, i64>(0)).unwrap_or(0);
    ledgers.iter().map(of).enumerate().filter(|(_, entries)| *entries > 0).collect()
}

fn ids(status: &Value, sites: &[Value]) -> Vec<Vec<u8>> {
    let id =
        |home: &Value| data_encoding::HEXLOWER.decode(ledger(status, home)["ledger"].as_str().unwrap().as_bytes()).unwrap();
    sites.iter().map(id).collect()
}

/// Two persons sign for the region from now on.
fn deputies(region: &Region<'_>) -> [String; 2] {
    ["甲", "乙"].map(|name| {
        let file = region.clinics[0].path(&format!("{name}.key")).to_str().unwrap().to_owned();
        let made = region.clinics[0].ok(&["region", "deputy", "new", "--name", name, "--out", &file]);
        let key = String::from_utf8(made.out).unwrap();
        region.clinics[0].ok(&["region", "deputy", "add", key.trim(), "--name", name, "--root", &region.root()]);
        file
    })
}

/// Declared at a survivor by two deputies; the emergency's id.
fn declare(region: &Region<'_>, deputies: &[String; 2]) -> String {
    let lost: Vec<&str> = LOST.iter().flat_map(|at| ["--site", NAMES[*at]]).collect();
    let copies = TARGET.to_string();
    let args = ["region", "emergency", "declare", "--copies", &copies, "--reason", "地震", "--deputy", &deputies[0]];
    let declared = region.clinics[1].json(&[&args[..], &lost].concat());
    assert_eq!(declared["counts"], false, "one deputy is not enough");
    let statement = declared["statement"].as_str().unwrap();
    region.clinics[1].ok(&["region", "sign", statement, "--deputy", &deputies[1]]);
    declared["emergency"].as_str().unwrap().to_owned()
}

#[test]
fn three_survivors_of_six_copy_until_it_is_enough_and_release_only_by_a_placement() {
    let Some(lan) = Lan::new("three_survivors_of_six_copy_until_it_is_enough_and_release_only_by_a_placement", 6) else {
        return;
    };
    let mut region = Region::new(&lan, |_| {});
    region.until_all_meet();
    region.place();
    let _cards: Vec<_> = region.clinics.iter().map(|clinic| clinic.patient(&format!("患者 {}", clinic.at))).collect();
    region.until_copies_are_complete();
    let sites: Vec<Value> = (0..NAMES.len()).map(|at| region.site(at)).collect();
    let placed: Vec<BTreeSet<usize>> =
        (0..NAMES.len()).map(|home| region.holders(home).into_iter().chain([home]).collect()).collect();
    let ledgers = ids(&region.clinics[0].status(), &sites);
    let deputies = deputies(&region);
    region.clinics[1].until_status("the deputies are known", |_| {
        let known = region.clinics[1].json(&["region", "deputy", "list"]);
        rows(&known, "deputies").len() == 2
    });

    // Power and network are gone at three of them.
    lan.cut(&LIVING, &LOST);
    LOST.iter().for_each(|at| region.clinics[*at].kill());
    let emergency = declare(&region, &deputies);

    // Every ledger that a survivor holds reaches three copies among them; the fewest that are needed.
    let saved: Vec<usize> = (0..NAMES.len()).filter(|home| LIVING.iter().any(|at| placed[*home].contains(at))).collect();
    assert!(saved.len() > LIVING.len() && saved.iter().any(|home| LOST.contains(home)), "somebody lost is held by a survivor");
    let concerned: Vec<usize> = saved.iter().copied().filter(|home| placed[*home].iter().any(|at| LOST.contains(at))).collect();
    for survivor in LIVING {
        region.clinics[survivor].until_status("there are enough copies at those who answer", |status| {
            let answering = rows(status, "sites").iter().filter(|site| site["reachable"] == true).count();
            answering == LIVING.len()
                && concerned.iter().all(|home| {
                    let copies = &ledger(status, &sites[*home])["copies"];
                    let count = |field: &str| copies[field].as_u64().unwrap_or(0);
                    copies["reached"] == true && count("target") == 3 && count("proven") + count("card_only") == 3
                })
        });
        let shown = region.clinics[survivor].status();
        let [going_on] = &rows(&shown, "emergencies")[..] else { panic!("{shown}") };
        assert_eq!((&going_on["emergency"], &going_on["ended"]), (&Value::from(emergency.as_str()), &Value::Bool(false)));
        assert!(going_on["remaining_s"].as_u64().is_some_and(|s| s > 335 * 3_600), "{going_on}");
        // A home that answers is opened by its own staff, whoever else only serves cards.
        for home in concerned.iter().filter(|home| LIVING.contains(home)) {
            assert_eq!(ledger(&shown, &sites[*home])["copies"]["card_only"], 2, "{shown:#}");
        }
    }
    let disks = LIVING.map(|at| on_disk(&region.clinics[at], &ledgers));
    for home in &concerned {
        assert!(disks.iter().all(|disk| disk.contains_key(home)), "{home} at {disks:?}");
    }
    let page = String::from_utf8(region.clinics[0].ok(&["region", "status", "--lang", "ja"]).out).unwrap();
    assert!(page.contains("非常時") && page.contains("地震"), "{page}");

    // The lost ones come back: everybody has compared with everybody, and nothing has gone or been begun for nothing.
    lan.heal();
    LOST.iter().for_each(|at| region.clinics[*at].start());
    region.until_all_meet();
    let supplementary: Vec<BTreeSet<usize>> = (0..NAMES.len())
        .map(|home| LIVING.into_iter().filter(|at| !placed[home].contains(at) && disks[*at].contains_key(&home)).collect())
        .collect();
    assert!(supplementary.iter().any(|at| !at.is_empty()), "somebody made a copy: {placed:?}");
    let expected = |home: usize| -> BTreeSet<usize> { placed[home].union(&supplementary[home]).copied().collect() };
    let all_compared = |region: &Region<'_>| {
        for clinic in &region.clinics {
            clinic.until_status("all copies were compared, and none is missing or more", |status| {
                (0..NAMES.len()).all(|home| {
                    let here = at(status, &sites[home], &sites);
                    let holders = rows(ledger(status, &sites[home]), "holders");
                    let holds = expected(home).contains(&clinic.at);
                    let whole = holders.iter().filter(|holder| holder["entries"].as_u64().is_some_and(|n| n > 0));
                    !holds || (here == expected(home) && whole.clone().all(|holder| holder["behind"] == 0))
                })
            });
        }
    };
    all_compared(&region);
    // One more patient at a lost home and at a survivor: everything that holds has it too, and still nobody else begins.
    for home in [3, 1] {
        region.clinics[home].patient("もどったあと");
    }
    all_compared(&region);

    // The end alone releases nothing, and is said to wait for a placement.
    region.clinics[0].ok(&["region", "emergency", "end", &emergency, "--root", &region.root()]);
    for clinic in &region.clinics {
        clinic.until_status("the end is known, and what is to be done", |status| {
            rows(status, "troubles").iter().any(|trouble| trouble["kind"] == "emergency-over")
        });
    }
    all_compared(&region);
    let adopted = region.clinics[0].json(&["region", "place", "--adopt", "--root", &region.root()]);
    assert_eq!(adopted["settles"], serde_json::json!([emergency]));
    let named = |home: usize| -> BTreeSet<usize> {
        let row = rows(&adopted, "ledgers").iter().find(|ledger| ledger["home"] == sites[home]).unwrap();
        let holders = rows(row, "holders").iter().map(|holder| sites.iter().position(|site| site == holder).unwrap());
        holders.chain([home]).collect()
    };
    let after: Vec<BTreeSet<usize>> = (0..NAMES.len()).map(named).collect();
    assert!((0..NAMES.len()).any(|home| !expected(home).is_subset(&after[home])), "something is left over: {after:?}");
    for clinic in &region.clinics {
        clinic.until_status("what the placement names lies here, and nothing else", |_| {
            let here = on_disk(clinic, &ledgers);
            (0..NAMES.len()).all(|home| here.contains_key(&home) == after[home].contains(&clinic.at))
        });
    }
    region.clinics[0].until_status("the emergency is settled", |status| rows(status, "emergencies").is_empty());
}
