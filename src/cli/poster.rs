//! `poster`: the sheet on the wall, as a file to print.

use super::output::Output;
use crate::web::lang::Lang;
use crate::web::poster::{Address, Poster, Wifi};
use anyhow::{Context, bail};
use clap::Args;
use std::path::PathBuf;

/// All but the one that those who read Japanese can read as well.
const USUAL: &str = "ja,en,zh,ko,vi,pt";

#[derive(Args)]
pub(crate) struct PosterArgs {
    /// Where to write it: poster.html (prints on one A4 page, also as PDF) or poster.svg
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The clinic's name, as patients know it
    #[arg(long, value_name = "NAME")]
    clinic: String,
    /// Name of the Wi-Fi (SSID) that patients join
    #[arg(long, value_name = "NAME")]
    wifi_name: String,
    /// Its password; left out for an open Wi-Fi. It is printed for everybody to read, and kept nowhere else
    #[arg(long, value_name = "PASSWORD")]
    wifi_password: Option<String>,
    /// Address of the first page by number, as patients' phones reach it: http://192.0.2.10/
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    /// A short name that can be typed instead
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Languages, the first of them largest: ja, ja-easy, en, zh, ko, vi, pt
    #[arg(long, value_name = "LANGUAGES", value_delimiter = ',', default_value = USUAL)]
    languages: Vec<String>,
}

pub(crate) fn run(args: &PosterArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let poster = Poster {
        clinic: args.clinic.clone(),
        wifi: Wifi::new(&args.wifi_name, args.wifi_password.as_deref())?,
        address: Address::read(&args.address)?,
        typed: args.name.clone(),
        languages: args.languages.iter().map(|code| language(code)).collect::<anyhow::Result<_>>()?,
    };
    let text = match args.out.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => poster.svg()?,
        Some("html") => poster.page(true)?,
        Some("pdf") => bail!(
            "a PDF needs the fonts of seven languages, which a box does not carry: write {} and print that to a PDF from any browser",
            args.out.with_extension("html").display()
        ),
        _ => bail!("{}: the poster is written as .html or as .svg", args.out.display()),
    };
    std::fs::write(&args.out, text).with_context(|| format!("writing {}", args.out.display()))?;
    output.say(format_args!("{}: one A4 page, to be printed at its own size (100 %)", args.out.display()));
    Ok(0)
}

fn language(code: &str) -> anyhow::Result<Lang> {
    let known = || Lang::ALL.map(Lang::code).join(", ");
    Lang::from_code(code.trim()).with_context(|| format!("{code:?} is none of the languages: {}", known()))
}
