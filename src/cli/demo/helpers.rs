//! Those who work at the demo's clinics, by role, each with a badge in a file; and a helper from outside, who can come when all of them are gone.

use super::clinics::DemoClinic;
use super::processes::run;
use super::region::{status, text};
use crate::cli::output::Output;
use crate::cli::secrets::{Hidden, read_staff, staff_file};
use crate::clinic::Clinic;
use crate::clinic::staff::{Account, Role};
use anyhow::{Context, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Who works at each clinic beside the first admin, by role.
const STAFF: [(Role, &str); 2] = [(Role::Pharmacist, "見本 薬子"), (Role::Reader, "見本 受付")];
/// What the first admin is called.
const ADMIN: &str = "見本 管理";
const HELPER: &str = "応援 太郎";
const LICENCE: &str = "000000";

/// How long it may take until a clinic's staff can open what it keeps for others.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The badge of a helper from outside.
pub(super) struct OutsideBadge {
    /// Its file.
    pub(super) file: PathBuf,
    /// Twelve digits; in the demo they may lie beside it.
    pub(super) pin: String,
}

/// Makes a badge for each role, in a file beside the clinic's directory, with the first admin's badge in `admin`.
pub(super) fn employ(clinic: &Clinic, dir: &Path, admin: &Path, output: &mut Output<'_>) -> anyhow::Result<()> {
    let (code, passphrase) = read_staff(&Hidden::read(admin)?)?;
    let admin = clinic.prove_staff(&code, &passphrase)?;
    if let Some(Account { opener, .. }) = clinic.accounts()?.first() {
        clinic.change_staff(&admin, *opener, ADMIN, Role::Admin)?;
    }
    for (role, name) in STAFF {
        let badge = clinic.add_staff(&admin, name, role, None)?;
        let passphrase = badge.passphrase.as_ref().map(|text| text.as_str());
        output.file(&dir.with_extension(role.word()), &staff_file(&badge.code.printed(), passphrase), true)?;
    }
    Ok(())
}

/// The badge files of a clinic, by role; none where an earlier version of the demo made none.
pub(super) fn badges(dir: &Path) -> Vec<(Role, PathBuf)> {
    let admin = [(Role::Admin, dir.with_extension("staff"))];
    let others = STAFF.map(|(role, _)| (role, dir.with_extension(role.word())));
    admin.into_iter().chain(others).filter(|(_, file)| file.exists()).collect()
}

/// Each clinic confirms who keeps its records, so that staff there can open them, too.
pub(super) fn confirm_holders(clinics: &[DemoClinic], held_by: &[Vec<String>]) -> anyhow::Result<()> {
    for (clinic, holders) in clinics.iter().zip(held_by) {
        let Some(staff) = admin_of(clinic) else { continue };
        for holder in holders.iter().filter(|name| *name != clinic.name) {
            run(&clinic.dir, &["region", "confirm", "--holder", holder, "--staff", &staff])?;
        }
    }
    clinics.iter().try_for_each(until_confirmed)
}

fn until_confirmed(clinic: &DemoClinic) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !is_confirmed(&status(clinic)?) {
        if begun.elapsed() > PATIENCE {
            bail!("{}: what it keeps for others cannot be opened by its staff within {} s", clinic.name, PATIENCE.as_secs());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Whether staff here can open every copy that lies here.
fn is_confirmed(status: &Value) -> bool {
    let own = |holder: &&Value| holder["site"] == status["site"];
    let copies = status["ledgers"].as_array().into_iter().flatten().filter(|ledger| ledger["home"] != status["site"]);
    let mut here = copies.filter_map(|ledger| ledger["holders"].as_array()?.iter().find(own));
    here.all(|holder| holder["unlock"] != "card only")
}

/// Issues a badge that opens each of the clinics, in place of an earlier run's. Staff of each were there for it once, and have locked again.
pub(super) fn invite(clinics: &[DemoClinic], dir: &Path) -> anyhow::Result<Option<OutsideBadge>> {
    let Some(first) = clinics.first() else { return Ok(None) };
    let duty = dir.join("kit/duty.txt");
    if !duty.exists() {
        return Ok(None);
    }
    // The one that issues comes last: by then it knows the others' keys.
    for clinic in clinics.iter().rev() {
        let Some(staff) = admin_of(clinic) else { return Ok(None) };
        run(&clinic.dir, &["unlock", "--staff", &staff])?;
        run(&clinic.dir, &["lock"])?;
    }
    let file = dir.canonicalize()?.join("outside.txt");
    if file.exists() {
        std::fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))?;
    }
    let path = |path: &Path| path.to_str().map(str::to_owned).context("the directory's name is no text");
    let (duty, out) = (path(&duty.canonicalize()?)?, path(&file)?);
    let who = ["badge", "issue", "--duty", &duty, "--name", HELPER, "--licence", LICENCE];
    let begun = Instant::now();
    loop {
        let issued = run(&first.dir, &[&who[..], &["--area", "all", "--out", &out, "--json"]].concat())?;
        let issued: Value = serde_json::from_str(&issued)?;
        let sites = issued["sites"].as_array().map_or(0, Vec::len);
        if sites == clinics.len() {
            return Ok(Some(OutsideBadge { file, pin: text(&issued["pin"])?.to_owned() }));
        }
        if begun.elapsed() > PATIENCE {
            bail!("only {sites} of {} clinics have said which keys open them to a helper", clinics.len());
        }
        std::fs::remove_file(&file)?;
        std::thread::sleep(LOOK_EVERY);
    }
}

fn admin_of(clinic: &DemoClinic) -> Option<String> {
    let (_, file) = clinic.badges.iter().find(|(role, _)| *role == Role::Admin)?;
    file.to_str().map(str::to_owned)
}
