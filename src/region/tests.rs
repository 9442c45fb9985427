//! A region made for tests: keys from numbers, statements said by anyone. What is tested stands in the modules.

use super::authority::Standing;
use super::emergency::Times;
use super::kit::Kit;
use super::payload::{
    Admitted, Carried, ChainMark, Deputies, Deputy, Emergency, EmergencyId, Holders, NodeKeys, Notice, Payload, Placement,
    Position, PublicHalf, Retired, Revoked,
};
use super::{Body, Region, Signed, Signer, StatementId, Statements, node_of};
use crate::ledger::{EntryId, Incarnation, LedgerId, NodeId, SiteId};
use crate::seal::key::{KeyId, OpenerId};
use crate::seal::tests::Counting;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

mod carrying;
mod deciding;
mod hostile;
mod joining;
mod merging;
mod relieving;
mod saying;
mod sheets;

/// Random bytes that are all the same.
pub(crate) struct Same(pub(super) u8);

impl crate::seal::Entropy for Same {
    fn fill(&self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

/// Random bytes that differ and are spread evenly: hashes of a count.
#[derive(Default)]
pub(crate) struct Hashed(AtomicU64);

impl crate::seal::Entropy for Hashed {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let drawn = crate::seal::hash("test draw", &[&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes()]);
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
    }
}

/// Whoever signs: numbers below 10 are deputies, from 10 nodes, from 20 staff, from 50 carried nodes, from 90 strangers.
pub(crate) fn key(number: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap()
}

pub(crate) fn signer(number: u8) -> Signer {
    Signer(key(number).public_key().as_ref().try_into().unwrap())
}

pub(crate) fn node(number: u8) -> NodeId {
    node_of(signer(number))
}

pub(crate) const fn site(number: u8) -> SiteId {
    SiteId([number; 16])
}

pub(crate) const fn ledger(number: u8) -> LedgerId {
    LedgerId([0x80 | number; 16])
}

pub(crate) fn half(number: u8) -> PublicHalf {
    PublicHalf { opener: OpenerId([number; 16]), x25519: [number; 32], ed25519: [number; 32] }
}

/// Site and node by number; each site in a house of its own.
pub(crate) fn admitted(at: u8, node: u8, number: u64) -> Admitted {
    Admitted {
        site: site(at),
        ledger: ledger(at),
        number,
        name: format!("医院{at}"),
        reading: format!("Clinic {at}"),
        node: signer(node),
        node_opener: half(node),
        emergency: half(100 + node),
        place: Some(Position { lat_udeg: 33_559_700, lon_udeg: 133_531_000 }),
        host: format!("house {at}"),
        capacity_patients: 1_000,
        damage_ppm: 250_000,
        succeeds: None,
    }
}

/// A founded region and its statements.
pub(crate) struct World {
    pub(crate) kit: Kit,
    pub(crate) founding: Signed,
    pub(crate) statements: Statements,
    counter: u64,
}

impl World {
    pub(crate) fn founded() -> Self {
        let entropy = Counting::default();
        let kit = Kit::random(&entropy);
        let founding = kit.found("高知", "http://kusuri.internal", 1_000, &entropy);
        let statements = Statements::new(founding.clone()).unwrap();
        Self { kit, founding, statements, counter: 1 }
    }

    /// Three sites with their nodes 10, 11 and 12, and the deputies 1, 2 and 3.
    pub(crate) fn of_three() -> Self {
        let mut world = Self::founded();
        let deputies = [1, 2, 3].map(|d| Deputy { key: signer(d), name: format!("Deputy {d}"), through: None });
        world.root(&Deputies { number: 1, deputies: deputies.to_vec() });
        for at in 0..3 {
            world.root(&admitted(at, 10 + at, 1));
        }
        world
    }

    pub(crate) fn body(&self, payload: &impl Payload) -> Body {
        payload.body(self.statements.region(), 5_000)
    }

    /// Signed by root, not merged.
    pub(crate) fn by_root(&mut self, payload: &impl Payload) -> Signed {
        self.counter += 1;
        self.body(payload).sign(&self.kit.root.opener().signing_pair(), self.counter)
    }

    pub(crate) fn by(&self, number: u8, counter: u64, payload: &impl Payload) -> Signed {
        self.body(payload).sign(&key(number), counter)
    }

    /// Root says it, and it is merged.
    pub(crate) fn root(&mut self, payload: &impl Payload) -> StatementId {
        let signed = self.by_root(payload);
        let id = signed.statement();
        self.statements.merge([signed]);
        id
    }

    /// Somebody says it, and it is merged.
    pub(crate) fn say(&mut self, number: u8, counter: u64, payload: &impl Payload) -> StatementId {
        let signed = self.by(number, counter, payload);
        let id = signed.statement();
        self.statements.merge([signed]);
        id
    }

    pub(crate) fn region(&self) -> Region {
        Region::of(&self.statements).unwrap()
    }

    pub(crate) fn standing(&self, id: StatementId) -> Option<Standing> {
        let region = self.region();
        self.statements.get(id).map(|kept| region.authority().standing(kept))
    }
}

pub(crate) fn revoked(number: u8, chains: Vec<ChainMark>, statements: u64) -> Revoked {
    Revoked { node: node(number), chains, statements, reason: String::new() }
}

pub(crate) fn retired(number: u8) -> Retired {
    Retired { node: node(number), reason: String::new() }
}

pub(crate) fn mark(of: u8, incarnation: u8, seq: u64, entry: u8) -> ChainMark {
    ChainMark { ledger: ledger(of), incarnation: Incarnation([incarnation; 8]), seq, entry: EntryId([entry; 32]), head: None }
}

pub(crate) fn placement(predecessors: &[StatementId], held: &[(u8, &[u8])], settles: &[u8]) -> Placement {
    let holders = |(of, sites): &(u8, &[u8])| Holders { ledger: ledger(*of), sites: sites.iter().copied().map(site).collect() };
    Placement {
        predecessors: predecessors.to_vec(),
        ledgers: held.iter().map(holders).collect(),
        settles: settles.iter().map(|e| EmergencyId([*e; 16])).collect(),
    }
}

pub(crate) fn emergency(id: u8, sites: &[u8], copies: u32) -> Emergency {
    let sites = sites.iter().copied().map(site).collect();
    Emergency { emergency: EmergencyId([id; 16]), sites, lasts_ms: 1_000_000, copies, reason: "quake".to_owned() }
}

pub(crate) fn notice(address: &str) -> Notice {
    Notice {
        addresses: vec![address.to_owned()],
        patients: 3,
        entries: 90,
        program: "0.1.0".to_owned(),
        phone: None,
        description: None,
    }
}

pub(crate) fn node_keys(inbox: u8, staff: &[u8]) -> NodeKeys {
    let staff = staff.iter().copied().map(signer).collect();
    NodeKeys { ledger_key: KeyId([inbox; 16]), inbox: [inbox; 32], staff, tls: None, sealed_to: Vec::new() }
}

/// A carried node's key, vouched for by a node, with ledgers.
pub(crate) fn carried(number: u8, by: u8, ledgers: &[u8], world: &World) -> Carried {
    let ledgers = ledgers.iter().copied().map(ledger).collect();
    Carried::new(world.statements.region(), signer(by), &key(number), format!("避難所{number}"), ledgers)
}

pub(crate) fn sites(numbers: &[u8]) -> BTreeSet<SiteId> {
    numbers.iter().copied().map(site).collect()
}

/// A node that has just heard of everything.
pub(crate) const JUST_HEARD: Times<'static> = Times { heard_for_ms: &|_| 0 };
