//! Asking other boxes, over real sockets: three clinics of a region, each with a node of its own; one desk, and somebody whose record lies elsewhere.

use super::browser::{Answer, Browser};
use super::shelter::Rung;
use crate::sync::region::{PATIENCE, Place, World};
use crate::wait::until;
use kusuribako::clinic::Clinic;
use kusuribako::clinic::glass::GlassAt;
use kusuribako::clinic::intake::NewFact;
use kusuribako::clinic::staff::{Role, SignedIn};
use kusuribako::entropy::SystemEntropy;
use kusuribako::ledger::NodeId;
use kusuribako::ledger::payload::{Basis, Opening};
use kusuribako::record::{
    Channel, Consent, Content, DateText, Drug, FactId, GlassReason, Group, Institution, LookShown, Origin, Patient,
    Prescription, Rank, Sex, Source, Subject, Visit,
};
use kusuribako::seal::badge::Passphrase;
use kusuribako::seal::random;
use kusuribako::sync::look::Asking;
use kusuribako::web::Site;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const NAME: &str = "八重樫 すみれ";
pub const DRUG: &str = "ワーファリン錠1mg";
pub const SECRET_DRUG: &str = "ヒミツノクスリ錠";
/// What does not tell people apart.
pub const CONTACT: &str = "娘 090-0000-0000";
const PASSPHRASE: &str = "いろはにほへとちりぬる";
pub(super) const ASKING: usize = 0;
pub(super) const HOME: usize = 1;
pub(super) const HOLDER: usize = 2;

fn new_id() -> FactId {
    FactId(random(&SystemEntropy::default()))
}

pub(super) fn signed_in(place: &Place) -> SignedIn {
    let badge = place.admin.as_ref().unwrap();
    let passphrase = Passphrase::entered(badge.passphrase.as_deref().unwrap());
    place.member().sign_in(&badge.code, &passphrase).unwrap()
}

/// A patient of a clinic's, who takes something, and hides something else.
pub fn somebody(clinic: &Clinic) -> Subject {
    let source = Source { origin: Origin::Pharmacy, name: "家の薬局".to_owned(), channel: Channel::JahisFile };
    let (name, emergency_contact) = (NAME.to_owned(), CONTACT.to_owned());
    let person = Patient { name, emergency_contact, sex: Sex::Female, birth: DateText::read("S330303"), ..Patient::default() };
    let fact = |content| NewFact { id: new_id(), content, source: source.clone(), digest: None };
    let visit = |drug: &str| {
        let drugs = vec![Drug { name: drug.to_owned(), ..Drug::default() }];
        Content::Visit(Visit {
            date: DateText::read("20261120"),
            dispensed_at: Some(Institution { name: drug.to_owned(), ..Institution::default() }),
            prescriptions: vec![Prescription { prescriber: None, groups: vec![Group { drugs, ..Group::default() }] }],
            ..Visit::default()
        })
    };
    let hidden = fact(visit(SECRET_DRUG));
    let conceal = kusuribako::record::Concealment { target: hidden.id, concealed: true, turn: 1 };
    let facts = vec![fact(visit(DRUG)), hidden, fact(Content::Concealment(conceal))];
    clinic.register(person, source.clone(), facts).unwrap()
}

/// A desk at one clinic, of somebody with a name.
struct Desk {
    browser: Browser,
    csrf: String,
}

impl Desk {
    fn at(place: &Place) -> Self {
        let SignedIn { staff, .. } = signed_in(place);
        let chosen = Passphrase::chosen(PASSPHRASE).unwrap();
        let badge = place.clinic().add_staff(&staff.unwrap(), "応援 次郎", Role::Pharmacist, Some(chosen)).unwrap();
        place.member().say_keys().unwrap();
        let running = place.running.as_ref().unwrap();
        let begun = Instant::now();
        let site = Site::new(running.clinic.clone(), Vec::new(), true, Arc::new(move || begun.elapsed()));
        let asking = Asking::new(running.member.clone(), running.board.clone());
        let site = site.with_member(Some(running.member.clone())).with_asking(Some(asking));
        let mut browser = Browser::new(site, Rung::Tls);
        browser.sign_in(&badge.code.printed(), PASSPHRASE);
        let csrf = browser.get("/staff").csrf();
        Self { browser, csrf }
    }

    fn break_glass(&mut self) {
        let reason = [("csrf", self.csrf.as_str()), ("reason", "continuation"), ("consent", "family"), ("words", "倒れている")];
        assert_eq!(self.browser.post("/staff/glass", &reason).status, 303);
    }

    fn ask(&mut self) -> Answer {
        let form = [("csrf", self.csrf.as_str()), ("name", NAME), ("birth", "S330303")];
        self.browser.post("/staff/find/others", &form)
    }
}

/// Where somebody whom another box found is read.
fn link(page: &Answer) -> String {
    let link = page.text.split_once("/staff/others/").unwrap_or_else(|| panic!("nobody was found: {}", page.text)).1;
    format!("/staff/others/{}", link.split_once('"').unwrap().0)
}

/// Waits until one clinic's box is connected to others, or to just those.
pub(super) fn until_connected(at: &Place, to: &[&Place], not: &[&Place]) {
    let of = |site, answers| {
        let around = at.clinic().surroundings();
        around.sites.iter().any(|view| view.site == site && view.answers == Some(answers))
    };
    let board = &at.running.as_ref().unwrap().board;
    let is_called = |node: NodeId| board.snapshot().peers.iter().any(|peer| peer.node == node && peer.address.is_some());
    until("whoever is there is connected", PATIENCE, || {
        let all = to.iter().all(|place| of(place.site(), true) && is_called(place.node()));
        let gone = not.iter().all(|place| of(place.site(), false));
        (all && gone && at.clinic().surroundings().ledgers.len() > to.len()).then_some(())
    });
}

pub(super) fn looks(place: &Place, subject: Subject) -> Vec<kusuribako::record::Look> {
    let chart = place.clinic().chart_at_home(subject).unwrap();
    chart.facts.into_iter().filter_map(|fact| if let Content::Look(look) = fact.content { Some(look) } else { None }).collect()
}

fn shown(glass: &GlassAt) -> Vec<LookShown> {
    glass.looks.iter().map(|(look, ..)| look.shown).collect()
}

#[test]
fn somebody_whose_record_lies_elsewhere_is_found_and_read_and_it_is_noted_at_both() {
    let mut world = World::of(3);
    let subject = somebody(world.clinics[HOME].clinic());
    world.place(&[(HOME, &[HOLDER])]);
    world.until_same(HOME, &[HOME, HOLDER], 5);
    until_connected(&world.clinics[ASKING], &[&world.clinics[HOME], &world.clinics[HOLDER]], &[]);
    let mut desk = Desk::at(&world.clinics[ASKING]);

    // Without a glass nobody is asked anything.
    let refused = desk.ask();
    assert!(refused.status == 403 && !refused.text.contains(NAME), "{}", refused.text);
    assert!(world.clinics[HOME].clinic().glasses().unwrap().is_empty());
    assert!(looks(&world.clinics[HOME], subject).is_empty());

    // Who it is, at the box that has them, and that has heard which badges the asking clinic has.
    let badges = world.clinics[ASKING].clinic().staff_signers().unwrap();
    let asking = world.clinics[ASKING].node();
    until("the new badge is known", PATIENCE, || {
        let region = world.clinics[HOME].member().region()?;
        let said = region.nodes().get(&asking)?.keys.as_ref()?;
        (said.staff.len() == badges.len()).then_some(())
    });
    desk.break_glass();
    let page = desk.ask();
    assert!(page.status == 200 && page.text.contains(NAME) && page.text.contains("Clinic 1"), "{}", page.text);
    assert!(!page.text.contains(DRUG), "no medicines yet: {}", page.text);
    let at_home = world.clinics[HOME].clinic().glasses().unwrap();
    let opened = &at_home[0].opened;
    let by = opened.asked_by.as_ref().unwrap();
    assert_eq!((by.node, by.site, by.place.as_str()), (world.clinics[ASKING].node(), world.clinics[ASKING].site(), "Clinic 0"));
    assert!(by.signer.is_some_and(|signer| badges.contains(&signer)), "the badge has signed, too: {by:?}");
    assert_eq!((opened.name.as_str(), opened.words.as_str(), opened.rank), ("応援 次郎", "倒れている", Rank::Pharmacist));
    assert_eq!((at_home.len(), shown(&at_home[0])), (1, vec![LookShown::Listed]));
    let at_holder = world.clinics[HOLDER].clinic().glasses().unwrap();
    assert_eq!((at_holder.len(), shown(&at_holder[0])), (1, vec![]), "it was asked for its own patients");

    // Asked again, nothing is noted twice.
    let page = desk.ask();
    assert_eq!(shown(&world.clinics[HOME].clinic().glasses().unwrap()[0]), vec![LookShown::Listed]);

    // The record, as that box has it.
    let link = link(&page);
    let record = desk.browser.get(&link);
    assert!(record.status == 200 && record.text.contains(NAME) && record.text.contains(DRUG), "{}", record.text);
    assert!(record.text.contains("Clinic 1</span> の箱にある記録です"), "{}", record.text);
    assert!(!record.text.contains(SECRET_DRUG), "what is hidden did not come: {}", record.text);
    assert!(record.text.contains("/hidden"), "that something is hidden is said: {}", record.text);
    let slip = desk.browser.get(&format!("{link}/slip/receipt"));
    assert!(slip.status == 200 && slip.text.contains(NAME) && slip.text.contains("Clinic 1</span> の箱"), "{}", slip.text);
    let wordless = [("csrf", desk.csrf.as_str()), ("basis", "emergency"), ("why", " ")];
    assert_eq!(desk.browser.post(&format!("{link}/hidden"), &wordless).status, 422);
    let form = [("csrf", desk.csrf.as_str()), ("basis", "emergency"), ("why", "意識がない")];
    assert_eq!(desk.browser.post(&format!("{link}/hidden"), &form).status, 303);
    assert!(desk.browser.get(&link).text.contains(SECRET_DRUG));
    assert!(desk.browser.get(&link).text.contains(SECRET_DRUG), "as long as the glass is open, and noted once");

    // For nobody else, here or there.
    assert_eq!(desk.ask().status, 403);
    let other = format!("/staff/others/{}/{}", world.clinics[HOME].ledger(), "0".repeat(32));
    assert_eq!(desk.browser.get(&other).status, 403);

    is_noted_at_both(&world, subject);

    // Nothing of it is readable on any disk.
    for word in [NAME, DRUG, "八重樫"] {
        for place in &world.clinics {
            assert_eq!(super::traces::files_with(&place.dir, word).0, Vec::<String>::new(), "{word} at {}", place.name);
        }
    }
    home_is_gone(&mut world, &mut desk, subject);
}

/// What was shown stands at the patient's home, with who and from where, and in the book of the site that asked.
fn is_noted_at_both(world: &World, subject: Subject) {
    let expected = [LookShown::Listed, LookShown::Record, LookShown::Print, LookShown::Concealed];
    let at_home = world.clinics[HOME].clinic().glasses().unwrap();
    assert_eq!((at_home.len(), shown(&at_home[0])), (1, expected.to_vec()));
    let noted = looks(&world.clinics[HOME], subject);
    assert_eq!(noted.len(), expected.len());
    for look in &noted {
        let right = look.right.as_ref().unwrap();
        let through = right.glass.as_ref().unwrap();
        // What is concealed has a basis of its own, and words of its own.
        let why = match right.shown {
            LookShown::Concealed => ("意識がない", GlassReason::Emergency, Consent::Cannot),
            LookShown::Listed | LookShown::Record | LookShown::Print => {
                ("倒れている", GlassReason::Continuation, Consent::Family)
            }
        };
        assert_eq!((look.reason.as_str(), through.reason, through.consent), why, "{:?}", right.shown);
        assert_eq!((look.name.as_str(), look.place.as_str()), ("応援 次郎", "Clinic 0"));
        assert_eq!(right.site, world.clinics[ASKING].site().0);
    }
    let here = world.clinics[ASKING].clinic().glasses().unwrap();
    assert_eq!((here.len(), shown(&here[0])), (1, expected.to_vec()));
    for at in [ASKING, HOME] {
        let clinic = world.clinics[at].clinic();
        let glass = &clinic.glasses().unwrap()[0];
        let opening = Opening { basis: Basis::Emergency, words: "意識がない".to_owned() };
        let said = glass.looks.iter().map(|(look, ..)| look.opening.clone()).collect::<Vec<_>>();
        assert_eq!(said, [None, None, None, Some(opening)], "at {at}");
        let table = String::from_utf8(clinic.audit_table().unwrap()).unwrap();
        let concealed: Vec<&str> = table.lines().filter(|line| line.contains(",concealed,")).collect();
        assert!(concealed.len() == 1 && concealed[0].contains(",意識がない,cannot consent,"), "at {at}: {table}");
        assert!(table.contains("Clinic 0") && !table.contains(NAME), "at {at}: {table}");
    }
}

/// The home is gone: its copy is locked where it lies, and then it is open.
fn home_is_gone(world: &mut World, desk: &mut Desk, subject: Subject) {
    let staff = signed_in(&world.clinics[HOME]).staff.unwrap();
    let holder = world.clinics[HOLDER].site();
    until("the holder can be confirmed", PATIENCE, || world.clinics[HOME].member().confirm_holder(holder, &staff).ok());
    let least = world.clinics[HOME].held(world.clinics[HOME].ledger()).entries();
    world.until_same(HOME, &[HOME, HOLDER], least);
    world.clinics[HOME].stop();
    let [asking, home, holder] = &world.clinics[..] else { panic!("three clinics") };
    until_connected(asking, &[holder], &[home]);
    until_connected(holder, &[asking], &[home]);
    desk.break_glass();
    let page = desk.ask();
    assert!(page.status == 200 && !page.text.contains("/staff/others/"), "{}", page.text);
    assert!(page.text.contains("いまはつながりません"), "the home is named: {}", page.text);
    assert!(page.text.contains("Clinic 1") && page.text.contains("の写しは、そこでは開かれていません"), "{}", page.text);
    signed_in(holder);
    let page = desk.ask();
    assert!(page.status == 200 && page.text.contains(NAME) && page.text.contains("Clinic 2"), "{}", page.text);
    let record = desk.browser.get(&link(&page));
    assert!(record.text.contains(DRUG) && record.text.contains("Clinic 2</span> の箱にある記録です"), "{}", record.text);
    assert_eq!(shown(&holder.clinic().glasses().unwrap()[0]), [LookShown::Listed, LookShown::Record]);
    // It returns, and has what was looked at meanwhile.
    let before = 4;
    let peers = [world.clinics[ASKING].address, world.clinics[HOLDER].address];
    world.clinics[HOME].start(&peers);
    until("the looks are at home", PATIENCE, || (looks(&world.clinics[HOME], subject).len() == before + 2).then_some(()));
    let broken = world.clinics[HOME].clinic().broken_elsewhere().unwrap();
    assert!(broken.iter().any(|one| one.look.place == "Clinic 0" && one.look.name == "応援 次郎"), "{broken:?}");
}

/// The database itself, to break it.
pub(super) fn database_of(clinic: &Place) -> rusqlite::Connection {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    rusqlite::Connection::open_with_flags(clinic.dir.join("ledger.db"), flags).unwrap()
}

#[test]
fn a_box_that_does_not_answer_is_named_in_time_and_the_others_are_heard() {
    let world = World::of(3);
    somebody(world.clinics[HOME].clinic());
    let [asking, home, holder] = &world.clinics[..] else { panic!("three clinics") };
    until_connected(asking, &[home, holder], &[]);
    let mut desk = Desk::at(asking);
    desk.break_glass();
    // Somebody else writes to its disk, and does not come to an end.
    let database = database_of(home);
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let page = desk.ask();
    let took = begun.elapsed();
    database.execute_batch("ROLLBACK").unwrap();
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(page.status == 200 && page.text.contains("時間内に答えがありません"), "{}", page.text);
    assert!(page.text.contains("Clinic 2") && page.text.contains("見つかりません"), "{}", page.text);
    assert!(!page.text.contains("/staff/others/"), "{}", page.text);
    let page = desk.ask();
    assert!(page.text.contains(NAME) && !page.text.contains("時間内に答えがありません"), "{}", page.text);
}

#[test]
fn where_a_home_does_not_answer_in_time_whoever_holds_its_copy_is_asked() {
    let world = World::of(3);
    somebody(world.clinics[HOME].clinic());
    world.place(&[(HOME, &[HOLDER])]);
    let staff = signed_in(&world.clinics[HOME]).staff.unwrap();
    let holder = world.clinics[HOLDER].site();
    until("the holder can be confirmed", PATIENCE, || world.clinics[HOME].member().confirm_holder(holder, &staff).ok());
    let least = world.clinics[HOME].held(world.clinics[HOME].ledger()).entries();
    world.until_same(HOME, &[HOME, HOLDER], least);
    let [asking, home, holder] = &world.clinics[..] else { panic!("three clinics") };
    signed_in(holder);
    until_connected(asking, &[home, holder], &[]);
    let mut desk = Desk::at(asking);
    desk.break_glass();
    let database = database_of(home);
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let page = desk.ask();
    database.execute_batch("ROLLBACK").unwrap();
    assert!(page.status == 200 && page.text.contains("時間内に答えがありません"), "{}", page.text);
    assert!(page.text.contains(NAME) && page.text.contains("/staff/others/"), "{}", page.text);
    assert_eq!(shown(&holder.clinic().glasses().unwrap()[0]), [LookShown::Listed]);
}
