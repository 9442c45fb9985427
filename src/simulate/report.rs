//! What a simulation found.

use std::collections::BTreeMap;

/// What must hold, whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// What was acknowledged is somewhere while one copy that had it survives.
    NothingLost,
    /// No entry is held twice, and nothing is counted twice.
    NothingDoubled,
    /// All that hold a ledger come to the same entries, whole.
    Converged,
    /// A frontier claims only what is stored.
    FrontierStored,
    /// What is stored is what its author wrote and signed.
    OnlySigned,
    /// A copy that is proven is there, whole.
    ProvenWhole,
    /// No copy goes while it is the only one of anything, or while the terms do not allow it.
    ReleasedRightly,
    /// Copies that are superfluous go in the end.
    SurplusGoes,
    /// All nodes come to the same statements.
    StatementsOne,
    /// A region that is left alone comes to rest, and is silent then.
    Silent,
    /// In an emergency, a ledger reaches its number of copies among those that answer.
    EmergencyTarget,
}

impl Invariant {
    /// Its name, as it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NothingLost => "nothing acknowledged is lost",
            Self::NothingDoubled => "nothing is doubled",
            Self::Converged => "all that hold a ledger converge",
            Self::FrontierStored => "a frontier claims only what is stored",
            Self::OnlySigned => "only what its author signed is stored",
            Self::ProvenWhole => "a proven copy is whole",
            Self::ReleasedRightly => "no copy is released too soon",
            Self::SurplusGoes => "surplus copies go",
            Self::StatementsOne => "statements converge",
            Self::Silent => "a region at rest is silent",
            Self::EmergencyTarget => "an emergency reaches its target",
        }
    }
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// When, in simulated milliseconds.
    pub at_ms: u64,
    /// What was found.
    pub detail: String,
}

/// What a simulation found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Its clinics.
    pub sites: usize,
    /// Simulated time, in milliseconds.
    pub simulated_ms: u64,
    /// Events.
    pub events: u64,
    /// Questions of the exchange.
    pub questions: u64,
    /// Questions about statements.
    pub offers: u64,
    /// Entries that were written and acknowledged.
    pub entries: u64,
    /// Of these, such as no surviving copy had.
    pub perished: u64,
    /// Copies that were released.
    pub released: u64,
    /// The machines as they were in the end, a line each.
    pub machines: Vec<String>,
    /// How often what happened.
    pub happenings: BTreeMap<&'static str, u64>,
    /// Of everything that happened and of how it ended: the same seed gives the same digest on every machine.
    pub digest: [u8; 32],
    /// What did not hold, the first.
    pub broken: Option<Broken>,
}

/// Ids are named by their beginning, in a line that people read.
pub(super) fn shortened(text: &str) -> String {
    let mut short = String::new();
    let mut digits = 0_usize;
    for letter in text.chars() {
        digits = if letter.is_ascii_hexdigit() { digits + 1 } else { 0 };
        if digits <= SHOWN {
            short.push(letter);
        }
    }
    short
}

/// Digits of an id that are shown; no word or number that is shown has more of such letters in a row.
const SHOWN: usize = 12;
