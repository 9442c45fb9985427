//! What people decide for the region: who is admitted, who holds copies, who is out, when there is an emergency. They speak at some machine, and know
//! what that one knows.

use super::known::Known;
use super::world::{Due, World, site_of};
use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::membership::{Asked, propose};
use crate::region::payload::{
    Admitted, ChainMark, Deputies, Deputy, Emergency, EmergencyEnded, EmergencyId, Notice, Payload, Placement, PublicHalf,
    Retired, Revoked,
};
use crate::region::{KeyState, Region, Signed, Signer, Statements};
use crate::seal::key::OpenerId;
use crate::seal::random;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::collections::BTreeMap;
use std::sync::Arc;

impl World {
    /// The region is founded, all its sites are admitted and the first placement is adopted; then the machines are switched on.
    pub(super) fn found(&mut self) {
        let founding = self.kit.found("simulated", "http://kusuri.internal", super::EPOCH_MS, &self.bytes);
        let Some(known) = Statements::new(founding).ok().and_then(Known::of).map(Arc::new) else { return };
        for site in 0..self.wish.sites {
            let _ = self.machine(site, &known);
        }
        let mut deputies = Vec::new();
        for (number, pair) in self.deputies.iter().enumerate() {
            deputies.push(Deputy { key: signer_of(pair), name: format!("Deputy {number}"), through: None });
        }
        self.say(0, &Deputies { number: 1, deputies });
        for at in 0..self.wish.sites {
            let admitted = self.admission(at, at, 1, None);
            self.say(0, &admitted);
        }
        self.place(0);
        let known = Arc::clone(&self.machines[0].disk.known);
        for at in 0..self.wish.sites {
            let all: Vec<Signed> = known.statements.iter().cloned().collect();
            self.merge(at, all);
            let in_ms = self.draws.between(0, 5_000);
            self.later(in_ms, Due::Start(at));
            let in_ms = self.draws.between(5_000, 10_000_u64.max(self.writes_every_ms));
            self.later(in_ms, Due::Write(at));
        }
    }

    /// What admits a machine to a site.
    fn admission(&mut self, at: usize, site: usize, number: u64, succeeds: Option<NodeId>) -> Admitted {
        let machine = &self.machines[at];
        let half = |n: u8| PublicHalf { opener: OpenerId([n; 16]), x25519: [n; 32], ed25519: machine.id.0 };
        Admitted {
            site: machine.site,
            ledger: machine.ledger,
            number,
            name: format!("site {site}"),
            reading: String::new(),
            node: Signer(machine.public),
            node_opener: half(1),
            emergency: half(2),
            place: None,
            host: format!("house {site}"),
            capacity_patients: 100_000,
            damage_ppm: u32::try_from(self.draws.between(50_000, 600_000)).unwrap_or(500_000),
            succeeds,
        }
    }

    /// Root says it at a machine, or two deputies do.
    pub(super) fn say(&mut self, at: usize, payload: &impl Payload) {
        let statements = &self.machines[at].disk.known.statements;
        let said_at_ms = self.machines[at].wall_ms(self.now_ms);
        let body = payload.body(statements.region(), said_at_ms);
        let by_deputies = self.draws.happens(300) && self.counts.events > 0;
        let counter = |pair: &Ed25519KeyPair| statements.next_counter(signer_of(pair));
        let signed = match &self.deputies[..] {
            [one, two, ..] if by_deputies => {
                let first = body.sign(one, counter(one));
                let second = first.sign_too(two, counter(two));
                vec![first, second]
            }
            _ => vec![body.sign(&self.root, counter(&self.root))],
        };
        self.merge(at, signed);
    }

    /// A machine says where it is. The same words may be said again under another counter.
    pub(super) fn say_notice(&mut self, at: usize) {
        let (port, patients) = (self.draws.between(1, 2), self.draws.between(100, 101));
        let machine = &self.machines[at];
        let is_member =
            machine.disk.known.region.nodes().get(&machine.id).is_some_and(|node| !matches!(node.state, KeyState::Revoked(_)));
        if !is_member {
            return;
        }
        let statements = &machine.disk.known.statements;
        let notice = Notice {
            addresses: vec![format!("box.example:{port}")],
            patients,
            entries: 1,
            program: "0.1.0".to_owned(),
            phone: None,
            description: None,
        };
        let counter = statements.next_counter(Signer(machine.public));
        let signed = notice.body(statements.region(), super::EPOCH_MS).sign(&machine.key, counter);
        self.merge(at, vec![signed]);
    }

    /// A machine at which people speak: one that is in service.
    pub(super) fn speaker(&mut self) -> Option<usize> {
        let able: Vec<usize> = self.running().into_iter().filter(|at| self.machines[*at].is_active()).collect();
        self.draws.one(&able)
    }

    pub(super) fn region(&self, at: usize) -> &Region {
        &self.machines[at].disk.known.region
    }

    /// A placement that the product proposes is adopted.
    pub(super) fn place(&mut self, at: usize) {
        let alternates = self.draws.one(&[None, None, Some(1.0)]).flatten();
        let asked = Asked { alternates, move_cost: 0.001, ..Asked::default() };
        let Ok(proposal) = propose(self.region(at), asked) else { return };
        self.say(at, &proposal.placement);
    }

    /// A placement that people have made up.
    pub(super) fn place_by_hand(&mut self, at: usize) {
        let active: Vec<SiteId> = {
            let region = self.region(at);
            region.sites().keys().copied().filter(|site| region.is_active(*site)).collect()
        };
        let heads = self.region(at).placement_heads();
        let ledgers: Vec<(LedgerId, SiteId)> = self.region(at).sites().values().map(|site| (site.ledger, site.id)).collect();
        let mut holders = Vec::new();
        for (ledger, home) in ledgers {
            let others: Vec<SiteId> = active.iter().copied().filter(|site| *site != home).collect();
            let first = self.draws.one(&others);
            let second = self.draws.one(&others).filter(|second| Some(*second) != first);
            holders.push(crate::region::payload::Holders { ledger, sites: first.into_iter().chain(second).collect() });
        }
        let ended = self.region(at).emergencies().iter().filter(|emergency| emergency.open_sites.is_empty());
        let settles = ended.map(crate::region::emergency::Declared::id).collect();
        self.say(at, &Placement { predecessors: heads, ledgers: holders, settles });
    }

    pub(super) fn declare(&mut self, at: usize, sites: Vec<SiteId>) {
        let emergency = EmergencyId(random(&self.bytes));
        let lasts_ms = self.draws.span(10 * 60_000, 24 * 60 * 60_000);
        let copies = u32::try_from(self.draws.between(1, 3)).unwrap_or(2);
        self.say(at, &Emergency { emergency, sites, lasts_ms, copies, reason: "quake".to_owned() });
    }

    /// All emergencies that are known here end.
    pub(super) fn end_emergencies(&mut self, at: usize) {
        let open = self.region(at).emergencies().iter().filter(|emergency| !emergency.open_sites.is_empty());
        let open: Vec<EmergencyId> = open.map(crate::region::emergency::Declared::id).collect();
        for emergency in open {
            self.say(at, &EmergencyEnded { emergency, sites: Vec::new() });
        }
    }

    /// A new box takes a lost one's place; it begins with nothing but statements.
    pub(super) fn succeed(&mut self, at: usize, lost: usize) {
        let Some(site) = (0..self.wish.sites).find(|site| site_of(*site) == self.machines[lost].site) else { return };
        let known = Arc::clone(&self.machines[at].disk.known);
        let Some(new) = self.machine(site, &known) else { return };
        self.machines[new].group = self.machines[at].group;
        let fresh = self.admission(new, site, 1, None);
        let lost_id = self.machines[lost].id;
        let Some(admitted) = self.region(at).successor(lost_id, &fresh) else { return };
        self.say(at, &admitted);
        let all: Vec<Signed> = self.machines[at].disk.known.statements.iter().cloned().collect();
        self.merge(new, all);
        self.start(new);
        let in_ms = self.draws.between(1_000, self.writes_every_ms);
        self.later(in_ms, Due::Write(new));
    }

    /// A node is put out, with the marks that are known where it is said.
    pub(super) fn revoke(&mut self, at: usize, node: NodeId) {
        let mut marks: BTreeMap<_, ChainMark> = BTreeMap::new();
        let ledgers: Vec<LedgerId> = self.machines[at].disk.ledgers.keys().copied().collect();
        for ledger in ledgers {
            let tips = self.frontier(at, ledger).into_iter().flat_map(crate::exchange::Frontier::tips);
            for tip in tips.filter(|tip| tip.chain.author == node) {
                let head = self.machines[at].disk.ledgers.get(&ledger).and_then(|disk| disk.get(&tip.id)?.signature);
                let mark = ChainMark { ledger, incarnation: tip.chain.incarnation, seq: tip.seq, entry: tip.id, head };
                let known = marks.entry((ledger, tip.chain.incarnation)).or_insert(mark);
                if mark.seq > known.seq {
                    *known = mark;
                }
            }
        }
        self.say(at, &Revoked { node, chains: marks.into_values().collect(), statements: u64::MAX, reason: String::new() });
    }

    pub(super) fn retire(&mut self, at: usize, node: NodeId) {
        self.say(at, &Retired { node, reason: String::new() });
    }

    /// What is said of a site changes.
    pub(super) fn describe_anew(&mut self, at: usize, of: usize) {
        let damage_ppm = u32::try_from(self.draws.between(50_000, 600_000)).unwrap_or(500_000);
        let Some(site) = self.region(at).sites().get(&self.machines[of].site) else { return };
        let admitted = Admitted { number: site.described.number.saturating_add(1), damage_ppm, ..site.described.clone() };
        self.say(at, &admitted);
    }
}

fn signer_of(pair: &Ed25519KeyPair) -> Signer {
    let mut key = [0; 32];
    key.copy_from_slice(pair.public_key().as_ref());
    Signer(key)
}
