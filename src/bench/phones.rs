//! `load`: many phones at once at a clinic that is being served, each with a card, from the front page to the record and on; or, instead of
//! them, many that make it wait.

mod line;
mod slow;
mod tally;
mod walk;

use anyhow::{Context, bail};
use clap::Args;
use line::Way;
use serde_json::json;
use slow::Kind;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tally::Tally;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use walk::Phone;

/// Whom to ask, with how many phones.
#[derive(Args)]
pub struct LoadArgs {
    /// Where the clinic's pages are
    #[arg(value_name = "ADDR:PORT")]
    at: SocketAddr,
    /// A card's code and PIN on each line; phones take them in turn. Without it, phones only ask for --path
    #[arg(long, value_name = "FILE")]
    cards: Option<PathBuf>,
    /// Phones
    #[arg(long, default_value_t = 1_000)]
    phones: usize,
    /// Seconds of reading, once all records are open
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How long a person looks at a page, on average
    #[arg(long, default_value_t = 5_000, value_name = "MS")]
    look_ms: u64,
    /// The page that is read; may be given several times
    #[arg(long, default_value = "/record")]
    path: Vec<String>,
    /// The certificate (PEM) to trust: the clinic is asked over TLS, with HTTP/2
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The name in that certificate
    #[arg(long, default_value = "localhost")]
    name: String,
    /// Addresses of this machine that phones call from in turn, divided by commas: a clinic gives one address 32 places
    #[arg(long, value_delimiter = ',', value_name = "ADDR")]
    from: Vec<IpAddr>,
    /// Phones that open their records at one time: PINs wait in line, and whoever would wait for too long is sent away
    #[arg(long, default_value_t = 8)]
    opening: usize,
    /// A new connection for each page
    #[arg(long)]
    fresh: bool,
    /// Instead of phones, so many connections that make the clinic wait, for --seconds; a clinic gives each address 32 places (--from)
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["cards", "fresh"])]
    slow: Option<usize>,
    /// The ways in which slow ones are slow, in turn
    #[arg(long, value_delimiter = ',', default_value = "silent,idle,headers,body,reader", requires = "slow")]
    kinds: Vec<Kind>,
    /// Slow ones that come for the first time in one second; 0: all at once
    #[arg(long, default_value_t = 500, value_name = "NUMBER", requires = "slow")]
    per_second: u32,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

/// Lets the phones loose; the exit code is 1 if any page did not come.
///
/// # Errors
/// Where the cards cannot be read, or no phone gets in at all.
pub fn run(args: &LoadArgs, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<u8> {
    if let Some(number) = args.slow {
        return slow::run(args, number, out, err);
    }
    let cards = args.cards.as_deref().map(cards).transpose()?;
    let way = Arc::new(Way::new(args.at, args.certificate.as_deref(), &args.name, b"h2")?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (opened, read) = runtime.block_on(async {
        let (phones, opened) = open_all(args, &way, cards.as_deref(), err).await?;
        writeln!(err, "{} phones read for {} s …", phones.len(), args.seconds)?;
        anyhow::Ok((opened, read_all(args, phones).await?))
    })?;
    report(args, &opened, &read, out)?;
    Ok(u8::from(opened.failed + read.failed > 0))
}

fn cards(file: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let card = |line: &str| line.split_once(' ').map(|(code, pin)| (code.trim().to_owned(), pin.trim().to_owned()));
    let cards: Option<Vec<_>> = text.lines().filter(|line| !line.trim().is_empty()).map(card).collect();
    let cards = cards.with_context(|| format!("{}: each line is a code, a blank and a PIN", file.display()))?;
    if cards.is_empty() { bail!("{} has no card", file.display()) } else { Ok(cards) }
}

/// What the way to the record took.
#[derive(Default)]
struct Opened {
    count: usize,
    failed: usize,
    took: Duration,
    /// From the first page to the record, of one phone: the PIN is stretched by Argon2id, one after the other.
    each: Tally,
    requests: usize,
    bytes: usize,
}

/// Where a phone calls from.
fn from(args: &LoadArgs, phone: usize) -> Option<IpAddr> {
    args.from.get(phone % args.from.len().max(1)).copied()
}

async fn open_all(
    args: &LoadArgs,
    way: &Arc<Way>,
    cards: Option<&[(String, String)]>,
    err: &mut dyn Write,
) -> anyhow::Result<(Vec<Phone>, Opened)> {
    let mut opened = Opened::default();
    let Some(cards) = cards else {
        return Ok(((0..args.phones).map(|n| Phone::new(way, from(args, n))).collect(), opened));
    };
    writeln!(err, "{} phones open their records …", args.phones)?;
    let (start, mut opening, places) = (Instant::now(), JoinSet::new(), Arc::new(Semaphore::new(args.opening.max(1))));
    for (n, card) in (0..args.phones).zip(cards.iter().cycle().cloned()) {
        let (mut phone, places) = (Phone::new(way, from(args, n)), Arc::clone(&places));
        opening.spawn(async move {
            let _place = places.acquire().await;
            let begun = Instant::now();
            let walked = phone.open(&card.0, &card.1).await;
            (phone, walked, begun.elapsed())
        });
    }
    let (mut phones, mut last) = (Vec::with_capacity(args.phones), None);
    while let Some(done) = opening.join_next().await {
        let (phone, walked, took) = done?;
        match walked {
            Ok(walked) => {
                (opened.requests, opened.bytes) = (walked.requests, walked.bytes);
                opened.each.add(took);
                phones.push(phone);
            }
            Err(e) => {
                opened.failed += 1;
                last = Some(e);
            }
        }
    }
    (opened.count, opened.took) = (phones.len(), start.elapsed());
    match last {
        Some(e) if phones.is_empty() => Err(e.context("no record could be opened")),
        _ => Ok((phones, opened)),
    }
}

/// What the reading gave.
#[derive(Default)]
struct Read {
    pages: Tally,
    failed: usize,
    reconnected: usize,
    bytes: usize,
    took: Duration,
    /// The last thing that went wrong.
    why: Option<String>,
}

async fn read_all(args: &LoadArgs, phones: Vec<Phone>) -> anyhow::Result<Read> {
    let (start, mut reading) = (Instant::now(), JoinSet::new());
    let (until, looks) = (start + Duration::from_secs(args.seconds), Duration::from_millis(args.look_ms));
    let paths: Arc<[String]> = args.path.clone().into();
    for (phone, seed) in phones.into_iter().zip(0..) {
        reading.spawn(read_on(phone, Arc::clone(&paths), fastrand::Rng::with_seed(seed), looks, until, args.fresh));
    }
    let mut all = Read::default();
    while let Some(done) = reading.join_next().await {
        let one = done?;
        all.pages.take(one.pages);
        (all.failed, all.reconnected, all.bytes) =
            (all.failed + one.failed, all.reconnected + one.reconnected, all.bytes + one.bytes);
        all.why = all.why.or(one.why);
    }
    all.took = start.elapsed();
    Ok(all)
}

/// One phone: looks, asks for the next page, looks. All begin at different moments, as people do.
async fn read_on(
    mut phone: Phone,
    paths: Arc<[String]>,
    mut rng: fastrand::Rng,
    looks: Duration,
    until: Instant,
    fresh: bool,
) -> Read {
    let mut read = Read::default();
    for path in paths.iter().cycle() {
        tokio::time::sleep(looks.mul_f64(2.0 * rng.f64())).await;
        if Instant::now() >= until {
            break;
        }
        if fresh {
            phone.hang_up();
        }
        let (begun, calls) = (Instant::now(), phone.calls);
        match phone.page(path).await {
            Ok(bytes) => {
                read.pages.add(begun.elapsed());
                read.bytes += bytes;
            }
            Err(e) => {
                (read.failed, read.why) = (read.failed + 1, Some(format!("{e:#}")));
                phone.hang_up();
            }
        }
        read.reconnected += phone.calls - calls;
    }
    read
}

fn report(args: &LoadArgs, opened: &Opened, read: &Read, out: &mut dyn Write) -> anyhow::Result<()> {
    let rate = read.pages.per_second(read.took);
    if args.json {
        let figures = json!({
            "phones": args.phones, "opened": opened.count, "not_opened": opened.failed, "opening_s": opened.took.as_secs_f64(),
            "open_p50_ms": opened.each.ms(500), "open_p99_ms": opened.each.ms(990),
            "requests_to_record": opened.requests, "bytes_to_record": opened.bytes,
            "pages": read.pages.len(), "failed": read.failed, "why": read.why, "connections": read.reconnected, "bytes": read.bytes,
            "pages_per_s": rate, "p50_ms": read.pages.ms(500), "p99_ms": read.pages.ms(990), "max_ms": read.pages.ms(1000),
        });
        return Ok(writeln!(out, "{figures}")?);
    }
    if args.cards.is_some() {
        writeln!(
            out,
            "opening    {} phones in {:.1} s, one p50 {:.0} ms, p99 {:.0} ms; {} requests and {} bytes from the card to the record; {} failed",
            opened.count,
            opened.took.as_secs_f64(),
            opened.each.ms(500),
            opened.each.ms(990),
            opened.requests,
            opened.bytes,
            opened.failed
        )?;
    }
    writeln!(
        out,
        "reading    {} pages, {rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms; {} connections, {} bytes; {} failed{}",
        read.pages.len(),
        read.pages.ms(500),
        read.pages.ms(990),
        read.pages.ms(1000),
        read.reconnected,
        read.bytes,
        read.failed,
        read.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default()
    )?;
    Ok(())
}
