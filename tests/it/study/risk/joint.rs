//! Joint losses against closed values: no correlation, full correlation, and one in between.

use kusuribako::availability::events::Evaluated;
use kusuribako::availability::{Holders, LossModel, events, exact, sample};
use kusuribako::risk::correlation::Range;
use kusuribako::risk::fragility::Curve;
use kusuribako::risk::motion::{Rupture, RuptureKind};
use kusuribako::risk::scenario::{Ground, Residuals, Scenario};
use kusuribako::risk::tally::{Lost, Tally};
use kusuribako::risk::{Outcomes, Place, SharedCause, Site};
use std::f64::consts::{LN_10, PI};

const DRAWS: usize = 20_000;
/// A true statement is refused once in 150,000 times; with a fixed seed: always or never.
const SIGMAS: f64 = 4.5;

fn site(id: usize, host: &str, damage: f64) -> Site {
    let (id, place) = (id.to_string(), None);
    Site {
        name: id.clone(),
        host: if host.is_empty() { id.clone() } else { host.to_owned() },
        id,
        place,
        patients: 1,
        damage,
        capacity: None,
    }
}

fn sites(count: usize) -> Vec<Site> {
    (0..count).map(|id| site(id, "", 0.0)).collect()
}

fn rupture() -> Rupture {
    let at = Place { lat: 38.0, lon: 140.0 };
    Rupture { name: "x".to_owned(), rate: 0.3, magnitude: 7.0, depth_km: 10.0, kind: RuptureKind::Crustal, at, to: None }
}

fn curve() -> Curve {
    Curve::LnPgv { lambda: 4.0, zeta: 0.5 }
}

fn spread(count: u32) -> Vec<Ground> {
    let place = |at| Place { lat: 38.0 + 0.05 * f64::from(at), lon: 140.0 };
    (0..count).map(|at| Ground { place: place(at), amplification: 1.0, curve: curve() }).collect()
}

fn drawn(scenario: &Scenario) -> Outcomes {
    drawn_times(scenario, DRAWS)
}

fn drawn_times(scenario: &Scenario, draws: usize) -> Outcomes {
    let mut tally = Tally::new(scenario.sites(), draws, 1, 1, Lost::Destroyed);
    for draw in 0..draws {
        tally.count(draw, &scenario.draw(11, draw as u64));
    }
    tally.outcomes().clone()
}

fn scenario(sites: &[Site], grounds: &[Ground], residuals: Residuals) -> Scenario {
    Scenario::new(sites, grounds, &[rupture()], residuals, &mut |_, _| {})
}

/// Share of the draws in which all of these sites are lost.
fn all_lost(outcomes: &Outcomes, sites: &[usize]) -> f64 {
    let words = outcomes.draws().div_ceil(64);
    let both = |word: usize| sites.iter().map(|site| outcomes.lost(*site)[word]).fold(u64::MAX, |a, b| a & b).count_ones();
    f64::from((0..words).map(both).sum::<u32>()) / outcomes.draws() as f64
}

fn agrees(found: f64, exact: f64, what: &str) {
    agrees_in(DRAWS, found, exact, what);
}

fn agrees_in(draws: usize, found: f64, exact: f64, what: &str) {
    let error = SIGMAS * (exact * (1.0 - exact) / draws as f64).sqrt();
    assert!((found - exact).abs() <= error, "{what}: {found} drawn, {exact} exactly, ± {error}");
}

#[test]
fn without_correlation_losses_are_independent() {
    let residuals = Residuals { between_share: 0.0, range: Range { km: 0.0 }, ..Residuals::default() };
    let scenario = scenario(&sites(10), &spread(10), residuals);
    let (outcomes, p) = (drawn(&scenario), scenario.damage());
    assert!(p[0] > 0.4 && p[9] < 0.2, "{p:?}");
    let mut counts = vec![1.0];
    for (site, p) in p.iter().enumerate() {
        agrees(all_lost(&outcomes, &[site]), *p, &format!("site {site}"));
        counts.push(0.0);
        for lost in (0..counts.len()).rev() {
            counts[lost] = counts[lost] * (1.0 - p) + if lost > 0 { counts[lost - 1] * p } else { 0.0 };
        }
        for other in 0..site {
            agrees(all_lost(&outcomes, &[site, other]), scenario.damage()[other] * p, &format!("sites {other} and {site}"));
        }
    }
    // The number of lost sites is Poisson-binomial.
    for (lost, exact) in counts.iter().enumerate() {
        let is_so =
            |draw: &usize| (0..10).filter(|site| outcomes.lost(*site)[draw / 64] >> (draw % 64) & 1 == 1).count() == lost;
        let found = (0..DRAWS).filter(is_so).count() as f64 / DRAWS as f64;
        agrees(found, *exact, &format!("{lost} lost"));
    }
}

/// What a placement of one or two alternates is worth over drawn outcomes, and in closed form with the same p and every site on its own.
fn worth(scenario: &Scenario, outcomes: &Outcomes, placement: &[Vec<usize>]) -> (Evaluated, f64) {
    let sites: Vec<Site> = scenario.damage().iter().enumerate().map(|(id, p)| site(id, "", *p)).collect();
    let model = LossModel::new(&sites, &[]).unwrap();
    let holders = Holders::new(&sites, &model, placement).unwrap();
    (events::evaluate(&model, &holders, outcomes), exact::expected(&model, None, &holders).unwrap())
}

#[test]
fn availability_over_events_meets_both_limits() {
    // Neighbours hold for each other, and some have a second holder: the exposed share what exposes them.
    let placement: Vec<Vec<usize>> =
        (0..10).map(|at| if at % 3 == 0 { vec![at ^ 1, (at + 4) % 10] } else { vec![at ^ 1] }).collect();
    // Nothing in common: the closed form of independent sites.
    let residuals = Residuals { between_share: 0.0, range: Range { km: 0.0 }, ..Residuals::default() };
    let alone = scenario(&sites(10), &spread(10), residuals);
    let (drawn_worth, closed) = worth(&alone, &drawn(&alone), &placement);
    let off = (drawn_worth.expected - closed).abs();
    // The error is the half-width of 95 %, 1.96 standard errors.
    assert!(off <= drawn_worth.error * SIGMAS / 1.96, "{} ± {}, {closed} exactly", drawn_worth.expected, drawn_worth.error);
    assert!(closed < 0.98 && drawn_worth.error < 0.002, "copies must matter here: {closed} ± {}", drawn_worth.error);
    // Everything in common: copies are worth nothing, all read or nobody.
    let residuals = Residuals { range: Range { km: f64::INFINITY }, alike: 1.0, ..Residuals::default() };
    let together = scenario(&sites(10), &vec![spread(3)[2]; 10], residuals);
    let (drawn_worth, closed) = worth(&together, &drawn(&together), &placement);
    let all_or_none = 1.0 - together.damage()[0];
    agrees(drawn_worth.expected, all_or_none, "all or none");
    assert!(closed > all_or_none + 0.1, "independence would be far too hopeful: {closed}, {all_or_none}");
    // In between, shared shaking lowers what independence promises.
    let region = scenario(&sites(10), &spread(10), Residuals::default());
    let (drawn_worth, closed) = worth(&region, &drawn(&region), &placement);
    assert!(drawn_worth.expected < closed - drawn_worth.error, "{} ± {}, {closed}", drawn_worth.expected, drawn_worth.error);
}

#[test]
fn with_everything_shared_all_are_lost_together() {
    let same = vec![spread(3)[2]; 8];
    let residuals = Residuals { range: Range { km: f64::INFINITY }, alike: 1.0, ..Residuals::default() };
    let scenario = scenario(&sites(8), &same, residuals);
    let outcomes = drawn(&scenario);
    for site in 1..8 {
        assert_eq!(outcomes.lost(site), outcomes.lost(0), "site {site}");
    }
    // Worked out here once more: the median at 11.1 km, and all deviations in one.
    let median = rupture().pgv_cm_s(same[0].place).ln();
    let sigma = (rupture().sigma_log10(same[0].place) * LN_10).hypot(0.5);
    let exact = 0.5 * libm::erfc(-(median - 4.0) / sigma / 2.0_f64.sqrt());
    assert!((scenario.damage()[0] - exact).abs() < 1e-12);
    agrees(all_lost(&outcomes, &(0..8).collect::<Vec<_>>()), exact, "all");
}

/// Two sites that are each destroyed with probability 1/2 are destroyed together with 1/4 + asin(ρ) / 2π.
#[test]
fn in_between_joint_losses_are_those_of_a_bivariate_normal() {
    const MANY: usize = 200_000;
    let (sigma, zeta) = (0.25, 0.1);
    for (km, between_share, alike) in [(40.7, 0.25, 0.0), (8.5, 0.0, 0.0), (8.5, 0.6, 1.0)] {
        let mut grounds = spread(2);
        for ground in &mut grounds {
            ground.curve = Curve::LnPgv { lambda: 4.0, zeta };
            ground.amplification = 4.0_f64.exp() / rupture().pgv_cm_s(ground.place);
        }
        let residuals = Residuals { sigma_log10: Some(sigma), between_share, range: Range { km }, alike };
        let scenario = scenario(&sites(2), &grounds, residuals);
        assert!(scenario.damage().iter().all(|p| (p - 0.5).abs() < 1e-12));
        let (shaking, strength) = ((sigma * LN_10).powi(2), zeta * zeta);
        let near = (-3.0 * grounds[0].place.distance_km(grounds[1].place) / km).exp();
        let shared = shaking * (between_share + (1.0 - between_share) * near) + strength * alike;
        let exact = 0.25 + (shared / (shaking + strength)).asin() / (2.0 * PI);
        let found = all_lost(&drawn_times(&scenario, MANY), &[0, 1]);
        agrees_in(MANY, found, exact, &format!("{km} km, {between_share} between, alike {alike}"));
    }
}

#[test]
fn each_site_alone_is_lost_as_often_as_its_function_says() {
    let mut grounds = spread(12);
    for ground in &mut grounds {
        ground.curve = Curve::LnPgv { lambda: 4.2, zeta: 0.1 };
    }
    let scenario = scenario(&sites(12), &grounds, Residuals { between_share: 0.4, ..Residuals::default() });
    let (outcomes, p) = (drawn(&scenario), scenario.damage());
    assert!(p[0] > 0.1 && p[0] < 0.4 && p[11] < 0.01, "{p:?}");
    for (site, p) in p.into_iter().enumerate() {
        agrees(all_lost(&outcomes, &[site]), p, &format!("site {site}"));
    }
}

#[test]
fn a_cause_that_takes_a_group_is_the_group_as_one_host() {
    let as_host: Vec<Site> =
        (0..6).map(|id| site(id, if id < 4 { "building" } else { "" }, if id < 4 { 0.3 } else { 0.1 })).collect();
    let as_group: Vec<Site> = (0..6).map(|id| site(id, "", if id < 4 { 0.0 } else { 0.1 })).collect();
    let cause = SharedCause { name: "zone".to_owned(), probability: 0.3, sites: vec![0, 1, 2, 3] };
    let freely = |sites: &[Site], causes: &[SharedCause], seed| {
        sample::draw(&LossModel::new(sites, causes).unwrap(), None, DRAWS, seed).unwrap()
    };
    let by_host = freely(&as_host, &[], 5);
    let by_cause = freely(&as_group, std::slice::from_ref(&cause), 6);
    for outcomes in [&by_host, &by_cause] {
        for site in 1..4 {
            assert_eq!(outcomes.lost(site), outcomes.lost(0));
        }
        agrees(all_lost(outcomes, &[0, 1, 2, 3]), 0.3, "the group");
        agrees(all_lost(outcomes, &[0, 5]), 0.03, "one of the group and another");
    }
    // In an earthquake too: a building's sites fall together, and a cause that takes one of them takes all.
    let one = SharedCause { sites: vec![2], probability: 1.0, ..cause };
    let shaken = scenario(&as_host, &spread(6), Residuals::default());
    let outcomes = drawn(&shaken);
    assert_eq!(outcomes.lost(3), outcomes.lost(0));
    assert_ne!(outcomes.lost(5), outcomes.lost(0));
    let taken = shaken.with_causes(&as_host, &[one]);
    assert_eq!(taken.damage()[..4], [1.0; 4]);
    agrees(all_lost(&drawn(&taken), &[0, 1, 2, 3]), 1.0, "taken");
}
