//! DRAWS.csv: joint outcomes drawn from a model; `draw,site`, a line for each site lost in a draw, under a comment `# draws = N`.
//!
//! Draws are numbered from 1. A draw that no line names lost nothing.

use super::grid::Grid;
use super::{Problem, TableError, indices};
use crate::risk::{Outcomes, Site};

/// More draws than any evaluation needs; a wrong count would take the memory.
const DRAWS_MAX: u64 = 10_000_000;

/// Reads drawn outcomes.
///
/// # Errors
/// The first thing that is wrong, with line and column.
pub fn read_outcomes(text: &str, file: &str, sites: &[Site]) -> Result<Outcomes, TableError> {
    let grid = Grid::read(text, file)?;
    let (at_draw, at_site) = (grid.need("draw")?, grid.need("site")?);
    let draws = stated_draws(&grid)?;
    let by_id = indices(sites);
    let mut outcomes = Outcomes::nothing_lost(sites.len(), draws);
    for row in &grid.rows {
        let draw = grid.count(row, at_draw)?;
        let draw = usize::try_from(draw)
            .ok()
            .filter(|draw| (1..=draws).contains(draw))
            .ok_or_else(|| grid.error(row.line, "draw", Problem::NoSuchDraw { draw: row.values[at_draw].clone(), draws }))?;
        let id = grid.value(row, at_site)?;
        let site = by_id.get(id).ok_or_else(|| grid.error(row.line, "site", Problem::UnknownSite(id.to_owned())))?;
        outcomes.lose(*site, draw - 1);
    }
    Ok(outcomes)
}

fn stated_draws(grid: &Grid) -> Result<usize, TableError> {
    let stated = grid.comments.iter().find_map(|line| {
        let (name, count) = line.trim_start_matches('#').split_once('=')?;
        (name.trim() == "draws").then(|| count.trim().parse::<u64>().ok()).flatten()
    });
    stated
        .filter(|draws| (1..=DRAWS_MAX).contains(draws))
        .and_then(|draws| usize::try_from(draws).ok())
        .ok_or_else(|| grid.header_error("draw", Problem::NoDraws))
}

/// Drawn outcomes as text. `notes` become comment lines at the top: where they come from, and the seed.
#[must_use]
pub fn write_outcomes(sites: &[Site], outcomes: &Outcomes, notes: &[String]) -> String {
    let mut text: String = notes.iter().map(|note| format!("# {note}\n")).collect();
    text += &format!("# draws = {}\n", outcomes.draws());
    text += &super::line(["draw", "site"]);
    let mut writer = super::writer();
    for draw in 0..outcomes.draws() {
        let number = (draw + 1).to_string();
        for (at, site) in sites.iter().enumerate() {
            if outcomes.lost(at)[draw / 64] >> (draw % 64) & 1 == 1 {
                // Writing to memory does not fail.
                let _ = writer.write_record([number.as_str(), &site.id]);
            }
        }
    }
    text += &super::finish(writer);
    text
}
