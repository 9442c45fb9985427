//! PLACEMENT.csv: `site,alternate`, a line for each copy. A site keeps its own patients and is not its own alternate.

use super::grid::Grid;
use super::{Problem, TableError, indices};
use crate::risk::Site;
use std::collections::BTreeMap;

/// Reads which sites hold copies for which: for each site the indices of its alternates, ascending; none for a site that has no line.
///
/// # Errors
/// The first thing that is wrong, with line and column.
pub fn read_placement(text: &str, file: &str, sites: &[Site]) -> Result<Vec<Vec<usize>>, TableError> {
    let grid = Grid::read(text, file)?;
    let (at_site, at_alternate) = (grid.need("site")?, grid.need("alternate")?);
    let by_id = indices(sites);
    let mut alternates = vec![Vec::new(); sites.len()];
    let mut lines = BTreeMap::new();
    for row in &grid.rows {
        let find = |at: usize, column: &str| {
            let id = grid.value(row, at)?;
            by_id.get(id).copied().ok_or_else(|| grid.error(row.line, column, Problem::UnknownSite(id.to_owned())))
        };
        let (site, alternate) = (find(at_site, "site")?, find(at_alternate, "alternate")?);
        if site == alternate {
            return Err(grid.error(row.line, "alternate", Problem::OwnAlternate(sites[site].id.clone())));
        }
        if let Some(first) = lines.insert((site, alternate), row.line) {
            return Err(grid.error(row.line, "alternate", Problem::SameTwice { first }));
        }
        alternates[site].push(alternate);
    }
    for list in &mut alternates {
        list.sort_unstable();
    }
    Ok(alternates)
}

/// The placement as text: sites in their order, each site's alternates in the order of the sites.
#[must_use]
pub fn write_placement(sites: &[Site], alternates: &[Vec<usize>]) -> String {
    let mut text = super::line(["site", "alternate"]);
    for (site, list) in sites.iter().zip(alternates) {
        for alternate in list {
            text += &super::line([site.id.as_str(), &sites[*alternate].id]);
        }
    }
    text
}
