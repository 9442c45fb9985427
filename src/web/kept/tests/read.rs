//! When a record is opened anew, and what stays of it.

use super::*;
use crate::web::kept::ALL_BYTES_MAX;
use crate::web::reading::{Read, chart};

impl World {
    fn read(&self, reader: &Opened) -> Arc<Read> {
        self.runtime.block_on(chart(&self.site, &reader.session)).unwrap_or_else(|_| panic!("the record cannot be read"))
    }

    /// Whether it has to be opened.
    fn opens(&self, reader: &Opened) -> bool {
        let before = self.read(reader);
        !Arc::ptr_eq(&before, &self.read(reader))
    }

    fn room(&self) -> usize {
        self.site.opened.available_permits()
    }
}

#[test]
fn a_record_is_opened_once_and_anew_when_anything_has_changed() {
    let world = World::new();
    let (_, reader) = world.reader(world.patient("one"));
    let mut last = world.read(&reader);
    let mut is_another = |what: &str, is_expected: bool| {
        let now = world.read(&reader);
        assert_eq!(!Arc::ptr_eq(&last, &now), is_expected, "{what}");
        last = now;
    };
    is_another("nothing has changed", false);
    let facts = world.read(&reader).chart.facts.len();
    world.write(&reader.session.record);
    is_another("something was written", true);
    assert_eq!(world.read(&reader).chart.facts.len(), facts + 1, "whoever has written sees it");
    is_another("nothing has changed", false);
    world.clinic.set_surroundings(Surroundings::clone(&world.clinic.surroundings()));
    is_another("the region is another", true);
    world.clock.advance(Duration::from_secs(60));
    is_another("a minute has passed", true);
    let (_, again) = world.reader(reader.session.record.subject());
    assert!(!Arc::ptr_eq(&world.read(&again), &world.read(&reader)), "nothing of one session is given to another");
}

#[test]
fn what_was_opened_goes_with_its_session_and_with_time() {
    let world = World::new();
    let (token, reader) = world.reader(world.patient("one"));
    let opened = world.read(&reader);
    assert_eq!(world.room(), ALL_BYTES_MAX - opened.chart.opened_bytes);
    let opened = Arc::downgrade(&opened);
    world.site.sweep();
    assert!(opened.upgrade().is_some());
    world.clock.advance(Duration::from_secs(60));
    world.site.sweep();
    assert!(opened.upgrade().is_none(), "nobody has asked for it for a minute");
    assert_eq!(world.room(), ALL_BYTES_MAX);
    let opened = Arc::downgrade(&world.read(&reader));
    drop(reader);
    world.site.sessions.end(&token);
    assert!(opened.upgrade().is_none(), "its session is over");
    assert_eq!(world.room(), ALL_BYTES_MAX);
}

#[test]
fn what_is_kept_is_bounded_for_one_and_for_all() {
    let world = World::new();
    let (_, reader) = world.reader(world.patient("one"));
    let (_, other) = world.reader(world.patient("other"));
    let taken = Arc::clone(&world.site.opened).try_acquire_many_owned(u32::try_from(ALL_BYTES_MAX).unwrap()).unwrap();
    assert!(world.opens(&reader) && world.opens(&reader), "others keep so much");
    drop(taken);
    assert!(!world.opens(&reader) && !world.opens(&other));
    let long = Content::Memo(Memo { text: "x".repeat(40_000), ..Memo::default() });
    world.runtime.block_on(world.clinic.add_fact(&reader.session.record, world.clinic.new_fact_id(), long)).unwrap();
    assert!(world.opens(&reader) && world.opens(&reader), "a large record is opened for each page");
    assert!(!world.opens(&other));
}
