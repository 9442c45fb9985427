//! What a translator has to look at: strings that are not translated yet, and strings whose Japanese changed.

use super::{Lang, source};
use serde_json::Value;
use std::collections::BTreeMap;

/// One string with what it is translated from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands: `front.lead`, `date.months.3`.
    pub key: String,
    /// In Japanese.
    pub japanese: String,
    /// In English.
    pub english: String,
    /// As it is now.
    pub translation: String,
}

/// Strings of `lang` that are still the English ones, word for word, or in plain Japanese those of the Japanese with no reading above a character. Some
/// are so by right (mL).
pub fn untranslated(lang: Lang) -> Vec<Row> {
    let is_word = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count() > 3;
    let is_easy = lang == Lang::EasyJapanese;
    let is_english = |row: &Row| row.translation == row.english && is_word(&row.english);
    let is_hard = |row: &Row| {
        is_easy && row.translation == row.japanese && row.japanese.contains(|c| matches!(c, '\u{4e00}'..='\u{9fa5}'))
    };
    rows(lang).into_iter().filter(|row| is_english(row) || is_hard(row)).collect()
}

/// Strings of `lang` whose Japanese differs from an older Japanese catalogue, or is new.
///
/// # Errors
/// Where `older` is no catalogue.
pub fn changed(lang: Lang, older: &str) -> Result<Vec<Row>, serde_json::Error> {
    let before = flat(&serde_json::from_str(older)?);
    Ok(rows(lang).into_iter().filter(|row| before.get(&row.key) != Some(&row.japanese)).collect())
}

/// Every string of a language beside the Japanese and the English one; units are explained to those alone who do not read Japanese.
fn rows(lang: Lang) -> Vec<Row> {
    let of = |lang: Lang| flat(&serde_json::from_str(source(lang)).unwrap_or_default());
    let (japanese, english) = (of(Lang::Japanese), of(Lang::English));
    let row = |(key, translation): (String, String)| Row {
        japanese: japanese.get(&key).cloned().unwrap_or_default(),
        english: english.get(&key).cloned().unwrap_or_default(),
        key,
        translation,
    };
    of(lang).into_iter().filter(|(key, _)| key != "code").map(row).collect()
}

fn flat(catalogue: &Value) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    gather(catalogue, "", &mut out);
    out
}

fn gather(value: &Value, key: &str, out: &mut BTreeMap<String, String>) {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::String(text) => drop(out.insert(key.to_owned(), text.clone())),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| gather(value, &below(name), out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| gather(item, &below(&n.to_string()), out)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_in_english() {
        // What a patient shows to the clinic's staff is Japanese in every language, and a vitamin has one name in several.
        const SAME: [&str; 5] = ["units.", "date.eras.", "lost.staff", "classes.31", "common.phone"];
        let same_by_right = |row: &Row| SAME.iter().any(|key| row.key.starts_with(key));
        for lang in Lang::ALL.into_iter().filter(|lang| *lang != Lang::English) {
            let left: Vec<_> = untranslated(lang).into_iter().filter(|row| !same_by_right(row)).map(|row| row.key).collect();
            assert!(left.is_empty(), "{lang:?}: {left:?}");
        }
        assert!(untranslated(Lang::English).len() > 400, "the comparison finds what is the same");
        assert!(rows(Lang::EasyJapanese).iter().any(|row| row.japanese.contains('薬')), "and there is something to read");
    }

    #[test]
    fn what_changed_in_japanese_is_shown_with_its_translation() {
        let older = source(Lang::Japanese).replace("カードの番号\"", "カード番号\"");
        let rows = changed(Lang::Vietnamese, &older).unwrap();
        let front = rows.iter().find(|row| row.key == "front.code_label").unwrap();
        assert_eq!((front.japanese.as_str(), front.translation.as_str()), ("カードの番号", "Số thẻ"));
        assert!(rows.iter().all(|row| row.japanese.contains("カードの番号") || row.key.starts_with("units.")), "{rows:?}");
        assert_eq!(
            changed(Lang::Vietnamese, source(Lang::Japanese)).unwrap().iter().filter(|r| !r.key.starts_with("units.")).count(),
            0
        );
        assert!(changed(Lang::Korean, "no catalogue").is_err());
    }
}
