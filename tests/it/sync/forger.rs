//! Entries made by hand, under the key of a node that its region knows.

use super::impostor::Impostor;
use super::region::PATIENCE;
use crate::wait::until;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use kusuribako::entropy::SystemEntropy;
use kusuribako::exchange::Verified;
use kusuribako::exchange::fill::Kept;
use kusuribako::exchange::node::{Batch, Token};
use kusuribako::ledger::{
    CoarseKind, EntryId, Hlc, Incarnation, LedgerId, NodeId, OpenFields, OpenPart, Place, SignedHead, body_hash, node_id,
};
use kusuribako::record::Subject;
use kusuribako::seal::random;
use std::sync::Arc;

/// A chain that is written by hand. A clone of it writes a second branch.
#[derive(Clone)]
pub struct Forger {
    pair: Arc<Ed25519KeyPair>,
    ledger: LedgerId,
    incarnation: Incarnation,
    seq: u64,
    last: EntryId,
}

impl Forger {
    /// A new chain in any ledger.
    pub fn new(pair: Ed25519KeyPair, ledger: LedgerId) -> Self {
        let incarnation = Incarnation(random(&SystemEntropy::default()));
        Self { pair: Arc::new(pair), ledger, incarnation, seq: 0, last: EntryId::NONE }
    }

    fn public_key(&self) -> [u8; 32] {
        self.pair.public_key().as_ref().try_into().unwrap()
    }

    pub fn node(&self) -> NodeId {
        node_id(&self.public_key())
    }

    /// One entry for each body, the last under a head.
    pub fn write(&mut self, kind: CoarseKind, bodies: &[&[u8]]) -> Verified {
        let mut entries: Vec<Kept> = bodies.iter().map(|body| self.entry(kind, body)).collect();
        if let Some(last) = entries.last_mut() {
            last.signature = Some(SignedHead::sign(&last.open, self.last, &self.pair).signature);
        }
        Verified { path: 0, author_key: self.public_key(), entries }
    }

    fn entry(&mut self, kind: CoarseKind, body: &[u8]) -> Kept {
        self.seq += 1;
        let kind = if self.seq == 1 { CoarseKind::BEGIN } else { kind };
        let (author, incarnation) = (self.node(), self.incarnation);
        let place = Place { ledger: self.ledger, author, incarnation, kind, subject: Subject([7; 16]) };
        let fields = OpenFields { place, seq: self.seq, previous: self.last, time: Hlc(self.seq), body: body_hash(body) };
        let open = OpenPart::encode(&fields);
        self.last = open.id();
        Kept { open, body: Some(body.to_vec()), signature: None }
    }
}

/// Puts such runs on the impostor's disk, from where it serves them as an honest node would.
pub fn keep(impostor: &Impostor, ledger: LedgerId, runs: Vec<Verified>) {
    let store = impostor.clinic.store();
    let entries = || store.read(move |reader| reader.frontier(ledger)).wait().unwrap().entries();
    let (before, new) = (entries(), u64::try_from(runs.iter().map(|run| run.entries.len()).sum::<usize>()).unwrap());
    for (at, run) in runs.into_iter().enumerate() {
        let batch = Batch { runs: vec![run], aside: Vec::new(), bodies: Vec::new() };
        store.take_in(Token(1_000_000 + u64::try_from(at).unwrap()), ledger, batch, Vec::new());
    }
    until("they lie there", PATIENCE, || (entries() == before + new).then_some(()));
}
