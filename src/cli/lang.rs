//! `lang`: for translators, what a language lacks and what has changed.

use super::output::Output;
use crate::web::lang::{Lang, review};
use anyhow::Context;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct LangArgs {
    /// The language: ja-easy, zh, ko, vi, pt; all of them where none is named
    #[arg(value_name = "LANGUAGE")]
    language: Option<String>,
    /// Instead of what is still in English: strings whose Japanese differs from this older ja.json
    #[arg(long, value_name = "FILE")]
    changed_from: Option<PathBuf>,
}

/// One line of JSON a string: key, Japanese, English, and the translation as it is.
pub(crate) fn run(args: &LangArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let languages = match &args.language {
        Some(code) => vec![Lang::from_code(code).with_context(|| format!("{code:?} is none of the pages' languages"))?],
        None => Lang::ALL.into_iter().filter(|lang| !matches!(lang, Lang::Japanese | Lang::English)).collect(),
    };
    let older = match &args.changed_from {
        Some(path) => Some(std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?),
        None => None,
    };
    for lang in languages {
        let rows = match &older {
            Some(older) => review::changed(lang, older).context("the older catalogue cannot be read: give it a ja.json")?,
            None => review::untranslated(lang),
        };
        for row in rows {
            let line = json!({
                "language": lang.code(), "key": row.key, "ja": row.japanese, "en": row.english, "translation": row.translation,
            });
            output.result(line)?;
        }
    }
    Ok(0)
}
