//! The vectors of docs/format.md: bytes that a second implementer must get, and that no later version may change.

mod look;
mod people;
mod region;

use aws_lc_rs::signature::Ed25519KeyPair;
use data_encoding::HEXLOWER;
use kusuribako::exchange::message::{Message, Path, Refusal, Request, Response, Run, Sent, Set};
use kusuribako::exchange::ranges::{Compared, Prefix, Summary};
use kusuribako::exchange::{EntryRef, Holding};
use kusuribako::ledger::content::Content;
use kusuribako::ledger::payload::{Begin, Payload};
use kusuribako::ledger::{
    CoarseKind, Hlc, Incarnation, LedgerId, NodeId, OpenFields, OpenPart, Place, SignedHead, body_hash, node_id,
};
use kusuribako::record::consent::{Consent, Spoken};
use kusuribako::record::review::{Acceptance, Ending, Question, Reply, Reviewer};
use kusuribako::record::{
    Channel, Content as Said, ContentHash, DateText, FactId, FactVersion, Look, Looker, Memo, OWN_CLINIC, Origin, Source,
    Subject,
};
use kusuribako::seal::body::{self, Class};
use kusuribako::seal::card::{CardCode, Pin};
use kusuribako::seal::envelope::{open_box, patient_info, seal_box, seed_info, unwrap};
use kusuribako::seal::key::{Key, KeyId, KeyKind, Opener, OpenerId, OpenerKind, Secret};
use kusuribako::seal::{Entropy, hash};
use std::collections::BTreeMap;

/// Random bytes of the vectors: all of one value.
struct Same(u8);

impl Entropy for Same {
    fn fill(&self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

const LEDGER: [u8; 16] = [0x11; 16];
const SUBJECT: Subject = Subject([0x22; 16]);
const CODE: &str = "248H2400000000000000000000";

fn key(id: u8, secret: u8) -> Key {
    Key { id: KeyId([id; 16]), secret: Secret::new([secret; 32]) }
}

fn memo() -> Content {
    let said =
        Said::Memo(Memo { text: "薬".to_owned(), on: DateText { raw: "20260410".to_owned(), day: None }, creator: None });
    let source = Source { origin: Origin::Pharmacy, name: "さくら薬局".to_owned(), channel: Channel::JahisFile };
    Content::fact(FactId([0x33; 16]), &said, source)
}

/// What staff say about what was written elsewhere, and a look with its reason.
fn reviews() -> [(&'static str, Content); 5] {
    let by = Reviewer { name: "さくら薬局".to_owned(), place: "さくら薬局".to_owned(), badge: [0x34; 16] };
    let target = FactVersion { id: FactId([0x33; 16]), version: ContentHash([0x35; 32]) };
    let question = Question { about: target, text: "何日分ですか".to_owned(), by: by.clone() };
    let reply = Reply { question: FactId([0x36; 16]), ending: Ending::Answered, text: "三日分".to_owned(), by: by.clone() };
    let place = "さくら薬局".to_owned();
    let consent = Consent { given: true, how: Spoken::Representative, by: by.clone(), note: "娘".to_owned() };
    let look = Look { by: Looker::Staff, name: place.clone(), place, reason: OWN_CLINIC.to_owned(), right: None };
    let source = || Source { origin: Origin::Staff, name: "さくら薬局".to_owned(), channel: Channel::Page };
    let fact = |said: &Said| Content::fact(FactId([0x37; 16]), said, source());
    [
        ("content of an acceptance", fact(&Said::Acceptance(Acceptance { target, by, seen: vec![FactId([0x38; 16])] }))),
        ("content of a question", fact(&Said::Question(question))),
        ("content of a reply", fact(&Said::Reply(reply))),
        ("content of a consent", fact(&Said::Consent(consent))),
        ("content of a look with its reason", fact(&Said::Look(look))),
    ]
}

fn begin() -> Content {
    Begin { public_key: [0x01; 32], site: Some([0x02; 16]), home: Some([0x03; 32]) }.content()
}

fn place() -> Place {
    let signer = Ed25519KeyPair::from_seed_unchecked(&[0x44; 32]).unwrap();
    let author = node_id(&public_of(&signer));
    Place { ledger: LedgerId(LEDGER), author, incarnation: Incarnation([0x55; 8]), kind: CoarseKind::RECORD, subject: SUBJECT }
}

fn public_of(pair: &Ed25519KeyPair) -> [u8; 32] {
    use aws_lc_rs::signature::KeyPair;
    pair.public_key().as_ref().try_into().unwrap()
}

fn computed() -> BTreeMap<&'static str, String> {
    let mut vectors = BTreeMap::new();
    let mut put = |name, bytes: &[u8]| assert!(vectors.insert(name, HEXLOWER.encode(bytes)).is_none());
    put("hash of 'abc' under 'test'", &hash("test", &[b"abc"]));

    let opener = Opener::from_seed(&Secret::new([0x66; 32]));
    let public = opener.public(OpenerId([0x77; 16]), OpenerKind::Card, [0x88; 16]);
    put("opener x25519 of seed 66", &public.x25519);
    put("opener ed25519 of seed 66", &public.ed25519);
    put("registration of it under key 99", &public.registration(&key(0xaa, 0x99)));
    put("inbox public of key 99", &key(0xaa, 0x99).inbox_public());
    put("blind index 'match' of 'abc' under key 99", &key(0xaa, 0x99).blind("match", b"abc"));
    let info = patient_info(&LEDGER, &SUBJECT.0, KeyId([0xbb; 16]));
    put(
        "box of secret cc under key 99, salt dd",
        &seal_box(&Secret::new([0x99; 32]), &info, &Secret::new([0xcc; 32]), &Same(0xdd)),
    );

    let content = memo();
    put("content of the memo", &content.encode());
    put("version of the memo", &content.version().0);
    for (name, content) in reviews().into_iter().chain(people::contents()) {
        put(name, &content.encode());
    }
    let sealed = body::seal(&content.encode(), Class::Patient, &key(0xbb, 0xcc), &place().to_bytes(), &Same(0xee)).unwrap();
    put("body of the memo under key cc, salt ee", &sealed);

    let fields = OpenFields {
        place: place(),
        seq: 7,
        previous: kusuribako::ledger::EntryId([0x04; 32]),
        time: Hlc((1_775_779_200_000 << 16) | 3),
        body: body_hash(&sealed),
    };
    let open = OpenPart::encode(&fields);
    put("open part of the memo", open.as_bytes());
    put("entry id of the memo", &open.id().0);
    let signer = Ed25519KeyPair::from_seed_unchecked(&[0x44; 32]).unwrap();
    let head = SignedHead::sign(&open, open.id(), &signer);
    put("signed head over the memo by seed 44", &head.signature);
    for (name, bytes) in exchanged(&open, &sealed, head.signature, public_of(&signer)) {
        put(name, &bytes);
    }
    let NodeId(node) = node_id(&public_of(&signer));
    put("node of seed 44", &node);

    let code = CardCode::random(&LEDGER, &Same(0));
    assert!(code.compact().starts_with(CODE), "{}", *code.compact());
    put("card code of ledger 11 and secret 0 (ASCII)", code.compact().as_bytes());
    put("its locator", &code.locator());
    let pin_key = code.pin_key(&Pin::read("123456").unwrap(), &[0x05; 16]);
    put("its key with PIN 123456, salt 05", pin_key.expose());
    put(
        "its seed box, seed 66, salt 06",
        &seal_box(&pin_key, &seed_info(OpenerId([0x77; 16])), &Secret::new([0x66; 32]), &Same(6)),
    );
    look::computed(&mut put, content.encode(), content.version().0);
    region::computed(&mut put);
    vectors
}

/// A node that holds the memo as its one tip asks, is asked, and answers.
fn exchanged(open: &OpenPart, body: &[u8], signature: [u8; 64], author_key: [u8; 32]) -> [(&'static str, Vec<u8>); 11] {
    let (tip, ledger) = (EntryRef::of(open), LedgerId(LEDGER));
    let summary = Summary::of([&tip.id]);
    let holding =
        Holding { summary, boot: Incarnation([0x88; 8]), turn: 9, entries: 7, missing: 1, features: 0, given_up: None };
    let compare = Request::Compare { ledger, set: Set::Tips, prefix: Prefix::all(), summary, holding };
    let given_up = Holding { features: Holding::COMPARES_HELD, given_up: Some(2), ..holding };
    let held = Request::Compare { ledger, set: Set::Held, prefix: Prefix::all(), summary, holding: given_up };
    let want = Request::Want { ledger, paths: vec![Path { tip, after: 6 }], bodies: vec![tip.id] };
    let sent = Sent { open: *open.as_bytes(), body: Some(body.to_vec()), signature: Some(signature) };
    let runs = vec![Run { path: 0, author_key, entries: vec![sent] }];
    [
        ("request: compare, all tips of a node whose one tip is the memo", compare.encode_message()),
        ("request: want the memo after 6, and its body", want.encode_message()),
        ("request: hint of the memo", Request::Hint { ledger, holding, tips: vec![tip] }.encode_message()),
        ("response: compared, the memo", Response::Compared { compared: Compared::Refs(vec![tip]), holding }.encode_message()),
        ("response: batch with the memo", Response::Batch { runs, bodies: vec![], bodies_seen: 0 }.encode_message()),
        ("response: compared, nothing differs", Response::Compared { compared: Compared::Same, holding }.encode_message()),
        ("response: compared, parts of which the first has the memo", parts(summary, holding).encode_message()),
        ("response: noted", Response::Noted { holding }.encode_message()),
        ("response: refused, busy", Response::Refused { why: Refusal::Busy }.encode_message()),
        ("request: compare, all entries that are held, of a node that gave up two copies", held.encode_message()),
        ("response: noted, by a node that gave up two copies", Response::Noted { holding: given_up }.encode_message()),
    ]
}

fn parts(first: Summary, holding: Holding) -> Response {
    let rest = std::iter::repeat_n(Summary::of(std::iter::empty()), 15);
    Response::Compared { compared: Compared::Parts(std::iter::once(first).chain(rest).collect()), holding }
}

/// A message that was written down reads as what it was made of.
#[test]
fn the_written_messages_are_read() {
    let written = written();
    let get = |name: &str| HEXLOWER.decode(written[name].as_bytes()).unwrap();
    let Ok(Request::Hint { ledger, tips, holding }) = Request::decode_message(&get("request: hint of the memo")) else {
        panic!()
    };
    assert_eq!((ledger, tips[0].seq, holding.turn), (LedgerId(LEDGER), 7, 9));
    let Ok(Response::Batch { runs, .. }) = Response::decode_message(&get("response: batch with the memo")) else { panic!() };
    assert_eq!(runs[0].entries[0].open.to_vec(), get("open part of the memo"));
    assert_eq!(runs[0].entries[0].body, Some(get("body of the memo under key cc, salt ee")));
}

fn written() -> BTreeMap<String, String> {
    let text = include_str!("../../docs/format.md");
    let blocks = text.split("```vectors\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks
        .flat_map(str::lines)
        .map(|line| line.split_once(" = ").expect("name = hex"))
        .map(|(n, h)| (n.to_owned(), h.to_owned()))
        .collect()
}

#[test]
fn the_vectors_of_the_format_hold() {
    let (computed, written) = (computed(), written());
    let wrong = computed.iter().filter(|(name, hex)| written.get(**name) != Some(hex));
    let wrong: Vec<String> = wrong.map(|(name, hex)| format!("{name} = {hex}")).collect();
    assert!(wrong.is_empty(), "docs/format.md should say:\n{}", wrong.join("\n"));
}

/// What cannot be made again (HPKE draws randomness, zstd may compress better one day) must open.
#[test]
fn the_written_envelopes_open() {
    let written = written();
    let get = |name: &str| HEXLOWER.decode(written[name].as_bytes()).unwrap();
    let opener = Opener::from_seed(&Secret::new([0x66; 32]));
    let open = |wrap: &[u8]| unwrap(&LEDGER, KeyId([0xbb; 16]), KeyKind::Patient, OpenerId([0x77; 16]), &opener, wrap);
    assert_eq!(open(&get("wrap of patient key cc for seed 66")).unwrap().secret, Secret::new([0xcc; 32]));
    let ledger_key = key(0xaa, 0x99);
    let inbox = get("inbox body of the memo to key 99");
    let plain = body::open(&inbox, &place().to_bytes(), |class, id| {
        (class == Class::Inbox && id == ledger_key.id).then_some(&ledger_key)
    });
    assert_eq!(Content::decode(&plain.unwrap()).unwrap(), memo());
    let plain = body::read_open(&get("body of a begin entry")).unwrap();
    assert_eq!(Content::decode(&plain).unwrap(), begin());
    let sealed = get("its seed box, seed 66, salt 06");
    let pin_key = CardCode::read(&String::from_utf8(get("card code of ledger 11 and secret 0 (ASCII)")).unwrap())
        .unwrap()
        .pin_key(&Pin::read("123456").unwrap(), &[0x05; 16]);
    assert_eq!(open_box(&pin_key, &seed_info(OpenerId([0x77; 16])), &sealed).unwrap(), Secret::new([0x66; 32]));
}

/// The new kinds read as what they were made of; a look without a reason is written as it always was.
#[test]
fn the_written_reviews_are_read() {
    let written = written();
    for (name, made) in reviews() {
        let read = Content::decode(&HEXLOWER.decode(written[name].as_bytes()).unwrap()).unwrap();
        assert_eq!(read, made, "{name}");
        let fact = read.clone().into_fact(0).unwrap().unwrap();
        assert_eq!(fact.content.encode(), read.payload, "{name}");
    }
    let look =
        Said::Look(Look { by: Looker::Card, name: String::new(), place: "薬".to_owned(), reason: String::new(), right: None });
    assert_eq!(HEXLOWER.encode(&look.encode()), "a3000101600263e896ac");
}

#[test]
fn what_is_written_about_people_is_read() {
    let written = written();
    people::written_are_read(|name| HEXLOWER.decode(written[name].as_bytes()).unwrap());
}

#[test]
fn what_one_box_asks_another_about_somebody_is_read() {
    let written = written();
    look::written_are_read(|name| HEXLOWER.decode(written[name].as_bytes()).unwrap());
}

#[test]
fn the_written_statements_are_read() {
    let written = written();
    region::written_statements_are_read(|name| HEXLOWER.decode(written[name].as_bytes()).unwrap());
    region::the_written_badge_opens(|name| HEXLOWER.decode(written[name].as_bytes()).unwrap());
}

/// Prints the block; run it by name when a vector is *added*. Those that HPKE draws randomness for differ at every run.
#[test]
#[ignore = "prints the vectors for docs/format.md"]
fn print_vectors() {
    use kusuribako::seal::envelope::wrap;
    for (name, hex) in computed() {
        println!("{name} = {hex}");
    }
    let public = Opener::from_seed(&Secret::new([0x66; 32])).public(OpenerId([0x77; 16]), OpenerKind::Card, [0x88; 16]);
    let wrapped = wrap(&LEDGER, &key(0xbb, 0xcc), KeyKind::Patient, &public).unwrap();
    println!("wrap of patient key cc for seed 66 = {}", HEXLOWER.encode(&wrapped));
    let ledger_key = key(0xaa, 0x99);
    let inbox = body::seal_inbox(&memo().encode(), ledger_key.id, &ledger_key.inbox_public(), &place().to_bytes()).unwrap();
    println!("inbox body of the memo to key 99 = {}", HEXLOWER.encode(&inbox));
    println!("body of a begin entry = {}", HEXLOWER.encode(&body::open_class(&begin().encode()).unwrap()));
}
