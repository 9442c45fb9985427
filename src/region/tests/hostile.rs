//! What strangers and members may not do, and that they cannot fill the memory.

use super::*;
use crate::region::statement::SIGNED_LEN_MAX;
use crate::region::statements::{OWN_LEN_MAX, WAITING_BYTES_MAX};
use crate::region::{Conflict, FoundingError, Refusal, SignedError};
use proptest::prelude::*;

#[test]
fn any_changed_byte_breaks_the_signature() {
    let mut world = World::of_three();
    let bytes = world.by_root(&admitted(3, 13, 1)).as_bytes().to_vec();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(Signed::read(&changed).is_err(), "byte {at}");
    }
    assert!(Signed::read(&bytes[..bytes.len() - 1]).is_err());
    assert_eq!(Signed::read(&vec![1; SIGNED_LEN_MAX + 1]), Err(SignedError::Length(SIGNED_LEN_MAX + 1)));
}

#[test]
fn another_regions_statements_and_false_foundings_are_refused() {
    let mut world = World::of_three();
    let other = Kit::random(&Counting::default()).found("Elsewhere", "http://x", 2, &Counting::default());
    let merged = world.statements.merge([other.clone()]);
    assert_eq!(merged.refused, [(other.id(), Refusal::OtherRegion { found: other.region() })]);
    let forged = other.body().sign(&key(90), 1);
    assert_eq!(Statements::new(forged), Err(FoundingError::NotByRoot));
    let admission = world.by_root(&admitted(3, 13, 1));
    assert_eq!(Statements::new(admission), Err(FoundingError::NoFounding));
}

#[test]
fn nodes_staff_and_strangers_cannot_speak_for_the_region() {
    let mut world = World::of_three();
    world.say(10, 1, &node_keys(1, &[20]));
    let (before, digest) = (world.region(), world.statements.digest());
    for (by, counter) in [(10, 2), (20, 1), (90, 1)] {
        world.say(by, counter, &admitted(3, 13, 9));
        world.say(by, counter + 10, &revoked(11, vec![], 0));
        world.say(by, counter + 20, &placement(&[], &[(0, &[1])], &[]));
        world.say(by, counter + 30, &emergency(7, &[0], 3));
    }
    assert_eq!(world.region(), before);
    assert_eq!(world.statements.digest(), digest, "nor is it kept and passed on");
}

#[test]
fn a_flood_from_strangers_stays_bounded_and_keeps_nobody_out() {
    let mut world = World::founded();
    // Large bodies, so that the flood needs few signatures.
    let flood: Vec<Signed> = (0..24)
        .map(|n| {
            let text = "x".repeat(250_000);
            world.by(90, n, &Notice { addresses: vec![text], ..notice("a") })
        })
        .collect();
    for signed in flood {
        world.statements.merge([signed]);
        assert!(world.statements.waiting_bytes() <= WAITING_BYTES_MAX);
    }
    let later = world.by(10, 1, &notice("10.0.0.1:7"));
    world.statements.merge([later.clone()]);
    world.root(&admitted(0, 10, 1));
    // Whether it was dropped or not: offered again, it counts.
    world.statements.merge([later]);
    assert!(world.region().nodes()[&node(10)].notice.is_some());
}

#[test]
fn a_member_cannot_fill_the_memory() {
    let mut world = World::of_three();
    for counter in 0..200 {
        world.say(10, counter, &notice(&format!("10.0.0.1:{counter}")));
        world.say(10, 1_000 + counter, &node_keys(u8::try_from(counter).unwrap(), &[20]));
        world.say(20, counter, &crate::region::payload::SuccessorProposed { admission: admitted(0, 30, counter) });
    }
    let kept = world.statements.iter().filter(|s| [signer(10), signer(20)].contains(&s.signer())).count();
    assert_eq!(kept, 1 + 64 + 32);
    assert_eq!(world.region().inbox(ledger(0)), Some((KeyId([199; 16]), [199; 32])));
    let long = Notice { addresses: vec!["x".repeat(OWN_LEN_MAX)], ..notice("a") };
    world.say(10, 9_999, &long);
    assert_ne!(world.region().nodes()[&node(10)].notice, Some(long));
}

#[test]
fn later_kinds_are_kept_passed_on_and_warned_of() {
    let mut world = World::of_three();
    let later = |must_understand| Body {
        region: Some(world.statements.region()),
        kind: 500,
        must_understand,
        payload: vec![0xa0],
        said_at_ms: 1,
    };
    let (quiet, loud) = (later(false), later(true));
    let root = world.kit.root.opener().signing_pair();
    let (quiet, loud) = (quiet.sign(&root, 50), loud.sign(&root, 51));
    let merged = world.statements.merge([quiet.clone(), loud.clone()]);
    assert_eq!(merged.taken.len(), 2);
    let region = world.region();
    let warned = |of: &Signed| region.conflicts().contains(&Conflict::NotUnderstood { statement: of.statement(), kind: 500 });
    assert!(!warned(&quiet) && warned(&loud));
    assert!(world.statements.lacking_there(&BTreeSet::new()).any(|signed| signed == &loud));
    // Nodes and emergency keys may say later kinds too; strangers may not.
    world.root(&Admitted { emergency: PublicHalf { ed25519: signer(40).0, ..half(40) }, ..admitted(5, 15, 1) });
    let own = [15, 40, 90].map(|by| Body { payload: vec![by], ..quiet.body().clone() }.sign(&key(by), 1));
    assert_eq!(world.statements.merge(own.clone()).taken.len(), 2);
    assert!(!world.statements.ids().any(|id| id == own[2].id()));
}

#[test]
fn what_cannot_be_has_no_effect_and_is_shown() {
    let mut world = World::founded();
    let id = world.root(&Admitted { damage_ppm: 1_000_001, ..admitted(0, 10, 1) });
    let off_earth = Some(Position { lat_udeg: 90_000_001, lon_udeg: 0 });
    world.root(&Admitted { place: off_earth, ..admitted(1, 11, 1) });
    assert!(world.region().nodes().is_empty());
    assert!(world.region().conflicts().contains(&Conflict::Malformed { statement: id, kind: 3 }));
}

#[test]
fn fields_of_a_later_version_do_not_disturb() {
    // A notice with a field 77 that this version does not know.
    let mut payload = minicbor::to_vec(notice("10.0.0.1:7")).unwrap();
    payload[0] += 1;
    payload.extend([0x18, 77, 0x01]);
    let mut world = World::of_three();
    let body = Body { payload, ..world.body(&notice("10.0.0.1:7")) };
    world.statements.merge([body.sign(&key(10), 1)]);
    assert_eq!(world.region().nodes()[&node(10)].notice, Some(notice("10.0.0.1:7")));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_from_anywhere_never_panic(bytes: Vec<u8>, payload: Vec<u8>, kind in 0..14_u16) {
        let _ = Signed::read(&bytes);
        let mut world = World::of_three();
        let body = Body { kind, payload, ..world.body(&notice("a")) };
        world.statements.merge([body.sign(&world.kit.root.opener().signing_pair(), 9)]);
        prop_assert!(Region::of(&world.statements).is_some());
    }
}
