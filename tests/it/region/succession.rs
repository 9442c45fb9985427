//! A clinic's box is destroyed: a new one takes over, is filled from the holders, and the old one's last writes arrive when it turns up.

use super::clinic::{Card, Clinic, entries};
use super::lan::Lan;
use super::restored::copy_dir;
use super::{NAMES, Region, reads};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The place of the new box on the network, and of whatever comes after it.
const NEW: usize = 6;
/// The clinic that is lost.
const LOST: usize = 2;

/// What was in the lost clinic before it was.
struct Before {
    /// The ledger's id.
    ledger: Vec<u8>,
    /// Its entries that somebody has seen.
    acknowledged: BTreeSet<Vec<u8>>,
    cards: Vec<Card>,
    taken_back: Card,
    holders: Vec<usize>,
}

fn lived(region: &mut Region) -> Before {
    region.until_all_meet();
    region.place();
    let home = &region.clinics[LOST];
    let cards: Vec<Card> = (0..3).map(|at| home.patient(&format!("患者 {at}"))).collect();
    let lost = home.patient("患者 失");
    let listed = home.json(&["card", "list"]);
    let opener = listed["cards"].as_array().unwrap().last().unwrap()["card"].as_str().unwrap().to_owned();
    let replaced = home.json(&["card", "replace", &opener]);
    let text = |key: &str| replaced[key].as_str().unwrap_or_else(|| panic!("{key} in {replaced}")).to_owned();
    let cards = [cards, vec![Card { code: text("code"), pin: text("pin") }]].concat();
    region.until_copies_are_complete();
    let holders = region.holders(LOST);
    for holder in &holders {
        assert!(region.clinics[*holder].write_memo(&cards[0], "控えのある所で").starts_with("HTTP/1.1 303"));
    }
    region.until_copies_are_complete();
    let ledger = ledger(&region.clinics[LOST], NAMES[LOST]);
    region.clinics[LOST].stop();
    let acknowledged = of_ledger(&region.clinics[LOST], &ledger);
    Before { ledger, acknowledged, cards, taken_back: lost, holders }
}

fn site<'s>(status: &'s Value, name: &str) -> &'s Value {
    let sites = status["sites"].as_array().unwrap();
    sites.iter().find(|site| site["name"] == name).unwrap_or_else(|| panic!("{name} in {status}"))
}

fn ledger(at: &Clinic<'_>, name: &str) -> Vec<u8> {
    let status = at.status();
    let home = &site(&status, name)["site"];
    let ledger = status["ledgers"].as_array().unwrap().iter().find(|ledger| ledger["home"] == *home).unwrap();
    data_encoding::HEXLOWER.decode(ledger["ledger"].as_str().unwrap().as_bytes()).unwrap()
}

fn of_ledger(clinic: &Clinic<'_>, ledger: &[u8]) -> BTreeSet<Vec<u8>> {
    entries(&clinic.data()).into_iter().filter(|(of, _)| of == ledger).map(|(_, open)| open).collect()
}

fn is_clean(clinic: &Clinic<'_>) {
    assert_eq!(clinic.json(&["verify"])["faults"], json!([]), "{}", clinic.name);
}

/// The lost box as it was, somewhere else: what it writes now reaches nobody.
fn written_alone<'l>(lan: &'l Lan, from: &Clinic<'_>, name: &str) -> (Clinic<'l>, Card) {
    let mut alone = Clinic::with_clock(lan, LOST, NAMES[LOST], None);
    copy_dir(&from.data(), &alone.data());
    let others: Vec<usize> = (0..=NEW).filter(|at| *at != LOST).collect();
    lan.cut(&[LOST], &others);
    alone.start();
    let card = alone.patient(name);
    alone.stop();
    lan.heal();
    (alone, card)
}

/// A box that asks to take the lost clinic's place; what it asks for is answered at a holder. `more` is the region's word, if it is there.
fn asked<'l>(lan: &'l Lan, region: &Region<'_>, holder: usize, place: usize, more: &[&str]) -> (Clinic<'l>, Value) {
    let new = Clinic::with_clock(lan, place, NAMES[LOST], None);
    let (request, answer) = (new.path("request"), new.path("answer"));
    let (request, answer) = (request.to_str().unwrap(), answer.to_str().unwrap());
    let made = new.json(&["init", "--successor", "--request-out", request]);
    let again = new.json(&["init", "--successor", "--request-out", new.path("again").to_str().unwrap()]);
    assert_eq!(made["compared"], again["compared"], "the same box asks for the same");
    let staff = region.clinics[LOST].path("staff.txt");
    let code = made["compared"].as_str().unwrap();
    let holder = &region.clinics[holder];
    let args =
        ["region", "succeed", NAMES[LOST], "--request", request, "--staff", staff.to_str().unwrap(), "--answer-out", answer];
    let wrong = holder.run(&[&args[..], &["--code", "0000-0000-00"]].concat());
    assert!(wrong.code == 1 && !std::path::Path::new(answer).exists(), "{}", wrong.err);
    let handed = holder.json(&[&args[..], &["--code", code], more].concat());
    let begun = new.json(&["init", "--successor", "--answer", answer]);
    assert_eq!(begun["name"], NAMES[LOST]);
    (new, handed)
}

/// Waits until the new box has all that the holders have.
fn until_filled(new: &Clinic<'_>) {
    new.until_status("it is filled", |status| {
        let own = &status["site"];
        let ledgers = status["ledgers"].as_array().unwrap();
        let ledger = ledgers.iter().find(|ledger| ledger["home"] == *own);
        let behind = |ledger: &Value| ledger["holders"].as_array().unwrap().iter().all(|holder| holder["behind"] == 0);
        status["filling"].is_null() && ledger.is_some_and(behind)
    });
}

/// A new box that was handed the lost clinic's keys, and admitted by whoever signs for the region, elsewhere.
fn admitted<'l>(lan: &'l Lan, region: &Region<'_>, before: &Before) -> Clinic<'l> {
    // Its staff stand before a new box; somebody with the region's key says yes.
    let (new, handed) = asked(lan, region, before.holders[0], NEW, &[]);
    assert_eq!(handed["admitted"], false);
    let proposal = handed["proposal"].as_str().unwrap();
    let status = region.clinics[0].until_status("the proposal is known where the key is", |status| {
        status["troubles"].as_array().unwrap().iter().any(|trouble| trouble.to_string().contains(&proposal[..10]))
    });
    assert!(status.to_string().contains("region admit"), "{status:#}");
    region.clinics[0].ok(&["region", "admit", &proposal[..10], "--root", &region.root()]);
    new
}

/// The old box refuses what is new, says why, and is read all the same.
fn takes_nothing_new(old: &mut Clinic<'_>, card: &Card) {
    let refused = old.write_memo(card, "古い箱で");
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("別の機器に替わった"), "{refused}");
    let page = old.read(card);
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("別の機器に替わった"),
        "it is read there, with a warning: {page}"
    );
    let patient = ["patient", "add", "--name", "x", "--birth", "19580303", "--sex", "male"];
    assert_eq!(old.run(&patient).code, 1);
    old.stop();
    assert_eq!(old.run(&patient).code, 1, "also while nobody serves it");
}

/// It serves at once, and says that its records are still coming.
fn serves_while_it_is_filled(lan: &Lan, new: &mut Clinic<'_>) {
    lan.cut(&[NEW], &[0, 1, 2, 3, 4, 5]);
    new.start();
    let status = new.until_status("its records are still coming", |status| !status["filling"].is_null());
    assert!(status["filling"]["of"].is_null() && status["filling"]["entries"].as_u64() > Some(0), "{status:#}");
    assert!(status["troubles"].as_array().unwrap().iter().any(|trouble| trouble["kind"] == "filling"), "{status:#}");
    let page = new.front();
    assert!(page.contains(NAMES[LOST]) && page.contains("届いている途中"), "{page}");
    new.patient("患者 間");
    lan.heal();
    until_filled(new);
    assert!(!new.front().contains("届いている途中"));
}

#[test]
fn a_new_box_takes_over_with_everything_and_the_old_one_s_last_writes_arrive() {
    let Some(lan) = Lan::new("a_new_box_takes_over_with_everything_and_the_old_one_s_last_writes_arrive", NEW + 1) else {
        return;
    };
    let mut region = Region::new(&lan, |_| {});
    let before = lived(&mut region);
    let (mut early, early_card) = written_alone(&lan, &region.clinics[LOST], "患者 前");
    let (mut late, late_card) = written_alone(&lan, &early, "患者 後");
    std::fs::remove_dir_all(region.clinics[LOST].data()).unwrap();

    let (holder, mut new) = (before.holders[0], admitted(&lan, &region, &before));

    // The old box turns up before the new one is filled.
    early.start();
    early.until_status("it knows that another box has taken over", |status| {
        status["troubles"].as_array().unwrap().iter().any(|trouble| trouble["kind"] == "taken-over")
    });
    region.clinics[holder].until_status("what it wrote alone is here", |_| reads(&region.clinics[holder], &early_card));
    takes_nothing_new(&mut early, &before.cards[0]);
    serves_while_it_is_filled(&lan, &mut new);
    for card in before.cards.iter().chain([&early_card]) {
        assert!(reads(&new, card), "{}", new.log());
    }
    let page = new.read(&before.cards[0]);
    assert!(page.contains(NAMES[LOST]), "{page}");
    assert!(new.notes(&before.cards[0]).contains("控えのある所で"));
    assert!(!reads(&new, &before.taken_back), "a card that was taken back stays so");
    let staff = region.clinics[LOST].path("staff.txt");
    new.ok(&["unlock", "--staff", staff.to_str().unwrap()]);
    new.ok(&["region", "confirm", "--recovery", "--staff", staff.to_str().unwrap()]);
    let written = new.patient("患者 新");

    // And once more, after it is filled, with more that reached nobody.
    late.start();
    new.until_status("what the old box wrote alone is here", |_| reads(&new, &late_card));
    late.stop();
    for card in [&written, &late_card] {
        let at = &region.clinics[holder];
        at.until_status("the holder has it too", |_| reads(at, card));
    }
    until_filled(&new);
    new.stop();
    region.clinics.iter_mut().for_each(Clinic::stop);

    let here = of_ledger(&new, &before.ledger);
    for box_of_old in [&early, &late] {
        let old = of_ledger(box_of_old, &before.ledger);
        assert!(old.len() > before.acknowledged.len() && here.is_superset(&old), "{} of {}", here.len(), old.len());
    }
    assert!(here.is_superset(&before.acknowledged));
    for holder in &before.holders {
        let there = of_ledger(&region.clinics[*holder], &before.ledger);
        assert_eq!((there.difference(&here).count(), here.difference(&there).count()), (0, 0), "{}", NAMES[*holder]);
    }
    is_clean(&new);
    before.holders.iter().for_each(|holder| is_clean(&region.clinics[*holder]));
    // A start goes on from what is there.
    new.start();
    assert!(reads(&new, &before.cards[0]) && reads(&new, &late_card));
}
