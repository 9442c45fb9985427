//! The command line: one file a command. Results go to standard output, everything else to standard error; exit 0 done, 1 refused or
//! wrong input, 2 usage.

mod access;
mod audit;
mod badge;
mod card;
mod carry;
mod demo;
mod drugs;
mod elsewhere;
mod export;
mod import;
mod init;
pub mod inspect;
mod lang;
mod install;
mod logging;
mod output;
mod patient;
mod poster;
mod region;
mod request;
mod secrets;
mod serve;
mod set_aside;
mod simulate;
mod site;
mod socket;
mod staff;
mod study;
mod update;
mod verify;

use clap::{Args, CommandFactory, Parser, Subcommand};
use output::Output;
use request::Request;
use std::path::PathBuf;
use std::process::ExitCode;

/// Keeps a clinic's medication records, sealed, and shows them to patients on the clinic's own network when the internet is gone.
#[derive(Parser)]
#[command(name = "kusuribako", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  kusuribako demo                                  look at it with made-up patients
  kusuribako init --dir /var/lib/kusuribako --name さくら薬局
  kusuribako import --dir /var/lib/kusuribako --new-patients 20260410.csv
  kusuribako card issue --dir /var/lib/kusuribako --patient 3f0c…
  kusuribako serve --dir /var/lib/kusuribako
  kusuribako inspect 20260410.csv                  read a file, keep nothing

Set KUSURIBAKO_DIR instead of writing --dir each time.";

#[derive(Subcommand)]
enum Command {
    /// Start a clinic of made-up patients on this computer and print three sample cards
    Demo(demo::DemoArgs),
    /// Found a clinic in an empty directory
    Init(init::InitArgs),
    /// Set this machine up: program, units, account, data directory
    Install(install::InstallArgs),
    /// Take the program away; data stay
    Uninstall(install::UninstallArgs),
    /// A new version from a signed file, and back
    Update(update::UpdateArgs),
    /// Serve the patients' pages
    Serve(serve::ServeArgs),
    /// How phones get to the box: certificates, http that is declared, the board of it all; recipes for a router or an access point
    Access(access::AccessArgs),
    /// Take in JAHIS files, their parts, or pictures of their QR codes
    Import(import::ImportArgs),
    /// Records that wait for a person's decision
    SetAside(set_aside::SetAsideArgs),
    /// Write a patient's record as a file
    Export(export::ExportArgs),
    /// Read JAHIS files or pictures and show what is in them; nothing is kept
    Inspect(inspect::InspectArgs),
    /// Patients' cards: issue, replace, revoke, list
    Card(card::CardArgs),
    /// Patients: add, list
    Patient(patient::PatientArgs),
    /// A carried copy for a place without any network: export, open, return
    Carry(carry::CarryArgs),
    /// The region: found, invite, join, who holds whose copies, what is wrong
    Region(region::RegionArgs),
    /// What happened to this clinic's patients at other clinics, and what staff do about it
    Elsewhere(elsewhere::ElsewhereArgs),
    /// The sheet on the wall: how a phone gets onto the Wi-Fi and to the record, in several languages
    Poster(poster::PosterArgs),
    /// For translators: strings that are still in English, or whose Japanese has changed
    Lang(lang::LangArgs),
    /// The clinic's own drug master: take in published tables, look products up
    Drugs(drugs::DrugsArgs),
    /// Staff badges
    Staff(staff::StaffArgs),
    /// Badges for helpers from outside: issue, open, list
    Badge(badge::BadgeArgs),
    /// Looks with a reason: list, export, review
    Audit(audit::AuditArgs),
    /// Open the copies that lie here, with the badge and passphrase of somebody of the staff
    Unlock(staff::UnlockArgs),
    /// Forget what was opened
    Lock(staff::LockArgs),
    /// What this clinic says of itself: name, telephone, place, machine, capacity
    Site(site::SiteArgs),
    /// Check everything that lies on disk: chains, signatures, projections, the database itself
    Verify(verify::VerifyArgs),
    /// Make the projections again from the entries
    Rebuild(verify::RebuildArgs),
    /// The founding paper's study and your region's: hazard, placements, maps
    Study(study::StudyArgs),
    /// A region in memory, through whatever can go wrong: does what must hold, hold?
    Simulate(simulate::SimulateArgs),
    /// Measure this machine against a reference, as ratios
    Bench(crate::bench::BenchArgs),
    /// Many phones at once at a clinic that is being served: how soon do pages come?
    Load(crate::bench::LoadArgs),
}

/// Where the clinic's data lies. Named before or after a command's own words.
#[derive(Args, Clone)]
struct At {
    /// The clinic's data directory
    #[arg(long, env = "KUSURIBAKO_DIR", value_name = "DIR", global = true)]
    dir: Option<PathBuf>,
    /// The key file, where it does not lie in the data directory (DIR/node.key)
    #[arg(long, env = "KUSURIBAKO_KEY_FILE", value_name = "FILE", global = true)]
    key_file: Option<PathBuf>,
}

impl At {
    fn dir(&self) -> anyhow::Result<&std::path::Path> {
        let unnamed = || {
            let sentence = "name the clinic's data directory with --dir DIR, or set KUSURIBAKO_DIR";
            Cli::command().error(clap::error::ErrorKind::MissingRequiredArgument, sentence)
        };
        Ok(self.dir.as_deref().ok_or_else(unnamed)?)
    }

    /// Where none was named.
    fn default_dir(&mut self, dir: Option<PathBuf>) {
        self.dir = self.dir.take().or(dir);
    }

    fn location(&self) -> anyhow::Result<crate::clinic::setup::Location> {
        let mut location = crate::clinic::setup::Location::new(self.dir()?);
        location.key_file.clone_from(&self.key_file);
        Ok(location)
    }
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    logging::start();
    let cli = Cli::parse();
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let mut output = Output::new(&mut out, &mut err);
    let done = run(cli.command, &mut output);
    match done {
        Ok(code) => ExitCode::from(code),
        // Whoever read the result has what they wanted (`| head`).
        Err(error) if is_pipe_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(usage) = error.downcast_ref::<clap::Error>() {
                usage.exit();
            }
            output.error(&error);
            ExitCode::from(1)
        }
    }
}

fn is_pipe_closed(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run(command: Command, output: &mut Output<'_>) -> anyhow::Result<u8> {
    match command {
        Command::Demo(args) => demo::run(&args, output),
        Command::Init(args) => init::run(&args, output),
        Command::Install(args) => install::run(&args, output),
        Command::Uninstall(args) => install::uninstall(&args, output),
        Command::Update(args) => update::run(args, output),
        Command::Serve(args) => serve::run(&args, output),
        Command::Import(args) => import::run(&args, output),
        Command::SetAside(args) => request::dispatch(&args.at.clone(), Request::SetAside(args.action.read()?), output),
        Command::Export(args) => export::run(&args, output),
        Command::Inspect(args) => {
            let (out, err) = output.streams();
            inspect::run(&args, out, err)
        }
        Command::Card(args) => request::dispatch(&args.at.clone(), Request::Card(args.action), output),
        Command::Patient(args) => request::dispatch(&args.at.clone(), Request::Patient(args.action), output),
        Command::Carry(args) => carry::run(args, output),
        Command::Region(args) => region::run(args, output),
        Command::Elsewhere(args) => elsewhere::run(args, output),
        Command::Lang(args) => lang::run(&args, output),
        Command::Poster(args) => poster::run(&args, output),
        Command::Drugs(args) => drugs::run(args, output),
        Command::Access(args) => access::run(args, output),
        Command::Staff(args) => staff::run(args, output),
        Command::Badge(args) => badge::run(args, output),
        Command::Audit(args) => audit::run(args, output),
        Command::Unlock(args) => staff::unlock(&args, output),
        Command::Lock(args) => request::dispatch(&args.at, Request::Staff(staff::Action::Lock), output),
        Command::Site(args) => site::run(args, output),
        Command::Verify(args) => request::dispatch(&args.at, Request::Verify { json: args.json }, output),
        Command::Rebuild(args) => request::dispatch(&args.at, Request::Rebuild, output),
        Command::Study(args) => study::run(&args, output),
        Command::Simulate(args) => simulate::run(&args, output),
        Command::Bench(args) => {
            let (out, err) = output.streams();
            crate::bench::run(&args, out, err)
        }
        Command::Load(args) => {
            let (out, err) = output.streams();
            crate::bench::load(&args, out, err)
        }
    }
}
