//! The catalogues hold together, and no page says anything outside them.

use super::*;
use std::collections::BTreeSet;

#[test]
fn every_catalogue_is_complete_and_names_itself() {
    for lang in Lang::ALL {
        assert_eq!(lang.messages().code, lang.code());
        assert_eq!(Lang::from_code(lang.code()), Some(lang));
        assert!(Lang::DESK.contains(&lang.at_desk()));
    }
    assert!(Lang::DESK.iter().all(|lang| lang.at_desk() == *lang));
    assert_eq!([Lang::Japanese, Lang::English].map(|lang| lang.desk().home.title.plain()), ["職員のページ", "Desk"]);
}

#[test]
fn every_language_explains_the_same_classes_of_drugs() {
    let classes = |lang: Lang| lang.messages().classes.keys().cloned().collect::<BTreeSet<_>>();
    assert!(classes(Lang::Japanese).len() >= 80);
    assert!(classes(Lang::Japanese).iter().all(|c| c.len() == 3 && c.bytes().all(|b| b.is_ascii_digit())));
    assert!(Lang::ALL.iter().all(|lang| classes(*lang) == classes(Lang::Japanese)));
}

#[test]
fn every_other_language_explains_the_same_units() {
    let units = |lang: Lang| lang.messages().units.keys().cloned().collect::<BTreeSet<_>>();
    assert!(units(Lang::English).len() >= 20);
    for lang in Lang::ALL.into_iter().filter(|lang| lang.tag() != "ja") {
        assert_eq!(units(lang), units(Lang::English), "{lang:?}");
    }
}

fn is_kanji(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

#[test]
fn every_kanji_of_easy_japanese_has_its_reading() {
    let source = include_str!("../../../templates/lang/ja-easy.json");
    for line in source.lines().filter(|l| !l.contains("\": {}")) {
        let value = line.split_once("\": ").map_or(line, |(_, v)| v);
        let mut is_inside = false;
        for c in value.chars() {
            is_inside = (is_inside || c == '[') && c != ']';
            assert!(is_inside || !is_kanji(c), "{c} has no reading in {line}");
        }
    }
}

#[test]
fn the_first_visit_follows_the_browser() {
    assert_eq!(Lang::from_accept("en-GB,en;q=0.9,ja;q=0.8"), Some(Lang::English));
    assert_eq!(Lang::from_accept("ja"), Some(Lang::Japanese));
    assert_eq!(Lang::from_accept("fr-FR, JA-jp;q=0.5"), Some(Lang::Japanese));
    assert_eq!(Lang::from_accept("zh-TW,zh;q=0.9,en;q=0.8"), Some(Lang::Chinese));
    assert_eq!(Lang::from_accept("vi-VN"), Some(Lang::Vietnamese));
    assert_eq!(Lang::from_accept("fr;q=0.9,pt-PT;q=0.8"), Some(Lang::Portuguese));
    assert_eq!(Lang::from_accept("ko"), Some(Lang::Korean));
    assert_eq!(Lang::from_accept("fr"), None);
    assert_eq!(Lang::from_accept(""), None);
}

/// What a template would show without any value: its text outside tags and template marks, and the attributes that are read out.
fn literal_text(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(start) = rest.find(['{', '<']) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = match from.get(..2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some("{#") => "#}",
            _ if from.starts_with('<') => ">",
            _ => "{",
        };
        let after = from[1..].find(end).map_or(from.len(), |i| 1 + i + end.len());
        rest = &from[after..];
    }
    out.push_str(rest);
    out.replace("&nbsp;", "").replace("&thinsp;", "")
}

/// All files of a folder of the project and of those in it, with one of these endings.
fn files(folder: &str, endings: &[&str]) -> Vec<(std::path::PathBuf, String)> {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)) {
                let source = std::fs::read_to_string(&path).unwrap();
                found.push((path, source));
            }
        }
    }
    found
}

#[test]
fn no_template_says_anything_outside_the_catalogues() {
    let templates = files("templates", &["html", "svg"]);
    assert!(templates.len() > 40, "only {} templates found", templates.len());
    for (path, source) in templates {
        let text = literal_text(&source);
        let letter = text.chars().find(|c| c.is_alphabetic());
        assert_eq!(letter, None, "{}: {:?}", path.display(), text.split_whitespace().collect::<Vec<_>>());
        for attribute in ["alt=\"", "title=\"", "placeholder=\"", "aria-label=\""] {
            for (at, _) in source.match_indices(attribute) {
                let value = &source[at + attribute.len()..];
                assert!(value.starts_with("{{") || value.starts_with('"'), "{}: {attribute}", path.display());
            }
        }
    }
}

/// Japanese in the code that makes pages, and anything beside plain ASCII in scripts, has not come from a catalogue.
#[test]
fn no_page_and_no_script_says_anything_outside_the_catalogues() {
    let is_japanese = |c: char| matches!(c, 'ぁ'..='ゖ' | 'ァ'..='ヺ' | '一'..='龥');
    let pages = files("src/web", &["rs"]);
    let pages = pages
        .iter()
        .filter(|(path, _)| !path.components().any(|part| part.as_os_str() == "tests") && !path.ends_with("tests.rs"));
    let mut names = Vec::new();
    for (path, source) in pages {
        let code = source.split("#[cfg(test)]").next().unwrap().lines();
        let said = code.filter(|line| !line.trim_start().starts_with("//") && line.chars().any(is_japanese));
        names.extend(said.map(|line| format!("{}: {}", path.display(), line.trim())));
    }
    // What languages are called in themselves.
    names.retain(|line| !line.contains("lang.rs: Self::"));
    assert!(names.is_empty(), "{names:#?}");
    let scripts = files("templates", &["js"]);
    assert!(!scripts.is_empty() && scripts.iter().all(|(_, source)| source.is_ascii()), "a script speaks");
}
