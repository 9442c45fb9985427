//! What others wrote about a clinic's patients, and what its staff say about it.

use super::region::{Two, copy, introduce, is_clean, memo, open, two};
use super::*;
use crate::clinic::elsewhere::{AtPatient, Tally, Weight, Which};
use crate::clinic::staff::{NewBadge, Staff};
use crate::ledger::content::Concerns;
use crate::record::review::{Ending, Standing};
use crate::record::timeline::{self, Doubt};
use crate::record::{Concealment, FactId, Note, NoteKind};
use crate::region::holding::Append;
use crate::seal::badge::Passphrase;

const PASSPHRASE: &str = "いろはにほへとちりぬる";

fn staff(clinic: &Clinic) -> Staff {
    let badge: NewBadge = clinic.first_admin(Some(Passphrase::chosen(PASSPHRASE).unwrap())).unwrap();
    clinic.prove_staff(&badge.code, &Passphrase::entered(PASSPHRASE)).unwrap()
}

fn allergy(text: &str) -> Content {
    let (text, by, on) = (text.to_owned(), String::new(), DateText::default());
    Content::Note(Note { kind: NoteKind::Allergy, text, none: false, on, by, creator: None })
}

fn add(clinic: &Clinic, record: &crate::clinic::OpenRecord, content: Content) -> FactId {
    let id = clinic.new_fact_id();
    block_on(clinic.add_fact(record, id, content)).unwrap();
    id
}

fn one(clinic: &Clinic) -> AtPatient {
    let mut patients = clinic.elsewhere().unwrap();
    assert_eq!(patients.len(), 1);
    patients.remove(0)
}

fn standing(clinic: &Clinic, fact: FactId) -> Standing {
    one(clinic).items.iter().find(|item| item.fact.id == fact).unwrap().standing
}

fn home_takes(two: &Two) {
    copy(&two.holder, &two.home, two.home.ledger(), Some(two.holder.store().node()));
}

fn holder_takes(two: &Two) {
    copy(&two.home, &two.holder, two.home.ledger(), Some(two.home.store().node()));
}

#[test]
fn what_others_wrote_is_listed_with_safety_first_and_looks_last() {
    let two = two();
    let Two { home, holder, subject, card, _dirs: (home_dir, holder_dir) } = &two;
    assert!(home.elsewhere().unwrap().is_empty(), "what the home wrote itself is no news");
    let record = open(holder, card).unwrap();
    let warning = add(holder, &record, allergy("ペニシリン"));
    holder_dir.clock.advance(Duration::from_secs(60));
    let written = add(holder, &record, memo("避難所で"));
    home_dir.clock.advance(Duration::from_secs(3 * 24 * 3600));
    home_takes(&two);

    let patient = one(home);
    assert_eq!((patient.subject, patient.person.as_ref().unwrap().name.as_str()), (*subject, NAME));
    let listed: Vec<_> = patient.items.iter().map(|item| (item.fact.id, item.weight)).collect();
    assert_eq!((listed[0], listed[1]), ((warning, Weight::Safety), (written, Weight::Record)));
    assert_eq!((listed.len(), listed[2].1), (3, Weight::Look));
    let item = &patient.items[1];
    assert_eq!((item.writer, item.by_inbox, item.standing), (holder.store().node(), false, Standing::New));
    assert_eq!((item.claimed_ms, item.arrived_ms), (holder.now_ms(), Some(home.now_ms())));
    let tally = Tally::of(&[patient]);
    assert_eq!((tally.entries, tally.looks, tally.patients, tally.queried), (2, 1, 1, 0));
    assert_eq!(tally.since_ms, Some(holder.now_ms() - 60_000));
    assert!(holder.elsewhere().unwrap().is_empty(), "a holder lists its own patients only");
}

#[test]
fn a_decision_is_one_fact_survives_a_rebuild_and_reaches_holders() {
    let two = two();
    let Two { home, holder, subject, card, _dirs: (home_dir, _) } = &two;
    let record = open(holder, card).unwrap();
    let written = add(holder, &record, memo("避難所で"));
    home_takes(&two);
    let staff = staff(home);
    let imported = |clinic: &Clinic| clinic.chart_at_home(*subject).unwrap().last_import_ms;
    let before = imported(home);
    home_dir.clock.advance(Duration::from_secs(3600));
    assert_eq!(home.accept_elsewhere(Which::One(written), &staff, Channel::Page).unwrap(), 1);
    assert_eq!(home.accept_elsewhere(Which::One(written), &staff, Channel::Page).unwrap(), 0, "the same decision twice is one");
    assert_eq!(standing(home, written), Standing::Accepted);
    assert_eq!(home.accept_elsewhere(Which::AllNew, &staff, Channel::Page).unwrap(), 1, "the look");
    assert_eq!(home.elsewhere_tally().unwrap(), Tally::default());
    home.rebuild(&mut |_| ()).unwrap();
    assert_eq!(standing(home, written), Standing::Accepted);
    holder_takes(&two);
    let chart = block_on(holder.chart(&record)).unwrap();
    let accepted = |fact: &&crate::record::Fact| matches!(&fact.content, Content::Acceptance(a) if a.target.id == written);
    assert_eq!(chart.facts.iter().filter(accepted).count(), 1);
    assert_eq!((chart.not_understood, chart.unreadable), (0, 0));
    assert!(matches!(
        home.accept_elsewhere(Which::One(FactId([7; 16])), &staff, Channel::Page),
        Err(ClinicError::NoSuchItem(_))
    ));
    assert_eq!(imported(home), before, "a decision is no news of the patient");
    [home, holder].into_iter().for_each(is_clean);
}

#[test]
fn a_question_is_shown_with_what_it_is_about_until_it_has_ended() {
    let two = two();
    let Two { home, holder, card, .. } = &two;
    let record = open(holder, card).unwrap();
    let written = add(holder, &record, memo("避難所で"));
    home_takes(&two);
    let staff = staff(home);
    let ask = || home.query_elsewhere(written, " 量は合っていますか ", &staff, Channel::Page).unwrap();
    let question = ask();
    assert_eq!(ask(), question, "the same question twice is one");
    assert_eq!(standing(home, written), Standing::Queried);
    holder_takes(&two);
    let asked = |clinic: &Clinic| {
        let facts = block_on(clinic.chart(&record)).unwrap().facts;
        let timeline = timeline::build(&facts, clinic.today());
        let doubts = timeline.memos.iter().find(|memo| memo.fact.id == written).unwrap().doubts.clone();
        doubts
            .into_iter()
            .find_map(|doubt| if let Doubt::Asked { text, place, .. } = doubt { Some((text, place)) } else { None })
    };
    let expected = Some(("量は合っていますか".to_owned(), "さくら薬局".to_owned()));
    assert_eq!((asked(holder), asked(home)), (expected.clone(), expected), "at the other clinic too");

    assert!(home.end_query(question, Ending::Answered, "はい", &staff, Channel::Page).unwrap());
    assert!(!home.end_query(question, Ending::Withdrawn, "", &staff, Channel::Page).unwrap(), "it ends once");
    assert_eq!((standing(home, written), asked(home)), (Standing::New, None), "the answer is to be looked at");
    assert_eq!(home.accept_elsewhere(Which::One(written), &staff, Channel::Page).unwrap(), 1);
    assert_eq!(standing(home, written), Standing::Accepted);
    let again = home.query_elsewhere(written, "もう一つ", &staff, Channel::Page).unwrap();
    assert_eq!(standing(home, written), Standing::Queried);
    assert_eq!(home.accept_elsewhere(Which::One(written), &staff, Channel::Page).unwrap(), 1, "which withdraws the question");
    assert_eq!(standing(home, written), Standing::Accepted);
    assert!(!home.end_query(again, Ending::Answered, "遅れて", &staff, Channel::Page).unwrap());
    assert!(matches!(home.query_elsewhere(written, " \n", &staff, Channel::Page), Err(ClinicError::TextLength(0))));
    is_clean(home);
}

#[test]
fn nobody_but_the_home_accepts() {
    let two = two();
    let Two { home, holder, card, .. } = &two;
    let record = open(holder, card).unwrap();
    let written = add(holder, &record, memo("書きかえた"));
    home_takes(&two);
    let staff = staff(home);
    home.accept_elsewhere(Which::One(written), &staff, Channel::Page).unwrap();
    let of_home = home.chart_at_home(two.subject).unwrap().facts;
    let genuine = of_home.iter().find(|fact| matches!(fact.content, Content::Acceptance(_))).unwrap().content.clone();
    // A holder that wants its next entry to pass unseen writes the acceptance itself.
    let hidden = add(holder, &record, memo("見せたくない"));
    let forged = block_on(holder.chart(&record)).unwrap().facts.iter().find(|fact| fact.id == hidden).map(|fact| {
        let Content::Acceptance(mut acceptance) = genuine.clone() else { panic!() };
        acceptance.target = crate::record::FactVersion { id: fact.id, version: fact.version };
        Content::Acceptance(acceptance)
    });
    add(holder, &record, forged.unwrap());
    home_takes(&two);
    assert_eq!(standing(home, hidden), Standing::New);
    assert_eq!(standing(home, written), Standing::Accepted);
}

#[test]
fn what_the_patient_hides_is_hidden_here_too() {
    let two = two();
    let Two { home, holder, card, .. } = &two;
    let record = open(holder, card).unwrap();
    let (hidden, warning) = (add(holder, &record, memo("秘密")), add(holder, &record, allergy("卵")));
    for target in [hidden, warning] {
        let conceal = Content::Concealment(Concealment { target, concealed: true, turn: 1 });
        let _ = block_on(holder.add_fact(&record, holder.new_fact_id(), conceal));
    }
    home_takes(&two);
    let items = one(home).items;
    let concealed = |fact: FactId| items.iter().find(|item| item.fact.id == fact).unwrap().is_concealed;
    assert!(concealed(hidden) && !concealed(warning));
    assert_eq!(items.len(), 3, "two entries and the look: hiding itself is the patient's own");
    let file = String::from_utf8_lossy(&home.export_elsewhere(two.subject, false).unwrap().unwrap().bytes).into_owned();
    assert!(!file.contains(&*encoding_rs_text("秘密")));
}

fn encoding_rs_text(text: &str) -> String {
    String::from_utf8_lossy(&encoding_rs::SHIFT_JIS.encode(text).0).into_owned()
}

#[test]
fn what_was_left_in_the_inbox_is_listed_as_written_by_whom_it_was_left() {
    let two = two();
    let Two { home, card, subject, .. } = &two;
    let (stranger_dir, stranger) = Fixture::new();
    introduce(&stranger, home, Append::Inbox);
    stranger_dir.clock.advance(Duration::from_secs(3600));
    let fact = crate::clinic::intake::NewFact::minted(memo("救護所で"), source(), &SystemEntropy::default());
    let concerns = Concerns { locator: Some(card.code.locator()), external_id: None };
    stranger.leave_in_inbox(home.ledger(), &concerns, std::slice::from_ref(&fact)).unwrap();
    copy(&stranger, home, home.ledger(), None);
    assert!(home.elsewhere().unwrap().is_empty(), "it has not been opened yet");
    home.open_inbox().unwrap();
    let patient = one(home);
    assert_eq!((patient.subject, patient.items.len()), (*subject, 1));
    let item = &patient.items[0];
    assert_eq!((item.fact.id, item.writer, item.by_inbox), (fact.id, stranger.store().node(), true));
    assert_eq!((item.claimed_ms, item.arrived_ms), (stranger.now_ms(), Some(home.now_ms())));
    home.accept_elsewhere(Which::NewOf(*subject), &staff(home), Channel::Page).unwrap();
    assert_eq!(standing(home, fact.id), Standing::Accepted);
    let file = home.export_elsewhere(*subject, false).unwrap().unwrap();
    let read = crate::formats::jahis::gather([crate::formats::jahis::Source { name: "x".to_owned(), bytes: file.bytes }]);
    let memos: Vec<_> = read.documents[0].document.memos.iter().map(|memo| memo.text.as_str()).collect();
    assert_eq!(memos, ["救護所で"], "what was written elsewhere and nothing else");
    assert!(home.export_elsewhere(*subject, true).unwrap().is_none(), "nothing of it is new");
}

#[test]
fn patients_of_others_entries_are_found_by_author_and_by_entry() {
    let two = two();
    let Two { home, holder, subject, card, .. } = &two;
    let record = open(holder, card).unwrap();
    add(holder, &record, memo("避難所で"));
    home_takes(&two);
    register(home);
    let (ledger, stranger) = (home.ledger(), holder.store().node());
    let found = |by_author: Option<bool>, by_entry: bool| {
        let read = move |reader: &crate::store::Reader<'_>| {
            let author = |node| if node == stranger { by_author } else { Some(false) };
            reader.subjects_written(ledger, author, |open| by_entry && open.author() == stranger)
        };
        home.store().read_now(read).unwrap().into_iter().collect::<Vec<_>>()
    };
    assert_eq!((found(Some(true), false), found(None, true)), (vec![*subject], vec![*subject]));
    assert_eq!((found(Some(false), true), found(None, false)), (vec![], vec![]));
}
