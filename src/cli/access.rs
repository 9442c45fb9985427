//! `access`: how phones reach this box: settings, certificates, http that is declared, and the board of it all.

mod authority;
mod configure;
mod recipe;

use super::At;
use super::output::Output;
use super::request::{Here, Request, dispatch};
use super::secrets::{Hidden, WordArgs, read_staff};
use crate::access::declared::{By, Ended, HOURS_MAX, HOURS_USUAL};
use crate::access::envelope::Envelope;
use crate::access::keeper::Keeper;
use crate::access::{Ladder, board::Status};
use crate::entropy::SystemEntropy;
use crate::membership::Member;
use crate::region::reach::Doorplate;
use crate::sync::Board;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Args)]
pub(crate) struct AccessArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    action: Asked,
}

#[derive(Subcommand)]
enum Asked {
    /// Say which rungs hold, how the last tries went, and what to do
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the settings: names, where certificates come from, how challenges get into the DNS
    Configure(Box<configure::ConfigureArgs>),
    /// What a router or an access point has to be told, with your values
    Recipe(recipe::RecipeArgs),
    /// Try again at once what is waiting: a certificate, a delivered file
    Renew {
        /// Get a new certificate also where the one in use lasts for long
        #[arg(long)]
        force: bool,
    },
    /// Let patients read their own record over http without encryption, for some hours
    DeclareHttp(DeclareArgs),
    /// Take that back
    EndHttp,
    /// Say for the region how its boxes are reached, and have its authority sign for boxes that wait; with the root sheets
    Authority(AuthorityArgs),
    /// Make a sealed envelope's code, with which http is opened where nobody of the staff is
    Envelope {
        /// File that the code is written to, for printing
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

#[derive(Args)]
struct DeclareArgs {
    /// File with badge and passphrase of somebody of the staff
    #[arg(long, value_name = "FILE")]
    staff: PathBuf,
    /// For how many hours of this box's running time
    #[arg(long, default_value_t = HOURS_USUAL, value_parser = clap::value_parser!(u64).range(1..=72))]
    hours: u64,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
}

#[derive(Args)]
struct AuthorityArgs {
    #[command(flatten)]
    word: WordArgs,
    /// The authority is for names below this and no others; may be given several times; as before where none is given
    #[arg(long, value_name = "DOMAIN")]
    suffix: Vec<String>,
    /// A public name that all boxes answer to; as before where none is given
    #[arg(long, value_name = "NAME")]
    shared_name: Option<String>,
    /// A box may open http by itself after so many running hours without internet and other clinics; 0: never; as before where it is not given
    #[arg(long, value_name = "HOURS")]
    http_when_alone: Option<u32>,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

/// What is done at the node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    /// The board.
    Status {
        /// As JSON.
        json: bool,
    },
    /// Try again.
    Renew {
        /// Whatever is left.
        force: bool,
    },
    /// Declare http.
    Declare {
        /// Badge and passphrase.
        staff: Hidden,
        /// For how long.
        hours: u64,
        /// Why.
        reason: String,
    },
    /// Take it back.
    End,
    /// The region's choices and its authority.
    Authority(authority::Wish),
    /// A new envelope.
    Envelope {
        /// Where its code is written.
        out: PathBuf,
    },
}

pub(crate) fn run(args: AccessArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let action = match args.action {
        Asked::Recipe(wanted) => return recipe::run(&wanted, output),
        Asked::Configure(wanted) => return configure::run(&args.at, &wanted, output),
        Asked::Status { json } => Action::Status { json },
        Asked::Renew { force } => Action::Renew { force },
        Asked::DeclareHttp(declare) => {
            let staff = Hidden::read(&declare.staff)?;
            Action::Declare { staff, hours: declare.hours, reason: declare.reason }
        }
        Asked::EndHttp => Action::End,
        Asked::Authority(wish) => Action::Authority(authority::Wish {
            word: wish.word.read()?,
            suffixes: wish.suffix,
            shared_name: wish.shared_name,
            http_alone_hours: wish.http_when_alone,
            json: wish.json,
        }),
        Asked::Envelope { out } => Action::Envelope { out },
    };
    let dir = std::path::absolute(args.at.dir()?)?;
    dispatch(&args.at, Request::Access { action, dir }, output)
}

/// What the keeper asks of a node with its part in a region.
pub(crate) struct Region {
    pub(crate) member: Member,
    pub(crate) board: Option<Board>,
}

impl crate::access::keeper::Around for Region {
    fn running_ms(&self) -> u64 {
        self.member.times().running_ms()
    }

    fn has_peers(&self) -> bool {
        self.board.as_ref().is_some_and(|board| board.snapshot().peers.iter().any(|peer| peer.is_reachable))
    }

    fn alone_hours(&self) -> Option<u64> {
        self.member.region()?.reached().chosen.http_alone_hours.map(u64::from)
    }

    fn tell(&self, doorplate: &Doorplate) {
        // Without a server nobody would hear it.
        if self.board.is_some()
            && let Err(error) = self.member.say_doorplate(doorplate)
        {
            tracing::warn!(%error, "the region was not told how this box is reached");
        }
    }

    fn signed(&self) -> Option<Vec<u8>> {
        self.member.region()?.reached().issued.get(&self.member.node()).cloned()
    }

    fn authority(&self) -> Option<Vec<u8>> {
        self.member.region()?.reached().chosen.authority.clone()
    }

    fn shared_name(&self) -> Option<String> {
        self.member.region()?.reached().chosen.shared_name.clone()
    }
}

/// The keeper of the server; where none runs, one that looks at what lies on the disk.
fn keeper(here: &Here, dir: PathBuf) -> anyhow::Result<Keeper> {
    if let Some(keeper) = &here.keeper {
        return Ok(keeper.clone());
    }
    let ladder = Ladder::new(here.clinic.store().clock().clone());
    let around = Region { member: here.member()?.clone(), board: None };
    let keeper = Keeper::new(ladder, here.clinic.clone(), dir, Arc::new(around));
    keeper.begin();
    Ok(keeper)
}

pub(crate) fn carry_out(here: &Here, action: Action, dir: PathBuf, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let keeper = keeper(here, dir)?;
    match action {
        Action::Status { json } => show(&keeper.ladder().status(), here.keeper.is_some(), json, output)?,
        Action::Renew { force } => {
            if here.keeper.is_none() {
                anyhow::bail!("no server runs here: start `kusuribako serve`, which tries at once");
            }
            keeper.ladder().renew(force);
            output.say("it is tried now; `kusuribako access status` says how it went");
        }
        Action::Declare { staff, hours, reason } => {
            let (code, passphrase) = read_staff(&staff)?;
            let proven = here.clinic.prove_staff(&code, &passphrase)?;
            let by = By::Staff { badge: data_encoding::HEXLOWER.encode(&proven.opener().0) };
            keeper.declare(by, &reason, hours)?;
            output.say(format_args!(
                "for {hours} hours of this box's running time patients can read their own record over http without encryption; \
                 others on the same Wi-Fi could read along. `kusuribako access end-http` ends it"
            ));
        }
        Action::End => {
            let at_ms = keeper.ladder().now_ms();
            let was_open = keeper.with_journal(|journal, _| journal.end(Ended::TakenBack { at_ms }))?;
            output.say(if was_open { "http is closed" } else { "http was not open" });
        }
        Action::Authority(wish) => authority::carry_out(here.member()?, &wish, output)?,
        Action::Envelope { out } => {
            let envelope = Envelope::random(&SystemEntropy::default());
            let number = keeper.with_journal(|journal, _| journal.add_envelope(envelope.secret()))?;
            output.file(&out, &sheet(here.clinic.name(), number, &envelope), true)?;
            output.say(format_args!("envelope {number}: print {}, seal it, and delete the file", out.display()));
        }
    }
    Ok(0)
}

fn show(status: &Status, is_served: bool, json: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    if json {
        let mut value = status.json();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("is_served".to_owned(), json!(is_served));
        }
        return output.json(&value);
    }
    output.result(status.text().trim_end())?;
    if !is_served {
        output.say("no server runs: this is what lies on the disk");
    }
    Ok(())
}

/// What is printed and sealed.
fn sheet(clinic: &str, number: u32, envelope: &Envelope) -> String {
    let code = envelope.printed();
    format!(
        "kusuribako envelope {number}\n{clinic}\n\n\
         職員がだれもいないときに開けてください。この装置の Wi-Fi につないだ電話で、装置のアドレスの /envelope を開き、\n\
         番号を入れると、患者さんが自分の記録を {HOURS_MAX} 時間見られます（暗号なし）。番号は一度だけ使えます。\n\
         Open this when nobody of the staff is here. On a phone in this box's Wi-Fi open /envelope at the box's address and\n\
         type the code: patients can then read their own record for {HOURS_MAX} hours (not encrypted). It is good once.\n\n\
         {}\n",
        *code
    )
}
