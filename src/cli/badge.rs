//! `badge`: for helpers from outside. Issued with the region's duty key, they open a site with nobody of it left.

use super::At;
use super::output::Output;
use super::request::{self, Here, Request};
use super::secrets::{Hidden, read_staff};
use super::staff::unlock_word;
use crate::clock::today_in_japan;
use crate::formats::qr::{self, Correction};
use crate::membership::{
    self, BadgeIssued, BadgeOpened, BadgeRefusal, BadgeUsed, BadgeWish, LOCAL_HOURS, LocalWish, MembershipError,
};
use crate::region::Region;
use crate::region::kit::KitKey;
use crate::region::outside::{BadgeFile, HOURS_MAX, NoSlot};
use crate::seal::pin::LongPin;
use crate::sentence::Sentence;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::BufRead;
use std::path::PathBuf;
use zeroize::Zeroizing;

const SECOND_MS: u64 = 1_000;
const HOUR_MS: u64 = 60 * 60 * SECOND_MS;
/// What `--area` says for every site in service.
const EVERYWHERE: &str = "all";
/// A QR code of more bytes is too fine to be read from a phone's screen.
const QR_LEN_MAX: usize = 1_200;

#[derive(Args)]
#[command(after_help = "Examples:
  kusuribako badge issue --duty duty.txt --name 山田花子 --licence 123456 --area みなと薬局,川内診療所 --out badge.txt
  kusuribako badge open --badge badge.txt                  at the clinic whose staff are gone
  kusuribako badge list")]
pub(crate) struct BadgeArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    action: ActionArgs,
}

#[derive(Subcommand)]
enum ActionArgs {
    /// Make a badge for a helper from outside, with the duty key, at any clinic of the region; needs no network
    Issue {
        /// The sheet of the duty key, or twice for two sheets of a split one
        #[arg(long, required = true, value_name = "FILE")]
        duty: Vec<PathBuf>,
        /// The helper's name
        #[arg(long)]
        name: String,
        /// The number of their licence
        #[arg(long)]
        licence: String,
        /// The sites that it opens, by name or id; `all` for every site in service
        #[arg(long, required = true, value_delimiter = ',', value_name = "SITE,SITE")]
        area: Vec<String>,
        /// For how many hours
        #[arg(long, default_value_t = HOURS_MAX, value_parser = clap::value_parser!(u32).range(1..=i64::from(HOURS_MAX)))]
        hours: u32,
        /// A new file for the badge
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a badge with two of this clinic's staff, where the duty key cannot be reached: for this site alone, for 12 hours
    IssueHere {
        /// The file with the badge and passphrase of one of them
        #[arg(long, value_name = "FILE")]
        staff: PathBuf,
        /// The file with those of the other
        #[arg(long, value_name = "FILE")]
        second: PathBuf,
        /// The helper's name
        #[arg(long)]
        name: String,
        /// The number of their licence
        #[arg(long)]
        licence: String,
        /// A new file for the badge
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Open the copies that lie here with an outside badge
    Open {
        /// The badge's file, or a file with what its QR code says
        #[arg(long, value_name = "FILE")]
        badge: PathBuf,
        /// A file whose first line is its PIN; asked for where none is named
        #[arg(long, value_name = "FILE")]
        pin_file: Option<PathBuf>,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Slots that are left here, and badges that were used here
    List {
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    Issue { duty: Vec<Hidden>, name: String, licence: String, area: Vec<String>, hours: u32, out: PathBuf, json: bool },
    IssueHere { staff: Hidden, second: Hidden, name: String, licence: String, out: PathBuf, json: bool },
    Open { badge: Hidden, pin: Hidden, is_japanese: bool, json: bool },
    List { json: bool },
}

pub(crate) fn run(args: BadgeArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let action = match args.action {
        ActionArgs::Issue { duty, name, licence, area, hours, out, json } => {
            let duty = duty.iter().map(|path| Hidden::read(path)).collect::<anyhow::Result<_>>()?;
            Action::Issue { duty, name, licence, area, hours, out, json }
        }
        ActionArgs::IssueHere { staff, second, name, licence, out, json } => {
            let (staff, second) = (Hidden::read(&staff)?, Hidden::read(&second)?);
            Action::IssueHere { staff, second, name, licence, out, json }
        }
        ActionArgs::Open { badge, pin_file, json } => {
            let badge = Hidden::read(&badge)?;
            let pin = match pin_file {
                Some(path) => Hidden::read(&path)?,
                None => ask_pin(output)?,
            };
            let is_japanese = super::region::language().is_some_and(|language| language.starts_with("ja"));
            Action::Open { badge, pin, is_japanese, json }
        }
        ActionArgs::List { json } => Action::List { json },
    };
    request::dispatch(&args.at, Request::Badge(action), output)
}

fn ask_pin(output: &mut Output<'_>) -> anyhow::Result<Hidden> {
    let (_, err) = output.streams();
    write!(err, "PIN (12 digits): ")?;
    err.flush()?;
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).context("reading the PIN")?;
    Ok(Hidden::new(line.trim()))
}

pub(crate) fn carry_out(here: &Here, action: Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    match action {
        Action::Issue { duty, name, licence, area, hours, out, json } => {
            let wish = BadgeWish {
                name: name.trim().to_owned(),
                licence: licence.trim().to_owned(),
                area: sites(here, &area)?,
                hours,
            };
            issue(here, &duty, &wish, &out, json, output)
        }
        Action::IssueHere { staff, second, name, licence, out, json } => {
            issue_here(here, &staff, &second, &LocalWish { name, licence }, &out, json, output)
        }
        Action::Open { badge, pin, is_japanese, json } => open(here, &badge, &pin, is_japanese, json, output),
        Action::List { json } => list(here, json, output),
    }
}

fn sites(here: &Here, area: &[String]) -> anyhow::Result<Vec<crate::ledger::SiteId>> {
    let member = here.member()?;
    let region = member.region().ok_or(MembershipError::NoRegion)?;
    if area.iter().any(|site| site == EVERYWHERE) {
        return Ok(region.sites().keys().copied().filter(|site| region.is_active(*site)).collect());
    }
    let mut found = area.iter().map(|site| Ok(member.find_site(site.trim())?)).collect::<anyhow::Result<Vec<_>>>()?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn issue(
    here: &Here,
    duty: &[Hidden],
    wish: &BadgeWish,
    out: &std::path::Path,
    json: bool,
    output: &mut Output<'_>,
) -> anyhow::Result<u8> {
    let member = here.member()?;
    let texts: Vec<Zeroizing<String>> = duty.iter().map(|text| Zeroizing::new(text.text().to_owned())).collect();
    let key = KitKey::from_sheets(&membership::sheets(&texts).context("a sheet of the duty key does not read")?)?;
    if wish.name.is_empty() || wish.licence.is_empty() {
        bail!("a badge names its owner and their licence: --name and --licence");
    }
    let issued = member.issue_badge(&key, wish)?;
    let region = member.region().ok_or(MembershipError::NoRegion)?;
    let symbol =
        (issued.file.qr_text().len() <= QR_LEN_MAX).then(|| qr::terminal(issued.file.qr_text().as_bytes(), Correction::Low));
    let symbol = symbol.and_then(Result::ok);
    let text =
        format!("{}{}", issued.file.text(), symbol.as_deref().map_or_else(String::new, |symbol| format!("\n{symbol}\n")));
    output.file(out, &text, true)?;
    if json {
        output.json(&issued_json(&region, wish, &issued, out, symbol.is_some()))?;
        return Ok(0);
    }
    output.result(format_args!("PIN        {}", *issued.pin.printed()))?;
    output.result(format_args!("badge      {}", issued.file.badge))?;
    for site in &issued.sites {
        output.result(format_args!("opens      {}", name(&region, *site)))?;
    }
    for (site, why) in &issued.without {
        output.say(format_args!("not there  {}: {}", name(&region, *site), why_not(*why)));
    }
    output.say(format_args!(
        "The badge of {} lies in {}. The PIN is shown this once: it goes another way than the file.",
        wish.name,
        out.display()
    ));
    if symbol.is_none() {
        output.say("With so many sites it does not fit into a QR code that a phone reads: hand over the file.");
    }
    Ok(0)
}

/// Both show who they are; the first opens what lies here, which the badge is to open.
fn issue_here(
    here: &Here,
    staff: &Hidden,
    second: &Hidden,
    wish: &LocalWish,
    out: &std::path::Path,
    json: bool,
    output: &mut Output<'_>,
) -> anyhow::Result<u8> {
    let member = here.member()?;
    let (code, passphrase) = read_staff(staff)?;
    let first = member.sign_in(&code, &passphrase)?.staff.context("the first badge is none of this clinic's")?;
    let (code, passphrase) = read_staff(second)?;
    let second = here.clinic.prove_staff(&code, &passphrase)?;
    let issued = member.issue_local_badge(&first, &second, wish)?;
    let symbol = qr::terminal(issued.file.qr_text().as_bytes(), Correction::Low).unwrap_or_default();
    output.file(out, &format!("{}\n{symbol}\n", issued.file.text()), true)?;
    if json {
        let badge = issued.file.badge.to_string();
        output.json(&json!({"badge": badge, "pin": *issued.pin.printed(), "file": out, "hours": LOCAL_HOURS}))?;
        return Ok(0);
    }
    output.result(format_args!("PIN        {}", *issued.pin.printed()))?;
    output.result(format_args!("badge      {}", issued.file.badge))?;
    output.say(format_args!(
        "The badge of {} lies in {}. It opens this site alone, for {LOCAL_HOURS} hours. The PIN is shown this once: it goes another way than the file.",
        wish.name.trim(),
        out.display()
    ));
    Ok(0)
}

fn issued_json(region: &Region, wish: &BadgeWish, issued: &BadgeIssued, out: &std::path::Path, has_qr: bool) -> Value {
    let sites: Vec<Value> =
        issued.sites.iter().map(|site| json!({"site": site.to_string(), "name": name(region, *site)})).collect();
    let without: Vec<Value> = issued
        .without
        .iter()
        .map(|(site, why)| json!({"site": site.to_string(), "name": name(region, *site), "why": why_not(*why)}))
        .collect();
    json!({
        "badge": issued.file.badge.to_string(), "pin": *issued.pin.printed(), "file": out, "hours": wish.hours,
        "sites": sites, "without": without, "qr": has_qr,
    })
}

const fn why_not(why: NoSlot) -> &'static str {
    match why {
        NoSlot::NotMade => "it has made no slots yet: a member of its staff runs `kusuribako unlock` there",
        NoSlot::AllGiven => {
            "all its slots were given out here: a member of its staff runs `kusuribako unlock` there, which makes new ones"
        }
    }
}

fn open(
    here: &Here,
    badge: &Hidden,
    pin: &Hidden,
    is_japanese: bool,
    json: bool,
    output: &mut Output<'_>,
) -> anyhow::Result<u8> {
    let opened = read_and_open(here, badge, pin);
    let BadgeOpened { badge, name, licence, ledgers, left_ms, area: _ } = match opened {
        Ok(opened) => opened,
        Err(refusal) => return refuse(&refusal, is_japanese, json, output),
    };
    let region = here.member()?.region().ok_or(MembershipError::NoRegion)?;
    let is_served = here.board().is_some();
    if json {
        let rows: Vec<Value> = ledgers
            .iter()
            .map(|found| json!({"ledger": found.ledger.to_string(), "unlock": unlock_word(found.unlock)}))
            .collect();
        output.json(&json!({
            "badge": badge.to_string(), "name": name, "licence": licence, "left_s": left_ms / SECOND_MS, "ledgers": rows,
        }))?;
        return Ok(0);
    }
    for found in &ledgers {
        let home =
            region.homes(found.ledger).next().map_or_else(|| found.ledger.to_string(), |home| home.described.name.clone());
        output.result(format_args!("{home}  {}", unlock_word(found.unlock)))?;
    }
    output.say(format_args!(
        "{name} ({licence}): this is noted in the clinic's ledger. The badge ends here in {} h.",
        left_ms.div_ceil(HOUR_MS)
    ));
    output.say(if is_served {
        "What is open is forgotten after four hours, when the badge ends, at `kusuribako lock`, and when the server stops; the badge opens it again."
    } else {
        "It is proven that these open. No server runs here, so nothing stays open: open again when it does."
    });
    Ok(0)
}

fn read_and_open(here: &Here, badge: &Hidden, pin: &Hidden) -> Result<BadgeOpened, BadgeRefusal> {
    let member = here.member().map_err(|error| BadgeRefusal::Failed(error.to_string()))?;
    // Below the badge a picture of it may stand.
    let text = badge.text().split("\n\n").next().unwrap_or_default();
    let file = BadgeFile::read(text).map_err(|_damaged| BadgeRefusal::Damaged)?;
    let pin = LongPin::read(pin.text().lines().next().unwrap_or_default()).ok_or(BadgeRefusal::PinFormat)?;
    member.open_with_badge(&file, &pin)
}

fn refuse(refusal: &BadgeRefusal, is_japanese: bool, json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (sentence, next) = (refusal.sentence(), refusal.next_action());
    if json {
        let said = |said: &Sentence| json!({"ja": said.ja, "en": said.en});
        output.json(&json!({"refused": refusal.kind(), "sentence": said(&sentence), "next_action": said(&next)}))?;
    } else {
        let pick = |said: Sentence| if is_japanese { said.ja } else { said.en };
        output.say(pick(sentence));
        output.say(pick(next));
    }
    Ok(1)
}

fn list(here: &Here, json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let kept = here.member()?.badges()?;
    let tries = here.clinic.outside_tries()?;
    if json {
        let used = |used: &BadgeUsed| {
            json!({
                "badge": used.badge.to_string(), "name": used.name, "licence": used.licence, "first_ms": used.first_ms,
                "times": used.times, "left_s": used.left_ms / SECOND_MS,
            })
        };
        let tried: Vec<Value> = tries
            .iter()
            .map(|(at_ms, tried)| {
                let badge = data_encoding::HEXLOWER.encode(&tried.badge);
                json!({"at_ms": at_ms, "badge": badge, "name": tried.name, "licence": tried.licence, "outcome": format!("{:?}", tried.outcome), "tries": tried.tries.unwrap_or(1)})
            })
            .collect();
        output.json(&json!({
            "slots_left": kept.slots_left, "made_ms": kept.made_ms,
            "used": kept.used.iter().map(used).collect::<Vec<_>>(), "tries": tried,
        }))?;
        return Ok(0);
    }
    match (kept.slots_left, kept.made_ms) {
        (Some(left), Some(made_ms)) => {
            output.result(format_args!("{left} slots left, made on {}", today_in_japan(made_ms)))?;
        }
        _ => output.result("no slots for outside badges yet: a member of the staff runs `kusuribako unlock`")?,
    }
    for used in &kept.used {
        let state = if used.left_ms == 0 { "over".to_owned() } else { format!("{} h left", used.left_ms.div_ceil(HOUR_MS)) };
        output.result(format_args!(
            "{:.8}  {} ({})  first used {}, {state}",
            used.badge.to_string(),
            used.name,
            used.licence,
            today_in_japan(used.first_ms)
        ))?;
    }
    for (at_ms, tried) in &tries {
        let many = tried.tries.map_or_else(String::new, |tries| format!("{tries} tries of badges that nobody here knows"));
        output.result(format_args!(
            "tried {}  {:?}  {} {}{many}",
            today_in_japan(*at_ms),
            tried.outcome,
            tried.name,
            tried.licence
        ))?;
    }
    Ok(0)
}

fn name(region: &Region, site: crate::ledger::SiteId) -> String {
    region.sites().get(&site).map_or_else(|| site.to_string(), |site| site.described.name.clone())
}
