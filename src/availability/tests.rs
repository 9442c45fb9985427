//! Each method against the others, and against patterns counted one by one.

use super::exact::JointLoss;
use super::*;
use crate::risk::Outcomes;
use proptest::prelude::*;

/// Sites with these probabilities, patients and hosts.
fn region(sites: &[(f64, u64, usize)]) -> Vec<Site> {
    let site = |(at, (damage, patients, host)): (usize, &(f64, u64, usize))| Site {
        id: format!("s{at}"),
        name: String::new(),
        place: None,
        patients: *patients,
        damage: *damage,
        host: format!("h{host}"),
        capacity: None,
    };
    sites.iter().enumerate().map(site).collect()
}

fn apart(damage: &[f64]) -> Vec<Site> {
    region(&damage.iter().enumerate().map(|(at, p)| (*p, 1, at)).collect::<Vec<_>>())
}

/// Rings: each site's alternates are the next ones.
fn ring(sites: usize, alternates: usize) -> Vec<Vec<usize>> {
    (0..sites).map(|s| (1..=alternates).map(|step| (s + step) % sites).collect()).collect()
}

/// Equations 5 and 6 as they stand: every combination of causes and units, one by one.
fn by_hand(model: &LossModel, lost: Option<usize>, holders: &Holders) -> Option<f64> {
    let (units, causes) = (model.units.len(), model.causes.len());
    let (mut total, mut sum) = (0.0, 0.0);
    for pattern in 0..1_usize << (units + causes) {
        let mut is_lost: Vec<bool> = (0..units).map(|u| pattern >> u & 1 == 1).collect();
        let mut p: f64 =
            model.units.iter().zip(&is_lost).map(|(u, lost)| if *lost { u.damage } else { 1.0 - u.damage }).product();
        for (c, cause) in model.causes.iter().enumerate() {
            let happens = pattern >> (units + c) & 1 == 1;
            p *= if happens { cause.probability } else { 1.0 - cause.probability };
            cause.units.iter().filter(|_| happens).for_each(|u| is_lost[*u] = true);
        }
        let count: usize = model.units.iter().zip(&is_lost).filter(|(_, lost)| **lost).map(|(u, _)| u.sites).sum();
        if lost.is_none_or(|k| k == count) {
            let gone = holders.sets().iter().filter(|(set, _)| set.iter().all(|u| is_lost[*u])).map(|(_, m)| m).sum::<u64>();
            (total, sum) = (total + p, sum + p * (1.0 - real(gone) / real(holders.patients())));
        }
    }
    (total > 0.0).then(|| sum / total)
}

fn probability() -> impl Strategy<Value = f64> {
    prop_oneof![8 => 0.0..=1.0_f64, 1 => Just(0.0), 1 => Just(1.0), 1 => Just(1e-12), 1 => Just(1.0 - 1e-12), 1 => Just(0.5)]
}

/// A small region with hosts of several sites, a cause, a placement and a number lost.
type Case = (Vec<Site>, Vec<SharedCause>, Vec<Vec<usize>>, usize);

fn case() -> impl Strategy<Value = Case> {
    (3_usize..=7).prop_flat_map(|n| {
        let sites = prop::collection::vec((probability(), 0_u64..5, 0..n), n);
        let placement = prop::collection::vec(prop::collection::btree_set(0..n, 0..=3), n);
        let causes = prop::collection::vec((probability(), prop::collection::btree_set(0..n, 1..=n)), 0..=2);
        (sites, causes, placement, 0..=n).prop_map(|(mut sites, causes, placement, lost)| {
            sites[0].1 += 1;
            let causes = causes.into_iter().map(|(probability, sites)| SharedCause {
                name: "c".to_owned(),
                probability,
                sites: sites.into_iter().collect(),
            });
            let alternates =
                |(s, set): (usize, std::collections::BTreeSet<usize>)| set.into_iter().filter(|a| *a != s).collect();
            (region(&sites), causes.collect(), placement.into_iter().enumerate().map(alternates).collect(), lost)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn closed_form_and_enumeration_are_what_counting_gives((sites, causes, placement, lost) in case()) {
        let model = LossModel::new(&sites, &causes).unwrap();
        let holders = Holders::new(&sites, &model, &placement).unwrap();
        for lost in [None, Some(lost)] {
            let exact = exact::expected(&model, lost, &holders);
            let enumerated = enumerate::enumerate(&model, lost, &holders);
            // A sum of 1e-12 to the sixth is there, but is not resolved by adding up probabilities: only the logarithms see it.
            if let Some(expected) = by_hand(&model, lost, &holders) {
                let (exact, enumerated) = (exact.unwrap(), enumerated.unwrap());
                prop_assert!((exact - expected).abs() < 1e-9, "exact {exact}, by hand {expected}");
                prop_assert!((enumerated.expected - expected).abs() < 1e-9, "{} by hand {expected}", enumerated.expected);
                let kept = expected_from_joint(&model, lost, &holders);
                prop_assert!((kept - expected).abs() < 1e-9, "kept {kept}, by hand {expected}");
            } else {
                prop_assert!(matches!(exact, Err(AvailabilityError::Impossible { .. })), "{exact:?}");
                prop_assert!(matches!(enumerated, Err(AvailabilityError::Impossible { .. })), "{enumerated:?}");
            }
        }
    }

    #[test]
    fn a_copy_more_never_harms_and_a_risk_more_never_helps(
        (sites, causes, placement, _) in case(), site in 0_usize..3, more in 0_usize..3, risk in 0.0..1.0_f64
    ) {
        let model = LossModel::new(&sites, &causes).unwrap();
        let value = |sites: &[Site], placement: &[Vec<usize>]| {
            let model = LossModel::new(sites, &causes).unwrap();
            exact::expected(&model, None, &Holders::new(sites, &model, placement).unwrap()).unwrap()
        };
        let before = exact::expected(&model, None, &Holders::new(&sites, &model, &placement).unwrap()).unwrap();
        let mut richer = placement.clone();
        if more != site && !richer[site].contains(&more) {
            richer[site].push(more);
        }
        prop_assert!(value(&sites, &richer) >= before - 1e-12);
        let mut riskier = sites.clone();
        riskier[site].damage = riskier[site].damage.max(risk);
        prop_assert!(value(&riskier, &placement) <= before + 1e-12);
    }

    #[test]
    fn names_and_order_change_nothing((sites, _, placement, lost) in case(), turn in 1_usize..7) {
        let n = sites.len();
        let to = |s: usize| (s + turn) % n;
        let (mut renamed, mut moved) = (sites.clone(), vec![Vec::new(); n]);
        for s in 0..n {
            renamed[to(s)] = Site { id: format!("other {s}"), host: format!("x{}", sites[s].host), ..sites[s].clone() };
            moved[to(s)] = placement[s].iter().map(|a| to(*a)).collect();
        }
        let value = |sites: &[Site], placement: &[Vec<usize>]| {
            let model = LossModel::new(sites, &[]).unwrap();
            exact::expected(&model, Some(lost), &Holders::new(sites, &model, placement).unwrap()).ok()
        };
        match (value(&sites, &placement), value(&renamed, &moved)) {
            (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-9),
            (a, b) => prop_assert_eq!(a, b),
        }
    }
}

fn expected_from_joint(model: &LossModel, lost: Option<usize>, holders: &Holders) -> f64 {
    exact::expected_from(&JointLoss::new(model, lost).unwrap(), holders)
}

#[test]
fn equal_risks_give_the_known_numbers_by_all_methods_whatever_the_placement() {
    for (alternates, known) in [(1, 0.760_869_565_217_391_3), (2, 0.891_304_347_826_087), (3, 0.953_416_149_068_323)] {
        for (damage, step) in [(0.5, 1), (0.013, 5), (1.0 - 1e-12, 7)] {
            let sites = apart(&[damage; 24]);
            let model = LossModel::new(&sites, &[]).unwrap();
            let placement: Vec<Vec<usize>> = (0..24).map(|s| (1..=alternates).map(|a| (s + a * step) % 24).collect()).collect();
            let holders = Holders::new(&sites, &model, &placement).unwrap();
            let exact = exact::expected(&model, Some(12), &holders).unwrap();
            assert!((exact - known).abs() < 1e-12, "{exact} {known}");
            let enumerated = enumerate::enumerate(&model, Some(12), &holders).unwrap();
            assert_eq!(enumerated.patterns, 2_704_156);
            assert!((enumerated.expected - known).abs() < 1e-12, "{} {known}", enumerated.expected);
            let drawn = sample::draw(&model, Some(12), 20_000, 3).unwrap();
            let sampled = events::evaluate(&model, &holders, &drawn);
            // Nine draws, each a fixed seed: within twice the 95 % half-width.
            assert!((sampled.expected - known).abs() < 2.0 * sampled.error, "{} ± {}", sampled.expected, sampled.error);
        }
    }
}

#[test]
fn thousands_of_sites_of_every_risk_stay_finite_and_right() {
    let spread = |n: usize| (0..n).map(|s| [1e-12, 1.0 - 1e-12, 0.5, 0.07, 0.3, 0.9][s % 6]).collect::<Vec<f64>>();
    let sites = apart(&spread(1200));
    let model = LossModel::new(&sites, &[]).unwrap();
    let holders = Holders::new(&sites, &model, &ring(1200, 2)).unwrap();
    for lost in [0, 1, 599, 600, 601, 1199, 1200] {
        let value = exact::expected(&model, Some(lost), &holders).unwrap();
        assert!((0.0..=1.0).contains(&value), "{lost}: {value}");
    }
    assert!((exact::expected(&model, Some(0), &holders).unwrap() - 1.0).abs() < 1e-12);
    assert!(exact::expected(&model, Some(1200), &holders).unwrap().abs() < 1e-12);
    // Equal risks: k (k−1) (k−2) / (n (n−1) (n−2)) are lost, however small p.
    for damage in [1e-12, 0.3, 1.0 - 1e-12] {
        let sites = apart(&[damage; 1200]);
        let model = LossModel::new(&sites, &[]).unwrap();
        let holders = Holders::new(&sites, &model, &ring(1200, 2)).unwrap();
        let value = exact::expected(&model, Some(600), &holders).unwrap();
        let known = 1.0 - 600.0 * 599.0 * 598.0 / (1200.0 * 1199.0 * 1198.0);
        assert!((value - known).abs() < 1e-9, "{damage}: {value} {known}");
    }
}

#[test]
fn a_condition_far_in_the_tail_is_resolved() {
    // Twelve very safe and twelve very exposed sites, half lost: the exposed ones, all but surely. A pair of the safe is lost in 1e-24 of cases.
    let damage: Vec<f64> = (0..24).map(|s| if s < 12 { 1e-12 } else { 1.0 - 1e-12 }).collect();
    let model = LossModel::new(&apart(&damage), &[]).unwrap();
    let joint = JointLoss::new(&model, Some(12)).unwrap();
    assert!((joint.of(&[12, 13]) - 1.0).abs() < 1e-9);
    assert!(joint.of(&[0, 1]) < 1e-15);
    // A host of ten and a lone site, one lost: the host stands, however unlikely that was.
    let sites = region(&[vec![(1.0 - 1e-12, 1, 0); 10], vec![(1e-12, 1, 1)]].concat());
    let model = LossModel::new(&sites, &[]).unwrap();
    let joint = JointLoss::new(&model, Some(1)).unwrap();
    assert!((joint.of(&[1]) - 1.0).abs() < 1e-9 && joint.of(&[0]) < 1e-9, "{} {}", joint.of(&[1]), joint.of(&[0]));
}

#[test]
fn what_cannot_happen_is_said() {
    let sites = apart(&[0.0, 1.0, 0.5, 0.5]);
    let model = LossModel::new(&sites, &[]).unwrap();
    let holders = Holders::new(&sites, &model, &ring(4, 1)).unwrap();
    for lost in [0, 4, 9] {
        let error = exact::expected(&model, Some(lost), &holders).unwrap_err();
        assert_eq!(error, AvailabilityError::Impossible { lost, surely: 1, never: 1, sites: 4, most: 3 });
        assert!(error.to_string().contains("choose a number from 1 to 3"), "{error}");
        assert_eq!(enumerate::enumerate(&model, Some(lost), &holders).unwrap_err(), error);
        assert_eq!(sample::draw(&model, Some(lost), 10, 1).unwrap_err(), error);
    }
    let pairs = region(&[(0.5, 1, 0), (0.5, 1, 0), (0.5, 1, 1), (0.5, 1, 1)]);
    let model = LossModel::new(&pairs, &[]).unwrap();
    let holders = Holders::new(&pairs, &model, &ring(4, 1)).unwrap();
    assert!(exact::expected(&model, Some(1), &holders).is_err(), "hosts of two fall together");
}

#[test]
fn a_group_lost_together_is_a_host() {
    let alone = |host: usize| region(&[(0.0, 3, 0), (0.0, 1, host), (0.2, 2, 2), (0.4, 1, 3)]);
    let as_cause =
        LossModel::new(&alone(1), &[SharedCause { name: "zone".to_owned(), probability: 0.3, sites: vec![0, 1] }]).unwrap();
    let sites = region(&[(0.3, 3, 0), (0.3, 1, 0), (0.2, 2, 2), (0.4, 1, 3)]);
    let as_host = LossModel::new(&sites, &[]).unwrap();
    let placement = vec![vec![1, 2], vec![0], vec![3], vec![1]];
    for lost in [None, Some(1), Some(2), Some(3)] {
        let a = exact::expected(&as_cause, lost, &Holders::new(&alone(1), &as_cause, &placement).unwrap()).unwrap();
        let b = exact::expected(&as_host, lost, &Holders::new(&sites, &as_host, &placement).unwrap()).unwrap();
        assert!((a - b).abs() < 1e-12, "{lost:?}: {a} {b}");
        let drawn = sample::draw(&as_cause, lost, 20_000, 5).unwrap();
        let sampled = events::evaluate(&as_cause, &Holders::new(&alone(1), &as_cause, &placement).unwrap(), &drawn);
        assert!((a - sampled.expected).abs() <= 2.0 * sampled.error, "{lost:?}: {a} {} ± {}", sampled.expected, sampled.error);
    }
}

#[test]
fn unequal_patients_are_put_into_classes_without_losing_the_mean() {
    let many: Vec<(f64, u64, usize)> = (0..12).map(|s| (0.05 + 0.06 * s as f64, 1_000_003 + 7_919 * s as u64, s)).collect();
    let sites = region(&many);
    let model = LossModel::new(&sites, &[]).unwrap();
    let holders = Holders::new(&sites, &model, &ring(12, 1)).unwrap();
    let (found, exact) =
        (enumerate::enumerate(&model, Some(6), &holders).unwrap(), exact::expected(&model, Some(6), &holders).unwrap());
    assert!((found.expected - exact).abs() < 1e-9, "{} {exact}", found.expected);
    assert!(found.minimum <= found.distribution.worst5() && found.distribution.worst5() <= found.expected);
}

#[test]
fn drawn_outcomes_say_what_was_drawn() {
    let sites = apart(&[0.5; 3]);
    let model = LossModel::new(&sites, &[]).unwrap();
    let holders = Holders::new(&sites, &model, &ring(3, 1)).unwrap();
    let mut outcomes = Outcomes::nothing_lost(3, 100);
    for draw in 0..10 {
        outcomes.lose(0, draw);
        outcomes.lose(1, draw);
    }
    (0..2).for_each(|draw| outcomes.lose(2, draw));
    let found = events::evaluate(&model, &holders, &outcomes);
    // Two draws lose all three, eight lose the first site and its alternate.
    assert!((found.expected - (1.0 - (2.0 + 8.0 / 3.0) / 100.0)).abs() < 1e-12);
    assert!((found.distribution.worst5() - (2.0 * 0.0 + 3.0 * 2.0 / 3.0) / 5.0).abs() < 1e-12);
}

#[test]
fn distances_follow_who_survives() {
    let mut sites = apart(&[0.5, 0.0, 0.0]);
    for (site, lon) in sites.iter_mut().zip([140.0, 140.02, 140.2]) {
        site.place = Some(crate::risk::Place { lat: 38.0, lon });
    }
    let model = LossModel::new(&sites, &[]).unwrap();
    let joint = JointLoss::new(&model, None).unwrap();
    let found = distances::distances(&sites, &model, &[vec![1, 2], vec![], vec![]], &joint).unwrap();
    // One patient of three walks 1.75 km in half of the cases; the third site is never needed.
    assert!(found.median_km.abs() < 1e-9 && (found.p95_km - 1.75).abs() < 0.01, "{found:?}");
    assert!((found.within[0] - 5.0 / 6.0).abs() < 1e-9 && (found.within[1] - 1.0).abs() < 1e-9, "{found:?}");
}
