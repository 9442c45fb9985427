//! Cells of the Japanese grid (JIS X 0410), divided down to 250 m, and the places they cover.
//!
//! Ours rather than a crate's: of those that exist, the one that is right at every corner of a cell calls itself unfinished, and the others take
//! most south-west corners for a neighbour's, since `lon - 100` is not exact in binary. Corners are just what people's files hold.

use super::Place;
use std::fmt;

/// Cells of 250 m in a degree of latitude (7.5″ each) and of longitude (11.25″ each).
const CELLS_NORTH: f64 = 480.0;
const CELLS_EAST: f64 = 320.0;
/// The grid begins at 0° north, 100° east and its first number has two digits: 66°40′ north, 200° east.
const NORTH_CELLS_MAX: f64 = 100.0 * 320.0;
const EAST_CELLS_MAX: f64 = 100.0 * 320.0;
/// How close to an edge, in cells, counts as on it: a quarter of a millimetre, far above rounding, far below surveying.
const EDGE: f64 = 1e-6;

/// A cell of 250 m, by its ten digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mesh(u64);

impl Mesh {
    /// The cell that a place lies in; a cell has its south and west edges, not its north and east ones. `None` outside the grid.
    #[must_use]
    pub fn at(place: Place) -> Option<Self> {
        let north = cell(place.lat * CELLS_NORTH, NORTH_CELLS_MAX)?;
        let east = cell((place.lon - 100.0) * CELLS_EAST, EAST_CELLS_MAX)?;
        let quarter = |step: u64| 1 + 2 * (north / step % 2) + east / step % 2;
        let first = north / 320 * 100 + east / 320;
        let second = north / 40 % 8 * 10 + east / 40 % 8;
        let third = north / 4 % 10 * 10 + east / 4 % 10;
        Some(Self(((first * 100 + second) * 100 + third) * 100 + quarter(2) * 10 + quarter(1)))
    }

    /// A cell from its ten digits; `None` where they are not a code of a 250 m cell.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mesh = Self(text.parse().ok()?);
        let are_eighths = mesh.digit(5) < 8 && mesh.digit(4) < 8;
        let are_quarters = (1..=4).contains(&mesh.digit(1)) && (1..=4).contains(&mesh.digit(0));
        (are_eighths && are_quarters).then_some(mesh)
    }

    /// The digit at a power of ten.
    fn digit(self, power: u32) -> u64 {
        self.0 / 10_u64.pow(power) % 10
    }

    /// Cells of 250 m north of the equator and east of 100°.
    fn cells(self) -> (u64, u64) {
        let (half, quarter) = (self.digit(1) - 1, self.digit(0) - 1);
        let north = self.0 / 100_000_000 * 320 + self.digit(5) * 40 + self.digit(3) * 4 + half / 2 * 2 + quarter / 2;
        let east = self.0 / 1_000_000 % 100 * 320 + self.digit(4) * 40 + self.digit(2) * 4 + half % 2 * 2 + quarter % 2;
        (north, east)
    }

    /// Its south-west corner.
    #[must_use]
    pub fn south_west(self) -> Place {
        self.inner(0.0)
    }

    /// Its middle.
    #[must_use]
    pub fn middle(self) -> Place {
        self.inner(0.5)
    }

    #[allow(clippy::cast_precision_loss, reason = "cells are counted to 32,000")]
    fn inner(self, share: f64) -> Place {
        let (north, east) = self.cells();
        Place { lat: (north as f64 + share) / CELLS_NORTH, lon: 100.0 + (east as f64 + share) / CELLS_EAST }
    }
}

/// The whole cells in a distance.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie within 0 and 32,000")]
fn cell(distance: f64, max: f64) -> Option<u64> {
    let whole = libm::floor(distance + EDGE);
    (0.0..max).contains(&whole).then_some(whole as u64)
}

impl fmt::Display for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(lat: f64, lon: f64) -> String {
        Mesh::at(Place { lat, lon }).unwrap().to_string()
    }

    #[test]
    fn known_places_have_their_codes() {
        assert_eq!(code(33.5902, 130.4207), "5030330343");
        assert_eq!(code(43.0686, 141.3508), "6441428811");
        assert_eq!(code(35.454, 139.638), "5339154113");
    }

    #[test]
    fn corners_and_middles_lie_in_their_own_cell() {
        for north in (14_400..22_000).step_by(7) {
            for east in (7_000..15_000).step_by(61) {
                let corner = Place { lat: f64::from(north) / 480.0, lon: 100.0 + f64::from(east) / 320.0 };
                let mesh = Mesh::at(corner).unwrap();
                assert_eq!(mesh.cells(), (north.try_into().unwrap(), east.try_into().unwrap()));
                assert_eq!((Mesh::at(mesh.south_west()), Mesh::at(mesh.middle())), (Some(mesh), Some(mesh)));
                assert_eq!(Mesh::parse(&mesh.to_string()), Some(mesh));
            }
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["", "503033034", "50303303433", "5030330353", "5030330340", "5030830343", "5030380343", "503033034x", "５"]
        {
            assert_eq!(Mesh::parse(text), None, "{text}");
        }
        for (lat, lon) in [(-1.0, 140.0), (35.0, 99.0), (70.0, 140.0), (35.0, -140.0), (f64::NAN, 140.0)] {
            assert_eq!(Mesh::at(Place { lat, lon }), None, "{lat} {lon}");
        }
    }
}
