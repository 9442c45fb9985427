//! Who is found at the desk, on a real directory: what arrives later, what is forgotten, and whose ledger is looked into.

use super::{Among, Sought};
use crate::clinic::Clinic;
use crate::clinic::setup::Location;
use crate::clock::Clock;
use crate::finding::Query;
use crate::ledger::LedgerId;
use crate::ledger::payload::SiteProfile;
use crate::record::{Channel, DateText, Origin, Patient, Sex, Source, Subject};

fn clinic() -> (tempfile::TempDir, Clinic) {
    let dir = tempfile::tempdir().unwrap();
    let location = Location { reserve_bytes: 1 << 20, ..Location::new(dir.path().join("clinic")) };
    let profile = SiteProfile { name: "さくら薬局".to_owned(), ..SiteProfile::default() };
    let clinic = Clinic::found(&location, &profile, Clock::manual(1_795_000_000_000)).unwrap();
    (dir, clinic)
}

fn register(clinic: &Clinic, name: &str, kana: &str, birth: &str) -> Subject {
    let person = Patient {
        name: name.to_owned(),
        kana: kana.to_owned(),
        sex: Sex::Female,
        birth: DateText::read(birth),
        ..Patient::default()
    };
    let source = Source { origin: Origin::Staff, name: String::new(), channel: Channel::CommandLine };
    clinic.register(person, source, Vec::new()).unwrap()
}

fn sought(name: &str, birth: &str) -> Sought {
    Sought { query: Query { name: name.to_owned(), birth: birth.to_owned(), ..Query::default() }, drug: String::new() }
}

fn found(clinic: &Clinic, name: &str) -> Vec<Subject> {
    let found = clinic.find_people(&sought(name, ""), clinic.ledger(), 5).unwrap();
    assert!(!found.is_partial);
    found.candidates.into_iter().map(|candidate| candidate.whose.subject).collect()
}

#[test]
fn who_arrives_after_the_first_reading_is_found_by_the_next_search() {
    let (_dir, clinic) = clinic();
    let hanako = register(&clinic, "架空 花子", "ｶｸｳ ﾊﾅｺ", "S180512");
    clinic.read_people().unwrap();
    assert_eq!(clinic.searchable().people, 1);
    assert_eq!(found(&clinic, "かくう はなこ")[0], hanako);
    let jiro = register(&clinic, "見本 次郎", "ﾐﾎﾝ ｼﾞﾛｳ", "S300101");
    assert_eq!(found(&clinic, "みほん じろ")[0], jiro);
    assert_eq!(clinic.searchable().people, 2);
}

#[test]
fn who_is_forgotten_is_read_anew_and_no_one_else_s_ledger_is_looked_into() {
    let (_dir, clinic) = clinic();
    let hanako = register(&clinic, "架空 花子", "ｶｸｳ ﾊﾅｺ", "S180512");
    clinic.read_people().unwrap();
    clinic.forget_people();
    assert_eq!(clinic.searchable().people, 0);
    let elsewhere = |among| clinic.fitting(&sought("架空", "1943"), among, 5).unwrap();
    assert_eq!(elsewhere(Among::AllBut(Some(clinic.ledger()))).searched, 0);
    assert!(elsewhere(Among::Of(LedgerId([9; 16]))).candidates.is_empty());
    assert_eq!(found(&clinic, "架空")[0], hanako);
}
