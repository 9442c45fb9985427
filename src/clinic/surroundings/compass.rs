//! How far and in which direction one place lies from another: for people who walk.

use crate::region::payload::Position;
use crate::risk::Place;

/// One of eight directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// North.
    North,
    /// North-east.
    NorthEast,
    /// East.
    East,
    /// South-east.
    SouthEast,
    /// South.
    South,
    /// South-west.
    SouthWest,
    /// West.
    West,
    /// North-west.
    NorthWest,
}

/// In the order of the compass, from north by east.
const ROUND: [Direction; 8] = [
    Direction::North,
    Direction::NorthEast,
    Direction::East,
    Direction::SouthEast,
    Direction::South,
    Direction::SouthWest,
    Direction::West,
    Direction::NorthWest,
];

/// Metres as the crow flies.
pub fn distance_m(from: Position, to: Position) -> u64 {
    whole((place(from).distance_km(place(to)) * 1000.0).round())
}

/// The direction in which one sets out.
pub fn direction(from: Position, to: Position) -> Direction {
    let (from, to) = (place(from), place(to));
    let (lat, to_lat, by_lon) = (from.lat.to_radians(), to.lat.to_radians(), (to.lon - from.lon).to_radians());
    let east = libm::sin(by_lon) * libm::cos(to_lat);
    let north = libm::cos(lat) * libm::sin(to_lat) - libm::sin(lat) * libm::cos(to_lat) * libm::cos(by_lon);
    let eighths = (libm::atan2(east, north).to_degrees() / 45.0).round().rem_euclid(8.0);
    let place = usize::try_from(whole(eighths)).unwrap_or(0);
    ROUND.get(place).copied().unwrap_or(Direction::North)
}

fn place(position: Position) -> Place {
    let degrees = |udeg: i32| f64::from(udeg) / 1e6;
    Place { lat: degrees(position.lat_udeg), lon: degrees(position.lon_udeg) }
}

/// Of a whole number that is not negative, and far below 2^53.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "no more than half of the earth in metres, never negative"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(lat: f64, lon: f64) -> Position {
        #[expect(clippy::cast_possible_truncation, reason = "degrees in millionths fit")]
        let udeg = |degrees: f64| (degrees * 1e6).round() as i32;
        Position { lat_udeg: udeg(lat), lon_udeg: udeg(lon) }
    }

    #[test]
    fn known_ways() {
        // Kochi castle to Kochi station, about 1.3 km to the north-east; Tokyo to Osaka, about 400 km to the west.
        let (castle, station) = (at(33.5607, 133.5315), at(33.5670, 133.5436));
        assert_eq!(direction(castle, station), Direction::NorthEast);
        assert!((1_200..1_500).contains(&distance_m(castle, station)), "{}", distance_m(castle, station));
        let (tokyo, osaka) = (at(35.6812, 139.7671), at(34.7025, 135.4959));
        assert_eq!(direction(tokyo, osaka), Direction::West);
        assert!((395_000..410_000).contains(&distance_m(tokyo, osaka)));
        assert_eq!((distance_m(castle, castle), direction(castle, castle)), (0, Direction::North));
    }

    proptest! {
        #[test]
        fn nearby_the_way_back_is_the_opposite(lat in 30.0..45.0_f64, lon in 130.0..145.0_f64, by in 0..8_usize) {
            let (north, east) = [(1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (-1.0, 1.0), (-1.0, 0.0), (-1.0, -1.0), (0.0, -1.0), (1.0, -1.0)][by];
            let (from, to) = (at(lat, lon), at(lat + north * 0.01, lon + east * 0.01 / lat.to_radians().cos()));
            prop_assert_eq!(direction(from, to), ROUND[by]);
            prop_assert_eq!(direction(to, from), ROUND[(by + 4) % 8]);
            prop_assert_eq!(distance_m(from, to), distance_m(to, from));
        }
    }
}
