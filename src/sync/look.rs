//! One box asks another for somebody, as messages: a signed question that says who asks at whose desk, and why; who fits; what is shown of one of them.
//! Bytes as in docs/format.md.

pub(super) mod answer;
pub mod ask;

pub use ask::{Asking, By, Heard, NotShown, Outcome, Remote, ShownThere};

use crate::clinic::Chart;
use crate::clinic::glass::{AskedRefusal, Asker, FoundFor, ShownTo, Whose, Why};
use crate::clinic::search::{Fitting, Sought};
use crate::finding::{Query, Reason};
use crate::ledger::content::Content;
use crate::ledger::payload::{AskedBy, Opening};
use crate::ledger::{LedgerId, NodeId};
use crate::record::{Consent, ContentHash, Fact, GlassReason, LookShown, Rank, Sex, Subject};
use crate::region::{RegionId, Signer};
use crate::seal::hash;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Decoder, Encode};
use zeroize::Zeroize;

/// The only version there is.
const VERSION: u8 = 1;

const SIGNATURE_LEN: usize = 64;

/// The longest question.
pub const QUESTION_LEN_MAX: usize = 16 * 1024;

/// The longest answer: a record of very many years.
pub const ANSWER_LEN_MAX: usize = 7 << 20;

/// Characters of a text in a question.
const TEXT_CHARS_MAX: usize = 300;

/// Ledgers that one question may name.
const LEDGERS_MAX: usize = 512;

/// Who may be meant, in one answer.
pub const FOUND_MAX: usize = 5;

/// What one box asks another; signed by the node that asks.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Question {
    /// In which region.
    #[n(0)]
    pub region: RegionId,
    /// Who asks.
    #[n(1)]
    pub from: NodeId,
    /// Who is asked: nobody passes a question on.
    #[n(2)]
    pub to: NodeId,
    /// Random: it is answered once.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// When, by the clock there: milliseconds since 1970 UTC. It is told, and decides nothing.
    #[n(4)]
    pub said_at_ms: i64,
    /// Who broke which glass there, and why.
    #[n(5)]
    pub glass: Broken,
    /// What is asked.
    #[n(6)]
    pub wish: Wish,
    /// The word of the badge itself, where it has a key that is at hand: a helper's from outside has none. A version before this does not read it.
    #[n(7)]
    pub by_badge: Option<ByBadge>,
}

/// The word of a badge for a question: that it is asked with this badge, through this glass, by this box.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ByBadge {
    /// With which key.
    #[n(0)]
    pub key: Signer,
    /// Of what docs/format.md names.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

/// A glass that was broken at the box that asks.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Broken {
    /// Its id there.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// With whose badge.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub badge: [u8; 16],
    /// Their name.
    #[n(2)]
    pub name: String,
    /// What the badge lets them do.
    #[n(3)]
    pub rank: Rank,
    /// The number of their licence; empty where the badge has none.
    #[n(4)]
    pub licence: String,
    /// Why, from a list.
    #[n(5)]
    pub reason: GlassReason,
    /// Why, in words; may be empty.
    #[n(6)]
    pub words: String,
    /// Who agreed.
    #[n(7)]
    pub consent: Consent,
    /// The second person's name; empty where there was none.
    #[n(8)]
    pub second: String,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Wish {
    /// Who fits?
    #[n(1)]
    #[cbor(map)]
    Find {
        /// What somebody remembers.
        #[n(0)]
        query: Remembered,
        /// In which ledgers, at most 512.
        #[n(1)]
        ledgers: Vec<LedgerId>,
    },
    /// Show me this one.
    #[n(2)]
    #[cbor(map)]
    Show {
        /// In which ledger.
        #[n(0)]
        ledger: LedgerId,
        /// Who.
        #[n(1)]
        subject: Subject,
        /// Who it is, or the record.
        #[n(2)]
        shown: LookShown,
        /// For what is concealed: on what basis. Whoever was not told it does not open that; a version before this does not read it.
        #[n(3)]
        opening: Option<Opening>,
    },
}

/// What somebody remembers of a person, as it travels. Wiped when it is done with.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Remembered {
    #[n(0)]
    name: String,
    #[n(1)]
    birth: String,
    #[n(2)]
    sex: Option<Sex>,
    #[n(3)]
    phone: String,
    #[n(4)]
    address: String,
    #[n(5)]
    id: String,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Answer {
    /// To [`Wish::Find`].
    #[n(1)]
    #[cbor(map)]
    Found {
        /// Who fits, the best first, at most [`FOUND_MAX`].
        #[n(0)]
        people: Vec<Fits>,
        /// The ledgers that were searched.
        #[n(1)]
        searched: Vec<LedgerId>,
        /// The ledgers that lie there locked.
        #[n(2)]
        locked: Vec<LedgerId>,
        /// Among how many.
        #[n(3)]
        among: u64,
        /// Whether some are still being read.
        #[n(4)]
        is_partial: bool,
    },
    /// To [`Wish::Show`].
    #[n(2)]
    #[cbor(map)]
    Shown {
        /// The look as it stands in the patient's record.
        #[cbor(n(0), with = "minicbor::bytes")]
        look: [u8; 16],
        /// What the record says.
        #[n(1)]
        facts: Vec<Said>,
        /// Entries that the patient hides, and that are not among them.
        #[n(2)]
        hidden: u64,
        /// Entries that could not be opened, and that were not understood.
        #[n(3)]
        unreadable: u64,
        /// Likewise.
        #[n(4)]
        not_understood: u64,
        /// Newest import, ms since 1970 UTC.
        #[n(5)]
        last_import_ms: Option<i64>,
        /// As of when that copy is, ms since 1970 UTC.
        #[n(6)]
        as_of_ms: i64,
        /// Entries that wait for the ledger's home.
        #[n(7)]
        waiting: u64,
    },
    /// Nothing is to be had.
    #[n(3)]
    #[cbor(map)]
    Refused {
        /// Why.
        #[n(0)]
        why: Refusal,
    },
}

/// Why there is nothing to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Refusal {
    /// The question was not understood, or its signature does not hold, or it is of somebody else.
    #[n(1)]
    NotUnderstood,
    /// It was answered already.
    #[n(2)]
    Twice,
    /// So many patients were asked for within the hour.
    #[n(3)]
    TooMany,
    /// The glass is for another patient, or too old.
    #[n(4)]
    Spent,
    /// That copy is locked.
    #[n(5)]
    Locked,
    /// Nobody there has that id.
    #[n(6)]
    NoSuchPatient,
    /// It could not be noted who looks.
    #[n(7)]
    NotNoted,
}

/// Somebody who fits: not yet who.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Fits {
    /// In which ledger.
    #[n(0)]
    pub ledger: LedgerId,
    /// Which patient, opaque.
    #[n(1)]
    pub subject: Subject,
    /// How well, for ranking.
    #[n(2)]
    pub score: f64,
    /// Why, the strongest first.
    #[n(3)]
    pub reasons: Vec<Reason>,
}

/// A fact as it travels to be shown: its content as in an entry, its version as it was written, when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Said {
    /// As in an entry.
    #[n(0)]
    pub content: ByteVec,
    /// The version of the bytes that were written.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub version: [u8; 32],
    /// When, ms since 1970 UTC.
    #[n(2)]
    pub said_at_ms: i64,
}

impl std::fmt::Debug for Remembered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remembered")
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        let texts = [&mut self.name, &mut self.birth, &mut self.phone, &mut self.address, &mut self.id];
        texts.into_iter().for_each(Zeroize::zeroize);
    }
}

impl Remembered {
    /// Of what is sought.
    pub fn of(query: &Query) -> Self {
        let Query { name, birth, sex, phone, address, id } = query.clone();
        Self { name, birth, sex, phone, address, id }
    }

    fn sought(&self) -> Sought {
        let mut sought = Sought::default();
        sought.query = Query {
            name: self.name.clone(),
            birth: self.birth.clone(),
            sex: self.sex,
            phone: self.phone.clone(),
            address: self.address.clone(),
            id: self.id.clone(),
        };
        sought
    }

    fn is_within(&self) -> bool {
        [&self.name, &self.birth, &self.phone, &self.address, &self.id].iter().all(|text| is_short(text))
    }
}

fn is_short(text: &str) -> bool {
    text.chars().count() <= TEXT_CHARS_MAX
}

impl Question {
    /// As bytes, signed by the node that asks.
    pub fn signed(&self, key: &Ed25519KeyPair) -> Vec<u8> {
        let body = crate::record::wire::encode(self);
        let signature = key.sign(&to_sign(&body));
        [&[VERSION], signature.as_ref(), &body].concat()
    }

    /// From bytes, if whoever the connection has proved to be has signed them, in their own name, to `to`.
    pub fn read(bytes: &[u8], peer: Signer, from: NodeId, to: NodeId) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(1 + SIGNATURE_LEN).filter(|(head, _)| head[0] == VERSION)?;
        UnparsedPublicKey::new(&ED25519, peer.0).verify(&to_sign(body), &head[1..]).ok()?;
        let mut decoder = Decoder::new(body);
        let question: Self = decoder.decode().ok().filter(|_| decoder.position() == body.len())?;
        let is_its_own = question.from == from && question.to == to;
        (is_its_own && question.is_within() && question.is_badge_true()).then_some(question)
    }

    /// The same question, with the word of the badge that it is asked with.
    #[must_use]
    pub fn with_badge(self, pair: &Ed25519KeyPair) -> Self {
        let mut signature = [0; SIGNATURE_LEN];
        signature.copy_from_slice(pair.sign(&self.of_badge()).as_ref());
        Self { by_badge: Some(ByBadge { key: Signer::of(pair), signature }), ..self }
    }

    /// Whether a badge's word, if there is one, is one for this question.
    fn is_badge_true(&self) -> bool {
        let holds = |by: &ByBadge| UnparsedPublicKey::new(&ED25519, by.key.0).verify(&self.of_badge(), &by.signature).is_ok();
        self.by_badge.as_ref().is_none_or(holds)
    }

    /// What a badge signs: of fixed length, so that it is the same to every version.
    fn of_badge(&self) -> [u8; 32] {
        let Self { region, from, to, id, glass, .. } = self;
        hash("question by a badge", &[&region.0, &from.0, &to.0, id, &glass.id, &glass.badge])
    }

    fn is_within(&self) -> bool {
        let Broken { name, licence, words, second, .. } = &self.glass;
        [name, licence, words, second].iter().all(|text| is_short(text))
            && match &self.wish {
                Wish::Find { query, ledgers } => query.is_within() && ledgers.len() <= LEDGERS_MAX,
                Wish::Show { opening, .. } => opening.iter().all(|opening| is_short(&opening.words)),
            }
    }

    /// Who asks, as the ledger has it.
    fn asker(&self, from: AskedBy) -> Asker {
        let Broken { id, badge, name, rank, licence, reason, words, consent, second } = self.glass.clone();
        Asker { from, glass: id, badge, name, rank, licence, why: Why { reason, words, consent }, second }
    }
}

fn to_sign(body: &[u8]) -> [u8; 32] {
    hash("question for somebody", &[body])
}

impl Answer {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        crate::record::wire::encode(&(VERSION, self))
    }

    /// From bytes, if they are an answer within its bounds.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let is_known = decoder.array().ok()? == Some(2) && decoder.u8().ok()? == VERSION;
        let answer: Self = decoder.decode().ok().filter(|_| is_known && decoder.position() == bytes.len())?;
        let is_within = match &answer {
            Self::Found { people, .. } => people.len() <= FOUND_MAX && people.iter().all(|fits| fits.score.is_finite()),
            Self::Shown { .. } | Self::Refused { .. } => true,
        };
        is_within.then_some(answer)
    }

    fn found(found: FoundFor) -> Self {
        let fits = |fit: Fitting| Fits {
            ledger: fit.whose.ledger,
            subject: fit.whose.subject,
            score: fit.score,
            reasons: fit.reasons,
        };
        Self::Found {
            people: found.found.candidates.into_iter().take(FOUND_MAX).map(fits).collect(),
            searched: found.searched,
            locked: found.locked,
            among: count(found.found.searched),
            is_partial: found.found.is_partial,
        }
    }

    fn shown(shown: ShownTo) -> Self {
        let ShownTo { look, chart, hidden } = shown;
        let said = |fact: Fact| Said {
            content: Content::fact(fact.id, &fact.content, fact.source).encode().into(),
            version: fact.version.0,
            said_at_ms: fact.said_at_ms,
        };
        Self::Shown {
            look: look.0,
            facts: chart.facts.into_iter().map(said).collect(),
            hidden: count(hidden),
            unreadable: count(chart.unreadable),
            not_understood: count(chart.not_understood),
            last_import_ms: chart.last_import_ms,
            as_of_ms: chart.copy_as_of_ms,
            waiting: count(chart.inbox_waiting),
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn number(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Said {
    /// The fact; `None` where it is none that this version knows.
    fn fact(self) -> Option<Fact> {
        let fact = Content::decode(&self.content).ok()?.into_fact(self.said_at_ms).ok().flatten()?;
        // By the bytes that were written, which others name; what travelled was written anew.
        Some(Fact { version: ContentHash(self.version), ..fact })
    }
}

impl From<&AskedRefusal> for Refusal {
    fn from(refusal: &AskedRefusal) -> Self {
        match refusal {
            AskedRefusal::OfBadge(_) | AskedRefusal::OfBox(_) => Self::TooMany,
            AskedRefusal::Spent => Self::Spent,
            AskedRefusal::Words => Self::NotUnderstood,
            AskedRefusal::Locked => Self::Locked,
            AskedRefusal::NoSuchPatient => Self::NoSuchPatient,
            AskedRefusal::Failed(_) => Self::NotNoted,
        }
    }
}

/// A record that another box has, as it is read here.
fn chart(facts: Vec<Said>) -> Chart {
    let (mut chart, came) = (Chart::default(), facts.len());
    chart.facts = facts.into_iter().filter_map(Said::fact).collect();
    chart.not_understood = came.saturating_sub(chart.facts.len());
    chart
}

/// Whose a look of an answer is.
const fn whose(fits: &Fits) -> Whose {
    Whose { ledger: fits.ledger, subject: fits.subject }
}
