//! Staff and holders: who opens a copy, who is given a key, and who never is.

use super::*;
use crate::clinic::rotation::Mended;
use crate::clinic::staff::{StaffRefusal, Unlock};
use crate::ledger::CoarseKind;
use crate::ledger::payload::{OpenerEntry, Payload, Wrap};
use crate::record::Subject;
use crate::region::payload::{Admitted, Holders, Placement, PublicHalf};
use crate::seal::badge::BadgeCode;
use crate::seal::body;
use crate::seal::envelope::{seal_box, seed_info, wrap};
use crate::seal::key::{Key, KeyKind, Opener, OpenerId, OpenerKind, Secret};
use crate::seal::random;
use crate::store::{Draft, Projection, Urgency};

/// The numbers of two projections.
const OPENER: u8 = 3;
const LOCATOR: u8 = 4;

/// Says that `sites` hold the copies of `of`.
fn place(host: &Site, word: &Word, of: &Site, sites: &[SiteId]) {
    let ledgers = vec![Holders { ledger: of.clinic.ledger(), sites: sites.to_vec() }];
    let placement = Placement { predecessors: host.region().placement_heads(), ledgers, settles: Vec::new() };
    host.member.say_for_region(word, &placement).unwrap();
}

/// Two clinics, the first of which has its copies at the second.
fn pair() -> (Word, Site, Site) {
    let (word, home) = founded(&SiteProfile { name: "家".to_owned(), ..SiteProfile::default() });
    let holder = Site::new("控え");
    join(&home, &holder, &word);
    place(&home, &word, &home, &[holder.member.site()]);
    meet(&[&home, &holder]);
    (word, home, holder)
}

fn staff(site: &Site) -> crate::clinic::staff::Staff {
    site.clinic.prove_staff(&site.badge.code, &site.passphrase()).unwrap()
}

fn unlock_of(holder: &Site, home: &Site) -> Option<Unlock> {
    holder.clinic.unlock_states().unwrap().get(&home.clinic.ledger()).copied()
}

/// Openers to which entries of the own ledger seal its key.
fn receivers(site: &Site) -> Vec<OpenerId> {
    let ledger = site.clinic.ledger();
    let entries =
        site.clinic.store().read_now(move |reader| reader.entries_of_kind(ledger, CoarseKind::KEY, 0, u32::MAX)).unwrap();
    let contents = entries.iter().filter_map(|entry| body::read_open(entry.body.as_ref()?).ok());
    let openers = contents.filter_map(|plain| crate::ledger::content::Content::decode(&plain).ok());
    let entries = openers.filter(|content| content.kind == OpenerEntry::KIND);
    let entries = entries.filter_map(|content| minicbor::decode::<OpenerEntry>(&content.payload).ok());
    entries.flat_map(|entry| entry.wraps).filter(|wrap| wrap.kind == KeyKind::Ledger).map(|wrap| wrap.opener).collect()
}

#[test]
fn a_holder_opens_a_copy_after_the_homes_staff_confirmed_it_and_its_own_staff_unlocked() {
    let (_, home, holder) = pair();
    let ledger = home.clinic.ledger();
    copy(&home, &holder, ledger);
    assert_eq!(unlock_of(&holder, &home), Some(Unlock::CardOnly));
    let waiting = home.member.waiting_holders().unwrap();
    let named: Vec<_> = waiting.iter().map(|waiting| (waiting.site, waiting.is_changed)).collect();
    assert_eq!(named, [(Some(holder.member.site()), false), (None, false)]);

    let by = staff(&home);
    assert!(home.member.confirm_holder(holder.member.site(), &by).unwrap());
    assert!(!home.member.confirm_holder(holder.member.site(), &by).unwrap(), "once is enough");
    assert!(home.member.confirm_recovery(&by).unwrap());
    assert!(home.member.waiting_holders().unwrap().is_empty());
    assert!(matches!(home.member.confirm_holder(home.member.site(), &by), Err(MembershipError::NotHolder(_))));

    copy(&home, &holder, ledger);
    assert_eq!(unlock_of(&holder, &home), Some(Unlock::Locked));
    assert_eq!(holder.clinic.proven_at_ms(ledger).unwrap(), None);
    holder.clinic.unlock(&holder.badge.code, &holder.passphrase()).unwrap();
    assert_eq!(unlock_of(&holder, &home), Some(Unlock::Open));
    assert_eq!(holder.clinic.proven_at_ms(ledger).unwrap(), Some(NOW_MS));

    holder.clock.advance(4 * HOUR);
    assert_eq!(unlock_of(&holder, &home), Some(Unlock::Locked), "forgotten after hours");
    holder.clinic.unlock(&holder.badge.code, &holder.passphrase()).unwrap();
    assert_eq!(holder.clinic.lock(), 1);
    assert_eq!(unlock_of(&holder, &home), Some(Unlock::Locked));
    holder.clinic.unlock(&holder.badge.code, &holder.passphrase()).unwrap();
    let holder = holder.reopened();
    assert_eq!(unlock_of(&holder, &home), Some(Unlock::Locked), "forgotten at a restart");
}

#[test]
fn a_site_that_a_placement_names_no_more_receives_no_new_key_once_those_that_follow_are_confirmed() {
    let (word, home, holder) = pair();
    let next = Site::new("次");
    join(&home, &next, &word);
    let half = |site: &Site| site.clinic.emergency_half().map(|half| (half.id, half.x25519)).unwrap();
    home.member.confirm_holder(holder.member.site(), &staff(&home)).unwrap();
    assert_eq!(home.member.mend_keys().unwrap(), Mended::Nothing);
    place(&home, &word, &home, &[next.member.site()]);
    assert_eq!(home.member.mend_keys().unwrap(), Mended::Nothing, "nobody else of the staff elsewhere could read yet");
    home.member.confirm_holder(next.member.site(), &staff(&home)).unwrap();
    let before = home.clinic.own_inbox();
    assert_eq!(home.member.mend_keys().unwrap(), Mended::Changed);
    assert_eq!(home.member.mend_keys().unwrap(), Mended::Nothing);
    assert_eq!(home.clinic.confirmed_openers().unwrap(), [half(&next)].into());
    // Both keys are vouched for: who has not got the new one yet still opens what it has.
    let vouched = home.region().inboxes(home.clinic.ledger());
    assert_eq!(vouched, [before, home.clinic.own_inbox()].into());
    assert_eq!(home.region().inbox(home.clinic.ledger()), Some(home.clinic.own_inbox()));

    place(&home, &word, &home, &[next.member.site(), holder.member.site()]);
    assert_eq!(home.member.mend_keys().unwrap(), Mended::Nothing);
    let waiting = home.member.waiting_holders().unwrap();
    assert!(waiting.iter().any(|waiting| waiting.site == Some(holder.member.site())), "the staff are asked again");
}

#[test]
fn a_holders_box_that_was_revoked_receives_no_new_key() {
    let (word, home, holder) = pair();
    home.member.confirm_holder(holder.member.site(), &staff(&home)).unwrap();
    copy(&holder, &home, holder.clinic.ledger());
    home.member.revoke("控え", "盗難", &[], &word).unwrap();
    assert_eq!(home.member.mend_keys().unwrap(), Mended::Changed);
    assert!(home.clinic.confirmed_openers().unwrap().is_empty());
    let home = home.reopened();
    assert_eq!(home.member.mend_keys().unwrap(), Mended::Nothing, "also after a restart");
}

#[test]
fn a_badge_opens_its_own_clinics_ledger_at_any_holder_and_nothing_else_there() {
    let (_, home, holder) = pair();
    home.member.confirm_holder(holder.member.site(), &staff(&home)).unwrap();
    copy(&home, &holder, home.clinic.ledger());
    let states = holder.clinic.unlock(&home.badge.code, &home.passphrase()).unwrap();
    assert_eq!(states.len(), 1);
    assert_eq!(unlock_of(&holder, &home), Some(Unlock::Open));
    assert!(
        matches!(holder.clinic.prove_staff(&home.badge.code, &home.passphrase()), Err(StaffRefusal::Unknown)),
        "no staff here"
    );
    let wrong = holder.clinic.unlock(&home.badge.code, &Passphrase::entered("something else"));
    assert_eq!(wrong, Err(StaffRefusal::WrongPassphrase { tries_left: 4 }));
}

#[test]
fn a_false_site_that_a_bad_signer_admits_gets_no_key_without_the_homes_staff() {
    let (word, home, _) = pair();
    let (before, false_site) = (receivers(&home), Site::new("偽"));
    let wished = false_site.member.wished().unwrap();
    home.member.say_for_region(&word, &wished).unwrap();
    place(&home, &word, &home, &[false_site.member.site()]);
    home.member.say_keys().unwrap();
    let home = home.reopened();
    assert!(
        home.region().holders(home.clinic.ledger()).contains(&false_site.member.site()),
        "the region's word made it a holder"
    );
    assert_eq!(receivers(&home), before, "and no key follows from that");
    assert!(home.member.waiting_holders().unwrap().iter().any(|waiting| waiting.name == "偽"));
    // Whoever signs for the region has no badge of this clinic; neither its own nor another's passphrase makes them staff.
    for (code, passphrase) in [
        (&false_site.badge.code, false_site.passphrase()),
        (&home.badge.code, false_site.passphrase()),
        (&home.badge.code, Passphrase::entered("")),
    ] {
        assert!(home.clinic.prove_staff(code, &passphrase).is_err());
    }
    // What staff of another clinic have proven is good for that clinic only.
    let public = wished.emergency.as_opener(OpenerKind::Emergency);
    assert!(home.clinic.confirm_opener(&public, &staff(&false_site)).is_err());
    assert_eq!(receivers(&home), before);
}

#[test]
fn another_key_of_a_confirmed_site_waits_again_and_is_marked() {
    let (word, home, holder) = pair();
    home.member.confirm_holder(holder.member.site(), &staff(&home)).unwrap();
    home.member.confirm_recovery(&staff(&home)).unwrap();
    let described = home.region().sites()[&holder.member.site()].described.clone();
    let posing = Site::new("偽").clinic.emergency_half().unwrap();
    // The same id with other keys, and other keys altogether.
    for emergency in [PublicHalf { opener: described.emergency.opener, ..PublicHalf::of(&posing) }, PublicHalf::of(&posing)] {
        let number = home.region().sites()[&holder.member.site()].described.number + 1;
        home.member.say_for_region(&word, &Admitted { number, emergency, ..described.clone() }).unwrap();
        let waiting = home.member.waiting_holders().unwrap();
        assert_eq!(
            waiting.iter().map(|waiting| (waiting.site, waiting.is_changed)).collect::<Vec<_>>(),
            [(Some(holder.member.site()), true)]
        );
    }
}

#[test]
fn wrong_passphrases_are_counted_and_lock_nobody_who_has_another_badge() {
    let site = Site::new("家");
    let wrong = Passphrase::entered("not the passphrase");
    for left in (0..5).rev() {
        assert_eq!(
            site.clinic.prove_staff(&site.badge.code, &wrong).err(),
            Some(StaffRefusal::WrongPassphrase { tries_left: left })
        );
    }
    assert!(matches!(site.clinic.prove_staff(&site.badge.code, &site.passphrase()), Err(StaffRefusal::Locked { .. })));
    let stranger = BadgeCode::random(&site.clinic.ledger().0, &SystemEntropy::default());
    for _ in 0..10 {
        assert_eq!(site.clinic.prove_staff(&stranger, &wrong).err(), Some(StaffRefusal::Unknown), "nothing to count against");
    }
    let site = site.reopened();
    assert!(matches!(site.clinic.prove_staff(&site.badge.code, &site.passphrase()), Err(StaffRefusal::Locked { .. })));
    site.clock.advance(Duration::from_secs(15 * 60));
    assert!(site.clinic.prove_staff(&site.badge.code, &site.passphrase()).is_ok());
}

/// A badge as somebody would make it who can append to the ledger but has no key of it.
fn forged(ledger: LedgerId, registrations: Vec<crate::ledger::payload::Registration>) -> (BadgeCode, Passphrase, OpenerEntry) {
    let entropy = SystemEntropy::default();
    let (code, passphrase) = (BadgeCode::random(&ledger.0, &entropy), Passphrase::entered("chosen by the forger"));
    let (id, salt, seed) = (OpenerId(random(&entropy)), random(&entropy), Secret::random(&entropy));
    let public = Opener::from_seed(&seed).public(id, OpenerKind::Badge, code.locator());
    let own_key = Key::random(&entropy);
    let sealed = wrap(&ledger.0, &own_key, KeyKind::Ledger, &public).unwrap();
    let key = code.key(&passphrase, &mut crate::seal::card::PinMemory::default(), &salt);
    let entry = OpenerEntry {
        opener: id,
        kind: public.kind,
        x25519: public.x25519,
        ed25519: public.ed25519,
        locator: Some(public.locator),
        seed: Some(seal_box(&key, &seed_info(id), &seed, &entropy)),
        salt: Some(salt),
        registrations,
        wraps: vec![Wrap { key: own_key.id, kind: KeyKind::Ledger, opener: id, sealed }],
    };
    (code, passphrase, entry)
}

/// Another member's entry in a ledger that it holds.
fn append_elsewhere(at: &Site, ledger: LedgerId, entry: &OpenerEntry) {
    let bytes = body::open_class(&entry.content().encode()).unwrap();
    // Found by its locator, as what an honest node writes is.
    let found_by = |kind, key: Vec<u8>, value: Vec<u8>| Projection { kind, key, value };
    let locator = entry.locator.unwrap().to_vec();
    let projections =
        vec![found_by(LOCATOR, locator, entry.opener.0.to_vec()), found_by(OPENER, entry.opener.0.to_vec(), Vec::new())];
    let draft = Draft { kind: CoarseKind::KEY, subject: Subject::NONE, body: bytes, projections, sealed_in: None };
    at.clinic.store().append_to(ledger, vec![draft], Urgency::Normal).wait().unwrap();
}

/// The entry of the badge that was made last, as a clinic's own ledger has it.
fn last_badge(of: &Site) -> OpenerEntry {
    let ledger = of.clinic.ledger();
    let keys = of.clinic.store().read_now(move |reader| reader.entries_of_kind(ledger, CoarseKind::KEY, 0, u32::MAX)).unwrap();
    let plain = keys.iter().filter_map(|entry| body::read_open(entry.body.as_ref()?).ok());
    let mut entries = plain.filter_map(|plain| {
        minicbor::decode::<OpenerEntry>(&crate::ledger::content::Content::decode(&plain).ok()?.payload).ok()
    });
    entries.rfind(|entry| entry.kind == OpenerKind::Badge).unwrap()
}

#[test]
fn a_badge_that_a_holder_wrote_into_the_ledger_is_nobody() {
    let (_, home, holder) = pair();
    let ledger = home.clinic.ledger();
    copy(&home, &holder, ledger);
    let badge = last_badge(&home);
    // Once without any registration, once with that of the genuine badge.
    for registrations in [Vec::new(), badge.registrations.clone()] {
        let (code, passphrase, entry) = forged(ledger, registrations);
        append_elsewhere(&holder, ledger, &entry);
        copy(&holder, &home, ledger);
        assert_eq!(home.clinic.prove_staff(&code, &passphrase).err(), Some(StaffRefusal::NotRegistered));
        assert_eq!(holder.clinic.unlock(&code, &passphrase).err(), Some(StaffRefusal::NotRegistered));
    }
    // The genuine badge's place taken by an entry that opens with nothing, and the genuine badge revoked by a stranger to it.
    let twin = OpenerEntry { seed: Some(vec![1; 97]), wraps: Vec::new(), ..badge.clone() };
    append_elsewhere(&holder, ledger, &twin);
    let revoked = crate::ledger::payload::OpenerRevoked { opener: badge.opener, reason: 1 };
    let bytes = body::open_class(&revoked.content().encode()).unwrap();
    let draft = Draft { kind: CoarseKind::KEY, subject: Subject::NONE, body: bytes, projections: Vec::new(), sealed_in: None };
    holder.clinic.store().append_to(ledger, vec![draft], Urgency::Normal).wait().unwrap();
    copy(&holder, &home, ledger);
    assert!(
        home.clinic.prove_staff(&home.badge.code, &home.passphrase()).is_ok(),
        "the clinic's own word counts for its staff"
    );
    assert!(home.clinic.emergency_half().is_ok());
    assert_eq!(home.clinic.staff_signers().unwrap(), [badge.ed25519]);
}

#[test]
fn what_somebody_wrote_into_another_ledger_under_a_badges_locator_shuts_nobody_out() {
    let (_, home, holder) = pair();
    let ledger = home.clinic.ledger();
    // One that comes before the home's wherever ledgers are gone through.
    let third = std::iter::repeat_with(|| Site::new("三")).find(|third| third.clinic.ledger() < ledger).unwrap();
    copy(&home, &holder, ledger);
    copy(&third, &holder, third.clinic.ledger());
    let badge = last_badge(&home);
    // What opens with nothing, and what opens as the badge does.
    for twin in [OpenerEntry { seed: Some(vec![1; 97]), ..badge.clone() }, badge] {
        append_elsewhere(&holder, third.clinic.ledger(), &twin);
        for _again in 0..7 {
            holder.clinic.unlock(&home.badge.code, &home.passphrase()).unwrap();
        }
        assert_eq!(unlock_of(&holder, &home), Some(Unlock::Open));
    }
}

#[test]
fn a_key_of_a_forgers_making_is_not_taken_for_the_ledgers() {
    let (_, home, holder) = pair();
    let third = Site::new("三");
    let ledger = home.clinic.ledger();
    copy(&home, &holder, ledger);
    copy(&home, &third, ledger);
    // Somebody who holds the ledger seals a key of their own to the holder's emergency key, and writes it as a ledger key.
    let half = holder.clinic.emergency_half().unwrap();
    let key = Key::random(&SystemEntropy::default());
    let sealed = wrap(&ledger.0, &key, KeyKind::Ledger, &half).unwrap();
    let wraps = vec![Wrap { key: key.id, kind: KeyKind::Ledger, opener: half.id, sealed }];
    let entry = crate::ledger::payload::LedgerKey { key: key.id, inbox: key.inbox_public(), wraps, predecessors: Vec::new() };
    let bytes = body::open_class(&entry.content().encode()).unwrap();
    let draft = Draft { kind: CoarseKind::KEY, subject: Subject::NONE, body: bytes, projections: Vec::new(), sealed_in: None };
    third.clinic.store().append_to(ledger, vec![draft], Urgency::Normal).wait().unwrap();
    copy(&third, &holder, ledger);
    holder.clinic.unlock(&holder.badge.code, &holder.passphrase()).unwrap();
    assert_ne!(unlock_of(&holder, &home), Some(Unlock::Open), "the home does not vouch for it");
    home.member.confirm_holder(holder.member.site(), &staff(&home)).unwrap();
    copy(&home, &holder, ledger);
    holder.clinic.unlock(&holder.badge.code, &holder.passphrase()).unwrap();
    assert_eq!(unlock_of(&holder, &home), Some(Unlock::Open));
}
