//! Invitation and joining: bound to the founder's key, valid once, proven and confirmed on both sides.

use super::*;
use crate::region::invitation::Invitation;
use crate::region::join::{Issued, JoinError, Joining, requested};
use crate::seal::crockford::TypedError;

fn invited(world: &World) -> Invitation {
    let addresses = vec!["192.168.1.4:7443".to_owned(), "[fe80::1]:7443".to_owned()];
    Invitation::random(world.statements.region(), "高知", addresses, &Counting::default())
}

#[test]
fn scanned_or_typed_it_joins_and_both_screens_show_the_same() {
    let mut world = World::founded();
    let invitation = invited(&world);
    let scanned = Invitation::read(&invitation.qr_text()).unwrap();
    assert_eq!(scanned, invitation);
    let typed = Invitation::read(&invitation.typed().to_lowercase()).unwrap();
    assert_eq!(invitation.typed().replace('-', "").len(), 42);
    for form in [scanned, typed] {
        let mut issued = Issued::new(invitation.clone(), 1_000);
        let joining = Joining::new(form, &admitted(0, 10, 1), &key(10), &Counting::default());
        assert_eq!(requested(joining.request()), Ok(invitation.id()));
        let asked = issued.asked(joining.request(), &world.founding, 999).unwrap().clone();
        let joined = joining.answered(&asked.answer).unwrap();
        assert_eq!(joined.compared, asked.compared);
        assert_eq!(joined.statements.region(), world.statements.region());
        let admission = issued.confirm().unwrap();
        world.root(&admission);
        assert!(world.region().nodes().contains_key(&node(10)));
    }
}

#[test]
fn it_serves_one_node_once_and_ends() {
    let world = World::founded();
    let invitation = invited(&world);
    let mut issued = Issued::new(invitation.clone(), 1_000);
    assert_eq!(issued.confirm(), Err(JoinError::NotAsked));
    let joining = Joining::new(invitation.clone(), &admitted(0, 10, 1), &key(10), &Counting::default());
    let late = Issued::new(invitation.clone(), 1_000).asked(joining.request(), &world.founding, 1_000).cloned();
    assert_eq!(late, Err(JoinError::Expired));
    let answer = issued.asked(joining.request(), &world.founding, 0).unwrap().answer.clone();
    // The answer was lost and the request is sent again, after the end as well.
    assert_eq!(issued.asked(joining.request(), &world.founding, 5_000).unwrap().answer, answer);
    let other = Joining::new(invitation, &admitted(1, 11, 1), &key(11), &Counting::default());
    assert_eq!(issued.asked(other.request(), &world.founding, 0).cloned(), Err(JoinError::Used));
    issued.refuse();
    assert_eq!(issued.asked(joining.request(), &world.founding, 0).cloned(), Err(JoinError::Refused));
    assert_eq!(issued.confirm(), Err(JoinError::Refused));
}

#[test]
fn who_does_not_know_the_secret_neither_joins_nor_uses_it_up() {
    let world = World::founded();
    let invitation = invited(&world);
    let guessed = Invitation::random(world.statements.region(), "高知", vec![], &Same(7));
    let mut issued = Issued::new(invitation.clone(), 1_000);
    let guessing = Joining::new(guessed, &admitted(9, 19, 1), &key(19), &Counting::default());
    assert_eq!(issued.asked(guessing.request(), &world.founding, 0).cloned(), Err(JoinError::NotProven));
    // A right secret, but a node that the sender has no key of.
    let posing = Joining::new(invitation.clone(), &admitted(0, 10, 1), &key(19), &Counting::default());
    assert_eq!(issued.asked(posing.request(), &world.founding, 0).cloned(), Err(JoinError::NotByNode));
    let joining = Joining::new(invitation, &admitted(0, 10, 1), &key(10), &Counting::default());
    let answer = issued.asked(joining.request(), &world.founding, 0).unwrap().answer.clone();
    for at in 0..answer.len() {
        let mut changed = answer.clone();
        changed[at] ^= 1;
        assert!(joining.answered(&changed).is_err(), "byte {at}");
    }
    for at in 0..joining.request().len() {
        let mut changed = joining.request().to_vec();
        changed[at] ^= 1;
        assert!(issued.asked(&changed, &world.founding, 0).is_err(), "byte {at}");
    }
}

#[test]
fn another_founders_region_is_found_out_even_by_who_knows_the_secret() {
    let world = World::founded();
    let invitation = invited(&world);
    let joining = Joining::new(invitation.clone(), &admitted(0, 10, 1), &key(10), &Counting::default());
    let other = Kit::random(&Same(3)).found("高知", "http://kusuri.internal", 1_000, &Counting::default());
    let mut issued = Issued::new(invitation, 1_000);
    let answer = issued.asked(joining.request(), &other, 0).unwrap().answer.clone();
    assert_eq!(joining.answered(&answer), Err(JoinError::OtherRegion));
}

#[test]
fn codes_for_something_else_are_told_apart() {
    let world = World::founded();
    let sheet = world.kit.root.whole().code();
    assert_eq!(Invitation::read(&sheet), Err(TypedError::Other));
    assert_eq!(crate::region::kit::Sheet::read(&invited(&world).typed()), Err(TypedError::Other));
    let mut mistyped = invited(&world).typed().to_string();
    let last = mistyped.pop().unwrap();
    mistyped.push(if last == '0' { '1' } else { '0' });
    assert_eq!(Invitation::read(&mistyped), Err(TypedError::Check));
}
