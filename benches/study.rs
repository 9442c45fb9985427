//! The study's benchmarks, in one run: the paper's two distributions beside a plain loop and numpy, the closed form, plans beside HiGHS.
//!
//! `cargo bench --bench study`; benches/study.py says how to have numpy and HiGHS take part. Ratios are what counts: each is of two times on this machine.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that meets what it did not expect ends there; it prints"
)]

use kusuribako::availability::exact::JointLoss;
use kusuribako::availability::{Holders, LossModel, enumerate, exact, real, sample};
use kusuribako::placement::baselines::{FITTED_DAMAGE, PAPER_RANDOM, PAPER_RISK, paper};
use kusuribako::placement::{Objective, Wish, plan};
use kusuribako::risk::{Place, Site};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Patients that a holder may have, as a share of the mean.
const FACTOR: f64 = 1.5;

fn main() {
    let ours = distributions();
    closed_form();
    let small = [24, 32, 40].map(small_plan);
    against_python(ours, &small);
    for sites in [24, 300, 1_000, 3_000] {
        large_plans(sites);
    }
}

/// The best of some runs, seconds.
fn best_of<T>(runs: usize, mut work: impl FnMut() -> T) -> (f64, T) {
    let mut best = (f64::INFINITY, None);
    for _ in 0..runs {
        let start = Instant::now();
        let done = work();
        best = (best.0.min(start.elapsed().as_secs_f64()), Some(done));
    }
    (best.0, best.1.unwrap())
}

fn site(at: usize, damage: f64, patients: u64) -> Site {
    let id = (at + 1).to_string();
    Site { name: String::new(), place: None, patients, damage, host: id.clone(), capacity: None, id }
}

/// A made-up region, the same every time.
fn region(sites: usize, is_equal: bool) -> Vec<Site> {
    let mut rng = sample::seeded(u64::try_from(sites).unwrap());
    let mut draw = || real(rand_chacha::rand_core::Rng::next_u64(&mut rng) >> 11) / real(1 << 53);
    let made_up = |at: usize| {
        let damage = 0.02 + 0.6 * draw() * draw();
        let patients = if is_equal { 1_000 } else { [500, 1_000, 2_000, 4_000][at % 4] };
        let place = Some(Place { lat: 38.0 + 0.5 * draw(), lon: 140.5 + 0.5 * draw() });
        Site { place, ..site(at, damage, patients) }
    };
    (0..sites).map(made_up).collect()
}

/// Both distributions of the paper: ours, and one pattern after the other as one would write it first.
fn distributions() -> f64 {
    let sites: Vec<Site> = FITTED_DAMAGE.iter().enumerate().map(|(at, p)| site(at, *p, 1)).collect();
    let model = LossModel::new(&sites, &[]).unwrap();
    let [risk, random] = [PAPER_RISK, PAPER_RANDOM].map(|column| Holders::new(&sites, &model, &paper(&column)).unwrap());
    let (ours, found) = best_of(20, || enumerate::compare(&model, Some(12), &risk, &random).unwrap().unwrap());
    let (plain, by_hand) = best_of(3, plain_loop);
    assert!((found.first.expected - by_hand[0]).abs() < 1e-9 && (found.second.expected - by_hand[1]).abs() < 1e-9);
    println!(
        "both distributions, {} patterns: {:.2} ms; plain loop {:.1} ms: 1/{:.0}",
        found.first.patterns,
        1e3 * ours,
        1e3 * plain,
        plain / ours
    );
    ours
}

fn plain_loop() -> [f64; 2] {
    let holders = [PAPER_RISK, PAPER_RANDOM].map(|column| column.map(|holder| holder - 1));
    let (mut total, mut sums, mut histogram) = (0.0, [0.0; 2], [[0.0; 25]; 2]);
    for mask in (0_u32..1 << 24).filter(|mask| mask.count_ones() == 12) {
        let weight: f64 =
            FITTED_DAMAGE.iter().enumerate().map(|(s, p)| if mask >> s & 1 == 1 { *p } else { 1.0 - p }).product();
        total += weight;
        for which in 0..2 {
            let failed = (0..24).filter(|s| mask >> s & mask >> holders[which][*s] & 1 == 1).count();
            histogram[which][failed] += weight;
            sums[which] += weight * (1.0 - f64::from(u32::try_from(failed).unwrap()) / 24.0);
        }
    }
    assert!(histogram[0].iter().sum::<f64>() > 0.0);
    sums.map(|sum| sum / total)
}

fn closed_form() {
    for (sites, runs) in [(24, 200), (2_000, 5), (3_000, 5)] {
        let region = region(sites, false);
        let model = LossModel::new(&region, &[]).unwrap();
        let placement: Vec<Vec<usize>> = (0..sites).map(|s| vec![(s + 1) % sites, (s + 7) % sites]).collect();
        let holders = Holders::new(&region, &model, &placement).unwrap();
        let (seconds, value) = best_of(runs, || exact::expected(&model, Some(sites / 2), &holders).unwrap());
        println!("closed form, {sites} sites, 2 alternates, half lost: {:.3} ms ({value:.6})", 1e3 * seconds);
    }
}

/// A plan that HiGHS can solve too: its costs, and what ours loses.
struct Small {
    asked: Value,
    seconds: f64,
    loss: f64,
    patients: f64,
    sites: usize,
}

fn small_plan(sites: usize) -> Small {
    let region = region(sites, false);
    let model = LossModel::new(&region, &[]).unwrap();
    let joint = JointLoss::new(&model, Some(sites / 2)).unwrap();
    let patients: Vec<u64> = region.iter().map(|site| site.patients).collect();
    let all = real(patients.iter().sum());
    let mean = all / real(u64::try_from(sites).unwrap());
    // The largest site must fit somewhere.
    let factor = FACTOR.max(4_000.0 / mean);
    let wish = Wish { capacity_factor: Some(factor), ..Wish::alternates(1.0) };
    let (seconds, found) = best_of(5, || plan(&region, &[], &wish, &Objective::GivenLost(sites / 2)).unwrap());
    let costs: Vec<Vec<f64>> = (0..sites).map(|s| joint.pairs(s).iter().map(|p| p * real(patients[s])).collect()).collect();
    let capacity = vec![(factor * mean - 1e-9 * mean).ceil(); sites];
    let asked = json!({"costs": costs, "patients": patients, "capacity": capacity});
    Small { asked, seconds, loss: (1.0 - found.value) * all, patients: all, sites }
}

fn against_python(ours: f64, small: &[Small]) {
    let Some(python) = std::env::var_os("KUSURIBAKO_BENCH_PYTHON") else {
        println!("numpy and HiGHS: skipped, KUSURIBAKO_BENCH_PYTHON is not set (see benches/study.py)");
        return;
    };
    let placements = [PAPER_RISK, PAPER_RANDOM].map(|column| column.map(|holder| holder - 1));
    let asked = json!({
        "damage": FITTED_DAMAGE, "placements": placements, "lost": 12, "plans": small.iter().map(|s| &s.asked).collect::<Vec<_>>(),
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/study.py");
    let mut child = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let answer: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    let numpy = answer["distributions"]["seconds"].as_f64().unwrap();
    println!(
        "both distributions, numpy: {:.0} ms: 1/{:.0} (E[A] {})",
        1e3 * numpy,
        numpy / ours,
        answer["distributions"]["expected"]
    );
    for (small, highs) in small.iter().zip(answer["plans"].as_array().unwrap()) {
        let (seconds, loss) = (highs["seconds"].as_f64().unwrap(), highs["loss"].as_f64().unwrap());
        println!(
            "plan, {} sites, capacities: ours {:.6} in {:.1} ms, HiGHS {:.6} in {:.0} ms (1/{:.0}), {:+.4} points",
            small.sites,
            1.0 - small.loss / small.patients,
            1e3 * small.seconds,
            1.0 - loss / small.patients,
            1e3 * seconds,
            seconds / small.seconds,
            100.0 * (loss - small.loss) / small.patients
        );
    }
}

fn large_plans(sites: usize) {
    for (said, is_equal, alternates, factor, km_max) in [
        ("1 each, one guest each", true, 1.0, Some(1.0), None),
        ("1 each, factor 2.5", false, 1.0, Some(2.5), None),
        ("1.5 on average, factor 2", false, 1.5, Some(2.0), None),
        ("2 each, factor 1.5", false, 2.0, Some(1.5), None),
        ("2 each, no cap", false, 2.0, None, None),
        ("2 each, factor 2, 20 km", false, 2.0, Some(2.0), Some(20.0)),
    ] {
        let region = region(sites, is_equal);
        let wish = Wish { capacity_factor: factor, km_max, ..Wish::alternates(alternates) };
        let (seconds, found) = best_of(1, || plan(&region, &[], &wish, &Objective::GivenLost(sites / 2)));
        match found {
            Ok(found) => println!(
                "plan, {sites} sites, {said}: {:.6}, bound {:.6}, gap {:.4} %, {:.2} s, {}",
                found.value,
                found.bound,
                100.0 * found.gap(),
                seconds,
                found.method
            ),
            Err(error) => println!("plan, {sites} sites, {said}: {error}"),
        }
    }
}
