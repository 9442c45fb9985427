//! The recovery kit: sheets give their key, and nothing less does.

use super::*;
use crate::region::kit::{KitError, KitKey, Purpose, Sheet};
use crate::seal::envelope;
use crate::seal::key::{Key, KeyKind, OpenerKind};

#[test]
fn one_whole_sheet_or_any_two_of_three_give_the_key() {
    let entropy = Hashed::default();
    for purpose in Purpose::ALL {
        let key = KitKey::random(purpose, &entropy);
        let whole = Sheet::read(&key.whole().code()).unwrap();
        assert_eq!(KitKey::from_sheets(&[whole]), Ok(key.clone()));
        assert_eq!(key.whole().code().replace('-', "").len(), 66);
        let sheets: Vec<Sheet> = key.split(&entropy).iter().map(|sheet| Sheet::read(&sheet.code()).unwrap()).collect();
        assert_eq!(sheets.iter().filter_map(|sheet| sheet.share).collect::<Vec<_>>(), [1, 2, 3]);
        for (a, b) in [(0, 1), (1, 0), (0, 2), (1, 2)] {
            assert_eq!(KitKey::from_sheets(&[sheets[a].clone(), sheets[b].clone()]), Ok(key.clone()));
        }
        assert_eq!(KitKey::from_sheets(&sheets), Ok(key.clone()));
        assert_eq!(KitKey::from_sheets(&sheets[..1]), Err(KitError::NotEnough));
        assert_eq!(KitKey::from_sheets(&[sheets[0].clone(), sheets[0].clone()]), Err(KitError::NotEnough));
        assert_eq!(KitKey::from_sheets(&[]), Err(KitError::NoSheet));
        let other = KitKey::random(purpose, &entropy).split(&entropy);
        assert_eq!(KitKey::from_sheets(&[sheets[0].clone(), other[1].clone()]), Err(KitError::Mixed));
    }
}

#[test]
fn sheets_of_two_splittings_of_one_key_do_not_pass_for_it() {
    let entropy = Hashed::default();
    let key = KitKey::random(Purpose::Root, &entropy);
    let (first, second) = (key.split(&entropy), key.split(&entropy));
    assert_eq!(KitKey::from_sheets(&[first[0].clone(), second[1].clone()]), Err(KitError::DoesNotFit));
}

/// The field is that of the format (x⁸ + x⁴ + x³ + x + 1): reckoned by hand, 2·ee = c7 and 3·ee = 29.
#[test]
fn shares_lie_on_a_line_over_the_field_of_the_format() {
    let key = KitKey::random(Purpose::Duty, &Same(0x66));
    let sheets = key.split(&Same(0xee));
    for (sheet, expected) in sheets.iter().zip([0x66 ^ 0xee, 0x66 ^ 0xc7, 0x66 ^ 0x29_u8]) {
        let bytes = crate::seal::crockford::read(&sheet.code()).unwrap();
        assert_eq!(bytes[8..], [expected; 32]);
    }
}

/// The reason to look closely at a crate that splits: draws that leave values out tell something of the secret to who has one sheet.
/// A sheet's byte must take every value, whatever the secret, equally often.
#[test]
fn one_sheet_says_nothing() {
    const ROUNDS: usize = 4_000;
    let entropy = Hashed::default();
    let key = KitKey::random(Purpose::Recovery, &entropy);
    let mut counts = [0_usize; 256];
    for _ in 0..ROUNDS {
        let code = key.split(&entropy)[0].code();
        let bytes = crate::seal::crockford::read(&code).unwrap();
        bytes[8..].iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    }
    // 32 bytes a sheet: 500 of each value are expected, with a standard deviation of 22.
    let expected = ROUNDS * 32 / 256;
    let is_even = counts.iter().all(|count| count.abs_diff(expected) < 8 * 22);
    assert!(is_even, "{counts:?}");
}

#[test]
fn the_three_keys_are_three_and_name_their_region() {
    let world = World::founded();
    let region = world.region();
    assert!(world.kit.is_of(region.founded()));
    let founded = region.founded();
    assert_eq!(BTreeSet::from([founded.root.0, founded.recovery.ed25519, founded.duty.ed25519]).len(), 3);
    assert!(!Kit::random(&Same(9)).is_of(founded));
}

#[test]
fn the_recovery_key_opens_what_was_sealed_to_the_founding() {
    let world = World::founded();
    let ledger_key = Key::random(&Counting::default());
    let public = world.region().founded().recovery.as_opener(OpenerKind::Recovery);
    let sealed = envelope::wrap(&[1; 16], &ledger_key, KeyKind::Ledger, &public).unwrap();
    let from_paper = KitKey::from_sheets(&[world.kit.recovery.whole()]).unwrap();
    let opened = envelope::unwrap(&[1; 16], ledger_key.id, KeyKind::Ledger, public.id, &from_paper.opener(), &sealed).unwrap();
    assert_eq!(opened, ledger_key);
}
