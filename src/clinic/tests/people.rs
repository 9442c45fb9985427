//! Accounts and roles: who may make badges, what a role allows, and what leaving ends.

use super::*;
use crate::clinic::glass::Whose;
use crate::clinic::staff::accounts::admins;
use crate::clinic::staff::{Act, Leaving, NewBadge, Person, Role, SignedIn, Staff, StaffRefusal};
use crate::record::{LookShown, Looker, Rank};
use crate::seal::badge::Passphrase;
use crate::seal::key::OpenerId;

const PASSPHRASE: &str = "いろはにほへとちりぬる";

fn chosen() -> Option<Passphrase> {
    Some(Passphrase::chosen(PASSPHRASE).unwrap())
}

fn sign_in(clinic: &Clinic, badge: &NewBadge) -> Result<SignedIn, StaffRefusal> {
    clinic.sign_in(&badge.code, &Passphrase::entered(PASSPHRASE))
}

fn staff(clinic: &Clinic, badge: &NewBadge) -> Staff {
    sign_in(clinic, badge).unwrap().staff.unwrap()
}

fn role(clinic: &Clinic, badge: &NewBadge) -> Rank {
    sign_in(clinic, badge).unwrap().person.rank()
}

/// A clinic with its first admin, made as every version made them: without an account.
fn clinic() -> (Fixture, Clinic, NewBadge, Staff) {
    let (fixture, clinic) = Fixture::new();
    let badge = clinic.first_admin(chosen()).unwrap();
    let admin = staff(&clinic, &badge);
    (fixture, clinic, badge, admin)
}

#[test]
fn a_badge_from_before_accounts_is_an_admins_and_a_second_admin_is_asked_for() {
    let (fixture, clinic, badge, admin) = clinic();
    assert_eq!((role(&clinic, &badge), clinic.admins_lacking().unwrap()), (Rank::Admin, 1));
    let second = clinic.add_staff(&admin, "見本 二", Role::Admin, chosen()).unwrap();
    assert_eq!(clinic.admins_lacking().unwrap(), 0);
    clinic.change_staff(&staff(&clinic, &second), badge.opener, "見本 一", Role::Pharmacist).unwrap();
    assert_eq!((role(&clinic, &badge), role(&clinic, &second)), (Rank::Pharmacist, Rank::Admin));
    drop((clinic, admin));
    let clinic = fixture.open().unwrap();
    let accounts = clinic.accounts().unwrap();
    let named: Vec<_> = accounts.iter().map(|account| (account.name.as_str(), account.role, account.by.is_some())).collect();
    assert_eq!(named, [("見本 一", Role::Pharmacist, true), ("見本 二", Role::Admin, true)]);
    super::region::is_clean(&clinic);
    clinic.rebuild(&mut |_| {}).unwrap();
    assert_eq!(clinic.accounts().unwrap(), accounts);
}

#[test]
fn only_an_admin_decides_about_people_and_never_about_the_last_admin() {
    let (_fixture, clinic, first, admin) = clinic();
    let reader = clinic.add_staff(&admin, "読む人", Role::Reader, chosen()).unwrap();
    let pharmacist = clinic.add_staff(&admin, "薬剤師", Role::Pharmacist, chosen()).unwrap();
    for other in [staff(&clinic, &reader), staff(&clinic, &pharmacist)] {
        let refused = |result: Result<(), ClinicError>| assert!(matches!(result, Err(ClinicError::NotAllowed { .. })));
        refused(clinic.add_staff(&other, "x", Role::Reader, chosen()).map(drop));
        refused(clinic.change_staff(&other, other.opener(), "x", Role::Admin));
        refused(clinic.revoke_staff(&other, reader.opener, Leaving::Left));
    }
    let last = |result: Result<(), ClinicError>| assert!(matches!(result, Err(ClinicError::LastAdmin)));
    last(clinic.change_staff(&admin, first.opener, "x", Role::Reader));
    last(clinic.revoke_staff(&admin, first.opener, Leaving::Lost));
    for bad in ["", "  ", "a\nb", &"長".repeat(61)] {
        assert!(matches!(clinic.add_staff(&admin, bad, Role::Reader, chosen()), Err(ClinicError::NameLength(_))));
    }
    assert_eq!(admins(&clinic.accounts().unwrap()).count(), 1);
    assert!(clinic.check_may(&staff(&clinic, &pharmacist), Act::Write).is_ok());
    assert!(clinic.check_may(&staff(&clinic, &reader), Act::Write).is_err());
}

#[test]
fn of_two_admins_who_act_on_each_other_at_once_one_stays() {
    type Deed = fn(&Clinic, &Staff, OpenerId) -> Result<(), ClinicError>;
    let revoke: Deed = |clinic, by, whom| clinic.revoke_staff(by, whom, Leaving::Left);
    let demote: Deed = |clinic, by, whom| clinic.change_staff(by, whom, "x", Role::Reader);
    for (one, other) in [(revoke, revoke), (demote, demote), (revoke, demote)] {
        let (_fixture, clinic, first, admin) = clinic();
        let badge = clinic.add_staff(&admin, "二人目", Role::Admin, chosen()).unwrap();
        let second = staff(&clinic, &badge);
        let start = std::sync::Barrier::new(2);
        let both = std::thread::scope(|scope| {
            let at_once = |deed: Deed, by, whom| {
                let (clinic, start) = (&clinic, &start);
                scope.spawn(move || {
                    start.wait();
                    deed(clinic, by, whom)
                })
            };
            [at_once(one, &admin, badge.opener), at_once(other, &second, first.opener)].map(|deed| deed.join().unwrap())
        });
        assert_eq!(both.iter().filter(|done| done.is_ok()).count(), 1, "{both:?}");
        assert_eq!(admins(&clinic.accounts().unwrap()).count(), 1);
    }
}

#[test]
fn a_new_badge_opens_what_the_first_one_opens() {
    let (_fixture, clinic, _first, admin) = clinic();
    let half = clinic.emergency_half().unwrap();
    let badge = clinic.add_staff(&admin, "二人目", Role::Reader, None).unwrap();
    let passphrase = Passphrase::entered(badge.passphrase.as_ref().unwrap());
    let second = clinic.sign_in(&badge.code, &passphrase).unwrap().staff.unwrap();
    assert!(second.emergency_seed(&half).is_some_and(|seed| Some(seed) == admin.emergency_seed(&half)));
}

#[test]
fn who_has_left_is_nobody_at_once_and_stays_in_the_list() {
    let (_fixture, clinic, _first, admin) = clinic();
    let badge = clinic.add_staff(&admin, "辞める人", Role::Pharmacist, chosen()).unwrap();
    let here = sign_in(&clinic, &badge).unwrap().person;
    assert!(clinic.still_here(&here).unwrap().is_some());
    clinic.revoke_staff(&admin, badge.opener, Leaving::Left).unwrap();
    assert_eq!(clinic.still_here(&here).unwrap(), None, "a session that was open ends");
    assert_eq!(sign_in(&clinic, &badge).err(), Some(StaffRefusal::Revoked));
    let left: Vec<_> = clinic.accounts().unwrap().into_iter().filter(|account| account.has_left).collect();
    assert_eq!((left.len(), left[0].name.as_str()), (1, "辞める人"));
    assert!(matches!(clinic.revoke_staff(&admin, badge.opener, Leaving::Left), Err(ClinicError::NoSuchBadge)));
}

#[test]
fn a_look_at_an_own_patient_says_who_by_name_and_a_strangers_is_refused() {
    let (_fixture, clinic, _first, admin) = clinic();
    let subject = register(&clinic);
    let badge = clinic.add_staff(&admin, "見本 薬子", Role::Reader, chosen()).unwrap();
    let person = sign_in(&clinic, &badge).unwrap().person;
    let whose = Whose { ledger: clinic.ledger(), subject };
    let looked = clinic.look_at_own(whose, LookShown::Record, &person).unwrap();
    let chart = clinic.chart_looked_at(&looked).unwrap();
    assert_eq!(memos(&chart.facts), [MEMO]);
    let looks: Vec<_> =
        chart.facts.iter().filter_map(|f| if let Content::Look(look) = &f.content { Some(look) } else { None }).collect();
    let right = looks[0].right.as_ref().unwrap();
    assert_eq!((looks[0].by, looks[0].name.as_str(), right.rank), (Looker::Staff, "見本 薬子", Rank::Reader));
    assert_eq!(
        (right.badge, right.site, right.shown, &right.glass),
        (badge.opener.0, clinic.site().0, LookShown::Record, &None)
    );
    let listed = clinic.look_at_own(whose, LookShown::Listed, &person).unwrap();
    assert!(memos(&clinic.chart_looked_at(&listed).unwrap().facts).is_empty(), "who was listed shows a name and no more");
    let elsewhere = Whose { ledger: crate::ledger::LedgerId([9; 16]), subject };
    assert!(matches!(clinic.look_at_own(elsewhere, LookShown::Record, &person), Err(ClinicError::NotAllowed { .. })));
    let Person::Staff(mut account) = person else { panic!() };
    account.ledger = crate::ledger::LedgerId([9; 16]);
    assert!(matches!(
        clinic.look_at_own(whose, LookShown::Record, &Person::Staff(account)),
        Err(ClinicError::NotAllowed { .. })
    ));
}
