//! What the exchange decided, done: each as work that reports back when it has ended.

use super::super::body::{BodyError, Packed};
use super::super::hub::{ConnectionId, Input, Reply};
use super::super::link::{AskError, Link};
use super::super::worker::{self, Work};
use super::{Driver, Storing};
use crate::exchange::message::{Message, Refusal, Request, Response};
use crate::exchange::node::{Action, CompareEntries, Event, Token, Want};
use crate::exchange::{BATCH_LEN, MESSAGE_LEN_MAX};
use crate::ledger::{LedgerId, NodeId};
use crate::store::{Reader, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// For the beginning of an answer, and between two pieces of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a batch waits for its turn before the peer is told to come later.
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// A longer answer is read away from async code.
const READ_AWAY_FROM: usize = 8 * 1024;

impl Driver {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Send(peer, token, request) => self.send(peer, token, &request),
            Action::Answer(_, ask, response) => {
                if let Some(reply) = self.asks.remove(&ask) {
                    answer(reply, &response);
                }
            }
            Action::Fill(peer, ask, want) => self.fill(peer, ask, want),
            Action::Compare(peer, ask, compare) => self.compare(peer, ask, compare),
            Action::Look(token, ledger, refs) => {
                self.read(token, move |reader| Ok(Event::Known(token, reader.known(ledger, &refs)?)));
            }
            Action::Count(token, ledger, set, prefix) => {
                self.read(token, move |reader| Ok(Event::Counted(token, reader.tally(ledger, set, &prefix)?)));
            }
            Action::List(token, ledger, after) => {
                self.read(token, move |reader| Ok(Event::Listed(token, reader.bodyless(ledger, after)?)));
            }
            Action::Verify(token, job) => self.worker.give(Work::Verify(token, job)),
            Action::Store(token, ledger, batch) => {
                let is_for_inbox = self.is_for_inbox(ledger, &batch);
                self.storing.insert(token, Storing { ledger, is_for_inbox });
                self.worker.give(Work::TakeIn(token, ledger, batch));
            }
            Action::WakeAt(ms) => self.wake_at_ms(ms),
        }
    }

    pub(super) fn asked(&mut self, from: ConnectionId, request: Request, reply: oneshot::Sender<Reply>) {
        // Nothing of a connection counts after it was given up.
        let Some(node) = self.incoming.get(&from).map(|incoming| incoming.peer.node) else { return };
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.last_contact_ms = Some(super::now_ms(&self.clinic));
        }
        self.told_while_asked(node, from, &request);
        self.next_ask += 1;
        self.asks.insert(self.next_ask, reply);
        self.handle(Event::Asked(node, self.next_ask, request));
        self.shown.later();
    }

    fn send(&mut self, node: NodeId, token: Token, request: &Request) {
        let Some(link) = self.peers.get(&node).and_then(|peer| peer.outgoing.clone()) else {
            // It can call here, but cannot be called: it asks for itself.
            return self.hub.tell(Input::Answered(token, None));
        };
        self.asked.insert(token, (node, request.ledger()));
        let (hub, body) = (self.hub.clone(), Packed::new(request.encode_message()));
        let worker = self.worker.clone();
        self.hub.tasks.spawn("question", async move {
            let answered = ask(&link, body).await;
            if let Ok(packed) = &answered {
                tracing::debug!(bytes = packed.bytes.len(), "an answer came");
            }
            match answered {
                Ok(packed) if packed.is_zstd || packed.bytes.len() > READ_AWAY_FROM => worker.give(Work::Read(token, packed)),
                Ok(packed) => hub.tell(Input::Answered(token, Some(worker::read(&packed)))),
                // Longer than any answer may be: none, too.
                Err(AskError::Body(BodyError::TooLong { .. })) => hub.tell(Input::Answered(token, Some(None))),
                Err(_broken) => hub.tell(Input::Answered(token, None)),
            }
        });
    }

    fn read<F>(&self, token: Token, read: F)
    where
        F: FnOnce(&Reader<'_>) -> Result<Event, StoreError> + Send + 'static,
    {
        let (pending, hub) = (self.clinic.store().read_behind(read), self.hub.clone());
        self.hub.tasks.spawn("reading", async move {
            let event = pending.await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the exchange with another clinic's box could not read; it is tried again");
                Event::Answered(token, None)
            });
            hub.tell(Input::Done(event));
        });
    }

    fn fill(&mut self, peer: NodeId, ask: u64, want: Want) {
        let len_max = self.hub.pace.answer_len(BATCH_LEN);
        self.reply_with(peer, ask, move |reader| reader.fill(&want, len_max));
    }

    fn compare(&mut self, peer: NodeId, ask: u64, compare: CompareEntries) {
        let CompareEntries { ledger, set, prefix, theirs, holding } = compare;
        let answer = move |reader: &Reader<'_>| {
            let compared = reader.tally(ledger, set, &prefix)?.answer(theirs);
            Ok(Response::Compared { compared, holding })
        };
        self.reply_with(peer, ask, answer);
    }

    /// Reads an answer when it is its turn: so many at a time for each peer, and for all of them. Whoever does not take what it asked for
    /// waits for itself only.
    fn reply_with<F>(&mut self, node: NodeId, ask: u64, read: F)
    where
        F: FnOnce(&Reader<'_>) -> Result<Response, StoreError> + Send + 'static,
    {
        let (Some(reply), Some(peer)) = (self.asks.remove(&ask), self.peers.get(&node)) else { return };
        let (own, all) = (Arc::clone(&peer.answers), Arc::clone(&self.answers));
        let store = self.clinic.store().clone();
        self.hub.tasks.spawn("answer", async move {
            let turn = async { Some(vec![place(own).await?, place(all).await?]) };
            let Ok(Some(places)) = tokio::time::timeout(TURN_WITHIN, turn).await else {
                return answer(reply, &Response::Refused { why: Refusal::Busy });
            };
            let packed = store.read_behind(move |reader| Ok(Packed::new(read(reader)?.encode_message()))).await;
            match packed {
                Ok(body) => drop(reply.send(Reply { body, places })),
                Err(error) => {
                    tracing::warn!(%error, "another clinic's box could not be answered; it comes again");
                    answer(reply, &Response::Refused { why: Refusal::Busy });
                }
            }
        });
    }

    /// Whether a batch of a ledger is with the store.
    pub(super) fn is_storing(&self, ledger: LedgerId) -> bool {
        self.storing.values().any(|storing| storing.ledger == ledger)
    }
}

async fn place(from: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    from.acquire_owned().await.ok()
}

fn answer(reply: oneshot::Sender<Reply>, response: &Response) {
    // Who asked may be gone.
    let _ = reply.send(Reply { body: Packed::new(response.encode_message()), places: Vec::new() });
}

async fn ask(link: &Link, body: Packed) -> Result<Packed, AskError> {
    let asked = link.ask("/exchange", body, MESSAGE_LEN_MAX, PATIENCE);
    // An ended connection ends what was asked over it.
    link.over.run_until_cancelled(asked).await.unwrap_or(Err(AskError::Late))
}
