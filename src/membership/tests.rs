//! Clinics of one region in one process, on real directories: founding, inviting, joining, keeping.

use super::*;
use crate::clinic::setup::Location;
use crate::clinic::staff::NewBadge;
use crate::clock::Clock;
use crate::exchange::Verified;
use crate::exchange::fill::Kept;
use crate::exchange::message::{Path, Response};
use crate::exchange::node::{Batch, Token, Want};
use crate::ledger::payload::SiteProfile;
use crate::ledger::{LedgerId, OpenPart};
use crate::region::conflict::Conflict;
use crate::region::join::JoinError;
use crate::region::kit::Kit;
use crate::seal::badge::Passphrase;

mod describing;
mod glass;
mod holding;
mod joining;
mod keeping;
mod outside;
mod placing;
mod succession;

/// After the program was built, so that the clock is trusted.
const NOW_MS: i64 = 1_795_000_000_000;
const HOUR: Duration = Duration::from_secs(3_600);
/// No test moves more in one message.
const LEN_MAX: usize = 7 << 20;

/// A clinic with its directory, its clock and the badge of its first admin.
pub(super) struct Site {
    dir: tempfile::TempDir,
    pub(super) clock: Clock,
    pub(super) clinic: Clinic,
    pub(super) member: Member,
    pub(super) badge: NewBadge,
}

impl Site {
    pub(super) fn new(name: &str) -> Self {
        Self::with(&SiteProfile { name: name.to_owned(), ..SiteProfile::default() })
    }

    pub(super) fn with(profile: &SiteProfile) -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(NOW_MS));
        let clinic = Clinic::found(&location(&dir), profile, clock.clone()).unwrap();
        let badge = clinic.first_admin(None).unwrap();
        let member = Member::open(&clinic).unwrap();
        Self { dir, clock, clinic, member, badge }
    }

    /// As after a restart.
    pub(super) fn reopened(self) -> Self {
        let Self { dir, clock, clinic, member, badge } = self;
        drop((clinic, member));
        let clinic = Clinic::open(&location(&dir), clock.clone()).unwrap();
        let member = Member::open(&clinic).unwrap();
        Self { dir, clock, clinic, member, badge }
    }

    pub(super) fn passphrase(&self) -> Passphrase {
        Passphrase::entered(self.badge.passphrase.as_ref().unwrap())
    }

    pub(super) fn region(&self) -> Arc<Region> {
        self.member.region().unwrap()
    }
}

fn location(dir: &tempfile::TempDir) -> Location {
    Location { reserve_bytes: 1 << 20, ..Location::new(dir.path().join("clinic")) }
}

/// A founded region: the kit and the founding clinic.
pub(super) fn founded(profile: &SiteProfile) -> (Word, Site) {
    let site = Site::with(profile);
    let kit = Kit::random(&SystemEntropy::default());
    site.member.found("高知", "http://kusuri.internal", &kit).unwrap();
    let word = Word::root(&[kit.root.whole().code()]).unwrap();
    (word, site)
}

/// Joins by the whole way: invitation, request, answer, both people's word; and the two exchange what they have.
pub(super) fn join(host: &Site, guest: &Site, word: &Word) {
    let invited = host.member.invite(Vec::new(), HOUR).unwrap();
    let request = guest.member.ask_with(invited.invitation).unwrap();
    let answer = host.member.asked_to_join(&request).unwrap();
    let compared = guest.member.answered(&answer).unwrap().compared;
    guest.member.confirm_here(&compared).unwrap();
    host.member.confirm_guest(&compared, word).unwrap();
    meet(&[host, guest]);
    guest.member.say_keys().unwrap();
    meet(&[host, guest]);
}

/// Everybody takes everybody's statements.
pub(super) fn meet(sites: &[&Site]) {
    let all: Vec<Signed> =
        sites.iter().flat_map(|site| site.member.statements().unwrap().iter().cloned().collect::<Vec<_>>()).collect();
    for site in sites {
        site.member.merge(all.clone()).unwrap();
    }
}

/// A copy of a ledger, as the exchange would make it.
pub(super) fn copy(from: &Site, to: &Site, ledger: LedgerId) {
    hand(&from.clinic, &to.clinic, ledger, |run| (vec![run], Vec::new()));
}

/// The same between two boxes; `sort` says of each run what counts there, and what is kept aside.
pub(super) fn hand(from: &Clinic, to: &Clinic, ledger: LedgerId, sort: impl Fn(Verified) -> (Vec<Verified>, Vec<Verified>)) {
    let store = from.store();
    let frontier = store.read_now(move |reader| reader.frontier(ledger)).unwrap();
    let paths: Vec<Path> = frontier.tips().map(|tip| Path { tip: *tip, after: 0 }).collect();
    let want = Want { ledger, paths, bodies: Vec::new() };
    let filled = store.read_behind(move |reader| reader.fill(&want, LEN_MAX)).wait().unwrap();
    let Response::Batch { runs, .. } = filled else { panic!("{filled:?}") };
    let kept = |sent: crate::exchange::message::Sent| Kept {
        open: OpenPart::decode(&sent.open).unwrap(),
        body: sent.body,
        signature: sent.signature,
    };
    let run = |run: crate::exchange::message::Run| {
        let entries = run.entries.into_iter().map(kept).collect();
        Verified { path: usize::try_from(run.path).unwrap(), author_key: run.author_key, entries }
    };
    let (runs, aside): (Vec<_>, Vec<_>) = runs.into_iter().map(run).map(sort).unzip();
    let batch = Batch { runs: runs.concat(), aside: aside.concat(), bodies: Vec::new() };
    let projections = to.project(ledger, &batch);
    let mut changes = to.store().subscribe().wait().unwrap().changes;
    to.store().take_in(Token(1), ledger, batch, projections);
    let Some(crate::store::Change::Taken { batch, .. }) = changes.blocking_recv() else { panic!("no answer") };
    batch.unwrap();
}
