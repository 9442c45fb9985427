//! RUPTURES.csv: `rupture,rate,mw,depth_km,kind,lat,lon`, and `lat2,lon2` for the other end of a long fault; a line for each earthquake.

use super::grid::{Grid, Row};
use super::{Problem, TableError};
use crate::risk::Place;
use crate::risk::motion::{Rupture, RuptureKind};

/// Magnitudes that the ground-motion formula was made for, widened to what people ask of it; it stops growing at 8.3.
const MAGNITUDES: [f64; 2] = [5.0, 9.5];
/// Depths in kilometres.
const DEPTHS_KM: [f64; 2] = [0.0, 200.0];

/// Reads the ruptures of a set.
///
/// # Errors
/// The first thing that is wrong, with line and column.
pub fn read_ruptures(text: &str, file: &str) -> Result<Vec<Rupture>, TableError> {
    let grid = Grid::read(text, file)?;
    let columns = ["rupture", "rate", "mw", "depth_km", "kind", "lat", "lon"];
    let mut at = [0; 7];
    for (at, column) in at.iter_mut().zip(columns) {
        *at = grid.need(column)?;
    }
    grid.need_rows()?;
    let ruptures: Vec<Rupture> = grid.rows.iter().map(|row| rupture(&grid, row, at)).collect::<Result<_, _>>()?;
    if ruptures.iter().all(|rupture| rupture.rate == 0.0) {
        return Err(grid.error(grid.rows[0].line, "rate", Problem::NoRate));
    }
    Ok(ruptures)
}

fn rupture(grid: &Grid, row: &Row, at: [usize; 7]) -> Result<Rupture, TableError> {
    let [name, rate, mw, depth, kind, lat, lon] = at;
    let to = match (grid.find("lat2"), grid.find("lon2")) {
        (Some(lat), Some(lon)) if !(row.values[lat].is_empty() && row.values[lon].is_empty()) => {
            Some(place(grid, row, lat, lon)?)
        }
        (None, Some(_)) => return Err(grid.header_error("lat2", Problem::HalfAPlace)),
        (Some(_), None) => return Err(grid.header_error("lon2", Problem::HalfAPlace)),
        (Some(_), Some(_)) | (None, None) => None,
    };
    let kind_text = grid.value(row, kind)?;
    let no_kind = || grid.error(row.line, "kind", Problem::NoKind(kind_text.to_owned()));
    Ok(Rupture {
        name: grid.value(row, name)?.to_owned(),
        rate: within(grid, row, rate, [0.0, 1e6])?,
        magnitude: within(grid, row, mw, MAGNITUDES)?,
        depth_km: within(grid, row, depth, DEPTHS_KM)?,
        kind: RuptureKind::parse(kind_text).ok_or_else(no_kind)?,
        at: place(grid, row, lat, lon)?,
        to,
    })
}

fn place(grid: &Grid, row: &Row, lat: usize, lon: usize) -> Result<Place, TableError> {
    Ok(Place { lat: within(grid, row, lat, [-90.0, 90.0])?, lon: within(grid, row, lon, [-180.0, 180.0])? })
}

fn within(grid: &Grid, row: &Row, at: usize, [least, most]: [f64; 2]) -> Result<f64, TableError> {
    let number = grid.number(row, at)?;
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    let problem = Problem::OutOfRange { value: row.values[at].clone(), least, most };
    Err(grid.error(row.line, grid.header[at].clone(), problem))
}
