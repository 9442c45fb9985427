//! The points that a cheapest pair can be made of: layers of the lower convex hull of (risk, price).

/// Layers that are kept: the best pair, without one site, lies in the first three.
const LAYERS: usize = 3;

/// Points of the first layers, cheapest price first. `points`: risk in rising order, price, holder.
pub(super) fn layers(points: &[(f64, f64, usize)]) -> Vec<(f64, f64, usize)> {
    let mut rest: Vec<(f64, f64, usize)> = points.to_vec();
    let mut kept = Vec::new();
    for _ in 0..LAYERS {
        let hull = hull(&rest);
        if hull.is_empty() {
            break;
        }
        kept.extend(hull.iter().map(|at| rest[*at]));
        let mut next = hull.iter().copied().peekable();
        rest = rest.iter().enumerate().filter(|(at, _)| next.next_if_eq(at).is_none()).map(|(_, point)| *point).collect();
    }
    kept.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.total_cmp(&b.0)).then(a.2.cmp(&b.2)));
    kept
}

/// The points of the lower left hull, in rising risk: where some positive slope · risk + price is least.
fn hull(points: &[(f64, f64, usize)]) -> Vec<usize> {
    let mut hull: Vec<usize> = Vec::new();
    for (at, point) in points.iter().enumerate() {
        // A point with no lower price than one of lower risk is never needed.
        if hull.last().is_some_and(|last| point.1 >= points[*last].1) {
            continue;
        }
        if hull.last().is_some_and(|last| points[*last].0 >= point.0) {
            hull.pop();
        }
        while let [.., before, last] = hull[..] {
            let (a, b) = (points[before], points[last]);
            let turn = (b.0 - a.0) * (point.1 - a.1) - (b.1 - a.1) * (point.0 - a.0);
            if turn > 0.0 {
                break;
            }
            hull.pop();
        }
        hull.push(at);
    }
    hull
}

/// The pair with the least slope · risk · risk + price + price, without `site`; `layers` cheapest first.
pub(super) fn best_pair(layers: &[(f64, f64, usize)], site: usize, slope: f64) -> (f64, Option<[usize; 2]>) {
    let mut best = (f64::INFINITY, None);
    for (at, a) in layers.iter().enumerate().filter(|(_, a)| a.2 != site) {
        if 2.0 * a.1 >= best.0 {
            break;
        }
        for b in layers[at + 1..].iter().filter(|b| b.2 != site) {
            if a.1 + b.1 >= best.0 {
                break;
            }
            let cost = slope * a.0 * b.0 + a.1 + b.1;
            if cost < best.0 {
                best = (cost, Some([a.2, b.2]));
            }
        }
    }
    best
}
