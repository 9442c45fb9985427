//! A command as data, so that it can be carried out here, or by the server that has the data directory open.

use super::output::Output;
use super::{At, card, export, import, patient, set_aside, socket, verify};
use crate::clinic::{Clinic, ClinicError};
use crate::clock::Clock;
use crate::store::StoreError;
use serde::{Deserialize, Serialize};

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
    /// Patients.
    Patient(patient::Action),
    /// Check everything.
    Verify {
        /// As JSON.
        json: bool,
    },
    /// Make the projections again.
    Rebuild,
}

impl Request {
    /// Carries it out; the exit code.
    pub(crate) fn run(self, clinic: &Clinic, output: &mut Output<'_>) -> anyhow::Result<u8> {
        match self {
            Self::Import(import) => import::carry_out(clinic, import, output),
            Self::SetAside(action) => set_aside::carry_out(clinic, action, output),
            Self::Export(export) => export::carry_out(clinic, &export, output),
            Self::Card(action) => card::carry_out(clinic, action, output),
            Self::Patient(action) => patient::carry_out(clinic, action, output),
            Self::Verify { json } => verify::carry_out(clinic, json, output),
            Self::Rebuild => verify::rebuild(clinic, output),
        }
    }
}

/// Opens the data directory and carries the command out; where a server has it open, the server does it.
pub(crate) fn dispatch(at: &At, request: Request, output: &mut Output<'_>) -> anyhow::Result<u8> {
    match Clinic::open(&at.location(), Clock::system()) {
        Ok(clinic) => request.run(&clinic, output),
        Err(ClinicError::Store(StoreError::InUse { .. })) => socket::send(&at.dir, &request, output),
        Err(error) => Err(error.into()),
    }
}
