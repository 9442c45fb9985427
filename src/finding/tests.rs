//! Names, dates and ranking; and how often the right person is among the first five when what is remembered is wrong.

mod made_up;

use super::birth::{Born, Nearness};
use super::kanji::common;
use super::likeness::{Likeness, Way};
use super::name::{Name, kanji, sound};
use super::twins::{Differs, pairs};
use super::{Index, Query, Reason};
use crate::record::text::read_date;
use crate::record::{Patient, Sex, Subject};
use fastrand::Rng;
use made_up::recall;

#[test]
fn the_right_person_is_among_the_first_five_whatever_is_remembered_wrongly() {
    for is_held_out in [false, true] {
        let shares = recall(6_000, 30, is_held_out);
        let mean = shares.iter().map(|(_, share)| share).sum::<f64>() / 14.0;
        println!("held out: {is_held_out}: {mean:.4} {shares:?}");
        assert!(mean >= 0.98 && shares.iter().all(|(_, share)| *share >= 0.9), "held out: {is_held_out}: {mean} {shares:?}");
    }
}

fn patient(name: &str, kana: &str, birth: &str) -> Patient {
    Patient { name: name.to_owned(), kana: kana.to_owned(), birth: read_date(birth), ..Patient::default() }
}

fn find(people: &[Patient], name: &str, birth: &str) -> Vec<(u8, Vec<Reason>)> {
    let mut index = Index::default();
    for (at, patient) in people.iter().enumerate() {
        index.add(Subject([u8::try_from(at).unwrap(); 16]), patient);
    }
    let query = Query { name: name.to_owned(), birth: birth.to_owned(), ..Query::default() };
    index.find(&query, 5).into_iter().map(|hit| (hit.subject.0[0], hit.reasons)).collect()
}

#[test]
fn a_name_is_found_in_every_script_and_form() {
    let people = [patient("渡邉　花子", "ワタナベ　ハナコ", "S100401"), patient("大野　一郎", "オオノ　イチロウ", "19500101")];
    for name in
        ["渡辺花子", "渡邊 花子", "わたなべ はなこ", "ﾜﾀﾅﾍﾞ ﾊﾅｺ", "ワタナベハナコ", "花子　渡辺", "わたなべ", "はなこ", "渡辺"]
    {
        assert_eq!(find(&people, name, "").first().map(|(at, _)| *at), Some(0), "{name}");
    }
    for name in ["おーの いちろー", "オノ イチロ", "大野"] {
        assert_eq!(find(&people, name, "").first().map(|(at, _)| *at), Some(1), "{name}");
    }
    assert_eq!((find(&people, "鈴木", ""), find(&people, "", ""), find(&people, "　", "")), (vec![], vec![], vec![]));
}

#[test]
fn reasons_say_what_fits_and_what_speaks_against_it() {
    let people = [patient("見本　太郎", "ミホン　タロウ", "19350401")];
    let mut index = Index::default();
    index.add(Subject([1; 16]), &Patient { sex: Sex::Male, phone: "090-1234-5678".to_owned(), ..people[0].clone() });
    let query = Query {
        name: "たろう みほん".to_owned(),
        birth: "1935".to_owned(),
        sex: Some(Sex::Female),
        phone: "５６７８".to_owned(),
        ..Query::default()
    };
    let hits = index.find(&query, 5);
    let reasons = &hits[0].reasons;
    assert!(
        reasons.iter().any(|reason| matches!(reason, Reason::Name(like) if like.way == Way::Swapped && like.percent == 100)),
        "{reasons:?}"
    );
    assert!(reasons.contains(&Reason::Birth(Nearness::SameSoFar)) && reasons.contains(&Reason::Phone));
    assert_eq!(reasons.last(), Some(&Reason::OtherSex));
}

#[test]
fn birth_dates_are_near_in_every_documented_way() {
    let born = |text: &str| Born::read(text).unwrap_or_else(|| panic!("{text}"));
    let recorded = born("S100405");
    for (text, nearness) in [
        ("19350405", Nearness::Same),
        ("昭和10年4月5日", Nearness::Same),
        ("1935", Nearness::SameSoFar),
        ("昭和10年", Nearness::SameSoFar),
        ("S10", Nearness::SameSoFar),
        ("昭和10年4月", Nearness::SameSoFar),
        ("1935-04", Nearness::SameSoFar),
        ("大正10年4月5日", Nearness::OtherEra),
        ("平成10年4月5日", Nearness::OtherEra),
        ("19350504", Nearness::Swapped),
        ("19350406", Nearness::ByOne),
        ("19360405", Nearness::ByOne),
        ("19350425", Nearness::OnePart),
        ("1935-07", Nearness::Part),
        ("1936", Nearness::Part),
        ("19770712", Nearness::Other),
    ] {
        assert_eq!(born(text).nearness(recorded), nearness, "{text}");
    }
    assert_eq!(born("19350430").nearness(born("19350501")), Nearness::ByOne);
    assert_eq!((Born::read(""), Born::read("春頃")), (None, None));
}

#[test]
fn a_likeness_is_whole_percent_rounded_down() {
    for permille in 0..=1_000_u16 {
        let likeness = Likeness::new(Way::Whole, f64::from(permille) / 1_000.0);
        assert_eq!(u16::from(likeness.percent), permille / 10, "{permille}");
    }
    assert_eq!((Likeness::new(Way::Whole, -1.0).percent, Likeness::new(Way::Whole, 2.0).percent), (0, 100));
}

#[test]
fn sounds_and_forms_are_folded() {
    for (a, b) in [
        ("オオノ", "オノ"),
        ("ヨウコ", "ヨーコ"),
        ("ケイコ", "ケーコ"),
        ("ヤマザキ", "ヤマサキ"),
        ("シヅカ", "シズカ"),
        ("ユウコ", "ユーコ"),
    ] {
        assert_eq!(sound(a), sound(b), "{a} {b}");
    }
    assert_ne!(sound("ハナ"), sound("ハラ"));
    assert_eq!(kanji("佐々木"), "佐佐木");
    assert_eq!(["齋", "齊", "斎", "斉"].map(|form| common(form.chars().next().unwrap())), ['斉'; 4]);
    assert_eq!(common('山'), '山');
    assert_eq!(Name::of("タロウ", "").kana, Name::of("太郎", "タロウ").kana, "a name in kana is its own reading");
}

#[test]
fn people_who_could_be_confused_are_set_against_each_other() {
    let one = patient("見本　花子", "ミホン　ハナコ", "19350401");
    let twin = patient("見本　華子", "ミホン　ハナコ", "19350410");
    let sister = patient("見本　葉子", "ミホン　ヨウコ", "19350401");
    let other = patient("例山　正", "レイヤマ　タダシ", "19350401");
    let found = pairs(&[&one, &twin, &other]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].one, found[0].other, &found[0].differs[..]), (0, 1, &[Differs::Name, Differs::Birth][..]));
    assert_eq!(pairs(&[&one, &sister]).len(), 1, "alike in name, born on one day");
    assert!(pairs(&[&one, &other]).is_empty());
}

/// How often some letters lie in this process's memory; `masked` is them with every bit turned, so that they do not lie there by being looked for.
#[cfg(target_os = "linux")]
fn times_in_memory(masked: &[u8]) -> usize {
    use std::os::unix::fs::FileExt;
    const CHUNK: usize = 1 << 16;
    const PAGE: u64 = 1 << 12;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let (mut buffer, mut times) = (vec![0_u8; CHUNK], 0);
    let own = buffer.as_ptr() as u64;
    // What is read lies in the buffer too; only there it does not count, however near to it the letters lie.
    let is_own = |at: u64| at + masked.len() as u64 > own && at < own + CHUNK as u64;
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (mut at, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        while at < to {
            // Other tests give memory back meanwhile: what cannot be read is passed over by the page.
            let Ok(len) = memory.read_at(&mut buffer, at) else {
                at = (at / PAGE + 1) * PAGE;
                continue;
            };
            let is_it = |window: &[u8]| window.iter().zip(masked).all(|(byte, masked)| *byte == !*masked);
            times +=
                (at..).zip(buffer[..len].windows(masked.len())).filter(|(at, window)| !is_own(*at) && is_it(window)).count();
            buffer.fill(0);
            // What lies across the end of one piece is whole in the next.
            at += (len.saturating_sub(masked.len()).max(1)) as u64;
        }
    }
    times
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_index_knows_is_gone_from_memory_when_it_is_forgotten() {
    let mut random = Rng::new();
    let mut part = || (0..6).map(|_| char::from_u32(random.u32(0x30A2..0x30F3)).unwrap()).collect::<String>();
    let (family, given) = (part(), part());
    let patient = Patient { kana: format!("{family} {given}"), ..Patient::default() };
    let mut index = Index::default();
    index.add(Subject([7; 16]), &patient);
    let masked: Vec<u8> =
        index.people[0].name.kana.whole.iter().flat_map(|letter| letter.to_ne_bytes()).map(|byte| !byte).collect();
    assert!(masked.len() >= 20);
    assert!(times_in_memory(&masked) >= 1, "it can be found at all");
    drop(index);
    assert_eq!(times_in_memory(&masked), 0);
}

#[test]
fn a_part_of_the_address_tells_namesakes_apart_and_an_insurers_number_is_enough_by_itself() {
    let at = |address: &str, ids: &[&str]| Patient {
        address: address.to_owned(),
        external_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        ..patient("見本　太郎", "ミホン　タロウ", "19350401")
    };
    let mut index = Index::default();
    index.add(Subject([1; 16]), &at("高知市本町１－２", &["06390012・34"]));
    index.add(Subject([2; 16]), &at("安芸市矢ノ丸３", &["保険 06 39 99"]));
    let first = |query: &Query| {
        let hits = index.find(query, 5);
        hits.first().map(|hit| (hit.subject.0[0], hit.reasons.clone(), hits.len()))
    };
    for (part, expected) in [("本町", 1), ("矢ノ丸3", 2), ("高知市", 1)] {
        let query = Query { name: "みほん".to_owned(), address: part.to_owned(), ..Query::default() };
        let (found, reasons, fit) = first(&query).unwrap();
        assert!(found == expected && fit == 2 && reasons.contains(&Reason::Address), "{part}: {found} {reasons:?}");
    }
    let nowhere = Query { name: "みほん".to_owned(), address: "室戸市".to_owned(), ..Query::default() };
    assert!(!first(&nowhere).unwrap().1.contains(&Reason::Address));
    let by_id = Query { id: "０６３９００１２・３４".to_owned(), ..Query::default() };
    assert_eq!(first(&by_id), Some((1, vec![Reason::Id], 1)));
    assert_eq!(first(&Query { id: "06390012".to_owned(), ..Query::default() }), None, "a part of a number is nobody's");
}
