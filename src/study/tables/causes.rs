//! CAUSES.csv: `cause,probability,site`, a line for each site that a shared cause takes.

use super::grid::Grid;
use super::{Problem, TableError, indices};
use crate::risk::{SharedCause, Site};
use std::collections::BTreeMap;

/// Reads what takes several sites together, in the order of each cause's first line.
///
/// # Errors
/// The first thing that is wrong, with line and column.
pub fn read_causes(text: &str, file: &str, sites: &[Site]) -> Result<Vec<SharedCause>, TableError> {
    let grid = Grid::read(text, file)?;
    let (at_cause, at_probability, at_site) = (grid.need("cause")?, grid.need("probability")?, grid.need("site")?);
    let by_id = indices(sites);
    let mut causes: Vec<SharedCause> = Vec::new();
    let mut known: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for row in &grid.rows {
        let name = grid.value(row, at_cause)?;
        let probability = grid.probability(row, at_probability)?;
        let id = grid.value(row, at_site)?;
        let site = *by_id.get(id).ok_or_else(|| grid.error(row.line, "site", Problem::UnknownSite(id.to_owned())))?;
        let (at, first_line) = *known.entry(name.to_owned()).or_insert((causes.len(), row.line));
        if at == causes.len() {
            causes.push(SharedCause { name: name.to_owned(), probability, sites: Vec::new() });
        }
        if causes[at].probability.to_bits() != probability.to_bits() {
            let problem = Problem::TwoProbabilities { first: causes[at].probability.to_string(), line: first_line };
            return Err(grid.error(row.line, "probability", problem));
        }
        if let Some(first) = lines.insert((at, site), row.line) {
            return Err(grid.error(row.line, "site", Problem::SameTwice { first }));
        }
        causes[at].sites.push(site);
    }
    for cause in &mut causes {
        cause.sites.sort_unstable();
    }
    Ok(causes)
}

/// The shared causes as text, a line for each cause and site.
#[must_use]
pub fn write_causes(sites: &[Site], causes: &[SharedCause]) -> String {
    let mut text = super::line(["cause", "probability", "site"]);
    for cause in causes {
        for site in &cause.sites {
            text += &super::line([cause.name.as_str(), &cause.probability.to_string(), &sites[*site].id]);
        }
    }
    text
}
