//! Vectors of what one box asks another about somebody, and of what it answers.

use aws_lc_rs::signature::Ed25519KeyPair;
use kusuribako::finding::birth::Nearness;
use kusuribako::finding::likeness::{Likeness, Way};
use kusuribako::finding::{Query, Reason};
use kusuribako::ledger::payload::{Basis, Opening};
use kusuribako::ledger::{LedgerId, NodeId, node_id};
use kusuribako::record::{Consent, GlassReason, LookShown, Rank, Sex, Subject};
use kusuribako::region::{RegionId, Signer};
use kusuribako::sync::look::{Answer, Broken, Fits, Question, Refusal, Remembered, Said, Wish};
use minicbor::Decode;

const LEDGER: LedgerId = LedgerId([0x11; 16]);
const SUBJECT: Subject = Subject([0x22; 16]);
const TO: NodeId = NodeId([0x55; 32]);

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[0x44; 32]).unwrap()
}

fn question(wish: Wish) -> Question {
    let glass = Broken {
        id: [0x41; 16],
        badge: [0x44; 16],
        name: "応援".to_owned(),
        rank: Rank::Outside,
        licence: "123456".to_owned(),
        reason: GlassReason::Continuation,
        words: "津波".to_owned(),
        consent: Consent::Cannot,
        second: String::new(),
    };
    let (region, from) = (RegionId([0x99; 32]), node_id(&Signer::of(&pair()).0));
    let question =
        Question { region, from, to: TO, id: [0x33; 16], said_at_ms: 1_775_779_200_000, glass, wish, by_badge: None };
    let is_newest = matches!(question.wish, Wish::Show { shown: LookShown::Concealed, .. });
    if is_newest { question.with_badge(&Ed25519KeyPair::from_seed_unchecked(&[0x46; 32]).unwrap()) } else { question }
}

const NAMES: [&str; 3] = [
    "look: who fits? by seed 44",
    "look: show the record, by seed 44",
    "look: show what is concealed, by seed 44 with a badge of seed 46",
];

fn wishes() -> [Wish; 3] {
    let query = Query {
        name: "見本".to_owned(),
        birth: "S330303".to_owned(),
        sex: Some(Sex::Female),
        phone: "1234".to_owned(),
        address: "高知".to_owned(),
        id: "9".to_owned(),
    };
    let opening = Some(Opening { basis: Basis::Emergency, words: "意識がない".to_owned() });
    [
        Wish::Find { query: Remembered::of(&query), ledgers: vec![LEDGER] },
        Wish::Show { ledger: LEDGER, subject: SUBJECT, shown: LookShown::Record, opening: None },
        Wish::Show { ledger: LEDGER, subject: SUBJECT, shown: LookShown::Concealed, opening },
    ]
}

fn answers(fact: Vec<u8>, version: [u8; 32]) -> [(&'static str, Answer); 3] {
    let reasons = vec![
        Reason::Name(Likeness { way: Way::Part, percent: 90 }),
        Reason::Birth(Nearness::ByOne),
        Reason::Sex,
        Reason::OtherSex,
        Reason::Phone,
        Reason::Address,
        Reason::Id,
    ];
    let people = vec![Fits { ledger: LEDGER, subject: SUBJECT, score: 12.5, reasons }];
    let found =
        Answer::Found { people, searched: vec![LEDGER], locked: vec![LedgerId([0x12; 16])], among: 7, is_partial: false };
    let facts = vec![Said { content: fact.into(), version, said_at_ms: 1_775_779_200_000 }];
    let shown = Answer::Shown {
        look: [0x42; 16],
        facts,
        hidden: 1,
        unreadable: 0,
        not_understood: 0,
        last_import_ms: Some(1_775_779_200_000),
        as_of_ms: 1_775_779_200_001,
        waiting: 2,
    };
    [
        ("look: found", found),
        ("look: shown, the memo", shown),
        ("look: refused, too many", Answer::Refused { why: Refusal::TooMany }),
    ]
}

/// Each with its name.
pub fn computed(put: &mut dyn FnMut(&'static str, &[u8]), fact: Vec<u8>, version: [u8; 32]) {
    for (name, wish) in NAMES.into_iter().zip(wishes()) {
        put(name, &question(wish).signed(&pair()));
    }
    for (name, answer) in answers(fact, version) {
        put(name, &answer.encode());
    }
}

/// A question as a version reads it that has not heard of a basis.
#[derive(Decode)]
#[cbor(map)]
struct Before {
    #[n(6)]
    wish: WishBefore,
}

#[derive(Decode)]
enum WishBefore {
    #[n(2)]
    #[cbor(map)]
    Show {
        #[n(1)]
        subject: Subject,
        #[n(2)]
        shown: LookShown,
    },
}

/// A box of a version before notes a look at what is concealed as it always has; what such a box asks lacks the basis and the badge's word, and is read.
fn versions_before_understand(written: &[u8]) {
    let Before { wish: WishBefore::Show { subject, shown } } = minicbor::decode(&written[65..]).unwrap();
    assert_eq!((subject, shown), (SUBJECT, LookShown::Concealed));
    let wish = Wish::Show { ledger: LEDGER, subject: SUBJECT, shown: LookShown::Concealed, opening: None };
    let without = Question { by_badge: None, ..question(wish) };
    let (peer, from) = (Signer::of(&pair()), node_id(&Signer::of(&pair()).0));
    let sent = without.signed(&pair());
    assert!(sent.len() < written.len() && Question::read(&sent, peer, from, TO) == Some(without));
}

/// What was written reads as what it was made of.
pub fn written_are_read(written: impl Fn(&str) -> Vec<u8>) {
    let (peer, from) = (Signer::of(&pair()), node_id(&Signer::of(&pair()).0));
    for (name, wish) in NAMES.into_iter().zip(wishes()) {
        let bytes = written(name);
        assert_eq!(Question::read(&bytes, peer, from, TO), Some(question(wish)), "{name}");
        assert_eq!(Question::read(&bytes, peer, from, from), None, "{name}: to somebody else");
        assert_eq!(Question::read(&bytes, peer, TO, TO), None, "{name}: by somebody else");
        assert_eq!(Question::read(&bytes, Signer([1; 32]), from, TO), None, "{name}: with another's key");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Question::read(&changed, peer, from, TO), None, "{name}: byte {at}");
        }
        assert_eq!(Question::read(&bytes[..40], peer, from, TO), None, "{name}: cut off");
    }
    versions_before_understand(&written(NAMES[2]));
    for (name, answer) in answers(written("content of the memo"), written("version of the memo").try_into().unwrap()) {
        assert_eq!(Answer::decode(&written(name)), Some(answer), "{name}");
    }
}
