//! A region of six clinics on a LAN of network namespaces: found each other, hold each other's copies, and stand in for one another.

mod badge;
mod carry;
pub mod clinic;
mod doors;
mod emergency;
pub mod lan;
mod leaver;
mod restored;
mod returning;
mod succession;
pub mod wifi;

use crate::cli::program::JAHIS;
use crate::wait;
use clinic::{Card, Clinic, entries};
use lan::{Lan, address};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const NAMES: [&str; 6] = ["さくら薬局", "Aoba Clinic", "日本語 薬局", "みなと薬局", "Hill Pharmacy", "川内診療所"];

/// A revoked node is refused everywhere within this; and so is a dead one noticed.
const WITHIN: Duration = Duration::from_secs(5);

/// Six clinics of one region, found and joined by command line only, all served.
struct Region<'l> {
    clinics: Vec<Clinic<'l>>,
}

impl<'l> Region<'l> {
    /// `prepare` may change a clinic before it is served for the first time.
    fn new(lan: &'l Lan, prepare: impl Fn(&mut Clinic<'l>)) -> Self {
        let mut clinics: Vec<Clinic> = NAMES.iter().enumerate().map(|(at, name)| Clinic::new(lan, at, name)).collect();
        clinics.iter_mut().for_each(&prepare);
        let kit = clinics[0].path("kit");
        clinics[0].ok(&["region", "found", "--name", "試しの地域", "--kit-out", kit.to_str().unwrap()]);
        clinics.iter_mut().for_each(Clinic::start);
        let region = Self { clinics };
        (1..NAMES.len()).for_each(|at| region.join(at));
        region
    }

    fn root(&self) -> String {
        self.clinics[0].path("kit").join("root.txt").to_str().unwrap().to_owned()
    }

    fn join(&self, at: usize) {
        join(&self.clinics[0], &self.clinics[at], &self.root());
    }

    /// Everybody reaches everybody.
    fn until_all_meet(&self) {
        let running: Vec<&Clinic> = self.clinics.iter().filter(|clinic| clinic.is_running()).collect();
        for clinic in &running {
            clinic.until_status("all are reachable", |status| {
                let sites = status["sites"].as_array().unwrap();
                sites.len() == NAMES.len() && sites.iter().filter(|site| site["reachable"] == true).count() >= running.len()
            });
        }
    }

    fn place(&self) {
        let first = &self.clinics[0];
        first.ok(&["region", "place", "--adopt", "--root", &self.root()]);
    }

    /// Every ledger lies whole at each of its holders that run.
    fn until_copies_are_complete(&self) {
        for clinic in self.clinics.iter().filter(|clinic| clinic.is_running()) {
            clinic.until_status("all copies are complete", |status| {
                let ledgers = status["ledgers"].as_array().unwrap();
                let own = |holder: &Value| holder["site"] == status["site"];
                let of = |ledger: &Value| ledger["holders"].as_array().unwrap().clone();
                let is_whole = |ledger: &Value| {
                    let holders = of(ledger);
                    let up = || holders.iter().filter(|holder| self.is_up(&holder["site"]));
                    holders.len() >= 2 && (!holders.iter().any(own) || up().all(|holder| holder["behind"] == 0))
                };
                ledgers.len() == NAMES.len() && ledgers.iter().all(is_whole)
            });
        }
    }

    fn site(&self, at: usize) -> Value {
        let status = self.clinics[0].status();
        let sites = status["sites"].as_array().unwrap();
        sites.iter().find(|site| site["name"] == NAMES[at]).unwrap_or_else(|| panic!("{} in {status}", NAMES[at]))["site"]
            .clone()
    }

    fn is_up(&self, site: &Value) -> bool {
        let status = self.clinics.iter().find(|clinic| clinic.is_running()).unwrap().status();
        let sites = status["sites"].as_array().unwrap();
        let name = sites.iter().find(|known| known["site"] == *site).unwrap()["name"].clone();
        self.clinics.iter().any(|clinic| clinic.is_running() && name == clinic.name)
    }

    /// The places in the list of the sites that hold a clinic's ledger, besides itself.
    fn holders(&self, at: usize) -> Vec<usize> {
        let status = self.clinics[0].status();
        let home = self.site(at);
        let sites = status["sites"].as_array().unwrap();
        let ledger = status["ledgers"].as_array().unwrap().iter().find(|ledger| ledger["home"] == home).unwrap().clone();
        let name = |site: &Value| sites.iter().find(|known| known["site"] == *site).unwrap()["name"].clone();
        let held: Vec<Value> = ledger["holders"].as_array().unwrap().iter().map(|holder| name(&holder["site"])).collect();
        (0..NAMES.len()).filter(|other| *other != at && held.iter().any(|name| *name == NAMES[*other])).collect()
    }
}

/// Invitation by the clinic at the first place, request, and a person's word on both sides.
pub fn join(first: &Clinic, joining: &Clinic, root: &str) {
    let invited = first.json(&["region", "invite"]);
    let code = invited["code"].as_str().unwrap();
    let asked = joining.json(&["region", "join", code, "--address", &format!("{}:7443", address(0))]);
    let compared = asked["compared"].as_str().unwrap();
    joining.ok(&["region", "confirm", compared]);
    first.ok(&["region", "confirm", compared, "--root", root]);
}

/// As the sample record names it.
pub const DRUG: &str = "ｺﾘｵﾊﾟﾝ";

fn reads(clinic: &Clinic, card: &Card) -> bool {
    let page = clinic.read(card);
    page.starts_with("HTTP/1.1 200") && page.contains(DRUG)
}

#[test]
fn six_clinics_find_each_other_hold_copies_and_stand_in() {
    let Some(lan) = Lan::new("six_clinics_find_each_other_hold_copies_and_stand_in", 6) else { return };
    let mut region = Region::new(&lan, |_| {});
    region.until_all_meet();
    region.place();
    let cards: Vec<Card> = region.clinics.iter().map(|clinic| clinic.patient(&format!("患者 {}", clinic.at))).collect();
    region.until_copies_are_complete();

    let holders: Vec<Vec<usize>> = (0..NAMES.len()).map(|at| region.holders(at)).collect();
    what_is_left_at_a_stranger_comes_home(&region, &holders, &cards);

    // Two homes are gone; their patients read elsewhere with the same card.
    let (first, second) = (2, (0..NAMES.len()).find(|at| *at != 2 && !holders[2].contains(at) && *at != 0).unwrap_or(4));
    for at in [first, second] {
        region.clinics[at].kill();
    }
    for at in [first, second] {
        let holder = *holders[at].iter().find(|holder| region.clinics[**holder].is_running()).expect("a holder is left");
        let page = region.clinics[holder].read(&cards[at]);
        assert!(page.contains(DRUG) && page.contains(NAMES[at]), "whose record it is stands on the page: {page}");
        let outsider =
            (0..NAMES.len()).find(|other| *other != at && !holders[at].contains(other) && region.clinics[*other].is_running());
        if let Some(outsider) = outsider {
            let page = region.clinics[outsider].read(&cards[at]);
            assert!(page.contains(NAMES[holder]), "who holds nothing says who does: {page}");
        }
    }
    for at in [first, second] {
        region.clinics[at].start();
    }
    region.until_all_meet();

    // Three against three; both sides write, homes and holders.
    let (left, right) = ([0, 1, 2], [3, 4, 5]);
    lan.cut(&left, &right);
    region.clinics[0].until_status("the others are gone", |status| {
        status["sites"].as_array().unwrap().iter().filter(|site| site["reachable"] == true).count() == 3
    });
    for at in 0..NAMES.len() {
        region.clinics[at].patient(&format!("分断中 {at}"));
        for holder in &holders[at] {
            let answer = region.clinics[*holder].write_memo(&cards[at], &format!("書いた所 {holder}"));
            assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        }
    }
    lan.heal();
    region.until_all_meet();
    region.until_copies_are_complete();
    for at in 0..NAMES.len() {
        assert!(reads(&region.clinics[at], &cards[at]));
        for holder in &holders[at] {
            assert!(region.clinics[at].read(&cards[at]).starts_with("HTTP/1.1 200"));
            assert!(reads(&region.clinics[*holder], &cards[at]));
        }
    }

    // Revoked: refused on new and on open connections.
    let revoked = 5;
    let site = region.site(revoked);
    let before = Instant::now();
    region.clinics[0].ok(&["region", "revoke", site.as_str().unwrap(), "--reason", "盗難", "--root", &region.root()]);
    for at in 0..5 {
        region.clinics[at].until_status("the revoked node is not reached", |status| {
            let sites = status["sites"].as_array().unwrap();
            let state = sites.iter().find(|known| known["site"] == site).unwrap();
            state["state"] == "revoked" && state["reachable"] == false
        });
    }
    crate::wait::figure("revoked everywhere", before.elapsed(), WITHIN);
    region.clinics[revoked].kill();
    region.clinics[revoked].start();
    region.clinics[revoked].until_status("it gets nothing", |status| {
        let sites = status["sites"].as_array().unwrap();
        sites.iter().filter(|site| site["name"] != NAMES[revoked]).all(|site| site["reachable"] == false)
    });

    identical(&mut region, &[0, 1, 2, 3, 4]);
}

/// Who holds nothing of a record takes a file for it all the same: it reaches the home by whoever relays, and is in the record.
fn what_is_left_at_a_stranger_comes_home(region: &Region, holders: &[Vec<usize>], cards: &[Card]) {
    let home = (0..NAMES.len()).find(|at| holders[*at].len() < NAMES.len() - 1).expect("not everybody holds everything");
    let stranger = (0..NAMES.len()).find(|at| *at != home && !holders[home].contains(at)).unwrap();
    let clinic = &region.clinics[stranger];
    let file = clinic.path("left.csv");
    std::fs::write(&file, JAHIS.replace("見本 太郎", &format!("患者 {home}")).replace(DRUG, "ﾛｷｿﾆﾝ")).unwrap();
    clinic.ok(&["import", file.to_str().unwrap(), "--card", &cards[home].code]);
    wait::until("what was left at a stranger is in the record at home", clinic::PATIENCE, || {
        region.clinics[home].read(&cards[home]).contains("ﾛｷｿﾆﾝ").then_some(())
    });
}

/// Stops everybody: of each ledger, all copies hold the same entries. Who only passed on what was left in an inbox has no copy.
fn identical(region: &mut Region, among: &[usize]) {
    let status = region.clinics[0].status();
    let held: Vec<(Vec<u8>, Vec<usize>)> = (0..NAMES.len())
        .map(|at| {
            let home = region.site(at);
            let ledger = status["ledgers"].as_array().unwrap().iter().find(|ledger| ledger["home"] == home).unwrap();
            let id = data_encoding::HEXLOWER.decode(ledger["ledger"].as_str().unwrap().as_bytes()).unwrap();
            let holders = region.holders(at).into_iter().chain([at]).filter(|holder| among.contains(holder));
            (id, holders.collect())
        })
        .collect();
    region.clinics.iter_mut().for_each(Clinic::stop);
    let all: Vec<_> = region.clinics.iter().map(|clinic| entries(&clinic.data())).collect();
    for (ledger, holders) in held {
        let of = |at: usize| all[at].iter().filter(|(of, _)| *of == ledger).collect::<BTreeSet<_>>();
        let union: BTreeSet<_> = among.iter().flat_map(|at| of(*at)).collect();
        assert!(holders.len() > 1 && union.len() > 5, "{} entries at {holders:?}", union.len());
        for holder in holders {
            let lacking = union.difference(&of(holder)).count();
            assert_eq!(lacking, 0, "{} lacks entries that another has", NAMES[holder]);
        }
    }
}

#[test]
fn without_multicast_and_with_a_clock_that_is_a_year_off() {
    let test = "without_multicast_and_with_a_clock_that_is_a_year_off";
    let Some(lan) = Lan::new(test, 6) else { return };
    assert!(clinic::faketime().is_some() || std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(), "libfaketime is not installed");
    if clinic::faketime().is_none() {
        return println!("skipped: {test}: libfaketime is not installed");
    }
    let (left, right) = ([0, 1, 2], [3, 4, 5]);
    lan.cut_multicast(&left, &right);
    let mut region = Region::new(&lan, |clinic| {
        if clinic.at == 4 {
            clinic.set_clock("+365d");
        }
        if clinic.at >= 3 {
            clinic.serve_with(&["--peer", &format!("{}:7443", address(0))]);
        }
    });
    region.until_all_meet();
    region.place();
    let cards: Vec<Card> = region.clinics.iter().map(|clinic| clinic.patient(&format!("患者 {}", clinic.at))).collect();
    region.until_copies_are_complete();
    let status = region.clinics[4].status();
    assert!(status.to_string().contains("clock"), "a clock that is a year off is shown: {status:#}");
    let holders = region.holders(4);
    region.clinics[4].kill();
    assert!(holders.iter().any(|holder| reads(&region.clinics[*holder], &cards[4])));
    let holders = region.holders(2);
    assert!(holders.iter().any(|holder| reads(&region.clinics[*holder], &cards[2])));
    region.clinics[4].start();
    region.until_copies_are_complete();
    identical(&mut region, &[0, 1, 2, 3, 4, 5]);
}
