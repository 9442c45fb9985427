//! `region found|invite|answer|join`: how a region begins and grows. A way by files stands beside the network for each step.

use super::sheets;
use crate::cli::output::Output;
use crate::cli::secrets::{Hidden, read_staff};
use crate::entropy::SystemEntropy;
use crate::formats::qr::{self, Correction};
use crate::membership::{Member, MembershipError, WaitingHere};
use crate::region::invitation::Invitation;
use crate::region::kit::{Kit, KitKey, Sheet};
use crate::sync;
use anyhow::{Context, bail};
use clap::Args;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Args)]
pub(crate) struct FoundArgs {
    /// What the region is called
    #[arg(long)]
    name: String,
    /// What is printed before /c/CODE on the region's cards [default: this clinic's]
    #[arg(long, value_name = "URL")]
    card_base: Option<String>,
    /// A new directory for the sheets of the recovery kit
    #[arg(long, value_name = "DIR")]
    kit_out: PathBuf,
    /// Three sheets of each key, any two of which are enough
    #[arg(long)]
    split: bool,
    /// Badge and passphrase of this clinic's staff: seals this clinic's ledger key to the recovery key at once
    #[arg(long, value_name = "FILE")]
    staff: Option<PathBuf>,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    name: String,
    card_base: Option<String>,
    kit: [Hidden; 3],
    sheets: Vec<PathBuf>,
    staff: Option<Hidden>,
    json: bool,
}

impl FoundArgs {
    /// Makes the kit where the command is given, and writes its sheets before anything is founded: a region without them would be lost.
    pub(super) fn read(&self, output: &mut Output<'_>) -> anyhow::Result<Found> {
        let name = self.name.trim().to_owned();
        if name.is_empty() {
            bail!("the region needs a name: --name 高知");
        }
        let staff = self.staff.as_deref().map(Hidden::read).transpose()?;
        sheets::check_dir(&self.kit_out)?;
        let kit = Kit::random(&SystemEntropy::default());
        let sheets = sheets::write_kit(&kit, &name, self.split, &self.kit_out)?;
        sheets::say_written(&self.kit_out, self.split, output);
        let code = |key: &KitKey| Hidden::new(&key.whole().code());
        let kit = [code(&kit.root), code(&kit.recovery), code(&kit.duty)];
        Ok(Found { name, card_base: self.card_base.clone(), kit, sheets, staff, json: self.json })
    }
}

pub(super) fn found(member: &Member, found: &Found, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let key = |code: &Hidden| anyhow::Ok(KitKey::from_sheets(&[Sheet::read(code.text())?])?);
    let [root, recovery, duty] = &found.kit;
    let kit = Kit { root: key(root)?, recovery: key(recovery)?, duty: key(duty)? };
    // The staff's word is asked for first: a wrong passphrase must not leave half of what was asked for.
    let staff = found.staff.as_ref().map(|file| prove(member, file)).transpose()?;
    let card_base = found.card_base.as_deref().unwrap_or_else(|| member.clinic().card_base());
    member.found(&found.name, card_base, &kit).context("the sheets just written are of no use then: destroy them")?;
    let has_recovery = staff.map(|staff| member.confirm_recovery(&staff)).transpose()?.is_some();
    let region = member.region().context("the region was not kept")?;
    if found.json {
        return done(output.json(&json!({
            "region": region.id().to_string(), "name": found.name, "site": member.site().to_string(),
            "sheets": found.sheets, "recovery_confirmed": has_recovery,
        })));
    }
    output.result(format_args!("the region {} is founded, {} is its first site", found.name, member.clinic().name()))?;
    if !has_recovery {
        output.say("Next: `kusuribako region confirm --recovery --staff FILE`, so that the recovery key opens this clinic's records in the last resort.");
    }
    done(Ok(()))
}

#[derive(Args)]
pub(crate) struct InviteArgs {
    /// Where this node answers, HOST:PORT; may be given several times [default: what it says of itself]
    #[arg(long, value_name = "HOST:PORT")]
    address: Vec<String>,
    /// For how long it is valid
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=2_160), value_name = "HOURS")]
    valid_hours: u64,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Invite {
    addresses: Vec<String>,
    valid_hours: u64,
    json: bool,
}

impl InviteArgs {
    pub(super) fn read(self) -> Invite {
        Invite { addresses: self.address, valid_hours: self.valid_hours, json: self.json }
    }
}

pub(super) fn invite(member: &Member, invite: &Invite, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let said = member.region().and_then(|region| Some(region.nodes().get(&member.node())?.notice.clone()?.addresses));
    let addresses = if invite.addresses.is_empty() { said.unwrap_or_default() } else { invite.addresses.clone() };
    let invited = member.invite(addresses.clone(), Duration::from_secs(invite.valid_hours * 3_600))?;
    let (typed, scanned) = (invited.invitation.typed(), invited.invitation.qr_text());
    if invite.json {
        return done(output.json(&json!({
            "code": *typed, "qr": *scanned, "expires_ms": invited.expires_at_ms, "addresses": addresses,
        })));
    }
    output.result(qr::terminal(scanned.as_bytes(), Correction::Low)?)?;
    output.result(format_args!("{}\n\n{}", *scanned, *typed))?;
    let how = if addresses.is_empty() {
        "`kusuribako region join CODE --address HOST:PORT` with either code: this box does not know yet where it answers (it learns that while it is \
         served), so say it, or invite with --address"
    } else {
        "`kusuribako region join CODE` with the long code above (it says where this node answers), or with the short one and --address HOST:PORT"
    };
    output.say(format_args!(
        "Valid once, for {} hours. At the other clinic: {how}. Then compare what both screens show.",
        invite.valid_hours
    ));
    done(Ok(()))
}

#[derive(Args)]
pub(crate) struct AnswerArgs {
    /// The file that `region join CODE --request-out` wrote
    request: PathBuf,
    /// Write the answer here
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    request: String,
    out: PathBuf,
}

impl AnswerArgs {
    pub(super) fn read(self) -> anyhow::Result<Answer> {
        Ok(Answer { request: read_text(&self.request)?, out: self.out })
    }
}

pub(super) fn answer(member: &Member, answer: &Answer, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let answered = member.asked_to_join(&unpack(&answer.request)?)?;
    output.file(&answer.out, &BASE64.encode(&answered), false)?;
    for guest in member.waiting_guests() {
        output.result(format_args!("{}  {}", *guest.compared, guest.wished.name))?;
    }
    output.say("Compare the code with what the other clinic's screen shows; if it is the same: `kusuribako region confirm CODE --root FILE`.");
    done(Ok(()))
}

#[derive(Args)]
pub(crate) struct JoinArgs {
    /// The invitation, scanned or typed
    code: String,
    /// Where the inviting node answers, HOST:PORT
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// Write the request to a file instead of sending it
    #[arg(long, value_name = "FILE")]
    request_out: Option<PathBuf>,
    /// The answer file that `region answer` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "request_out")]
    answer: Option<PathBuf>,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Join {
    code: String,
    address: Option<String>,
    request_out: Option<PathBuf>,
    answer: Option<String>,
    json: bool,
}

impl JoinArgs {
    pub(super) fn read(self) -> anyhow::Result<Join> {
        let answer = self.answer.as_deref().map(read_text).transpose()?;
        Ok(Join { code: self.code, address: self.address, request_out: self.request_out, answer, json: self.json })
    }
}

pub(super) fn join(member: &Member, join: &Join, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let invitation = Invitation::read(&join.code).context("the invitation's code")?;
    let addresses = join.address.as_ref().map_or_else(|| invitation.addresses.clone(), |address| vec![address.clone()]);
    let request = member.ask_with(invitation)?;
    let answer = match (&join.request_out, &join.answer) {
        (Some(path), _) => {
            output.file(path, &BASE64.encode(&request), false)?;
            output.say("Take the file to the inviting clinic: `kusuribako region answer FILE --out ANSWER`; then join again with --answer ANSWER.");
            return done(Ok(()));
        }
        (None, Some(answer)) => unpack(answer)?,
        (None, None) => ask(member, &addresses, &request)?,
    };
    let waiting = member.answered(&answer)?;
    for address in join.address.iter() {
        member.add_peer(address)?;
    }
    print_waiting(&waiting, join.json, output)
}

fn print_waiting(waiting: &WaitingHere, json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    if json {
        return done(
            output.json(&json!({"region": waiting.region.to_string(), "name": waiting.name, "compared": *waiting.compared})),
        );
    }
    output.result(format_args!("{}  {}", *waiting.compared, waiting.name))?;
    output.say(
        "Compare the code with what the inviting clinic's screen shows. If it is the same, on both sides: `kusuribako region confirm CODE` \
         (there with --root FILE).",
    );
    done(Ok(()))
}

/// Sends the request to where the inviting node answers: to each address until one does.
fn ask(member: &Member, addresses: &[String], request: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut failed: anyhow::Error = MembershipError::NoAddress.into();
    let key = member.clinic().node_key().signing_pair();
    for address in addresses {
        match wait_for(sync::ask_to_join(address, &key, request))? {
            Ok(answer) => return Ok(answer),
            Err(error) => failed = anyhow::Error::new(error).context(format!("asking {address}")),
        }
    }
    Err(failed)
}

/// Waits for something on the network: on the server's runtime, or on one for this command.
pub(super) fn wait_for<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(handle) => Ok(handle.block_on(future)),
        Err(_none) => Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)),
    }
}

/// Somebody of this clinic's staff.
pub(super) fn prove(member: &Member, file: &Hidden) -> anyhow::Result<crate::clinic::staff::Staff> {
    let (code, passphrase) = read_staff(file)?;
    Ok(member.clinic().prove_staff(&code, &passphrase)?)
}

pub(super) fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn unpack(text: &str) -> anyhow::Result<Vec<u8>> {
    BASE64.decode(text.trim().as_bytes()).context("the file is not what `kusuribako region join` or `answer` wrote")
}

pub(super) fn done(written: anyhow::Result<()>) -> anyhow::Result<u8> {
    written.map(|()| 0)
}
