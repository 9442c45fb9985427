//! Those who make the clinic wait, as many as are asked for, each in one of the ways there are; whoever is cut comes again. In a process of
//! its own, so that what it costs is not taken for what honest phones wait.

mod kind;

pub(super) use kind::Kind;

use super::line::Way;
use super::tally::Tally;
use super::{LoadArgs, from};
use anyhow::{Context, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Whoever does not get in by then gives up, and comes again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever was cut or not let in waits for so long at most before it comes again: not all at once.
const PAUSE: Duration = Duration::from_secs(1);

/// Files besides connections.
const BESIDES: u64 = 64;

/// What has become of all.
#[derive(Default)]
struct Board {
    held: BTreeMap<Kind, usize>,
    came: usize,
    cut: usize,
    failed: usize,
    why: Option<String>,
    /// From the first packet to the last of the handshake.
    entering: Tally,
}

#[derive(Default)]
struct Shared(Mutex<Board>);

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        // Every change is whole after each call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entered(&self, kind: Kind, took: Duration) {
        let mut board = self.board();
        board.came += 1;
        board.entering.add(took);
        *board.held.entry(kind).or_default() += 1;
    }

    fn was_cut(&self, kind: Kind) {
        let mut board = self.board();
        board.cut += 1;
        board.held.entry(kind).and_modify(|held| *held -= 1);
    }

    fn not_let_in(&self, why: &anyhow::Error) {
        let mut board = self.board();
        board.failed += 1;
        board.why = Some(format!("{why:#}"));
    }
}

/// How many were held at one time, in seconds since the first came.
struct Sample {
    s: u64,
    held: BTreeMap<Kind, usize>,
}

impl Sample {
    fn held(&self) -> usize {
        self.held.values().sum()
    }
}

/// Holds `number` of them until the time is over; the exit code is 1 if there were never nine of ten at one time.
///
/// # Errors
/// Where not so many files may be open, or none gets in.
pub(super) fn run(args: &LoadArgs, number: usize, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<u8> {
    raise_files(number)?;
    let way = Arc::new(Way::new(args.at, args.certificate.as_deref(), &args.name, b"http/1.1")?);
    let shared = Arc::<Shared>::default();
    writeln!(err, "{number} slow connections for {} s …", args.seconds)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let samples = runtime.block_on(hold_all(args, &way, number, &shared))?;
    let board = shared.board();
    if board.came == 0 {
        bail!("no connection was made: {}", board.why.as_deref().unwrap_or("the time was too short"));
    }
    report(args, number, &board, &samples, out)?;
    let most = samples.iter().map(Sample::held).max().unwrap_or(0);
    Ok(u8::from(most * 10 < number * 9))
}

fn raise_files(number: usize) -> anyhow::Result<()> {
    let needed = u64::try_from(number)? + BESIDES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < needed) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum })
            .with_context(|| format!("{needed} open files are needed: raise the limit (ulimit -Hn), or ask for fewer"))?;
    }
    Ok(())
}

async fn hold_all(args: &LoadArgs, way: &Arc<Way>, number: usize, shared: &Arc<Shared>) -> anyhow::Result<Vec<Sample>> {
    let (start, mut holding) = (Instant::now(), JoinSet::new());
    let until = start + Duration::from_secs(args.seconds);
    let apart = match args.per_second {
        0 => Duration::ZERO,
        rate => Duration::from_secs(1) / rate,
    };
    for ((n, order), kind) in (0..number).zip(0_u32..).zip(args.kinds.iter().cycle()) {
        let one = One { way: Arc::clone(way), kind: *kind, from: from(args, n), until, shared: Arc::clone(shared) };
        holding.spawn(one.live(apart * order, fastrand::Rng::with_seed(order.into())));
    }
    let mut samples = Vec::new();
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_secs(1)).await;
        samples.push(Sample { s: start.elapsed().as_secs(), held: shared.board().held.clone() });
    }
    // Cut short, not waited for: some would only see the end when they read.
    holding.shutdown().await;
    Ok(samples)
}

/// One that is slow.
struct One {
    way: Arc<Way>,
    kind: Kind,
    from: Option<IpAddr>,
    until: Instant,
    shared: Arc<Shared>,
}

impl One {
    async fn live(self, first: Duration, mut rng: fastrand::Rng) {
        tokio::time::sleep(first).await;
        while Instant::now() < self.until {
            let begun = Instant::now();
            let entered = tokio::time::timeout(PATIENCE, self.kind.enter(&self.way, self.from)).await;
            match entered.map_err(anyhow::Error::from).and_then(|entered| entered) {
                Ok(stream) => {
                    self.shared.entered(self.kind, begun.elapsed());
                    self.kind.linger(stream, &self.way.host).await;
                    self.shared.was_cut(self.kind);
                }
                Err(e) => self.shared.not_let_in(&e),
            }
            tokio::time::sleep(PAUSE.mul_f64(rng.f64())).await;
        }
    }
}

fn report(args: &LoadArgs, number: usize, board: &Board, samples: &[Sample], out: &mut dyn Write) -> anyhow::Result<()> {
    let most = samples.iter().max_by_key(|sample| sample.held());
    let by_kind: BTreeMap<String, usize> =
        most.map(|sample| sample.held.iter().map(|(kind, held)| (kind.to_string(), *held)).collect()).unwrap_or_default();
    let held = most.map_or(0, Sample::held);
    let (p50, p99) = (board.entering.ms(500), board.entering.ms(990));
    if args.json {
        let over_time: Vec<(u64, usize)> = samples.iter().map(|sample| (sample.s, sample.held())).collect();
        let figures = json!({
            "slow": number, "held_most": held, "by_kind": by_kind, "held_over_time": over_time, "came": board.came, "cut": board.cut,
            "not_let_in": board.failed, "why": board.why, "entering_p50_ms": p50, "entering_p99_ms": p99,
        });
        return Ok(writeln!(out, "{figures}")?);
    }
    let kinds: Vec<String> = by_kind.iter().map(|(kind, held)| format!("{kind} {held}")).collect();
    writeln!(
        out,
        "slow       {held} of {number} held at one time ({}); {} came, {} were cut, {} not let in{}; entering p50 {p50:.1} ms, p99 {p99:.1} ms",
        kinds.join(", "),
        board.came,
        board.cut,
        board.failed,
        board.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default(),
    )?;
    Ok(())
}
