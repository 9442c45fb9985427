//! A command as data, so that it can be carried out here, or by the server that has the data directory open.

use super::output::Output;
use super::{
    At, access, audit, badge, card, carry, elsewhere, export, import, patient, region, set_aside, site, socket, staff, verify,
};
use crate::access::keeper::Keeper;
use crate::clinic::node_key::KeyFileError;
use crate::clinic::{Clinic, ClinicError};
use crate::clock::Clock;
use crate::membership::Member;
use crate::store::StoreError;
use crate::sync::{Board, Snapshot};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

/// A command on a clinic's data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Take files in.
    Import(import::Import),
    /// Records that wait.
    SetAside(set_aside::Action),
    /// Write a record as a file.
    Export(export::Export),
    /// Cards.
    Card(card::Action),
    /// What the clinic says of itself.
    Site(site::Action),
    /// Carried copies.
    Carry(carry::Action),
    /// Patients.
    Patient(patient::Action),
    /// Check everything.
    Verify {
        /// As JSON.
        json: bool,
    },
    /// Make the projections again.
    Rebuild,
    /// The region.
    Region(region::Action),
    /// What happened at other clinics.
    Elsewhere(elsewhere::Action),
    /// Staff badges, and what they open.
    Staff(staff::Action),
    /// Badges for helpers from outside.
    Badge(badge::Action),
    /// Looks with a reason.
    Audit(audit::Action),
    /// How phones reach the box.
    Access {
        /// What.
        action: access::Action,
        /// The data directory.
        dir: std::path::PathBuf,
    },
}

/// What a command works on: the clinic, and its part in a region, which is read only where a command needs it.
#[derive(Clone)]
pub(crate) struct Here {
    pub(crate) clinic: Clinic,
    member: Arc<OnceLock<Member>>,
    /// Where a server runs: what it knows of the others.
    board: Option<Board>,
    /// Where a server runs: who keeps its ladder.
    pub(crate) keeper: Option<Keeper>,
}

impl Here {
    /// A data directory that this command opened itself.
    pub(crate) fn new(clinic: Clinic) -> Self {
        Self { clinic, member: Arc::default(), board: None, keeper: None }
    }

    /// A node that is served, with its part in a region and what it knows of the others.
    pub(crate) fn served(member: Member, board: Board, keeper: Keeper) -> Self {
        let keeper = Some(keeper);
        Self { clinic: member.clinic().clone(), member: Arc::new(OnceLock::from(member)), board: Some(board), keeper }
    }

    /// What the server knows of the others; `None` where none runs.
    pub(crate) fn board(&self) -> Option<Arc<Snapshot>> {
        self.board.as_ref().map(Board::snapshot)
    }

    /// This node's part in a region.
    pub(crate) fn member(&self) -> anyhow::Result<&Member> {
        if let Some(member) = self.member.get() {
            return Ok(member);
        }
        let opened = Member::open(&self.clinic)?;
        // Two commands at once may both have opened it; one of them is taken by both.
        Ok(self.member.get_or_init(|| opened))
    }
}

impl Request {
    /// A carried copy has no patients, staff or region of its own: what is written into its own ledger would never come home.
    fn check_carried(&self, clinic: &Clinic) -> anyhow::Result<()> {
        let is_fit = matches!(self, Self::SetAside(_) | Self::Export(_) | Self::Verify { .. } | Self::Rebuild)
            || matches!(self, Self::Access { .. })
            || matches!(self, Self::Import(import) if import.card.is_some())
            || matches!(self, Self::Staff(staff::Action::Unlock { .. } | staff::Action::Lock))
            || matches!(
                self,
                Self::Region(region::Action::Status { .. } | region::Action::Map { .. } | region::Action::Carry(_))
            );
        if is_fit {
            return Ok(());
        }
        match clinic.carried()? {
            None => Ok(()),
            Some(copy) => anyhow::bail!(
                "this is a carried copy of {}: patients open their records on its pages, `import --card CODE` brings a file to a record, \
                 `unlock` opens what it carries; everything else is done at a clinic",
                copy.by_name
            ),
        }
    }

    /// Carries it out; the exit code.
    pub(crate) fn run(self, here: &Here, output: &mut Output<'_>) -> anyhow::Result<u8> {
        let clinic = &here.clinic;
        self.check_carried(clinic)?;
        match self {
            Self::Import(import) => import::carry_out(clinic, import, output),
            Self::SetAside(action) => set_aside::carry_out(here, action, output),
            Self::Export(export) => export::carry_out(clinic, &export, output),
            Self::Carry(action) => carry::carry_out(here, action, output),
            Self::Site(action) => site::carry_out(here, &action, output),
            Self::Card(action) => card::carry_out(here, action, output),
            Self::Patient(action) => patient::carry_out(clinic, action, output),
            Self::Verify { json } => verify::carry_out(clinic, json, output),
            Self::Rebuild => verify::rebuild(clinic, output),
            Self::Region(action) => region::carry_out(here, action, output),
            Self::Elsewhere(action) => elsewhere::carry_out(here, action, output),
            Self::Staff(action) => staff::carry_out(here, action, output),
            Self::Badge(action) => badge::carry_out(here, action, output),
            Self::Audit(action) => audit::carry_out(here, action, output),
            Self::Access { action, dir } => access::carry_out(here, action, dir, output),
        }
    }
}

/// Opens the data directory and carries the command out; where a server has it open, the server does it.
pub(crate) fn dispatch(at: &At, request: Request, output: &mut Output<'_>) -> anyhow::Result<u8> {
    match Clinic::open(&at.location()?, Clock::system()) {
        Ok(clinic) => request.run(&Here::new(clinic), output),
        // A sealed key is only the server's to read.
        Err(ClinicError::KeyFile(KeyFileError::NotThere(_))) if socket::is_answered(at.dir()?) => {
            socket::send(at.dir()?, &request, output)
        }
        Err(ClinicError::Store(StoreError::InUse { .. })) => socket::send(at.dir()?, &request, output),
        Err(error) => Err(error.into()),
    }
}
