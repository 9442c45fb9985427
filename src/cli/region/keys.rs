//! `region revoke|retire|marks|deputy|sign`: whose keys count, and who signs for the region.

use super::joining::{done, read_text};
use crate::cli::output::Output;
use crate::cli::secrets::{Signing, WordArgs};
use crate::entropy::SystemEntropy;
use crate::ledger::{EntryId, Incarnation, LedgerId, NodeId};
use crate::membership::{ChainMarkOf, DeputyKey, Member, MembershipError, RegionSaid};
use crate::region::Signer;
use crate::region::payload::{ChainMark, Deputies as List, Deputy};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    end: EndArgs,
    /// Marks of another holder, as `region marks` prints them; may be given several times
    #[arg(long, value_name = "FILE")]
    marks: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct RetireArgs {
    #[command(flatten)]
    end: EndArgs,
}

#[derive(Args)]
struct EndArgs {
    /// A site's name, or the first digits of a site's or node's id
    who: String,
    /// For people
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    word: WordArgs,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct End {
    who: String,
    reason: String,
    signing: Signing,
    /// Present where it is revoked: the marks that were brought.
    marks: Option<Vec<String>>,
    json: bool,
}

impl RevokeArgs {
    pub(super) fn read(self) -> anyhow::Result<End> {
        let marks = self.marks.iter().map(|path| read_text(path)).collect::<Result<_, _>>()?;
        self.end.read(Some(marks))
    }
}

impl RetireArgs {
    pub(super) fn read(self) -> anyhow::Result<End> {
        self.end.read(None)
    }
}

impl EndArgs {
    fn read(self, marks: Option<Vec<String>>) -> anyhow::Result<End> {
        Ok(End { who: self.who, reason: self.reason, signing: self.word.read()?, marks, json: self.json })
    }
}

pub(super) fn end(member: &Member, end: &End, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let word = end.signing.word()?;
    let Some(texts) = &end.marks else {
        let retired = member.retire(&end.who, &end.reason, &word)?;
        return said_all("retired", retired.iter().map(|(node, said)| (*node, said, None)), end.json, output);
    };
    let brought = texts.iter().map(|text| read_marks(text)).collect::<anyhow::Result<Vec<_>>>()?.concat();
    let revoked = member.revoke(&end.who, &end.reason, &brought, &word)?;
    if !end.json {
        for mark in revoked.iter().flat_map(|node| &node.marks) {
            output
                .result(format_args!("in ledger {} its chain {} counts up to {}", mark.ledger, mark.incarnation, mark.seq))?;
        }
        output.say("What it wrote after that is set aside wherever it lies; staff can adopt it. The key never comes back.");
    }
    said_all("revoked", revoked.iter().map(|node| (node.node, &node.said, Some(&node.marks))), end.json, output)
}

fn said_all<'a>(
    what: &str,
    said: impl Iterator<Item = (NodeId, &'a RegionSaid, Option<&'a Vec<ChainMark>>)>,
    json: bool,
    output: &mut Output<'_>,
) -> anyhow::Result<u8> {
    let said: Vec<_> = said.collect();
    if said.is_empty() {
        bail!("nothing is left to be {what}: no key of it is in force");
    }
    if json {
        let row = |(node, said, marks): &(NodeId, &RegionSaid, Option<&Vec<ChainMark>>)| {
            let marks = marks.map(|marks| marks.iter().map(|mark| mark_json(*node, mark)).collect::<Vec<_>>());
            json!({"node": node.to_string(), "statement": said.statement.to_string(), "counts": said.counts, "marks": marks})
        };
        return done(output.json(&json!({ (what): said.iter().map(row).collect::<Vec<_>>() })));
    }
    for (node, said, _) in &said {
        output.result(format_args!("{what}: node {node}{}", waits(said)))?;
    }
    done(Ok(()))
}

/// What is still to be done where one deputy has signed.
pub(super) fn waits(said: &RegionSaid) -> String {
    let RegionSaid { statement, counts } = said;
    if *counts {
        String::new()
    } else {
        format!("; it waits for a second deputy: `kusuribako region sign {statement} --deputy FILE`")
    }
}

fn mark_json(node: NodeId, mark: &ChainMark) -> Value {
    json!({
        "node": node.to_string(), "ledger": mark.ledger.to_string(), "incarnation": mark.incarnation.to_string(),
        "seq": mark.seq, "entry": mark.entry.to_string(), "head": mark.head.map(|head| HEXLOWER.encode(&head)),
    })
}

/// Always JSON: another command reads it.
pub(super) fn marks(member: &Member, who: &str, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let marks = member.marks(who)?;
    let rows: Vec<Value> = marks.iter().flat_map(|(node, marks)| marks.iter().map(|mark| mark_json(*node, mark))).collect();
    done(output.json(&json!({ "marks": rows })))
}

fn read_marks(text: &str) -> anyhow::Result<Vec<ChainMarkOf>> {
    let value: Value = serde_json::from_str(text).context("the marks are no JSON of `kusuribako region marks`")?;
    let rows = value["marks"].as_array().context("the marks are not those of `kusuribako region marks`")?;
    rows.iter().map(|row| read_mark(row).with_context(|| format!("a mark does not read: {row}"))).collect()
}

fn read_mark(row: &Value) -> Option<ChainMarkOf> {
    fn id<const N: usize>(row: &Value, field: &str) -> Option<[u8; N]> {
        HEXLOWER.decode(row[field].as_str()?.as_bytes()).ok()?.try_into().ok()
    }
    let mark = ChainMark {
        ledger: LedgerId(id(row, "ledger")?),
        incarnation: Incarnation(id(row, "incarnation")?),
        seq: row["seq"].as_u64()?,
        entry: EntryId(id(row, "entry")?),
        // Earlier versions say none.
        head: id(row, "head"),
    };
    Some((NodeId(id(row, "node")?), mark))
}

#[derive(Args)]
pub(crate) struct DeputyArgs {
    #[command(subcommand)]
    action: DeputyAction,
}

#[derive(Subcommand)]
enum DeputyAction {
    /// Make a person's key: the file stays with them, its public half is shown
    New {
        /// The person's name
        #[arg(long)]
        name: String,
        /// A new file (mode 0600)
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Root names a deputy by the public half of their key
    Add {
        /// The public half, 64 hexadecimal digits
        key: String,
        /// The person's name
        #[arg(long)]
        name: String,
        #[command(flatten)]
        word: WordArgs,
    },
    /// Root ends a deputy's key, for good
    End {
        /// The person's name, or the public half of their key
        who: String,
        #[command(flatten)]
        word: WordArgs,
    },
    /// Show them
    List {
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Deputies {
    Add { key: String, name: String, signing: Signing },
    End { who: String, signing: Signing },
    List { json: bool },
}

impl DeputyArgs {
    pub(super) fn read(self, output: &mut Output<'_>) -> anyhow::Result<Option<Deputies>> {
        Ok(Some(match self.action {
            DeputyAction::New { name, out } => {
                let key = DeputyKey::random(name.trim(), &SystemEntropy::default());
                output.file(&out, &key.file(), true)?;
                output.result(key.signer())?;
                output.say(format_args!(
                    "The key of {} lies in {}: it stays with them. Root names it: `kusuribako region deputy add {} --name {:?} --root FILE`.",
                    key.name(),
                    out.display(),
                    key.signer(),
                    key.name()
                ));
                return Ok(None);
            }
            DeputyAction::Add { key, name, word } => Deputies::Add { key, name, signing: word.read()? },
            DeputyAction::End { who, word } => Deputies::End { who, signing: word.read()? },
            DeputyAction::List { json } => Deputies::List { json },
        }))
    }
}

pub(super) fn deputies(member: &Member, action: &Deputies, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let region = member.region().ok_or(MembershipError::NoRegion)?;
    let authority = region.authority();
    let (deputy, signing) = match action {
        Deputies::List { json } => {
            let rows = authority.deputies().iter();
            if *json {
                let row = |(key, state): (&Signer, &crate::region::authority::DeputyState)| json!({"key": key.to_string(), "name": state.name, "ended": state.through.is_some()});
                return done(output.json(&json!({ "deputies": rows.map(row).collect::<Vec<_>>() })));
            }
            for (key, state) in rows {
                output.result(format_args!("{key}  {}{}", state.name, if state.through.is_some() { "  ended" } else { "" }))?;
            }
            return done(Ok(()));
        }
        Deputies::Add { key, name, signing } => {
            let bytes =
                HEXLOWER.decode(key.trim().to_ascii_lowercase().as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
            let key =
                Signer(bytes.with_context(|| format!("{key:?} is no public half of a key: it has 64 hexadecimal digits"))?);
            (Deputy { key, name: name.trim().to_owned(), through: None }, signing)
        }
        Deputies::End { who, signing } => {
            let found = authority.deputies().iter().find(|(key, state)| state.name == *who || key.to_string() == *who);
            let (key, state) = found.with_context(|| format!("nobody signs as {who:?}: `kusuribako region deputy list`"))?;
            let statements = member.statements().ok_or(MembershipError::NoRegion)?;
            let through = statements.next_counter(*key).saturating_sub(1);
            (Deputy { key: *key, name: state.name.clone(), through: Some(through) }, signing)
        }
    };
    let list = List { number: authority.next_list_number(), deputies: vec![deputy.clone()] };
    member.say_for_region(&signing.word()?, &list)?;
    let what = if deputy.through.is_some() { "signs no more" } else { "signs for the region, together with another deputy" };
    done(output.result(format_args!("{} {what}", deputy.name)))
}

pub(super) fn sign(
    member: &Member,
    statement: &str,
    signing: &Signing,
    json: bool,
    output: &mut Output<'_>,
) -> anyhow::Result<u8> {
    let said = member.sign_too(&signing.word()?, statement)?;
    if json {
        return done(output.json(&json!({"statement": said.statement.to_string(), "counts": said.counts})));
    }
    let how = if said.counts { "counts now" } else { "waits for another signature" };
    done(output.result(format_args!("{} {how}", said.statement)))
}
