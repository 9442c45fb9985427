//! A box that was moved says so; it counts when the region's word says so, too.

use super::*;

#[test]
fn a_site_that_moved_proposes_it_and_the_regions_word_makes_it_count() {
    let profile = SiteProfile { name: "北薬局".into(), host: Some("rack-1".into()), ..SiteProfile::default() };
    let (word, site) = founded(&profile);
    site.member.say_notice(vec!["a:1".into()]).unwrap().unwrap();
    assert!(matches!(site.member.describe(site.member.site(), &word), Err(MembershipError::NothingWished)));
    assert_eq!(site.member.wish_of(site.clinic.profile()), None);

    let moved = SiteProfile { host: Some("rack-2".into()), capacity_patients: Some(77), ..profile };
    site.clinic.set_profile(&moved).unwrap();
    assert_eq!(site.clinic.profile_now().unwrap(), moved);
    let site = site.reopened();
    assert!(site.member.say_notice(vec!["a:1".into()]).unwrap().is_some(), "a wish is news");
    assert!(site.member.say_notice(vec!["a:1".into()]).unwrap().is_none(), "and is said once");
    let id = site.member.site();
    assert_eq!(site.region().sites()[&id].described.host, "rack-1", "what a site says of itself decides nothing");
    let wished = wish(&site.region(), &site.region().sites()[&id]).unwrap();
    assert_eq!((&*wished.host, wished.capacity_patients), ("rack-2", 77));

    let (admitted, said) = site.member.describe(id, &word).unwrap();
    assert!(said.counts && admitted.number == 2);
    let region = site.region();
    assert_eq!((&*region.sites()[&id].described.host, region.sites()[&id].described.capacity_patients), ("rack-2", 77));
    assert_eq!(wish(&region, &region.sites()[&id]), None);
    assert!(region.conflicts().is_empty() && region.nodes()[&site.member.node()].state == crate::region::KeyState::Active);
    assert!(site.member.say_notice(vec!["a:1".into()]).unwrap().is_some(), "the wish is taken back");
}
