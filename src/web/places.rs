//! Where a record is kept: its clinic and the copies, by distance and direction, and who answers now.

use super::lang::Messages;
use super::lang::phrase::{Html, escaped, japanese};
use super::words;
use crate::clinic::carried::CarriedView;
use crate::clinic::surroundings::compass::Direction;
use crate::clinic::surroundings::{Elsewhere, LedgerView, Nearby, Surroundings};
use crate::ledger::LedgerId;
use std::sync::Arc;

/// Half the width of the drawing, in its own units.
const MIDDLE: f64 = 100.0;
/// How far from the middle the farthest place is drawn, and the nearest.
const REACH_MAX: f64 = 80.0;
const REACH_MIN: f64 = 30.0;

/// What a record's page knows of the region.
pub struct Around {
    /// The region as it is now.
    pub(crate) around: Arc<Surroundings>,
    /// The record's ledger.
    pub(crate) ledger: LedgerId,
    /// Entries of it that wait to be opened by its home.
    pub(crate) waiting: usize,
    /// Where this is a carried copy: what it says of itself.
    pub(crate) carried: Option<CarriedView>,
}

/// What a page says about where a record is kept. Empty while the clinic stands alone.
#[derive(Default)]
pub struct Places {
    /// By distance, this one first where it keeps the record.
    pub(crate) listed: Vec<Place>,
    /// Whose record it is and as of when, where this is a copy.
    pub(crate) copy: Option<Html>,
    /// How many of the places are up to date.
    pub(crate) copies: Option<Html>,
    /// What was written elsewhere and is not in here yet.
    pub(crate) waiting: Option<Html>,
    /// What was written on this carried copy and is nowhere else yet.
    pub(crate) to_bring: Option<Html>,
}

/// One place.
pub(crate) struct Place {
    pub(crate) number: usize,
    pub(crate) name: Html,
    pub(crate) is_home: bool,
    /// Direction and distance, or that it is here.
    pub(crate) way: Html,
    /// Whether it answers now.
    pub(crate) answers: Option<Html>,
    pub(crate) is_silent: bool,
    pub(crate) phone: Option<Html>,
    /// Where it is drawn.
    pub(crate) dot: Option<(u32, u32)>,
}

impl Places {
    /// Of the ledger that a record belongs to.
    pub(crate) fn of(m: &'static Messages, of: &Around) -> Self {
        let Around { around, ledger, waiting, carried } = of;
        let Some(view) = around.ledgers.get(ledger) else { return Self::default() };
        let copy = (!view.is_home).then(|| {
            let whose = m.places.copy_of.with(japanese(&view.home_name));
            match (carried, view.home_heard_ms) {
                (Some(carried), _) => carried_copy(m, view, carried),
                (None, Some(_)) => whose,
                (None, None) => Html(format!("{whose} {}", m.places.copy_never)),
            }
        });
        Self {
            copies: (view.copies.1 > 0).then(|| m.places.copies.with(view.copies.1, view.copies.0)),
            waiting: (*waiting > 0).then(|| m.places.waiting.with(*waiting, japanese(&view.home_name))),
            copy,
            to_bring: carried.as_ref().filter(|c| c.waiting > 0).map(|c| m.places.carried_waiting.with(c.waiting)),
            listed: listed(m, here(m, around, view), &around.holders_nearby(*ledger)),
        }
    }

    /// Where a card that nobody here knows can be read.
    pub(crate) fn elsewhere(m: &'static Messages, elsewhere: &[Elsewhere]) -> Self {
        let near: Vec<Nearby> = elsewhere.iter().flat_map(|elsewhere| elsewhere.sites.iter().cloned()).collect();
        Self { listed: listed(m, None, &near), ..Self::default() }
    }

    /// Whether there is something to draw.
    pub(crate) fn has_map(&self) -> bool {
        self.listed.iter().any(|place| place.dot.is_some())
    }
}

/// Whose record a carried copy has, who made it, and as of when it is: by what was heard since, where a network was met.
fn carried_copy(m: &'static Messages, view: &LedgerView, carried: &CarriedView) -> Html {
    let (home, by) = (japanese(&view.home_name), japanese(&carried.by_name));
    match view.home_heard_ms.max(carried.as_of_ms) {
        Some(as_of_ms) => m.places.carried.with(home, by, words::moment(m, as_of_ms)),
        None => m.places.carried_undated.with(home, by),
    }
}

/// This clinic, where it keeps the record.
fn here(m: &'static Messages, around: &Surroundings, view: &LedgerView) -> Option<Place> {
    let own = around.site(around.own_site).filter(|site| view.holders.contains(&site.site))?;
    Some(Place {
        number: 1,
        name: japanese(&own.name),
        is_home: view.is_home,
        way: Html(m.places.here.to_string()),
        answers: None,
        is_silent: false,
        phone: None,
        dot: None,
    })
}

fn listed(m: &'static Messages, here: Option<Place>, near: &[Nearby]) -> Vec<Place> {
    let first = 1 + usize::from(here.is_some());
    let others = near.iter().enumerate().map(|(rank, found)| place(m, rank + first, found, share(rank, near.len())));
    here.into_iter().chain(others).collect()
}

fn place(m: &'static Messages, number: usize, near: &Nearby, share: f64) -> Place {
    let p = &m.places;
    let known = near.distance_m.zip(near.direction);
    let way = known.map_or_else(
        || Html(p.no_distance.to_string()),
        |(distance_m, direction)| {
            let towards = p.directions.get(eighths(direction)).map_or_else(String::new, ToString::to_string);
            p.distance.with(Html(towards), escaped(&km(distance_m)))
        },
    );
    let answers = match near.site.answers {
        Some(true) => &p.answers,
        Some(false) => &p.silent,
        None => &p.never,
    };
    let phone = near.site.phone.as_deref().filter(|phone| !phone.is_empty());
    Place {
        number,
        name: japanese(&near.site.name),
        is_home: near.is_home,
        way,
        answers: Some(Html(answers.to_string())),
        is_silent: near.site.answers != Some(true),
        phone: phone.map(|phone| p.phone.with(escaped(phone))),
        dot: known.map(|(_, direction)| dot(direction, share)),
    }
}

/// Kilometres as people say them: with a tenth where that matters to who walks.
fn km(distance_m: u64) -> String {
    let hundreds = distance_m.saturating_add(50) / 100;
    if hundreds < 100 {
        format!("{}.{}", hundreds / 10, hundreds % 10)
    } else {
        (distance_m.saturating_add(500) / 1000).to_string()
    }
}

/// From north, clockwise.
const fn eighths(direction: Direction) -> usize {
    match direction {
        Direction::North => 0,
        Direction::NorthEast => 1,
        Direction::East => 2,
        Direction::SouthEast => 3,
        Direction::South => 4,
        Direction::SouthWest => 5,
        Direction::West => 6,
        Direction::NorthWest => 7,
    }
}

/// Where a place stands between the nearest (0) and the farthest (1).
fn share(rank: usize, count: usize) -> f64 {
    let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    if count < 2 { 0.5 } else { number(rank) / number(count - 1) }
}

/// In the drawing, north is up. Places stand in the order of their distance, evenly, so that none hides another.
fn dot(direction: Direction, share: f64) -> (u32, u32) {
    let reach = REACH_MIN + (REACH_MAX - REACH_MIN) * share;
    let angle = f64::from(u8::try_from(eighths(direction)).unwrap_or_default()) * std::f64::consts::FRAC_PI_4;
    (rounded(MIDDLE + reach * libm::sin(angle)), rounded(MIDDLE - reach * libm::cos(angle)))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a point of a drawing of 200 by 200")]
fn rounded(value: f64) -> u32 {
    value.clamp(0.0, 2.0 * MIDDLE).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_said_as_people_say_them() {
        assert_eq!([40, 149, 950, 9_940, 9_960, 12_499].map(km), ["0.0", "0.1", "1.0", "9.9", "10", "12"]);
    }

    #[test]
    fn the_farthest_place_stands_at_the_edge_and_north_is_up() {
        assert_eq!(dot(Direction::North, share(1, 2)), (100, 20));
        assert_eq!(dot(Direction::East, share(2, 3)), (180, 100));
        assert_eq!(dot(Direction::South, share(0, 3)), (100, 130));
        assert_eq!(dot(Direction::West, share(0, 1)), (45, 100));
    }
}
