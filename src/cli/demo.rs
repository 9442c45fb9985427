//! `demo`: a clinic of made-up patients on loopback, and three sample cards.

use super::card;
use super::output::Output;
use super::serve::{self, Serving};
use crate::clinic::intake::NewFact;
use crate::clinic::patients::NewPatient;
use crate::clinic::setup::{Location, is_founded};
use crate::clinic::{Clinic, cards::IssuedCard};
use crate::clock::Clock;
use crate::demo::{self, SamplePatient};
use crate::formats::qr::{self, Correction};
use crate::ledger::payload::SiteProfile;
use crate::record::{Channel, Origin, Source};
use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

const NAME: &str = "さくら薬局（見本）";
const PHONE: &str = "000-0000-0000";
/// Says that a directory belongs to a demo; a clinic's own data is never touched.
const MARK: &str = "demo";

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// An empty directory, or an earlier demo's; a temporary one where none is named
    #[arg(long, env = "KUSURIBAKO_DEMO_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Port on this computer; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// One line of JSON when ready
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &DemoArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let dir = args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("kusuribako-demo-{}", std::process::id())));
    let is_temporary = args.dir.is_none();
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port))).context("listening on 127.0.0.1")?;
    let url = format!("http://{}", listener.local_addr()?);
    let clinic = open_or_make(&dir, &url, output)?;
    let cards = sample_cards(&clinic)?;
    let ready = |output: &mut Output<'_>| announce(args.json, &url, &dir, &cards, &clinic, output);
    let served = serve::until_signal(
        Serving { clinic: clinic.clone(), dir: &dir, listener, tls: None, hosts: Vec::new(), sync: None },
        output,
        ready,
    );
    drop(clinic);
    if is_temporary {
        std::fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
    }
    served
}

fn open_or_make(dir: &Path, url: &str, output: &mut Output<'_>) -> anyhow::Result<Clinic> {
    let clock = Clock::system();
    let location = Location::new(dir);
    let profile =
        SiteProfile { name: NAME.to_owned(), phone: PHONE.to_owned(), card_base: url.to_owned(), ..SiteProfile::default() };
    if is_founded(dir) {
        if !dir.join(MARK).exists() {
            bail!("{} holds a clinic that is no demo: name an empty directory", dir.display());
        }
        let clinic = Clinic::open(&location, clock.clone())?;
        clinic.set_profile(&profile)?;
        drop(clinic);
        return Ok(Clinic::open(&location, clock)?);
    }
    if dir.read_dir().is_ok_and(|mut files| files.next().is_some()) {
        bail!("{} is neither empty nor an earlier demo's directory: name another", dir.display());
    }
    let clinic = Clinic::found(&location, &profile, clock)?;
    std::fs::write(dir.join(MARK), "made-up patients: see `kusuribako demo --help`\n")?;
    output.say("making a clinic of 300 made-up patients …");
    let samples = crate::demo::patients(demo::SEED, demo::PATIENTS, clinic.today().date);
    clinic.register_many(samples.map(new_patient).collect())?;
    Ok(clinic)
}

fn new_patient(sample: SamplePatient) -> NewPatient {
    let facts = sample.facts.into_iter().map(|f| NewFact { id: f.id, content: f.content, source: f.source, digest: None });
    let source = Source { origin: Origin::Staff, name: NAME.to_owned(), channel: Channel::CommandLine };
    NewPatient { person: sample.person, source, facts: facts.collect() }
}

/// Cards of the first three patients. What an earlier run printed is replaced: a card cannot be printed again.
fn sample_cards(clinic: &Clinic) -> anyhow::Result<Vec<(IssuedCard, String)>> {
    let patients = clinic.patients()?;
    let mut cards = Vec::new();
    for patient in patients.iter().take(demo::CARDS) {
        let active = clinic.cards(Some(patient.subject))?.into_iter().find(|card| card.revoked.is_none());
        let card = match active {
            Some(old) => clinic.replace_card(old.opener)?,
            None => clinic.issue_card(patient.subject)?,
        };
        cards.push((card, patient.person.name.clone()));
    }
    Ok(cards)
}

fn announce(
    json: bool,
    url: &str,
    dir: &Path,
    cards: &[(IssuedCard, String)],
    clinic: &Clinic,
    output: &mut Output<'_>,
) -> anyhow::Result<()> {
    if json {
        let cards: Vec<_> = cards
            .iter()
            .map(|(card, name)| json!({"code": *card.code.printed(), "pin": *card.pin.digits(), "patient": name}))
            .collect();
        let data = dir.canonicalize()?;
        return output.json(
            &json!({"clinics": [{"name": clinic.name(), "url": url, "pid": std::process::id(), "data": data, "cards": cards}]}),
        );
    }
    output.result(format_args!("{} — made-up patients only\n\n  {url}\n", clinic.name()))?;
    for (card, name) in cards {
        output.result(qr::terminal(card::url(url, card).as_bytes(), Correction::Low)?)?;
        output.result(format_args!("  {name}\n  card  {}\n  PIN   {}\n", *card.code.printed(), *card.pin.digits()))?;
    }
    output.result(format_args!("Open {url} and type a card's code and PIN. Ctrl-C ends the demo."))
}
