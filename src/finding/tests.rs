//! Names, dates and ranking; and how often the right person is among the first five when what is remembered is wrong.

use super::birth::{Born, Nearness};
use super::kanji::common;
use super::likeness::Way;
use super::name::{Name, kanji, sound};
use super::twins::{Differs, pairs};
use super::{Index, Query, Reason};
use crate::record::text::read_date;
use crate::record::{Patient, Sex, Subject};
use fastrand::Rng;

const FAMILIES: &str = "佐藤サトウ 鈴木スズキ 高橋タカハシ 田中タナカ 伊藤イトウ 渡辺ワタナベ 山本ヤマモト 中村ナカムラ 小林コバヤシ 加藤カトウ 吉田ヨシダ 山田ヤマダ 佐々木ササキ 山口ヤマグチ \
    松本マツモト 井上イノウエ 木村キムラ 林ハヤシ 斎藤サイトウ 清水シミズ 山崎ヤマザキ 森モリ 池田イケダ 橋本ハシモト 阿部アベ 石川イシカワ 前田マエダ 藤田フジタ 小川オガワ 後藤ゴトウ 岡田オカダ \
    長谷川ハセガワ 村上ムラカミ 近藤コンドウ 石井イシイ 遠藤エンドウ 坂本サカモト 青木アオキ 藤井フジイ 西村ニシムラ 福田フクダ 太田オオタ 三浦ミウラ 藤原フジワラ 岡本オカモト 松田マツダ 中島ナカジマ \
    金子カネコ 原田ハラダ 中野ナカノ 小野オノ 田村タムラ 竹内タケウチ 大野オオノ 和田ワダ 中山ナカヤマ 石田イシダ 上田ウエダ 森田モリタ 高木タカギ 安藤アンドウ 宮崎ミヤザキ 大塚オオツカ 菅原スガワラ \
    千葉チバ 久保クボ 松井マツイ 岩崎イワサキ 野口ノグチ 松尾マツオ 工藤クドウ 新井アライ 平野ヒラノ 野村ノムラ 渡部ワタナベ 水野ミズノ 増田マスダ 菊地キクチ 佐野サノ 杉山スギヤマ";
const GIVEN: &str = "花子ハナコ 和子カズコ 幸子サチコ 節子セツコ 千代チヨ 恵子ケイコ 洋子ヨウコ 美智子ミチコ 由美ユミ 真由美マユミ 久美子クミコ 明美アケミ 陽子ヨウコ 智子トモコ 裕子ユウコ 京子キョウコ \
    優子ユウコ 順子ジュンコ 直美ナオミ 悦子エツコ 太郎タロウ 一郎イチロウ 次郎ジロウ 健一ケンイチ 誠マコト 隆タカシ 清キヨシ 博ヒロシ 茂シゲル 勇イサム 正ショウ 実ミノル 浩二コウジ 修オサム 進ススム \
    勝マサル 昭アキラ 和夫カズオ 幸雄ユキオ 義男ヨシオ 大輔ダイスケ 翔ショウ 拓也タクヤ 健太ケンタ 陽菜ヒナ 結衣ユイ 葵アオイ 凛リン 美咲ミサキ 七海ナナミ 良子リョウコ 信子ノブコ 文子フミコ 静シズカ";

/// Kanji and kana of each.
fn split(list: &str) -> Vec<(String, String)> {
    let kana_at = |word: &str| word.char_indices().find(|(_, c)| matches!(c, 'ァ'..='ヺ')).unwrap().0;
    list.split_whitespace().map(|word| (word[..kana_at(word)].to_owned(), word[kana_at(word)..].to_owned())).collect()
}

fn person(random: &mut Rng, families: &[(String, String)], given: &[(String, String)]) -> Patient {
    let (family, given) = (random.choice(families).unwrap(), random.choice(given).unwrap());
    let (year, month, day) = (random.i16(1926..=2015), random.u8(1..=12), random.u8(1..=28));
    Patient {
        name: format!("{}　{}", family.0, given.0),
        kana: format!("{} {}", family.1, given.1),
        sex: if random.bool() { Sex::Female } else { Sex::Male },
        birth: read_date(&format!("{year}{month:02}{day:02}")),
        phone: format!("022-{:03}-{:04}", random.u16(0..1000), random.u16(0..10000)),
        ..Patient::default()
    }
}

/// What somebody remembers wrongly: one error a query, as they are known from desks.
const ERRORS: [&str; 14] = [
    "nothing",
    "hiragana",
    "half-width",
    "one kana wrong",
    "one kana missing",
    "two kana swapped",
    "voicing",
    "prolonged",
    "names swapped",
    "day off by one",
    "old era",
    "only the year",
    "maiden name",
    "one kanji wrong",
];

fn query(random: &mut Rng, error: &str, patient: &Patient, families: &[(String, String)]) -> Query {
    let day = patient.birth.day.unwrap().0;
    let mut kana: Vec<char> = patient.kana.chars().collect();
    let letters: Vec<usize> = (0..kana.len()).filter(|at| kana[*at] != ' ').collect();
    let at = *random.choice(&letters).unwrap();
    let mut query = Query {
        name: patient.kana.clone(),
        birth: format!("{}-{:02}-{:02}", day.year(), day.month(), day.day()),
        ..Query::default()
    };
    let (family, given) = patient.kana.split_once(' ').unwrap();
    match error {
        "hiragana" => {
            query.name =
                kana.iter().map(|c| if *c == ' ' { '　' } else { char::from_u32(u32::from(*c) - 0x60).unwrap_or(*c) }).collect()
        }
        "half-width" => query.birth = format!("{}年{}月{}日", day.year(), day.month(), day.day()),
        "one kana wrong" => {
            kana[at] = *random.choice(&['マ', 'リ', 'ノ', 'セ', 'ロ']).unwrap();
            query.name = kana.into_iter().collect();
        }
        "one kana missing" => {
            kana.remove(at);
            query.name = kana.into_iter().collect();
        }
        "two kana swapped" => {
            let pair = letters.windows(2).find(|pair| pair[1] == pair[0] + 1).unwrap();
            kana.swap(pair[0], pair[1]);
            query.name = kana.into_iter().collect();
        }
        "voicing" => query.name = patient.kana.replace('タ', "ダ").replace('サ', "ザ").replace('カ', "ガ"),
        "prolonged" => query.name = patient.kana.replace("ウ", "ー").replace("オオ", "オー"),
        "names swapped" => query.name = format!("{given} {family}"),
        "day off by one" => query.birth = format!("{}-{:02}-{:02}", day.year(), day.month(), day.day() % 28 + 1),
        "old era" => query.birth = format!("{}-{:02}-{:02}", day.year() - 63, day.month(), day.day()),
        "only the year" => query.birth = format!("{}年", day.year()),
        "maiden name" => query.name = format!("{} {given}", random.choice(families).unwrap().1),
        "one kanji wrong" => {
            let mut kanji: Vec<char> = patient.name.chars().collect();
            kanji[0] = '髙';
            query.name = kanji.into_iter().collect();
        }
        _nothing => {}
    }
    query
}

/// The share of queries with an error for which the right person is among the first five. Every third person is held out: the weights were
/// chosen on the others.
fn recall(people: usize, queries: usize, is_held_out: bool) -> Vec<(&'static str, f64)> {
    let (families, given) = (split(FAMILIES), split(GIVEN));
    let mut random = Rng::with_seed(20_261_122);
    let patients: Vec<Patient> = (0..people).map(|_| person(&mut random, &families, &given)).collect();
    let mut index = Index::default();
    let subject = |at: usize| Subject(u128::try_from(at).unwrap().to_be_bytes());
    patients.iter().enumerate().for_each(|(at, patient)| index.add(subject(at), patient));
    let share = |error: &'static str| {
        let mut random = Rng::with_seed(u64::from(is_held_out));
        let mut found = 0;
        for _ in 0..queries {
            let at = random.usize(0..people / 3) * 3 + if is_held_out { 0 } else { random.usize(1..3) };
            let mut asked = query(&mut random, error, &patients[at], &families);
            // Of three who remember the name wrongly one does not know the day, either.
            let year = patients[at].birth.day.unwrap().0.year();
            if asked.name != patients[at].kana && random.u8(0..3) == 0 {
                asked.birth = format!("{year}年");
            }
            let hits = index.find(&asked, 5);
            found += usize::from(hits.iter().any(|hit| hit.subject == subject(at)));
        }
        #[expect(clippy::cast_precision_loss, reason = "counts below a thousand")]
        let share = found as f64 / queries as f64;
        (error, share)
    };
    ERRORS.into_iter().map(share).collect()
}

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

/// Prints how long a search of 100,000 people takes; run by name, with optimisation.
#[test]
#[ignore = "a measurement"]
fn measure() {
    let (families, given) = (split(FAMILIES), split(GIVEN));
    let mut random = Rng::with_seed(1);
    let mut index = Index::default();
    let patients: Vec<Patient> = (0..100_000).map(|_| person(&mut random, &families, &given)).collect();
    patients
        .iter()
        .enumerate()
        .for_each(|(at, patient)| index.add(Subject(u128::try_from(at).unwrap().to_be_bytes()), patient));
    let mut took: Vec<_> = (0..300)
        .map(|_| {
            let at = random.usize(0..patients.len());
            let query = query(&mut random, "one kana wrong", &patients[at], &families);
            let begun = std::time::Instant::now();
            std::hint::black_box(index.find(&query, 5));
            begun.elapsed()
        })
        .collect();
    took.sort();
    println!("p50 {:?}, p99 {:?}", took[150], took[297]);
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
