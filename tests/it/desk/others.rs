//! Asking other boxes, over real sockets: three clinics of a region, each with a node of its own; one desk, and somebody whose record lies elsewhere.

use super::browser::{Answer, Browser};
use super::shelter::Rung;
use crate::sync::region::{PATIENCE, Place, World};
use crate::wait::until;
use kusuribako::clinic::glass::{GlassAt, PATIENTS_AN_HOUR};
use kusuribako::clinic::intake::NewFact;
use kusuribako::clinic::staff::{Role, SignedIn};
use kusuribako::entropy::SystemEntropy;
use kusuribako::finding::Query;
use kusuribako::ledger::{LedgerId, NodeId};
use kusuribako::record::{
    Channel, Consent, Content, DateText, Drug, FactId, GlassReason, Group, Institution, LookShown, Origin, Patient,
    Prescription, Rank, Sex, Source, Subject, Visit,
};
use kusuribako::region::payload::Revoked;
use kusuribako::seal::badge::Passphrase;
use kusuribako::seal::random;
use kusuribako::sync::body::Packed;
use kusuribako::sync::link::{AskError, Heartbeat, Link};
use kusuribako::sync::look::{ANSWER_LEN_MAX, Answer as Told, Asking, Broken, Question, Refusal, Remembered, Wish};
use kusuribako::sync::tls::Tls;
use kusuribako::tasks::Tasks;
use kusuribako::web::Site;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NAME: &str = "八重樫 すみれ";
const DRUG: &str = "ワーファリン錠1mg";
const SECRET_DRUG: &str = "ヒミツノクスリ錠";
const PASSPHRASE: &str = "いろはにほへとちりぬる";
const ASKING: usize = 0;
const HOME: usize = 1;
const HOLDER: usize = 2;

fn new_id() -> FactId {
    FactId(random(&SystemEntropy::default()))
}

fn signed_in(place: &Place) -> SignedIn {
    let badge = place.admin.as_ref().unwrap();
    let passphrase = Passphrase::entered(badge.passphrase.as_deref().unwrap());
    place.member().sign_in(&badge.code, &passphrase).unwrap()
}

/// A patient of a clinic's, who takes something, and hides something else.
fn somebody(place: &Place) -> Subject {
    let source = Source { origin: Origin::Pharmacy, name: "家の薬局".to_owned(), channel: Channel::JahisFile };
    let person = Patient { name: NAME.to_owned(), sex: Sex::Female, birth: DateText::read("S330303"), ..Patient::default() };
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
    place.clinic().register(person, source.clone(), facts).unwrap()
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
        let reason = [("csrf", self.csrf.as_str()), ("reason", "emergency"), ("consent", "cannot"), ("words", "倒れている")];
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
fn until_connected(at: &Place, to: &[&Place], not: &[&Place]) {
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

fn looks(place: &Place, subject: Subject) -> Vec<kusuribako::record::Look> {
    let chart = place.clinic().chart_at_home(subject).unwrap();
    chart.facts.into_iter().filter_map(|fact| if let Content::Look(look) = fact.content { Some(look) } else { None }).collect()
}

fn shown(glass: &GlassAt) -> Vec<LookShown> {
    glass.looks.iter().map(|(look, ..)| look.shown).collect()
}

#[test]
fn somebody_whose_record_lies_elsewhere_is_found_and_read_and_it_is_noted_at_both() {
    let mut world = World::of(3);
    let subject = somebody(&world.clinics[HOME]);
    world.place(&[(HOME, &[HOLDER])]);
    world.until_same(HOME, &[HOME, HOLDER], 5);
    until_connected(&world.clinics[ASKING], &[&world.clinics[HOME], &world.clinics[HOLDER]], &[]);
    let mut desk = Desk::at(&world.clinics[ASKING]);

    // Without a glass nobody is asked anything.
    let refused = desk.ask();
    assert!(refused.status == 403 && !refused.text.contains(NAME), "{}", refused.text);
    assert!(world.clinics[HOME].clinic().glasses().unwrap().is_empty());
    assert!(looks(&world.clinics[HOME], subject).is_empty());

    // Who it is, at the box that has them.
    desk.break_glass();
    let page = desk.ask();
    assert!(page.status == 200 && page.text.contains(NAME) && page.text.contains("Clinic 1"), "{}", page.text);
    assert!(!page.text.contains(DRUG), "no medicines yet: {}", page.text);
    let at_home = world.clinics[HOME].clinic().glasses().unwrap();
    let opened = &at_home[0].opened;
    let by = opened.asked_by.as_ref().unwrap();
    assert_eq!((by.node, by.site, by.place.as_str()), (world.clinics[ASKING].node(), world.clinics[ASKING].site(), "Clinic 0"));
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
    let form = [("csrf", desk.csrf.as_str()), ("basis", "emergency"), ("why", "意識がない")];
    assert_eq!(desk.browser.post(&format!("{link}/hidden"), &form).status, 303);
    assert!(desk.browser.get(&link).text.contains(SECRET_DRUG));

    // For nobody else, here or there.
    assert_eq!(desk.ask().status, 403);
    let other = format!("/staff/others/{}/{}", world.clinics[HOME].ledger(), "0".repeat(32));
    assert_eq!(desk.browser.get(&other).status, 403);

    // At the patient's home, with who and from where; and in the book of the site that asked.
    let expected = [LookShown::Listed, LookShown::Record, LookShown::Print, LookShown::Concealed];
    let at_home = world.clinics[HOME].clinic().glasses().unwrap();
    assert_eq!((at_home.len(), shown(&at_home[0])), (1, expected.to_vec()));
    let noted = looks(&world.clinics[HOME], subject);
    assert_eq!(noted.len(), expected.len());
    for look in &noted {
        assert_eq!((look.name.as_str(), look.place.as_str(), look.reason.as_str()), ("応援 次郎", "Clinic 0", "倒れている"));
        assert_eq!(look.right.as_ref().unwrap().site, world.clinics[ASKING].site().0);
    }
    let here = world.clinics[ASKING].clinic().glasses().unwrap();
    assert_eq!((here.len(), shown(&here[0])), (1, expected.to_vec()));
    let table = String::from_utf8(world.clinics[HOME].clinic().audit_table().unwrap()).unwrap();
    assert!(table.contains("Clinic 0") && !table.contains(NAME), "{table}");

    // Nothing of it is readable on any disk.
    for word in [NAME, DRUG, "八重樫"] {
        for place in &world.clinics {
            assert_eq!(super::traces::files_with(&place.dir, word).0, Vec::<String>::new(), "{word} at {}", place.name);
        }
    }
    home_is_gone(&mut world, &mut desk, subject);
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

/// A member's box in wrong hands: it has its key, and says what it likes.
struct Thief<'w> {
    world: &'w World,
    runtime: tokio::runtime::Runtime,
    link: Link,
    ledger: LedgerId,
    subject: Subject,
}

impl<'w> Thief<'w> {
    fn new(world: &'w World, subject: Subject) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let link = call(&runtime, &world.clinics[ASKING], &world.clinics[HOME]);
        Self { world, runtime, link, ledger: world.clinics[HOME].ledger(), subject }
    }

    fn question(&self, glass: u8, badge: u8, wish: Wish) -> Question {
        let [from, to] = [ASKING, HOME].map(|at| self.world.clinics[at].node());
        let glass = Broken {
            id: [glass; 16],
            badge: [badge; 16],
            name: "だれか".to_owned(),
            rank: Rank::Outside,
            licence: "1".to_owned(),
            reason: GlassReason::Emergency,
            words: String::new(),
            consent: Consent::Cannot,
            second: String::new(),
        };
        let region = self.world.clinics[ASKING].member().region().unwrap().id();
        Question { region, from, to, id: random(&SystemEntropy::default()), said_at_ms: 0, glass, wish }
    }

    fn find(&self, glass: u8, badge: u8) -> Question {
        let query = Query { name: NAME.to_owned(), birth: "S330303".to_owned(), ..Query::default() };
        self.question(glass, badge, Wish::Find { query: Remembered::of(&query), ledgers: vec![self.ledger] })
    }

    fn show(&self, glass: u8, badge: u8, shown: LookShown) -> Question {
        self.question(glass, badge, Wish::Show { ledger: self.ledger, subject: self.subject, shown })
    }

    fn sign(&self, question: &Question) -> Vec<u8> {
        question.signed(&self.world.clinics[ASKING].clinic().node_key().signing_pair())
    }

    fn send(&self, bytes: Vec<u8>) -> Result<Told, AskError> {
        send(&self.runtime, &self.link, bytes)
    }

    fn asks(&self, question: &Question) -> Told {
        self.send(self.sign(question)).unwrap()
    }
}

fn call(runtime: &tokio::runtime::Runtime, from: &Place, to: &Place) -> Link {
    let tls = Tls::new(&from.clinic().node_key().signing_pair()).unwrap();
    runtime.block_on(Link::open(&tls, to.address, Heartbeat::Slow, &Tasks::new())).unwrap()
}

fn send(runtime: &tokio::runtime::Runtime, link: &Link, bytes: Vec<u8>) -> Result<Told, AskError> {
    let answer = runtime.block_on(link.ask("/look", Packed::new(bytes), ANSWER_LEN_MAX, PATIENCE))?;
    Ok(Told::decode(&answer.unpack(ANSWER_LEN_MAX).unwrap()).unwrap())
}

fn refused(why: Refusal) -> Told {
    Told::Refused { why }
}

/// The database itself, to break it.
fn database_of(clinic: &Place) -> rusqlite::Connection {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    rusqlite::Connection::open_with_flags(clinic.dir.join("ledger.db"), flags).unwrap()
}

/// Nothing that is not a member's own signed question to this box is answered.
fn forged_is_refused(world: &World, thief: &Thief, good: &Question) {
    // Another's signature, another's name, to somebody else, of another region, a bit changed, something else.
    let other = world.clinics[HOLDER].clinic().node_key().signing_pair();
    let mut changed = thief.sign(good);
    *changed.last_mut().unwrap() ^= 1;
    let [in_anothers_name, to_another, of_another_region] = [
        Question { from: world.clinics[HOLDER].node(), ..good.clone() },
        Question { to: world.clinics[HOLDER].node(), ..good.clone() },
        Question { region: kusuribako::region::RegionId([9; 32]), ..good.clone() },
    ];
    let long = Question { glass: Broken { name: "長".repeat(301), ..good.glass.clone() }, ..good.clone() };
    let forged = [
        good.signed(&other),
        thief.sign(&in_anothers_name),
        thief.sign(&to_another),
        thief.sign(&of_another_region),
        changed,
        thief.sign(&long),
        b"nonsense".to_vec(),
    ];
    for (number, bytes) in forged.into_iter().enumerate() {
        assert_eq!(thief.send(bytes).unwrap(), refused(Refusal::NotUnderstood), "{number}");
    }
    // A member of the region that is none in good standing here, and nobody at all: by their own key, what the thief has signed.
    let stranger = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let tls = Tls::new(&stranger).unwrap();
    let at = world.clinics[HOME].address;
    let link = thief.runtime.block_on(Link::open(&tls, at, Heartbeat::Slow, &Tasks::new())).unwrap();
    let out = send(&thief.runtime, &link, thief.sign(good));
    assert!(matches!(out, Err(AskError::Refused(hyper::StatusCode::FORBIDDEN, _))), "{out:?}");
    let passed_on = send(&thief.runtime, &call(&thief.runtime, &world.clinics[HOLDER], &world.clinics[HOME]), thief.sign(good));
    assert_eq!(passed_on.unwrap(), refused(Refusal::NotUnderstood));
}

#[test]
fn what_is_forged_sent_again_or_too_much_is_refused_and_who_was_put_out_hears_nothing() {
    let world = World::of(3);
    let subject = somebody(&world.clinics[HOME]);
    until_connected(&world.clinics[HOME], &[&world.clinics[ASKING], &world.clinics[HOLDER]], &[]);
    let thief = Thief::new(&world, subject);
    let home = world.clinics[HOME].clinic();
    let glasses = || home.glasses().unwrap().len();
    let good = thief.find(1, 1);
    forged_is_refused(&world, &thief, &good);
    assert_eq!((glasses(), looks(&world.clinics[HOME], subject).len()), (0, 0), "nothing of that was looked at");

    // Nothing is shown of anybody who was not found and listed first, and nothing twice.
    assert_eq!(thief.asks(&thief.show(1, 1, LookShown::Record)), refused(Refusal::Spent));
    let Told::Found { people, .. } = thief.asks(&good) else { panic!("it is a member") };
    assert_eq!(people.iter().map(|fits| fits.subject).collect::<Vec<_>>(), [subject]);
    assert_eq!(thief.asks(&good), refused(Refusal::Twice));
    let nobody =
        Question { wish: Wish::Show { ledger: thief.ledger, subject: Subject([9; 16]), shown: LookShown::Listed }, ..good };
    let nobody = Question { id: [3; 16], ..nobody };
    assert_eq!(thief.asks(&nobody), refused(Refusal::NoSuchPatient));

    // A glass that cannot be noted, and a look that cannot: no answer.
    let database = database_of(&world.clinics[HOME]);
    let full = "CREATE TRIGGER full BEFORE INSERT ON body BEGIN SELECT RAISE(ABORT, 'full'); END";
    database.execute_batch(full).unwrap();
    assert_eq!(thief.asks(&thief.find(2, 1)), refused(Refusal::NotNoted));
    assert_eq!(thief.asks(&thief.show(1, 1, LookShown::Listed)), refused(Refusal::NotNoted));
    database.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!((glasses(), looks(&world.clinics[HOME], subject).len()), (1, 0));
    assert!(matches!(thief.asks(&thief.show(1, 1, LookShown::Listed)), Told::Shown { .. }));
    assert_eq!(looks(&world.clinics[HOME], subject).len(), 1);

    // So many patients an hour: of one badge, of one box with all its badges; a glass that is open goes on.
    for glass in 2..=u8::try_from(PATIENTS_AN_HOUR).unwrap() {
        assert!(matches!(thief.asks(&thief.find(glass, 1)), Told::Found { .. }), "{glass}");
    }
    assert_eq!(thief.asks(&thief.find(200, 1)), refused(Refusal::TooMany), "the 31st with this badge");
    for glass in 101..=130 {
        assert!(matches!(thief.asks(&thief.find(glass, 2)), Told::Found { .. }), "{glass}");
    }
    assert_eq!(thief.asks(&thief.find(201, 3)), refused(Refusal::TooMany), "the 61st of this box");
    assert!(matches!(thief.asks(&thief.find(1, 1)), Told::Found { .. }));
    let staff = signed_in(&world.clinics[HOME]);
    assert_eq!(home.broken_within_an_hour(&staff.person).unwrap(), 0, "the staff here are not shut out by it");

    // Put out, on the connection that is open and on a new one.
    let node = world.clinics[ASKING].node();
    world.say(&Revoked { node, chains: Vec::new(), statements: 0, reason: "stolen".to_owned() });
    until("it is put out", PATIENCE, || {
        let question = Question { id: random(&SystemEntropy::default()), ..thief.find(1, 1) };
        thief.send(thief.sign(&question)).is_err().then_some(())
    });
    let anew = send(
        &thief.runtime,
        &call(&thief.runtime, &world.clinics[ASKING], &world.clinics[HOME]),
        thief.sign(&thief.find(1, 1)),
    );
    assert!(matches!(anew, Err(AskError::Refused(hyper::StatusCode::FORBIDDEN, _))), "{anew:?}");
}

#[test]
fn a_box_that_does_not_answer_is_named_in_time_and_the_others_are_heard() {
    let world = World::of(3);
    somebody(&world.clinics[HOME]);
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
