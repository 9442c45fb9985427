//! Patient keys that a holder of the ledger makes by itself: nobody reads or writes with them, whoever's card it is and wherever.

use super::region::{Two, copy, introduce, is_clean, memo, open, two};
use super::*;
use crate::clinic::cards::IssuedCard;
use crate::ledger::CoarseKind;
use crate::ledger::payload::{OpenerEntry, OpenerMore, OpenerRevoked, PatientKey, Payload, Predecessor, Registration, Wrap};
use crate::region::holding::Append;
use crate::seal::envelope::{predecessor_info, seal_box, wrap};
use crate::seal::key::{KeyId, KeyKind, OpenerId, OpenerKind, OpenerPublic, Secret};
use crate::store::{Draft, Urgency};

/// A card's public half, which lies open.
fn public_half(at: &Clinic, of: &Clinic, opener: OpenerId) -> OpenerPublic {
    let ledger = of.ledger();
    let stored = at.store().read_now(move |reader| {
        let found = reader.find(ledger, crate::clinic::projection::OPENER, &opener.0)?;
        reader.entry(found.into_iter().find(|(value, _)| value.is_empty()).unwrap().1)
    });
    crate::clinic::open_payload::<OpenerEntry>(&stored.unwrap().unwrap()).unwrap().public()
}

fn wrapped(ledger: [u8; 16], key: &Key, to: &OpenerPublic) -> Wrap {
    let sealed = wrap(&ledger, key, KeyKind::Patient, to).unwrap();
    Wrap { key: key.id, kind: KeyKind::Patient, opener: to.id, sealed }
}

/// What somebody appends who holds the ledger: a key for a patient, sealed to a card's public half, as home would.
struct Forgery<'t> {
    two: &'t Two,
    key: Key,
    before: Vec<Key>,
    to: Vec<OpenerId>,
    is_more: bool,
}

impl<'t> Forgery<'t> {
    fn of(two: &'t Two) -> Self {
        let key = Key::random(&*two.holder.inner.entropy);
        Self { two, key, before: Vec::new(), to: vec![two.card.opener], is_more: false }
    }

    fn append(&self) {
        let Two { home, holder, subject, .. } = self.two;
        let (ledger, inner) = (home.ledger().0, &holder.inner);
        let boxed = |older: &Key| Predecessor {
            key: older.id,
            sealed: seal_box(&self.key.secret, &predecessor_info(older.id), &older.secret, &*inner.entropy),
        };
        let publics: Vec<OpenerPublic> = self.to.iter().map(|card| public_half(holder, home, *card)).collect();
        let wraps: Vec<Wrap> = publics.iter().map(|public| wrapped(ledger, &self.key, public)).collect();
        let under = Secret::random(&*inner.entropy);
        let mut entry = PatientKey {
            key: self.key.id,
            ledger_key: KeyId([9; 16]),
            sealed: seal_box(&under, b"nobody", &self.key.secret, &*inner.entropy),
            wraps: wraps.clone(),
            predecessors: self.before.iter().map(boxed).collect(),
        };
        let mut contents = Vec::new();
        if self.is_more {
            entry.wraps = Vec::new();
            for (public, wrap) in publics.iter().zip(wraps) {
                let registrations = vec![Registration::new(public, &self.key, KeyKind::Patient)];
                contents.push(OpenerMore { opener: public.id, registrations, wraps: vec![wrap] }.content());
            }
        }
        contents.insert(0, entry.content());
        let draft = |content| inner.open_draft(CoarseKind::KEY, *subject, &content).unwrap();
        let drafts: Vec<Draft> = contents.into_iter().map(draft).collect();
        holder.store().append_to(home.ledger(), drafts, Urgency::Normal).wait().unwrap();
    }
}

/// The patient's newest key, as who has served the card knows it.
fn newest(at: &Clinic, card: &IssuedCard) -> Key {
    open(at, card).unwrap().ring().newest().clone()
}

/// Writes through the card and says under which key that was sealed.
fn writes(at: &Clinic, card: &IssuedCard, text: &str) -> KeyId {
    let record = open(at, card).unwrap();
    block_on(at.add_fact(&record, at.new_fact_id(), memo(text))).unwrap();
    let chart = block_on(at.chart(&record)).unwrap();
    assert!(memos(&chart.facts).contains(&text) && memos(&chart.facts).contains(&MEMO));
    assert_eq!(chart.unreadable, 0);
    let (ledger, subject) = (record.ledger(), record.subject());
    let found = at.store().read_now(move |reader| reader.entries_of(ledger, subject)).unwrap();
    let last = found.entries.iter().rev().find(|entry| entry.open.kind() == CoarseKind::RECORD).unwrap();
    crate::seal::body::peek(last.body.as_ref().unwrap()).unwrap().1.unwrap()
}

/// A third clinic that holds the ledger too, and has what the hostile one wrote.
fn honest(two: &Two) -> (Fixture, Clinic) {
    let (dir, honest) = Fixture::new();
    copy(&two.holder, &honest, two.home.ledger(), None);
    introduce(&honest, &two.home, Append::Direct);
    (dir, honest)
}

fn bring_home(two: &Two) {
    copy(&two.holder, &two.home, two.home.ledger(), Some(two.holder.store().node()));
}

#[test]
fn a_key_that_a_holder_made_is_nowhere_written_under() {
    for is_more in [false, true] {
        for claims_to_follow in [false, true] {
            let two = two();
            let genuine = newest(&two.home, &two.card);
            let mut forgery = Forgery { is_more, ..Forgery::of(&two) };
            if claims_to_follow {
                // It does not know the secret of the key that it says is its predecessor.
                forgery.before = vec![Key { id: genuine.id, secret: Secret::random(&*two.holder.inner.entropy) }];
            }
            forgery.append();
            bring_home(&two);
            let (_dir, honest) = honest(&two);
            for at in [&two.home, &honest, &two.holder] {
                assert_eq!(writes(at, &two.card, "ここだけの話"), genuine.id, "more: {is_more}, follows: {claims_to_follow}");
            }
            assert_eq!(memos(&two.home.chart_at_home(two.subject).unwrap().facts).len(), 2);
            is_clean(&two.home);
        }
    }
}

#[test]
fn a_forger_cannot_pass_its_key_off_under_the_id_of_a_genuine_one() {
    let two = two();
    let genuine = newest(&two.home, &two.card);
    for is_more in [false, true] {
        let key = Key { id: genuine.id, secret: Secret::random(&*two.holder.inner.entropy) };
        Forgery { key, is_more, ..Forgery::of(&two) }.append();
    }
    bring_home(&two);
    let (_dir, honest) = honest(&two);
    for at in [&two.home, &honest] {
        writes(at, &two.card, "x");
        assert_eq!(newest(at, &two.card), genuine);
    }
    assert!(memos(&two.home.chart_at_home(two.subject).unwrap().facts).contains(&"x"));
}

#[test]
fn a_lost_card_replaced_at_home_leads_on_and_who_knew_the_old_key_does_not() {
    let two = two();
    let kept = two.home.issue_card(two.subject).unwrap();
    let old = newest(&two.home, &kept);
    let new = two.home.replace_card(two.card.opener).unwrap();
    copy(&two.home, &two.holder, two.home.ledger(), None);
    // The finder of the lost card and a holder together know the old key.
    let to = vec![new.opener, kept.opener];
    let forgery = Forgery { before: vec![old.clone()], to, is_more: true, ..Forgery::of(&two) };
    forgery.append();
    bring_home(&two);
    let (_dir, honest) = honest(&two);
    for at in [&two.home, &honest] {
        for card in [&new, &kept] {
            let under = writes(at, card, "失くした後");
            assert!(under != old.id && under != forgery.key.id, "what home made last is written under");
        }
    }
    let newer = two.home.replace_card(new.opener).unwrap();
    assert!(newest(&two.home, &newer).id != forgery.key.id);
    is_clean(&two.home);
    two.home.rebuild(&mut |_| ()).unwrap();
    is_clean(&two.home);
}

#[test]
fn a_card_with_the_newest_key_alone_follows_the_line_back_to_its_beginning() {
    let two = two();
    let mut cards = vec![two.home.issue_card(two.subject).unwrap()];
    for _ in 0..3 {
        cards.push(two.home.replace_card(cards[cards.len() - 1].opener).unwrap());
    }
    copy(&two.home, &two.holder, two.home.ledger(), None);
    let (_dir, honest) = honest(&two);
    for at in [&two.home, &honest] {
        let chart = block_on(at.chart(&open(at, &cards[3]).unwrap())).unwrap();
        assert_eq!((memos(&chart.facts), chart.unreadable), (vec![MEMO], 0));
    }
}

#[test]
fn a_successor_made_by_who_has_the_newest_key_is_followed() {
    let two = two();
    let genuine = newest(&two.holder, &two.card);
    let forgery = Forgery { before: vec![genuine], ..Forgery::of(&two) };
    forgery.append();
    let (_dir, honest) = honest(&two);
    assert_eq!(writes(&honest, &two.card, "続き"), forgery.key.id);
}

/// The record of a patient that the hostile holder made up, which claims the card.
#[test]
fn a_card_never_opens_a_record_that_a_holder_made_up_for_it() {
    let two = two();
    let Two { home, holder, card, .. } = &two;
    let made_up = Subject([66; 16]);
    let key = Key::random(&*holder.inner.entropy);
    let ledger = home.ledger();
    let stored = holder.store().read_now({
        let opener = card.opener;
        move |reader| reader.entry(reader.find(ledger, crate::clinic::projection::OPENER, &opener.0)?.remove(0).1)
    });
    let genuine: OpenerEntry = crate::clinic::open_payload(&stored.unwrap().unwrap()).unwrap();
    let public = genuine.public();
    let registrations = vec![Registration::new(&public, &key, KeyKind::Patient)];
    let claim = OpenerEntry { registrations, wraps: vec![wrapped(ledger.0, &key, &public)], ..genuine };
    let keyed = holder.inner.keys().seal_patient_key(&ledger.0, made_up, &key, Vec::new(), None, &*holder.inner.entropy);
    let draft = |content| holder.inner.open_draft(CoarseKind::KEY, made_up, &content).unwrap();
    let drafts = vec![draft(keyed.content()), draft(claim.content())];
    holder.store().append_to(ledger, drafts, Urgency::Normal).wait().unwrap();
    // It comes to the honest one before anything that home wrote.
    let (_dir, honest) = Fixture::new();
    introduce(&honest, home, Append::Direct);
    copy(holder, &honest, ledger, Some(holder.store().node()));
    copy(holder, &honest, ledger, Some(home.store().node()));
    bring_home(&two);
    for at in [home, &honest] {
        assert_eq!(open(at, card).unwrap().subject(), two.subject);
        writes(at, card, "わたしの");
    }
}

/// What a holder can append: a card that it made up, under any opener and locator, for a patient whose key it knows.
fn forged_card(two: &Two, locator: [u8; 16], subject: Subject, key: &Key) -> OpenerId {
    let holder = &two.holder.inner;
    let id = OpenerId([0; 16]);
    let public = crate::seal::key::Opener::from_seed(&Secret::random(&*holder.entropy)).public(id, OpenerKind::Card, locator);
    let entry = OpenerEntry {
        opener: id,
        kind: OpenerKind::Card,
        x25519: public.x25519,
        ed25519: public.ed25519,
        locator: Some(locator),
        seed: None,
        salt: None,
        registrations: vec![Registration::new(&public, key, KeyKind::Patient)],
        wraps: Vec::new(),
    };
    append(two, subject, &entry);
    id
}

fn append(two: &Two, subject: Subject, said: &impl Payload) {
    let draft = two.holder.inner.open_draft(CoarseKind::KEY, subject, &said.content()).unwrap();
    two.holder.store().append_to(two.home.ledger(), vec![draft], Urgency::Normal).wait().unwrap();
}

#[test]
fn a_card_at_the_desk_is_its_patients_whatever_a_holder_writes_about_it() {
    let two = two();
    let Two { home, holder, subject, card, .. } = &two;
    // The holder has served another patient's card, and knows that patient's key.
    let other = register(home);
    let others = home.issue_card(other).unwrap();
    copy(home, holder, home.ledger(), None);
    let forged = forged_card(&two, card.code.locator(), other, &newest(holder, &others));
    append(&two, *subject, &OpenerRevoked { opener: card.opener, reason: 1 });
    bring_home(&two);
    let ledger = home.ledger();
    let locator = card.code.locator();
    let claims =
        home.store().read_now(move |reader| reader.find(ledger, crate::clinic::projection::LOCATOR, &locator)).unwrap();
    assert_eq!((claims.len(), claims[0].0.as_slice()), (2, forged.0.as_slice()), "the forged one is found first");
    for rebuilt in [false, true] {
        if rebuilt {
            home.rebuild(&mut |_| ()).unwrap();
        }
        let found = home.card_by_code(&card.code).unwrap();
        assert_eq!((found.subject, found.opener, found.revoked), (*subject, card.opener, None));
        let of_other: Vec<_> = home.cards(Some(other)).unwrap().into_iter().map(|card| card.opener).collect();
        assert_eq!(of_other, [others.opener]);
        assert!(matches!(home.revoke_card(forged, crate::clinic::cards::Reason::Lost), Err(ClinicError::NoSuchCard)));
    }
    // What home itself takes back is taken back.
    home.revoke_card(card.opener, crate::clinic::cards::Reason::Lost).unwrap();
    assert_eq!(home.card_by_code(&card.code).unwrap().revoked, Some(1));
}

#[test]
fn replacing_a_patients_card_takes_back_every_one_that_home_made() {
    let two = two();
    let Two { home, holder, subject, card, .. } = &two;
    let second = home.issue_card(*subject).unwrap();
    copy(home, holder, home.ledger(), None);
    // A card that a holder made up is the newest, and what it says of the first one hides it from nobody.
    forged_card(&two, [7; 16], *subject, &newest(holder, card));
    append(&two, *subject, &OpenerRevoked { opener: card.opener, reason: 2 });
    bring_home(&two);
    let new = home.issue_or_replace(*subject).unwrap();
    let in_use: Vec<_> = home.cards(Some(*subject)).unwrap().into_iter().filter(|card| card.revoked.is_none()).collect();
    assert_eq!(in_use.iter().map(|card| card.opener).collect::<Vec<_>>(), [new.opener]);
    for old in [card, &second] {
        assert_eq!(home.card_by_code(&old.code).unwrap().revoked, Some(2));
        assert_eq!(open(home, old).err(), Some(CardRefusal::Revoked));
    }
    let under = writes(home, &new, "新しい札で");
    assert_eq!(newest(home, &new).id, under);
    is_clean(home);
}
