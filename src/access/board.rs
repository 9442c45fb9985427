//! The board of states: what holds on each rung, how the last tries went, and what to do, for people and for programs.

use super::declared::By;
use super::{Held, Standing};
use crate::clock::moment_in_japan;
use crate::sentence::Sentence;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// What the keeper tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    /// Reading the settings.
    Settings,
    /// Getting a public certificate by ACME.
    Acme,
    /// Taking over a certificate that is delivered by file.
    File,
    /// Making this box's certificate under the region's authority.
    Authority,
}

impl Doing {
    const fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Acme => "acme",
            Self::File => "file",
            Self::Authority => "authority",
        }
    }
}

/// How a try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// What went wrong and what to do, if it did.
    pub failed: Option<(&'static str, Sentence)>,
}

/// What is noted of tries.
#[derive(Debug, Default)]
pub(super) struct Board {
    tried: BTreeMap<Doing, Tried>,
    next_ms: BTreeMap<Doing, i64>,
}

impl Board {
    pub(super) fn note(&mut self, doing: Doing, tried: Tried) {
        self.tried.insert(doing, tried);
    }

    pub(super) fn last(&self, doing: Doing) -> Option<Tried> {
        self.tried.get(&doing).cloned()
    }

    pub(super) fn expect(&mut self, doing: Doing, at_ms: Option<i64>) {
        match at_ms {
            Some(at_ms) => self.next_ms.insert(doing, at_ms),
            None => self.next_ms.remove(&doing),
        };
    }
}

/// A certificate, as the board shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What it is for.
    pub names: Vec<String>,
    /// Until when, in milliseconds since 1970 UTC.
    pub not_after_ms: i64,
    /// From when on it is renewed, in milliseconds since 1970 UTC.
    pub renew_from_ms: i64,
    /// Who signed it.
    pub issuer: String,
    /// SHA-256, as devices show it.
    pub fingerprint: String,
    /// Whether it has not ended.
    pub is_valid: bool,
}

/// The board at one moment.
#[derive(Debug, Clone)]
pub struct Status {
    /// When, in milliseconds since 1970 UTC.
    pub now_ms: i64,
    /// Rung A.
    pub a: Option<Shown>,
    /// Rung B.
    pub b: Option<Shown>,
    /// Who declared rung C; until when, in milliseconds of running time.
    pub c: Option<super::declared::Declared>,
    /// The port for TLS.
    pub https_port: Option<u16>,
    /// The port of the front door.
    pub http_port: Option<u16>,
    tried: BTreeMap<Doing, Tried>,
    next_ms: BTreeMap<Doing, i64>,
}

impl Status {
    pub(super) fn of(standing: &Standing, board: &Board, now_ms: i64) -> Self {
        let shown = |held: &Arc<Held>| Shown {
            names: held.pair.names.clone(),
            not_after_ms: held.pair.not_after_ms,
            renew_from_ms: held.pair.renew_from_ms(),
            issuer: held.pair.issuer.clone(),
            fingerprint: held.pair.fingerprint.clone(),
            is_valid: held.pair.is_valid(now_ms),
        };
        Self {
            now_ms,
            a: standing.a.as_ref().map(shown),
            b: standing.b.as_ref().map(shown),
            c: standing.declared.clone(),
            https_port: standing.https_port,
            http_port: standing.http_port,
            tried: board.tried.clone(),
            next_ms: board.next_ms.clone(),
        }
    }

    /// The rung that a patient's phone gets.
    pub fn best(&self) -> Option<&'static str> {
        let is_a = self.a.as_ref().is_some_and(|shown| shown.is_valid);
        if is_a { Some("A") } else { self.c.as_ref().map(|_declared| "C") }
    }

    /// How the last try at something went.
    pub fn tried(&self, doing: Doing) -> Option<&Tried> {
        self.tried.get(&doing)
    }

    /// What the last tries failed with.
    pub fn problems(&self) -> impl Iterator<Item = &Sentence> {
        self.tried.values().filter_map(|tried| tried.failed.as_ref().map(|(_, say)| say))
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let certificate = |shown: &Option<Shown>| match shown {
            None => json!({ "state": "none" }),
            Some(shown) => json!({
                "state": if shown.is_valid { "valid" } else { "expired" },
                "names": shown.names,
                "not_after_ms": shown.not_after_ms,
                "renew_from_ms": shown.renew_from_ms,
                "issuer": shown.issuer,
                "fingerprint_sha256": shown.fingerprint,
            }),
        };
        let tries = self.tried.iter().map(|(doing, tried)| {
            let error = tried.failed.as_ref().map(|(kind, say)| json!({ "kind": kind, "en": say.en, "ja": say.ja }));
            let entry = json!({ "at_ms": tried.at_ms, "error": error, "next_ms": self.next_ms.get(doing) });
            (doing.name().to_owned(), entry)
        });
        json!({
            "now_ms": self.now_ms,
            "phones_get": self.best(),
            "a": certificate(&self.a),
            "b": certificate(&self.b),
            "c": self.c,
            "https_port": self.https_port,
            "http_port": self.http_port,
            "tries": tries.collect::<serde_json::Map<_, _>>(),
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let rung = |shown: &Option<Shown>, none: &str| match shown {
            None => none.to_owned(),
            Some(s) if s.is_valid => format!("{} until {}", s.names.join(", "), moment_in_japan(s.not_after_ms)),
            Some(s) => format!("{}: ended {}", s.names.join(", "), moment_in_japan(s.not_after_ms)),
        };
        let _ = writeln!(out, "A  public certificate     {}", rung(&self.a, "none"));
        let _ = writeln!(out, "B  region's authority     {}", rung(&self.b, "none"));
        let declared = self.c.as_ref().map_or_else(|| "not declared".to_owned(), |c| c.by.to_string());
        let _ = writeln!(out, "C  http, read-only        {declared}");
        let phones = match self.best() {
            Some("A") => "patients' phones are sent to A",
            Some(_http) => "patients' phones are sent to http at this box's address",
            None => "patients' phones get a page that says to ask the staff",
        };
        let _ = writeln!(out, "   {phones}");
        for (doing, tried) in &self.tried {
            if let Some((_, say)) = &tried.failed {
                let _ = writeln!(out, "!  {} ({}): {}\n   {}", doing.name(), moment_in_japan(tried.at_ms), say.en, say.ja);
            }
        }
        for (doing, at_ms) in &self.next_ms {
            let _ = writeln!(out, "   {}: next try {}", doing.name(), moment_in_japan(*at_ms));
        }
        out
    }
}

impl std::fmt::Display for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Staff { badge } => write!(f, "declared with the staff badge {badge}"),
            Self::Envelope { number } => write!(f, "declared with envelope {number}"),
            Self::Alone { hours } => write!(f, "declared by the box itself, {hours} h without internet and other clinics"),
            Self::Operator => f.write_str("declared by an option of `serve`"),
        }
    }
}
