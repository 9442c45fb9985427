//! Ground motion of a rupture at a place: Si & Midorikawa 1999, peak ground velocity.
//!
//! Source: Si, H. and Midorikawa, S. (1999), new attenuation relationships for peak ground acceleration and velocity considering effects of
//! fault type and site condition; the form that takes the shortest distance to the fault.

use super::Place;
use std::f64::consts::LN_10;

/// Where the formula stops growing with magnitude.
const MAGNITUDE_MAX: f64 = 8.3;
/// From ground with Vs 600 m/s, which the formula gives, to the engineering bedrock with Vs 400 m/s.
const TO_VS_400: f64 = 1.41;

/// What kind of earthquake a rupture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuptureKind {
    /// Within the crust.
    Crustal,
    /// Between the plates.
    Interface,
    /// Within the sinking plate.
    Intraslab,
}

impl RuptureKind {
    /// The kind by its name in files and options.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "crustal" => Some(Self::Crustal),
            "interface" => Some(Self::Interface),
            "intraslab" => Some(Self::Intraslab),
            _ => None,
        }
    }

    fn term(self) -> f64 {
        match self {
            Self::Crustal => 0.0,
            Self::Interface => -0.02,
            Self::Intraslab => 0.12,
        }
    }
}

/// An earthquake that may come.
#[derive(Debug, Clone, PartialEq)]
pub struct Rupture {
    /// What people call it.
    pub name: String,
    /// How often, relative to the others of its set: events a year, or any other unit that is the same for all.
    pub rate: f64,
    /// Moment magnitude.
    pub magnitude: f64,
    /// Depth in kilometres, of the point or the whole line.
    pub depth_km: f64,
    /// What kind it is.
    pub kind: RuptureKind,
    /// Where it is: the hypocentre seen from above, or one end of the fault's line.
    pub at: Place,
    /// The other end of the line, for a fault that is too long for a point.
    pub to: Option<Place>,
}

impl Rupture {
    /// The shortest distance in kilometres from a place on the ground to the point or line at its depth.
    #[must_use]
    pub fn distance_km(&self, place: Place) -> f64 {
        let across = match self.to {
            None => place.distance_km(self.at),
            Some(to) => distance_to_line_km(place, self.at, to),
        };
        libm::hypot(across, self.depth_km)
    }

    /// Median peak ground velocity at a place on ground of Vs 400 m/s, in cm/s.
    #[must_use]
    pub fn pgv_cm_s(&self, place: Place) -> f64 {
        let (magnitude, distance) = (self.magnitude.min(MAGNITUDE_MAX), self.distance_km(place));
        let near = 0.0028 * libm::exp(LN_10 * 0.5 * magnitude);
        let log10 = 0.58 * magnitude + 0.0038 * self.depth_km + self.kind.term()
            - 1.29
            - libm::log10(distance + near)
            - 0.002 * distance;
        TO_VS_400 * libm::exp(LN_10 * log10)
    }

    /// Total standard deviation of log10 PGV at a place.
    ///
    /// Crustal: 0.23 up to 20 km, falling evenly to 0.20 at 30 km and beyond. Subduction: 0.20 up to a median of 25 cm/s, falling evenly to 0.15
    /// at 50 cm/s and above. These are the forms that the national seismic hazard maps use with the formula.
    #[must_use]
    pub fn sigma_log10(&self, place: Place) -> f64 {
        match self.kind {
            RuptureKind::Crustal => 0.23 - 0.03 * ((self.distance_km(place) - 20.0) / 10.0).clamp(0.0, 1.0),
            RuptureKind::Interface | RuptureKind::Intraslab => {
                0.20 - 0.05 * ((self.pgv_cm_s(place) - 25.0) / 25.0).clamp(0.0, 1.0)
            }
        }
    }
}

/// Kilometres from a place to a line between two others, on the plane that touches the Earth at the place: good to a few hundred kilometres.
fn distance_to_line_km(place: Place, from: Place, to: Place) -> f64 {
    let degree = Place { lat: 0.0, lon: 0.0 }.distance_km(Place { lat: 1.0, lon: 0.0 });
    let east = degree * libm::cos(place.lat.to_radians());
    let flat = |other: Place| ((other.lon - place.lon) * east, (other.lat - place.lat) * degree);
    let ((ax, ay), (bx, by)) = (flat(from), flat(to));
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx * dx + dy * dy;
    // A line of no length is a point.
    let share = if length > 0.0 { (-(ax * dx + ay * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    libm::hypot(ax + share * dx, ay + share * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rupture(magnitude: f64, depth_km: f64, kind: RuptureKind) -> Rupture {
        Rupture { name: "x".to_owned(), rate: 1.0, magnitude, depth_km, kind, at: Place { lat: 38.0, lon: 140.0 }, to: None }
    }

    /// Mw 7, 10 km deep, seen from above: log10 PGV600 = 4.06 + 0.038 - 1.29 - log10(10 + 8.854377) - 0.02 = 1.51258…, PGV600 32.55 cm/s.
    #[test]
    fn a_value_worked_out_by_hand() {
        let crustal = rupture(7.0, 10.0, RuptureKind::Crustal);
        let log10 = 4.06 + 0.038 - 1.29 - libm::log10(10.0 + 0.0028 * 3_162.277_660_168_379_5) - 0.02;
        assert!((crustal.pgv_cm_s(crustal.at) / (1.41 * libm::pow(10.0, log10)) - 1.0).abs() < 1e-12);
        assert!((crustal.pgv_cm_s(crustal.at) / 1.41 - 32.55).abs() < 0.02, "{}", crustal.pgv_cm_s(crustal.at) / 1.41);
        let ratio = rupture(7.0, 10.0, RuptureKind::Intraslab).pgv_cm_s(crustal.at) / crustal.pgv_cm_s(crustal.at);
        assert!((libm::log10(ratio) - 0.12).abs() < 1e-12);
        let (capped, at_cap) = (rupture(9.0, 10.0, RuptureKind::Interface), rupture(8.3, 10.0, RuptureKind::Interface));
        assert!((capped.pgv_cm_s(crustal.at) - at_cap.pgv_cm_s(crustal.at)).abs() < 1e-12);
    }

    #[test]
    fn distances_to_points_and_lines() {
        let mut line = rupture(7.0, 3.0, RuptureKind::Crustal);
        line.to = Some(Place { lat: 38.0, lon: 141.0 });
        let beside = Place { lat: 38.0 + 4.0 / 111.195, lon: 140.5 };
        assert!((line.distance_km(beside) - 5.0).abs() < 1e-3, "{}", line.distance_km(beside));
        let beyond = Place { lat: 38.0, lon: 139.0 };
        let straight = libm::hypot(beyond.distance_km(line.at), 3.0);
        assert!((line.distance_km(beyond) / straight - 1.0).abs() < 1e-3);
        line.to = Some(line.at);
        assert!((line.distance_km(beyond) / straight - 1.0).abs() < 1e-3);
        let (tokyo, sendai) = (Place { lat: 35.681, lon: 139.767 }, Place { lat: 38.260, lon: 140.882 });
        assert!((tokyo.distance_km(sendai) - 303.6).abs() < 1.0, "{}", tokyo.distance_km(sendai));
    }

    #[test]
    fn sigma_falls_where_it_is_said_to() {
        let crustal = rupture(6.5, 5.0, RuptureKind::Crustal);
        let far = Place { lat: 38.5, lon: 140.0 };
        assert!((crustal.sigma_log10(crustal.at) - 0.23).abs() < 1e-12);
        assert!((crustal.sigma_log10(far) - 0.20).abs() < 1e-12);
        let deep = rupture(8.0, 30.0, RuptureKind::Interface);
        assert!(deep.pgv_cm_s(deep.at) > 50.0 && (deep.sigma_log10(deep.at) - 0.15).abs() < 1e-12);
        let away = Place { lat: 40.5, lon: 140.0 };
        assert!(deep.pgv_cm_s(away) < 25.0 && (deep.sigma_log10(away) - 0.20).abs() < 1e-12);
    }
}
