//! A person is stated before the key that opens the statement comes: the search finds them once it has come.

use super::region::{copy, is_clean, open};
use super::rotation::{Shop, backup};
use super::*;
use crate::clinic::cards::IssuedCard;
use crate::clinic::search::Sought;
use crate::finding::Query;

const NOW_CALLED: &str = "見本 菊枝";

fn found(clinic: &Clinic, name: &str) -> usize {
    let query = Query { name: name.to_owned(), ..Query::default() };
    let found = clinic.find_people(&Sought { query, drug: String::new() }, clinic.ledger(), 5).unwrap();
    assert!(!found.is_partial);
    found.candidates.len()
}

/// At the holder the patient says that they are called otherwise.
fn renamed_at_the_holder(shop: &Shop, card: &IssuedCard) {
    let record = open(&shop.holder, card).unwrap();
    let called = Patient { name: NOW_CALLED.to_owned(), sex: Sex::Female, ..Patient::default() };
    block_on(shop.holder.add_fact(&record, shop.holder.new_fact_id(), Content::Patient(called))).unwrap();
}

/// A box that was put back to before keys were changed hears of what the holder wrote first, and of the keys then.
fn is_found_once_the_key_came(before: &Fixture, shop: &Shop) {
    let home = before.open().unwrap();
    home.read_people().unwrap();
    assert_eq!(found(&home, NAME), 1);
    copy(&shop.holder, &home, shop.ledger(), Some(shop.holder.store().node()));
    assert_eq!((found(&home, NOW_CALLED), home.searchable().people), (0, 1), "it is there, and nothing here opens it");
    copy(&shop.holder, &home, shop.ledger(), None);
    assert_eq!((found(&home, NOW_CALLED), home.searchable().people), (1, 2), "the key has come");
    assert_eq!((found(&home, NAME), home.searchable().people), (1, 2), "and is read once");
    home.forget_people();
    home.read_people().unwrap();
    assert_eq!(home.searchable().people, 2);
    is_clean(&home);
}

#[test]
fn who_is_stated_under_a_ledger_key_that_comes_later_is_found_once_it_has_come() {
    let mut shop = Shop::new();
    drop(shop.home);
    let before = backup(&shop.home_dir);
    shop.home = shop.home_dir.open().unwrap();
    shop.holders_pharmacist();
    shop.end(&shop.leaver);
    shop.vouch();
    shop.send();
    renamed_at_the_holder(&shop, &shop.card);
    is_found_once_the_key_came(&before, &shop);
}

#[test]
fn who_is_stated_under_a_patients_key_that_comes_later_is_found_once_it_has_come() {
    let mut shop = Shop::new();
    drop(shop.home);
    let before = backup(&shop.home_dir);
    shop.home = shop.home_dir.open().unwrap();
    let card = shop.home.replace_card(shop.card.opener).unwrap();
    shop.send();
    renamed_at_the_holder(&shop, &card);
    is_found_once_the_key_came(&before, &shop);
}
