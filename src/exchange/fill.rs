//! Filling a batch: the store hands entries over one by one until there is no more room. A batch ends under a signed head, since what
//! no head covers counts nowhere.

use super::EntryRef;
use super::message::{Body, ENTRIES_MAX, Path, Response, Run, Sent};
use crate::ledger::{EntryId, MAX_ENTRIES_PER_HEAD, OpenPart};

/// An entry as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The open part.
    pub open: OpenPart,
    /// The body; absent where it is missing.
    pub body: Option<Vec<u8>>,
    /// The signature of the head at it.
    pub signature: Option<[u8; 64]>,
}

/// Whether the store should go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// With the next of this path.
    More,
    /// With the next path: this one has ended.
    NextPath,
    /// No: the batch is full.
    Full,
}

/// A batch that is being filled. What does not end under a head is left out when it is [finished](Self::finish).
#[derive(Debug)]
pub struct Filling {
    paths: Vec<Path>,
    runs: Vec<Run>,
    current: Option<Current>,
    bodies: Vec<Body>,
    bodies_seen: u32,
    /// Also those that are left out in the end.
    entries: usize,
    len: usize,
    len_max: usize,
}

/// The run that is being filled.
#[derive(Debug)]
struct Current {
    path: Path,
    run: Run,
    last: Option<EntryRef>,
    /// Entries of it up to the last head.
    signed: usize,
    /// The head before that one, which is not needed if the next covers no more than a head may.
    before: usize,
    /// Bytes since the last head, and between the two before.
    since: usize,
    stretch: usize,
}

impl Filling {
    /// For a request's paths; `len_max` is [`BATCH_LEN`](super::BATCH_LEN), or less towards a peer with a slow link.
    pub const fn new(paths: Vec<Path>, len_max: usize) -> Self {
        Self { paths, runs: Vec::new(), current: None, bodies: Vec::new(), bodies_seen: 0, entries: 0, len: 0, len_max }
    }

    /// Begins a path, by its place in the request. `author_key` is its author's public key.
    pub fn begin(&mut self, path: usize, author_key: [u8; 32]) -> Fill {
        self.end();
        let (Some(asked), Ok(index)) = (self.paths.get(path), u32::try_from(path)) else { return Fill::Full };
        if self.len >= self.len_max {
            return Fill::Full;
        }
        let run = Run { path: index, author_key, entries: Vec::new() };
        self.current = Some(Current { path: *asked, run, last: None, signed: 0, before: 0, since: 0, stretch: 0 });
        Fill::More
    }

    /// Takes the path's next entry, in ascending order of numbers.
    pub fn entry(&mut self, kept: Kept) -> Fill {
        let is_first_run = self.runs.is_empty();
        let Some(current) = &mut self.current else { return Fill::NextPath };
        if !current.is_next(&kept.open) {
            return Fill::NextPath;
        }
        // The first thousand open parts always fit; a head comes by then.
        let has_progress = !is_first_run || current.signed > 0;
        let is_full = self.len.saturating_add(OpenPart::SIZE) > self.len_max || self.entries >= ENTRIES_MAX;
        if has_progress && is_full {
            return Fill::Full;
        }
        self.entries = self.entries.saturating_add(1);
        let with_open = self.len.saturating_add(OpenPart::SIZE);
        let body = kept.body.filter(|body| with_open.saturating_add(body.len()) <= self.len_max);
        let len = OpenPart::SIZE.saturating_add(body.as_ref().map_or(0, Vec::len));
        self.len = self.len.saturating_add(len);
        current.since = current.since.saturating_add(len);
        let is_head = kept.signature.is_some();
        let went = current.push(Kept { body, ..kept });
        if is_head {
            current.stretch = std::mem::take(&mut current.since);
            // Heads are about as far apart as they were: what comes before one that does not fit would be read for nothing.
            let ends_here = self.len.saturating_add(current.stretch) > self.len_max;
            return if ends_here && went == Fill::More { Fill::Full } else { went };
        }
        went
    }

    /// Takes the next body that was asked for on its own, or that there is none.
    pub fn body(&mut self, entry: EntryId, body: Option<Vec<u8>>) -> Fill {
        self.end();
        if let Some(bytes) = body {
            let is_first = self.runs.is_empty() && self.bodies.is_empty();
            if !is_first && self.len.saturating_add(bytes.len()) > self.len_max {
                return Fill::Full;
            }
            self.len = self.len.saturating_add(bytes.len());
            self.bodies.push(Body { entry, bytes });
        }
        self.bodies_seen = self.bodies_seen.saturating_add(1);
        Fill::More
    }

    /// The batch.
    pub fn finish(mut self) -> Response {
        self.end();
        Response::Batch { runs: self.runs, bodies: self.bodies, bodies_seen: self.bodies_seen }
    }

    fn end(&mut self) {
        if let Some(mut current) = self.current.take() {
            current.run.entries.truncate(current.signed);
            if current.signed > 0 {
                self.runs.push(current.run);
            }
        }
    }
}

impl Current {
    /// Whether an entry follows the last one on the path.
    fn is_next(&self, open: &OpenPart) -> bool {
        let seq = self.last.map_or(self.path.after, |last| last.seq).checked_add(1);
        let links = self.last.is_none_or(|last| last.id == open.previous());
        super::Chain::of(open) == self.path.tip.chain && seq == Some(open.seq()) && links && open.seq() <= self.path.tip.seq
    }

    fn push(&mut self, kept: Kept) -> Fill {
        let Kept { open, body, signature } = kept;
        let entry = EntryRef::of(&open);
        self.last = Some(entry);
        self.run.entries.push(Sent { open: *open.as_bytes(), body, signature });
        let count = self.run.entries.len();
        if signature.is_some() {
            self.drop_needless_head(count);
        } else if entry.id == self.path.tip.id {
            // The asker knows this id: it fills a hole below a head that it has.
            self.signed = count;
        } else if count.saturating_sub(self.signed) >= per_head() {
            return Fill::NextPath;
        }
        if entry.seq == self.path.tip.seq { Fill::NextPath } else { Fill::More }
    }

    /// A head is enough for a thousand entries: the one before it says nothing more where the newest covers as far.
    fn drop_needless_head(&mut self, count: usize) {
        let needless = self.signed.checked_sub(1).filter(|_| count.saturating_sub(self.before) <= per_head());
        if let Some(sent) = needless.and_then(|at| self.run.entries.get_mut(at)) {
            sent.signature = None;
        } else {
            self.before = self.signed;
        }
        self.signed = count;
    }
}

/// The most entries that one head may cover.
pub(super) fn per_head() -> usize {
    usize::try_from(MAX_ENTRIES_PER_HEAD).unwrap_or(usize::MAX)
}
