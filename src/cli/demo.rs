//! `demo`: three clinics of made-up patients on loopback, one region, each record at two of them; and sample cards.

mod clinics;
mod helpers;
mod news;
mod processes;
mod region;

use super::card;
use super::output::Output;
use crate::clinic::staff::Role;
use crate::formats::qr::{self, Correction};
use clap::Args;
use clinics::DemoClinic;
use helpers::OutsideBadge;
use processes::Processes;
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// An empty directory, or an earlier demo's; a temporary one where none is named
    #[arg(long, env = "KUSURIBAKO_DEMO_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The first clinic's port on this computer; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// One line of JSON when ready
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &DemoArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let dir = args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("kusuribako-demo-{}", std::process::id())));
    let shown = show(args, &dir, output);
    if args.dir.is_none() && dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    shown.map(|()| 0)
}

fn show(args: &DemoArgs, dir: &Path, output: &mut Output<'_>) -> anyhow::Result<()> {
    let (clinics, ports) = clinics::open_or_make(dir, args.port, output)?;
    let processes = Processes::start(&clinics, ports)?;
    let is_new = region::form(&clinics, dir, output)?;
    let held_by = region::until_copied(&clinics, output)?;
    if is_new {
        helpers::confirm_holders(&clinics, &held_by)?;
        news::happen(&clinics, &held_by)?;
    }
    let outside = helpers::invite(&clinics, dir)?;
    match args.json {
        true => output.json(&as_json(&clinics, &processes, &held_by, outside.as_ref()))?,
        false => announce(&clinics, processes.pids(), &held_by, outside.as_ref(), output)?,
    }
    processes.until_signal(&clinics, output)
}

fn as_json(
    clinics: &[DemoClinic],
    processes: &Processes,
    held_by: &[Vec<String>],
    outside: Option<&OutsideBadge>,
) -> serde_json::Value {
    let rows: Vec<_> = clinics
        .iter()
        .zip(held_by)
        .zip(processes.pids())
        .map(|((clinic, held_by), pid)| {
            let card = |(card, name): &(super::super::clinic::cards::IssuedCard, String)| {
                json!({"code": *card.code.printed(), "pin": *card.pin.digits(), "patient": name, "held_by": held_by})
            };
            let cards: Vec<_> = clinic.cards.iter().map(card).collect();
            let badges: serde_json::Map<_, _> =
                clinic.badges.iter().map(|(role, file)| (role.word().to_owned(), json!(file))).collect();
            let staff = clinic.badges.iter().find(|(role, _)| *role == Role::Admin).map(|(_, file)| file);
            json!({
                "name": clinic.name, "url": clinic.url, "sync": clinic.sync.to_string(), "pid": pid, "data": clinic.dir,
                "staff": staff, "badges": badges, "cards": cards,
            })
        })
        .collect();
    json!({"clinics": rows, "outside": outside.map(|badge| json!({"file": badge.file, "pin": badge.pin}))})
}

fn announce(
    clinics: &[DemoClinic],
    pids: impl Iterator<Item = u32>,
    held_by: &[Vec<String>],
    outside: Option<&OutsideBadge>,
    output: &mut Output<'_>,
) -> anyhow::Result<()> {
    output.result("Three clinics of one region — made-up patients only\n")?;
    for ((clinic, held_by), pid) in clinics.iter().zip(held_by).zip(pids) {
        let held_by = held_by.join(", ");
        output.result(format_args!(
            "{}\n  {}  (process {pid})\n  its records are kept by {held_by}\n",
            clinic.name, clinic.url
        ))?;
        if !clinic.badges.is_empty() {
            output.result(format_args!("  staff {}/staff", clinic.url))?;
        }
        for (role, file) in &clinic.badges {
            output.result(format_args!("  {:<10} {}", role.word(), file.display()))?;
        }
        output.result("")?;
        for (card, name) in &clinic.cards {
            if std::ptr::eq(clinic, &clinics[0]) {
                output.result(qr::terminal(card::url(&clinic.url, card).as_bytes(), Correction::Low)?)?;
            }
            output.result(format_args!("  {name}\n  card  {}\n  PIN   {}\n", *card.code.printed(), *card.pin.digits()))?;
        }
    }
    if let Some(OutsideBadge { file, pin }) = outside {
        output.result(format_args!(
            "A helper from outside, at any of the three under /staff/outside\n  badge {}\n  PIN   {pin}\n",
            file.display()
        ))?;
    }
    output.result(
        "Open an address and type a card's code and PIN. Try a card at the other two clinics: one has a copy, the other says where to go.\n\
         Staff sign in with the text of a badge file: at the first clinic something that was written elsewhere waits.\n\
         With the helper's badge another clinic's patient is opened with a reason, also when that clinic is dead: two of the first one's\n\
         patients sound alike (ミホン ハナコ), and only one of them takes warfarin.\n\
         To see a clinic die, end its process (`kill -9` and the number behind its address). Ctrl-C ends the demo.",
    )
}
