//! Hazard to sites: which cell each lies in, what J-SHIS says of it, and what equation 1 makes of that.

use super::tables::{Problem, SitesTable, TableError};
use crate::risk::fragility::{Fragilities, Fragility};
use crate::risk::hazard::{Damage, damage};
use crate::risk::jshis::{Cell, Cells, Exceedance};
use crate::risk::mesh::Mesh;

/// The column of a sites file that names a site's fragility function.
pub const FRAGILITY_COLUMN: &str = "fragility";

/// How a site's probability of damage came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessed<'a> {
    /// The cell it lies in.
    pub mesh: Mesh,
    /// What J-SHIS says of the cell.
    pub exceedance: Exceedance,
    /// The fragility function taken.
    pub fragility: &'a Fragility,
    /// Equation 1, step by step.
    pub damage: Damage,
}

/// The 250 m cell of each site.
///
/// # Errors
/// Names the first site that has no coordinates, or lies outside the grid.
pub fn meshes(table: &SitesTable) -> Result<Vec<Mesh>, TableError> {
    let mesh = |(at, place): (usize, crate::risk::Place)| {
        let problem = || Problem::OutsideGrid { site: table.sites[at].id.clone() };
        Mesh::at(place).ok_or_else(|| table.error_of(at, "lat", problem()))
    };
    table.places()?.into_iter().enumerate().map(mesh).collect()
}

/// The fragility function of each site: that of its column `fragility`, or the default one.
///
/// # Errors
/// Names the first site whose function is not configured.
pub fn fragilities<'a>(table: &SitesTable, known: &'a Fragilities) -> Result<Vec<&'a Fragility>, TableError> {
    let find = |(at, id): (usize, Option<&str>)| {
        let unknown = || Problem::NoFragility {
            id: id.unwrap_or(&known.default).to_owned(),
            known: known.functions.iter().map(|function| function.id.as_str()).collect::<Vec<_>>().join(", "),
        };
        known.find(id).ok().ok_or_else(|| table.error_of(at, FRAGILITY_COLUMN, unknown()))
    };
    table.texts(FRAGILITY_COLUMN).into_iter().enumerate().map(find).collect()
}

/// Every site's probability of damage.
///
/// # Errors
/// Names the first site that has no place, no hazard value or no fragility function.
pub fn assess<'a>(table: &SitesTable, cells: &Cells, known: &'a Fragilities) -> Result<Vec<Assessed<'a>>, TableError> {
    let meshes = meshes(table)?;
    let functions = fragilities(table, known)?;
    let assess = |(at, (mesh, fragility)): (usize, (Mesh, &'a Fragility))| {
        let exceedance = exceedance(table, at, mesh, cells)?;
        Ok(Assessed { mesh, exceedance, fragility, damage: damage(exceedance, fragility, &known.middles) })
    };
    meshes.into_iter().zip(functions).enumerate().map(assess).collect()
}

fn exceedance(table: &SitesTable, at: usize, mesh: Mesh, cells: &Cells) -> Result<Exceedance, TableError> {
    let (site, code) = (table.sites[at].id.clone(), mesh.to_string());
    match cells.get(mesh) {
        Cell::Known(exceedance) => Ok(exceedance),
        Cell::Absent => Err(table.error_of(at, "lat", Problem::NoMesh { site, mesh: code })),
        Cell::Missing { file, line, column } => {
            let (column, file) = (column.to_owned(), file.to_owned());
            Err(table.error_of(at, "lat", Problem::NoHazard { site, mesh: code, column, file, line }))
        }
    }
}
