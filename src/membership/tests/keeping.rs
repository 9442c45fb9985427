//! What is merged is kept, published once, and counted by running time.

use super::*;
use crate::region::payload::{Deputies, Deputy, Emergency, EmergencyId, PLACEMENT, Payload, Placement};
use crate::region::{Body, SignedId};

#[test]
fn a_batch_is_published_once_and_only_where_it_changes_something() {
    let (word, host) = founded(&SiteProfile::default());
    let guest = Site::new("二");
    join(&host, &guest, &word);
    let changed = guest.member.changed();
    let before = *changed.borrow();
    let all: Vec<Signed> = host.member.statements().unwrap().iter().cloned().collect();
    assert!(guest.member.merge(all.clone()).unwrap().taken.is_empty());
    assert_eq!(*changed.borrow(), before);
    for name in ["甲", "乙"] {
        let key = DeputyKey::random(name, &SystemEntropy::default());
        let deputy = Deputy { key: key.signer(), name: name.to_owned(), through: None };
        let number = host.region().authority().next_list_number();
        host.member.say_for_region(&word, &Deputies { number, deputies: vec![deputy] }).unwrap();
    }
    let all: Vec<Signed> = host.member.statements().unwrap().iter().cloned().collect();
    assert_eq!(guest.member.merge(all).unwrap().taken.len(), 2);
    assert_eq!(*changed.borrow(), before + 1);
}

#[test]
fn notices_are_said_when_something_changed_and_old_ones_leave_the_disk() {
    let (_, host) = founded(&SiteProfile::default());
    let kept = |site: &Site| site.clinic.store().read_now(|reader| reader.statements()).unwrap().len();
    let first = host.member.say_notice(vec!["192.0.2.1:7443".to_owned()]).unwrap();
    assert!(first.is_some());
    assert!(host.member.say_notice(vec!["192.0.2.1:7443".to_owned()]).unwrap().is_none());
    assert!(host.member.say_keys().unwrap().is_none(), "said at founding");
    let before = kept(&host);
    for place in 2..9 {
        assert!(host.member.say_notice(vec![format!("192.0.2.{place}:7443")]).unwrap().is_some());
    }
    assert_eq!(kept(&host), before);
    let host = host.reopened();
    let region = host.region();
    let notice = region.nodes()[&host.member.node()].notice.clone().unwrap();
    assert_eq!(notice.addresses, ["192.0.2.8:7443"]);
    assert!(region.conflicts().is_empty(), "{:?}", region.conflicts());
}

#[test]
fn a_deputys_word_waits_for_another_and_a_wrong_key_says_nothing() {
    let (word, host) = founded(&SiteProfile::default());
    let keys = ["甲", "乙"].map(|name| DeputyKey::random(name, &SystemEntropy::default()));
    let named = keys.iter().map(|key| Deputy { key: key.signer(), name: key.name().to_owned(), through: None }).collect();
    host.member.say_for_region(&word, &Deputies { number: 1, deputies: named }).unwrap();
    let [one, other] = keys.map(|key| Word::Deputy(DeputyKey::read(&key.file()).unwrap()));
    let placement = Placement { predecessors: Vec::new(), ledgers: Vec::new(), settles: Vec::new() };
    let said = host.member.say_for_region(&one, &placement).unwrap();
    assert!(!said.counts);
    let waits =
        |site: &Site| site.region().conflicts().iter().any(|c| matches!(c, Conflict::WaitsForDeputy { kind: PLACEMENT, .. }));
    assert!(waits(&host));
    let id = said.statement.to_string();
    assert!(!host.member.sign_too(&one, &id).unwrap().counts, "the same person twice is one person");
    assert!(matches!(host.member.sign_too(&other, "00"), Err(MembershipError::NoSuchStatement(_))));
    assert!(host.member.sign_too(&other, &id[..12]).unwrap().counts);
    assert!(!waits(&host) && host.region().placement_heads() == [said.statement]);

    let stranger = Word::Deputy(DeputyKey::random("丙", &SystemEntropy::default()));
    assert!(matches!(host.member.say_for_region(&stranger, &placement), Err(MembershipError::NotSigner { .. })));
    let list = Deputies { number: 2, deputies: Vec::new() };
    assert!(matches!(host.member.say_for_region(&one, &list), Err(MembershipError::RootOnly)));
    let other_root = Word::root(&[Kit::random(&SystemEntropy::default()).root.whole().code()]).unwrap();
    assert!(matches!(host.member.say_for_region(&other_root, &list), Err(MembershipError::NotSigner { .. })));
}

#[test]
fn an_emergency_lasts_by_running_time_over_restarts_whatever_the_clock_says() {
    let (word, host) = founded(&SiteProfile::default());
    let site = host.member.site();
    // Nothing speaks for a clock before the program was built, so that only the running time counts.
    host.clock.set(0);
    let emergency = EmergencyId([7; 16]);
    let declared = Emergency { emergency, sites: vec![site], lasts_ms: 3 * 3_600_000, copies: 2, reason: String::new() };
    host.member.say_for_region(&word, &declared).unwrap();
    let goes_on = |host: &Site| {
        let region = host.region();
        host.member.times().with(|times| region.emergencies()[0].is_active_for(site, times))
    };
    host.clock.advance(2 * HOUR);
    host.member.keep_running_time().unwrap();
    assert!(goes_on(&host));
    let spent = host.clock.monotonic();
    let Site { dir, clinic, member, badge, .. } = host;
    drop((clinic, member));
    // The machine's running time begins anew, and its clock lies a year ahead, which it may not be trusted for.
    let clock = Clock::manual(i64::try_from(400 * 24 * HOUR.as_millis()).unwrap());
    let clinic = Clinic::open(&location(&dir), clock.clone()).unwrap();
    let member = Member::open(&clinic).unwrap();
    let host = Site { dir, clock, clinic, member, badge };
    assert!(host.clock.monotonic() < spent && goes_on(&host));
    host.clock.advance(HOUR - Duration::from_secs(1));
    assert!(goes_on(&host));
    host.clock.advance(Duration::from_secs(1));
    assert!(!goes_on(&host));
}

#[test]
fn statements_whose_signer_is_not_known_yet_count_when_it_is() {
    let (word, host) = founded(&SiteProfile::default());
    let guest = Site::new("二");
    join(&host, &guest, &word);
    let founding = host.member.statements().unwrap().founding().cloned().unwrap();
    let third = Site::new("三");
    third.member.begin(Statements::new(founding).unwrap()).unwrap();
    let mut all: Vec<Signed> = guest.member.statements().unwrap().iter().cloned().collect();
    let (own, regional): (Vec<Signed>, Vec<Signed>) =
        all.drain(..).partition(|signed| signed.signer() == guest.member.signer());
    assert!(!own.is_empty());
    assert!(third.member.merge(own.clone()).unwrap().taken.is_empty());
    let taken: Vec<SignedId> = third.member.merge(regional).unwrap().taken;
    assert!(own.iter().all(|signed| taken.contains(&signed.id())));
    assert_eq!(third.region(), guest.region());
    let other: Body =
        Placement { predecessors: Vec::new(), ledgers: Vec::new(), settles: Vec::new() }.body(RegionId([9; 32]), 0);
    let foreign = other.sign(&third.clinic.node_key().signing_pair(), 1);
    assert_eq!(third.member.merge(vec![foreign]).unwrap().refused.len(), 1);
}
