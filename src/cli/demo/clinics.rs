//! The three clinics' directories: made once, opened again by a later demo.

use super::helpers;
use crate::cli::output::Output;
use crate::clinic::Clinic;
use crate::clinic::cards::IssuedCard;
use crate::clinic::intake::NewFact;
use crate::clinic::patients::NewPatient;
use crate::clinic::setup::{Location, is_founded};
use crate::clinic::staff::Role;
use crate::clock::Clock;
use crate::demo::{self, SamplePatient};
use crate::ledger::payload::SiteProfile;
use crate::record::{Channel, Origin, Source};
use anyhow::{Context, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// Says that a directory belongs to a demo; a clinic's own data is never touched.
const MARK: &str = "demo";

/// What a clinic of the demo is called, and where it would stand.
struct Sample {
    name: &'static str,
    phone: &'static str,
    lat: &'static str,
    lon: &'static str,
    damage: &'static str,
}

const SAMPLES: [Sample; 3] = [
    Sample { name: "さくら薬局（見本）", phone: "000-0000-0000", lat: "38.268", lon: "140.872", damage: "0.30" },
    Sample { name: "あおば診療所（見本）", phone: "000-0000-0001", lat: "38.253", lon: "140.845", damage: "0.15" },
    Sample { name: "みなと薬局（見本）", phone: "000-0000-0002", lat: "38.274", lon: "140.982", damage: "0.60" },
];

/// One of the three, not being served.
pub(super) struct DemoClinic {
    pub(super) name: &'static str,
    pub(super) dir: PathBuf,
    /// Where patients open it.
    pub(super) url: String,
    /// Where its pages listen.
    pub(super) pages: SocketAddr,
    /// Where the other clinics reach it.
    pub(super) sync: SocketAddr,
    /// The files with badges and passphrases of its staff, by role.
    pub(super) badges: Vec<(Role, PathBuf)>,
    /// With the patients' names.
    pub(super) cards: Vec<(IssuedCard, String)>,
}

/// Makes or opens them, each with sample cards. Ports are free ones; the first clinic's can be given.
pub(super) fn open_or_make(dir: &Path, port: u16, output: &mut Output<'_>) -> anyhow::Result<(Vec<DemoClinic>, Ports)> {
    check(dir)?;
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    std::fs::write(dir.join(MARK), "made-up patients: see `kusuribako demo --help`\n")?;
    let ports = Ports::take(port)?;
    let each = demo::PATIENTS / SAMPLES.len();
    let clinics = SAMPLES.iter().zip(ports.addresses()?).enumerate().map(|(place, (sample, (pages, sync)))| {
        let own = dir.join(format!("clinic-{}", place + 1));
        let url = format!("http://{pages}");
        let clinic = match is_founded(&own) {
            true => opened(&own, &url)?,
            false => made(&own, sample, &url, place * each, each, output)?,
        };
        let cards = sample_cards(&clinic, if place == 0 { demo::CARDS } else { 1 })?;
        let dir = own.canonicalize()?;
        let badges = helpers::badges(&dir);
        Ok(DemoClinic { name: sample.name, dir, url, pages, sync, badges, cards })
    });
    Ok((clinics.collect::<anyhow::Result<_>>()?, ports))
}

fn check(dir: &Path) -> anyhow::Result<()> {
    let is_used = dir.read_dir().is_ok_and(|mut files| files.next().is_some());
    if is_founded(dir) && !dir.join(MARK).exists() {
        bail!("{} holds a clinic that is no demo: name an empty directory", dir.display());
    }
    if is_founded(dir) {
        bail!("{} is a demo of an earlier version, with one clinic: name an empty directory", dir.display());
    }
    if is_used && !dir.join(MARK).exists() {
        bail!("{} is neither empty nor an earlier demo's directory: name another", dir.display());
    }
    Ok(())
}

/// Free ports for pages and for other clinics, of each clinic; held until the clinics are started, so that nobody else takes them.
pub(super) struct Ports(Vec<(TcpListener, TcpListener)>);

/// Below the ports that systems give to outgoing connections, one of which might take a port between two looks.
const OWN_PORTS: std::ops::Range<u16> = 20_000..32_000;

impl Ports {
    fn take(first: u16) -> anyhow::Result<Self> {
        let bind = |port: u16| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        // Demos that start together begin at different places.
        let begin = usize::try_from(std::process::id())? * 2 * SAMPLES.len() % OWN_PORTS.len();
        let mut free = OWN_PORTS.cycle().skip(begin).take(OWN_PORTS.len()).filter_map(|port| bind(port).ok());
        let mut free = || free.next().context("no port from 20000 to 31999 is free on 127.0.0.1");
        let held = (0..SAMPLES.len()).map(|place| {
            let pages = match (place, first) {
                (0, 1..) => bind(first).with_context(|| format!("listening on 127.0.0.1:{first}"))?,
                (_, _) => free()?,
            };
            Ok((pages, free()?))
        });
        held.collect::<anyhow::Result<_>>().map(Self)
    }

    fn addresses(&self) -> anyhow::Result<Vec<(SocketAddr, SocketAddr)>> {
        self.0.iter().map(|(pages, sync)| Ok((pages.local_addr()?, sync.local_addr()?))).collect()
    }
}

fn opened(dir: &Path, url: &str) -> anyhow::Result<Clinic> {
    let clinic = Clinic::open(&Location::new(dir), Clock::system())?;
    clinic.set_profile(&SiteProfile { card_base: url.to_owned(), ..clinic.profile().clone() })?;
    drop(clinic);
    Ok(Clinic::open(&Location::new(dir), Clock::system())?)
}

fn made(dir: &Path, sample: &Sample, url: &str, from: usize, count: usize, output: &mut Output<'_>) -> anyhow::Result<Clinic> {
    output.say(format_args!("making {} with {count} made-up patients …", sample.name));
    let Sample { name, phone, lat, lon, damage } = sample;
    let staff = dir.with_extension("staff");
    let staff = staff.to_str().context("the directory's name is no text")?;
    let site = ["--lat", lat, "--lon", lon, "--damage", damage, "--capacity", "1000", "--host", name];
    let init = ["init", "--name", name, "--phone", phone, "--card-base", url, "--admin-out", staff];
    super::processes::run(dir, &[&init[..], &site].concat())?;
    let clinic = Clinic::open(&Location::new(dir), Clock::system())?;
    helpers::employ(&clinic, dir, Path::new(staff), output)?;
    let samples = crate::demo::patients(demo::SEED, from + count, clinic.today().date).skip(from);
    clinic.register_many(samples.map(|sample| new_patient(sample, name)).collect())?;
    Ok(clinic)
}

fn new_patient(sample: SamplePatient, name: &str) -> NewPatient {
    let facts = sample.facts.into_iter().map(|f| NewFact { id: f.id, content: f.content, source: f.source, digest: None });
    let source = Source { origin: Origin::Staff, name: name.to_owned(), channel: Channel::CommandLine };
    NewPatient { person: sample.person, source, facts: facts.collect() }
}

/// Cards of the first patients. What an earlier run printed is replaced: a card cannot be printed again.
fn sample_cards(clinic: &Clinic, count: usize) -> anyhow::Result<Vec<(IssuedCard, String)>> {
    let patients = clinic.patients()?;
    let mut cards = Vec::new();
    for patient in patients.iter().take(count) {
        let active = clinic.cards(Some(patient.subject))?.into_iter().find(|card| card.revoked.is_none());
        let card = match active {
            Some(old) => clinic.replace_card(old.opener)?,
            None => clinic.issue_card(patient.subject)?,
        };
        cards.push((card, patient.person.name.clone()));
    }
    Ok(cards)
}
