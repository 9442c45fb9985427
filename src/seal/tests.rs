//! Envelopes open for whom they were made, and for nobody else.

use super::body::{self, Class};
use super::card::{CardCode, CodeError, Pin};
use super::envelope::{open_box, patient_info, seal_box, seed_info, unwrap, wrap};
use super::key::{Key, KeyKind, Opener, OpenerId, OpenerKind, Secret};
use super::{Entropy, SealError};
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts up: every draw differs, and vectors can be written down.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        for byte in out {
            *byte = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes()[0];
        }
    }
}

const PLACE: [u8; 73] = [7; 73];
const LEDGER: [u8; 16] = [0xab; 16];

fn opened(sealed: &[u8], place: &[u8], key: &Key) -> Result<Vec<u8>, SealError> {
    body::open(sealed, place, |_, id| (id == key.id).then_some(key)).map(|plain| plain.to_vec())
}

proptest! {
    #[test]
    fn a_body_opens_with_its_key_at_its_place_and_nowhere_else(content: Vec<u8>, byte: prop::sample::Index, bit in 0..8_u8) {
        let entropy = Counting::default();
        let (key, other) = (Key::random(&entropy), Key::random(&entropy));
        let sealed = body::seal(&content, Class::Patient, &key, &PLACE, &entropy).unwrap();
        prop_assert_eq!(opened(&sealed, &PLACE, &key).unwrap(), content);
        prop_assert_eq!(opened(&sealed, &PLACE, &other), Err(SealError::OtherKey));
        let disguised = Key { id: key.id, secret: other.secret };
        prop_assert_eq!(opened(&sealed, &PLACE, &disguised), Err(SealError::DoesNotOpen));
        prop_assert!(opened(&sealed, &[8; 73], &key).is_err());
        let mut flipped = sealed.clone();
        flipped[byte.index(sealed.len())] ^= 1 << bit;
        prop_assert!(opened(&flipped, &PLACE, &key).is_err());
    }

    #[test]
    fn lengths_are_padded_to_few_sizes(len in 0..20_000_usize) {
        let entropy = Counting::default();
        let key = Key::random(&entropy);
        let mut content = vec![0; len];
        fastrand::Rng::with_seed(1).fill(&mut content);
        let sealed = body::seal(&content, Class::Ledger, &key, &PLACE, &entropy).unwrap();
        let padded = sealed.len() - 20 - 64 - 16;
        prop_assert!(padded >= 256 && padded <= 256.max((len + 4) * 9 / 8 + 1), "{len} -> {padded}");
        if padded > 256 {
            prop_assert!(padded.trailing_zeros() >= 4, "{len} -> {padded}");
        }
    }

    #[test]
    fn any_bytes_are_refused_calmly(bytes: Vec<u8>) {
        let key = Key::random(&Counting::default());
        let _ = body::open(&bytes, &PLACE, |_, _| Some(&key));
        let _ = open_box(&key.secret, b"", &bytes);
        let opener = Opener::from_seed(&key.secret);
        let _ = unwrap(&LEDGER, key.id, KeyKind::Ledger, OpenerId([0; 16]), &opener, &bytes);
    }

    #[test]
    fn a_mistyped_card_code_is_found(place in 0..28_usize, to in 0..32_usize, other in 0..26_usize) {
        let code = CardCode::random(&LEDGER, &Counting::default());
        let mut typed = code.compact().as_bytes().to_vec();
        let replaced = std::mem::replace(&mut typed[place], b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[to]);
        let read = CardCode::read(std::str::from_utf8(&typed).unwrap());
        prop_assert_eq!(read == Err(CodeError::Check), typed[place] != replaced);
        let mut swapped = code.compact().as_bytes().to_vec();
        if place < 26 {
            swapped.swap(place, other);
            let is_same = swapped == code.compact().as_bytes();
            prop_assert_eq!(CardCode::read(std::str::from_utf8(&swapped).unwrap()).is_ok(), is_same);
        }
    }
}

#[test]
fn an_inbox_body_opens_with_the_ledger_key() {
    let entropy = Counting::default();
    let key = Key::random(&entropy);
    let sealed = body::seal_inbox(b"for you", key.id, &key.inbox_public(), &PLACE).unwrap();
    assert_eq!(opened(&sealed, &PLACE, &key).unwrap(), b"for you");
    assert!(opened(&sealed, &[8; 73], &key).is_err());
    assert_eq!(body::peek(&sealed), Ok((Class::Inbox, Some(key.id))));
}

#[test]
fn a_wrap_opens_for_its_opener_only() {
    let entropy = Counting::default();
    let key = Key::random(&entropy);
    let (opener, stranger) = (Opener::from_seed(&Secret::random(&entropy)), Opener::from_seed(&Secret::random(&entropy)));
    let public = opener.public(OpenerId([1; 16]), OpenerKind::Card, [2; 16]);
    let wrapped = wrap(&LEDGER, &key, KeyKind::Patient, &public).unwrap();
    let open = |ledger, kind, id, opener| unwrap(ledger, key.id, kind, id, opener, &wrapped);
    assert_eq!(open(&LEDGER, KeyKind::Patient, public.id, &opener).unwrap(), key);
    assert!(open(&LEDGER, KeyKind::Patient, public.id, &stranger).is_err());
    assert!(open(&[0; 16], KeyKind::Patient, public.id, &opener).is_err());
    assert!(open(&LEDGER, KeyKind::Ledger, public.id, &opener).is_err());
    assert!(open(&LEDGER, KeyKind::Patient, OpenerId([9; 16]), &opener).is_err());
}

#[test]
fn a_public_half_counts_only_as_registered() {
    let entropy = Counting::default();
    let (key, other) = (Key::random(&entropy), Key::random(&entropy));
    let public = Opener::from_seed(&Secret::random(&entropy)).public(OpenerId([1; 16]), OpenerKind::Card, [2; 16]);
    let tag = public.registration(&key);
    assert!(public.is_registered(&key, &tag));
    assert!(!public.is_registered(&other, &tag));
    let mut swapped = public;
    swapped.x25519[0] ^= 1;
    assert!(!swapped.is_registered(&key, &tag));
}

#[test]
fn a_box_is_bound_to_what_it_is_for() {
    let entropy = Counting::default();
    let (key, plain) = (Secret::random(&entropy), Key::random(&entropy));
    let info = patient_info(&LEDGER, &[3; 16], plain.id);
    let sealed = seal_box(&key, &info, &plain.secret, &entropy);
    assert_eq!(open_box(&key, &info, &sealed).unwrap(), plain.secret);
    assert_eq!(open_box(&key, &patient_info(&LEDGER, &[4; 16], plain.id), &sealed), Err(SealError::DoesNotOpen));
    assert_eq!(open_box(&plain.secret, &info, &sealed), Err(SealError::DoesNotOpen));
}

#[test]
fn card_and_pin_open_the_seed_and_a_wrong_pin_does_not() {
    let entropy = Counting::default();
    let (code, pin, seed) = (CardCode::random(&LEDGER, &entropy), Pin::random(&entropy), Secret::random(&entropy));
    let (id, salt) = (OpenerId([5; 16]), [6; 16]);
    let sealed = seal_box(&code.pin_key(&pin, &salt), &seed_info(id), &seed, &entropy);
    let typed = CardCode::read(&format!("http://kusuri.internal/c/{}", code.compact().to_lowercase())).unwrap();
    assert_eq!(typed.locator(), code.locator());
    assert_eq!(open_box(&typed.pin_key(&pin, &salt), &seed_info(id), &sealed).unwrap(), seed);
    let wrong = Pin::read(if *pin.digits() == "000000" { "000001" } else { "000000" }).unwrap();
    assert_eq!(open_box(&code.pin_key(&wrong, &salt), &seed_info(id), &sealed), Err(SealError::DoesNotOpen));
}

#[test]
fn codes_are_read_as_people_write_them() {
    let code = CardCode::random(&LEDGER, &Counting::default());
    let printed = code.printed();
    assert_eq!(printed.len(), 34);
    assert!(code.hints_at(&LEDGER) && !code.hints_at(&[0; 16]));
    let wide: String = printed.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
    let look_alike = printed.replace('1', "l").replace('0', "o").replace('V', "u").replace('-', "ー");
    for typed in [&*printed, &printed.to_lowercase(), &wide, &look_alike, &format!("  {} ", printed.replace('-', " "))] {
        assert_eq!(CardCode::read(typed), Ok(code.clone()), "{typed}");
    }
    assert_eq!(CardCode::read("薬"), Err(CodeError::Character('薬')));
    assert_eq!(CardCode::read("ABC"), Err(CodeError::Length(3)));
    assert_eq!(Pin::read("１２ 3456").map(|pin| pin.digits().to_string()).as_deref(), Some("123456"));
    assert_eq!(Pin::read("12345"), None);
}

#[test]
fn what_overwrites_zstds_memory_is_a_frame_that_it_reads() {
    for count in [5_u16, 15, 255, 256, 600, 5_000, u16::MAX] {
        let zeros = zstd::bulk::decompress(&super::body::frame_of_zeros(u32::from(count)), usize::from(count)).unwrap();
        assert_eq!(zeros, vec![0; usize::from(count)]);
    }
}
