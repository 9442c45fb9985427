//! Merge is union: order, duplication and grouping change nothing; whatever was known before stays decided the same way.

use super::*;
use crate::region::payload::{EmergencyEnded, SuccessorProposed};
use crate::region::{KeyState, SignedId};
use proptest::prelude::*;

/// Anything that anybody might say, also what they may not.
#[derive(Debug, Clone)]
enum Act {
    Admit { at: u8, node: u8, number: u64, succeeds: Option<u8> },
    Retire(u8),
    Revoke { node: u8, seq: u64, entry: u8, statements: u64 },
    Place { after: Option<usize>, of: u8, holder: u8, settles: Vec<u8> },
    Declare { id: u8, at: u8 },
    End { id: u8, at: Option<u8> },
    List { number: u64, deputy: u8, through: Option<u64> },
    Notice(u8),
    Keys { inbox: u8, staff: u8 },
    Propose { at: u8, node: u8 },
    Carry { what: u8, ledger: u8 },
    Later { must_understand: bool, what: u8 },
}

fn acts() -> impl Strategy<Value = Act> {
    let (small, node, deputy) = (0..4_u8, 10..14_u8, 1..4_u8);
    prop_oneof![
        (small.clone(), node.clone(), 0..3_u64, prop::option::of(node.clone()))
            .prop_map(|(at, node, number, succeeds)| Act::Admit { at, node, number, succeeds }),
        node.clone().prop_map(Act::Retire),
        (node.clone(), 0..4_u64, 0..2_u8, 0..4_u64).prop_map(|(node, seq, entry, statements)| Act::Revoke {
            node,
            seq,
            entry,
            statements
        }),
        (prop::option::of(0..20_usize), small.clone(), small.clone(), prop::collection::vec(0..2_u8, 0..2))
            .prop_map(|(after, of, holder, settles)| Act::Place { after, of, holder, settles }),
        (0..2_u8, small.clone()).prop_map(|(id, at)| Act::Declare { id, at }),
        (0..2_u8, prop::option::of(small.clone())).prop_map(|(id, at)| Act::End { id, at }),
        (0..3_u64, deputy, prop::option::of(0..6_u64)).prop_map(|(number, deputy, through)| Act::List {
            number,
            deputy,
            through
        }),
        any::<u8>().prop_map(Act::Notice),
        (any::<u8>(), 20..22_u8).prop_map(|(inbox, staff)| Act::Keys { inbox, staff }),
        (small, node).prop_map(|(at, node)| Act::Propose { at, node }),
        (50..53_u8, 0..4_u8).prop_map(|(what, ledger)| Act::Carry { what, ledger }),
        any::<(bool, u8)>().prop_map(|(must_understand, what)| Act::Later { must_understand, what }),
    ]
}

/// Root, deputies, nodes, staff, a stranger.
fn signers() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(0_u8), 3 => 1..4_u8, 3 => 10..14_u8, 1 => 20..22_u8, 1 => Just(99_u8)]
}

fn body_of(world: &World, act: &Act, said: &[Signed]) -> Body {
    match act {
        Act::Admit { at, node: by, number, succeeds } => {
            world.body(&Admitted { succeeds: succeeds.map(node), ..admitted(*at, *by, *number) })
        }
        Act::Retire(number) => world.body(&retired(*number)),
        Act::Revoke { node, seq, entry, statements } => {
            world.body(&revoked(*node, vec![mark(0, 1, *seq, *entry)], *statements))
        }
        Act::Place { after, of, holder, settles } => {
            let after = after.and_then(|index| said.get(index)).map(Signed::statement);
            world.body(&placement(after.as_slice(), &[(*of, &[*holder])], settles))
        }
        Act::Declare { id, at } => world.body(&emergency(*id, &[*at], 2)),
        Act::End { id, at } => {
            let sites = at.iter().copied().map(site).collect();
            world.body(&EmergencyEnded { emergency: EmergencyId([*id; 16]), sites })
        }
        Act::List { number, deputy, through } => {
            let deputy = Deputy { key: signer(*deputy), name: format!("Deputy {number}"), through: *through };
            world.body(&Deputies { number: *number, deputies: vec![deputy] })
        }
        Act::Notice(n) => world.body(&notice(&format!("10.0.0.{n}:7"))),
        Act::Keys { inbox, staff } => world.body(&node_keys(*inbox, &[*staff])),
        Act::Propose { at, node } => world.body(&SuccessorProposed { admission: admitted(*at, *node, 9) }),
        Act::Carry { what, ledger } => world.body(&carried(*what, 10, &[*ledger], world)),
        Act::Later { must_understand, what } => Body {
            region: Some(world.statements.region()),
            kind: 900,
            must_understand: *must_understand,
            payload: vec![*what],
            said_at_ms: 7,
        },
    }
}

fn say_all(world: &World, acts: &[(Act, u8, u64, bool)]) -> Vec<Signed> {
    let mut said: Vec<Signed> = Vec::new();
    for (act, by, counter, is_signed_twice) in acts {
        let pair = if *by == 0 { world.kit.root.opener().signing_pair() } else { key(*by) };
        let signed = body_of(world, act, &said).sign(&pair, *counter);
        if *is_signed_twice {
            said.push(signed.sign_too(&key(1 + by % 3), *counter));
            // And by the same again, who has forgotten it.
            said.push(signed.sign_too(&pair, (counter + 3) % 6));
        }
        said.push(signed);
    }
    said
}

fn ids(statements: &Statements) -> BTreeSet<SignedId> {
    statements.ids().collect()
}

/// As an exchange would: each gives what the other lacks, until both say the same.
fn exchange(a: &mut Statements, b: &mut Statements) {
    for _ in 0..4 {
        let (at_a, at_b) = (ids(a), ids(b));
        let to_b: Vec<Signed> = a.lacking_there(&at_b).cloned().collect();
        let to_a: Vec<Signed> = b.lacking_there(&at_a).cloned().collect();
        a.merge(to_a);
        b.merge(to_b);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_duplication_and_grouping_change_nothing(
        acts in prop::collection::vec((acts(), signers(), 0..6_u64, any::<bool>()), 1..24),
        order in prop::collection::vec(any::<prop::sample::Index>(), 60),
        cuts in prop::collection::vec(1..5_usize, 60),
    ) {
        let world = World::founded();
        let said = say_all(&world, &acts);
        let mut at_once = world.statements.clone();
        at_once.merge(said.clone());
        // Some come twice, all come, in another order and in groups.
        let mut shuffled: Vec<Signed> = order.iter().map(|index| said[index.index(said.len())].clone()).collect();
        shuffled.extend(said.iter().rev().cloned());
        let mut bit_by_bit = world.statements.clone();
        let mut rest = &shuffled[..];
        for cut in cuts {
            let (group, after) = rest.split_at(cut.min(rest.len()));
            bit_by_bit.merge(group.to_vec());
            rest = after;
        }
        bit_by_bit.merge(rest.to_vec());
        prop_assert_eq!(&at_once, &bit_by_bit);
        prop_assert_eq!(at_once.digest(), bit_by_bit.digest());
        prop_assert_eq!(Region::of(&at_once), Region::of(&bit_by_bit));
    }

    #[test]
    fn two_that_exchange_what_they_keep_agree(
        acts in prop::collection::vec((acts(), signers(), 0..6_u64, any::<bool>()), 1..24),
        halves in prop::collection::vec(0..3_u8, 48),
    ) {
        let world = World::founded();
        let said = say_all(&world, &acts);
        let (mut a, mut b) = (world.statements.clone(), world.statements.clone());
        a.merge(said.iter().zip(&halves).filter(|(_, half)| **half != 1).map(|(signed, _)| signed.clone()));
        b.merge(said.iter().zip(&halves).filter(|(_, half)| **half != 0).map(|(signed, _)| signed.clone()));
        exchange(&mut a, &mut b);
        prop_assert_eq!(a.digest(), b.digest());
        prop_assert_eq!(Region::of(&a), Region::of(&b));
    }

    #[test]
    fn a_revocation_is_never_undone(
        acts in prop::collection::vec((acts(), signers(), 0..6_u64, any::<bool>()), 1..20), seq in 0..5_u64,
    ) {
        let mut world = World::of_three();
        world.root(&revoked(11, vec![mark(0, 1, seq, 0)], 3));
        world.statements.merge(say_all(&World::founded(), &acts));
        let region = world.region();
        let KeyState::Revoked(limits) = &region.nodes()[&node(11)].state else { panic!("it came back") };
        prop_assert!(!limits.hold(ledger(0), Incarnation([1; 8]), seq + 1, EntryId([0; 32])));
        prop_assert!(limits.statements() <= 3);
    }
}

#[test]
fn every_kept_statement_is_read_back_byte_by_byte() {
    let mut world = World::of_three();
    world.say(10, 1, &notice("10.0.0.1:7"));
    for signed in world.statements.iter() {
        let read = Signed::read(signed.as_bytes()).unwrap();
        assert_eq!(&read, signed);
        assert_eq!(read.as_bytes(), signed.as_bytes());
    }
}
