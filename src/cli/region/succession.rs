//! `region succeed|admit`: a new box takes the place of a lost one.

use super::joining::{done, read_text};
use crate::cli::output::Output;
use crate::cli::secrets::{Hidden, Signing, WordArgs, read_staff};
use crate::membership::{HandedOver, Member, is_same_code, sheets};
use crate::region::heir::Request;
use crate::region::kit::{KitError, KitKey};
use crate::seal::card::PinMemory;
use anyhow::{Context, bail};
use clap::Args;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::PathBuf;
use zeroize::Zeroizing;

#[derive(Args)]
pub(crate) struct SucceedArgs {
    /// The lost clinic: its name, or the first digits of its id or of its box's
    who: String,
    /// The file that `init --successor --request-out` wrote at the new box
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// The code that the new box has shown
    #[arg(long)]
    code: String,
    /// Badge and passphrase of the lost clinic's staff
    #[arg(long, value_name = "FILE", required_unless_present = "recovery", conflicts_with = "recovery")]
    staff: Option<PathBuf>,
    /// The sheet of the region's recovery key where nobody of the staff is left, or twice for two sheets of a split one
    #[arg(long, value_name = "FILE")]
    recovery: Vec<PathBuf>,
    /// Write here what the new box is handed
    #[arg(long, value_name = "FILE")]
    answer_out: PathBuf,
    #[command(flatten)]
    word: WordArgs,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Succeed {
    who: String,
    request: String,
    code: String,
    staff: Option<Hidden>,
    recovery: Vec<Hidden>,
    answer_out: PathBuf,
    signing: Signing,
    json: bool,
}

impl SucceedArgs {
    pub(super) fn read(self) -> anyhow::Result<Succeed> {
        Ok(Succeed {
            request: read_text(&self.request)?,
            staff: self.staff.as_deref().map(Hidden::read).transpose()?,
            recovery: self.recovery.iter().map(|path| Hidden::read(path)).collect::<Result<_, _>>()?,
            signing: self.word.read()?,
            who: self.who,
            code: self.code,
            answer_out: self.answer_out,
            json: self.json,
        })
    }
}

pub(super) fn succeed(member: &Member, succeed: &Succeed, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let request = BASE64.decode(succeed.request.trim().as_bytes()).context("the request file")?;
    let request = Request::read(&request)?;
    let shown = request.compared(&mut PinMemory::default());
    if !is_same_code(&shown, &succeed.code) {
        bail!(
            "this request does not come from the box that showed {}: compare it character by character; if it stays different, bring the request \
             anew from the new box, by a way that nobody else has a hand in",
            succeed.code
        );
    }
    let word = succeed.signing.word_if_given()?;
    let opening = match &succeed.staff {
        Some(file) => {
            let (code, passphrase) = read_staff(file)?;
            member.clinic().open_by_staff(&code, &passphrase)?
        }
        None => member.open_by_recovery(&succeed.who, &recovery_key(&succeed.recovery)?)?,
    };
    let handed = member.hand_over(&succeed.who, &request, &opening, word.as_ref())?;
    output.file(&succeed.answer_out, &BASE64.encode(&handed.answer), true)?;
    if succeed.json {
        return done(output.json(&json!({
            "site": handed.admission.site.to_string(), "name": handed.admission.name,
            "node": handed.admission.node_id().to_string(), "answer": succeed.answer_out,
            "proposal": handed.proposal.map(|id| id.to_string()),
            "admitted": handed.admitted.as_ref().is_some_and(|said| said.counts),
        })));
    }
    print(&handed, succeed, output)
}

fn print(handed: &HandedOver, succeed: &Succeed, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let name = &handed.admission.name;
    output.result(format_args!("{name}: what the new box is handed lies in {}", succeed.answer_out.display()))?;
    match (&handed.admitted, handed.proposal) {
        (Some(said), _) => output.result(format_args!("it is admitted in place of the old one{}", super::keys::waits(said)))?,
        (None, Some(proposal)) => output.result(format_args!(
            "it is proposed: those who sign for the region admit it, anywhere in the region: `kusuribako region admit {:.10} --root FILE`",
            proposal.to_string()
        ))?,
        (None, None) => {}
    }
    output.say("At the new box: `kusuribako init --successor --answer FILE`, then `kusuribako serve`. Only that box can open what is in the file.");
    done(Ok(()))
}

fn recovery_key(files: &[Hidden]) -> anyhow::Result<KitKey> {
    let texts: Vec<Zeroizing<String>> = files.iter().map(|file| Zeroizing::new(file.text().to_owned())).collect();
    Ok(KitKey::from_sheets(&sheets(&texts).map_err(KitError::from)?)?)
}

#[derive(Args)]
pub(crate) struct AdmitArgs {
    /// The proposal's first digits, or the clinic's name
    who: String,
    #[command(flatten)]
    word: WordArgs,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Admit {
    who: String,
    signing: Signing,
    json: bool,
}

impl AdmitArgs {
    pub(super) fn read(self) -> anyhow::Result<Admit> {
        Ok(Admit { who: self.who, signing: self.word.read()?, json: self.json })
    }
}

pub(super) fn admit(member: &Member, admit: &Admit, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (admission, said) = member.admit_successor(&admit.who, &admit.signing.word()?)?;
    if admit.json {
        return done(output.json(&json!({
            "site": admission.site.to_string(), "name": admission.name, "node": admission.node_id().to_string(),
            "statement": said.statement.to_string(), "counts": said.counts,
        })));
    }
    done(output.result(format_args!("{} has a new box{}", admission.name, super::keys::waits(&said))))
}
