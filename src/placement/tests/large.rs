//! The way of large regions, taken in small ones where every placement can be tried.

use super::*;
use crate::availability::AvailabilityError;

/// Probabilities as they come, and those at the edges.
fn damage() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => 0.01..0.99_f64,
        1 => prop::sample::select(vec![0.0, 1e-12, 1e-6, 0.5, 1.0 - 1e-6, 1.0 - 1e-12, 1.0]),
        1 => 1e-4..0.02_f64,
        1 => 0.98..0.9999_f64,
    ]
}

/// Damage, patients, capacity if any, host.
type Drawn = (f64, u64, Option<u64>, usize);

fn regions() -> impl Strategy<Value = (Vec<Drawn>, f64, Option<f64>, Option<usize>)> {
    let site = (damage(), 1_u64..6, prop::option::weighted(0.3, 1_u64..20), 0_usize..4);
    (prop::collection::vec(site, 4..=7), prop::sample::select(vec![1.0, 1.5, 2.0, 2.5, 3.0])).prop_flat_map(
        |(sites, budget)| {
            let many = sites.len();
            (Just(sites), Just(budget), prop::option::of(1.0..3.0_f64), prop::option::weighted(0.85, 0..=many))
        },
    )
}

/// The region; hosts are shared only where no number of losses is given, as in large regions.
fn made(drawn: &[Drawn], lost: Option<usize>) -> Vec<Site> {
    let mut sites = region(&drawn.iter().map(|(damage, patients, ..)| (*damage, *patients)).collect::<Vec<_>>());
    for (site, (.., capacity, host)) in sites.iter_mut().zip(drawn) {
        site.capacity = *capacity;
        if lost.is_none() && *host < 2 {
            site.host = format!("shared {host}");
        }
    }
    sites
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn products_bound_what_is_best_and_reach_no_more((drawn, budget, factor, lost) in regions()) {
        // Sets of four are many: fewer sites have them.
        let sites = made(&drawn[..if budget > 2.0 { drawn.len().min(5) } else { drawn.len() }], lost);
        let wish = wish(budget, factor);
        let Some((_, model, problem)) = problem_of(&sites, &wish) else { return Ok(()) };
        let joint = match JointLoss::new(&model, lost) {
            Err(AvailabilityError::Impossible { .. }) => return Ok(()),
            joint => joint.unwrap(),
        };
        let host = problem.host.clone();
        let exactly = Losses::Joint { joint: &joint, host };
        let Some(best) = exhaustive::best(&problem, &exactly) else { return Ok(()) };
        let best = exactly.total(&problem, &best);
        // As in large regions: all pairs where one alternate is the most, else products.
        let products = match problem.most {
            0 | 1 => Losses::of_joint(&problem, &model, &joint, lost),
            _ => Losses::of_product(&problem, &joint, lost.is_none()),
        };
        let Ok(found) = by_search(&problem, &products) else { return Ok(()) };
        let slack = 1e-9 * problem.patients_all();
        let worth = exactly.total(&problem, &found.alternates);
        prop_assert!(found.loss_least <= best + slack, "bound {} above the best {best}", found.loss_least);
        prop_assert!(worth >= best - slack, "{worth} below the best {best}");
    }
}
