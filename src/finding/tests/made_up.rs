//! Made-up people, and what somebody remembers wrongly of them. Shared with `benches/desk.rs`, which measures with 100,000 of them.

use super::{Index, Patient, Query, Rng, Sex, Subject, read_date};

const FAMILIES: &str = "佐藤サトウ 鈴木スズキ 高橋タカハシ 田中タナカ 伊藤イトウ 渡辺ワタナベ 山本ヤマモト 中村ナカムラ 小林コバヤシ 加藤カトウ 吉田ヨシダ 山田ヤマダ 佐々木ササキ 山口ヤマグチ \
    松本マツモト 井上イノウエ 木村キムラ 林ハヤシ 斎藤サイトウ 清水シミズ 山崎ヤマザキ 森モリ 池田イケダ 橋本ハシモト 阿部アベ 石川イシカワ 前田マエダ 藤田フジタ 小川オガワ 後藤ゴトウ 岡田オカダ \
    長谷川ハセガワ 村上ムラカミ 近藤コンドウ 石井イシイ 遠藤エンドウ 坂本サカモト 青木アオキ 藤井フジイ 西村ニシムラ 福田フクダ 太田オオタ 三浦ミウラ 藤原フジワラ 岡本オカモト 松田マツダ 中島ナカジマ \
    金子カネコ 原田ハラダ 中野ナカノ 小野オノ 田村タムラ 竹内タケウチ 大野オオノ 和田ワダ 中山ナカヤマ 石田イシダ 上田ウエダ 森田モリタ 高木タカギ 安藤アンドウ 宮崎ミヤザキ 大塚オオツカ 菅原スガワラ \
    千葉チバ 久保クボ 松井マツイ 岩崎イワサキ 野口ノグチ 松尾マツオ 工藤クドウ 新井アライ 平野ヒラノ 野村ノムラ 渡部ワタナベ 水野ミズノ 増田マスダ 菊地キクチ 佐野サノ 杉山スギヤマ";
const GIVEN: &str = "花子ハナコ 和子カズコ 幸子サチコ 節子セツコ 千代チヨ 恵子ケイコ 洋子ヨウコ 美智子ミチコ 由美ユミ 真由美マユミ 久美子クミコ 明美アケミ 陽子ヨウコ 智子トモコ 裕子ユウコ 京子キョウコ \
    優子ユウコ 順子ジュンコ 直美ナオミ 悦子エツコ 太郎タロウ 一郎イチロウ 次郎ジロウ 健一ケンイチ 誠マコト 隆タカシ 清キヨシ 博ヒロシ 茂シゲル 勇イサム 正ショウ 実ミノル 浩二コウジ 修オサム 進ススム \
    勝マサル 昭アキラ 和夫カズオ 幸雄ユキオ 義男ヨシオ 大輔ダイスケ 翔ショウ 拓也タクヤ 健太ケンタ 陽菜ヒナ 結衣ユイ 葵アオイ 凛リン 美咲ミサキ 七海ナナミ 良子リョウコ 信子ノブコ 文子フミコ 静シズカ";

/// Family and given names, in kanji and kana.
pub(super) fn names() -> [Vec<(String, String)>; 2] {
    [FAMILIES, GIVEN].map(split)
}

/// Kanji and kana of each.
fn split(list: &str) -> Vec<(String, String)> {
    let kana_at = |word: &str| word.char_indices().find(|(_, c)| matches!(c, 'ァ'..='ヺ')).unwrap().0;
    list.split_whitespace().map(|word| (word[..kana_at(word)].to_owned(), word[kana_at(word)..].to_owned())).collect()
}

pub(super) fn person(random: &mut Rng, families: &[(String, String)], given: &[(String, String)]) -> Patient {
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
pub(super) const ERRORS: [&str; 14] = [
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

pub(super) fn query(random: &mut Rng, error: &str, patient: &Patient, families: &[(String, String)]) -> Query {
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
pub(super) fn recall(people: usize, queries: usize, is_held_out: bool) -> Vec<(&'static str, f64)> {
    let [families, given] = names();
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
