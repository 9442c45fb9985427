//! Looks through a glass at a holder: noted before anything is read, counted, delivered to the home, reviewed at both.

use super::outside::{Area, open};
use super::*;
use crate::clinic::ClinicError;
use crate::clinic::glass::{AskedRefusal, Asker, BrokenGlass, GlassRefusal, PATIENTS_AN_HOUR, Whose, Why};
use crate::clinic::staff::{Outsider, Person, Role};
use crate::clinic::surroundings::{LedgerView, Surroundings};
use crate::ledger::payload::{AskedBy, Basis, Decision, Opening};
use crate::record::{Consent, Content, DateText, FactId, GlassReason, Look, LookShown, Patient, Rank, Sex, Source, Subject};
use crate::region::holding::Append;
use crate::seal::badge::Passphrase;
use std::time::Duration;

const NAME: &str = "架空 花子";

fn why() -> Why {
    Why { reason: GlassReason::Continuation, words: "津波で薬が流された".to_owned(), consent: Consent::Patient }
}

fn register(site: &Site) -> Subject {
    let person = Patient { name: NAME.to_owned(), sex: Sex::Female, birth: DateText::read("S180512"), ..Patient::default() };
    site.clinic.register(person, Source::UNKNOWN, Vec::new()).unwrap()
}

/// `at` writes into the ledger of `other` as given, as the driver would have found out.
fn introduce(at: &Site, other: &Site, append: Append) {
    let view = LedgerView {
        home: other.clinic.site(),
        home_name: other.clinic.name().to_owned(),
        is_home: false,
        is_held_here: true,
        holders: vec![other.clinic.site(), at.clinic.site()],
        copies: (1, 1),
        home_heard_ms: None,
        append,
        inbox: Some(other.clinic.own_inbox()),
    };
    let (own_site, ledgers) = (at.clinic.site(), [(other.clinic.ledger(), view)].into());
    let region_name = "高知".to_owned();
    at.clinic.set_surroundings(Surroundings { region_name, own_site, sites: Vec::new(), ledgers, filling: None });
}

/// A helper from outside who has opened the holder, and whose record they want to see.
struct Shelter {
    area: Area,
    helper: Person,
    whose: Whose,
}

impl Shelter {
    fn new() -> Self {
        let area = Area::new();
        let subject = register(&area.home);
        copy(&area.home, &area.holder, area.home.clinic.ledger());
        introduce(&area.holder, &area.home, Append::Direct);
        let badge = area.issue();
        let opened = open(&area.holder, &badge).unwrap();
        let until = area.holder.clock.monotonic() + Duration::from_millis(opened.left_ms);
        let (badge, name, licence) = (opened.badge, opened.name, opened.licence);
        let helper = Person::Outside(Outsider { badge, name, licence, area: Vec::new(), until });
        let whose = Whose { ledger: area.home.clinic.ledger(), subject };
        Self { area, helper, whose }
    }
}

fn looks(chart: &crate::clinic::Chart) -> Vec<Look> {
    chart.facts.iter().filter_map(|f| if let Content::Look(look) = &f.content { Some(look.clone()) } else { None }).collect()
}

#[test]
fn a_look_through_a_glass_stands_at_the_site_in_the_record_and_at_home_before_it_shows_anything() {
    let Shelter { area, helper, whose } = Shelter::new();
    let (holder, home) = (&area.holder, &area.home);
    let glass = holder.clinic.break_glass(&helper, &why(), None).unwrap();
    let looked = holder.clinic.look_through(&glass, whose, LookShown::Record, &helper).unwrap();
    // It is there already, and nothing has been read.
    let glasses = holder.clinic.glasses().unwrap();
    let [at] = &glasses[..] else { panic!("{glasses:?}") };
    assert_eq!((at.opened.name.as_str(), at.opened.licence.as_str(), at.opened.rank), ("応援 花子", "123456", Rank::Outside));
    let [(noted, _, None)] = &at.looks[..] else { panic!("{at:?}") };
    assert_eq!((noted.subject, noted.look, noted.glass), (whose.subject, looked.fact(), glass.id()));
    let chart = holder.clinic.chart_looked_at(&looked).unwrap();
    assert_eq!(looks(&chart).len(), 1);
    copy(holder, home, home.clinic.ledger());
    let came = looks(&home.clinic.chart_at_home(whose.subject).unwrap());
    let right = came[0].right.as_ref().unwrap();
    let through = right.glass.as_ref().unwrap();
    assert_eq!(
        (came[0].name.as_str(), right.licence.as_str(), came[0].reason.as_str()),
        ("応援 花子", "123456", "津波で薬が流された")
    );
    assert_eq!(
        (through.reason, through.consent, right.site),
        (GlassReason::Continuation, Consent::Patient, holder.member.site().0)
    );
    let broken = home.clinic.broken_elsewhere().unwrap();
    assert_eq!((broken.len(), broken[0].fact, broken[0].subject), (1, looked.fact(), whose.subject));
    assert_eq!(broken[0].person.as_ref().map(|person| person.name.as_str()), Some(NAME));
}

#[test]
fn what_is_concealed_opens_on_a_basis_of_its_own_that_stands_at_the_site_and_in_the_record() {
    let Shelter { area, helper, whose } = Shelter::new();
    let holder = &area.holder;
    let glass = holder.clinic.break_glass(&helper, &why(), None).unwrap();
    let look = |glass: &BrokenGlass| holder.clinic.look_through(glass, whose, LookShown::Concealed, &helper);
    assert!(matches!(look(&glass), Err(ClinicError::NotNotable(_))), "on what basis?");
    let elsewhere = holder.clinic.note_shown_elsewhere(&glass, whose, LookShown::Concealed, FactId([1; 16]));
    assert!(matches!(elsewhere, Err(ClinicError::NotNotable(_))), "on what basis?");
    assert!(holder.clinic.glasses().unwrap()[0].looks.is_empty());
    let opening = |words: &str| Opening { basis: Basis::Emergency, words: words.to_owned() };
    for words in ["", " \n", &"長".repeat(301)] {
        assert!(matches!(glass.for_concealed(&opening(words)), Err(GlassRefusal::Words)), "{words:?}");
    }
    look(&glass.for_concealed(&opening(" 意識がない ")).unwrap()).unwrap();
    let glasses = holder.clinic.glasses().unwrap();
    assert_eq!((glasses.len(), &glasses[0].looks[0].0.opening), (1, &Some(opening("意識がない"))));
    let through = glass.for_concealed(&opening("x")).unwrap();
    let record = holder.clinic.look_through(&through, whose, LookShown::Record, &helper).unwrap();
    let said: Vec<_> = looks(&holder.clinic.chart_looked_at(&record).unwrap()).into_iter().map(|look| look.reason).collect();
    assert_eq!(said, ["意識がない", &why().words], "what is not concealed has the glass's own reason");
    let table = String::from_utf8(holder.clinic.audit_table().unwrap()).unwrap();
    assert!(table.lines().any(|line| line.contains(",emergency,意識がない,cannot consent,")), "{table}");
}

#[test]
fn a_glass_of_another_box_is_over_after_an_hour() {
    let Shelter { area, whose, .. } = Shelter::new();
    let home = &area.home;
    let (node, site, place) = (area.holder.member.node(), area.holder.member.site(), "みなと薬局".to_owned());
    let asker = |glass| Asker {
        from: AskedBy { node, site, place: place.clone(), signer: None },
        glass: [glass; 16],
        badge: [9; 16],
        name: "応援 花子".to_owned(),
        rank: Rank::Outside,
        licence: "123456".to_owned(),
        why: why(),
        second: String::new(),
    };
    let show = |glass, shown| home.clinic.show_for(&asker(glass), whose, shown, None);
    let listed = show(1, LookShown::Listed).unwrap();
    let again = show(1, LookShown::Listed).unwrap();
    assert_eq!((listed.look, listed.chart.facts.len()), (again.look, 1), "asked again it shows what is noted");
    home.clock.advance(Duration::from_secs(3_599));
    assert!(show(1, LookShown::Record).is_ok());
    home.clock.advance(Duration::from_secs(1));
    assert!(matches!(show(1, LookShown::Record), Err(AskedRefusal::Spent)));
    assert!(matches!(show(2, LookShown::Record), Err(AskedRefusal::Spent)), "another glass begins with who it is");
    assert!(show(2, LookShown::Listed).is_ok());
    assert!(matches!(show(2, LookShown::Concealed), Err(AskedRefusal::Words)), "on what basis?");
    assert_eq!(home.clinic.glasses().unwrap().iter().map(|glass| glass.looks.len()).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn admins_of_both_clinics_review_a_look_and_nobody_else_does() {
    let Shelter { area, helper, whose } = Shelter::new();
    let (holder, home) = (&area.holder, &area.home);
    let glass = holder.clinic.break_glass(&helper, &why(), None).unwrap();
    let looked = holder.clinic.look_through(&glass, whose, LookShown::Record, &helper).unwrap();
    copy(holder, home, home.clinic.ledger());
    for site in [home, holder] {
        let admin = site.clinic.prove_staff(&site.badge.code, &site.passphrase()).unwrap();
        let clinic = &site.clinic;
        assert!(matches!(clinic.review_look(&admin, looked.fact(), Decision::ToClarify, " "), Err(ClinicError::TextLength(0))));
        let unknown = crate::record::FactId([1; 16]);
        assert!(matches!(clinic.review_look(&admin, unknown, Decision::InOrder, ""), Err(ClinicError::NoSuchItem(_))));
        clinic.review_look(&admin, looked.fact(), Decision::ToClarify, "だれの依頼か").unwrap();
        clinic.review_look(&admin, looked.fact(), Decision::InOrder, "確認した").unwrap();
        let passphrase = Passphrase::chosen("いろはにほへとちりぬる").unwrap();
        let badge = clinic.add_staff(&admin, "薬剤師", Role::Pharmacist, Some(passphrase.clone())).unwrap();
        let other = clinic.prove_staff(&badge.code, &passphrase).unwrap();
        assert!(matches!(
            clinic.review_look(&other, looked.fact(), Decision::InOrder, ""),
            Err(ClinicError::NotAllowed { .. })
        ));
        let table = String::from_utf8(clinic.audit_table().unwrap()).unwrap();
        for must in ["応援 花子", "123456", "continuation", "津波で薬が流された", "in order", "確認した"] {
            assert!(table.contains(must), "{must}: {table}");
        }
        assert!(!table.contains(NAME), "the table names no patient");
    }
    let reviewed = home.clinic.broken_elsewhere().unwrap().remove(0).reviewed.unwrap();
    assert_eq!((reviewed.decision, reviewed.note.as_str()), (Decision::InOrder, "確認した"));
    let at = holder.clinic.glasses().unwrap().remove(0);
    assert_eq!(at.looks[0].2.as_ref().map(|reviewed| reviewed.decision), Some(Decision::InOrder));
}

#[test]
fn thirty_patients_an_hour_and_then_a_second_person_also_after_a_restart() {
    let Shelter { area, helper, whose } = Shelter::new();
    for _ in 0..PATIENTS_AN_HOUR {
        area.holder.clinic.break_glass(&helper, &why(), None).unwrap();
    }
    let refused = |site: &Site| match site.clinic.break_glass(&helper, &why(), None) {
        Err(GlassRefusal::SecondWanted(count)) => count,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&area.holder), PATIENTS_AN_HOUR);
    let Area { holder, .. } = area;
    let holder = holder.reopened();
    assert_eq!(refused(&holder), PATIENTS_AN_HOUR, "no restart forgets it");
    holder.clinic.rebuild(&mut |_| {}).unwrap();
    assert_eq!(refused(&holder), PATIENTS_AN_HOUR, "nor a rebuild");
    holder.clock.set(NOW_MS - 365 * 24 * 3_600_000);
    assert_eq!(refused(&holder), PATIENTS_AN_HOUR, "nor a clock that is set back");
    holder.clock.set(NOW_MS);
    assert!(matches!(holder.clinic.break_glass(&helper, &why(), Some(&helper)), Err(GlassRefusal::SecondIsFirst)));
    let second = holder.clinic.sign_in(&holder.badge.code, &holder.passphrase()).unwrap().person;
    holder.clinic.break_glass(&helper, &why(), Some(&second)).unwrap();
    assert!(holder.clinic.break_glass(&second, &why(), None).is_ok(), "each badge has its own");
    holder.clock.advance(Duration::from_secs(3_600));
    assert!(holder.clinic.break_glass(&helper, &why(), None).is_ok());
    let _ = whose;
}

#[test]
fn a_reason_is_needed_in_words_where_the_list_has_none() {
    let Shelter { area, helper, .. } = Shelter::new();
    let other = |words: &str| Why { reason: GlassReason::Other, words: words.to_owned(), consent: Consent::Cannot };
    for bad in ["", " \n ", &"字".repeat(301)] {
        assert!(matches!(area.holder.clinic.break_glass(&helper, &other(bad), None), Err(GlassRefusal::Words)));
    }
    assert!(area.holder.clinic.break_glass(&helper, &other("身元の確認"), None).is_ok());
    assert_eq!(area.holder.clinic.broken_within_an_hour(&helper).unwrap(), 1, "what was refused does not count");
}

#[test]
fn what_is_locked_again_is_read_no_more_and_what_nobody_is_leaves_no_trace() {
    let Shelter { area, helper, whose } = Shelter::new();
    let clinic = &area.holder.clinic;
    let glass = clinic.break_glass(&helper, &why(), None).unwrap();
    let nobody = Whose { subject: Subject([7; 16]), ..whose };
    assert!(matches!(clinic.look_through(&glass, nobody, LookShown::Record, &helper), Err(ClinicError::NoSuchPatient(_))));
    assert!(clinic.glasses().unwrap()[0].looks.is_empty());
    let looked = clinic.look_through(&glass, whose, LookShown::Record, &helper).unwrap();
    assert!(clinic.chart_looked_at(&looked).is_ok());
    assert!(clinic.still_here(&helper).unwrap().is_some());
    clinic.lock();
    assert!(matches!(clinic.chart_looked_at(&looked), Err(ClinicError::NotOpen { .. })));
    assert!(matches!(clinic.look_through(&glass, whose, LookShown::Print, &helper), Err(ClinicError::NotOpen { .. })));
    assert_eq!(clinic.still_here(&helper).unwrap(), None, "the session is over");
}

#[test]
fn a_helper_is_not_here_any_more_when_their_badge_has_run_out() {
    let Shelter { area, .. } = Shelter::new();
    let badge = area.issue_for(&[&area.holder], 1);
    let opened = open(&area.holder, &badge).unwrap();
    let until = area.holder.clock.monotonic() + Duration::from_millis(opened.left_ms);
    let helper =
        Person::Outside(Outsider { badge: opened.badge, name: opened.name, licence: opened.licence, area: Vec::new(), until });
    area.holder.clock.advance(Duration::from_secs(3_599));
    assert!(area.holder.clinic.still_here(&helper).unwrap().is_some());
    area.holder.clock.advance(Duration::from_secs(1));
    assert_eq!(area.holder.clinic.still_here(&helper).unwrap(), None);
}

#[test]
fn a_homes_staff_read_their_own_patients_at_a_holder_by_their_role_and_nobody_elses() {
    let Shelter { area, whose, .. } = Shelter::new();
    let (home, holder) = (&area.home, &area.holder);
    let admin = home.clinic.prove_staff(&home.badge.code, &home.passphrase()).unwrap();
    let passphrase = Passphrase::chosen("いろはにほへとちりぬる").unwrap();
    let badge = home.clinic.add_staff(&admin, "家の薬剤師", Role::Pharmacist, Some(passphrase.clone())).unwrap();
    copy(home, holder, home.clinic.ledger());
    holder.clinic.lock();
    let guest = holder.clinic.sign_in(&badge.code, &passphrase).unwrap();
    assert!(guest.staff.is_none(), "a guest decides nothing about this clinic");
    let Person::Guest(account) = &guest.person else { panic!("{:?}", guest.person) };
    assert_eq!((account.name.as_str(), account.role), ("家の薬剤師", Role::Pharmacist));
    let looked = holder.clinic.look_at_own(whose, LookShown::Record, &guest.person).unwrap();
    assert!(holder.clinic.chart_looked_at(&looked).is_ok());
    let theirs = Whose { ledger: holder.clinic.ledger(), subject: register(holder) };
    assert!(matches!(holder.clinic.look_at_own(theirs, LookShown::Record, &guest.person), Err(ClinicError::NotAllowed { .. })));
    home.clinic.revoke_staff(&admin, badge.opener, crate::clinic::staff::Leaving::Left).unwrap();
    copy(home, holder, home.clinic.ledger());
    assert_eq!(
        holder.clinic.still_here(&guest.person).unwrap(),
        None,
        "a revocation that came by the exchange ends the session"
    );
    holder.clinic.lock();
    assert!(holder.clinic.sign_in(&badge.code, &passphrase).is_err());
}

#[test]
fn where_this_box_does_not_write_the_home_is_told_by_its_inbox_or_nobody_looks() {
    let Shelter { area, helper, whose } = Shelter::new();
    let (home, holder) = (&area.home, &area.holder);
    let glass = holder.clinic.break_glass(&helper, &why(), None).unwrap();
    introduce(holder, home, Append::Inbox);
    let look = || holder.clinic.look_through(&glass, whose, LookShown::Record, &helper);
    assert!(matches!(look(), Err(ClinicError::NotNotable(_))), "no card names the patient to the home");
    home.clinic.issue_card(whose.subject).unwrap();
    copy(home, holder, home.clinic.ledger());
    let looked = look().unwrap();
    copy(holder, home, home.clinic.ledger());
    assert_eq!(home.clinic.open_inbox().unwrap().attached, 1);
    assert_eq!(home.clinic.broken_elsewhere().unwrap()[0].fact, looked.fact());
    introduce(holder, home, Append::No);
    assert!(look().is_err(), "where it cannot be noted, staff do not look");
}
