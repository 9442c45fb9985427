//! Nothing of a search is left on the machine: not in the fullest log of the real program, and in no file.

use super::browser::Browser;
use super::memory::{Scene, Stranger};
use super::shelter::{NAME, Rung, Shelter, Who};
use crate::cli::program::{Clinic, JAHIS};
use crate::phone::value;
use crate::region_cli::{at, founded, ok};
use crate::wait::until;
use std::path::Path;
use std::time::Duration;

/// For two boxes to meet.
const PATIENCE: Duration = Duration::from_secs(60);

/// A text in each form in which it could have been written down.
fn written(text: &str) -> Vec<Vec<u8>> {
    let percent: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let shift_jis = encoding_rs::SHIFT_JIS.encode(text).0.into_owned();
    let lower = percent.to_lowercase().into_bytes();
    vec![text.as_bytes().to_vec(), percent.into_bytes(), lower, wide(u16::to_le_bytes), wide(u16::to_be_bytes), shift_jis]
}

fn has(bytes: &[u8], text: &str) -> bool {
    written(text).iter().any(|form| memchr::memmem::find(bytes, form).is_some())
}

/// The files under a directory in which a text stands, and how many were read.
pub fn files_with(dir: &Path, text: &str) -> (Vec<String>, usize) {
    let (mut found, mut read) = (Vec::new(), 0);
    for file in dir.read_dir().unwrap().map(Result::unwrap) {
        if file.file_type().unwrap().is_dir() {
            let (more, count) = files_with(&file.path(), text);
            found.extend(more);
            read += count;
        } else if file.file_type().unwrap().is_file() {
            read += 1;
            let bytes = std::fs::read(file.path()).unwrap();
            found.extend(has(&bytes, text).then(|| file.path().display().to_string()));
        }
    }
    (found, read)
}

#[test]
fn what_is_looked_for_and_found_read_and_taken_in_stands_in_no_log_and_no_file() {
    // Something that is worth a line: the port for other clinics is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let scene = Scene::serving(&["--sync-listen", &taken.local_addr().unwrap().to_string(), "--no-discovery"]);
    let [here, nobody, on_paper, beyond] = [(); 4].map(|()| Stranger::new());
    scene.meet(&here);
    let (mut phone, csrf) = scene.signed_in();
    scene.find_and_read(&mut phone, &csrf, &here);
    let miss = phone
        .post("/staff/find", &[("csrf", &csrf), ("name", &nobody.kana), ("address", &nobody.kanji), ("drug", "サガシモノ錠")]);
    assert!(miss.contains("見つかりません"), "{miss}");
    let form = [("csrf", csrf.as_str()), ("name", &beyond.kana)];
    assert!(phone.post("/staff/find/beyond", &form).starts_with("HTTP/1.1 403"));
    let reason = [("csrf", csrf.as_str()), ("reason", "emergency"), ("consent", "cannot"), ("words", "")];
    assert!(phone.post("/staff/glass", &reason).starts_with("HTTP/1.1 303"));
    let nobody_beyond = phone.post("/staff/find/beyond", &form);
    assert!(nobody_beyond.starts_with("HTTP/1.1 200") && nobody_beyond.contains("見つかりません"), "{nobody_beyond}");
    assert!(phone.post("/staff/find/card", &[("csrf", &csrf), ("code", &nobody.kana)]).starts_with("HTTP/1.1 422"));
    phone.post("/staff/drugs", &[("csrf", &csrf), ("words", "マボロシノクスリ")]);
    let paper = JAHIS.replace("見本 太郎", &on_paper.kanji).replace("ｺﾘｵﾊﾟﾝｶﾌﾟｾﾙ5mg", "カミノウエノクスリ");
    let shown = phone.post_file("/staff/reception/paper", &csrf, "paper", &paper);
    assert!(
        shown.starts_with("HTTP/1.1 200") && shown.contains(&on_paper.kanji) && shown.contains("カミノウエノクスリ"),
        "{shown}"
    );
    let taken = phone.post("/staff/reception/take", &[("csrf", &csrf), ("form", value(&shown, "form")), ("to", "new")]);
    assert!(taken.starts_with("HTTP/1.1 303"), "{taken}");
    let words = [&here, &nobody, &on_paper, &beyond].into_iter().flat_map(|one| [one.kana.clone(), one.kanji.clone()]);
    let words: Vec<String> = words.chain(["サガシモノ", "マボロシノ", "カミノウエノ"].map(str::to_owned)).collect();
    // With what SQLite has not yet moved out of its log.
    nothing_is_left(&scene.clinic, &words, "while it runs");
    let (tables, read) = files_with(&scene.clinic.path("data"), "CREATE TABLE");
    assert!(read >= 3 && !tables.is_empty(), "what lies in a file in clear is found at all");
    let Scene { clinic, served, .. } = scene;
    let log = served.stop();
    assert!(log.contains("name another port"), "what is logged is here: {log}");
    for word in &words {
        assert!(!has(log.as_bytes(), word), "{word} is in the log");
    }
    nothing_is_left(&clinic, &words, "after the end");
}

/// None of these words stands in a file of a box.
fn nothing_is_left(clinic: &Clinic, words: &[String], when: &str) {
    for word in words {
        for place in ["data", "tmp"] {
            assert_eq!(files_with(&clinic.path(place), word).0, Vec::<String>::new(), "{word} {when}");
        }
    }
}

/// Two boxes of a region, each a program of its own, which see each other.
fn two_of_a_region() -> [Scene; 2] {
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let listen = [free(), free()];
    let [asked, asking] = [founded(false), Clinic::named("日本語 薬局", &[])];
    let serve = |clinic, listen: &str| Scene::of(clinic, &["--sync-listen", listen, "--no-discovery"]);
    let [asked, asking] = [serve(asked, &listen[0]), serve(asking, &listen[1])];
    let invited = ok(asked.clinic.run(&["region", "invite", "--address", &listen[0], "--json"])).json();
    let joined = ok(asking.clinic.run(&["region", "join", invited["qr"].as_str().unwrap(), "--json"])).json();
    let compared = joined["compared"].as_str().unwrap();
    ok(asking.clinic.run(&["region", "confirm", compared]));
    ok(asked.clinic.run(&["region", "confirm", compared, "--root", &at(&asked.clinic, "kit/root.txt")]));
    let sees = |scene: &Scene| {
        let seen = ok(scene.clinic.run(&["region", "status", "--json"])).json();
        seen["sites"].as_array().is_some_and(|sites| sites.len() == 2 && sites.iter().all(|site| site["reachable"] == true))
    };
    until("the boxes see each other", PATIENCE, || (sees(&asked) && sees(&asking)).then_some(()));
    [asked, asking]
}

#[test]
fn what_a_box_is_asked_for_another_stands_in_no_log_and_no_file_of_either() {
    let [asked, asking] = two_of_a_region();
    let [there, nobody] = [(); 2].map(|()| Stranger::new());
    asked.meet(&there);
    let (mut phone, csrf) = asking.signed_in();
    let why = [("csrf", csrf.as_str()), ("reason", "other"), ("consent", "cannot"), ("words", "ヒミツノワケ")];
    assert!(phone.post("/staff/glass", &why).starts_with("HTTP/1.1 303"));
    let miss = [("csrf", csrf.as_str()), ("name", &nobody.kana), ("address", &nobody.kanji), ("birth", "昭和60年4月6日")];
    let miss = phone.post("/staff/find/others", &miss);
    assert!(miss.starts_with("HTTP/1.1 200") && !miss.contains("href=\"/staff/others/"), "{miss}");
    let form = [("csrf", csrf.as_str()), ("name", &there.kana), ("birth", "昭和60年4月5日")];
    let found = phone.post("/staff/find/others", &form);
    assert!(found.contains(&there.kanji), "{found}");
    let link = found.split_once("href=\"/staff/others/").unwrap().1.split_once('"').unwrap().0;
    let record = phone.get(&format!("/staff/others/{link}"));
    assert!(record.starts_with("HTTP/1.1 200") && record.contains(&there.kanji), "{record}");
    let names = [&there, &nobody].into_iter().flat_map(|one| [one.kana.clone(), one.kanji.clone()]);
    let words: Vec<String> = names.chain(["ヒミツノワケ".to_owned()]).collect();
    for (scene, which) in [(asked, "asked"), (asking, "asking")] {
        nothing_is_left(&scene.clinic, &words, &format!("at the box {which}, while it runs"));
        let Scene { clinic, served, .. } = scene;
        let log = served.stop();
        assert!(log.len() > 1_000, "what is logged at the box {which} is here: {log}");
        for word in &words {
            assert!(!has(log.as_bytes(), word), "{word} is in the log of the box {which}");
        }
        nothing_is_left(&clinic, &words, &format!("at the box {which}, after the end"));
    }
}

#[test]
fn who_was_found_through_a_glass_stands_in_no_file_of_the_box() {
    let shelter = Shelter::new();
    let mut browser: Browser = shelter.browser(Rung::Tls, Who::Pharmacist);
    shelter.holder.clinic.read_people().unwrap();
    let csrf = browser.get("/staff").csrf();
    let reason = [("csrf", csrf.as_str()), ("reason", "emergency"), ("consent", "cannot"), ("words", "")];
    assert_eq!(browser.post("/staff/glass", &reason).status, 303);
    let found = browser.post("/staff/find/beyond", &[("csrf", &csrf), ("name", NAME), ("birth", "S330303")]);
    assert!(found.status == 200 && found.text.contains(NAME), "{}", found.text);
    let link = found.text.split_once("/staff/patient/").unwrap().1.split_once('"').unwrap().0.to_owned();
    let record = browser.get(&format!("/staff/patient/{link}"));
    assert!(record.status == 200 && record.text.contains(NAME), "{}", record.text);
    for word in NAME.split(' ') {
        let (found, read) = files_with(shelter.holder.dir(), word);
        assert!(found.is_empty() && read >= 3, "{word}: {found:?}");
    }
}
