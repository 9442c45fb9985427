//! The carried copy by command line: out, opened with everything else off, written to, and brought home once however often it comes.

mod spoiled;

use super::clinic::{self, entries};
use super::lan::Lan;
use super::restored;
use crate::cli::program::{Clinic, JAHIS, Served};
use crate::phone::Phone;
use crate::region_cli::{at, founded, joined, ok, row, status};
use crate::wait;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const DRUG: &str = "ｺﾘｵﾊﾟﾝ";

/// A patient with one dispensing: code and PIN of the card.
fn patient(clinic: &Clinic, name: &str) -> (String, String) {
    let added = ok(clinic.run(&["patient", "add", "--name", name, "--birth", "19580303", "--sex", "male", "--json"])).json();
    let id = added["patient"].as_str().unwrap().to_owned();
    let file = clinic.file(&format!("{id}.csv"), JAHIS.replace("見本 太郎", name).as_bytes());
    ok(clinic.run(&["import", &file, "--patient", &id]));
    let issued = ok(clinic.run(&["card", "issue", "--patient", &id, "--json"])).json();
    (issued["code"].as_str().unwrap().to_owned(), issued["pin"].as_str().unwrap().to_owned())
}

fn export(clinic: &Clinic, stick: &str, more: &[&str]) -> Value {
    ok(clinic.run(&[&["carry", "export", "--to", stick, "--json"], more].concat())).json()
}

fn bring_home(clinic: &Clinic, stick: &str) -> Value {
    ok(clinic.run(&["carry", "return", "--from", stick, "--json"])).json()
}

/// How many entries a return brought.
fn count(returned: &Value) -> u64 {
    returned["brought"].as_array().unwrap().iter().map(|row| row["entries"].as_u64().unwrap()).sum()
}

/// Entries on the carried copy that wait to be brought home, as it says itself.
fn waiting(clinic: &Clinic, stick: &str) -> u64 {
    let status = ok(clinic.run(&["region", "status", "--dir", stick, "--json"])).json();
    status["carried"][0]["waiting"].as_u64().unwrap()
}

/// The shelter: nothing runs but this, and it is on loopback.
fn open(clinic: &Clinic, stick: &str) -> Served {
    clinic.start(&["carry", "open", "--dir", stick, "--listen", "127.0.0.1:0"])
}

fn phone(served: &Served) -> Phone<'static> {
    Phone::near(served.url().strip_prefix("http://").unwrap())
}

/// The first page with a card, as soon as the copy knows of its region.
fn reads(served: &Served, card: &(String, String)) -> String {
    wait::until("the carried copy says what it is", PATIENCE, || {
        let page = phone(served).read(&card.0, &card.1);
        page.contains("持ち出し用の写し").then_some(page)
    })
}

fn writes(served: &Served, card: &(String, String), text: &str) {
    reads(served, card);
    let answer = phone(served).write_memo(&card.0, &card.1, text);
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

fn notes(served: &Served, card: &(String, String)) -> String {
    let mut phone = phone(served);
    phone.open(&card.0, &card.1);
    phone.get("/record/notes")
}

/// What a clinic's own pages show of the notes with a card.
fn notes_at_home(clinic: &Clinic, card: &(String, String)) -> String {
    let served = clinic.serve(&[]);
    notes(&served, card)
}

/// Entries of one ledger, by ledger id in hexadecimal.
fn of_ledger(dir: &Path, ledger: &Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let id = data_encoding::HEXLOWER.decode(ledger.as_str().unwrap().as_bytes()).unwrap();
    entries(dir).into_iter().filter(|(of, _)| *of == id).collect()
}

#[test]
fn out_written_to_and_home_by_stick_twice() {
    let host = founded(false);
    let guest = Clinic::named("日本語 薬局", &[]);
    joined(&host, &guest);
    let card = patient(&host, "患者 一");
    let stick = at(&host, "stick");
    let exported = export(&host, &stick, &["--label", "避難所A", "--staff", &at(&host, "staff.txt")]);
    let carried = &exported["ledgers"][0];
    assert_eq!((&carried["home"], &carried["opens_with"]), (&"さくら薬局".into(), &"badge".into()), "{exported}");
    assert_eq!(of_ledger(Path::new(&stick), &carried["ledger"]), of_ledger(&host.path("data"), &carried["ledger"]));

    // In the shelter: card and PIN, and what the page says of itself. No network is there: every other process is stopped.
    let shelter = open(&host, &stick);
    let page = reads(&shelter, &card);
    assert!(page.contains(DRUG) && page.contains("避難所A") && page.contains("さくら薬局"), "{page}");
    writes(&shelter, &card, "避難所で書いた");
    let written = notes(&shelter, &card);
    assert!(written.contains("避難所で書いた"), "{written}");
    let page = reads(&shelter, &card);
    assert!(page.contains("持ち帰られるのを待っています"), "{page}");
    assert!(!shelter.opens(&card.0, "000000") || card.1 == "000000");
    // Its staff open it with their badge, and nothing else is done there.
    let opened = ok(host.run(&["unlock", "--dir", &stick, "--staff", &at(&host, "staff.txt"), "--json"])).json();
    assert_eq!(opened["ledgers"][0]["unlock"], "open", "{opened}");
    let refused = host.run(&["patient", "add", "--dir", &stick, "--name", "だれか", "--birth", "19580303", "--sex", "male"]);
    assert!(refused.code == 1 && refused.err.contains("carried copy"), "{}", refused.err);
    let busy = host.run(&["carry", "return", "--from", &stick]);
    assert!(busy.code == 1 && busy.err.contains("another process"), "{}", busy.err);
    shelter.stop();
    assert!(waiting(&host, &stick) >= 3);

    // Home, twice; then at a clinic that holds nothing of it, which keeps it for the home.
    let first = bring_home(&host, &stick);
    assert!(count(&first) >= 3 && first["refused"] == Value::Array(Vec::new()), "begin, looks and the memo: {first}");
    let again = bring_home(&host, &stick);
    assert_eq!((count(&again), &again["copied"]), (0, &0.into()), "{again}");
    assert_eq!(notes_at_home(&host, &card).matches("避難所で書いた").count(), 1);
    let relayed = bring_home(&guest, &stick);
    assert_eq!(count(&relayed), count(&first), "the carried node's own entries, and no others: {relayed}");
    assert!(ok(host.run(&["verify"])).code == 0 && ok(guest.run(&["verify"])).code == 0);
    assert_eq!(waiting(&host, &stick), 0, "it was brought home");

    let all = status(&host);
    let shown = row(&all["carried"], "label", &"避難所A".into());
    assert_eq!((&shown["by"], &shown["state"]), (&"さくら薬局".into(), &"active".into()), "{shown}");
    assert!(shown["last_here_ms"].as_i64() > Some(0) && shown["entries_here"].as_u64() == Some(count(&first)), "{shown}");
    assert!(all["sites"].as_array().unwrap().len() == 2 && !all["troubles"].to_string().contains("contested"), "{all}");
}

#[test]
fn it_goes_out_again_and_comes_home_while_the_clinic_is_served() {
    let host = founded(false);
    let card = patient(&host, "患者 二");
    let stick = at(&host, "stick");
    let node = export(&host, &stick, &[])["node"].clone();
    let served = host.serve(&[]);
    let mut phone_at_home = phone(&served);
    assert!(phone_at_home.write_memo(&card.0, &card.1, "家で書いた").starts_with("HTTP/1.1 303"));
    let shelter = open(&host, &stick);
    writes(&shelter, &card, "避難所で書いた");
    shelter.stop();
    let returned = bring_home(&host, &stick);
    assert!(count(&returned) >= 3 && returned["copied"].as_u64() >= Some(1), "{returned}");
    let page = notes(&served, &card);
    assert!(page.matches("避難所で書いた").count() == 1 && page.matches("家で書いた").count() == 1, "{page}");
    // The server's own view of what it holds has moved on, too: an export beside it is whole, and the same node.
    let more = patient(&host, "患者 三");
    let again = export(&host, &stick, &[]);
    assert_eq!(again["node"], node);
    let ledger = again["ledgers"][0]["ledger"].clone();
    let shelter = open(&host, &stick);
    assert!(reads(&shelter, &more).contains(DRUG));
    shelter.stop();
    served.stop();
    bring_home(&host, &stick);
    assert_eq!(of_ledger(Path::new(&stick), &ledger), of_ledger(&host.path("data"), &ledger));
}

#[test]
fn revoked_while_it_is_out() {
    let host = founded(false);
    let card = patient(&host, "患者 四");
    let stick = at(&host, "stick");
    export(&host, &stick, &["--label", "車"]);
    let shelter = open(&host, &stick);
    writes(&shelter, &card, "まえに書いた");
    shelter.stop();
    let before = count(&bring_home(&host, &stick));
    let shelter = open(&host, &stick);
    writes(&shelter, &card, "あとに書いた");
    shelter.stop();
    ok(host.run(&["region", "revoke", "車", "--reason", "盗難", "--root", &at(&host, "kit/root.txt")]));
    let returned = bring_home(&host, &stick);
    assert_eq!((&returned["revoked"], count(&returned), &returned["copied"]), (&Value::Bool(true), 0, &0.into()), "{returned}");
    assert!(returned["aside"].as_u64() >= Some(3), "{returned}");
    let page = notes_at_home(&host, &card);
    assert!(page.contains("まえに書いた") && !page.contains("あとに書いた"), "{page}");
    let all = status(&host);
    let shown = row(&all["carried"], "label", &"車".into());
    assert_eq!((&shown["state"], shown["entries_here"].as_u64()), (&"revoked".into(), Some(before)));
    assert!(all["set_aside"].to_string().contains("車"), "{all}");
    // Its staff have looked at it: what was set aside counts after all, once.
    let adopted = ok(host.run(&["set-aside", "adopt", "車", "--staff", &at(&host, "staff.txt"), "--json"])).json();
    assert!(adopted["facts"].as_u64() >= Some(1), "{adopted}");
    assert_eq!(notes_at_home(&host, &card).matches("あとに書いた").count(), 1);
    let refused = host.run(&["carry", "export", "--to", &stick]);
    assert!(refused.code == 1 && refused.err.contains("revoked"), "{}", refused.err);
}

#[test]
fn what_is_no_carried_copy_of_this_region_is_refused() {
    let (host, other) = (founded(false), founded(false));
    let card = patient(&host, "患者 五");
    let stick = at(&host, "stick");
    export(&host, &stick, &[]);
    let refused = |clinic: &Clinic, args: &[&str], words: &str| {
        let ran = clinic.run(args);
        assert!(ran.code == 1 && ran.err.contains(words), "{args:?}: {} {}", ran.code, ran.err);
    };
    let held = entries(&other.path("data"));
    refused(&other, &["carry", "return", "--from", &stick], "belongs to the region");
    refused(&other, &["carry", "export", "--to", &stick], "belongs to the region");
    refused(&other, &["carry", "return", "--from", &at(&other, "nothing")], "no carried copy");
    refused(&other, &["carry", "return", "--from", &at(&host, "data")], "no carried copy");
    refused(&other, &["carry", "export", "--to", &at(&host, "kit")], "no carried copy");
    refused(&other, &["carry", "open", "--dir", &at(&other, "data")], "kusuribako serve");
    refused(&other, &["carry", "export", "--to", &at(&other, "new"), "--ledgers", "だれか"], "no site");
    assert_eq!(entries(&other.path("data")), held, "nothing was taken");

    // Half of it was copied elsewhere, or the key is another's.
    let half = host.path("half");
    std::fs::create_dir(&half).unwrap();
    std::fs::copy(Path::new(&stick).join("CARRIED.txt"), half.join("CARRIED.txt")).unwrap();
    refused(&host, &["carry", "return", "--from", half.to_str().unwrap()], "cut off");
    spoiled::whole(&stick);
    std::fs::copy(Path::new(&stick).join("ledger.db"), half.join("ledger.db")).unwrap();
    refused(&host, &["carry", "return", "--from", half.to_str().unwrap()], "node.key");
    std::fs::copy(other.path("data/node.key"), half.join("node.key")).unwrap();
    refused(&host, &["carry", "return", "--from", half.to_str().unwrap()], "does not open");
    std::fs::copy(host.path("data/node.key"), half.join("node.key")).unwrap();
    refused(&host, &["carry", "return", "--from", half.to_str().unwrap()], "nobody in the region vouches");
    assert!(phone(&host.serve(&[])).read(&card.0, &card.1).contains(DRUG));
}

/// Every ledger that was exported lies at its home and on the carried copy, the same.
fn same_everywhere(clinics: &[clinic::Clinic<'_>], carried: &clinic::Clinic<'_>, ledgers: &Value) {
    let all = clinics.iter().chain([carried]).map(|clinic| entries(&clinic.data())).collect::<Vec<_>>();
    for ledger in ledgers.as_array().unwrap() {
        let id = data_encoding::HEXLOWER.decode(ledger["ledger"].as_str().unwrap().as_bytes()).unwrap();
        let of = |at: usize| all[at].iter().filter(|(of, _)| *of == id).collect::<std::collections::BTreeSet<_>>();
        let home = restored::NAMES.iter().position(|name| *name == ledger["home"]).unwrap();
        assert!(of(home).len() > 5);
        assert!(of(home) == of(clinics.len()), "the home of {ledger} and the carried copy differ");
    }
}

#[test]
fn home_by_stick_and_by_the_network_once_each() {
    let Some(lan) = Lan::new("home_by_stick_and_by_the_network_once_each", 4) else { return };
    let mut clinics = restored::region(&lan);
    let holder = restored::holder(&clinics);
    let card = clinics[0].patient("患者 一");
    restored::until_copied(&clinics[0]);
    let mut shelter = clinic::Clinic::with_clock(&lan, 3, "避難所A", None);
    let dir = shelter.data();
    let stick = dir.to_str().unwrap();

    // Exported where it is only held, while that is served; then the shelter is on its own.
    let exported = clinics[holder].json(&["carry", "export", "--to", stick, "--label", "避難所A"]);
    let ledger = row(&exported["ledgers"], "home", &restored::NAMES[0].into());
    assert!(ledger["as_of_ms"].as_i64() > Some(0) && ledger["opens_with"] == "card only", "{exported}");
    lan.cut(&[0, 1, 2], &[3]);
    shelter.start_as(&["carry", "open"]);
    let reads = |shelter: &clinic::Clinic<'_>| {
        wait::until("the carried copy says what it is", PATIENCE, || {
            let page = shelter.read(&card);
            (page.contains(DRUG) && page.contains("持ち出し用の写し")).then_some(page)
        })
    };
    assert!(reads(&shelter).contains(restored::NAMES[0]));
    assert!(shelter.write_memo(&card, "一日目").starts_with("HTTP/1.1 303"));
    shelter.stop();

    // By stick, twice, at a clinic that is not the one that exported it; from there it goes to the home by the network.
    let other = (1..3).find(|at| *at != holder).unwrap();
    assert!(count(&clinics[other].json(&["carry", "return", "--from", stick])) >= 3);
    assert_eq!(count(&clinics[other].json(&["carry", "return", "--from", stick])), 0);
    wait::until("what was brought to another clinic reaches the home", PATIENCE, || {
        clinics[0].notes(&card).contains("一日目").then_some(())
    });

    // Out again, written to, and then on the network of its region; the stick is brought in besides.
    shelter.start_as(&["carry", "open"]);
    reads(&shelter);
    assert!(shelter.write_memo(&card, "二日目").starts_with("HTTP/1.1 303"));
    assert!(clinics[0].write_memo(&card, "家で").starts_with("HTTP/1.1 303"));
    shelter.stop();
    lan.heal();
    shelter.start_as(&["carry", "open", "--lan"]);
    wait::until("the carried copy brings home what was written on it", PATIENCE, || {
        let (home, out) = (clinics[0].notes(&card), shelter.notes(&card));
        (home.contains("二日目") && out.contains("家で")).then_some(())
    });
    shelter.until_status("it knows that it was brought home", |status| {
        status["carried"][0]["waiting"] == 0 && status["troubles"] == Value::Array(Vec::new())
    });
    restored::until_copied(&clinics[0]);
    let status = clinics[0].status();
    let names: Vec<&str> = status["sites"].as_array().unwrap().iter().map(|site| site["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3, "it is no site: {names:?}");
    let holders =
        |status: &Value| status["ledgers"].as_array().unwrap().iter().map(|l| l["holders"].as_array().unwrap().len()).max();
    assert!(holders(&status) <= Some(3), "and no holder: {status:#}");
    shelter.stop();
    assert_eq!(count(&clinics[holder].json(&["carry", "return", "--from", stick])), 0);
    // Exported anew for one clinic only, nothing else lies on it any more.
    clinics[holder].json(&["carry", "export", "--to", stick, "--ledgers", restored::NAMES[0]]);
    let left =
        entries(&dir).into_iter().map(|(of, _)| data_encoding::HEXLOWER.encode(&of)).collect::<std::collections::BTreeSet<_>>();
    let listed = exported["ledgers"].as_array().unwrap().iter().filter(|of| left.contains(of["ledger"].as_str().unwrap()));
    assert_eq!((exported["ledgers"].as_array().unwrap().len() >= 2, listed.count()), (true, 1), "{left:?}");
    let exported = clinics[holder].json(&["carry", "export", "--to", stick, "--ledgers", restored::NAMES[0]]);
    assert_eq!(count(&clinics[0].json(&["carry", "return", "--from", stick])), 0);
    same_everywhere(&clinics, &shelter, &exported["ledgers"]);
    for clinic in &clinics {
        assert_eq!(clinic.status()["set_aside"], Value::Array(Vec::new()), "nobody is blamed for anything");
    }
    let page = clinics[0].notes(&card);
    assert!(["一日目", "二日目", "家で"].iter().all(|memo| page.matches(memo).count() == 1), "{page}");

    revoked_on_an_open_connection(&mut clinics, &mut shelter, &card);
}

/// It is refused, and what it writes afterwards does not count.
fn revoked_on_an_open_connection(clinics: &mut [clinic::Clinic<'_>], shelter: &mut clinic::Clinic<'_>, card: &clinic::Card) {
    shelter.start_as(&["carry", "open", "--lan"]);
    wait::until("it is connected", PATIENCE, || {
        let log = shelter.status();
        let sites = log["sites"].as_array().unwrap().clone();
        sites.iter().all(|site| site["reachable"] == true).then_some(())
    });
    let root = clinics[0].path("kit").join("root.txt");
    clinics[0].ok(&["region", "revoke", "避難所A", "--root", root.to_str().unwrap()]);
    shelter.until_status("it hears of it and is refused", |status| {
        let is_gone = status["sites"].as_array().unwrap().iter().all(|site| site["reachable"] != true);
        is_gone && status["carried"][0]["state"] == "revoked"
    });
    let refused = shelter.write_memo(card, "失効のあと");
    assert!(!refused.starts_with("HTTP/1.1 303"), "{refused}");
    shelter.stop();
    clinics.iter_mut().for_each(clinic::Clinic::stop);
    let before = entries(&clinics[0].data()).len();
    let stick = shelter.data();
    let returned = clinics[0].json(&["carry", "return", "--from", stick.to_str().unwrap()]);
    assert_eq!((&returned["revoked"], count(&returned)), (&Value::Bool(true), 0), "{returned}");
    assert_eq!(entries(&clinics[0].data()).len(), before);
}
