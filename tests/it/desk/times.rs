//! Before reason and consent nobody learns who is here: not from what is answered, and not from how long that takes.

use super::browser::{Answer, Browser};
use super::shelter::{BIRTH, NAME, Rung, Shelter, Who};
use std::time::{Duration, Instant};

/// Pairs of requests, one for somebody who is here and one for somebody who is not.
const PAIRS: usize = 250;

/// Standard deviations that chance does not reach: once in 1.7 million comparisons, however noisy the machine, since which of a pair is asked for first
/// is drawn.
const BY_CHANCE: f64 = 5.0;

/// As long as the name of who is here, so that it is read and sent as fast; and a day on which nobody here was born.
const ABSENT: &str = "不在山 しない";
const ABSENT_DAY: &str = "S051111";

/// So many are called like the one who is looked for: a search that were begun too early would take as much longer for them.
const NAMESAKES: usize = 120;

/// Everything that a stranger could compare. What is drawn anew for each answer would be found here, too.
fn said(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    (answer.status, answer.headers.clone(), answer.text.clone())
}

/// How far the times of the two of each pair lie apart, in standard deviations: Wilcoxon's signed ranks.
fn apart(pairs: &[(Duration, Duration)]) -> f64 {
    let nanos = |time: &Duration| time.as_nanos() as f64;
    let mut differences: Vec<f64> =
        pairs.iter().map(|(present, absent)| nanos(present) - nanos(absent)).filter(|by| *by != 0.0).collect();
    differences.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let count = differences.len() as f64;
    let ranks: f64 = differences.iter().enumerate().map(|(at, by)| by.signum() * (at + 1) as f64).sum();
    ranks / (count * (count + 1.0) * (2.0 * count + 1.0) / 6.0).sqrt()
}

fn compare(browser: &mut Browser, what: &str, mut ask: impl FnMut(&mut Browser, bool) -> Answer) {
    let expected = said(&ask(browser, true));
    assert_eq!(expected, said(&ask(browser, false)), "{what}");
    assert!(!expected.2.contains(NAME), "{what}");
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let mut took = [Duration::ZERO; 2];
        let first = fastrand::bool();
        for is_present in [first, !first] {
            let begun = Instant::now();
            let answer = ask(browser, is_present);
            took[usize::from(!is_present)] = begun.elapsed();
            assert_eq!(said(&answer), expected, "{what}");
        }
        pairs.push((took[0], took[1]));
    }
    let apart = apart(&pairs);
    assert!(apart.abs() < BY_CHANCE, "{what}: by its time an answer tells who is here ({apart:.1} standard deviations)");
}

#[test]
fn before_a_glass_neither_an_answer_nor_its_time_tells_who_is_here() {
    assert_eq!((NAME.len(), BIRTH.len()), (ABSENT.len(), ABSENT_DAY.len()));
    let shelter = Shelter::new();
    shelter.has_namesakes(NAMESAKES);
    let ledger = data_encoding::HEXLOWER.encode(&shelter.home.clinic.ledger().0);
    let (present, absent) = (data_encoding::HEXLOWER.encode(&shelter.subject.0), "7".repeat(32));
    for who in [Who::Nobody, Who::Pharmacist, Who::Outside] {
        let mut browser = shelter.browser(Rung::Tls, who);
        let csrf = if who == Who::Nobody { "0".repeat(32) } else { browser.get("/staff").csrf() };
        shelter.holder.clinic.read_people().unwrap();
        let known = if who == Who::Nobody { 0 } else { NAMESAKES + 1 };
        assert_eq!(shelter.holder.clinic.searchable().people, known, "there is somebody to be found");
        compare(&mut browser, &format!("{who:?} looks for a name"), |browser, is_present| {
            let (name, birth) = if is_present { (NAME, BIRTH) } else { (ABSENT, ABSENT_DAY) };
            browser.post("/staff/find/beyond", &[("csrf", &csrf), ("name", name), ("birth", birth)])
        });
        compare(&mut browser, &format!("{who:?} asks for a record"), |browser, is_present| {
            browser.get(&format!("/staff/patient/{ledger}/{}", if is_present { &present } else { &absent }))
        });
    }
}

#[test]
fn what_tells_is_found() {
    let at = Duration::from_micros;
    let noisy = |by: u64| -> Vec<_> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut time = || at(1_000 + random.u64(0..400));
        (0..PAIRS).map(|_| (time() + at(by), time())).collect()
    };
    assert!(apart(&noisy(0)).abs() < BY_CHANCE);
    assert!(apart(&noisy(100)) > BY_CHANCE, "a tenth of a millisecond, in noise of four");
    let swapped: Vec<_> = noisy(100).into_iter().map(|(one, other)| (other, one)).collect();
    assert!(apart(&swapped) < -BY_CHANCE);
}
