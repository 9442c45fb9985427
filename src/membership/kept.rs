//! What a node keeps of its part in a region: the statements, and beside them its own notes that nobody else ever sees.

use super::MembershipError;
use crate::ledger::NodeId;
use crate::record::wire::encode;
use crate::region::join::{Issued, Joining};
use crate::region::{Signed, SignedId, Statements};
use crate::store::{Store, StoreError};
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

const LOCAL: &str = "region local";
/// Invitations that are remembered; the oldest end first.
const INVITATIONS_MAX: usize = 64;
/// Addresses that are remembered of one node.
const ADDRESSES_MAX: usize = 4;

/// The statements that were kept, merged anew.
pub(super) fn statements(store: &Store) -> Result<Option<Statements>, MembershipError> {
    let kept = store.read_now(|reader| reader.statements())?;
    Ok(Statements::gathered(&kept)?)
}

/// Keeps what is new, and forgets what newer statements of the same signer took the place of.
pub(super) fn change_statements(store: &Store, added: &[Signed], pruned: Vec<SignedId>) -> Result<(), StoreError> {
    store.change_statements(added.iter().map(|signed| signed.as_bytes().to_vec()).collect(), pruned).wait()
}

/// The node's own notes.
#[derive(Default)]
pub(super) struct LocalState {
    /// By the id of the invitation.
    pub(super) issued: BTreeMap<[u8; 16], Issued>,
    /// What this clinic asked for, and the answer once it came.
    pub(super) joining: Option<(Joining, Option<Vec<u8>>)>,
    /// Addresses that a person named.
    pub(super) peers: Vec<String>,
    /// Addresses at which nodes answered, the newest first.
    pub(super) remembered: BTreeMap<NodeId, Vec<String>>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct LocalFields {
    #[n(0)]
    issued: Vec<minicbor::bytes::ByteVec>,
    #[cbor(n(1), with = "minicbor::bytes")]
    joining: Option<Vec<u8>>,
    #[cbor(n(2), with = "minicbor::bytes")]
    answer: Option<Vec<u8>>,
    #[n(3)]
    peers: Vec<String>,
    #[n(4)]
    remembered: BTreeMap<NodeId, Vec<String>>,
}

impl LocalState {
    pub(super) fn read(store: &Store) -> Result<Self, MembershipError> {
        let Some(bytes) = store.read_now(|reader| reader.local(LOCAL))? else { return Ok(Self::default()) };
        let damaged = || MembershipError::Damaged { what: "what this node keeps of joining" };
        let fields: LocalFields = minicbor::decode(&bytes).map_err(|_not_ours| damaged())?;
        let issued: Option<BTreeMap<_, _>> =
            fields.issued.iter().map(|bytes| Issued::from_kept(bytes).map(|issued| (issued.invitation.id(), issued))).collect();
        let joining = fields.joining.map(|bytes| Joining::from_kept(&bytes).ok_or_else(damaged)).transpose()?;
        let joining = joining.map(|joining| (joining, fields.answer));
        Ok(Self { issued: issued.ok_or_else(damaged)?, joining, peers: fields.peers, remembered: fields.remembered })
    }

    pub(super) fn write(&mut self, store: &Store) -> Result<(), StoreError> {
        while self.issued.len() > INVITATIONS_MAX {
            let oldest = self.issued.iter().min_by_key(|(_, issued)| issued.expires_at_ms).map(|(id, _)| *id);
            oldest.and_then(|id| self.issued.remove(&id));
        }
        let fields = LocalFields {
            issued: self.issued.values().map(|issued| issued.to_kept().to_vec().into()).collect(),
            joining: self.joining.as_ref().map(|(joining, _)| joining.to_kept().to_vec()),
            answer: self.joining.as_ref().and_then(|(_, answer)| answer.clone()),
            peers: self.peers.clone(),
            remembered: self.remembered.clone(),
        };
        store.put_local(LOCAL, encode(&fields)).wait()
    }

    /// Puts an address to the front of a node's; says whether that changed anything.
    pub(super) fn remember(&mut self, node: NodeId, address: &str) -> bool {
        let known = self.remembered.entry(node).or_default();
        if known.first().is_some_and(|first| first == address) {
            return false;
        }
        known.retain(|other| other != address);
        known.insert(0, address.to_owned());
        known.truncate(ADDRESSES_MAX);
        true
    }
}
