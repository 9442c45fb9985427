//! The sample clinic is the same each time, lies in the past, and holds what it promises.

use super::*;
use crate::record::{DosageForm, Drug, Group, NoteKind, Visit};
use jiff::civil::date;
use std::collections::{BTreeMap, BTreeSet};

const TODAY: Date = date(2026, 3, 1);

fn clinic() -> Vec<SamplePatient> {
    patients(SEED, PATIENTS, TODAY).collect()
}

fn visits(patient: &SamplePatient) -> impl Iterator<Item = &Visit> {
    patient.facts.iter().filter_map(|f| if let Content::Visit(v) = &f.content { Some(v) } else { None })
}

fn groups(patient: &SamplePatient) -> impl Iterator<Item = &Group> {
    visits(patient).flat_map(|v| v.prescriptions.iter().flat_map(|p| &p.groups))
}

fn drugs(patient: &SamplePatient) -> impl Iterator<Item = &Drug> {
    groups(patient).flat_map(|g| &g.drugs)
}

#[test]
fn the_same_seed_gives_the_same_clinic() {
    assert_eq!(clinic(), clinic());
    let smaller: Vec<_> = patients(SEED, 20, TODAY).collect();
    assert_eq!(smaller, clinic()[..20]);
    assert_ne!(patients(SEED + 1, 20, TODAY).collect::<Vec<_>>(), smaller);
}

#[test]
fn nothing_lies_ahead_and_nobody_is_treated_before_birth() {
    for today in [TODAY, date(2024, 2, 29), date(2030, 12, 31)] {
        for patient in patients(SEED, PATIENTS, today) {
            let born = patient.person.birth.day.unwrap().0;
            assert!(born <= today);
            for visit in visits(&patient) {
                let day = visit.date.day.unwrap().0;
                assert!(born < day && day <= today, "{} {day}", patient.person.name);
            }
            let tomorrow = jiff::tz::Offset::constant(9).to_timestamp(today.tomorrow().unwrap().at(0, 0, 0, 0)).unwrap();
            assert!(patient.facts.iter().all(|f| f.said_at_ms < tomorrow.as_millisecond()));
        }
    }
}

#[test]
fn ids_are_unique_and_facts_are_in_order() {
    let mut ids = BTreeSet::new();
    for patient in clinic() {
        assert!(patient.facts.iter().all(|f| ids.insert(f.id)));
        assert!(patient.facts.is_sorted_by_key(|f| f.said_at_ms));
    }
}

#[test]
fn targets_are_facts_of_the_same_patient() {
    for patient in clinic() {
        let ids: BTreeSet<FactId> = patient.facts.iter().map(|f| f.id).collect();
        let target = |content: &Content| {
            if let Content::Correction(x) = content {
                Some(x.target)
            } else if let Content::Retraction(x) = content {
                Some(x.target)
            } else if let Content::Concealment(x) = content {
                Some(x.target)
            } else if let Content::Stopped(x) = content {
                Some(x.visit)
            } else {
                None
            }
        };
        assert!(patient.facts.iter().filter_map(|f| target(&f.content)).all(|t| ids.contains(&t)));
    }
}

#[test]
fn contents_survive_their_bytes() {
    for patient in clinic().into_iter().take(40) {
        for fact in patient.facts {
            assert_eq!(Content::decode(fact.content.kind(), &fact.content.encode()).unwrap(), fact.content);
        }
    }
}

#[test]
fn records_have_a_usual_length() {
    let mut lengths: Vec<usize> = clinic().iter().map(|p| p.facts.len()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!((15..=35).contains(&median), "the median record has {median} facts");
    assert!(lengths.last().is_some_and(|n| *n < 120));
}

#[test]
fn every_drug_of_the_list_is_prescribed_to_someone() {
    let clinic = clinic();
    let prescribed: BTreeSet<&str> = clinic.iter().flat_map(drugs).map(|d| d.code.value.as_str()).collect();
    let never: Vec<&str> = drugs::ALL.iter().filter(|d| !prescribed.contains(d.code)).map(|d| d.name).collect();
    assert!(never.is_empty(), "{never:?}");
}

#[test]
fn the_clinic_holds_what_it_promises() {
    let clinic = clinic();
    let some =
        |what: &str, holds: &dyn Fn(&SamplePatient) -> bool| assert!(clinic[CARDS..].iter().any(holds), "nobody: {what}");
    let has = |p: &SamplePatient, is: fn(&Content) -> bool| p.facts.iter().any(|f| is(&f.content));
    some("a drug in half-width letters", &|p| drugs(p).any(|d| d.name.contains('ｱ') || d.name.contains('ﾝ')));
    some("a generic name", &|p| drugs(p).any(|d| d.generic.as_ref().is_some_and(|g| g.code.ends_with("ZZZ"))));
    some("warfarin", &|p| drugs(p).any(|d| d.code.value.starts_with("3332001")));
    some("insulin by total", &|p| groups(p).any(|g| g.usage.as_ref().is_some_and(|u| u.form == DosageForm::Injection)));
    some("as needed", &|p| groups(p).any(|g| g.usage.as_ref().is_some_and(|u| u.unit == "回分")));
    some("unequal doses", &|p| drugs(p).any(|d| d.supplements.iter().any(|s| s.text.contains("夕："))));
    some("half tablets", &|p| drugs(p).any(|d| d.amount == "1.5"));
    some("once a week", &|p| groups(p).any(|g| g.usage.as_ref().is_some_and(|u| u.name.contains("週１回"))));
    some("tapering", &|p| groups(p).any(|g| g.supplements.iter().any(|s| s.text.contains("漸減"))));
    some("contradictory usage", &|p| {
        groups(p).any(|g| g.drugs[0].amount == "1" && g.usage.as_ref().is_some_and(|u| u.name.contains("毎食後")))
    });
    some("leftovers", &|p| visits(p).any(|v| !v.leftovers.is_empty()));
    some("concealed", &|p| has(p, |c| matches!(c, Content::Concealment(_))));
    some("stopped", &|p| has(p, |c| matches!(c, Content::Stopped(_))));
    some("corrected", &|p| has(p, |c| matches!(c, Content::Correction(_))));
    some("taken back", &|p| has(p, |c| matches!(c, Content::Retraction(_))));
    some("bought", &|p| has(p, |c| matches!(c, Content::Otc(_))));
    some("own pharmacist", &|p| has(p, |c| matches!(c, Content::FamilyPharmacist(_))));
    some("asked, none", &|p| has(p, |c| matches!(c, Content::Note(n) if n.kind == NoteKind::Allergy && n.none)));
    some("allergy", &|p| has(p, |c| matches!(c, Content::Note(n) if n.kind == NoteKind::Allergy && !n.none)));
    some("allergy not recorded", &|p| !has(p, |c| matches!(c, Content::Note(n) if n.kind == NoteKind::Allergy)));
    some("a visit sent again", &|p| {
        let mut of_day = BTreeMap::new();
        let name = |v: &Visit| v.prescribed_at.as_ref().map(|i| i.name.clone());
        visits(p).any(|v| of_day.insert((&v.date.raw, name(v)), v).is_some_and(|other| other != v))
    });
    some("several pharmacies", &|p| {
        visits(p).filter_map(|v| v.dispensed_at.as_ref()).map(|i| &i.name).collect::<BTreeSet<_>>().len() > 2
    });
}

#[test]
fn the_sample_cards_show_the_most() {
    let first: Vec<SamplePatient> = patients(SEED, CARDS, TODAY).collect();
    assert!(drugs(&first[0]).any(|d| d.name.contains("ワルファリン")));
    assert!(groups(&first[1]).any(|g| g.usage.as_ref().is_some_and(|u| u.name == "【１日２回 朝14単位 夕6単位】")));
    assert!(drugs(&first[1]).any(|d| d.name.starts_with("ﾉﾎﾞﾗﾋﾟｯﾄﾞ")), "as this pharmacy prints");
    assert!(first[2].person.birth.day.unwrap().0 > date(2019, 1, 1));
    assert!(first.iter().all(|p| p.facts.len() >= 15));
}

#[test]
fn two_of_the_first_clinic_could_be_confused_and_only_one_takes_warfarin() {
    let clinic = clinic();
    let people: Vec<&crate::record::Patient> = clinic[..CARDS + 1].iter().map(|patient| &patient.person).collect();
    let found = crate::finding::twins::pairs(&people);
    assert_eq!(found.iter().map(|pair| (pair.one, pair.other)).collect::<Vec<_>>(), [(0, CARDS)]);
    let born = |at: usize| people[at].birth.day.unwrap().0;
    assert_eq!(born(0).tomorrow().unwrap(), born(CARDS));
    assert!(people[0].kana == people[CARDS].kana && people[0].address != people[CARDS].address);
    let takes = |at: usize, code: &str| drugs(&clinic[at]).any(|drug| drug.code.value.starts_with(code));
    assert!(takes(0, "3332") && !takes(CARDS, "3332"), "warfarin");
    assert!(!takes(0, "1149019") && takes(CARDS, "1149019"), "loxoprofen, which the one does not bear");
}
