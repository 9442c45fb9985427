//! Two shelves are united by questions and answers alone.

use super::*;
use crate::region::tests::{World, notice};

fn grown(world: &World, extra: std::ops::Range<u8>) -> Statements {
    let mut statements = world.statements.clone();
    let said = extra.map(|number| world.by(10, u64::from(number), &notice(&format!("192.0.2.{number}:7443"))));
    statements.merge(said.collect::<Vec<_>>());
    statements
}

/// All ids, page by page.
fn ids(shelf: &Shelf, region: RegionId) -> BTreeSet<SignedId> {
    let mut all = BTreeSet::new();
    let mut after = None;
    loop {
        let Told::Ids { ids, is_last } = shelf.answer(&Offer::Ids { region, after }) else { panic!("ids were asked for") };
        after = ids.last().copied();
        all.extend(ids);
        if is_last {
            return all;
        }
    }
}

#[test]
fn what_one_lacks_the_other_gives() {
    let world = World::of_three();
    let (few, many) = (world.statements.clone(), grown(&world, 5..6));
    let (few, many) = (Shelf::of(&few), Shelf::of(&many));
    let region = many.region().unwrap();
    assert_ne!(few.digest(), many.digest());
    let lacking: Vec<SignedId> = ids(&many, region).into_iter().filter(|id| !few.has(id)).collect();
    let Told::Signed { signed } = many.answer(&Offer::Get { region, ids: lacking.clone() }) else { panic!("they are there") };
    let mut merged = world.statements.clone();
    merged.merge(signed.iter().map(|bytes| Signed::read(bytes).unwrap()));
    assert_eq!(merged.digest(), many.digest());
    let there: BTreeSet<SignedId> = ids(&few, region);
    assert_eq!(many.beyond(&there).map(Signed::id).collect::<Vec<_>>(), lacking);
    assert_eq!(many.beyond_shelf(&few).map(Signed::id).collect::<Vec<_>>(), lacking);
}

#[test]
fn another_region_or_none_gives_nothing() {
    let world = World::of_three();
    let shelf = Shelf::of(&world.statements);
    let other = RegionId([9; 32]);
    for offer in [Offer::Digest { region: other, digest: [0; 32] }, Offer::Ids { region: other, after: None }] {
        assert_eq!(shelf.answer(&offer), Told::Refused { why: Why::OtherRegion });
        assert_eq!(Shelf::default().answer(&offer), Told::Refused { why: Why::OtherRegion });
    }
}

#[test]
fn pages_are_bounded_in_bytes_and_number() {
    let world = World::of_three();
    let all: Vec<&Signed> = world.statements.iter().collect();
    assert!(all.len() >= 4);
    assert_eq!(paged(all.iter().copied(), usize::MAX, 2).iter().map(Vec::len).max(), Some(2));
    assert_eq!(paged(all.iter().copied(), 1, 100).len(), all.len(), "one alone may be longer");
    let bytes: Vec<u8> = paged(all.iter().copied(), 1_000, 100).into_iter().flatten().flat_map(Vec::from).collect();
    assert_eq!(bytes, all.iter().flat_map(|signed| signed.as_bytes()).copied().collect::<Vec<u8>>());
}

#[test]
fn messages_are_read_back_and_bounded() {
    let region = RegionId([7; 32]);
    let offers = [
        Offer::Digest { region, digest: [1; 32] },
        Offer::Ids { region, after: Some(SignedId([2; 32])) },
        Offer::Get { region, ids: vec![SignedId([3; 32])] },
        Offer::Put { region, signed: vec![vec![4; 200].into()] },
    ];
    for offer in offers {
        assert_eq!(Offer::decode(&offer.encode()), Some(offer));
    }
    let too_many = Offer::Get { region, ids: vec![SignedId([3; 32]); GET_MAX + 1] };
    assert_eq!(Offer::decode(&too_many.encode()), None);
    let told = [
        Told::Digest { digest: [1; 32] },
        Told::Ids { ids: vec![SignedId([2; 32])], is_last: true },
        Told::Signed { signed: vec![vec![4; 200].into()] },
        Told::Refused { why: Why::Busy },
    ];
    for told in told {
        let bytes = told.encode();
        assert_eq!(Told::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Told::decode(&bytes), Some(told));
    }
    assert_eq!(Told::decode(&[]), None);
}
