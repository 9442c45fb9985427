//! Several clinics and each other's ledgers: who finds what, who can write where, and what a hostile member cannot do.

use super::*;
use crate::clinic::check::Told;
use crate::clinic::intake::{Resolution, Why};
use crate::clinic::surroundings::{LedgerView, SiteView, Surroundings};
use crate::clinic::{WriteRefusal, projection};
use crate::exchange::message::{Path, Response};
use crate::exchange::node::{Batch, Token, Want};
use crate::exchange::{BATCH_LEN, EntryRef, Job};
use crate::ledger::content::Concerns;
use crate::ledger::payload::{OpenerEntry, OpenerRevoked, Payload};
use crate::ledger::{CoarseKind, LedgerId, NodeId};
use crate::record::{Retraction, Visit};
use crate::region::holding::Append;
use crate::region::payload::Position;
use crate::seal::key::Secret;
use crate::store::{Change, Draft, Subscription, Urgency};
use std::collections::{BTreeMap, BTreeSet};

/// Takes everything of a ledger from one clinic to another, in small batches; or only what one node wrote.
pub(super) fn copy(from: &Clinic, to: &Clinic, ledger: LedgerId, only: Option<NodeId>) {
    let Subscription { mut changes, .. } = to.store().subscribe().wait().unwrap();
    let tips = from.store().read_now(move |reader| Ok(reader.frontier(ledger)?.tips().copied().collect::<Vec<_>>())).unwrap();
    for tip in tips.into_iter().filter(|tip| only.is_none_or(|author| tip.chain.author == author)) {
        let mut after = 0;
        while after < tip.seq {
            let path = Path { tip, after };
            let want = Want { ledger, paths: vec![path], bodies: Vec::new() };
            let filled = from.store().read_behind(move |reader| reader.fill(&want, BATCH_LEN)).wait().unwrap();
            let Response::Batch { runs, .. } = filled else { panic!("{filled:?}") };
            let opens = &runs[0].entries;
            let parent = crate::ledger::OpenPart::decode(&opens[0].open).unwrap().previous();
            let held = BTreeSet::from([parent]);
            let (named, wanted_bodies) = (BTreeSet::new(), BTreeMap::new());
            let job = Job { ledger, paths: vec![path], held, named, runs, wanted_bodies, bodies: Vec::new() };
            let verdict = job.run();
            assert_eq!(verdict.faults, []);
            after = verdict.runs[0].entries.last().map(|kept| EntryRef::of(&kept.open).seq).unwrap();
            let batch = Batch { runs: verdict.runs, aside: Vec::new(), bodies: Vec::new() };
            let rows = to.project(ledger, &batch);
            to.store().take_in(Token(after), ledger, batch, rows);
            let Some(Change::Taken { batch, .. }) = changes.blocking_recv() else { panic!("no answer") };
            batch.unwrap();
        }
    }
}

fn view(of: &Clinic, at: &Clinic, append: Append) -> LedgerView {
    LedgerView {
        home: of.site(),
        home_name: of.name().to_owned(),
        is_home: of.ledger() == at.ledger(),
        is_held_here: append == Append::Direct,
        holders: vec![of.site()],
        copies: (1, 2),
        home_heard_ms: Some(123),
        append,
        inbox: Some(of.own_inbox()),
    }
}

fn site(of: &Clinic, at: &Clinic, lat_udeg: i32) -> SiteView {
    SiteView {
        site: of.site(),
        node: Some(of.store().node()),
        name: of.name().to_owned(),
        reading: String::new(),
        phone: None,
        place: Some(Position { lat_udeg, lon_udeg: 133_000_000 }),
        is_self: of.site() == at.site(),
        answers: Some(true),
        last_contact_s: Some(1),
    }
}

/// `at` knows `other` and writes into its ledger as given.
pub(super) fn introduce(at: &Clinic, other: &Clinic, append: Append) {
    let ledgers = [(other.ledger(), view(other, at, append)), (at.ledger(), view(at, at, Append::Direct))].into();
    let sites = vec![site(at, at, 33_000_000), site(other, at, 33_100_000)];
    at.set_surroundings(Surroundings { region_name: "高知".to_owned(), own_site: at.site(), sites, ledgers, filling: None });
}

pub(super) fn is_clean(clinic: &Clinic) {
    let mut faults = Vec::new();
    clinic.verify(&mut |told| faults.extend(if let Told::Fault(fault) = told { Some(fault) } else { None })).unwrap();
    assert_eq!(faults, Vec::<String>::new());
}

/// A home with a patient and a card, and another clinic that holds its ledger.
pub(super) struct Two {
    pub(super) _dirs: (Fixture, Fixture),
    pub(super) home: Clinic,
    pub(super) holder: Clinic,
    pub(super) subject: Subject,
    pub(super) card: crate::clinic::cards::IssuedCard,
}

pub(super) fn two() -> Two {
    let ((home_dir, home), (holder_dir, holder)) = (Fixture::new(), Fixture::new());
    let subject = register(&home);
    let card = home.issue_card(subject).unwrap();
    copy(&home, &holder, home.ledger(), None);
    introduce(&holder, &home, Append::Direct);
    Two { _dirs: (home_dir, holder_dir), home, holder, subject, card }
}

pub(super) fn open(clinic: &Clinic, card: &crate::clinic::cards::IssuedCard) -> Result<crate::clinic::OpenRecord, CardRefusal> {
    block_on(clinic.open_with_card(&card.code.compact(), &card.pin.digits()))
}

pub(super) fn memo(text: &str) -> Content {
    Content::Memo(Memo { text: text.to_owned(), ..Memo::default() })
}

#[test]
fn a_holder_serves_a_card_as_home_does_and_what_is_written_there_comes_home() {
    let Two { home, holder, subject, card, .. } = &two();
    let record = open(holder, card).unwrap();
    assert_eq!((record.ledger(), record.subject()), (home.ledger(), *subject));
    let chart = block_on(holder.chart(&record)).unwrap();
    assert_eq!((memos(&chart.facts), chart.copies, chart.copy_as_of_ms), (vec![MEMO], (1, 2), 123));
    block_on(holder.add_fact(&record, holder.new_fact_id(), memo("避難所で"))).unwrap();
    let before = home.chart_at_home(*subject).unwrap();
    assert_eq!(memos(&before.facts), [MEMO]);
    copy(holder, home, home.ledger(), Some(holder.store().node()));
    let chart = home.chart_at_home(*subject).unwrap();
    assert_eq!((memos(&chart.facts), chart.unreadable), (vec![MEMO, "避難所で"], 0));
    let looks = chart.facts.iter().filter(|fact| matches!(fact.content, Content::Look(_))).count();
    assert_eq!(looks, 1, "who looked is known at home");
    [home, holder].into_iter().for_each(is_clean);
    home.rebuild(&mut |_| ()).unwrap();
    holder.rebuild(&mut |_| ()).unwrap();
    [home, holder].into_iter().for_each(is_clean);
    assert_eq!(home.patients().unwrap().len(), 1);
    assert_eq!(
        (holder.patients().unwrap().len(), holder.cards(None).unwrap().len()),
        (0, 0),
        "another's patients are not its own"
    );
}

#[test]
fn who_does_not_hold_writes_nothing_and_the_patient_reads_on() {
    let Two { home, holder, subject, card, .. } = &two();
    for append in [Append::Inbox, Append::No] {
        introduce(holder, home, append);
        let record = open(holder, card).unwrap();
        assert_eq!(memos(&block_on(holder.chart(&record)).unwrap().facts), [MEMO]);
        let refused = block_on(holder.add_fact(&record, holder.new_fact_id(), memo("x"))).unwrap_err();
        assert_eq!(refused, WriteRefusal::NotWritable { home: home.name().to_owned() });
    }
    // What is known all the same is who looked: it waits for the home where an inbox is known.
    let node = holder.store().node();
    let of_holder = |ledger| move |reader: &crate::store::Reader<'_>| reader.tips_of(ledger, node);
    let left: u64 = holder.store().read_now(of_holder(home.ledger())).unwrap().iter().map(|tip| tip.seq).sum();
    assert_eq!(left, 2, "the beginning and one look");
    copy(holder, home, home.ledger(), Some(node));
    assert_eq!(home.open_inbox().unwrap().attached, 1);
    let looks =
        |chart: crate::clinic::Chart| chart.facts.iter().filter(|fact| matches!(fact.content, Content::Look(_))).count();
    assert_eq!(looks(home.chart_at_home(*subject).unwrap()), 1);
    holder.set_surroundings(Surroundings::alone(holder.site()));
    let record = open(holder, card).unwrap();
    assert!(block_on(holder.add_fact(&record, holder.new_fact_id(), memo("x"))).is_err());
    let after: u64 = holder.store().read_now(of_holder(home.ledger())).unwrap().iter().map(|tip| tip.seq).sum();
    assert_eq!(after, left, "without a region nothing is written");
}

#[test]
fn a_card_that_no_held_ledger_knows_says_where_to_walk() {
    let ((_a, home), (_b, other)) = (Fixture::new(), Fixture::new());
    let card = home.issue_card(register(&home)).unwrap();
    assert_eq!(open(&other, &card).err(), Some(CardRefusal::Unknown));
    introduce(&other, &home, Append::Inbox);
    let Some(CardRefusal::Elsewhere(elsewhere)) = open(&other, &card).err() else { panic!() };
    let [there] = &elsewhere[..] else { panic!("{elsewhere:?}") };
    assert_eq!((there.ledger, there.home_name.as_str()), (home.ledger(), home.name()));
    let [nearby] = &there.sites[..] else { panic!("{there:?}") };
    assert!(nearby.is_home && nearby.site.answers == Some(true));
    assert_eq!(nearby.direction, Some(crate::clinic::surroundings::compass::Direction::North));
    assert!(nearby.distance_m.is_some_and(|m| (11_000..11_300).contains(&m)), "{nearby:?}");
    // Its own cards that it does not know are simply unknown.
    let stranger = crate::seal::card::CardCode::random(&other.ledger().0, &SystemEntropy::default());
    assert_eq!(block_on(other.open_with_card(&stranger.compact(), "000000")).err(), Some(CardRefusal::Unknown));
}

/// Everything that a member could write into its own ledger to harm a card of another's.
fn hostile_entries(hostile: &Clinic, two: &Two) -> Vec<Draft> {
    let Two { home, subject, card, .. } = two;
    let ledger = home.ledger();
    let opener = card.opener.0;
    let genuine = home.store().read_now(move |reader| {
        let (_, row) = reader.find(ledger, projection::OPENER, &opener)?.remove(0);
        reader.entry(row)
    });
    let genuine: OpenerEntry = crate::clinic::open_payload(&genuine.unwrap().unwrap()).unwrap();
    let inner = &hostile.inner;
    let key = Key::random(&*inner.entropy);
    let open = |kind, subject, content: crate::ledger::content::Content| inner.open_draft(kind, subject, &content).unwrap();
    let foreign_key = inner.keys().seal_patient_key(&home.ledger().0, *subject, &key, Vec::new(), None, &*inner.entropy);
    let profile = SiteProfile { name: "別の薬局".to_owned(), ..SiteProfile::default() };
    let seed = Some(crate::seal::envelope::seal_box(&Secret::random(&*inner.entropy), b"x", &key.secret, &*inner.entropy));
    vec![
        open(CoarseKind::KEY, *subject, OpenerRevoked { opener: card.opener, reason: 1 }.content()),
        open(CoarseKind::KEY, *subject, OpenerEntry { seed, wraps: Vec::new(), ..genuine.clone() }.content()),
        open(CoarseKind::KEY, *subject, genuine.content()),
        open(CoarseKind::KEY, *subject, foreign_key.content()),
        open(CoarseKind::SETTING, Subject::NONE, profile.content()),
    ]
}

#[test]
fn what_a_hostile_member_writes_into_its_own_ledger_harms_no_card_elsewhere() {
    let two = two();
    let Two { home, holder, subject, card, .. } = &two;
    let (_dir, hostile) = Fixture::new();
    hostile.store().append(hostile_entries(&hostile, &two), Urgency::Normal).wait().unwrap();
    for victim in [holder, home] {
        let name = victim.name().to_owned();
        copy(&hostile, victim, hostile.ledger(), None);
        let record = open(victim, card).unwrap();
        assert_eq!((record.ledger(), record.subject()), (home.ledger(), *subject));
        assert_eq!(memos(&block_on(victim.chart(&record)).unwrap().facts), [MEMO]);
        assert_eq!(victim.name(), name);
        is_clean(victim);
        victim.rebuild(&mut |_| ()).unwrap();
        assert!(open(victim, card).is_ok());
    }
    assert_eq!(memos(&home.chart_at_home(*subject).unwrap().facts), [MEMO]);
    let listed = home.cards(Some(*subject)).unwrap();
    assert_eq!(listed.iter().map(|card| card.revoked).collect::<Vec<_>>(), [None]);
    assert_eq!(home.replace_card(card.opener).unwrap().subject, *subject);
}

#[test]
fn who_holds_a_ledger_can_append_to_it_and_still_not_break_it_for_its_home() {
    let two = two();
    let Two { home, holder, subject, card, .. } = &two;
    let mut drafts = hostile_entries(holder, &two);
    // Revoking a card is a holder's right; all the rest is not believed.
    drafts.remove(0);
    let forged = crate::ledger::payload::SetAside {
        digest: [1; 32],
        file: String::new(),
        number: 1,
        record: String::new(),
        reason: String::new(),
        proposed: None,
    };
    drafts.push(holder.inner.open_draft(CoarseKind::INTAKE, Subject::NONE, &forged.content()).unwrap());
    holder.store().append_to(home.ledger(), drafts, Urgency::Normal).wait().unwrap();
    copy(holder, home, home.ledger(), Some(holder.store().node()));
    assert_eq!(memos(&home.chart_at_home(*subject).unwrap().facts), [MEMO]);
    assert_eq!(home.waiting().unwrap().len(), 0);
    assert!(open(home, card).is_ok());
    is_clean(home);
    let location = two._dirs.0.location();
    let (clock, name) = (two._dirs.0.clock.clone(), home.name().to_owned());
    drop((two.home, two.holder));
    assert_eq!(Clinic::open(&location, clock).unwrap().name(), name, "only the home itself says what it is called");
}

#[test]
fn a_person_stated_elsewhere_is_found_at_home_whichever_comes_first() {
    let person = Patient {
        name: "別名 花子".to_owned(),
        sex: Sex::Female,
        birth: DateText::read("S180512"),
        external_ids: vec!["ＡＢ-1".to_owned()],
        ..Patient::default()
    };
    for key_first in [true, false] {
        let (dir, home) = Fixture::new();
        drop(home);
        let before = dir.dir.path().join("before");
        copy_dir(&dir.location().dir, &before);
        let (home, (_other, holder)) = (dir.open().unwrap(), Fixture::new());
        let subject = register(&home);
        let card = home.issue_card(subject).unwrap();
        copy(&home, &holder, home.ledger(), None);
        introduce(&holder, &home, Append::Direct);
        let record = open(&holder, &card).unwrap();
        block_on(holder.add_fact(&record, holder.new_fact_id(), Content::Patient(person.clone()))).unwrap();
        let (ledger, nodes) = (home.ledger(), [home.store().node(), holder.store().node()]);
        drop(home);
        let restored = restored(&before, &dir.clock);
        for node in if key_first { nodes } else { [nodes[1], nodes[0]] } {
            is_clean(&restored);
            copy(&holder, &restored, ledger, Some(node));
        }
        assert_eq!(restored.matches(&person).unwrap(), [subject], "key first: {key_first}");
        assert_eq!(restored.by_external_id("AB-1").unwrap(), [subject]);
        is_clean(&restored);
        restored.rebuild(&mut |_| ()).unwrap();
        assert_eq!(restored.matches(&person).unwrap(), [subject]);
    }
}

/// The home's box put back to a copy of its directory from before the patient came.
fn restored(before: &std::path::Path, clock: &Clock) -> Clinic {
    Clinic::open(&Location { reserve_bytes: 1 << 20, ..Location::new(before) }, clock.clone()).unwrap()
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in from.read_dir().unwrap().map(Result::unwrap).filter(|file| file.file_name() != "lock") {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

fn concerns(card: Option<&crate::clinic::cards::IssuedCard>) -> Concerns {
    let stranger = || crate::seal::card::CardCode::random(&[9; 16], &SystemEntropy::default()).locator();
    Concerns { locator: Some(card.map_or_else(stranger, |card| card.code.locator())), external_id: None }
}

#[test]
fn what_is_left_in_the_inbox_is_opened_once_at_home_and_by_nobody_else() {
    let Two { home, holder, subject, card, .. } = &two();
    let (_dir, stranger) = Fixture::new();
    introduce(&stranger, home, Append::Inbox);
    let fact = |content| NewFact::minted(content, source(), &SystemEntropy::default());
    let (known, unknown) = (fact(memo("救護所で")), fact(memo("だれの")));
    let visit = fact(Content::Visit(Visit::default()));
    let hiding = fact(Content::Retraction(Retraction { target: known.id, seen: Vec::new(), reason: String::new() }));
    assert_eq!(stranger.leave_in_inbox(home.ledger(), &concerns(Some(card)), &[known.clone(), hiding]).unwrap(), 2);
    assert_eq!(stranger.leave_in_inbox(home.ledger(), &concerns(None), &[unknown, visit]).unwrap(), 2);
    assert_eq!(stranger.inbox_waiting(home.ledger()).unwrap(), 4);
    for carrier in [holder, home] {
        copy(&stranger, carrier, home.ledger(), None);
    }
    assert_eq!((holder.inbox_waiting(home.ledger()).unwrap(), home.inbox_waiting(home.ledger()).unwrap()), (4, 4));
    let opened = home.open_inbox().unwrap();
    assert_eq!((opened.attached, opened.set_aside, opened.refused), (1, 1, 1));
    assert_eq!(home.open_inbox().unwrap(), crate::clinic::inbox::InboxOpened::default());
    assert_eq!(home.inbox_waiting(home.ledger()).unwrap(), 0);
    let chart = home.chart_at_home(*subject).unwrap();
    assert_eq!(memos(&chart.facts), [MEMO, "救護所で"]);
    assert!(chart.facts.iter().any(|found| found.id == known.id), "it is the same fact");
    let waiting = home.waiting().unwrap();
    assert_eq!(waiting.iter().map(|waiting| waiting.kept.reason.as_str()).collect::<Vec<_>>(), [Why::NoMatch.slug()]);
    let document = waiting[0].document().unwrap().document;
    assert_eq!(document.memos[0].text, "だれの");
    home.resolve(waiting[0].number, Resolution::Attach(*subject)).unwrap();
    assert!(memos(&home.chart_at_home(*subject).unwrap().facts).contains(&"だれの"));
    copy(home, holder, home.ledger(), Some(home.store().node()));
    assert_eq!(holder.inbox_waiting(home.ledger()).unwrap(), 0);
    home.rebuild(&mut |_| ()).unwrap();
    assert_eq!(home.open_inbox().unwrap(), crate::clinic::inbox::InboxOpened::default(), "also after a rebuild");
    is_clean(home);
    // Without an inbox nothing is left.
    stranger.set_surroundings(Surroundings::alone(stranger.site()));
    assert!(matches!(stranger.leave_in_inbox(home.ledger(), &concerns(None), &[known]), Err(ClinicError::NotWritable { .. })));
}
