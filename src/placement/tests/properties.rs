//! What holds of every plan: no baseline is better, nothing changed moves nobody, names mean nothing, extremes are paired.

use super::*;
use crate::risk::Place;

/// A region with places: damage, patients, and where.
fn placed(drawn: &[(f64, u64, f64, f64)]) -> Vec<Site> {
    let mut sites = region(&drawn.iter().map(|(damage, patients, ..)| (*damage, *patients)).collect::<Vec<_>>());
    for (site, (.., lat, lon)) in sites.iter_mut().zip(drawn) {
        site.place = Some(Place { lat: *lat, lon: *lon });
    }
    sites
}

fn places(sites: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<(f64, u64, f64, f64)>> {
    prop::collection::vec((0.01..0.95_f64, 1_u64..9, 38.0..38.5_f64, 140.0..140.5_f64), sites)
}

/// The region with just as much room everywhere as a baseline takes at its fullest holder.
fn with_room_of(sites: &[Site], baseline: &[Vec<usize>]) -> Vec<Site> {
    let mut load = vec![0; sites.len()];
    for (site, list) in baseline.iter().enumerate() {
        list.iter().for_each(|holder| load[*holder] += sites[site].patients);
    }
    let most = load.into_iter().max();
    sites.iter().map(|site| Site { capacity: most, ..site.clone() }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn no_baseline_is_better_under_its_own_capacities(drawn in places(5..=16), alternates in 1_usize..=2, seed in 0_u64..99) {
        let sites = placed(&drawn);
        let objective = Objective::GivenLost(sites.len() / 2);
        let model = LossModel::new(&sites, &[]).unwrap();
        let free = baselines::Rules::free(&sites, alternates);
        for baseline in [free.nearest().unwrap(), free.random(seed).unwrap()] {
            let sites = with_room_of(&sites, &baseline);
            let of_baseline = worth(&sites, &model, &objective, &baseline).unwrap();
            let found = plan(&sites, &[], &wish(crate::availability::real_len(alternates), None), &objective).unwrap();
            prop_assert!(found.value >= of_baseline - 1e-12, "{} below {of_baseline}", found.value);
        }
    }

    #[test]
    fn extremes_are_paired_whatever_the_risks(mut damage in prop::collection::vec(0.01..0.99_f64, 4..=14)) {
        if damage.len() % 2 == 1 {
            damage.pop();
        }
        let sites = region(&damage.iter().map(|damage| (*damage, 1)).collect::<Vec<_>>());
        let lost = sites.len() / 2;
        damage.sort_by(f64::total_cmp);
        let mut order: Vec<usize> = (0..sites.len()).collect();
        order.sort_by(|a, b| sites[*a].damage.total_cmp(&sites[*b].damage));
        // The safest with the most exposed, and so on: by the rearrangement inequality no one-to-one placement loses less, where losses are independent.
        let mut paired = vec![Vec::new(); sites.len()];
        order.iter().zip(order.iter().rev()).for_each(|(site, holder)| paired[*site] = vec![*holder]);
        let model = LossModel::new(&sites, &[]).unwrap();
        for objective in [Objective::Unconditional, Objective::GivenLost(lost)] {
            let found = plan(&sites, &[], &wish(1.0, Some(1.0)), &objective).unwrap();
            let known = worth(&sites, &model, &objective, &paired).unwrap();
            prop_assert!((found.value - known).abs() < 1e-12, "{objective:?}: {} is not {known}", found.value);
        }
    }
}

proptest! {
    // Each plan is a second's work without optimisation.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3) })]

    #[test]
    fn in_middling_regions_too_nothing_moves_and_names_mean_nothing(
        drawn in places(24..=60), alternates in prop::sample::select(vec![1.0, 1.5, 2.0]), factor in 1.6..3.0_f64, turn in 1_usize..20
    ) {
        let (sites, wish) = (placed(&drawn), wish(alternates, Some(factor)));
        let objective = Objective::GivenLost(sites.len() / 2);
        let Ok(first) = plan(&sites, &[], &wish, &objective) else { return Ok(()) };
        let again = Wish { in_force: Some(first.alternates.clone()), ..wish.clone() };
        let second = plan(&sites, &[], &again, &objective).unwrap();
        prop_assert_eq!((second.moved, &second.alternates), (0, &first.alternates));
        // The same sites, in another order and under other names.
        let mut turned = sites.clone();
        turned.rotate_left(turn);
        let many = sites.len();
        turned.iter_mut().enumerate().for_each(|(at, site)| site.id = format!("x{}", (at * 7) % many));
        turned.iter_mut().enumerate().for_each(|(at, site)| site.host = format!("h{at}"));
        let third = plan(&turned, &[], &wish, &objective).unwrap();
        let back: Vec<Vec<usize>> = (0..many)
            .map(|site| {
                let mut list: Vec<usize> = third.alternates[(site + many - turn) % many].iter().map(|h| (h + turn) % many).collect();
                list.sort_unstable();
                list
            })
            .collect();
        prop_assert_eq!(&back, &first.alternates);
    }
}
