//! Prices that a good plan implies: where pricing begins.
//!
//! If each holder's guests chose it at these prices, the price falls along rising risk as steeply as the guests would suffer from it: dμ/dx = −(loss
//! of a guest's patient per unit of the holder's risk). Holders with room to spare cost nothing.

use crate::availability::real;
use crate::placement::losses::Losses;
use crate::placement::problem::Problem;

/// The prices of all holders.
pub(super) fn implied(problem: &Problem, losses: &Losses<'_>, plan: &[Vec<usize>]) -> Vec<f64> {
    let sites = problem.sites();
    let risk: Vec<f64> = (0..sites).map(|site| losses.of(site, &[])).collect();
    // For each holder, its guests' patients and what they lose, summed.
    let mut guests = vec![(0.0, 0.0); sites];
    for (site, list) in plan.iter().enumerate() {
        let (patients, loss) = (real(problem.patients[site]), losses.of(site, list));
        for holder in list {
            guests[*holder].0 += patients;
            guests[*holder].1 += patients * loss;
        }
    }
    let largest = problem.patients.iter().max().copied().unwrap_or(0);
    let room = problem.room(plan);
    let mut order: Vec<usize> = (0..sites).collect();
    order.sort_by(|a, b| risk[*a].total_cmp(&risk[*b]).then(a.cmp(b)));
    let is_spare = |holder: &usize| guests[*holder].0 <= 0.0 && room[*holder] >= largest;
    let free_from = order.iter().position(is_spare).unwrap_or(sites);
    let mut prices = vec![0.0; sites];
    for pair in (1..free_from.min(sites - 1) + 1).rev() {
        let (low, high) = (order[pair - 1], order[pair]);
        let (patients, loss) = if guests[low].0 > 0.0 { guests[low] } else { guests[high] };
        let slope = if patients > 0.0 && risk[low] > 0.0 { loss / patients / risk[low] } else { 0.0 };
        prices[low] = prices[high] + slope * (risk[high] - risk[low]);
    }
    prices
}
