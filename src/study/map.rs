//! The map: sites as circles, as large as their patients and as dark as their risk, and where the copies lie. SVG, the same on any machine.

mod legend;
mod svg;

use crate::risk::{Place, Site};
use svg::{Canvas, Point, escape};

/// What a map shows.
#[derive(Debug, Clone, Copy)]
pub struct Map<'a> {
    /// Its title.
    pub title: &'a str,
    /// The sites.
    pub sites: &'a [Site],
    /// Whether each site's probability of damage is known.
    pub damage_is_known: &'a [bool],
    /// For each site the indices of its alternates.
    pub placement: Option<&'a [Vec<usize>]>,
    /// For each site whether it is lost.
    pub lost: &'a [bool],
}

/// Why there is no map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// No site has coordinates.
    #[error("no site has coordinates: give the columns lat and lon")]
    NoPlaces,
}

/// The drawing's size in its own units, and the part of it that the sites fill.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 900.0;
const LEFT: f64 = 40.0;
const TOP: f64 = 90.0;
const FIELD: f64 = 770.0;
/// Sites that lie nearer than this, in kilometres, still give a map with a scale.
const SPAN_KM_MIN: f64 = 0.5;
/// More sites than this have no room for their ids.
const LABELS_MAX: usize = 60;
/// Golden angle in radians: neighbours in a spiral never line up.
const GOLDEN: f64 = 2.399_963_229_728_653;

/// Five steps of risk, light to dark: read by people of every colour vision, and in grey. (Steps of the palette cividis.)
const SHADES: [&str; 5] = ["#fdea66", "#c4b56c", "#8d8c78", "#575d6d", "#12376b"];
const UNKNOWN_SHADE: &str = "#ffffff";

impl Map<'_> {
    /// The map as SVG text.
    ///
    /// # Errors
    /// Where no site has coordinates.
    pub fn draw(&self) -> Result<String, MapError> {
        let view = View::of(self.sites).ok_or(MapError::NoPlaces)?;
        let radius = self.radius();
        let points = self.points(&view, &radius);
        let steps = self.steps();
        let mut canvas = Canvas::new(WIDTH, HEIGHT, self.title);
        self.draw_copies(&mut canvas, &points, &radius);
        // Large circles first, so that small ones are not hidden; ties by id.
        let mut order: Vec<usize> = (0..self.sites.len()).collect();
        order.sort_by(|a, b| {
            let (a, b) = (&self.sites[*a], &self.sites[*b]);
            b.patients.cmp(&a.patients).then_with(|| a.id.cmp(&b.id))
        });
        for site in &order {
            if let Some(point) = points[*site] {
                self.draw_site(&mut canvas, *site, point, radius(self.sites[*site].patients), &steps);
            }
        }
        self.mark(&mut canvas, &order, &points, &radius);
        legend::draw(self, &mut canvas, &view, &radius, &steps);
        Ok(canvas.finish())
    }

    /// Circles' areas are as the patients; the largest has a size that fits the number of sites.
    fn radius(&self) -> impl Fn(u64) -> f64 {
        let largest = float(self.sites.iter().map(|site| site.patients).max().unwrap_or(0).max(1));
        let most = (130.0 / libm::sqrt(float(self.sites.len()))).clamp(3.5, 20.0);
        move |patients| (most * libm::sqrt(float(patients) / largest)).max(2.0)
    }

    /// Where each site is drawn. Sites of one place stand in a spiral around it.
    fn points(&self, view: &View, radius: &impl Fn(u64) -> f64) -> Vec<Option<Point>> {
        let mut taken = std::collections::BTreeMap::new();
        let mut point = |site: &Site| {
            let place = site.place?;
            let at = view.point(place);
            let before = taken.entry((place.lat.to_bits(), place.lon.to_bits())).or_insert(0_u32);
            let (turn, away) = (f64::from(*before) * GOLDEN, 1.7 * radius(site.patients) * libm::sqrt(f64::from(*before)));
            *before += 1;
            Some(Point { x: at.x + away * libm::cos(turn), y: at.y + away * libm::sin(turn) })
        };
        self.sites.iter().map(&mut point).collect()
    }

    /// The upper ends of the five steps of risk: even steps from the least to the largest.
    fn steps(&self) -> [f64; 5] {
        let known = || self.sites.iter().zip(self.damage_is_known).filter(|(_, known)| **known).map(|(site, _)| site.damage);
        let (least, most) = (known().fold(1.0, f64::min), known().fold(0.0, f64::max));
        let step = |part: f64| least + (most - least).max(0.0) * part / 5.0;
        [step(1.0), step(2.0), step(3.0), step(4.0), most.max(least)]
    }

    fn shade(&self, site: usize, steps: &[f64; 5]) -> usize {
        steps.iter().position(|end| self.sites[site].damage <= *end).unwrap_or(SHADES.len() - 1)
    }

    fn draw_copies(&self, canvas: &mut Canvas, points: &[Option<Point>], radius: &impl Fn(u64) -> f64) {
        let Some(placement) = self.placement else { return };
        let is_crowded = self.is_crowded();
        let stroke = if is_crowded { "#888888\" stroke-width=\"0.4" } else { "#333333\" stroke-width=\"1.3" };
        canvas.open(&format!("<g fill=\"none\" stroke=\"{stroke}\">"));
        for (site, alternates) in placement.iter().enumerate() {
            for alternate in alternates {
                let (Some(from), Some(to)) = (points[site], points[*alternate]) else { continue };
                let is_gone = self.lost[site] && self.lost[*alternate];
                let style = if is_gone { " stroke-dasharray=\"2 3\"" } else { "" };
                let end = to.short_of(from, radius(self.sites[*alternate].patients) + 1.5);
                canvas.arrow(from, end, !is_crowded, style, is_crowded);
            }
        }
        canvas.close("</g>");
    }

    fn draw_site(&self, canvas: &mut Canvas, site: usize, at: Point, radius: f64, steps: &[f64; 5]) {
        let Site { id, name, patients, damage, .. } = &self.sites[site];
        let (fill, risk) = if self.damage_is_known[site] {
            (SHADES[self.shade(site, steps)], format!("p = {damage:.4}"))
        } else {
            (UNKNOWN_SHADE, "p unknown".to_owned())
        };
        let tip = format!("{} {}: {patients} patients, {risk}", escape(id), escape(name));
        canvas.circle(at, radius, fill, if self.is_crowded() { 0.5 } else { 1.0 }, &tip);
    }

    /// Crosses and ids, above all circles.
    fn mark(&self, canvas: &mut Canvas, order: &[usize], points: &[Option<Point>], radius: &impl Fn(u64) -> f64) {
        for site in order {
            let Some(Point { x, y }) = points[*site] else { continue };
            let radius = radius(self.sites[*site].patients);
            if self.lost[*site] {
                canvas.cross(Point { x, y }, radius.max(4.0));
            }
            if !self.is_crowded() {
                canvas.label(Point { x: x + radius + 3.0, y: y + 4.5 }, &self.sites[*site].id);
            }
        }
    }

    fn is_crowded(&self) -> bool {
        self.sites.len() > LABELS_MAX
    }
}

/// From places to the drawing: kilometres north and east of a corner, at one scale.
#[derive(Debug, Clone, Copy)]
struct View {
    west: f64,
    north: f64,
    /// Units of the drawing in a degree of longitude and of latitude.
    per_lon: f64,
    per_lat: f64,
    per_km: f64,
}

impl View {
    fn of(sites: &[Site]) -> Option<Self> {
        let places = || sites.iter().filter_map(|site| site.place);
        places().next()?;
        let fold = |of: fn(Place) -> f64, pick: fn(f64, f64) -> f64, from: f64| places().map(of).fold(from, pick);
        let (south, north) = (fold(|p| p.lat, f64::min, f64::INFINITY), fold(|p| p.lat, f64::max, f64::NEG_INFINITY));
        let (west, east) = (fold(|p| p.lon, f64::min, f64::INFINITY), fold(|p| p.lon, f64::max, f64::NEG_INFINITY));
        let middle = f64::midpoint(south, north);
        let km_lat = Place { lat: 0.0, lon: 0.0 }.distance_km(Place { lat: 1.0, lon: 0.0 });
        let km_lon = km_lat * libm::cos(middle.to_radians()).max(0.01);
        let span_km = ((north - south) * km_lat).max((east - west) * km_lon).max(SPAN_KM_MIN);
        let per_km = FIELD / span_km;
        let (per_lat, per_lon) = (per_km * km_lat, per_km * km_lon);
        // The smaller extent stands in the middle of the square field.
        let west = f64::midpoint(west, east) - FIELD / 2.0 / per_lon;
        let north = middle + FIELD / 2.0 / per_lat;
        Some(Self { west, north, per_lon, per_lat, per_km })
    }

    fn point(&self, place: Place) -> Point {
        Point { x: LEFT + (place.lon - self.west) * self.per_lon, y: TOP + (self.north - place.lat) * self.per_lat }
    }
}

/// A count as a number to draw with.
#[allow(clippy::cast_precision_loss, reason = "drawn to a tenth of a unit")]
fn float(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(0) as f64
}
