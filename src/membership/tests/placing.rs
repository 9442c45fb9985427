//! Placements that follow from what the region knows of its sites; revocations with marks.

use super::*;
use crate::region::payload::ChainMark;
use crate::region::{EntryStanding, KeyState};

fn profile(name: &str, host: &str, damage_ppm: u32) -> SiteProfile {
    SiteProfile {
        name: name.to_owned(),
        host: Some(host.to_owned()),
        damage_ppm: Some(damage_ppm),
        capacity_patients: Some(1_000),
        ..SiteProfile::default()
    }
}

fn three() -> (Word, Vec<Site>) {
    let (word, first) = founded(&profile("一", "甲", 100_000));
    let others = [profile("二", "乙", 400_000), profile("三", "甲", 200_000)].map(|profile| Site::with(&profile));
    for other in &others {
        join(&first, other, &word);
    }
    let sites: Vec<Site> = std::iter::once(first).chain(others).collect();
    meet(&sites.iter().collect::<Vec<_>>());
    (word, sites)
}

#[test]
fn a_proposal_depends_on_the_statements_alone_and_keeps_to_buildings() {
    let (word, sites) = three();
    let proposals: Vec<Proposal> = sites.iter().map(|site| site.member.propose_placement(Asked::default()).unwrap()).collect();
    assert!(proposals.iter().all(|proposal| *proposal == proposals[0]), "the same at each node");
    assert_eq!(proposals[0], propose(&sites[0].region(), Asked::default()).unwrap());
    let holders = |proposal: &Proposal, site: &Site| {
        let found = proposal.placement.ledgers.iter().find(|holders| holders.ledger == site.clinic.ledger());
        found.unwrap().sites.clone()
    };
    // One and three share a building: each has its one copy at two, and two's lies at one of them.
    assert_eq!(holders(&proposals[0], &sites[0]), [sites[1].member.site()]);
    assert_eq!(holders(&proposals[0], &sites[2]), [sites[1].member.site()]);
    assert_eq!(holders(&proposals[0], &sites[1]), [sites[0].member.site()], "the safer of the two");
    assert!(proposals[0].is_change && proposals[0].placement.predecessors.is_empty());
    assert!(proposals[0].reasons.iter().all(|(.., why)| why.contains("because")), "{:?}", proposals[0].reasons);

    let said = sites[0].member.adopt_placement(&proposals[0], &word).unwrap();
    assert!(said.counts);
    let next = sites[0].member.propose_placement(Asked::default()).unwrap();
    assert!(!next.is_change && next.plan.moved == 0);
    assert_eq!(next.placement.predecessors, [said.statement]);
    assert_eq!(next.placement.ledgers, proposals[0].placement.ledgers);
    let too_many = Asked { alternates: Some(2.0), ..Asked::default() };
    assert!(matches!(sites[0].member.propose_placement(too_many), Err(MembershipError::Placement(_))), "two buildings only");
}

#[test]
fn two_placements_made_apart_are_both_named_by_the_next() {
    let (word, sites) = three();
    let proposal = sites[0].member.propose_placement(Asked::default()).unwrap();
    let mut other = proposal.clone();
    other.placement.ledgers.pop();
    let heads =
        [sites[0].member.adopt_placement(&proposal, &word).unwrap(), sites[1].member.adopt_placement(&other, &word).unwrap()];
    meet(&sites.iter().collect::<Vec<_>>());
    assert!(sites[2].region().conflicts().iter().any(|conflict| matches!(conflict, Conflict::TwoPlacements { .. })));
    let next = sites[2].member.propose_placement(Asked::default()).unwrap();
    let mut named: Vec<_> = heads.iter().map(|said| said.statement).collect();
    named.sort_unstable();
    assert_eq!(next.placement.predecessors, named);
    assert!(next.is_change, "to have one placement again is a change");
}

#[test]
fn alone_there_is_nothing_to_place() {
    let (_, site) = founded(&SiteProfile::default());
    assert!(matches!(site.member.propose_placement(Asked::default()), Err(MembershipError::TooFewSites(1))));
}

#[test]
fn a_lost_clinics_copies_stay_where_they_are_and_others_join_them() {
    let (word, sites) = three();
    let proposal = sites[0].member.propose_placement(Asked::default()).unwrap();
    sites[0].member.adopt_placement(&proposal, &word).unwrap();
    copy(&sites[2], &sites[0], sites[2].clinic.ledger());
    sites[0].member.revoke("三", "水没", &[], &word).unwrap();
    let next = sites[0].member.propose_placement(Asked::default()).unwrap();
    let orphan = next.placement.ledgers.iter().find(|holders| holders.ledger == sites[2].clinic.ledger()).unwrap();
    let mut remaining = [sites[0].member.site(), sites[1].member.site()];
    remaining.sort_unstable();
    assert_eq!(orphan.sites, remaining);
}

#[test]
fn a_revocation_counts_what_is_known_here_and_what_others_bring() {
    let (word, sites) = three();
    let [revoker, lost, _] = &sites[..] else { panic!("three") };
    let refused = revoker.member.revoke("二", "盗難", &[], &word);
    assert!(matches!(refused, Err(MembershipError::NoMarks { .. })), "{refused:?}");
    assert_eq!(revoker.region().nodes()[&lost.member.node()].state, KeyState::Active);

    let brought: Vec<ChainMarkOf> = lost
        .member
        .marks("二")
        .unwrap()
        .into_iter()
        .flat_map(|(node, marks)| marks.into_iter().map(move |mark| (node, mark)))
        .collect();
    let [(node, ChainMark { ledger, incarnation, seq, entry, head })] = brought[..] else { panic!("{brought:?}") };
    assert_eq!((node, ledger), (lost.member.node(), lost.clinic.ledger()));
    assert!(head.is_some(), "who says where a chain ends says the signature there, too");
    // An older mark of the same chain takes nothing away.
    let older = (node, ChainMark { seq: 1, ..brought[0].1 });
    let revoked = revoker.member.revoke(&node.to_string()[..8], "盗難", &[older, brought[0]], &word).unwrap();
    assert!(revoked[0].said.counts && revoked[0].marks == [brought[0].1]);
    let region = revoker.region();
    assert_eq!(region.entry_standing(node, ledger, incarnation, seq, entry), EntryStanding::Counts);
    assert_eq!(region.entry_standing(node, ledger, incarnation, seq + 1, entry), EntryStanding::PastRevocation);
    assert!(region.conflicts().iter().any(|conflict| matches!(conflict, Conflict::SiteLost { name, .. } if name == "二")));
    assert!(revoker.member.revoke("二", "", &brought, &word).unwrap().is_empty(), "nothing is left to revoke");
    assert!(matches!(revoker.member.retire("だれ", "", &word), Err(MembershipError::NoSuchSite(_))));
}

#[test]
fn a_retired_site_has_closed_in_order() {
    let (word, sites) = three();
    let retired = sites[0].member.retire("三", "閉院", &word).unwrap();
    assert_eq!(retired.len(), 1);
    assert_eq!(sites[0].region().nodes()[&sites[2].member.node()].state, KeyState::Retired);
    assert!(sites[0].member.retire("三", "", &word).unwrap().is_empty());
}
