//! Something that happened elsewhere: one of the first clinic's patients gets medicines at another clinic of the demo, by the same command
//! that people use.

use super::clinics::DemoClinic;
use super::processes::run;
use crate::demo;
use crate::formats::jahis::{self, Document, OutputCategory};
use crate::record::{Content, DateText, Day, Institution, Visit};
use anyhow::{Context, bail};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long it may take until the first clinic knows of it.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Dispenses at a clinic that keeps the first one's records, and waits until the first one lists it.
pub(super) fn happen(clinics: &[DemoClinic], held_by: &[Vec<String>]) -> anyhow::Result<()> {
    let (Some(home), Some(keepers)) = (clinics.first(), held_by.first()) else { return Ok(()) };
    let keeps = |clinic: &&DemoClinic| clinic.dir != home.dir && keepers.iter().any(|name| name == clinic.name);
    let (Some(other), Some((card, name))) = (clinics.iter().find(keeps), home.cards.last()) else { return Ok(()) };
    let today = crate::clock::today_in_japan(crate::clock::Clock::system().now_ms());
    let Some(document) = document(home.cards.len(), name, other.name, today) else { return Ok(()) };
    let file = other.dir.with_extension("csv");
    std::fs::write(&file, jahis::write(&document).bytes).with_context(|| format!("writing {}", file.display()))?;
    let path = file.to_str().context("the directory's name is no text")?;
    run(&other.dir, &["import", path, "--card", &card.code.printed()])?;
    std::fs::remove_file(&file)?;
    until_listed(home)
}

/// The newest medicines of the patient who has the last of the first clinic's cards, given once more today.
fn document(cards: usize, name: &str, at: &str, today: jiff::civil::Date) -> Option<Document> {
    let sample = demo::patients(demo::SEED, cards, today).last().filter(|sample| sample.person.name == name)?;
    let visits =
        sample.facts.into_iter().filter_map(|fact| if let Content::Visit(visit) = fact.content { Some(visit) } else { None });
    let newest = visits.max_by_key(|visit| visit.date.day)?;
    let dispensed_at = newest.dispensed_at.map(|place| Institution { name: at.to_owned(), phone: String::new(), ..place });
    let date = DateText { raw: today.strftime("%Y%m%d").to_string(), day: Some(Day(today)) };
    let visit = Visit { date, dispensed_at, own_entries: Vec::new(), ..newest };
    let document = Document::new(OutputCategory::FacilityToPatient);
    Some(Document { patient: Some(sample.person), visits: vec![visit], ..document })
}

fn until_listed(home: &DemoClinic) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let listed: Value = serde_json::from_str(&run(&home.dir, &["elsewhere", "list", "--json"])?)?;
        if listed["new"]["entries"].as_u64().is_some_and(|entries| entries > 0) {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("what was written elsewhere did not come home within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
