//! The arguments of `region`, and what becomes of them: files are read where the command is given, not where it is carried out.

use super::{carry, confirm, describe, emergency, joining, keys, kit, place, succession};
use crate::cli::At;
use crate::cli::output::Output;
use crate::cli::secrets::{Hidden, Signing, WordArgs};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "Examples:
  kusuribako region found --name 高知 --kit-out /media/usb/kit
  kusuribako region invite --address 192.168.1.10:7443
  kusuribako region join CODE --address 192.168.1.10:7443
  kusuribako region confirm CODE --root root.txt           at the clinic that invited
  kusuribako region confirm CODE                           at the clinic that joins
  kusuribako region place --propose --explain
  kusuribako region status")]
pub(crate) struct RegionArgs {
    #[command(flatten)]
    pub(crate) at: At,
    #[command(subcommand)]
    action: ActionArgs,
}

#[derive(Subcommand)]
enum ActionArgs {
    /// Found a region with this clinic as its first site; needs no network
    Found(joining::FoundArgs),
    /// Invite a clinic: a code that is valid once and for a while
    Invite(joining::InviteArgs),
    /// Answer the request file of a clinic that has no way here by network
    Answer(joining::AnswerArgs),
    /// Join with an invitation's code
    Join(joining::JoinArgs),
    /// Confirm what two people compared; without a code, list what waits
    Confirm(confirm::ConfirmArgs),
    /// Hand a lost clinic's keys to the new box that takes its place, with somebody of its staff; here lie its copies
    Succeed(succession::SucceedArgs),
    /// Admit a new box that staff proposed in place of a lost one
    Admit(succession::AdmitArgs),
    /// Take the region's statements out to a file, or in from one
    Carry(carry::CarryArgs),
    /// Say of a site what it says of itself: it was moved, or holds more than before
    Describe(describe::DescribeArgs),
    /// Refuse a box from now on; what it wrote up to what is known here still counts
    Revoke(keys::RevokeArgs),
    /// A box may still deliver what it wrote, and gets nothing any more
    Retire(keys::RetireArgs),
    /// Up to where a box's chains are known here, for `revoke --marks`
    Marks {
        /// A site's name, or the first digits of a site's or node's id
        who: String,
    },
    /// Persons who sign for the region, two of them together
    Deputy(keys::DeputyArgs),
    /// Sign what another deputy has signed
    Sign {
        /// The statement's id, or its first digits
        statement: String,
        #[command(flatten)]
        word: WordArgs,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Who holds whose copies: propose, explain, adopt
    Place(place::PlaceArgs),
    /// The recovery kit: check sheets, split a key, put two sheets together
    Kit(kit::KitArgs),
    /// Who belongs to the region, who holds what, and what is wrong
    Status {
        /// Language of the page: ja or en [default: as LANG says]
        #[arg(long, value_parser = ["ja", "en"], conflicts_with = "json")]
        lang: Option<String>,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Draw sites, copies and state as a picture (SVG)
    Map {
        /// Write the picture here instead of to standard output
        #[arg(long, value_name = "FILE.svg")]
        out: Option<PathBuf>,
    },
    /// Sites were hit: declare it, or say that it is over
    Emergency(emergency::EmergencyArgs),
}

/// What to do, as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    Found(joining::Found),
    Invite(joining::Invite),
    Answer(joining::Answer),
    Join(joining::Join),
    Confirm(confirm::Confirm),
    Carry(carry::Carry),
    Succeed(succession::Succeed),
    Admit(succession::Admit),
    Describe(describe::Describe),
    End(keys::End),
    Marks { who: String },
    Deputies(keys::Deputies),
    Sign { statement: String, signing: Signing, json: bool },
    Place(place::Place),
    Kit { sheets: Vec<Hidden>, json: bool },
    Status { is_japanese: bool, json: bool },
    Map { out: Option<PathBuf> },
    Emergency(emergency::Action),
}

impl RegionArgs {
    /// Reads what the arguments name. `None` where everything is done already: some things need no clinic.
    pub(super) fn into_action(self, output: &mut Output<'_>) -> anyhow::Result<Option<Action>> {
        Ok(Some(match self.action {
            ActionArgs::Found(args) => Action::Found(args.read(output)?),
            ActionArgs::Invite(args) => Action::Invite(args.read()),
            ActionArgs::Answer(args) => Action::Answer(args.read()?),
            ActionArgs::Join(args) => Action::Join(args.read()?),
            ActionArgs::Confirm(args) => Action::Confirm(args.read()?),
            ActionArgs::Carry(args) => Action::Carry(args.read()?),
            ActionArgs::Succeed(args) => Action::Succeed(args.read()?),
            ActionArgs::Admit(args) => Action::Admit(args.read()?),
            ActionArgs::Describe(args) => Action::Describe(args.read()?),
            ActionArgs::Revoke(args) => Action::End(args.read()?),
            ActionArgs::Retire(args) => Action::End(args.read()?),
            ActionArgs::Marks { who } => Action::Marks { who },
            ActionArgs::Deputy(args) => return Ok(args.read(output)?.map(Action::Deputies)),
            ActionArgs::Sign { statement, word, json } => Action::Sign { statement, signing: word.read()?, json },
            ActionArgs::Place(args) => Action::Place(args.read()?),
            ActionArgs::Kit(args) => return kit::read(args, output),
            ActionArgs::Status { lang, json } => {
                let lang = lang.or_else(language).unwrap_or_default();
                Action::Status { is_japanese: lang.starts_with("ja"), json }
            }
            ActionArgs::Map { out } => Action::Map { out },
            ActionArgs::Emergency(args) => Action::Emergency(args.read()?),
        }))
    }
}

/// The language that whoever gives the command has set, as every program reads it.
pub(crate) fn language() -> Option<String> {
    ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| std::env::var(name).ok().filter(|said| !said.is_empty()))
}
