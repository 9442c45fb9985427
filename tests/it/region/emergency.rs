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

/// Six clinics with their copies placed, and who has what before anything is lost.
struct Torn<'l> {
    region: Region<'l>,
    sites: Vec<Value>,
    ledgers: Vec<Vec<u8>>,
    /// Of each ledger, where it lies.
    placed: Vec<BTreeSet<usize>>,
}

impl<'l> Torn<'l> {
    fn new(lan: &'l Lan) -> Self {
        let region = Region::new(lan, |_| {});
        region.until_all_meet();
        region.place();
        region.clinics.iter().for_each(|clinic| drop(clinic.patient(&format!("患者 {}", clinic.at))));
        region.until_copies_are_complete();
        let sites: Vec<Value> = (0..NAMES.len()).map(|at| region.site(at)).collect();
        let placed = (0..NAMES.len()).map(|home| region.holders(home).into_iter().chain([home]).collect()).collect();
        let ledgers = ids(&region.clinics[0].status(), &sites);
        Self { region, sites, ledgers, placed }
    }

    /// The ledgers that a survivor holds and that lost a copy.
    fn concerned(&self) -> Vec<usize> {
        let saved = (0..NAMES.len()).filter(|home| LIVING.iter().any(|at| self.placed[*home].contains(at)));
        let concerned: Vec<usize> = saved.filter(|home| self.placed[*home].iter().any(|at| LOST.contains(at))).collect();
        assert!(
            concerned.iter().any(|home| LOST.contains(home)),
            "a survivor holds something of a lost one: {:?}",
            self.placed
        );
        concerned
    }

    /// Every concerned ledger has as many copies as there should be among those who answer, and no more.
    fn until_reached(&self, emergency: &str) {
        let concerned = self.concerned();
        for survivor in LIVING {
            let shown = self.region.clinics[survivor].until_status("there are enough copies at those who answer", |status| {
                let answering = rows(status, "sites").iter().filter(|site| site["reachable"] == true).count();
                answering == LIVING.len()
                    && concerned.iter().all(|home| {
                        let copies = &ledger(status, &self.sites[*home])["copies"];
                        let count = |field: &str| copies[field].as_u64().unwrap_or(0);
                        copies["reached"] == true && count("target") == 3 && count("proven") + count("card_only") == 3
                    })
            });
            let [going_on] = &rows(&shown, "emergencies")[..] else { panic!("{shown}") };
            assert_eq!((&going_on["emergency"], &going_on["ended"]), (&Value::from(emergency), &Value::Bool(false)));
            assert!(going_on["remaining_s"].as_u64().is_some_and(|s| s > 335 * 3_600), "{going_on}");
            // A home that answers is opened by its own staff, whoever else only serves cards.
            for home in concerned.iter().filter(|home| LIVING.contains(home)) {
                assert_eq!(ledger(&shown, &self.sites[*home])["copies"]["card_only"], 2, "{shown:#}");
            }
        }
    }

    fn disks(&self) -> Vec<BTreeMap<usize, i64>> {
        LIVING.iter().map(|at| on_disk(&self.region.clinics[*at], &self.ledgers)).collect()
    }

    /// All copies that there should be have been compared with each other, and there are no others.
    fn until_compared(&self, expected: &[BTreeSet<usize>]) {
        for clinic in &self.region.clinics {
            clinic.until_status("all copies were compared, and none is missing or more", |status| {
                (0..NAMES.len()).filter(|home| expected[*home].contains(&clinic.at)).all(|home| {
                    let whole = rows(ledger(status, &self.sites[home]), "holders").iter();
                    let mut whole = whole.filter(|holder| holder["entries"].as_u64().is_some_and(|n| n > 0));
                    at(status, &self.sites[home], &self.sites) == expected[home] && whole.all(|holder| holder["behind"] == 0)
                })
            });
        }
    }

    /// Who holds what by an adopted placement.
    fn named(&self, adopted: &Value) -> Vec<BTreeSet<usize>> {
        let named = |home: usize| {
            let row = rows(adopted, "ledgers").iter().find(|ledger| ledger["home"] == self.sites[home]).unwrap();
            let place = |holder: &Value| self.sites.iter().position(|site| site == holder).unwrap();
            rows(row, "holders").iter().map(place).chain([home]).collect()
        };
        (0..NAMES.len()).map(named).collect()
    }

    fn until_only(&self, named: &[BTreeSet<usize>]) {
        for clinic in &self.region.clinics {
            clinic.until_status("what the placement names lies here, and nothing else", |_| {
                let here = on_disk(clinic, &self.ledgers);
                (0..NAMES.len()).all(|home| here.contains_key(&home) == named[home].contains(&clinic.at))
            });
        }
    }
}

#[test]
fn three_survivors_of_six_copy_until_it_is_enough_and_release_only_by_a_placement() {
    let test = "three_survivors_of_six_copy_until_it_is_enough_and_release_only_by_a_placement";
    let Some(lan) = Lan::new(test, 6) else { return };
    let mut torn = Torn::new(&lan);
    let deputies = deputies(&torn.region);
    torn.region.clinics[1].until_status("the deputies are known", |_| {
        rows(&torn.region.clinics[1].json(&["region", "deputy", "list"]), "deputies").len() == 2
    });

    // Power and network are gone at three of them.
    lan.cut(&LIVING, &LOST);
    LOST.iter().for_each(|at| torn.region.clinics[*at].kill());
    let emergency = declare(&torn.region, &deputies);
    torn.until_reached(&emergency);
    let disks = torn.disks();
    for home in torn.concerned() {
        assert!(disks.iter().all(|disk| disk.contains_key(&home)), "{home} at {disks:?}");
    }
    let page = String::from_utf8(torn.region.clinics[0].ok(&["region", "status", "--lang", "ja"]).out).unwrap();
    assert!(page.contains("非常時") && page.contains("地震"), "{page}");

    // The lost ones come back: nothing has gone, and nothing is begun for nothing.
    lan.heal();
    LOST.iter().for_each(|at| torn.region.clinics[*at].start());
    torn.region.until_all_meet();
    let made = |home: usize| LIVING.into_iter().filter(|at| disks[*at].contains_key(&home)).collect::<BTreeSet<_>>();
    let expected: Vec<BTreeSet<usize>> = (0..NAMES.len()).map(|home| &torn.placed[home] | &made(home)).collect();
    assert!(expected != torn.placed, "somebody made a copy: {expected:?}");
    torn.until_compared(&expected);
    // One more patient at a lost home and at a survivor: everything that holds has it too, and still nobody else begins.
    [3, 1].into_iter().for_each(|home| drop(torn.region.clinics[home].patient("もどったあと")));
    torn.until_compared(&expected);

    // The end alone releases nothing, and is said to wait for a placement.
    torn.region.clinics[0].ok(&["region", "emergency", "end", &emergency, "--root", &torn.region.root()]);
    for clinic in &torn.region.clinics {
        clinic.until_status("the end is known, and what is to be done", |status| {
            rows(status, "troubles").iter().any(|trouble| trouble["kind"] == "emergency-over")
        });
    }
    torn.until_compared(&expected);
    let adopted = torn.region.clinics[0].json(&["region", "place", "--adopt", "--root", &torn.region.root()]);
    assert_eq!(adopted["settles"], serde_json::json!([emergency]));
    let named = torn.named(&adopted);
    assert!((0..NAMES.len()).any(|home| !expected[home].is_subset(&named[home])), "something is left over: {named:?}");
    torn.until_only(&named);
    torn.region.clinics[0].until_status("the emergency is settled", |status| rows(status, "emergencies").is_empty());
}
