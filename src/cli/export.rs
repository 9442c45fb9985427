//! `export`: a patient's record as JAHIS text, whole or in parts for QR codes.

use super::At;
use super::output::Output;
use super::patient::read_subject;
use super::request::{self, Request};
use crate::clinic::Clinic;
use anyhow::Context;
use clap::{Args, ValueEnum};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    at: At,
    /// The patient's id, from `patient list`
    #[arg(long, value_name = "ID")]
    patient: String,
    /// The format
    #[arg(long, default_value = "jahis")]
    format: Format,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A format that can be written.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Format {
    /// JAHIS お薬手帳 JAHISTC08, CP932
    Jahis,
}

/// An export, as data. The answer is base64, since it may pass through a terminal's streams.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Export {
    patient: String,
    format: Format,
}

pub(crate) fn run(args: &ExportArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let request = Request::Export(Export { patient: args.patient.clone(), format: args.format });
    let mut encoded = Vec::new();
    let (out, err) = output.streams();
    let code = request::dispatch(&args.at, request, &mut Output::new(&mut encoded, err))?;
    if code != 0 {
        return Ok(code);
    }
    let bytes = BASE64.decode(encoded.trim_ascii()).context("the record came back garbled")?;
    match &args.out {
        Some(path) => std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?,
        None => out.write_all(&bytes).and_then(|()| out.flush())?,
    }
    Ok(0)
}

pub(crate) fn carry_out(clinic: &Clinic, export: &Export, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let subject = read_subject(&export.patient)?;
    let written = match export.format {
        Format::Jahis => clinic.export_jahis(subject)?,
    };
    for finding in &written.findings {
        output.say(finding);
    }
    output.result(BASE64.encode(&written.bytes))?;
    Ok(0)
}
