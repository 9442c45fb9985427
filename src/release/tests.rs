//! Update files: what was signed comes out, anything else is refused by name.

use super::*;
use proptest::prelude::*;

struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

fn key(seed: u8) -> ReleaseKey {
    ReleaseKey::random(&Fixed(seed))
}

#[test]
fn what_was_signed_comes_out() {
    let program = b"a program".repeat(1_000);
    let file = key(1).make_with("1.2.3", 7, "x86_64-linux", &program, Some(key(2).public())).unwrap();
    let (manifest, out) = open(&file, &[key(3).public(), key(1).public()]).unwrap();
    assert_eq!((out, manifest.number, &*manifest.version, &*manifest.machine), (program, 7, "1.2.3", "x86_64-linux"));
    assert_eq!(manifest.next_key, Some(key(2).public()));
    assert_eq!(open(&file, &[key(2).public()]), Err(ReleaseError::NotSigned));
    assert_eq!(open(&file, &[]), Err(ReleaseError::NotSigned));
}

#[test]
fn keys_survive_their_files() {
    assert_eq!(ReleaseKey::read(&key(1).file()).unwrap().public(), key(1).public());
    let two = format!("{}{}", key(1).public().file(), key(2).public().file());
    assert_eq!(ReleasePublic::read_all(&two).unwrap(), [key(1).public(), key(2).public()]);
    for wrong in ["", "x", &key(1).file(), &two[..two.len() - 9]] {
        assert!(ReleasePublic::read_all(wrong).is_err(), "{wrong:?}");
    }
    assert!(ReleaseKey::read(&key(1).public().file()).is_err());
}

#[test]
fn a_program_that_was_put_behind_anothers_signature_is_refused() {
    let (good, bad) = (key(1).make("1", 1, "m", b"good").unwrap(), key(1).make("1", 1, "m", b"evil").unwrap());
    let head = MAGIC.len() + 4;
    let len = usize::try_from(u32::from_be_bytes(good[head - 4..head].try_into().unwrap())).unwrap();
    let body = head + len + SIGNATURE_LEN;
    let swapped = [&good[..body], &bad[body..]].concat();
    assert_eq!(open(&swapped, &[key(1).public()]), Err(ReleaseError::Damaged));
    // Bytes that swell when they are unpacked end where the signed length ends.
    let swelling = [&good[..body], &zstd::bulk::compress(&vec![0; 1 << 24], 19).unwrap()].concat();
    assert_eq!(open(&swelling, &[key(1).public()]), Err(ReleaseError::Damaged));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_no_bit_may_differ(at in 0_usize..2_000, bit in 0_u8..8, junk in prop::collection::vec(any::<u8>(), 0..300)) {
        let pinned = [key(1).public()];
        let program: Vec<u8> = (0..4_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let mut file = key(1).make("1", 1, "m", &program).unwrap();
        prop_assert!(open(&junk, &pinned).is_err());
        prop_assert!(open(&[MAGIC, &junk].concat(), &pinned).is_err());
        let at = at % file.len();
        file[at] ^= 1 << bit;
        let opened = open(&file, &pinned);
        // A frame may have bits that mean nothing; what comes out is what was signed all the same.
        prop_assert!(opened.is_err() || opened.is_ok_and(|(_, out)| out == program));
        file[at] ^= 1 << bit;
        prop_assert!(open(&file[..at], &pinned).is_err());
    }
}
