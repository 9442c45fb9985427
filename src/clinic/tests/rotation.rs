//! The ledger's key is changed: who remains opens everything, who left opens what was and nothing that came after.

use super::region::{copy, introduce, is_clean, memo, open};
use super::*;
use crate::clinic::cards::IssuedCard;
use crate::clinic::chart::facts_of;
use crate::clinic::intake::{Attach, Incoming};
use crate::clinic::keys::LedgerKeys;
use crate::clinic::rotation::Mended;
use crate::clinic::staff::{Leaving, NewBadge, Person, Role, Staff, keys_for};
use crate::clinic::within::Within;
use crate::ledger::content::Concerns;
use crate::ledger::{CoarseKind, LedgerId};
use crate::region::holding::Append;
use crate::seal::badge::Passphrase;
use crate::seal::body::{self, Class};
use crate::seal::key::{Opener, OpenerId, OpenerKind, OpenerPublic, Secret};
use crate::seal::random;
use crate::store::{Reader, StoreError};
use std::collections::{BTreeMap, BTreeSet};

const PASSPHRASE: &str = "いろはにほへとちりぬる";
const NEW: &str = "辞めた後の記録";

pub(super) fn chosen() -> Option<Passphrase> {
    Some(Passphrase::chosen(PASSPHRASE).unwrap())
}

pub(super) fn staff(clinic: &Clinic, badge: &NewBadge) -> Staff {
    clinic.prove_staff(&badge.code, &Passphrase::entered(PASSPHRASE)).unwrap()
}

/// A seed that somebody has, and what is known of its public half.
pub(super) struct Seed(OpenerPublic, Arc<Opener>);

impl Seed {
    fn random(kind: OpenerKind) -> Self {
        let entropy = SystemEntropy::default();
        let (id, opener) = (OpenerId(random(&entropy)), Opener::from_seed(&Secret::random(&entropy)));
        Self(opener.public(id, kind, [0; 16]), Arc::new(opener))
    }
}

/// A home with an admin, somebody who will leave, a patient with a card, a recovery key; and a holder whose staff may open the copy.
pub(super) struct Shop {
    pub(super) home_dir: Fixture,
    _holder_dir: Fixture,
    pub(super) home: Clinic,
    pub(super) holder: Clinic,
    pub(super) admin: NewBadge,
    pub(super) holder_admin: NewBadge,
    pub(super) leaver: NewBadge,
    recovery: Seed,
    pub(super) subject: Subject,
    pub(super) card: IssuedCard,
}

impl Shop {
    pub(super) fn new() -> Self {
        let ((home_dir, home), (holder_dir, holder)) = (Fixture::new(), Fixture::new());
        let (admin, holder_admin) = (home.first_admin(chosen()).unwrap(), holder.first_admin(chosen()).unwrap());
        let by = staff(&home, &admin);
        let leaver = home.add_staff(&by, "辞める人", Role::Pharmacist, chosen()).unwrap();
        let recovery = Seed::random(OpenerKind::Recovery);
        home.confirm_opener(&holder.emergency_half().unwrap(), &by).unwrap();
        home.confirm_opener(&recovery.0, &by).unwrap();
        let subject = register(&home);
        let card = home.issue_card(subject).unwrap();
        let shop =
            Self { home_dir, _holder_dir: holder_dir, home, holder, admin, holder_admin, leaver, recovery, subject, card };
        introduce(&shop.holder, &shop.home, Append::Direct);
        shop.vouch();
        shop.send();
        shop
    }

    pub(super) fn ledger(&self) -> LedgerId {
        self.home.ledger()
    }

    /// Home's entries reach the holder.
    pub(super) fn send(&self) {
        copy(&self.home, &self.holder, self.ledger(), Some(self.home.store().node()));
    }

    /// The region's statements say which inboxes were home's till now.
    pub(super) fn vouch(&self) {
        let known = self.holder.inboxes().remove(&self.ledger()).unwrap_or_default();
        let all = known.into_iter().chain([self.home.own_inbox()]).collect();
        self.holder.set_inboxes(BTreeMap::from([(self.ledger(), all)]));
    }

    /// What a badge of home's gives to whoever has it and its passphrase.
    fn seed(&self, badge: &NewBadge) -> (OpenerId, Arc<Opener>) {
        (badge.opener, staff(&self.home, badge).into_opener())
    }

    pub(super) fn end(&self, badge: &NewBadge) {
        self.home.revoke_staff(&staff(&self.home, &self.admin), badge.opener, Leaving::Left).unwrap();
    }

    pub(super) fn holders_pharmacist(&self) -> Person {
        self.holder.sign_in(&self.holder_admin.code, &Passphrase::entered(PASSPHRASE)).unwrap().person
    }
}

pub(super) fn write(clinic: &Clinic, card: &IssuedCard, text: &str) {
    block_on(clinic.add_fact(&open(clinic, card).unwrap(), clinic.new_fact_id(), memo(text))).unwrap();
}

/// What a pair opens of a record in a store, without asking anybody whether it may: memos, and entries that stay closed.
fn reads(at: &Clinic, ledger: LedgerId, subject: Subject, (id, opener): (OpenerId, Arc<Opener>)) -> (Vec<String>, usize) {
    let inner = at.inner.clone();
    let read = at.store().read_now(move |reader| {
        let within = Within::new(reader, ledger);
        let home = inner.homes.of(within)?;
        let keys = keys_for(within, &home, id, &opener, &[]).unwrap().unwrap();
        let ring = keys.patient_ring(within, subject, &home);
        Ok((within.entries_of(subject)?, ring))
    });
    let (found, ring) = read.unwrap();
    let Ok(ring) = ring else { return (Vec::new(), found.entries.len()) };
    let chart = facts_of(&found.entries, &ring);
    // In the order of the alphabet: two writers' entries come here in either order.
    let mut memos: Vec<String> = memos(&chart.facts).into_iter().map(str::to_owned).collect();
    memos.sort_unstable();
    (memos, chart.unreadable)
}

fn keys_of(at: &Clinic, ledger: LedgerId, (id, opener): (OpenerId, Arc<Opener>)) -> LedgerKeys {
    let inner = at.inner.clone();
    let read = at.store().read_now(move |reader| {
        let within = Within::new(reader, ledger);
        Ok(keys_for(within, &inner.homes.of(within)?, id, &opener, &[]).unwrap().unwrap())
    });
    read.unwrap()
}

/// Entries of the classes that the ledger's key opens, and how many of them these keys open.
fn opened_by(at: &Clinic, keys: &LedgerKeys, ledger: LedgerId, after: i64) -> (usize, usize) {
    let read = move |reader: &Reader<'_>| -> Result<Vec<_>, StoreError> {
        let mut found = Vec::new();
        for kind in [CoarseKind::AUDIT, CoarseKind::SETTING, CoarseKind::INTAKE, CoarseKind::INBOX] {
            found.extend(reader.entries_of_kind(ledger, kind, after, u32::MAX)?);
        }
        Ok(found)
    };
    let entries = at.store().read_now(read).unwrap();
    let class = |sealed: &[u8]| body::peek(sealed).unwrap().0;
    let sealed = entries.iter().filter(|entry| matches!(class(entry.body.as_ref().unwrap()), Class::Ledger | Class::Inbox));
    let opens = |entry: &&crate::store::StoredEntry| {
        body::open(entry.body.as_ref().unwrap(), &entry.open.place().to_bytes(), |_, id| keys.ring.get(id)).is_ok()
    };
    (sealed.clone().count(), sealed.filter(opens).count())
}

#[test]
fn who_remains_opens_everything_and_who_left_what_was_and_nothing_that_came_after() {
    let shop = Shop::new();
    let (home, holder, ledger, subject) = (&shop.home, &shop.holder, shop.ledger(), shop.subject);
    let leaver = shop.seed(&shop.leaver);
    assert_eq!(reads(holder, ledger, subject, leaver.clone()), (vec![MEMO.to_owned()], 0), "till then");
    let last = holder.store().read_now(|reader| reader.last_row()).unwrap();
    let before = home.own_inbox();
    shop.end(&shop.leaver);
    assert_ne!(home.own_inbox(), before);

    write(home, &shop.card, NEW);
    let later = register(home);
    home.change_staff(&staff(home, &shop.admin), shop.admin.opener, "管理者", Role::Admin).unwrap();
    introduce(holder, home, Append::Inbox);
    let concerns = Concerns { locator: Some(shop.card.code.locator()), external_id: None };
    let letter = NewFact::minted(memo("投函"), source(), &SystemEntropy::default());
    holder.leave_in_inbox(ledger, &concerns, &[letter]).unwrap();
    introduce(holder, home, Append::Direct);
    shop.send();

    let all = vec![MEMO.to_owned(), NEW.to_owned()];
    let half = holder.emergency_half().unwrap();
    let emergency = (half.id, Arc::new(staff(holder, &shop.holder_admin).emergency(&half).unwrap()));
    let recovery = (shop.recovery.0.id, shop.recovery.1.clone());
    let remaining = [(shop.admin.opener, staff(home, &shop.admin).into_opener()), emergency, recovery];
    for who in remaining {
        assert_eq!(reads(holder, ledger, subject, who.clone()), (all.clone(), 0));
        assert_eq!(reads(holder, ledger, later, who.clone()), (vec![MEMO.to_owned()], 0));
        let (sealed, opened) = opened_by(holder, &keys_of(holder, ledger, who), ledger, last);
        assert!(sealed >= 2 && sealed == opened, "{opened} of {sealed}");
    }
    // The leaver's badge, with the holder's whole disk.
    let (old, closed) = reads(holder, ledger, subject, leaver.clone());
    assert_eq!((old, closed), (vec![MEMO.to_owned()], 2), "what was; neither the look nor the note");
    assert_eq!(reads(holder, ledger, later, leaver.clone()).0, Vec::<String>::new());
    assert_eq!(opened_by(holder, &keys_of(holder, ledger, leaver), ledger, last).1, 0);

    // The patient's card, at the holder and at home.
    for clinic in [home, holder] {
        let chart = block_on(clinic.chart(&open(clinic, &shop.card).unwrap())).unwrap();
        assert_eq!((memos(&chart.facts), chart.unreadable), (vec![MEMO, NEW], 0));
        is_clean(clinic);
    }
    copy(holder, home, ledger, Some(holder.store().node()));
    assert_eq!(home.open_inbox().unwrap().attached, 1);
    let Shop { home_dir, home, .. } = shop;
    drop(home);
    let home = home_dir.open().unwrap();
    let chart = home.chart_at_home(subject).unwrap();
    assert_eq!((memos(&chart.facts), chart.unreadable), (vec![MEMO, NEW, "投函"], 0), "also after a restart");
    assert_eq!(home.patients().unwrap().len(), 2);
    home.rebuild(&mut |_| {}).unwrap();
    is_clean(&home);
}

#[test]
fn a_patients_key_is_changed_once_with_the_next_write_and_not_before() {
    let shop = Shop::new();
    let keys = || {
        let (inner, subject) = (shop.home.inner.clone(), shop.subject);
        let read =
            move |reader: &Reader<'_>| Ok(inner.own(reader).find(crate::clinic::projection::PATIENT_KEY, &subject.0)?.len());
        shop.home.store().read_now(read).unwrap()
    };
    write(&shop.home, &shop.card, "a");
    assert_eq!(keys(), 1);
    shop.end(&shop.leaver);
    assert_eq!(keys(), 1);
    (0..3).for_each(|_| write(&shop.home, &shop.card, "b"));
    assert_eq!(keys(), 2);
    assert_eq!(shop.home.mend_keys(BTreeSet::new()).unwrap(), Mended::Nothing);
}

#[test]
fn where_a_holders_staff_have_the_copy_open_what_comes_after_is_read_without_signing_in_again_and_renewed_there() {
    let shop = Shop::new();
    let (home, holder) = (&shop.home, &shop.holder);
    let leaver = shop.seed(&shop.leaver);
    let other = home.issue_card(register(home)).unwrap();
    shop.send();
    shop.holders_pharmacist();
    let record = open(holder, &shop.card).unwrap();
    shop.end(&shop.leaver);
    // The statement that vouches for the new key comes before the entries: what is here stays readable.
    shop.vouch();
    write(home, &shop.card, NEW);
    shop.send();
    assert_eq!(memos(&block_on(holder.chart(&record)).unwrap().facts), [MEMO, NEW], "a session that was open");
    let keys = holder.keys_at_desk(shop.ledger()).unwrap();
    assert_eq!(keys.len(), 2, "an open copy follows");

    // A patient whom home has not written for since: the holder, which has the new key open, changes the patient's.
    write(holder, &other, "避難所で");
    assert_eq!(reads(holder, shop.ledger(), other.subject, leaver).0, [MEMO]);
    copy(holder, home, shop.ledger(), Some(holder.store().node()));
    let chart = home.chart_at_home(other.subject).unwrap();
    assert_eq!((memos(&chart.facts), chart.unreadable), (vec![MEMO, "避難所で"], 0));
    let chart = block_on(home.chart(&open(home, &other).unwrap())).unwrap();
    assert_eq!((memos(&chart.facts), chart.unreadable), (vec![MEMO, "避難所で"], 0));
    [home, holder].into_iter().for_each(is_clean);
}

/// The same directory as it was before, with the same key file: a box that was put back to a backup, or that runs twice.
pub(super) fn backup(of: &Fixture) -> Fixture {
    let copied = Fixture { dir: tempfile::tempdir().unwrap(), clock: of.clock.clone() };
    std::fs::create_dir_all(copied.location().dir).unwrap();
    for file in of.location().dir.read_dir().unwrap().map(Result::unwrap).filter(|file| file.file_name() != "lock") {
        std::fs::copy(file.path(), copied.location().dir.join(file.file_name())).unwrap();
    }
    copied
}

#[test]
fn a_box_that_was_put_back_writes_on_readably_and_takes_its_own_key_up_again() {
    let mut shop = Shop::new();
    let leaver = shop.seed(&shop.leaver);
    drop(shop.home);
    let old = backup(&shop.home_dir);
    shop.home = shop.home_dir.open().unwrap();
    shop.end(&shop.leaver);
    write(&shop.home, &shop.card, NEW);
    let (before, later) = (shop.home.own_inbox(), register(&shop.home));
    let digest = [7; 32];
    let file = Incoming { name: "x.csv".to_owned(), digest, documents: Vec::new(), channel: Channel::JahisFile };
    shop.home.take_in([file], &Attach::default(), |_, _| {}).unwrap();
    shop.send();

    let home = old.open().unwrap();
    assert_ne!(home.own_inbox(), before);
    write(&home, &shop.card, "戻した後");
    // Somebody who knows only the new inbox leaves a letter, which comes before the key.
    introduce(&shop.holder, &shop.home, Append::Inbox);
    let concerns = Concerns { locator: Some(shop.card.code.locator()), external_id: None };
    let letter = NewFact::minted(memo("投函"), source(), &SystemEntropy::default());
    shop.holder.leave_in_inbox(shop.ledger(), &concerns, &[letter]).unwrap();
    copy(&shop.holder, &home, shop.ledger(), Some(shop.holder.store().node()));
    assert_eq!(home.open_inbox().unwrap(), crate::clinic::inbox::InboxOpened::default(), "it waits, and is not thrown away");
    assert_eq!(home.inbox_waiting(shop.ledger()).unwrap(), 1);

    copy(&shop.holder, &home, shop.ledger(), None);
    assert_eq!(home.own_inbox(), before, "its own key again");
    assert_eq!(home.open_inbox().unwrap().attached, 1);
    let chart = home.chart_at_home(shop.subject).unwrap();
    assert_eq!((memos(&chart.facts).len(), chart.unreadable), (4, 0));
    assert_eq!(memos(&home.chart_at_home(later).unwrap().facts), [MEMO]);
    assert_eq!(home.patients().unwrap().len(), 2);
    let (tag, ledger) = (home.inner.keys().indexer.blind("file", &digest), home.ledger());
    let taken = home.store().read_now(move |reader| reader.find(ledger, crate::clinic::projection::FILE, &tag)).unwrap();
    assert_eq!(taken.len(), 1, "what came before the key that opens it is found, too");
    is_clean(&home);
    drop(home);
    let home = old.open().unwrap();
    assert_eq!(home.own_inbox(), before);
    write(&home, &shop.card, "その後");
    copy(&home, &shop.holder, shop.ledger(), Some(home.store().node()));
    let (old, _) = reads(&shop.holder, shop.ledger(), shop.subject, leaver);
    assert_eq!(old, [MEMO, "戻した後"], "of the time before it heard of the new key, and no more");
    let chart = block_on(shop.holder.chart(&open(&shop.holder, &shop.card).unwrap())).unwrap();
    assert_eq!((memos(&chart.facts).len(), chart.unreadable), (5, 0));
}

#[test]
fn two_boxes_that_change_the_key_at_once_are_both_read_in_whatever_order_and_the_next_change_unites_them() {
    let mut shop = Shop::new();
    let second = shop.home.add_staff(&staff(&shop.home, &shop.admin), "二人目", Role::Reader, chosen()).unwrap();
    let (first_left, second_left) = (shop.seed(&shop.leaver), shop.seed(&second));
    let other = shop.home.issue_card(register(&shop.home)).unwrap();
    drop(shop.home);
    let twin_dir = backup(&shop.home_dir);
    shop.home = shop.home_dir.open().unwrap();
    let twin = twin_dir.open().unwrap();
    shop.end(&shop.leaver);
    twin.revoke_staff(&staff(&twin, &shop.admin), second.opener, Leaving::Left).unwrap();
    write(&shop.home, &shop.card, NEW);
    write(&twin, &other, NEW);

    let half = shop.holder.emergency_half().unwrap();
    let seed = Arc::new(staff(&shop.holder, &shop.holder_admin).emergency(&half).unwrap());
    let held = |order: [&Clinic; 2]| {
        let (dir, holder) = Fixture::new();
        order.into_iter().for_each(|from| copy(from, &holder, shop.ledger(), None));
        let read = [shop.subject, other.subject].map(|subject| reads(&holder, shop.ledger(), subject, (half.id, seed.clone())));
        let keys = keys_of(&holder, shop.ledger(), (half.id, seed.clone()));
        drop((holder, dir));
        (read, keys.ring.newest().id, keys.current().count())
    };
    let (one, two) = (held([&shop.home, &twin]), held([&twin, &shop.home]));
    assert_eq!(one, two, "whatever comes first");
    let all = (vec![MEMO.to_owned(), NEW.to_owned()], 0);
    assert_eq!((one.0, one.2), ([all.clone(), all.clone()], 2));

    copy(&twin, &shop.home, shop.ledger(), None);
    for subject in [shop.subject, other.subject] {
        let chart = shop.home.chart_at_home(subject).unwrap();
        assert_eq!((memos(&chart.facts), chart.unreadable), (vec![MEMO, NEW], 0));
    }
    assert_eq!(shop.home.mend_keys(BTreeSet::new()).unwrap(), Mended::Changed);
    assert_eq!(shop.home.mend_keys(BTreeSet::new()).unwrap(), Mended::Nothing);
    for card in [&shop.card, &other] {
        write(&shop.home, card, "一つになった後");
    }
    copy(&shop.home, &twin, shop.ledger(), None);
    assert_eq!((twin.own_inbox(), twin.mend_keys(BTreeSet::new()).unwrap()), (shop.home.own_inbox(), Mended::Nothing));
    copy(&shop.home, &shop.holder, shop.ledger(), None);
    for who in [first_left, second_left] {
        for subject in [shop.subject, other.subject] {
            let (read, _) = reads(&shop.holder, shop.ledger(), subject, who.clone());
            assert!(!read.contains(&"一つになった後".to_owned()), "{read:?}");
        }
    }
    [&shop.home, &twin, &shop.holder].into_iter().for_each(is_clean);
}

#[test]
fn a_site_that_holds_no_more_opens_nothing_new_and_is_given_nothing_again_without_the_staff() {
    let shop = Shop::new();
    let (home, half) = (&shop.home, shop.holder.emergency_half().unwrap());
    let seed = (half.id, Arc::new(staff(&shop.holder, &shop.holder_admin).emergency(&half).unwrap()));
    assert_eq!(home.mend_keys(BTreeSet::from([half.id])).unwrap(), Mended::Changed);
    assert_eq!(home.mend_keys(BTreeSet::from([half.id])).unwrap(), Mended::Nothing);
    assert_eq!(home.mend_keys(BTreeSet::new()).unwrap(), Mended::Nothing, "named again, it waits for the staff");
    write(home, &shop.card, NEW);
    shop.end(&shop.leaver);
    shop.send();
    assert_eq!(reads(&shop.holder, shop.ledger(), shop.subject, seed.clone()).0, [MEMO]);
    assert!(home.confirm_opener(&half, &staff(home, &shop.admin)).unwrap());
    shop.send();
    let all = vec![MEMO.to_owned(), NEW.to_owned()];
    assert_eq!(reads(&shop.holder, shop.ledger(), shop.subject, seed), (all, 0));
}

#[test]
fn a_card_that_somebody_else_registers_under_a_key_that_they_knew_receives_no_new_one() {
    let shop = Shop::new();
    let ring = open(&shop.home, &shop.card).unwrap().ring();
    let seed = Seed::random(OpenerKind::Card);
    let forged = crate::ledger::payload::OpenerEntry {
        registrations: vec![crate::ledger::payload::Registration::new(
            &seed.0,
            ring.newest(),
            crate::seal::key::KeyKind::Patient,
        )],
        ..crate::ledger::payload::OpenerEntry::seedless(&seed.0, ring.newest(), Vec::new())
    };
    let holder = &shop.holder;
    let content = crate::ledger::payload::Payload::content(&forged);
    let draft = holder.inner.open_draft(CoarseKind::KEY, shop.subject, &content).unwrap();
    holder.store().append_to(shop.ledger(), vec![draft], crate::store::Urgency::Normal).wait().unwrap();
    copy(holder, &shop.home, shop.ledger(), Some(holder.store().node()));
    shop.end(&shop.leaver);
    write(&shop.home, &shop.card, NEW);
    let (id, subject) = (seed.0.id, shop.subject);
    let inner = shop.home.inner.clone();
    let wraps = shop.home.store().read_now(move |reader| {
        let own = inner.own(reader);
        let links = crate::clinic::keys::links(own, subject, &inner.homes.of(own)?).unwrap();
        Ok(links.into_iter().flat_map(|link| link.entry.wraps).map(|wrap| wrap.opener).collect::<Vec<_>>())
    });
    let wraps = wraps.unwrap();
    assert!(wraps.contains(&shop.card.opener) && !wraps.contains(&id), "{wraps:?}");
}
