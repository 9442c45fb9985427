//! Asking for what follows while what came before it is verified and stored, and verifying it meanwhile: so the store never waits for the network, nor
//! for the processor. It saves waiting and decides nothing: what came ahead counts only if exactly it is wanted when its turn has come, and only if what it
//! builds on is held by then.

use super::plan::Wanted;
use super::{Fetch, Input, State, Step, View, first_paths, is_in_order};
use crate::exchange::message::{Path, Request, Response, Run, Set};
use crate::exchange::verify::{self, Job, Verdict};
use crate::exchange::{Authors, EntryRef};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What was asked for ahead, in the order in which it will be wanted.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// What will be wanted when all that came so far is stored.
    planned: Vec<Wanted>,
    batches: VecDeque<Batch>,
}

/// A request that was sent while what came before it was still worked on.
#[derive(Debug)]
struct Batch {
    paths: Vec<Path>,
    /// None of it is to be kept aside.
    counts: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Asked,
    Came(Response),
    Verifying { parents: Vec<EntryRef> },
    Verified { parents: Vec<EntryRef>, verdict: Verdict },
}

impl Ahead {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Notes what will be left to ask for once these runs, which came for `wanted`, are stored. Where something was asked for ahead of them, that is
    /// noted already.
    pub(super) fn plan(&mut self, wanted: &[Wanted], runs: &[Run]) {
        if self.batches.is_empty() {
            self.planned = after(wanted, runs);
        }
    }

    fn is_asking(&self) -> bool {
        self.batches.iter().any(|batch| matches!(batch.stage, Stage::Asked))
    }
}

impl Fetch {
    /// What can be asked for while what came before is verified and stored; none where nothing is known to follow, or as many as `batches_max` are on their
    /// way or wait for their turn. One question is under way at a time. The answer goes to [`came_ahead`](Self::came_ahead), or, once [awaited](Step::Await), to
    /// [`go_on`](Self::go_on).
    pub fn ask_ahead(&mut self, batches_max: usize) -> Option<Request> {
        let Ahead { planned, batches } = &self.ahead;
        if planned.is_empty() || batches.len() >= batches_max || self.ahead.is_asking() {
            return None;
        }
        let paths = first_paths(planned);
        let counts = planned.iter().all(|wanted| !wanted.is_aside);
        self.ahead.batches.push_back(Batch { paths: paths.clone(), counts, stage: Stage::Asked });
        Some(Request::Want { ledger: self.ledger, paths, bodies: Vec::new() })
    }

    /// Takes the answer to what was asked ahead; `None` where none came: then it is asked for once more when its turn has come.
    pub fn came_ahead(&mut self, answer: Option<Response>) {
        let Ahead { planned, batches } = &mut self.ahead;
        let Some(last) = batches.back_mut().filter(|last| matches!(last.stage, Stage::Asked)) else { return };
        *planned = match &answer {
            Some(Response::Batch { runs, .. }) if is_in_order(runs, last.paths.len()) => after(planned, runs),
            Some(_) | None => Vec::new(),
        };
        match answer {
            Some(answer) => last.stage = Stage::Came(answer),
            None => drop(batches.pop_back()),
        }
    }

    /// What came ahead and can be verified before its turn, as if what it builds on were held; one at a time. The verdict goes to
    /// [`verified_ahead`](Self::verified_ahead), or, once [awaited](Step::AwaitVerdict), to [`go_on`](Self::go_on).
    pub fn verify_ahead(&mut self, authors: &Authors) -> Option<Job> {
        let is_plain =
            |batch: &Batch| batch.counts && matches!(&batch.stage, Stage::Came(answer) if is_plain(answer, batch.paths.len()));
        if self.set != Set::Tips || self.is_verifying_ahead() {
            return None;
        }
        let batch = self.ahead.batches.iter_mut().find(|batch| is_plain(batch))?;
        let Stage::Came(Response::Batch { mut runs, .. }) = std::mem::replace(&mut batch.stage, Stage::Asked) else {
            return None;
        };
        runs.iter_mut().for_each(|run| verify::sign_last(run, authors));
        let parents: Vec<EntryRef> = runs.iter().filter_map(verify::parent).collect();
        let held = parents.iter().map(|parent| parent.id).collect();
        batch.stage = Stage::Verifying { parents };
        let (paths, named) = (batch.paths.clone(), BTreeSet::new());
        Some(Job { ledger: self.ledger, paths, held, named, runs, wanted_bodies: BTreeMap::new(), bodies: Vec::new() })
    }

    /// Takes a verdict on what came ahead.
    pub fn verified_ahead(&mut self, found: Verdict) {
        for batch in &mut self.ahead.batches {
            if let Stage::Verifying { parents } = &mut batch.stage {
                batch.stage = Stage::Verified { parents: std::mem::take(parents), verdict: found };
                return;
            }
        }
    }

    /// Whether an answer is waited for that was asked for ahead, and may still be wanted.
    pub fn is_ahead(&self) -> bool {
        self.ahead.is_asking()
    }

    /// Whether something is verified ahead that may still be wanted.
    pub fn is_verifying_ahead(&self) -> bool {
        self.ahead.batches.iter().any(|batch| matches!(batch.stage, Stage::Verifying { .. }))
    }

    /// Takes what came ahead, if it is exactly what is wanted now; asks for it otherwise, and forgets all that was asked for ahead.
    pub(super) fn ask_or_take(&mut self, paths: Vec<Path>, view: &View<'_>) -> Step {
        match self.ahead.batches.pop_front().filter(|batch| batch.paths == paths).map(|batch| batch.stage) {
            Some(Stage::Came(answer)) => {
                self.state = State::Asking;
                self.go_on(Input::Answer(answer), view)
            }
            Some(Stage::Asked) => {
                self.ahead.clear();
                self.state = State::Asking;
                Step::Await
            }
            // It is no different from what is verified in its turn: what it builds on is in the store by now.
            Some(Stage::Verifying { parents }) if are_tips(&parents, view) => {
                self.state = State::Verifying;
                Step::AwaitVerdict
            }
            Some(Stage::Verified { parents, verdict }) => self.link_verified(parents, verdict, view),
            Some(Stage::Verifying { .. }) | None => {
                self.ahead.clear();
                self.state = State::Asking;
                Step::Send(Request::Want { ledger: self.ledger, paths, bodies: Vec::new() })
            }
        }
    }

    fn link_verified(&mut self, parents: Vec<EntryRef>, verdict: Verdict, view: &View<'_>) -> Step {
        if are_tips(&parents, view) {
            return self.store(verdict, view);
        }
        let look = parents.clone();
        self.state = State::LinkingVerified { verdict, parents: parents.into_iter().map(|parent| parent.id).collect() };
        Step::Look(look)
    }
}

/// Whether a batch can be verified with nothing looked up: of its first path there is something, and each run ends under a head.
fn is_plain(answer: &Response, paths: usize) -> bool {
    let Response::Batch { runs, .. } = answer else { return false };
    let is_signed = |run: &Run| run.entries.last().is_some_and(|last| last.signature.is_some());
    is_in_order(runs, paths) && runs.first().is_some_and(|run| run.path == 0) && runs.iter().all(is_signed)
}

fn are_tips(parents: &[EntryRef], view: &View<'_>) -> bool {
    parents.iter().all(|parent| view.frontier.is_tip(&parent.id))
}

/// What is left of paths once these runs are stored.
fn after(wanted: &[Wanted], runs: &[Run]) -> Vec<Wanted> {
    let mut wanted = wanted.to_vec();
    for run in runs {
        if let Some(wanted) = usize::try_from(run.path).ok().and_then(|place| wanted.get_mut(place)) {
            wanted.has_come_to(verify::last(run));
        }
    }
    wanted.retain(|wanted| !wanted.is_over);
    wanted
}
