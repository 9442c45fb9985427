//! Clinics of one region on loopback: real sockets, real files, each with a runtime of its own, as in a process of its own.

use crate::wait::{until, until_or};
use kusuribako::clinic::Clinic;
use kusuribako::clinic::intake::NewFact;
use kusuribako::clinic::setup::Location;
use kusuribako::clinic::staff::NewBadge;
use kusuribako::clock::Clock;
use kusuribako::entropy::SystemEntropy;
use kusuribako::exchange::Frontier;
use kusuribako::ledger::payload::SiteProfile;
use kusuribako::ledger::{CoarseKind, LedgerId, NodeId, SiteId};
use kusuribako::membership::{Member, Word};
use kusuribako::record::{Channel, Content, FactId, Group, Institution, Origin, Patient, Prescription, Source, Subject, Visit};
use kusuribako::region::kit::Kit;
use kusuribako::region::payload::{Holders, Payload, Placement};
use kusuribako::seal::{Entropy, random};
use kusuribako::store::{Draft, Urgency};
use kusuribako::sync::{self, Board, Settings};
use kusuribako::tasks::Tasks;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// For whatever has to happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Several clinics, and the key that signs for their region.
pub struct World {
    pub clinics: Vec<Place>,
    pub root: Word,
    _home: tempfile::TempDir,
}

/// A clinic's box: its disk, and the process that runs on it, if one does.
pub struct Place {
    pub name: String,
    pub dir: PathBuf,
    pub address: SocketAddr,
    pub running: Option<Running>,
    /// The first badge of its staff.
    pub admin: Option<NewBadge>,
    known: Option<(LedgerId, NodeId, SiteId)>,
}

/// A process, as it were.
pub struct Running {
    pub clinic: Clinic,
    pub member: Member,
    pub board: Board,
    stop: CancellationToken,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Place {
    fn new(home: &std::path::Path, number: usize) -> Self {
        let address = free_address();
        let (running, admin, known) = (None, None, None);
        Self { name: format!("Clinic {number}"), dir: home.join(number.to_string()), address, running, admin, known }
    }

    pub fn location(&self) -> Location {
        Location { reserve_bytes: 1 << 20, ..Location::new(&self.dir) }
    }

    pub fn clinic(&self) -> &Clinic {
        &self.running.as_ref().unwrap().clinic
    }

    pub fn member(&self) -> &Member {
        &self.running.as_ref().unwrap().member
    }

    pub fn ledger(&self) -> LedgerId {
        self.known.unwrap().0
    }

    pub fn node(&self) -> NodeId {
        self.known.unwrap().1
    }

    pub fn site(&self) -> SiteId {
        self.known.unwrap().2
    }

    /// Founds the clinic, if it is not there, and starts its node; `peers` are the addresses that it is told of.
    pub fn start(&mut self, peers: &[SocketAddr]) {
        let is_there = self.dir.join("ledger.db").exists();
        let clinic = if is_there {
            until("the disk is free", PATIENCE, || Clinic::open(&self.location(), Clock::system()).ok())
        } else {
            let profile = SiteProfile { name: self.name.clone(), ..SiteProfile::default() };
            let clinic = Clinic::found(&self.location(), &profile, Clock::system()).unwrap();
            self.admin = Some(clinic.first_admin(None).unwrap());
            clinic
        };
        let member = Member::open(&clinic).unwrap();
        self.known = Some((clinic.ledger(), member.node(), member.site()));
        let board = Board::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let stop = CancellationToken::new();
        let settings =
            Settings { peers: peers.iter().map(ToString::to_string).collect(), bytes_per_second: None, is_alone: false };
        let listener = until("the port is free", PATIENCE, || TcpListener::bind(self.address).ok());
        listener.set_nonblocking(true).unwrap();
        let (running, shown, shutdown) = (member.clone(), board.clone(), stop.clone());
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            sync::run(running, Some(listener), None, settings, shown, Tasks::new(), shutdown).await.unwrap();
        });
        self.running = Some(Running { clinic, member, board, stop, runtime: Some(runtime) });
    }

    pub fn stop(&mut self) {
        self.running = None;
        // A job of the store that is under way may hold the last handle, and so the lock.
        let lock = std::fs::File::options().write(true).open(self.dir.join("lock")).unwrap();
        until("the store is closed", PATIENCE, || lock.try_lock().ok());
        lock.unlock().unwrap();
    }

    /// What lies here of a ledger.
    pub fn held(&self, ledger: LedgerId) -> Frontier {
        self.clinic().store().read(move |reader| reader.frontier(ledger)).wait().unwrap()
    }

    /// Registers somebody, with so many visits.
    pub fn write(&self, visits: u8) {
        write(self.clinic(), visits);
    }
}

/// A port that stays free while a box is off: below those that the system hands out to whoever connects.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = 20_000 + u16::try_from(std::process::id() % 100).unwrap() * 100;
    let next = || SocketAddr::from(([127, 0, 0, 1], begin + NEXT.fetch_add(1, Ordering::Relaxed)));
    std::iter::repeat_with(next).find(|address| TcpListener::bind(address).is_ok()).unwrap()
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}

/// Registers somebody, with so many visits.
pub fn write(clinic: &Clinic, visits: u8) {
    let source = Source { origin: Origin::Pharmacy, name: "見本薬局".to_owned(), channel: Channel::JahisFile };
    let patient = Patient { name: format!("見本 {visits}"), ..Patient::default() };
    let visit = |n: u8| Visit {
        dispensed_at: Some(Institution { name: format!("{n}"), ..Institution::default() }),
        prescriptions: vec![Prescription { prescriber: None, groups: vec![Group::default()] }],
        ..Visit::default()
    };
    let fact = |n: u8| NewFact {
        id: FactId(random(&SystemEntropy::default())),
        content: Content::Visit(visit(n)),
        source: source.clone(),
        digest: None,
    };
    clinic.register(patient, source.clone(), (0..visits).map(fact).collect()).unwrap();
}

/// Entries under one head.
const AT_ONCE: usize = 40;

/// Writes so many entries that nobody can read, each with so long a body: what a ledger weighs.
pub fn bulk(clinic: &Clinic, count: usize, body_len: usize) {
    let entropy = SystemEntropy::default();
    let draft = |_| {
        let mut body = vec![0; body_len];
        entropy.fill(&mut body);
        Draft { kind: CoarseKind::RECORD, subject: Subject(random(&entropy)), body, projections: Vec::new(), sealed_in: None }
    };
    for some in 0..count.div_ceil(AT_ONCE) {
        let drafts = (some * AT_ONCE..count.min(some * AT_ONCE + AT_ONCE)).map(draft).collect();
        clinic.store().append(drafts, Urgency::Normal).wait().unwrap();
    }
}

impl World {
    /// So many clinics of one region: the first founded it, the others joined over the network.
    pub fn of(count: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let kit = Kit::random(&SystemEntropy::default());
        let root = Word::root(&[kit.root.whole().code()]).unwrap();
        let mut clinics: Vec<Place> = (0..count).map(|number| Place::new(home.path(), number)).collect();
        clinics[0].start(&[]);
        clinics[0].member().found("Region", "http://kusuri.internal", &kit).unwrap();
        let mut world = Self { clinics, root, _home: home };
        (1..count).for_each(|number| world.join(number));
        world
    }

    /// Starts a clinic, which joins by invitation: asked over the network, compared and confirmed on both sides.
    pub fn join(&mut self, number: usize) {
        let founder = self.clinics[0].address;
        self.clinics[number].start(&[founder]);
        let (first, guest) = (&self.clinics[0], &self.clinics[number]);
        let invited = first.member().invite(vec![founder.to_string()], Duration::from_secs(600)).unwrap();
        let request = guest.member().ask_with(invited.invitation).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let key = guest.clinic().node_key().signing_pair();
        let answer = runtime.block_on(sync::ask_to_join(&founder.to_string(), &key, &request)).unwrap();
        let waiting = guest.member().answered(&answer).unwrap();
        first.member().confirm_guest(&waiting.compared, &self.root).unwrap();
        guest.member().confirm_here(&waiting.compared).unwrap();
        until("the guest knows that it is admitted", PATIENCE, || {
            let region = guest.member().region()?;
            region.nodes().contains_key(&guest.node()).then_some(())
        });
    }

    /// Says something for the region, at the first clinic.
    pub fn say(&self, payload: &impl Payload) {
        self.clinics[0].member().say_for_region(&self.root, payload).unwrap();
    }

    /// Everybody holds everybody's ledger, or as `held` says: of which clinic, by which others.
    pub fn place(&self, held: &[(usize, &[usize])]) {
        let region = self.clinics[0].member().region().unwrap();
        let holders = held.iter().map(|(home, holders)| Holders {
            ledger: self.clinics[*home].ledger(),
            sites: holders.iter().map(|at| self.clinics[*at].site()).collect(),
        });
        self.say(&Placement { predecessors: region.placement_heads(), ledgers: holders.collect(), settles: Vec::new() });
    }

    /// Waits until some clinics have the same of a ledger, and at least so many entries.
    pub fn until_same(&self, of: usize, at: &[usize], least: u64) {
        let ledger = self.clinics[of].ledger();
        let shown = std::cell::RefCell::new(String::new());
        until_or(
            "all have the same",
            PATIENCE,
            || shown.borrow().clone(),
            || {
                let all: Vec<Frontier> = at.iter().map(|at| self.clinics[*at].held(ledger)).collect();
                *shown.borrow_mut() = format!("{all:?}, at least {least}");
                let is_same =
                    all.windows(2).all(|pair| pair[0].summary() == pair[1].summary() && pair[0].entries() == pair[1].entries());
                (is_same && all[0].entries() >= least && all[0].missing() == 0).then_some(())
            },
        );
    }
}
