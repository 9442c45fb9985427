//! SITES.csv: `site,name,lat,lon,patients,p,host,capacity`; other columns are kept and written back.

use super::grid::{Grid, Row};
use super::{Problem, TableError};
use crate::risk::{Place, Site};
use std::collections::BTreeMap;

/// A table of sites with everything that is needed to write it back.
#[derive(Debug, Clone, PartialEq)]
pub struct SitesTable {
    /// The sites in the order of their lines.
    pub sites: Vec<Site>,
    /// Whether the file gave each site's probability of damage. Where it did not, `damage` is 0 and means nothing.
    pub damage_is_known: Vec<bool>,
    grid: Grid,
}

/// Reads a table in which every site has its probability of damage.
///
/// Only `site` and `p` are needed. Without `name` a site is called by its id, without `host` it stands alone, without `capacity` it holds any
/// number of patients; without `patients` every site has one, so that all count the same, as in the paper.
///
/// # Errors
/// The first thing that is wrong, with line and column.
pub fn read_sites(text: &str, file: &str) -> Result<SitesTable, TableError> {
    read(text, file, true)
}

/// Reads a table in which probabilities of damage may be missing, for commands that compute them or do without.
///
/// # Errors
/// The first thing that is wrong, with line and column.
pub fn read_places(text: &str, file: &str) -> Result<SitesTable, TableError> {
    read(text, file, false)
}

fn read(text: &str, file: &str, needs_damage: bool) -> Result<SitesTable, TableError> {
    let grid = Grid::read(text, file)?;
    let columns = Columns::of(&grid)?;
    if needs_damage && columns.damage.is_none() {
        return Err(grid.header_error("p", Problem::NoDamage));
    }
    grid.need_rows()?;
    let is_counted = columns.patients.is_some_and(|at| grid.rows.iter().any(|row| !row.values[at].is_empty()));
    let mut lines = BTreeMap::new();
    let mut table = SitesTable {
        sites: Vec::with_capacity(grid.rows.len()),
        damage_is_known: Vec::with_capacity(grid.rows.len()),
        grid: Grid::default(),
    };
    for row in &grid.rows {
        let damage = columns.damage(&grid, row)?;
        if needs_damage && damage.is_none() {
            return Err(grid.error(row.line, "p", Problem::NoDamage));
        }
        let site = columns.site(&grid, row, damage, is_counted)?;
        if let Some(first) = lines.insert(site.id.clone(), row.line) {
            return Err(grid.error(row.line, "site", Problem::SiteTwice { site: site.id, first }));
        }
        table.damage_is_known.push(damage.is_some());
        table.sites.push(site);
    }
    table.grid = grid;
    Ok(table)
}

/// Where the columns stand.
struct Columns {
    id: usize,
    name: Option<usize>,
    lat: Option<usize>,
    lon: Option<usize>,
    patients: Option<usize>,
    damage: Option<usize>,
    host: Option<usize>,
    capacity: Option<usize>,
}

impl Columns {
    fn of(grid: &Grid) -> Result<Self, TableError> {
        let columns = Self {
            id: grid.need("site")?,
            name: grid.find("name"),
            lat: grid.find("lat"),
            lon: grid.find("lon"),
            patients: grid.find("patients"),
            damage: grid.find("p"),
            host: grid.find("host"),
            capacity: grid.find("capacity"),
        };
        match (columns.lat, columns.lon) {
            (Some(_), None) => Err(grid.header_error("lon", Problem::HalfAPlace)),
            (None, Some(_)) => Err(grid.header_error("lat", Problem::HalfAPlace)),
            (Some(_), Some(_)) | (None, None) => Ok(columns),
        }
    }

    fn damage(&self, grid: &Grid, row: &Row) -> Result<Option<f64>, TableError> {
        given(self.damage, row).map(|at| grid.probability(row, at)).transpose()
    }

    fn site(&self, grid: &Grid, row: &Row, damage: Option<f64>, is_counted: bool) -> Result<Site, TableError> {
        let id = grid.value(row, self.id)?.to_owned();
        let patients = match given(self.patients, row) {
            Some(at) => grid.count(row, at)?,
            None if is_counted => return Err(grid.error(row.line, "patients", Problem::NoPatients)),
            None => 1,
        };
        let text = |at: Option<usize>| given(at, row).map_or_else(|| id.clone(), |at| row.values[at].clone());
        Ok(Site {
            name: text(self.name),
            host: text(self.host),
            place: self.place(grid, row)?,
            patients,
            damage: damage.unwrap_or(0.0),
            capacity: given(self.capacity, row).map(|at| grid.count(row, at)).transpose()?,
            id,
        })
    }

    fn place(&self, grid: &Grid, row: &Row) -> Result<Option<Place>, TableError> {
        let (at_lat, at_lon) = match (given(self.lat, row), given(self.lon, row)) {
            (Some(lat), Some(lon)) => (lat, lon),
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(grid.error(row.line, "lon", Problem::HalfAPlace)),
            (None, Some(_)) => return Err(grid.error(row.line, "lat", Problem::HalfAPlace)),
        };
        let place = Place { lat: grid.number(row, at_lat)?, lon: grid.number(row, at_lon)? };
        if place.lat.abs() > 90.0 {
            return Err(grid.error(row.line, "lat", Problem::NoLatitude(row.values[at_lat].clone())));
        }
        if place.lon.abs() > 180.0 {
            return Err(grid.error(row.line, "lon", Problem::NoLongitude(row.values[at_lon].clone())));
        }
        Ok(Some(place))
    }
}

/// The column, where it is there and the row has something in it.
fn given(at: Option<usize>, row: &Row) -> Option<usize> {
    at.filter(|at| !row.values[*at].is_empty())
}

impl SitesTable {
    /// Sets every site's probability of damage, in the order of the sites.
    pub fn set_damage(&mut self, damage: &[f64]) {
        for (at, (site, p)) in self.sites.iter_mut().zip(damage).enumerate() {
            site.damage = *p;
            self.damage_is_known[at] = true;
        }
    }

    /// What a column that only some commands know says of each site; `None` where the site says nothing, or the column is not there.
    #[must_use]
    pub fn texts(&self, column: &str) -> Vec<Option<&str>> {
        let at = self.grid.find(column);
        let text = |row| given(at, row).map(|at| row.values[at].as_str());
        self.grid.rows.iter().map(text).collect()
    }

    /// A column of numbers above 0 that only some commands know.
    ///
    /// # Errors
    /// Where a site has something else in it.
    pub fn positive_numbers(&self, column: &str) -> Result<Vec<Option<f64>>, TableError> {
        let at = self.grid.find(column);
        let number = |row: &Row| {
            let Some(at) = given(at, row) else { return Ok(None) };
            let number = self.grid.number(row, at)?;
            if number > 0.0 {
                return Ok(Some(number));
            }
            Err(self.grid.error(row.line, column, Problem::NotPositive(row.values[at].clone())))
        };
        self.grid.rows.iter().map(number).collect()
    }

    /// An error about a site that this table gave, for those who find it later: such as that it has no place where one is needed.
    #[must_use]
    pub fn error_of(&self, site: usize, column: &str, problem: Problem) -> TableError {
        self.grid.error(self.grid.rows[site].line, column, problem)
    }

    /// Where every site stands.
    ///
    /// # Errors
    /// Names the first site that has no coordinates.
    pub fn places(&self) -> Result<Vec<Place>, TableError> {
        let place = |(at, site): (usize, &Site)| {
            site.place.ok_or_else(|| self.error_of(at, "lat", Problem::NoPlace { site: site.id.clone() }))
        };
        self.sites.iter().enumerate().map(place).collect()
    }

    /// The table as text: comments first, every column as it was read, `p` (added where it was not there) as it is now, with all its digits.
    #[must_use]
    pub fn write(&self) -> String {
        let at = self.grid.find("p");
        let mut text: String = self.grid.comments.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        text += &super::line(self.grid.header.iter().map(String::as_str).chain(at.is_none().then_some("p")));
        for (site, row) in self.grid.rows.iter().enumerate() {
            let mut values = row.values.clone();
            let at = at.unwrap_or_else(|| {
                values.push(String::new());
                values.len() - 1
            });
            // A p that nobody set keeps the way it was written.
            if self.damage_is_known[site] && values[at].parse() != Ok(self.sites[site].damage) {
                values[at] = self.sites[site].damage.to_string();
            }
            text += &super::line(values.iter().map(String::as_str));
        }
        text
    }
}
