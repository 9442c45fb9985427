//! A home that was alone for days comes back: what it wrote, what a holder wrote and what lay in its inbox are there once, in one order
//! everywhere, and its staff decide about what happened elsewhere.

use super::clinic::{Card, Clinic, faketime};
use super::lan::Lan;
use super::restored::{NAMES, holder, is_clean, own_ledger, region, same_everywhere, until_all_meet, until_copied};
use crate::cli::program::JAHIS;
use serde_json::Value;

const DAY_MS: i64 = 24 * 3_600_000;

/// Everybody's clock goes on to a day, by way of a restart.
fn until_day(clinics: &mut [Clinic<'_>], offset: &'static str) {
    for clinic in clinics {
        clinic.stop();
        clinic.set_clock(offset);
        clinic.start();
    }
}

/// A dispensing of its own, as a file.
fn dispensing(clinic: &Clinic<'_>, drug: &str, day: &str) -> String {
    let file = clinic.path(&format!("{day}.csv"));
    let text = JAHIS.replace("ｺﾘｵﾊﾟﾝｶﾌﾟｾﾙ5mg", drug).replace("620004992", "620000001").replace("R020410", day);
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// What a page lists, in its order: visits, or what the patient wrote; without what belongs to the place where it is read.
fn listed(page: &str) -> Vec<String> {
    let parts = ["<article class=\"visit\">", "<li><strong class=\"text\""];
    let part =
        |part: &str| page.split(part).skip(1).map(|rest| rest.split_once("<p><a class=\"go\"").unwrap().0.to_owned()).collect();
    let [visits, notes]: [Vec<String>; 2] = parts.map(part);
    visits.into_iter().chain(notes).collect()
}

/// The same on the same page, wherever it is read.
fn same_pages(clinics: &[Clinic<'_>], holder: usize, card: &Card, path: &str) -> Vec<String> {
    let at_home = listed(&clinics[0].page(card, path));
    let at_holder = listed(&clinics[holder].page(card, path));
    assert_eq!(at_home, at_holder, "{path}");
    at_home
}

fn list(home: &Clinic<'_>) -> Value {
    home.json(&["elsewhere", "list"])
}

/// What was written elsewhere, but for looks; of the one patient there is.
fn items(list: &Value) -> Vec<Value> {
    let [patient] = &list["patients"].as_array().unwrap()[..] else { panic!("{list:#}") };
    let all = patient["items"].as_array().unwrap().iter();
    all.filter(|item| item["weight"] != "look").cloned().collect()
}

fn item(list: &Value, says: &str) -> Value {
    let found: Vec<Value> = items(list).into_iter().filter(|item| item["says"].as_str().unwrap().contains(says)).collect();
    let [item] = &found[..] else { panic!("{says} once: {list:#}") };
    item.clone()
}

#[test]
fn a_home_that_was_alone_for_days_brings_its_writes_and_sees_what_happened_elsewhere() {
    let test = "a_home_that_was_alone_for_days_brings_its_writes_and_sees_what_happened_elsewhere";
    let Some(lan) = Lan::new(test, 3) else { return };
    assert!(faketime().is_some() || std::env::var_os("KUSURIBAKO_NO_SKIP").is_none(), "libfaketime is not installed");
    if faketime().is_none() {
        return println!("skipped: {test}: libfaketime is not installed");
    }
    let mut clinics = region(&lan);
    let card = clinics[0].patient("患者 前");
    until_copied(&clinics[0]);
    let at = holder(&clinics);
    let stranger = (1..NAMES.len()).find(|other| *other != at).unwrap();
    let staff = clinics[0].path("staff.txt").to_str().unwrap().to_owned();
    clinics[0].ok(&["region", "confirm", "--holder", NAMES[at], "--staff", &staff]);
    until_copied(&clinics[0]);
    let began_ms = clinics[0].json(&["elsewhere", "list"])["new"]["since_ms"].as_i64();
    assert_eq!(began_ms, None, "nothing has happened elsewhere");

    // Three days, on each of which somebody writes whom nobody else hears.
    lan.cut(&[0], &[1, 2]);
    lan.cut(&[1], &[2]);
    until_day(&mut clinics, "+1d");
    assert!(clinics[at].write_memo(&card, "一日目 避難所で").starts_with("HTTP/1.1 303"));
    until_day(&mut clinics, "+2d");
    assert!(clinics[0].write_memo(&card, "二日目 うちで").starts_with("HTTP/1.1 303"));
    let patient = clinics[0].json(&["patient", "list"])["patients"][0]["patient"].as_str().unwrap().to_owned();
    let file = dispensing(&clinics[0], "ﾛｷｿﾆﾝ", "R020502");
    clinics[0].ok(&["import", &file, "--patient", &patient]);
    until_day(&mut clinics, "+3d");
    let file = dispensing(&clinics[stranger], "ﾒﾁｺﾊﾞｰﾙ", "R020501");
    clinics[stranger].ok(&["import", &file, "--card", &card.code]);
    assert!(clinics[at].write_memo(&card, "三日目 避難所で").starts_with("HTTP/1.1 303"));
    until_day(&mut clinics, "+4d");
    assert!(list(&clinics[0])["patients"].as_array().unwrap().is_empty(), "the home knows nothing of it yet");

    lan.heal();
    until_all_meet(&clinics);
    clinics[0]
        .until_status("what was left in the inbox is here", |_| clinics[0].page(&card, "/record/history").contains("ﾒﾁｺﾊﾞｰﾙ"));
    clinics[at].until_status("and at the holder", |_| clinics[at].page(&card, "/record/history").contains("ﾒﾁｺﾊﾞｰﾙ"));
    until_copied(&clinics[0]);

    in_one_order(&clinics, at, &card);
    where_and_when(&clinics[0], at, stranger);
    decide(&clinics, at, &card, &staff);

    // A second meeting changes nothing.
    let before = list(&clinics[0]);
    let pages = ["/record/history", "/record/notes"].map(|path| same_pages(&clinics, at, &card, path));
    lan.cut(&[0], &[1, 2]);
    clinics[0].until_status("the others are gone", |status| {
        status["sites"].as_array().unwrap().iter().filter(|site| site["reachable"] == true).count() == 1
    });
    lan.heal();
    until_all_meet(&clinics);
    until_copied(&clinics[0]);
    assert_eq!(["/record/history", "/record/notes"].map(|path| same_pages(&clinics, at, &card, path)), pages);
    let (new_before, new_after) = (items(&before), items(&list(&clinics[0])));
    assert_eq!(new_before, new_after);
    let refused = clinics[0].in_clear("/staff");
    assert!(refused.starts_with("HTTP/1.1 403"), "staff's pages are closed on a network in clear: {refused}");
    clinics[0].stop();
    let ledger = own_ledger(&clinics[0]);
    clinics[0].start();
    until_all_meet(&clinics);
    until_copied(&clinics[0]);
    same_everywhere(&mut clinics, &[0, at].into(), &ledger);
    [0, at].into_iter().for_each(|at| is_clean(&clinics[at]));
    let stopped = list(&clinics[0]);
    assert_eq!(item(&stopped, "一日目")["where"], NAMES[at], "a stopped clinic knows where it was written, too");
}

/// Everything is there once, and shown in one order at home and at the holder.
fn in_one_order(clinics: &[Clinic<'_>], at: usize, card: &Card) {
    let visits = same_pages(clinics, at, card, "/record/history");
    let position = |drug: &str| {
        let found: Vec<usize> = (0..visits.len()).filter(|place| visits[*place].contains(drug)).collect();
        let [place] = found[..] else { panic!("{drug} once: {visits:#?}") };
        place
    };
    assert!(position("ﾛｷｿﾆﾝ") < position("ﾒﾁｺﾊﾞｰﾙ") && position("ﾒﾁｺﾊﾞｰﾙ") < position("ｺﾘｵﾊﾟﾝ"), "newest first: {visits:#?}");
    let notes = same_pages(clinics, at, card, "/record/notes");
    let written: Vec<&str> =
        ["三日目", "二日目", "一日目"].into_iter().filter(|day| notes.iter().any(|note| note.contains(day))).collect();
    assert_eq!((written.len(), notes.len()), (3, 3), "{notes:#?}");
    assert!(notes.iter().zip(written).all(|(note, day)| note.contains(day)), "newest first: {notes:#?}");
}

/// What happened elsewhere is listed with where and when, and nothing else.
fn where_and_when(home: &Clinic<'_>, at: usize, stranger: usize) {
    let news = list(home);
    let now_ms = item(&news, "三日目")["arrived_ms"].as_i64().unwrap();
    for (says, place, days_ago, by_inbox) in
        [("一日目", NAMES[at], 3, false), ("三日目", NAMES[at], 1, false), ("ﾒﾁｺﾊﾞｰﾙ", NAMES[stranger], 1, true)]
    {
        let item = item(&news, says);
        assert_eq!(
            (&item["where"], &item["inbox"], &item["state"]),
            (&place.into(), &by_inbox.into(), &"new".into()),
            "{item:#}"
        );
        let (written_ms, arrived_ms) = (item["written_ms"].as_i64().unwrap(), item["arrived_ms"].as_i64().unwrap());
        let age = (now_ms - written_ms - days_ago * DAY_MS).abs();
        assert!(age < DAY_MS / 4 && (arrived_ms - now_ms).abs() < DAY_MS / 4, "{says}: {item:#}");
    }
    assert!(!news.to_string().contains("二日目") && !news.to_string().contains("ﾛｷｿﾆﾝ"), "what the home wrote is no news");
    let looks = news["new"]["looks"].as_u64().unwrap();
    assert!(looks >= 2 && news["new"]["patients"] == 1, "who looked there is listed too: {news:#}");
}

/// Accept, ask, be answered at the other clinic, export.
fn decide(clinics: &[Clinic<'_>], at: usize, card: &Card, staff: &str) {
    let home = &clinics[0];
    let entry = |says: &str| item(&list(home), says)["entry"].as_str().unwrap().to_owned();
    assert_eq!(home.json(&["elsewhere", "accept", &entry("一日目"), "--staff", staff])["accepted"], 1);
    assert_eq!(home.json(&["elsewhere", "accept", &entry("一日目"), "--staff", staff])["accepted"], 0);
    let text = "何のためですか";
    let asked = home.json(&["elsewhere", "query", &entry("三日目"), "--text", text, "--staff", staff]);
    let question = asked["question"].as_str().unwrap().to_owned();
    assert_eq!(
        home.json(&["elsewhere", "query", &entry("三日目"), "--text", text, "--staff", staff])["question"],
        asked["question"]
    );
    let state = |says: &str| item(&list(home), says)["state"].as_str().unwrap().to_owned();
    assert_eq!([state("一日目"), state("三日目"), state("ﾒﾁｺﾊﾞｰﾙ")], ["accepted", "queried", "new"]);

    let file = home.path("news.csv");
    home.ok(&["elsewhere", "export", "--new", "--out", file.to_str().unwrap()]);
    let exported = std::fs::read(&file).unwrap();
    let (exported, _, _) = encoding_rs::SHIFT_JIS.decode(&exported);
    assert!(exported.starts_with("JAHISTC08") && exported.contains("ﾒﾁｺﾊﾞｰﾙ") && !exported.contains("ﾛｷｿﾆﾝ"), "{exported}");

    let there = &clinics[at];
    there.until_status("the question is shown at the other clinic", |_| there.notes(card).contains(text));
    let own_staff = there.path("staff.txt").to_str().unwrap().to_owned();
    assert!(there.json(&["elsewhere", "questions"])["questions"].as_array().unwrap().is_empty(), "locked");
    there.ok(&["unlock", "--staff", &own_staff]);
    let questions = there.json(&["elsewhere", "questions"]);
    assert_eq!(
        (&questions["questions"][0]["question"], &questions["questions"][0]["place"]),
        (&question.as_str().into(), &NAMES[0].into()),
        "{questions:#}"
    );
    there.ok(&["elsewhere", "answer", &question, "--text", "頭痛に", "--staff", &own_staff]);
    home.until_status("the answer is here", |_| item(&list(home), "三日目")["questions"][0]["reply"] == "頭痛に");
    assert_eq!(state("三日目"), "new", "an answer is to be looked at");
    there.until_status("nothing is asked any more", |_| !there.notes(card).contains(text));
    home.ok(&["elsewhere", "accept", "--all", "--staff", staff]);
    assert_eq!(home.json(&["elsewhere", "list", "--new"])["patients"], serde_json::json!([]));
    until_copied(home);
}
