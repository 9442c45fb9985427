//! `access configure`: the settings of the ladder, from options, as one file.

use super::super::At;
use super::super::output::Output;
use crate::access::config::{Acme, Config, DIRECTORY_USUAL, Dns, FILE, Files};
use crate::access::files::replace;
use anyhow::{Context, bail};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What is not named is not set: the file is written anew.
#[derive(Args)]
pub(crate) struct ConfigureArgs {
    /// This clinic's public name; may be given several times, the one that phones are sent to first
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// The name that the boxes of all clinics of the region answer to
    #[arg(long, value_name = "NAME")]
    region_name: Option<String>,
    /// Directory of the ACME server
    #[arg(long, value_name = "URL", default_value = DIRECTORY_USUAL)]
    directory: String,
    /// Where the ACME server may write to: mailto:…
    #[arg(long, value_name = "ADDRESS")]
    contact: Option<String>,
    /// The terms of service of the ACME server were read and agreed to
    #[arg(long)]
    agree_terms: bool,
    /// Certificates (PEM) that the ACME server is trusted by, instead of the system's
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,
    /// The certificate's profile; never the one of six days
    #[arg(long)]
    profile: Option<String>,
    /// Name to which `_acme-challenge` is delegated by CNAME
    #[arg(long, value_name = "NAME")]
    dns_alias: Option<String>,
    /// A name server that must show the challenge first; may be given several times
    #[arg(long, value_name = "ADDR:PORT")]
    dns_check: Vec<SocketAddr>,
    /// Challenges by dynamic updates (RFC 2136) at this primary server
    #[arg(long, value_name = "ADDR:PORT", requires_all = ["dns_zone", "tsig_file"])]
    dns_server: Option<SocketAddr>,
    /// The zone that is changed
    #[arg(long, value_name = "ZONE")]
    dns_zone: Option<String>,
    /// File with the TSIG key: its name, algorithm and secret, in this order, divided by blanks or lines
    #[arg(long, value_name = "FILE")]
    tsig_file: Option<PathBuf>,
    /// Challenges by an acme-dns server; with --acme-dns-file
    #[arg(long, value_name = "URL", requires = "acme_dns_file", conflicts_with = "dns_server")]
    acme_dns: Option<String>,
    /// The account's JSON as the acme-dns server gave it at registration
    #[arg(long, value_name = "FILE")]
    acme_dns_file: Option<PathBuf>,
    /// Challenges by a program, called with `set NAME VALUE` and `unset NAME VALUE`
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["dns_server", "acme_dns"])]
    dns_command: Option<PathBuf>,
    /// For how long that program may run, in seconds
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    dns_command_seconds: u64,
    /// A certificate that something else delivers: its chain (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// And its key (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Open http by itself after so many running hours without internet, other clinics and a public certificate
    #[arg(long, value_name = "HOURS")]
    http_when_alone: Option<u64>,
    /// What is called to see whether there is internet, instead of the ACME server
    #[arg(long, value_name = "HOST:PORT")]
    internet_check: Option<String>,
}

pub(super) fn run(at: &At, args: &ConfigureArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let path = at.dir()?.join(FILE);
    let config = args.config()?;
    if let Some(complaint) = config.complaint() {
        bail!("{complaint}");
    }
    replace(&path, config.text().as_bytes()).with_context(|| format!("writing {}", path.display()))?;
    output.say(format_args!("{} is written; a server that runs follows within seconds", path.display()));
    Ok(0)
}

impl ConfigureArgs {
    fn config(&self) -> anyhow::Result<Config> {
        let roots = self.roots.as_ref().map(std::path::absolute).transpose()?;
        let acme = self.dns()?.map(|dns| Acme {
            directory: self.directory.clone(),
            contact: self.contact.clone(),
            terms_agreed: self.agree_terms,
            roots,
            profile: self.profile.clone(),
            dns,
            alias: self.dns_alias.clone(),
            check: self.dns_check.clone(),
        });
        let certificate = match (&self.certificate, &self.key) {
            (Some(chain), Some(key)) => Some(Files { chain: std::path::absolute(chain)?, key: std::path::absolute(key)? }),
            _ => None,
        };
        Ok(Config {
            names: self.name.clone(),
            region_name: self.region_name.clone(),
            acme,
            certificate,
            http_when_alone_hours: self.http_when_alone,
            internet_check: self.internet_check.clone(),
        })
    }

    fn dns(&self) -> anyhow::Result<Option<Dns>> {
        let read = |path: &PathBuf| std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
        if let (Some(server), Some(zone), Some(file)) = (self.dns_server, &self.dns_zone, &self.tsig_file) {
            let text = read(file)?;
            let mut words = text.split_whitespace().map(str::to_owned);
            let (Some(key_name), Some(algorithm), Some(secret)) = (words.next(), words.next(), words.next()) else {
                bail!("{} has to hold three words: name, algorithm and secret of the key", file.display());
            };
            return Ok(Some(Dns::Rfc2136 { server, zone: zone.clone(), key_name, algorithm, secret }));
        }
        if let (Some(url), Some(file)) = (&self.acme_dns, &self.acme_dns_file) {
            let account: serde_json::Value =
                serde_json::from_str(&read(file)?).with_context(|| format!("{}", file.display()))?;
            let field = |name: &str| {
                let text = account[name].as_str().map(str::to_owned);
                text.with_context(|| format!("{} has no {name:?}", file.display()))
            };
            let (user, key, subdomain) = (field("username")?, field("password")?, field("subdomain")?);
            return Ok(Some(Dns::AcmeDns { url: url.clone(), user, key, subdomain }));
        }
        // The server runs elsewhere than whoever types this. What does not lie here is looked for there, as shells do.
        let found = |program: &PathBuf| if program.exists() { std::path::absolute(program) } else { Ok(program.clone()) };
        let program = self.dns_command.as_ref().map(found).transpose()?;
        Ok(program.map(|program| Dns::Command { program, seconds: self.dns_command_seconds }))
    }
}
