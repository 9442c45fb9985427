//! When a page is given again, and when it is made anew.

mod read;

use super::*;
use crate::clinic::setup::Location;
use crate::clinic::{Clinic, OpenRecord};
use crate::clock::Clock;
use crate::ledger::payload::SiteProfile;
use crate::record::{Channel, Content, Memo, Origin, Patient, Source, Subject};
use crate::web::guard::Opened;
use std::cell::Cell;
use std::time::Duration;

struct World {
    _dir: tempfile::TempDir,
    clock: Clock,
    clinic: Clinic,
    site: Site,
    runtime: tokio::runtime::Runtime,
    /// How often a page was made.
    made: Cell<usize>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // At the beginning of a minute.
        let clock = Clock::manual(1_795_311_300_000);
        let at = Location { reserve_bytes: 4_096, ..Location::new(dir.path().join("data")) };
        let profile = SiteProfile { name: "見本薬局".to_owned(), ..SiteProfile::default() };
        let clinic = Clinic::found(&at, &profile, clock.clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let site = Site::new(clinic.clone(), vec![], true, crate::web::session::uptime());
        Self { _dir: dir, clock, clinic, site, runtime, made: Cell::new(0) }
    }

    fn patient(&self, name: &str) -> Subject {
        let source = Source { origin: Origin::Staff, name: String::new(), channel: Channel::Page };
        let patient = Patient { name: name.to_owned(), ..Patient::default() };
        self.clinic.register(patient, source, vec![]).unwrap()
    }

    fn reader(&self, subject: Subject) -> (String, Opened) {
        let card = self.clinic.issue_card(subject).unwrap();
        let (code, pin) = (card.code.compact(), card.pin.digits());
        let opened = self.runtime.block_on(self.clinic.open_with_card(&code, &pin)).unwrap();
        let token = self.site.sessions.open(opened);
        let session = self.site.sessions.find(&token).unwrap();
        (token, Opened { session, lang: Lang::Japanese })
    }

    fn write(&self, record: &OpenRecord) {
        let memo = Content::Memo(Memo { text: "x".to_owned(), ..Memo::default() });
        self.runtime.block_on(self.clinic.add_fact(record, self.clinic.new_fact_id(), memo)).unwrap();
    }

    fn ask(&self, opened: &Opened, address: &str, is_packed: bool, page: &str) -> (Response, Bytes) {
        let made = async {
            self.made.set(self.made.get() + 1);
            Ok(page.to_owned())
        };
        let asked = Asked { address: address.to_owned(), is_packed };
        self.runtime.block_on(async {
            let response = or_made(&self.site, opened, asked, made).await.unwrap_or_else(|_| panic!("no page"));
            let (parts, body) = response.into_parts();
            let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            (Response::from_parts(parts, Body::empty()), bytes)
        })
    }

    /// Whether a page had to be made.
    fn makes(&self, opened: &Opened) -> bool {
        let before = self.made.get();
        self.ask(opened, "/record", true, "page");
        self.made.get() > before
    }
}

#[test]
fn a_page_is_made_once_and_anew_when_anything_it_is_made_of_has_changed() {
    let world = World::new();
    // Others whose number in the store is another one.
    let mine = world.patient("one");
    let other = (0..).map(|_| world.patient("other")).find(|other| other.0[0] != mine.0[0]).unwrap();
    let (_, reader) = world.reader(mine);
    let (_, neighbour) = world.reader(other);
    assert!(world.makes(&reader) && !world.makes(&reader));
    world.write(&neighbour.session.record);
    assert!(!world.makes(&reader), "what is written of others is no concern of this page");
    world.write(&reader.session.record);
    assert!(world.makes(&reader) && !world.makes(&reader));
    world.clinic.set_surroundings(Surroundings::clone(&world.clinic.surroundings()));
    assert!(world.makes(&reader) && !world.makes(&reader));
    world.clock.advance(Duration::from_secs(59));
    assert!(!world.makes(&reader));
    world.clock.advance(Duration::from_secs(1));
    assert!(world.makes(&reader) && !world.makes(&reader), "pages tell the time");
    world.clock.set(0);
    world.makes(&reader);
    world.clock.set(1_795_311_360_000);
    assert!(world.makes(&reader), "what was made by another clock is not kept");
    let other_language = Opened { session: Arc::clone(&reader.session), lang: Lang::English };
    assert!(world.makes(&other_language) && !world.makes(&reader));
    assert!(world.makes(&neighbour), "nothing of one session is given to another");
}

#[test]
fn a_page_comes_as_it_was_asked_for() {
    let world = World::new();
    let (_, reader) = world.reader(world.patient("one"));
    let text = "薬".repeat(2_000);
    for _ in 0..2 {
        let (head, plain) = world.ask(&reader, "/record", false, &text);
        assert!(plain == text.as_bytes() && !head.headers().contains_key(header::CONTENT_ENCODING));
        let (head, packed) = world.ask(&reader, "/record", true, &text);
        assert_eq!(
            (&head.headers()[header::CONTENT_ENCODING], &head.headers()[header::VARY]),
            (&"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap())
        );
        let mut unpacked = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
        assert_eq!(unpacked, text);
    }
    assert_eq!(world.made.get(), 2);
    let (_, page) = world.ask(&reader, "/record/history?page=1", false, "other");
    assert_eq!((page.as_ref(), world.made.get()), (&b"other"[..], 3));
}

#[test]
fn a_page_is_packed_whole_also_where_it_gets_no_smaller() {
    for length in [0, 1, 100, 8_192, 70_000] {
        let mut draw = 1_u32;
        let mut noise = || {
            draw = draw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            draw.to_be_bytes()[0]
        };
        let page: Vec<u8> = (0..length).map(|_| noise()).collect();
        let packed = packed(&page);
        assert_eq!(packed.capacity(), packed.len(), "what is kept is counted by its length");
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
        assert!(unpacked == page, "{length} bytes");
    }
}

#[test]
fn a_session_keeps_so_much_and_no_more_and_nothing_when_it_is_over() {
    let world = World::new();
    let (token, reader) = world.reader(world.patient("one"));
    let large = "x".repeat(BYTES_MAX / 3);
    for page in 0..9 {
        world.ask(&reader, &format!("/record/history?page={page}"), false, &large);
    }
    let kept = |reader: &Opened| reader.session.shelf.lock().iter().map(|kept| kept.body.len()).sum::<usize>();
    assert_eq!(kept(&reader), BYTES_MAX / 3 * 3);
    world.ask(&reader, "/record", false, &"x".repeat(BYTES_MAX + 1));
    assert_eq!(kept(&reader), 0, "one that is too large is not kept");
    world.ask(&reader, "/record", false, "page");
    let session = Arc::downgrade(&reader.session);
    drop(reader);
    world.site.sessions.end(&token);
    assert!(session.upgrade().is_none(), "and its pages with it");
}

#[test]
fn gzip_is_taken_as_browsers_say_it() {
    let takes = |value: &str| takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, value.parse().unwrap())]));
    assert!(takes("gzip") && takes("br, gzip;q=0.5") && takes("deflate , GZIP ; q = 1") && takes("gzip;q=0.001"));
    assert!(!takes("") && !takes("br") && !takes("gzip;q=0") && !takes("identity, gzip; q=0.000") && !takes("x-gzip"));
    assert!(!takes_gzip(&HeaderMap::new()));
}
