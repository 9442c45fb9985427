//! `region`: several clinics that hold each other's sealed copies.

mod args;
mod carried;
mod carry;
mod clocks;
mod confirm;
mod describe;
mod emergency;
mod joining;
mod keys;
mod kit;
mod map;
mod page;
mod place;
mod sheets;
mod status;
mod succession;
mod troubles;

pub(crate) use args::{Action, RegionArgs, language};

use super::output::Output;
use super::request::{self, Here, Request};

/// Reads what the command names, and hands it to the node.
pub(crate) fn run(args: RegionArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let at = args.at.clone();
    match args.into_action(output)? {
        Some(action) => request::dispatch(&at, Request::Region(action), output),
        None => Ok(0),
    }
}

/// At the node.
pub(crate) fn carry_out(here: &Here, action: Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let member = here.member()?;
    match action {
        Action::Found(found) => joining::found(member, &found, output),
        Action::Invite(invite) => joining::invite(member, &invite, output),
        Action::Answer(answer) => joining::answer(member, &answer, output),
        Action::Join(join) => joining::join(member, &join, output),
        Action::Confirm(confirm) => confirm::confirm(member, &confirm, output),
        Action::Carry(carry) => carry::carry(member, &carry, output),
        Action::Describe(describe) => describe::describe(member, &describe, output),
        Action::End(end) => keys::end(member, &end, output),
        Action::Marks { who } => keys::marks(member, &who, output),
        Action::Deputies(deputies) => keys::deputies(member, &deputies, output),
        Action::Sign { statement, signing, json } => keys::sign(member, &statement, &signing, json, output),
        Action::Place(place) => place::place(member, &place, output),
        Action::Kit { sheets, json } => kit::check(member, &sheets, json, output),
        Action::Status { is_japanese, json } => status::status(here, is_japanese, json, output),
        Action::Map { out } => map::map(here, out.as_deref(), output),
        Action::Succeed(succeed) => succession::succeed(member, &succeed, output),
        Action::Admit(admit) => succession::admit(member, &admit, output),
        Action::Emergency(emergency) => emergency::carry_out(member, &emergency, output),
    }
}
