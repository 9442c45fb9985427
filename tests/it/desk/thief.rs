//! A member's box in wrong hands, over real sockets: it has its key, and asks and says what it likes.

use super::others::{
    ASKING, CONTACT, DRUG, HOLDER, HOME, NAME, SECRET_DRUG, database_of, looks, signed_in, somebody, until_connected,
};
use crate::sync::region::{PATIENCE, Place, World};
use crate::wait::until;
use kusuribako::clinic::glass::PATIENTS_AN_HOUR;
use kusuribako::entropy::SystemEntropy;
use kusuribako::finding::Query;
use kusuribako::ledger::LedgerId;
use kusuribako::ledger::payload::{Basis, Opening};
use kusuribako::record::{Consent, GlassReason, LookShown, Rank, Subject};
use kusuribako::region::payload::Revoked;
use kusuribako::seal::random;
use kusuribako::sync::body::Packed;
use kusuribako::sync::link::{AskError, Heartbeat, Link};
use kusuribako::sync::look::{ANSWER_LEN_MAX, Answer as Told, Broken, Question, Refusal, Remembered, Wish};
use kusuribako::sync::tls::Tls;
use kusuribako::tasks::Tasks;

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
        Question { region, from, to, id: random(&SystemEntropy::default()), said_at_ms: 0, glass, wish, by_badge: None }
    }

    fn find(&self, glass: u8, badge: u8) -> Question {
        let query = Query { name: NAME.to_owned(), birth: "S330303".to_owned(), ..Query::default() };
        self.question(glass, badge, Wish::Find { query: Remembered::of(&query), ledgers: vec![self.ledger] })
    }

    fn show(&self, glass: u8, badge: u8, shown: LookShown) -> Question {
        self.question(glass, badge, Wish::Show { ledger: self.ledger, subject: self.subject, shown, opening: None })
    }

    fn show_other(&self, (glass, badge): (u8, u8), subject: Subject, shown: LookShown) -> Told {
        self.asks(&self.question(glass, badge, Wish::Show { ledger: self.ledger, subject, shown, opening: None }))
    }

    fn open_concealed(&self, words: &str) -> Told {
        let opening = Some(Opening { basis: Basis::Consent, words: words.to_owned() });
        let (ledger, subject, shown) = (self.ledger, self.subject, LookShown::Concealed);
        self.asks(&self.question(1, 1, Wish::Show { ledger, subject, shown, opening }))
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
    let badge = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let word = Question { id: [8; 16], ..good.clone() }.with_badge(&badge).by_badge;
    let of_another_question = Question { by_badge: word, ..good.clone() };
    let long = Question { glass: Broken { name: "長".repeat(301), ..good.glass.clone() }, ..good.clone() };
    let forged = [
        good.signed(&other),
        thief.sign(&in_anothers_name),
        thief.sign(&to_another),
        thief.sign(&of_another_region),
        changed,
        thief.sign(&long),
        thief.sign(&of_another_question),
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

/// Whether a text is among the facts that came.
fn came(told: &Told, text: &str) -> bool {
    let Told::Shown { facts, .. } = told else { panic!("{told:?}") };
    facts.iter().any(|said| memchr::memmem::find(&said.content, text.as_bytes()).is_some())
}

/// Whatever the box that asks has asked its own people.
fn what_is_concealed_is_kept_by_the_box_that_has_it(thief: &Thief) {
    let home = &thief.world.clinics[HOME];
    let record = thief.asks(&thief.show(1, 1, LookShown::Record));
    assert!(came(&record, DRUG) && !came(&record, SECRET_DRUG), "{record:?}");
    for (number, told) in [
        thief.asks(&thief.show(1, 1, LookShown::Concealed)),
        thief.open_concealed(""),
        thief.open_concealed(" \n"),
        thief.open_concealed(&"長".repeat(301)),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(told, refused(Refusal::NotUnderstood), "{number}");
    }
    assert_eq!(looks(home, thief.subject).len(), 2, "nothing of that is noted");
    let told = thief.open_concealed("本人が見せたい");
    assert!(came(&told, DRUG) && came(&told, SECRET_DRUG), "{told:?}");
    let noted = looks(home, thief.subject);
    let look = noted.iter().find(|look| look.right.as_ref().unwrap().shown == LookShown::Concealed).unwrap();
    let through = look.right.as_ref().unwrap().glass.as_ref().unwrap();
    let said = (look.reason.as_str(), through.reason, through.consent);
    assert_eq!(said, ("本人が見せたい", GlassReason::Asked, Consent::Patient));
}

/// With the badge of somebody who is at work at the box that is asked, and with the word of a badge that nobody has heard of.
fn in_the_name_of_the_staff_there(thief: &Thief) {
    let home = &thief.world.clinics[HOME];
    let staff = signed_in(home);
    let mut question = thief.find(250, 0);
    question.glass.badge = staff.person.badge();
    let unheard_of = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    assert!(matches!(thief.asks(&question.with_badge(&unheard_of)), Told::Found { .. }));
    let glasses = home.clinic().glasses().unwrap();
    assert_eq!(glasses[0].opened.badge, staff.person.badge());
    assert_eq!(glasses[0].opened.asked_by.as_ref().unwrap().signer, None, "such a word proves nothing");
    assert_eq!(home.clinic().broken_within_an_hour(&staff.person).unwrap(), 0, "the staff there are not shut out by it");
}

fn five_are_listed_and_one_is_opened(thief: &Thief) {
    let subjects = [(); 6].map(|()| somebody(thief.world.clinics[HOME].clinic()));
    let Told::Found { people, .. } = thief.asks(&thief.find(2, 1)) else { panic!("it is a member") };
    assert!(people.len() <= 5, "{people:?}");
    for subject in &subjects[..5] {
        assert!(matches!(thief.show_other((2, 1), *subject, LookShown::Listed), Told::Shown { .. }));
    }
    assert_eq!(thief.show_other((2, 1), subjects[5], LookShown::Listed), refused(Refusal::Spent), "the sixth");
    assert_eq!(thief.show_other((2, 1), subjects[5], LookShown::Record), refused(Refusal::Spent), "nobody was shown them");
    assert!(matches!(thief.show_other((2, 1), subjects[0], LookShown::Record), Told::Shown { .. }));
    assert_eq!(thief.show_other((2, 1), subjects[1], LookShown::Record), refused(Refusal::Spent), "one of the five");
    assert_eq!(looks(&thief.world.clinics[HOME], subjects[5]).len(), 0);
}

#[test]
fn what_is_forged_sent_again_or_too_much_is_refused_and_who_was_put_out_hears_nothing() {
    let world = World::of(3);
    let subject = somebody(world.clinics[HOME].clinic());
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
    assert_eq!(thief.show_other((1, 1), Subject([9; 16]), LookShown::Listed), refused(Refusal::NoSuchPatient));

    // A glass that cannot be noted, and a look that cannot: no answer.
    let database = database_of(&world.clinics[HOME]);
    let full = "CREATE TRIGGER full BEFORE INSERT ON body BEGIN SELECT RAISE(ABORT, 'full'); END";
    database.execute_batch(full).unwrap();
    assert_eq!(thief.asks(&thief.find(2, 1)), refused(Refusal::NotNoted));
    assert_eq!(thief.asks(&thief.show(1, 1, LookShown::Listed)), refused(Refusal::NotNoted));
    database.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!((glasses(), looks(&world.clinics[HOME], subject).len()), (1, 0));
    let listed = thief.asks(&thief.show(1, 1, LookShown::Listed));
    let Told::Shown { facts, .. } = &listed else { panic!("{listed:?}") };
    assert!(
        facts.len() == 1 && came(&listed, NAME) && ![DRUG, CONTACT].iter().any(|text| came(&listed, text)),
        "who it is, and no more: {listed:?}"
    );
    assert_eq!(looks(&world.clinics[HOME], subject).len(), 1);
    what_is_concealed_is_kept_by_the_box_that_has_it(&thief);
    in_the_name_of_the_staff_there(&thief);
    five_are_listed_and_one_is_opened(&thief);

    // So many patients an hour: of one badge, of one box with all its badges; a glass that is open goes on.
    for glass in 2..=u8::try_from(PATIENTS_AN_HOUR).unwrap() {
        assert!(matches!(thief.asks(&thief.find(glass, 1)), Told::Found { .. }), "{glass}");
    }
    assert_eq!(thief.asks(&thief.find(200, 1)), refused(Refusal::TooMany), "the 31st with this badge");
    for glass in 101..=129 {
        assert!(matches!(thief.asks(&thief.find(glass, 2)), Told::Found { .. }), "{glass}");
    }
    assert_eq!(thief.asks(&thief.find(201, 3)), refused(Refusal::TooMany), "the 61st of this box");
    assert!(matches!(thief.asks(&thief.find(1, 1)), Told::Found { .. }));

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
