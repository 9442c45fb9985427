//! `demo`: three clinics of made-up patients on loopback, one region, each record at two of them; and sample cards.

mod clinics;
mod news;
mod processes;
mod region;

use super::card;
use super::output::Output;
use crate::formats::qr::{self, Correction};
use clap::Args;
use clinics::DemoClinic;
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
        news::happen(&clinics, &held_by)?;
    }
    match args.json {
        true => output.json(&as_json(&clinics, &processes, &held_by))?,
        false => announce(&clinics, processes.pids(), &held_by, output)?,
    }
    processes.until_signal(&clinics, output)
}

fn as_json(clinics: &[DemoClinic], processes: &Processes, held_by: &[Vec<String>]) -> serde_json::Value {
    let rows: Vec<_> = clinics
        .iter()
        .zip(held_by)
        .zip(processes.pids())
        .map(|((clinic, held_by), pid)| {
            let card = |(card, name): &(super::super::clinic::cards::IssuedCard, String)| {
                json!({"code": *card.code.printed(), "pin": *card.pin.digits(), "patient": name, "held_by": held_by})
            };
            let cards: Vec<_> = clinic.cards.iter().map(card).collect();
            json!({"name": clinic.name, "url": clinic.url, "pid": pid, "data": clinic.dir, "staff": clinic.staff, "cards": cards})
        })
        .collect();
    json!({"clinics": rows})
}

fn announce(
    clinics: &[DemoClinic],
    pids: impl Iterator<Item = u32>,
    held_by: &[Vec<String>],
    output: &mut Output<'_>,
) -> anyhow::Result<()> {
    output.result("Three clinics of one region — made-up patients only\n")?;
    for ((clinic, held_by), pid) in clinics.iter().zip(held_by).zip(pids) {
        let held_by = held_by.join(", ");
        output.result(format_args!(
            "{}\n  {}  (process {pid})\n  its records are kept by {held_by}\n",
            clinic.name, clinic.url
        ))?;
        if let Some(staff) = &clinic.staff {
            output.result(format_args!("  staff {}/staff\n  badge {}\n", clinic.url, staff.display()))?;
        }
        for (card, name) in &clinic.cards {
            if std::ptr::eq(clinic, &clinics[0]) {
                output.result(qr::terminal(card::url(&clinic.url, card).as_bytes(), Correction::Low)?)?;
            }
            output.result(format_args!("  {name}\n  card  {}\n  PIN   {}\n", *card.code.printed(), *card.pin.digits()))?;
        }
    }
    output.result(
        "Open an address and type a card's code and PIN. Try a card at the other two clinics: one has a copy, the other says where to go.\n\
         Staff sign in with the text of the badge file: at the first clinic something that was written elsewhere waits.\n\
         To see a clinic die, end its process (`kill -9` and the number behind its address). Ctrl-C ends the demo.",
    )
}
