//! A new box for a lost clinic: handed over, admitted, filled; two at once; and what a revoked one wrote, adopted.

use super::*;
use crate::clinic::adopt::{Adoption, Brought};
use crate::clinic::cards::IssuedCard;
use crate::clinic::check::Told;
use crate::clinic::heir::Opening;
use crate::clinic::intake::NewFact;
use crate::clinic::rotation::Mended;
use crate::clinic::staff::{Leaving, Role, StaffRefusal, Unlock};
use crate::clinic::{CardRefusal, ClinicError, OpenRecord};
use crate::record::{Channel, Content, DateText, Memo, Origin, Patient, Sex, Source, Subject};
use crate::region::heir::{HeirError, Heritage, Request};
use crate::region::payload::{Deputies, Deputy};
use std::path::Path;

const HOME: &str = "みなと薬局";

/// A box that took over.
struct Heir {
    dir: tempfile::TempDir,
    clock: Clock,
    clinic: Clinic,
    member: Member,
}

impl Heir {
    fn reopened(self) -> Self {
        let Self { dir, clock, clinic, member } = self;
        drop((clinic, member));
        let clinic = Clinic::open(&location(&dir), clock.clone()).unwrap();
        let member = Member::open(&clinic).unwrap();
        Self { dir, clock, clinic, member }
    }
}

/// A box that asks, in a directory of its own.
fn asking() -> (tempfile::TempDir, Request) {
    let dir = tempfile::tempdir().unwrap();
    let request = Clinic::ask_to_succeed(&location(&dir)).unwrap();
    assert_eq!(Clinic::ask_to_succeed(&location(&dir)).unwrap(), request, "the same box asks for the same");
    (dir, request)
}

fn begun(dir: tempfile::TempDir, request: &Request, handed: &HandedOver) -> (Heir, Option<NewBadge>) {
    let heritage = Heritage::read(&handed.answer, request).unwrap();
    let clock = Clock::manual(NOW_MS + 1_000);
    let (clinic, badge) = Clinic::succeed(&location(&dir), &heritage, None, clock.clone()).unwrap();
    let member = Member::open(&clinic).unwrap();
    member.inherit(&heritage).unwrap();
    Clinic::end_succession(&location(&dir)).unwrap();
    (Heir { dir, clock, clinic, member }, badge)
}

/// The staff of a lost clinic stand before a box that holds its records.
fn opened(holder: &Site, home: &Site) -> Opening {
    holder.clinic.open_by_staff(&home.badge.code, &home.passphrase()).unwrap()
}

/// A founded region of a host and a clinic whose records it holds.
fn lost_and_held() -> (Word, Site, Site) {
    let (word, host) = founded(&SiteProfile { name: "控え".to_owned(), ..SiteProfile::default() });
    let home = Site::with(&SiteProfile { name: HOME.to_owned(), phone: "0123".to_owned(), ..SiteProfile::default() });
    join(&host, &home, &word);
    (word, host, home)
}

fn person(name: &str) -> Patient {
    Patient { name: name.to_owned(), sex: Sex::Female, birth: DateText::read("S180512"), ..Patient::default() }
}

fn source() -> Source {
    Source { origin: Origin::Staff, name: String::new(), channel: Channel::CommandLine }
}

fn memo(text: &str) -> NewFact {
    let memo = Content::Memo(Memo { text: text.to_owned(), ..Memo::default() });
    NewFact::minted(memo, source(), &SystemEntropy::default())
}

fn register(clinic: &Clinic, name: &str) -> (Subject, IssuedCard) {
    let subject = clinic.register(person(name), source(), vec![memo(name)]).unwrap();
    (subject, clinic.issue_card(subject).unwrap())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn opens(clinic: &Clinic, card: &IssuedCard) -> Result<(), CardRefusal> {
    block_on(clinic.open_with_card(&card.code.compact(), &card.pin.digits())).map(drop)
}

fn record(clinic: &Clinic, card: &IssuedCard) -> OpenRecord {
    block_on(clinic.open_with_card(&card.code.compact(), &card.pin.digits())).unwrap()
}

fn memos(clinic: &Clinic, subject: Subject) -> Vec<String> {
    let facts = clinic.chart_at_home(subject).unwrap().facts;
    facts.into_iter().filter_map(|f| if let Content::Memo(memo) = f.content { Some(memo.text) } else { None }).collect()
}

fn is_clean(clinic: &Clinic) {
    let mut faults = Vec::new();
    clinic.verify(&mut |told| faults.extend(if let Told::Fault(fault) = told { Some(fault) } else { None })).unwrap();
    assert_eq!(faults, Vec::<String>::new());
}

fn all(run: Verified) -> (Vec<Verified>, Vec<Verified>) {
    (vec![run], Vec::new())
}

#[test]
fn a_new_box_has_the_keys_at_once_and_is_home_once_it_is_filled() {
    let (word, host, home) = lost_and_held();
    let (ledger, site) = (home.clinic.ledger(), home.member.site());
    let (subject, card) = register(&home.clinic, "架空 花子");
    // What the host's staff sealed to the box that was lost is opened by the badges of the same staff.
    let by = host.clinic.prove_staff(&host.badge.code, &host.passphrase()).unwrap();
    host.clinic.confirm_opener(&home.clinic.emergency_half().unwrap(), &by).unwrap();
    copy(&home, &host, ledger);

    let (dir, request) = asking();
    let wrong = Passphrase::entered("another-one-than-theirs");
    let refused = host.clinic.open_by_staff(&home.badge.code, &wrong).err();
    assert!(matches!(refused, Some(StaffRefusal::WrongPassphrase { .. })), "{refused:?}");
    let opening = opened(&host, &home);
    assert!(matches!(host.member.hand_over("控え", &request, &opening, None), Err(MembershipError::OtherClinic { .. })));
    let handed = host.member.hand_over(HOME, &request, &opening, Some(&word)).unwrap();
    assert!(handed.admitted.as_ref().is_some_and(|said| said.counts));
    let again = host.member.hand_over(HOME, &request, &opening, Some(&word));
    assert!(matches!(again, Err(MembershipError::BoxKnown)), "{again:?}");

    let (_other_dir, other) = asking();
    assert_eq!(Heritage::read(&handed.answer, &other), Err(HeirError::OtherRequest));
    let (heir, badge) = begun(dir, &request, &handed);
    assert!(badge.is_none() && heir.member.is_admitted() && heir.clinic.is_being_filled());
    let heir = heir.reopened();
    assert_eq!((heir.clinic.name(), heir.clinic.phone(), heir.clinic.site()), (HOME, "0123", site));
    assert_eq!(heir.clinic.ledger(), ledger);
    assert!(heir.clinic.patients().unwrap().is_empty(), "nothing has come yet");

    hand(&host.clinic, &heir.clinic, ledger, all);
    hand(&host.clinic, &heir.clinic, host.clinic.ledger(), all);
    let heir = heir.reopened();
    assert_eq!((heir.clinic.patients().unwrap().len(), memos(&heir.clinic, subject)), (1, vec!["架空 花子".to_owned()]));
    assert_eq!(heir.clinic.matches(&person("架空 花子")).unwrap(), [subject], "the blind index is the ledger's");
    opens(&heir.clinic, &card).unwrap();
    let staff = heir.clinic.prove_staff(&home.badge.code, &home.passphrase()).unwrap();
    assert_eq!(heir.clinic.emergency_half().unwrap().x25519, handed.admission.emergency.x25519);
    heir.clinic.unlock(&home.badge.code, &home.passphrase()).unwrap();
    assert_eq!(heir.clinic.unlock_states().unwrap()[&host.clinic.ledger()], Unlock::Open);
    assert!(heir.member.confirm_recovery(&staff).unwrap());
    heir.member.say_keys().unwrap();
    let said = heir.member.region().unwrap().nodes()[&heir.member.node()].keys.clone().unwrap();
    assert_eq!(said.staff.len(), 1, "it vouches for the staff whose badges have come");

    // What it writes is home's word, also where only the statements say that it is home.
    let (_, new_card) = register(&heir.clinic, "新規 太郎");
    let revoked = heir.clinic.revoke_card(card.opener, crate::clinic::cards::Reason::Lost).unwrap();
    assert_eq!(revoked, subject);
    hand(&heir.clinic, &host.clinic, ledger, all);
    opens(&host.clinic, &new_card).unwrap();
    assert_eq!(opens(&host.clinic, &card), Err(CardRefusal::Revoked));
    [&heir.clinic, &host.clinic].into_iter().for_each(is_clean);
    heir.clinic.rebuild(&mut |_| ()).unwrap();
    is_clean(&heir.clinic);
    assert_eq!(heir.clinic.patients().unwrap().len(), 2);
    heir.clinic.end_filling().unwrap();
    assert!(!heir.reopened().clinic.is_being_filled());

    // The old box hears of it: it takes in nothing new, and still says who looked.
    meet(&[&host, &home]);
    assert!(home.clinic.is_taken_over() && home.member.successors().len() == 1);
    let refused = home.clinic.register(person("x"), source(), Vec::new());
    assert!(matches!(refused, Err(ClinicError::TakenOver)), "{refused:?}");
    let before = home.clinic.own_counts().unwrap().1;
    opens(&home.clinic, &card).unwrap();
    assert!(home.clinic.own_counts().unwrap().1 > before, "the look is noted");
    let home = home.reopened();
    assert!(matches!(home.clinic.issue_card(subject), Err(ClinicError::TakenOver)), "also after a restart");
}

#[test]
fn where_nobody_of_the_staff_is_left_the_recovery_key_and_the_region_s_word_do() {
    let host = Site::new("控え");
    let kit = Kit::random(&SystemEntropy::default());
    host.member.found("高知", "http://kusuri.internal", &kit).unwrap();
    let word = Word::root(&[kit.root.whole().code()]).unwrap();
    let home = Site::new(HOME);
    join(&host, &home, &word);
    let (subject, _) = register(&home.clinic, "架空 花子");
    copy(&home, &host, home.clinic.ledger());
    let refused = host.member.open_by_recovery(HOME, &kit.recovery).err();
    assert!(matches!(refused, Some(MembershipError::NotRecoverable { .. })), "its staff never confirmed it: {refused:?}");
    let by = home.clinic.prove_staff(&home.badge.code, &home.passphrase()).unwrap();
    home.member.confirm_recovery(&by).unwrap();
    copy(&home, &host, home.clinic.ledger());
    let refused = host.member.open_by_recovery(HOME, &kit.duty).err();
    assert!(matches!(refused, Some(MembershipError::NotRecovery { .. })));
    let opening = host.member.open_by_recovery(HOME, &kit.recovery).unwrap();
    let (dir, request) = asking();
    assert!(matches!(host.member.hand_over(HOME, &request, &opening, None), Err(MembershipError::NeedsWord)));
    let handed = host.member.hand_over(HOME, &request, &opening, Some(&word)).unwrap();
    assert_eq!(handed.proposal, None);
    let (heir, badge) = begun(dir, &request, &handed);
    hand(&host.clinic, &heir.clinic, home.clinic.ledger(), all);
    assert_eq!(memos(&heir.clinic, subject), ["架空 花子"]);
    let badge = badge.expect("a first badge is made");
    let passphrase = Passphrase::entered(badge.passphrase.as_ref().unwrap());
    heir.clinic.prove_staff(&badge.code, &passphrase).unwrap();
    assert_eq!(heir.clinic.emergency_half().unwrap().x25519, handed.admission.emergency.x25519);
    is_clean(&heir.clinic);
}

#[test]
fn what_staff_propose_two_deputies_admit() {
    let (word, host, home) = lost_and_held();
    let deputies = ["一", "二"].map(|name| DeputyKey::random(name, &SystemEntropy::default()));
    let list = deputies.iter().map(|key| Deputy { key: key.signer(), name: key.name().to_owned(), through: None }).collect();
    host.member.say_for_region(&word, &Deputies { number: 1, deputies: list }).unwrap();
    copy(&home, &host, home.clinic.ledger());
    let (dir, request) = asking();
    let handed = host.member.hand_over(HOME, &request, &opened(&host, &home), None).unwrap();
    let proposal = handed.proposal.unwrap();
    assert!(matches!(host.region().proposals(), [open] if open.statement == proposal));
    let (heir, _) = begun(dir, &request, &handed);
    assert!(!heir.member.is_admitted());
    assert_eq!(heir.clinic.site(), home.member.site(), "also before it is admitted");
    let heir = heir.reopened();
    assert_eq!(heir.clinic.site(), home.member.site());

    let [first, second] = deputies.map(Word::Deputy);
    assert!(matches!(host.member.admit_successor("だれか", &first), Err(MembershipError::NoSuchProposal(_))));
    let (_, said) = host.member.admit_successor(&proposal.to_string()[..8], &first).unwrap();
    assert!(!said.counts);
    // Another day: the second signs what the first has said, and says nothing of their own.
    host.clock.advance(HOUR);
    let (admission, said) = host.member.admit_successor(HOME, &second).unwrap();
    assert!(said.counts && admission == handed.admission);
    assert!(host.region().proposals().is_empty());
    heir.member.merge(host.member.statements().unwrap().iter().cloned().collect()).unwrap();
    assert!(heir.member.is_admitted());
    heir.clinic.register(person("x"), source(), Vec::new()).unwrap();
}

#[test]
fn two_that_were_admitted_in_ignorance_of_each_other_are_named_both_write_and_one_is_retired() {
    let (word, host, home) = lost_and_held();
    let third = Site::new("第三");
    join(&host, &third, &word);
    meet(&[&host, &home, &third]);
    let ledger = home.clinic.ledger();
    let (subject, _) = register(&home.clinic, "架空 花子");
    [&host, &third].into_iter().for_each(|holder| copy(&home, holder, ledger));
    let heirs = [&host, &third].map(|holder| {
        let (dir, request) = asking();
        let handed = holder.member.hand_over(HOME, &request, &opened(holder, &home), Some(&word)).unwrap();
        let (heir, _) = begun(dir, &request, &handed);
        hand(&holder.clinic, &heir.clinic, ledger, all);
        heir
    });
    meet(&[&host, &third]);
    let conflict = |conflict: &&Conflict| matches!(conflict, Conflict::TwoSuccessors { nodes, .. } if nodes.len() == 2);
    let shown = host.region().conflicts().iter().find(conflict).cloned().expect("both are named");
    assert!(shown.next_action().en.contains("region retire"), "{}", shown.next_action().en);

    let both: Vec<Signed> = host.member.statements().unwrap().iter().cloned().collect();
    let cards = heirs.each_ref().map(|heir| {
        heir.member.merge(both.clone()).unwrap();
        register(&heir.clinic, "新規 太郎").1
    });
    hand(&heirs[0].clinic, &heirs[1].clinic, ledger, all);
    hand(&heirs[1].clinic, &heirs[0].clinic, ledger, all);
    for heir in &heirs {
        assert!(!heir.clinic.is_taken_over());
        assert_eq!(heir.clinic.patients().unwrap().len(), 3, "the one from before and both new ones");
        assert_eq!(memos(&heir.clinic, subject), ["架空 花子"]);
        cards.iter().for_each(|card| opens(&heir.clinic, card).unwrap());
        is_clean(&heir.clinic);
    }
    let retired = heirs[1].member.node();
    host.member.retire(&retired.to_string(), "一台でよい", &word).unwrap();
    assert!(!host.region().conflicts().iter().any(|found| conflict(&found)));
    heirs[1].member.merge(host.member.statements().unwrap().iter().cloned().collect()).unwrap();
    assert!(heirs[1].clinic.is_taken_over());
    assert_eq!(heirs[1].member.successors(), [heirs[0].member.node()]);
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in from.read_dir().unwrap().map(Result::unwrap).filter(|file| file.file_name() != "lock") {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn what_a_revoked_box_wrote_is_adopted_once_by_staff_and_its_keys_are_not() {
    let (word, host, home) = lost_and_held();
    let ledger = home.clinic.ledger();
    let (subject, card) = register(&home.clinic, "架空 花子");
    let kept = home.clinic.issue_card(subject).unwrap();
    copy(&home, &host, ledger);
    host.member.revoke(HOME, "盗難", &[], &word).unwrap();
    // Nobody has told it: it goes on.
    let late = home.clinic.register(person("後日 次郎"), source(), vec![memo("後で")]).unwrap();
    let late_card = home.clinic.issue_card(late).unwrap();
    home.clinic.revoke_card(card.opener, crate::clinic::cards::Reason::Lost).unwrap();

    let (dir_of_nothing, (dir, request)) = (tempfile::tempdir().unwrap(), asking());
    let handed = host.member.hand_over(HOME, &request, &opened(&host, &home), Some(&word)).unwrap();
    let (heir, _) = begun(dir, &request, &handed);
    let region = heir.member.region().unwrap();
    hand(&host.clinic, &heir.clinic, ledger, all);
    // Nobody speaks with it any more: its disk is brought.
    let (old, wrong) = (location(&home.dir).dir, location(&host.dir).dir);
    let before = std::fs::read(old.join("ledger.db")).unwrap();
    assert_eq!(heir.clinic.bring(&wrong, &region).unwrap(), Brought::default(), "a holder's has nothing past the revocation");
    let brought = heir.clinic.bring(&old, &region).unwrap();
    assert_eq!((heir.clinic.bring(&old, &region).unwrap(), brought.faults), (Brought::default(), 0), "once");
    assert!(std::fs::read(old.join("ledger.db")).unwrap() == before, "nothing is changed there");
    assert!(heir.clinic.bring(&dir_of_nothing.path().join("x"), &region).is_err());
    opens(&heir.clinic, &card).unwrap();
    assert_eq!((heir.clinic.patients().unwrap().len(), opens(&heir.clinic, &late_card)), (1, Err(CardRefusal::Unknown)));
    let node = home.member.node();
    let left = heir.clinic.aside_left(ledger).unwrap()[&node];
    assert!(left >= 5 && left == brought.entries, "{left}");

    let staff = heir.clinic.prove_staff(&home.badge.code, &home.passphrase()).unwrap();
    let trial = heir.clinic.adopt(node, &staff, true).unwrap();
    assert_eq!(heir.clinic.aside_left(ledger).unwrap()[&node], left, "a trial changes nothing");
    let adopted = heir.clinic.adopt(node, &staff, false).unwrap();
    let expected = Adoption { facts: 2, patients: 1, registered: 1, cards_revoked: 1, cards_lost: 1, ..Adoption::default() };
    assert_eq!((trial, adopted), (expected, expected));
    assert!(heir.clinic.aside_left(ledger).unwrap().is_empty());
    assert_eq!((heir.clinic.patients().unwrap().len(), memos(&heir.clinic, late)), (2, vec!["後で".to_owned()]));
    let facts = |clinic: &Clinic| -> Vec<_> { clinic.chart_at_home(late).unwrap().facts.iter().map(|fact| fact.id).collect() };
    assert_eq!(facts(&heir.clinic), facts(&home.clinic), "the same facts");
    assert_eq!(opens(&heir.clinic, &card), Err(CardRefusal::Revoked), "a card that was taken back there is");
    opens(&heir.clinic, &kept).unwrap();
    assert!(opens(&heir.clinic, &late_card).is_err(), "a card that was issued there opens nothing");
    opens(&heir.clinic, &heir.clinic.issue_card(late).unwrap()).unwrap();
    let entries = heir.clinic.own_counts().unwrap().1;
    assert_eq!(heir.clinic.adopt(node, &staff, false).unwrap(), Adoption::default(), "once");
    assert_eq!(heir.clinic.own_counts().unwrap().1, entries);
    is_clean(&heir.clinic);
    heir.clinic.rebuild(&mut |_| ()).unwrap();
    is_clean(&heir.clinic);
    assert!(heir.clinic.aside_left(ledger).unwrap().is_empty(), "also after a rebuild");
}

#[test]
fn a_succession_that_was_cut_off_goes_on() {
    let (word, host, home) = lost_and_held();
    copy(&home, &host, home.clinic.ledger());
    let (dir, request) = asking();
    let handed = host.member.hand_over(HOME, &request, &opened(&host, &home), Some(&word)).unwrap();
    let heritage = Heritage::read(&handed.answer, &request).unwrap();
    let half = dir.path().join("half");
    let begin = |at: &Location| Clinic::succeed(at, &heritage, None, Clock::manual(NOW_MS)).unwrap().0;
    let entries = begin(&location(&dir)).own_counts().unwrap().1;
    copy_dir(&location(&dir).dir, &half);
    let again = begin(&Location { reserve_bytes: 1 << 20, ..Location::new(&half) });
    assert_eq!(again.own_counts().unwrap().1, entries, "what was written is not written again");
    drop(again);
    // The answer of another box does not open here.
    let (other_dir, other) = asking();
    let stolen = Heritage { statements: heritage.statements.clone(), ..heritage.clone() };
    let refused = Clinic::succeed(&location(&other_dir), &stolen, None, Clock::manual(NOW_MS)).err();
    assert!(matches!(refused, Some(ClinicError::KeyDoesNotFit)), "{refused:?}");
    drop(other);
    // Keys that nobody vouches for are not taken.
    let strange =
        Heritage { statements: Statements::new(heritage.statements.founding().unwrap().clone()).unwrap(), ..heritage };
    let (dir, _request) = (tempfile::tempdir().unwrap(), ());
    copy_dir(&half, &location(&dir).dir);
    let refused = Clinic::succeed(&location(&dir), &strange, None, Clock::manual(NOW_MS)).err();
    assert!(matches!(refused, Some(ClinicError::NotVouched)), "{refused:?}");
}

#[test]
fn a_new_box_goes_on_with_the_key_that_a_leaver_does_not_have() {
    let (word, host, home) = lost_and_held();
    let ledger = home.clinic.ledger();
    let (subject, card) = register(&home.clinic, "架空 花子");
    let by = home.clinic.prove_staff(&home.badge.code, &home.passphrase()).unwrap();
    let chosen = Passphrase::chosen("いろはにほへとちりぬる").unwrap();
    let leaver = home.clinic.add_staff(&by, "辞める人", Role::Admin, Some(chosen.clone())).unwrap();
    copy(&home, &host, ledger);
    home.clinic.revoke_staff(&by, leaver.opener, Leaving::Left).unwrap();
    home.member.say_keys().unwrap();
    block_on(home.clinic.add_fact(&record(&home.clinic, &card), home.clinic.new_fact_id(), memo("後で").content)).unwrap();
    copy(&home, &host, ledger);
    meet(&[&host, &home]);
    assert_eq!(host.clinic.open_by_staff(&leaver.code, &chosen).err(), Some(StaffRefusal::Revoked));

    let (dir, request) = asking();
    let handed = host.member.hand_over(HOME, &request, &opened(&host, &home), Some(&word)).unwrap();
    let (heir, _) = begun(dir, &request, &handed);
    hand(&host.clinic, &heir.clinic, ledger, all);
    let heir = heir.reopened();
    assert_eq!(heir.clinic.own_inbox(), home.clinic.own_inbox());
    assert_eq!(memos(&heir.clinic, subject), ["架空 花子", "後で"]);
    heir.clinic.end_filling().unwrap();
    assert_eq!(heir.member.mend_keys().unwrap(), Mended::Nothing);
    opens(&heir.clinic, &card).unwrap();
    let (new, new_card) = register(&heir.clinic, "新規 太郎");
    hand(&heir.clinic, &host.clinic, ledger, all);
    opens(&host.clinic, &new_card).unwrap();
    assert_eq!(memos(&heir.clinic, new), ["新規 太郎"]);
    [&heir.clinic, &host.clinic].into_iter().for_each(is_clean);
}

#[test]
fn what_the_lost_box_wrote_under_a_key_that_the_new_one_was_not_handed_opens_with_a_badge() {
    let (word, host, home) = lost_and_held();
    let ledger = home.clinic.ledger();
    let (subject, card) = register(&home.clinic, "架空 花子");
    copy(&home, &host, ledger);
    let (dir, request) = asking();
    let handed = host.member.hand_over(HOME, &request, &opened(&host, &home), Some(&word)).unwrap();
    // The box that is thought lost goes on, and changes the key.
    let by = home.clinic.prove_staff(&home.badge.code, &home.passphrase()).unwrap();
    let leaver = home.clinic.add_staff(&by, "辞める人", Role::Reader, None).unwrap();
    home.clinic.revoke_staff(&by, leaver.opener, Leaving::Lost).unwrap();
    block_on(home.clinic.add_fact(&record(&home.clinic, &card), home.clinic.new_fact_id(), memo("後で").content)).unwrap();
    let (heir, _) = begun(dir, &request, &handed);
    hand(&home.clinic, &heir.clinic, ledger, all);
    assert_ne!(heir.clinic.own_inbox(), home.clinic.own_inbox());
    assert_eq!(memos(&heir.clinic, subject), ["架空 花子"]);
    assert!(heir.clinic.chart_at_home(subject).unwrap().unreadable > 0, "that something waits is shown");
    heir.clinic.prove_staff(&home.badge.code, &home.passphrase()).unwrap();
    assert_eq!(heir.clinic.own_inbox(), home.clinic.own_inbox());
    assert_eq!(memos(&heir.clinic, subject), ["架空 花子", "後で"]);
    let heir = heir.reopened();
    assert_eq!(memos(&heir.clinic, subject), ["架空 花子", "後で"], "it has sealed it to itself");
}

#[test]
fn a_box_that_was_stolen_opens_nothing_that_the_new_one_writes() {
    let (word, host, home) = lost_and_held();
    let ledger = home.clinic.ledger();
    let (_, card) = register(&home.clinic, "架空 花子");
    copy(&home, &host, ledger);
    host.member.revoke(HOME, "盗難", &[], &word).unwrap();
    let (dir, request) = asking();
    let handed = host.member.hand_over(HOME, &request, &opened(&host, &home), Some(&word)).unwrap();
    let (heir, _) = begun(dir, &request, &handed);
    assert_eq!(heir.member.mend_keys().unwrap(), Mended::Nothing, "who receives the key is not known yet");
    hand(&host.clinic, &heir.clinic, ledger, all);
    heir.clinic.end_filling().unwrap();
    assert_eq!(heir.member.mend_keys().unwrap(), Mended::Changed);
    assert_eq!(heir.member.mend_keys().unwrap(), Mended::Nothing);
    let (subject, _) = register(&heir.clinic, "新規 太郎");
    block_on(heir.clinic.add_fact(&record(&heir.clinic, &card), heir.clinic.new_fact_id(), memo("後で").content)).unwrap();
    hand(&heir.clinic, &home.clinic, ledger, all);
    assert!(home.clinic.chart_at_home(subject).is_err(), "the thief has the box, its key and all that was written");
    assert_ne!(home.clinic.own_inbox(), heir.clinic.own_inbox());
    is_clean(&heir.clinic);
}
