//! Names of drugs and ingredients as they are compared: one script, one width, without what does not tell drugs apart.

use crate::record::text::key;

/// Salts, hydrates and the like: they do not make another ingredient. Longer ones first.
const SALTS: [&str; 46] = [
    "エステルナトリウム",
    "メタンスルホン酸塩",
    "エタノール付加物",
    "アセトン付加物",
    "エタンスルホン酸塩",
    "エチレンジアミン塩",
    "ナトリウム塩",
    "プロピオン酸エステル",
    "吉草酸エステル",
    "酢酸エステル",
    "コハク酸エステル",
    "リン酸エステル",
    "パルミチン酸エステル",
    "マレイン酸塩",
    "フマル酸塩",
    "クエン酸塩",
    "コハク酸塩",
    "酒石酸塩",
    "トシル酸塩",
    "ベシル酸塩",
    "メシル酸塩",
    "エシル酸塩",
    "シュウ酸塩",
    "臭化水素酸塩",
    "臭化物",
    "塩化物",
    "塩酸塩",
    "硫酸塩",
    "硝酸塩",
    "リン酸塩",
    "酢酸塩",
    "炭酸塩",
    "乳酸塩",
    "水和物",
    "カリウム",
    "ナトリウム",
    "カルシウム",
    "マグネシウム",
    "エチル",
    "ピボキシル",
    "ジソプロキシル",
    "アラフェナミド",
    "メドキソミル",
    "シレキセチル",
    "テルトブチルアミン",
    "エルブミン",
];

/// Notes in brackets: how it is made, and which follower of a biological product it is.
const BRACKETS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('「', '」')];

/// An ingredient's name without its salt; the whole name where nothing else would be left.
pub fn stem(ingredient: &str) -> String {
    let mut name = without_brackets(&katakana(&key(ingredient)));
    loop {
        let shorter = SALTS.iter().find_map(|salt| name.strip_suffix(salt)).filter(|rest| rest.chars().count() >= 3);
        let Some(shorter) = shorter.map(str::to_owned) else { return name };
        name = shorter;
    }
}

/// The ingredients of a product, each without its salt: combinations are written with a middle dot.
pub fn stems(ingredients: &str) -> Vec<String> {
    let text = without_brackets(&katakana(&key(ingredients)));
    let parts = text.split(['・', '/', '、']).map(|part| part.strip_suffix("配合剤").unwrap_or(part));
    let mut stems: Vec<String> = parts.map(stem).filter(|stem| !stem.is_empty()).collect();
    stems.sort();
    stems.dedup();
    stems
}

/// A name as it is searched: in katakana of one size, without blanks, marks and prolonged sounds, so that `わーふぁりん` finds ワーファリン.
pub fn search_key(name: &str) -> String {
    let text = katakana(&key(name));
    let is_mark =
        |c: char| matches!(c, 'ー' | '-' | '‐' | '−' | '―' | '・' | '「' | '」' | '(' | ')' | '[' | ']' | ',' | '.' | '、');
    text.chars().filter(|c| !is_mark(*c)).map(large).collect()
}

/// A brand or product as it is called: up to where form and strength begin.
pub fn brand(product: &str) -> String {
    let text = without_brackets(&katakana(&key(product)));
    let forms = [
        "錠",
        "カプセル",
        "散",
        "顆粒",
        "細粒",
        "シロップ",
        "注",
        "軟膏",
        "クリーム",
        "テープ",
        "パッチ",
        "点眼",
        "吸入",
        "od",
        "口腔",
    ];
    let digit = text.find(|c: char| c.is_ascii_digit());
    let form = forms.iter().filter_map(|form| text.find(form)).min();
    let end = [digit, form].into_iter().flatten().min().unwrap_or(text.len());
    if end == 0 { text } else { text[..end].to_owned() }
}

fn without_brackets(text: &str) -> String {
    let mut out = String::new();
    let mut closing: Option<char> = None;
    for c in text.chars() {
        match closing {
            Some(end) => closing = (c != end).then_some(end),
            None => match BRACKETS.iter().find(|(open, _)| *open == c) {
                Some((_, close)) => closing = Some(*close),
                None => out.push(c),
            },
        }
    }
    out
}

/// Hiragana become katakana.
pub fn katakana(text: &str) -> String {
    let turned = |c: char| match c {
        'ぁ'..='ゖ' => char::from_u32(u32::from(c) + 0x60).unwrap_or(c),
        _ => c,
    };
    text.chars().map(turned).collect()
}

/// Small kana as their large ones.
pub fn large(c: char) -> char {
    match c {
        'ァ' | 'ィ' | 'ゥ' | 'ェ' | 'ォ' | 'ッ' | 'ャ' | 'ュ' | 'ョ' | 'ヮ' => {
            char::from_u32(u32::from(c) + 1).unwrap_or(c)
        }
        'ヵ' => 'カ',
        'ヶ' => 'ケ',
        _ => c,
    }
}
