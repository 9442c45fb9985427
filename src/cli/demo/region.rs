//! The demo's region: founded and joined by the same commands that people use.

use super::clinics::DemoClinic;
use super::processes::run;
use crate::cli::output::Output;
use anyhow::{Context, bail};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long copying may take.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Founds the region at the first clinic and lets the others join, unless an earlier demo did. Says whether it was founded now.
pub(super) fn form(clinics: &[DemoClinic], dir: &Path, output: &mut Output<'_>) -> anyhow::Result<bool> {
    let [first, others @ ..] = clinics else { return Ok(false) };
    if !status(first)?["region"].is_null() {
        return Ok(false);
    }
    output.say("founding a region; copying each clinic's records to another …");
    let kit = dir.join("kit");
    let kit = kit.to_str().context("the directory's name is no text")?;
    run(&first.dir, &["region", "found", "--name", "見本の地域", "--kit-out", kit])?;
    let root = format!("{kit}/root.txt");
    for joining in others {
        let invited = json(&first.dir, &["region", "invite", "--address", &first.sync.to_string(), "--json"])?;
        let code = text(&invited["code"])?;
        let asked = json(&joining.dir, &["region", "join", code, "--address", &first.sync.to_string(), "--json"])?;
        let compared = text(&asked["compared"])?;
        run(&joining.dir, &["region", "confirm", compared])?;
        run(&first.dir, &["region", "confirm", compared, "--root", &root])?;
    }
    run(&first.dir, &["region", "place", "--adopt", "--alternates", "1", "--root", &root])?;
    Ok(true)
}

/// Waits until every record lies at two clinics; the names of those that keep each clinic's, in the clinics' order.
pub(super) fn until_copied(clinics: &[DemoClinic], output: &mut Output<'_>) -> anyhow::Result<Vec<Vec<String>>> {
    let begun = Instant::now();
    loop {
        let statuses: Vec<Value> = clinics.iter().map(status).collect::<Result<_, _>>()?;
        let names = statuses.first().and_then(|status| held_by(clinics, status));
        if let Some(names) = names.filter(|_| statuses.iter().all(is_copied)) {
            return Ok(names);
        }
        if begun.elapsed() > PATIENCE {
            output.say(format_args!("{:#}", statuses.first().unwrap_or(&Value::Null)));
            bail!("the clinics have not copied each other's records within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// As far as this clinic knows: of what it does not hold itself, only others know.
fn is_copied(status: &Value) -> bool {
    let Some(ledgers) = status["ledgers"].as_array() else { return false };
    let own = |holder: &Value| holder["site"] == status["site"];
    let is_whole = |ledger: &Value| {
        let holders = ledger["holders"].as_array().map_or(&[][..], Vec::as_slice);
        holders.len() >= 2 && (!holders.iter().any(own) || holders.iter().all(|holder| holder["behind"] == 0))
    };
    !ledgers.is_empty() && ledgers.iter().all(is_whole)
}

fn held_by(clinics: &[DemoClinic], status: &Value) -> Option<Vec<Vec<String>>> {
    let sites = status["sites"].as_array()?;
    let name_of = |site: &Value| {
        let found = sites.iter().find(|known| known["site"] == *site)?;
        found["name"].as_str().map(str::to_owned)
    };
    let site_of = |name: &str| sites.iter().find(|known| known["name"] == name).map(|known| &known["site"]);
    let held = clinics.iter().map(|clinic| {
        let home = site_of(clinic.name)?;
        let ledger = status["ledgers"].as_array()?.iter().find(|ledger| ledger["home"] == *home)?;
        ledger["holders"].as_array()?.iter().map(|holder| name_of(&holder["site"])).collect()
    });
    held.collect()
}

/// What a clinic knows of its region.
pub(super) fn status(clinic: &DemoClinic) -> anyhow::Result<Value> {
    json(&clinic.dir, &["region", "status", "--json"])
}

fn json(dir: &Path, args: &[&str]) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&run(dir, args)?)?)
}

/// A text that a command's answer has to hold.
pub(super) fn text(value: &Value) -> anyhow::Result<&str> {
    value.as_str().context("a command's answer lacks what the demo needs")
}
