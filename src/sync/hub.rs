//! What the tasks of sync share: the way to the driver, what is offered to others, the bounds on answers.

use super::body::Packed;
use super::link::Link;
use super::offer::Shelf;
use super::pace::Pace;
use super::tls::{PeerKey, Tls};
use crate::exchange::message::{Request, Response};
use crate::exchange::node::{Event, Token};
use crate::ledger::{LedgerId, NodeId};
use crate::membership::Member;
use crate::region::Access;
use crate::tasks::Tasks;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// A connection that came in; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConnectionId(pub(super) u64);

/// A connection that came in.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub(super) id: ConnectionId,
    pub(super) peer: PeerKey,
    /// From where.
    pub(super) address: std::net::IpAddr,
    /// Ends it at once.
    pub(super) over: CancellationToken,
}

/// What the driver is told.
#[derive(Debug)]
pub(super) enum Input {
    /// Somebody connected.
    Came(Incoming),
    /// And is gone: nothing of it follows.
    Went(ConnectionId),
    /// A member asked something over such a connection.
    Asked { from: ConnectionId, request: Request, reply: oneshot::Sender<Reply> },
    /// This node has connected to another.
    Linked(NodeId, Link),
    /// And the connection has ended.
    Unlinked(NodeId, Link),
    /// Nobody was where a node should have been.
    NotFound(NodeId),
    /// The same, of a node that this one was connected to just before.
    Lost(NodeId),
    /// Whoever answers at an address is this node.
    Met(PeerKey, SocketAddr),
    /// A peer answered; within, `None` where that is no answer. `None`: none came.
    Answered(Token, Option<Option<Response>>),
    /// Work for the exchange has ended.
    Done(Event),
    /// Statements were united with a peer, as far as that went.
    United(NodeId, Option<Arc<Shelf>>),
    /// A copy was given up.
    Dropped(LedgerId, Result<u64, crate::store::StoreError>),
    /// The inbox was opened.
    InboxOpened(Result<crate::clinic::inbox::InboxOpened, crate::clinic::ClinicError>),
}

/// An answer, and the places that it takes until it was sent.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) body: Packed,
    pub(super) places: Vec<OwnedSemaphorePermit>,
}

/// What the tasks of sync share. Cheap to clone.
#[derive(Clone)]
pub(super) struct Hub {
    pub(super) member: Member,
    pub(super) inputs: mpsc::UnboundedSender<Input>,
    pub(super) shelves: Arc<Shelves>,
    pub(super) pace: Arc<Pace>,
    pub(super) tls: Tls,
    pub(super) tasks: Tasks,
    pub(super) stopping: CancellationToken,
}

impl Hub {
    /// Tells the driver; when it has ended, nobody needs to know.
    pub(super) fn tell(&self, input: Input) {
        let _ = self.inputs.send(input);
    }

    /// What a key may do now. Asked for each request, so that a revocation counts at once.
    pub(super) fn access(&self, peer: &PeerKey) -> Access {
        self.member.region().map_or(Access::StatementsOnly, |region| region.access(peer.key))
    }

    /// Whether a key takes part in the exchange.
    pub(super) fn is_member(&self, peer: &PeerKey) -> bool {
        match self.access(peer) {
            Access::Member { .. } | Access::Carried { .. } | Access::DeliversOnly { .. } => true,
            Access::StatementsOnly => false,
        }
    }
}

/// What is offered to others, made anew only when it has changed.
pub(super) struct Shelves {
    member: Member,
    made: Mutex<Option<(u64, Arc<Shelf>)>>,
}

impl Shelves {
    pub(super) fn new(member: Member) -> Self {
        Self { member, made: Mutex::new(None) }
    }

    /// As it is now.
    pub(super) fn now(&self) -> Arc<Shelf> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // Read before the statements: if they change in between, the shelf is made once more than needed.
        let version = *self.member.changed().borrow();
        if let Some((of, shelf)) = &*made
            && *of == version
        {
            return Arc::clone(shelf);
        }
        let shelf = Arc::new(self.member.statements().map_or_else(Shelf::default, |statements| Shelf::of(&statements)));
        *made = Some((version, Arc::clone(&shelf)));
        shelf
    }
}
