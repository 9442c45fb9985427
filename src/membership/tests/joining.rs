//! Invitations: who may use them, how often, and until when.

use super::*;

#[test]
fn founded_invited_and_confirmed_on_both_sides_and_all_of_it_outlives_a_restart() {
    let (word, host) = founded(&SiteProfile { name: "さくら薬局".to_owned(), ..SiteProfile::default() });
    let guest = Site::new("日本語 薬局");
    assert!(guest.member.region().is_none());
    let invited = host.member.invite(vec!["192.0.2.1:7443".to_owned()], HOUR).unwrap();
    let host = host.reopened();
    let request = guest.member.ask_with(invited.invitation.clone()).unwrap();
    let guest = guest.reopened();
    assert_eq!(guest.member.ask_with(invited.invitation).unwrap(), request, "a lost answer costs nothing");
    let answer = host.member.asked_to_join(&request).unwrap();
    let waiting = guest.member.answered(&answer).unwrap();
    let (host, guest) = (host.reopened(), guest.reopened());
    assert_eq!(host.member.asked_to_join(&request).unwrap(), answer);
    let guests = host.member.waiting_guests();
    assert_eq!((guests.len(), &guests[0].compared), (1, &waiting.compared));
    assert_eq!(guest.member.waiting_here().as_ref(), Some(&waiting));
    assert!(guest.member.region().is_none(), "nothing counts before a person has compared");

    assert!(matches!(guest.member.confirm_here("0000-0000-00"), Err(MembershipError::NotCompared(_))));
    assert!(matches!(host.member.confirm_guest("0000-0000-00", &word), Err(MembershipError::NotCompared(_))));
    assert!(host.member.waiting_guests().len() == 1 && guest.member.region().is_none());
    guest.member.confirm_here(&waiting.compared.to_lowercase().replace('-', " ")).unwrap();
    let (_, said) = host.member.confirm_guest(&waiting.compared, &word).unwrap();
    assert!(said.counts && host.member.waiting_guests().is_empty());
    assert_eq!(guest.member.peers_configured(), ["192.0.2.1:7443"]);
    meet(&[&host, &guest]);
    let (host, guest) = (host.reopened(), guest.reopened());
    assert_eq!(guest.region(), host.region());
    assert_eq!(guest.region().sites().len(), 2);
    assert!(guest.region().conflicts().is_empty(), "{:?}", guest.region().conflicts());
    assert_eq!(guest.region().sites()[&guest.member.site()].described.name, "日本語 薬局");
}

#[test]
fn an_invitation_is_used_once_expires_and_can_be_taken_back() {
    let (_, host) = founded(&SiteProfile::default());
    let (one, other) = (Site::new("一"), Site::new("二"));
    let invited = host.member.invite(Vec::new(), HOUR).unwrap().invitation;
    let first = one.member.ask_with(invited.clone()).unwrap();
    host.member.asked_to_join(&first).unwrap();
    let second = other.member.ask_with(invited).unwrap();
    assert!(matches!(host.member.asked_to_join(&second), Err(MembershipError::Join(JoinError::Used))));

    let late = host.member.invite(Vec::new(), HOUR).unwrap().invitation;
    let request = other.member.ask_with(late).unwrap();
    host.clock.advance(HOUR);
    assert!(matches!(host.member.asked_to_join(&request), Err(MembershipError::Join(JoinError::Expired))));

    let back = host.member.invite(Vec::new(), HOUR).unwrap().invitation;
    host.member.refuse_guest(&back.typed()).unwrap();
    let request = other.member.ask_with(back).unwrap();
    assert!(matches!(host.member.asked_to_join(&request), Err(MembershipError::Join(JoinError::Refused))));
    assert!(matches!(host.member.asked_to_join(&first[..20]), Err(MembershipError::Join(JoinError::Malformed))));
    let elsewhere = founded(&SiteProfile::default()).1.member.invite(Vec::new(), HOUR).unwrap().invitation;
    let request = other.member.ask_with(elsewhere).unwrap();
    assert!(matches!(host.member.asked_to_join(&request), Err(MembershipError::NoSuchInvitation)));
}

#[test]
fn a_refused_guest_is_never_admitted_by_the_same_invitation() {
    let (word, host) = founded(&SiteProfile::default());
    let guest = Site::new("だれか");
    let request = guest.member.ask_with(host.member.invite(Vec::new(), HOUR).unwrap().invitation).unwrap();
    let compared = guest.member.answered(&host.member.asked_to_join(&request).unwrap()).unwrap().compared;
    host.member.refuse_guest(&compared).unwrap();
    assert!(matches!(host.member.confirm_guest(&compared, &word), Err(MembershipError::NothingWaits)));
    assert!(matches!(host.member.asked_to_join(&request), Err(MembershipError::Join(JoinError::Refused))));
}

#[test]
fn a_clinic_belongs_to_one_region_and_needs_an_admin_first() {
    let (_, host) = founded(&SiteProfile::default());
    let kit = Kit::random(&SystemEntropy::default());
    assert!(matches!(host.member.found("二つ目", "", &kit), Err(MembershipError::OtherRegion { .. })));
    let invitation = founded(&SiteProfile::default()).1.member.invite(Vec::new(), HOUR).unwrap().invitation;
    assert!(matches!(host.member.ask_with(invitation.clone()), Err(MembershipError::Joined { .. })));

    let dir = tempfile::tempdir().unwrap();
    let clinic = Clinic::found(&location(&dir), &SiteProfile::default(), Clock::manual(NOW_MS)).unwrap();
    let earlier = Member::open(&clinic).unwrap();
    let refused = earlier.ask_with(invitation.clone()).unwrap_err().to_string();
    assert!(refused.contains("staff first-admin"), "{refused}");
    clinic.first_admin(None).unwrap();
    assert!(clinic.first_admin(None).is_err());
    earlier.ask_with(invitation).unwrap();
}

/// A clock is shown, and decides nothing but how long an own invitation is valid.
#[test]
fn a_clock_that_is_a_year_off_locks_nobody_out() {
    let year = Duration::from_secs(366 * 24 * 3_600);
    for (host_off, guest_off) in [(true, false), (false, true)] {
        let (word, host) = founded(&SiteProfile::default());
        let guest = Site::new("時計");
        host.clinic.store().confirm_clock().wait().unwrap();
        let off = |site: &Site, is_off: bool| {
            if is_off {
                site.clock.set(NOW_MS - i64::try_from(year.as_millis()).unwrap());
            }
        };
        off(&host, host_off);
        off(&guest, guest_off);
        join(&host, &guest, &word);
        assert_eq!(guest.region(), host.region());
        assert!(guest.region().is_active(guest.member.site()));
        let wrong = if host_off { &host } else { &guest };
        assert!(!wrong.clinic.store().clock_trust().is_trusted());
        let times = wrong.member.times();
        assert_eq!(times.trusted_wall_ms(), None);
    }
}
