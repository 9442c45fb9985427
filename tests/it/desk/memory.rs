//! What the program's memory holds of the people that were looked for, read from outside: while somebody is at the desk, and when nobody is any more.

use super::shelter::{Rung, Shelter, Who};
use crate::cli::program::{Clinic, JAHIS, Served};
use crate::phone::{Phone, value};
use crate::wait;
use kusuribako::record::{Patient, Source};
use std::cell::RefCell;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// How long what was given back may take to be overwritten: a request may still be ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whoever is looked for: nobody else on the machine is called so.
pub(super) struct Stranger {
    /// Kana whose sound is what is written.
    pub(super) kana: String,
    pub(super) kanji: String,
}

impl Stranger {
    pub(super) fn new() -> Self {
        let kana = "カキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモラリルレロ";
        let kanji = "山川田中村木林森石水竹松金谷原野島岡本井";
        Self { kana: drawn(kana, 7), kanji: drawn(kanji, 8) }
    }

    /// The forms in which a name lies in memory, as it is written, as a form sends it, and as the index keeps it; with every bit turned, so that they do
    /// not lie there by being looked for.
    fn forms(&self) -> Vec<Form> {
        let sent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>().into_bytes();
        let kept = |text: &str| text.encode_utf16().flat_map(u16::to_ne_bytes).collect::<Vec<u8>>();
        let turned = |(name, bytes): (&'static str, Vec<u8>)| Form { name, turned: bytes.iter().map(|byte| !byte).collect() };
        let forms = [
            ("kanji", self.kanji.clone().into_bytes()),
            ("kana", self.kana.clone().into_bytes()),
            ("kanji of a form", sent(&self.kanji)),
            ("kana of a form", sent(&self.kana)),
            ("kanji of the index", kept(&self.kanji)),
            ("kana of the index", kept(&self.kana)),
        ];
        forms.map(turned).into()
    }
}

/// Letters that are looked for.
struct Form {
    name: &'static str,
    turned: Vec<u8>,
}

fn drawn(from: &str, len: usize) -> String {
    let letters: Vec<char> = from.chars().collect();
    std::iter::repeat_with(|| letters[fastrand::usize(0..letters.len())]).take(len).collect()
}

/// What is left of some letters in a process's memory: the line of its map for each place that may be written.
fn left(pid: u32, forms: &[Form]) -> Vec<String> {
    const CHUNK: usize = 1 << 20;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut buffer = vec![0_u8; CHUNK];
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).unwrap());
        lying_in(&memory, from..to, &mut buffer, forms, &mut |at, form| found.push(format!("{form}: {at:x} of {line}")));
    }
    // What was read lies in the buffer, too.
    let own = buffer.as_ptr() as u64;
    let is_own = |place: &String| {
        let at = place.split_once(": ").unwrap().1.split(' ').next().unwrap();
        (own.saturating_sub(1 << 8)..own + CHUNK as u64).contains(&u64::from_str_radix(at, 16).unwrap())
    };
    found.retain(|place| pid != std::process::id() || !is_own(place));
    found
}

fn lying_in(memory: &File, range: Range<u64>, buffer: &mut [u8], forms: &[Form], found: &mut impl FnMut(u64, &'static str)) {
    const PAGE: u64 = 1 << 12;
    let overlap = forms.iter().map(|form| form.turned.len()).max().unwrap() - 1;
    let mut at = range.start;
    while at < range.end {
        let wanted = usize::try_from(range.end - at).unwrap().min(buffer.len());
        // What was given back to the system meanwhile is passed over by the page.
        let Ok(len @ 1..) = memory.read_at(&mut buffer[..wanted], at) else {
            at = (at / PAGE + 1) * PAGE;
            continue;
        };
        for form in forms {
            let is_it = |start: &usize| {
                let here = buffer[*start..len].iter().zip(&form.turned).filter(|(byte, turned)| **byte == !**turned);
                here.count() == form.turned.len()
            };
            let starts = memchr::memchr_iter(!form.turned[0], &buffer[..len]).filter(is_it);
            starts.for_each(|start| found(at + start as u64, form.name));
        }
        // What lies across the end of one piece is whole in the next.
        let is_last = at + len as u64 >= range.end;
        at += if is_last || len <= overlap { len } else { len - overlap } as u64;
    }
}

fn until_gone(pid: u32, forms: &[Form]) {
    let last = RefCell::new(Vec::new());
    wait::until_or(
        "nothing is left of the name",
        PATIENCE,
        || last.borrow().join("\n"),
        || {
            last.replace(left(pid, forms));
            last.borrow().is_empty().then_some(())
        },
    );
}

/// How often the index has the name.
fn indexed(pid: u32, forms: &[Form]) -> usize {
    left(pid, forms).into_iter().filter(|place| place.contains("of the index")).count()
}

pub(super) struct Scene {
    pub(super) clinic: Clinic,
    pub(super) served: Served,
    sheet: String,
}

impl Scene {
    pub(super) fn serving(args: &[&str]) -> Self {
        Self::of(Clinic::named("見本薬局", &[]), args)
    }

    pub(super) fn of(clinic: Clinic, args: &[&str]) -> Self {
        let sheet = std::fs::read_to_string(clinic.path("staff.txt")).unwrap();
        let served = clinic.serve(args);
        Self { clinic, served, sheet }
    }

    pub(super) fn signed_in(&self) -> (Phone<'static>, String) {
        let mut phone = Phone::near(self.served.host());
        let answer = phone.post("/staff/sign-in", &[("badge", &self.sheet), ("passphrase", "")]);
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        let csrf = value(&phone.get("/staff"), "csrf").to_owned();
        (phone, csrf)
    }

    /// Registered, found, and read, as at reception.
    pub(super) fn meet(&self, stranger: &Stranger) {
        let (mut phone, csrf) = self.signed_in();
        let form = value(&phone.get("/staff/reception/new"), "form").to_owned();
        let fields = [
            ("csrf", csrf.as_str()),
            ("form", &form),
            ("name", &stranger.kanji),
            ("kana", &stranger.kana),
            ("birth", "昭和60年4月5日"),
            ("sex", "female"),
            ("consent", "yes"),
        ];
        let card = phone.post("/staff/reception/new", &fields);
        assert!(card.starts_with("HTTP/1.1 200") && card.contains("pin-once"), "{card}");
        self.find_and_read(&mut phone, &csrf, stranger);
    }

    pub(super) fn find_and_read(&self, phone: &mut Phone<'_>, csrf: &str, stranger: &Stranger) {
        let found = wait::until("the name is found", PATIENCE, || {
            let page = phone.post("/staff/find", &[("csrf", csrf), ("name", &stranger.kana)]);
            page.contains("href=\"/staff/patient/").then_some(page)
        });
        let link = found.split_once("href=\"/staff/patient/").unwrap().1.split_once('"').unwrap().0;
        let record = phone.get(&format!("/staff/patient/{link}"));
        assert!(record.starts_with("HTTP/1.1 200") && record.contains(&stranger.kanji), "{record}");
    }
}

#[test]
fn with_a_lock_and_with_the_last_who_signs_out_every_name_is_gone_from_the_programs_memory() {
    let scene = Scene::serving(&[]);
    let (pid, stranger) = (scene.served.pid(), Stranger::new());
    let forms = stranger.forms();
    scene.meet(&stranger);
    let (mut phone, csrf) = scene.signed_in();
    scene.find_and_read(&mut phone, &csrf, &stranger);
    assert!(indexed(pid, &forms) >= 2, "while somebody is at the desk it is there, in both scripts");
    assert_eq!(scene.clinic.run(&["lock"]).code, 0);
    until_gone(pid, &forms);
    let (mut phone, csrf) = scene.signed_in();
    scene.find_and_read(&mut phone, &csrf, &stranger);
    assert!(indexed(pid, &forms) >= 2);
    assert!(phone.post("/staff/sign-out", &[("csrf", &csrf)]).starts_with("HTTP/1.1 303"));
    until_gone(pid, &forms);
}

/// What was on a paper that nobody took in is gone, too.
#[test]
fn with_a_session_that_has_run_out_and_with_a_lock_what_it_had_at_hand_is_gone_from_memory() {
    let shelter = Shelter::new();
    let clinic = &shelter.holder.clinic;
    let forms = {
        let stranger = Stranger::new();
        let (name, kana) = (stranger.kanji.clone(), stranger.kana.clone());
        // Repeats itself, so that what is written and read again goes through the compressor, which keeps letters of its own.
        let address = "架空県見本市".repeat(20);
        clinic.register(Patient { name, kana, address, ..Patient::default() }, Source::UNKNOWN, Vec::new()).unwrap();
        stranger.forms()
    };
    let pid = std::process::id();
    for ends in [true, false] {
        let mut browser = shelter.browser(Rung::Tls, Who::Pharmacist);
        clinic.read_people().unwrap();
        let csrf = browser.get("/staff").csrf();
        let form = {
            let stranger = Stranger::new();
            let paper = JAHIS.replace("見本 太郎", &stranger.kanji);
            assert!(browser.post_paper(&csrf, paper.as_bytes()).text.contains(&stranger.kanji));
            stranger.forms()
        };
        assert!(indexed(pid, &forms) >= 2 && !left(pid, &form).is_empty());
        if ends {
            shelter.holder.clock.advance(Duration::from_secs(10 * 60));
        } else {
            clinic.lock();
        }
        browser.sweep();
        until_gone(pid, &forms);
        until_gone(pid, &form);
    }
}
