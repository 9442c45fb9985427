//! Within-event residuals that are alike at near places: ρ = exp(−3h/b), drawn through a Cholesky factor.
//!
//! The factor is our own: packed rows and dot products, thirty lines, against a linear-algebra crate for one call. It takes n³/6 multiplications
//! once and n²/2 a draw, over places that differ; 4n² bytes: 1.5 MB for 600 places, 36 MB for 3,000.

use super::Place;

/// How far residuals are alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// b in ρ = exp(−3h/b), in kilometres: 0 for no correlation between places, infinite for one residual everywhere.
    pub km: f64,
}

/// Correlated residuals at some places.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// For each building, which residual is its own.
    residual_of: Vec<usize>,
    /// The factor's rows up to the diagonal, one after the other; none where residuals are independent.
    rows: Option<Vec<f64>>,
    residuals: usize,
}

impl Field {
    /// Factors the correlation of these places. Places that are the same share one residual. `report` hears how many rows are done, and of how many.
    #[must_use]
    pub fn new(places: &[Place], range: Range, report: &mut dyn FnMut(usize, usize)) -> Self {
        if range.km.is_infinite() {
            return Self { residual_of: vec![0; places.len()], rows: None, residuals: 1 };
        }
        let (distinct, residual_of) = distinct(places);
        let rows = (range.km > 0.0).then(|| factor(&distinct, range.km, report));
        Self { residual_of, rows, residuals: distinct.len() }
    }

    /// How many independent standard normal values a draw takes.
    #[must_use]
    pub fn residuals(&self) -> usize {
        self.residuals
    }

    /// Correlated standard normal residuals, one a building, from independent ones.
    #[must_use]
    pub fn correlate(&self, independent: &[f64]) -> Vec<f64> {
        let Some(rows) = &self.rows else {
            return self.residual_of.iter().map(|at| independent[*at]).collect();
        };
        let row = |at: usize| dot(&rows[start(at)..=start(at) + at], independent);
        let residuals: Vec<f64> = (0..self.residuals).map(row).collect();
        self.residual_of.iter().map(|at| residuals[*at]).collect()
    }
}

/// The places that differ, in the order of their first appearance, and which of them each place is.
fn distinct(places: &[Place]) -> (Vec<Place>, Vec<usize>) {
    let mut known = std::collections::BTreeMap::new();
    let mut distinct = Vec::new();
    let mut which = Vec::with_capacity(places.len());
    for place in places {
        // Adding 0 makes one of the two zeros.
        let at = *known.entry(((place.lat + 0.0).to_bits(), (place.lon + 0.0).to_bits())).or_insert(distinct.len());
        if at == distinct.len() {
            distinct.push(*place);
        }
        which.push(at);
    }
    (distinct, which)
}

/// Where a row begins in the packed triangle.
fn start(row: usize) -> usize {
    row * (row + 1) / 2
}

/// The lower factor L of the correlation matrix, L Lᵀ = C, row by row (Cholesky–Banachiewicz).
fn factor(places: &[Place], range_km: f64, report: &mut dyn FnMut(usize, usize)) -> Vec<f64> {
    let mut rows = Vec::with_capacity(start(places.len()));
    for (i, place) in places.iter().enumerate() {
        let begin = rows.len();
        for (j, other) in places[..i].iter().enumerate() {
            let correlation = libm::exp(-3.0 * place.distance_km(*other) / range_km);
            let rest = correlation - dot(&rows[begin..], &rows[start(j)..start(j) + j]);
            let pivot: f64 = rows[start(j) + j];
            // Places so near that rounding leaves the second nothing of its own.
            rows.push(if pivot > 0.0 { rest / pivot } else { 0.0 });
        }
        let own = 1.0 - dot(&rows[begin..], &rows[begin..]);
        rows.push(libm::sqrt(own.max(0.0)));
        report(i + 1, places.len());
    }
    rows
}

/// Sum of products over the shorter length, in four strands that are added in a fixed order, so that it is fast and the same everywhere.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (a, b) = (a[..length].chunks_exact(4), b[..length].chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    let mut strands = [0.0; 4];
    for (x, y) in a.zip(b) {
        for (strand, (x, y)) in strands.iter_mut().zip(x.iter().zip(y)) {
            *strand += x * y;
        }
    }
    (strands[0] + strands[1]) + (strands[2] + strands[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Vec<Place> {
        let place = |at: i32| Place { lat: 38.0 + f64::from(at / 5) * 0.02, lon: 140.0 + f64::from(at % 5) * 0.03 };
        (0..25).map(place).collect()
    }

    #[test]
    fn the_factor_gives_the_correlation_back() {
        let places = grid();
        for km in [8.5, 40.7] {
            let rows = factor(&places, km, &mut |_, _| {});
            for i in 0..places.len() {
                for j in 0..=i {
                    let product = dot(&rows[start(i)..=start(i) + i], &rows[start(j)..=start(j) + j]);
                    let wanted = libm::exp(-3.0 * places[i].distance_km(places[j]) / km);
                    assert!((product - wanted).abs() < 1e-12, "{i} {j}: {product} {wanted}");
                }
            }
        }
    }

    #[test]
    fn the_same_place_shares_and_the_two_limits_hold() {
        let mut places = grid();
        places.push(places[3]);
        let independent: Vec<f64> = (0..25).map(f64::from).collect();
        let near = Field::new(&places, Range { km: 40.7 }, &mut |_, _| {});
        assert_eq!(near.residuals(), 25);
        let drawn = near.correlate(&independent);
        assert_eq!(drawn[3].to_bits(), drawn[25].to_bits());
        let none = Field::new(&places, Range { km: 0.0 }, &mut |_, _| {}).correlate(&independent);
        assert_eq!(none[..25], independent[..]);
        let one = Field::new(&places, Range { km: f64::INFINITY }, &mut |_, _| {});
        assert_eq!((one.residuals(), one.correlate(&[0.5])), (1, vec![0.5; 26]));
    }
}
