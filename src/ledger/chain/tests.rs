//! A chain that is sound gives no findings; every way to spoil it gives one, at the right entry.

use super::*;
use crate::ledger::{BodyHash, Hlc, OpenFields, Place, node_id};
use crate::record::Subject;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use proptest::prelude::*;

#[derive(Clone)]
struct Written {
    open: OpenPart,
    body: Vec<u8>,
    head: Option<SignedHead>,
}

fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn public_key() -> [u8; 32] {
    key().public_key().as_ref().try_into().unwrap()
}

fn entry(incarnation: u8, seq: u64, previous: EntryId, body: &[u8]) -> Written {
    let place = Place {
        ledger: LedgerId([1; 16]),
        author: node_id(&public_key()),
        incarnation: Incarnation([incarnation; 8]),
        kind: if seq == 1 { CoarseKind::BEGIN } else { CoarseKind::RECORD },
        subject: Subject([u8::try_from(seq % 7).unwrap(); 16]),
    };
    let fields = OpenFields { place, seq, previous, time: Hlc(seq), body: body_hash(body) };
    Written { open: OpenPart::encode(&fields), body: body.to_vec(), head: None }
}

/// A chain of `length` entries with a head at every `every`th and at the last.
fn chain(incarnation: u8, length: u64, every: u64, mut previous: EntryId) -> Vec<Written> {
    let mut written = Vec::new();
    for seq in 1..=length {
        let mut one = entry(incarnation, seq, previous, format!("body {seq}").as_bytes());
        previous = one.open.id();
        if seq % every == 0 || seq == length {
            one.head = Some(SignedHead::sign(&one.open, previous, &key()));
        }
        written.push(one);
    }
    written
}

fn verify(written: &[Written]) -> Vec<Finding> {
    let mut verifier = ChainVerifier::default();
    let lookup = |id: &EntryId| written.iter().map(|one| one.open).find(|open| open.id() == *id);
    let mut findings = Vec::new();
    for one in written {
        findings.extend(verifier.entry(&one.open, one.open.id(), Some(&one.body), lookup));
        findings.extend(one.head.iter().flat_map(|head| verifier.head(head, Some(&public_key()))));
    }
    findings.extend(verifier.finish());
    findings
}

fn kinds(findings: &[Finding]) -> Vec<(u64, FaultKind)> {
    let fault = |finding: &Finding| match finding {
        Finding::Fault(fault) => Some((fault.at.seq, fault.kind.clone())),
        Finding::Note(_) => None,
    };
    findings.iter().filter_map(fault).collect()
}

#[test]
fn a_sound_chain_and_its_next_incarnation_give_nothing() {
    let mut written = chain(1, 20, 6, EntryId::NONE);
    let last = written.last().unwrap().open.id();
    written.extend(chain(2, 5, 100, last));
    assert_eq!(verify(&written), []);
}

#[test]
fn what_is_left_out_is_named() {
    let whole = chain(1, 10, 100, EntryId::NONE);
    let mut without_fourth = whole.clone();
    without_fourth.remove(3);
    assert_eq!(kinds(&verify(&without_fourth)), [(5, FaultKind::Gap { expected: 4 })]);
    assert_eq!(kinds(&verify(&whole[1..])), [(2, FaultKind::Gap { expected: 1 })]);
    assert_eq!(kinds(&verify(&whole[..7])), [(7, FaultKind::UnsignedTail { count: 7 })]);
}

#[test]
fn a_cut_off_tail_is_missed_by_the_next_incarnation() {
    let first = chain(1, 10, 5, EntryId::NONE);
    let found = first.last().unwrap().open.id();
    let mut written = first[..5].to_vec();
    written.extend(chain(2, 3, 100, found));
    assert_eq!(kinds(&verify(&written)), [(1, FaultKind::PreviousMissing { found })]);
}

#[test]
fn a_foreign_link_is_named_with_both_ends() {
    let mut written = chain(1, 2, 100, EntryId::NONE);
    let expected = written[1].open.id();
    let found = EntryId([9; 32]);
    let mut third = entry(1, 3, found, b"x");
    third.head = Some(SignedHead::sign(&third.open, third.open.id(), &key()));
    written.push(third);
    assert_eq!(kinds(&verify(&written)), [(3, FaultKind::BrokenLink { expected, found })]);
}

#[test]
fn a_chain_must_begin_with_begin() {
    let mut fields = chain(1, 1, 1, EntryId::NONE)[0].open.fields();
    fields.place.kind = CoarseKind::RECORD;
    let open = OpenPart::encode(&fields);
    let head = Some(SignedHead::sign(&open, open.id(), &key()));
    let written = [Written { open, body: b"body 1".to_vec(), head }];
    assert_eq!(kinds(&verify(&written)), [(1, FaultKind::BeginMissing)]);
}

#[test]
fn forks_are_kept_and_noted() {
    let mut written = chain(1, 6, 3, EntryId::NONE);
    let mut previous = written[3].open.id();
    for seq in 5..=7 {
        let mut other = entry(1, seq, previous, b"written by the clone");
        previous = other.open.id();
        other.head = Some(SignedHead::sign(&other.open, previous, &key()));
        written.push(other);
    }
    let findings = verify(&written);
    assert_eq!(kinds(&findings), []);
    assert!(matches!(findings.as_slice(), [Finding::Note(Note::Fork { at })] if at.seq == 5), "{findings:?}");
}

#[test]
fn a_head_covers_at_most_a_thousand() {
    assert_eq!(kinds(&verify(&chain(1, 2_000, 1_000, EntryId::NONE))), []);
    let written = chain(1, 1_001, 1_001, EntryId::NONE);
    assert_eq!(kinds(&verify(&written)), [(1_001, FaultKind::TooManyUnderOneHead { covered: 1_001 })]);
}

#[test]
fn keys_must_be_there_and_the_authors() {
    let written = chain(1, 1, 1, EntryId::NONE);
    let (open, head) = (&written[0].open, written[0].head.as_ref().unwrap());
    for (key, kind) in [(None, FaultKind::AuthorKeyMissing), (Some(&[3; 32]), FaultKind::WrongAuthorKey)] {
        let mut verifier = ChainVerifier::default();
        assert_eq!(verifier.entry(open, open.id(), Some(b"body 1"), |_| None), []);
        assert_eq!(kinds(&verifier.head(head, key)), [(1, kind)]);
    }
}

#[test]
fn a_missing_body_and_a_head_of_nothing_are_named() {
    let written = chain(1, 1, 1, EntryId::NONE);
    let open = &written[0].open;
    let mut verifier = ChainVerifier::default();
    assert_eq!(kinds(&verifier.entry(open, open.id(), None, |_| None)), [(1, FaultKind::BodyMissing)]);
    let elsewhere = chain(2, 1, 1, EntryId::NONE)[0].head.unwrap();
    assert_eq!(kinds(&verifier.head(&elsewhere, Some(&public_key()))), [(1, FaultKind::HeadWithoutEntry)]);
}

#[test]
fn names_are_short_and_say_where() {
    let open = chain(1, 1, 1, EntryId::NONE)[0].open;
    let name = EntryName::of(&open, EntryId([0xab; 32])).to_string();
    let author = node_id(&public_key()).to_string();
    assert_eq!(name, format!("entry abababab (ledger 01010101, author {}, 0101010101010101#1)", &author[..8]));
    let fault = FaultKind::BrokenLink { expected: EntryId([1; 32]), found: EntryId([2; 32]) };
    assert_eq!(fault.to_string(), "it should follow 01010101 and names 02020202");
}

/// Which bytes of an entry are spoilt.
#[derive(Debug, Clone, Copy)]
enum Part {
    Open,
    Body,
    Signature,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_flipped_byte_is_found(
        length in 1..12_u64, at in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), by in 1..=255_u8,
        part in prop_oneof![Just(Part::Open), Just(Part::Body), Just(Part::Signature)],
    ) {
        let mut written = chain(1, length, 4, EntryId::NONE);
        let at = at.index(written.len());
        let one = &mut written[at];
        match part {
            Part::Open => {
                // The version byte is refused before the verifier sees it.
                let mut bytes = *one.open.as_bytes();
                bytes[1 + byte.index(OpenPart::SIZE - 1)] ^= by;
                one.open = OpenPart::decode(&bytes).unwrap();
                let (open, id) = (one.open, one.open.id());
                // The store keeps only the signature, and rebuilds the rest from the entry.
                one.head = one.head.map(|head| SignedHead::with_signature(&open, id, head.signature));
            }
            Part::Body => { let n = byte.index(one.body.len()); one.body[n] ^= by; }
            Part::Signature => {
                let Some(head) = one.head.as_mut() else { return Ok(()) };
                head.signature[byte.index(64)] ^= by;
            }
        }
        let faults = kinds(&verify(&written));
        prop_assert!(!faults.is_empty());
    }

    #[test]
    fn a_flipped_byte_of_a_head_is_found(byte in 0..16 + 32 + 8 + 8 + 32 + 64_usize, by in 1..=255_u8) {
        let mut head = chain(1, 1, 1, EntryId::NONE)[0].head.unwrap();
        match byte {
            0..16 => head.ledger.0[byte] ^= by,
            16..48 => head.author.0[byte - 16] ^= by,
            48..56 => head.incarnation.0[byte - 48] ^= by,
            56..64 => head.seq ^= u64::from(by) << (8 * (byte - 56)),
            64..96 => head.entry.0[byte - 64] ^= by,
            _ => head.signature[byte - 96] ^= by,
        }
        prop_assert!(head.verify(&public_key()).is_err());
    }
}

#[test]
fn the_body_hash_is_checked_against_the_whole_body() {
    let mut one = chain(1, 1, 1, EntryId::NONE).remove(0);
    one.body.push(0);
    assert_eq!(kinds(&verify(&[one.clone()])), [(1, FaultKind::BodyMismatch)]);
    let mut fields = one.open.fields();
    fields.body = BodyHash([0; 32]);
    assert_ne!(OpenPart::encode(&fields).id(), one.open.id());
}
