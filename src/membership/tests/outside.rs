//! Badges for helpers from outside: they open a site with nobody of it left, and nothing else opens it.

use super::*;
use crate::clinic::staff::{Leaving, Outsider, Person, Unlock};
use crate::ledger::payload::OutsideOutcome;
use crate::region::kit::KitKey;
use crate::region::outside::{BadgeFile, Credential, NoSlot, OutsideId};
use crate::region::payload::{Holders, Placement};
use crate::seal::card::PinMemory;

use crate::seal::pin::LongPin;

const YEAR_MS: i64 = 365 * 24 * 60 * 60 * 1_000;
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// A home whose copy lies at a holder that can open it; and a third site, at which nobody has ever unlocked.
pub(super) struct Area {
    kit: Kit,
    pub(super) home: Site,
    pub(super) holder: Site,
    third: Site,
}

impl Area {
    /// The holder's staff have been there once, and are gone.
    pub(super) fn new() -> Self {
        let home = Site::new("家");
        let kit = Kit::random(&SystemEntropy::default());
        home.member.found("高知", "http://kusuri.internal", &kit).unwrap();
        let word = Word::root(&[kit.root.whole().code()]).unwrap();
        let (holder, third) = (Site::new("控え"), Site::new("遠く"));
        join(&home, &holder, &word);
        join(&home, &third, &word);
        let ledgers = vec![Holders { ledger: home.clinic.ledger(), sites: vec![holder.member.site()] }];
        let placement = Placement { predecessors: Vec::new(), ledgers, settles: Vec::new() };
        home.member.say_for_region(&word, &placement).unwrap();
        let staff = home.clinic.prove_staff(&home.badge.code, &home.passphrase()).unwrap();
        home.member.confirm_holder(holder.member.site(), &staff).unwrap();
        copy(&home, &holder, home.clinic.ledger());
        meet(&[&home, &holder, &third]);
        holder.member.unlock(&holder.badge.code, &holder.passphrase()).unwrap();
        holder.clinic.lock();
        meet(&[&home, &holder, &third]);
        Self { kit, home, holder, third }
    }

    pub(super) fn issue_for(&self, area: &[&Site], hours: u32) -> (BadgeFile, LongPin) {
        let area = area.iter().map(|site| site.member.site()).collect();
        let wish = BadgeWish { name: "応援 花子".to_owned(), licence: "123456".to_owned(), area, hours };
        let issued = self.home.member.issue_badge(&self.kit.duty, &wish).unwrap();
        (issued.file, issued.pin)
    }

    pub(super) fn issue(&self) -> (BadgeFile, LongPin) {
        self.issue_for(&[&self.holder], 72)
    }

    fn credential(&self, file: &BadgeFile, pin: &LongPin) -> Credential {
        let region = self.home.region();
        file.open(region.founded(), region.id(), pin, &mut PinMemory::default()).unwrap()
    }

    /// The same badge with something else in it, under the same PIN, signed by any duty key.
    fn changed(&self, (file, pin): &(BadgeFile, LongPin), duty: &KitKey, change: impl Fn(&mut Credential)) -> BadgeFile {
        let mut credential = self.credential(file, pin);
        change(&mut credential);
        credential.seal(&duty.opener(), pin, &mut PinMemory::default(), &SystemEntropy::default())
    }

    fn is_open(&self) -> bool {
        self.holder.clinic.unlock_states().unwrap()[&self.home.clinic.ledger()] == Unlock::Open
    }

    fn outcomes(&self) -> Vec<OutsideOutcome> {
        self.holder.clinic.outside_tries().unwrap().into_iter().map(|(_, tried)| tried.outcome).collect()
    }
}

pub(super) fn open(site: &Site, (file, pin): &(BadgeFile, LongPin)) -> Result<BadgeOpened, BadgeRefusal> {
    site.member.open_with_badge(file, pin)
}

#[test]
fn a_badge_opens_a_locked_holder_with_nobody_left_and_after_a_restart() {
    let Area { kit, home, holder, third } = Area::new();
    let area = Area { kit, home, holder: holder.reopened(), third };
    let badge = area.issue();
    assert!(!area.is_open());
    let opened = open(&area.holder, &badge).unwrap();
    assert_eq!((opened.name.as_str(), opened.licence.as_str()), ("応援 花子", "123456"));
    assert_eq!(opened.left_ms, 72 * 60 * 60 * 1_000);
    assert!(area.is_open());
    let tries = area.holder.clinic.outside_tries().unwrap();
    let [(at_ms, tried)] = &tries[..] else { panic!("{tries:?}") };
    assert_eq!(
        (*at_ms, tried.badge, tried.name.as_str(), tried.licence.as_str()),
        (NOW_MS, badge.0.badge.0, "応援 花子", "123456")
    );
    assert_eq!((tried.outcome, tried.open_s), (OutsideOutcome::Opened, Some(72 * 3_600)));
    assert_eq!(area.holder.clinic.lock(), 1);
    assert!(!area.is_open());
    // Within its hours the same badge opens again, also after a restart, and with what a rebuild leaves.
    open(&area.holder, &badge).unwrap();
    let Area { kit, home, holder, third } = area;
    let area = Area { kit, home, holder: holder.reopened(), third };
    assert!(!area.is_open(), "forgotten at a restart");
    area.holder.clinic.rebuild(&mut |_| {}).unwrap();
    open(&area.holder, &badge).unwrap();
    assert!(area.is_open());
    let kept = area.holder.member.badges().unwrap();
    assert_eq!((kept.slots_left, kept.used.len(), kept.used[0].times), (Some(19), 1, 3));
}

#[test]
fn it_ends_by_running_time_and_never_opens_again() {
    let area = Area::new();
    let badge = area.issue_for(&[&area.holder], 5);
    assert_eq!(open(&area.holder, &badge).unwrap().left_ms, 5 * 3_600_000);
    area.holder.clock.advance(3 * HOUR);
    assert!(area.is_open());
    area.holder.clock.advance(HOUR);
    assert!(!area.is_open(), "forgotten after four hours");
    // What is opened in its last hour ends with it. The clock stands still: only running time counts.
    area.holder.clock.set(NOW_MS - YEAR_MS);
    assert_eq!(open(&area.holder, &badge).unwrap().left_ms, 3_600_000);
    area.holder.clock.advance(HOUR - Duration::from_millis(1));
    assert!(area.is_open());
    area.holder.clock.advance(Duration::from_millis(1));
    assert!(!area.is_open(), "it has run out");
    assert_eq!(open(&area.holder, &badge), Err(BadgeRefusal::Expired { hours: 5 }));
    let Area { kit, home, holder, third } = area;
    let area = Area { kit, home, holder: holder.reopened(), third };
    assert_eq!(open(&area.holder, &badge), Err(BadgeRefusal::Expired { hours: 5 }), "nor after a restart");
    assert_eq!(area.outcomes().last(), Some(&OutsideOutcome::Expired));
}

#[test]
fn a_trusted_clock_ends_a_badge_that_was_issued_too_long_ago() {
    let area = Area::new();
    let badge = area.issue();
    area.holder.clock.set(NOW_MS + 72 * HOUR_MS);
    assert!(matches!(open(&area.holder, &badge), Err(BadgeRefusal::ExpiredByClock { .. })));
    area.holder.clock.set(NOW_MS + 71 * HOUR_MS);
    assert_eq!(open(&area.holder, &badge).unwrap().left_ms, 3_600_000, "no longer than since it was issued");
}

#[test]
fn a_clock_a_year_behind_is_not_trusted_and_running_time_decides() {
    let area = Area::new();
    let badge = area.issue();
    area.holder.clock.set(NOW_MS - YEAR_MS);
    assert_eq!(open(&area.holder, &badge).unwrap().left_ms, 72 * 3_600_000);
    area.holder.clock.advance(71 * HOUR);
    assert_eq!(open(&area.holder, &badge).unwrap().left_ms, 3_600_000);
    area.holder.clock.advance(HOUR);
    assert_eq!(open(&area.holder, &badge), Err(BadgeRefusal::Expired { hours: 72 }));
}

#[test]
fn a_clock_a_year_ahead_refuses_and_says_which_day_it_shows_until_it_is_set() {
    let area = Area::new();
    let badge = area.issue();
    area.holder.clock.set(NOW_MS + YEAR_MS);
    let refused = open(&area.holder, &badge).unwrap_err();
    assert_eq!(refused, BadgeRefusal::ExpiredByClock { today: "2027-11-18".to_owned() });
    assert!(refused.sentence().en.contains("2027-11-18") && refused.next_action().en.contains("set it"));
    area.holder.clock.set(NOW_MS);
    assert_eq!(open(&area.holder, &badge).unwrap().left_ms, 72 * 3_600_000);
}

#[test]
fn a_clock_that_is_behind_issues_no_badge_and_says_what_to_do() {
    let area = Area::new();
    let sites = vec![area.holder.member.site()];
    let wish = BadgeWish { name: "応援 花子".to_owned(), licence: "123456".to_owned(), area: sites, hours: 72 };
    for behind_ms in [YEAR_MS, NOW_MS] {
        area.home.clock.set(NOW_MS - behind_ms);
        let refused = area.home.member.issue_badge(&area.kit.duty, &wish).unwrap_err();
        assert!(matches!(refused, MembershipError::ClockBehind { .. }) && refused.to_string().contains("set it"), "{refused}");
    }
    area.home.clock.set(NOW_MS);
    open(&area.holder, &area.issue()).unwrap();
}

#[test]
fn a_forged_badge_opens_nothing() {
    let area = Area::new();
    let badge = area.issue();
    let other = KitKey::random(crate::region::kit::Purpose::Duty, &SystemEntropy::default());
    let by_another = area.changed(&badge, &other, |_| {});
    assert_eq!(open(&area.holder, &(by_another, badge.1.clone())), Err(BadgeRefusal::Forged));
    // Root signs for the region, and yet no badges.
    let by_root = area.changed(&badge, &area.kit.root, |_| {});
    assert_eq!(open(&area.holder, &(by_root, badge.1.clone())), Err(BadgeRefusal::Forged));
    let longer = area.changed(&badge, &area.kit.duty, |credential| credential.hours = 73);
    assert_eq!(open(&area.holder, &(longer, badge.1.clone())), Err(BadgeRefusal::Forged), "nobody may sign that");
    let elsewhere = area.changed(&badge, &area.kit.duty, |credential| credential.region = crate::region::RegionId([7; 32]));
    assert_eq!(open(&area.holder, &(elsewhere, badge.1.clone())), Err(BadgeRefusal::Forged));
    assert!(!area.is_open());
    assert_eq!(area.outcomes(), [OutsideOutcome::Forged; 4]);
    let told = area.holder.clinic.outside_tries().unwrap();
    assert!(told.iter().all(|(_, tried)| tried.name.is_empty()), "nothing that a forger wrote stands in the ledger");
    open(&area.holder, &badge).unwrap();
}

#[test]
fn altered_bytes_are_found_before_anything_is_tried() {
    let area = Area::new();
    let (file, pin) = area.issue();
    let text = file.text();
    assert_eq!(BadgeFile::read(&text), Ok(file.clone()));
    assert_eq!(BadgeFile::read(&file.qr_text()), Ok(file.clone()));
    let code = text.find('\n').unwrap() + 60;
    for at in [code, text.len() - 8] {
        let mut altered = text.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        assert!(BadgeFile::read(&String::from_utf8(altered).unwrap()).is_err(), "{at}");
    }
    // Whoever makes the check sum fit as well has a file that the PIN does not open.
    let other = area.issue();
    let mixed = (BadgeFile { badge: other.0.badge, ..file }, pin);
    assert_eq!(open(&area.holder, &mixed), Err(BadgeRefusal::WrongPin { tries_left: 4 }));
}

#[test]
fn a_badge_for_other_sites_opens_nothing_here() {
    let area = Area::new();
    area.third.member.unlock(&area.third.badge.code, &area.third.passphrase()).unwrap();
    area.third.clinic.lock();
    meet(&[&area.home, &area.third]);
    let badge = area.issue_for(&[&area.third], 72);
    let refused = open(&area.holder, &badge);
    assert_eq!(refused, Err(BadgeRefusal::OtherArea { names: "遠く".to_owned() }));
    // Not even where its owner writes this site over the other: the slot is the other's.
    let holder = area.holder.member.site();
    let moved = area.changed(&badge, &area.kit.duty, |credential| credential.area[0].site = holder);
    assert_eq!(open(&area.holder, &(moved, badge.1.clone())), Err(BadgeRefusal::NoSuchSlot));
    assert_eq!(area.outcomes(), [OutsideOutcome::OtherArea, OutsideOutcome::NoSuchSlot]);
    assert!(!area.is_open());
}

#[test]
fn a_slot_is_the_badges_that_used_it_first() {
    let area = Area::new();
    let badge = area.issue();
    // Two issuers who know nothing of each other have given out the same slot.
    let twin = area.credential(&badge.0, &badge.1);
    let twin = Credential { badge: OutsideId([9; 16]), name: "ほか".to_owned(), ..twin };
    let twin =
        (twin.seal(&area.kit.duty.opener(), &badge.1, &mut PinMemory::default(), &SystemEntropy::default()), badge.1.clone());
    open(&area.holder, &twin).unwrap();
    area.holder.clinic.lock();
    assert_eq!(open(&area.holder, &badge), Err(BadgeRefusal::SlotTaken { first_ms: NOW_MS }));
    assert!(!area.is_open());
    // Also when the first has run out: its slot is not free again.
    area.holder.clock.set(NOW_MS - YEAR_MS);
    area.holder.clock.advance(100 * HOUR);
    assert!(matches!(open(&area.holder, &badge), Err(BadgeRefusal::SlotTaken { .. })));
    assert_eq!(open(&area.holder, &twin), Err(BadgeRefusal::Expired { hours: 72 }));
}

#[test]
fn wrong_pins_are_counted_and_lock() {
    let area = Area::new();
    let (file, pin) = area.issue();
    let wrong = LongPin::read("0000-0000-0000").unwrap();
    for left in (0..5).rev() {
        assert_eq!(open(&area.holder, &(file.clone(), wrong.clone())), Err(BadgeRefusal::WrongPin { tries_left: left }));
    }
    assert_eq!(open(&area.holder, &(file.clone(), pin.clone())), Err(BadgeRefusal::Locked { wait_s: 900 }));
    assert_eq!(area.outcomes(), [OutsideOutcome::WrongPin; 5]);
    area.holder.clock.advance(Duration::from_secs(900));
    open(&area.holder, &(file, pin)).unwrap();
}

#[test]
fn made_up_badges_leave_a_handful_of_entries_and_keep_no_genuine_one_out() {
    let area = Area::new();
    let (file, pin) = area.issue();
    let made_up = |n: u16| {
        let mut badge = [9; 16];
        badge[..2].copy_from_slice(&n.to_be_bytes());
        (BadgeFile { badge: OutsideId(badge), ..file.clone() }, pin.clone())
    };
    for n in 0..150 {
        assert_eq!(open(&area.holder, &made_up(n)), Err(BadgeRefusal::WrongPin { tries_left: 4 }));
        if n == 75 {
            open(&area.holder, &(file.clone(), pin.clone())).unwrap();
        }
    }
    let tries = area.holder.clinic.outside_tries().unwrap();
    let (opened, failed): (Vec<_>, Vec<_>) =
        tries.iter().map(|(_, tried)| tried).partition(|t| t.outcome == OutsideOutcome::Opened);
    assert_eq!((opened.len(), failed.len()), (1, 7), "{failed:?}");
    let counted: Vec<_> = failed.iter().filter_map(|tried| Some((tried.badge, tried.tries?))).collect();
    assert_eq!(counted, [([0; 16], 5), ([0; 16], 90)], "of a hundred tries five stand for themselves");
    let kept = |badge: [u8; 16]| area.holder.clinic.store().read_now(move |reader| reader.wrong_tries(&badge)).unwrap();
    assert!((0..150).all(|n| kept(made_up(n).0.badge.0) == 0), "nothing is kept of them");
    // A badge that has opened this site is known here: each of its tries is kept and noted.
    let wrong = LongPin::read("0000-0000-0000").unwrap();
    assert_eq!(open(&area.holder, &(file.clone(), wrong)), Err(BadgeRefusal::WrongPin { tries_left: 4 }));
    assert_eq!((kept(file.badge.0), area.outcomes().len()), (1, 9));
}

#[test]
fn a_badge_that_staff_issued_ends_with_the_badge_of_either_of_them() {
    let area = Area::new();
    let Site { clinic, member, badge, .. } = &area.holder;
    member.unlock(&badge.code, &area.holder.passphrase()).unwrap();
    let admin = clinic.prove_staff(&badge.code, &area.holder.passphrase()).unwrap();
    let added = |name| {
        let badge = clinic.add_staff(&admin, name, crate::clinic::staff::Role::Pharmacist, None).unwrap();
        clinic.prove_staff(&badge.code, &Passphrase::entered(badge.passphrase.as_ref().unwrap())).unwrap()
    };
    let [one, two, three, four] = ["一", "二", "三", "四"].map(added);
    let wish = LocalWish { name: "応援 花子".to_owned(), licence: "123456".to_owned() };
    let issued = |first, second| {
        let issued = member.issue_local_badge(first, second, &wish).unwrap();
        (issued.file, issued.pin)
    };
    let [first_lost, second_lost, kept] = [issued(&one, &three), issued(&four, &two), issued(&three, &four)];
    let here = |(file, _): &(BadgeFile, LongPin)| {
        let (badge, area) = (file.badge, Vec::new());
        let outsider = Outsider { badge, name: wish.name.clone(), licence: wish.licence.clone(), area, until: Duration::MAX };
        clinic.still_here(&Person::Outside(outsider)).unwrap().is_some()
    };
    for local in [&first_lost, &second_lost, &kept] {
        open(&area.holder, local).unwrap();
        assert!(here(local));
    }
    clinic.revoke_staff(&admin, one.opener(), Leaving::Left).unwrap();
    clinic.revoke_staff(&admin, two.opener(), Leaving::Lost).unwrap();
    for local in [&first_lost, &second_lost] {
        assert!(!here(local), "a session of it ends");
        assert_eq!(open(&area.holder, local), Err(BadgeRefusal::LostIssuer));
    }
    assert!(here(&kept));
    open(&area.holder, &kept).unwrap();
}

#[test]
fn no_two_badges_of_an_issuer_share_a_slot_and_new_slots_come_when_few_are_left() {
    let area = Area::new();
    let badges: Vec<_> = (0..20).map(|_| area.issue()).collect();
    let numbers: BTreeSet<u8> = badges.iter().map(|(file, pin)| area.credential(file, pin).area[0].number).collect();
    assert_eq!(numbers.len(), 20);
    let wish = BadgeWish { name: "a".to_owned(), licence: "b".to_owned(), area: vec![area.holder.member.site()], hours: 1 };
    let full = area.home.member.issue_badge(&area.kit.duty, &wish);
    assert!(matches!(full, Err(MembershipError::NoSlots { .. })), "{full:?}");
    for badge in &badges[..15] {
        open(&area.holder, badge).unwrap();
    }
    // An outside badge makes no slots; a member of the staff does.
    assert!(!area.holder.member.renew_slots().unwrap());
    assert!(!area.home.member.renew_slots().unwrap());
    area.holder.clinic.lock();
    area.holder.member.unlock(&area.holder.badge.code, &area.holder.passphrase()).unwrap();
    assert_eq!(area.holder.member.badges().unwrap().slots_left, Some(20));
    area.holder.clinic.lock();
    meet(&[&area.home, &area.holder]);
    open(&area.holder, &area.issue()).unwrap();
    open(&area.holder, &badges[19]).unwrap();
}

#[test]
fn slots_are_made_anew_each_quarter_while_the_key_is_open() {
    let area = Area::new();
    let made = |area: &Area| area.holder.region().slots(area.holder.member.site()).unwrap().period;
    let first = made(&area);
    area.holder.member.unlock(&area.holder.badge.code, &area.holder.passphrase()).unwrap();
    assert!(!area.holder.member.renew_slots().unwrap());
    area.holder.clock.advance(91 * 24 * HOUR);
    assert!(!area.holder.member.renew_slots().unwrap(), "nothing is open any more");
    let old = area.issue();
    area.holder.member.unlock(&area.holder.badge.code, &area.holder.passphrase()).unwrap();
    assert_ne!(made(&area), first);
    area.holder.clinic.lock();
    area.holder.clock.set(NOW_MS);
    open(&area.holder, &old).unwrap();
}

#[test]
fn where_nobody_ever_unlocked_there_is_no_slot_and_another_key_makes_no_badge() {
    let area = Area::new();
    let sites = vec![area.third.member.site(), area.holder.member.site()];
    let wish = BadgeWish { name: "a".to_owned(), licence: "b".to_owned(), area: sites, hours: 72 };
    let issued = area.home.member.issue_badge(&area.kit.duty, &wish).unwrap();
    assert_eq!(issued.without, [(area.third.member.site(), NoSlot::NotMade)]);
    for wrong in [&area.kit.root, &area.kit.recovery] {
        assert!(matches!(area.home.member.issue_badge(wrong, &wish), Err(MembershipError::NotDuty { .. })));
    }
    let other = KitKey::random(crate::region::kit::Purpose::Duty, &SystemEntropy::default());
    assert!(matches!(area.home.member.issue_badge(&other, &wish), Err(MembershipError::NotDuty { .. })));
}

#[test]
fn a_seed_that_is_not_the_emergency_keys_opens_nothing() {
    let area = Area::new();
    let seed = crate::seal::key::Secret::new([5; 32]);
    assert_eq!(area.holder.clinic.unlock_with_seed(&seed, HOUR), Ok(None));

    assert!(!area.is_open());
}
