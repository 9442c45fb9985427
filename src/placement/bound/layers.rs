//! The points that a cheapest pair can be made of: layers of the lower convex hull of (risk, price).

/// Layers that are kept: the best pair, without one site, lies in the first three.
const LAYERS: usize = 3;

/// A point: risk, price, holder.
pub(super) type Point = (f64, f64, usize);

/// The first layers, each in rising risk. `points` in rising risk.
pub(super) fn layers(points: &[Point]) -> Vec<Vec<Point>> {
    let mut rest: Vec<Point> = points.to_vec();
    let mut kept = Vec::new();
    for _ in 0..LAYERS {
        let hull = hull(&rest);
        if hull.is_empty() {
            break;
        }
        kept.push(hull.iter().map(|at| rest[*at]).collect());
        let mut next = hull.iter().copied().peekable();
        rest = rest.iter().enumerate().filter(|(at, _)| next.next_if_eq(at).is_none()).map(|(_, point)| *point).collect();
    }
    kept
}

/// The points of the lower left hull, in rising risk: where some positive slope · risk + price is least.
fn hull(points: &[Point]) -> Vec<usize> {
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

/// The pair with the least slope · risk · risk + price + price, without `site`.
///
/// For one of the two given, cost falls and then rises along each layer, and the lowest point moves one way as the given one's risk rises.
pub(super) fn best_pair(layers: &[Vec<Point>], site: usize, slope: f64) -> (f64, Option<[usize; 2]>) {
    let mut best = (f64::INFINITY, None);
    for given in layers {
        for layer in layers {
            let mut lowest = layer.len() - 1;
            for b in given.iter().filter(|b| b.2 != site) {
                let cost = |at: usize| slope * b.0 * layer[at].0 + layer[at].1;
                while lowest > 0 && cost(lowest - 1) <= cost(lowest) {
                    lowest -= 1;
                }
                // Two may be taken away: b and the site itself.
                for a in &layer[lowest.saturating_sub(2)..(lowest + 3).min(layer.len())] {
                    let both = slope * b.0 * a.0 + a.1 + b.1;
                    if a.2 != site && a.2 != b.2 && both < best.0 {
                        best = (both, Some([a.2, b.2]));
                    }
                }
            }
        }
    }
    best
}
