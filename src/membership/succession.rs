//! A new box in the place of a lost one: at a holder it is proposed and handed the clinic's keys, by root or deputies it is admitted, and there it
//! begins with what it was handed.

use super::revoking::find_nodes;
use super::word::{RegionSaid, Word};
use super::{Member, MembershipError};
use crate::clinic::heir::Opening;
use crate::ledger::{NodeId, SiteId};
use crate::region::heir::{Heritage, Request};
use crate::region::kit::{KitKey, Purpose};
use crate::region::payload::{Admitted, Payload, SuccessorProposed};
use crate::region::said::Said;
use crate::region::succession::Proposal;
use crate::region::{KeyState, Region, Signed, Signer, StatementId};
use crate::seal::key::OpenerKind;

/// Digits of a statement's id that are enough to name it.
const STATEMENT_DIGITS_MIN: usize = 4;

/// A clinic's ledger, handed over to a new box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOver {
    /// What the new box is handed.
    pub answer: Vec<u8>,
    /// As whom it is to be admitted.
    pub admission: Admitted,
    /// What the staff proposed; `None` where none of them was there.
    pub proposal: Option<StatementId>,
    /// The admission, where the region's word was there.
    pub admitted: Option<RegionSaid>,
}

impl Member {
    /// Opens a held ledger with the region's recovery key. `who` is the clinic that was lost. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NotRecovery`], [`MembershipError::NotRecoverable`]; what the store says.
    pub fn open_by_recovery(&self, who: &str, key: &KitKey) -> Result<Opening, MembershipError> {
        let region = self.require()?.region;
        if key.purpose != Purpose::Recovery || key.public() != region.founded().recovery {
            return Err(MembershipError::NotRecovery { name: region.founded().name.clone() });
        }
        let site = region.sites().get(&self.find_site(who)?).ok_or_else(|| MembershipError::NoSuchSite(who.to_owned()))?;
        let opened = self.inner.clinic.open_by_recovery(site.ledger, key.public().opener, key.opener())?;
        opened.ok_or_else(|| MembershipError::NotRecoverable { name: site.described.name.clone() })
    }

    /// Hands the keys of an opened ledger to the box that asks, proposes it as the successor of `who` (a site or one of its nodes) with the word
    /// of the staff who opened it, and admits it where the region's word is there. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::OtherClinic`] where what was opened is another clinic's; [`MembershipError::SeveralBoxes`],
    /// [`MembershipError::BoxKnown`], [`MembershipError::NeedsWord`]; what the store says.
    pub fn hand_over(
        &self,
        who: &str,
        request: &Request,
        opening: &Opening,
        word: Option<&Word>,
    ) -> Result<HandedOver, MembershipError> {
        let region = self.require()?.region;
        let lost = self.lost_node(&region, who, opening)?;
        if region.nodes().contains_key(&crate::region::node_of(request.wished.node)) {
            return Err(MembershipError::BoxKnown);
        }
        if opening.staff_pair().is_none() && word.is_none() {
            return Err(MembershipError::NeedsWord);
        }
        let site = region.nodes().get(&lost).and_then(|node| region.sites().get(&node.site));
        let site = site.ok_or_else(|| MembershipError::NoSuchSite(who.to_owned()))?;
        let as_new = request.admission(&site.described);
        let admission = region.successor(lost, &as_new).ok_or_else(|| MembershipError::NoSuchSite(who.to_owned()))?;
        let admitted = word.map(|word| self.say_for_region(word, &admission)).transpose()?;
        let proposal = self.propose(opening, &admission)?;
        let (badges, profile) = self.inner.clinic.badges_and_profile(opening)?;
        let notice = |node: NodeId| Some(region.nodes().get(&node)?.notice.as_ref()?.addresses.clone());
        let heritage = Heritage {
            site: site.id,
            ledger: site.ledger,
            keys: opening
                .seal_to(&request.wished.node_opener.as_opener(OpenerKind::Node))
                .map_err(crate::clinic::ClinicError::from)?,
            badges,
            profile,
            statements: self.require()?.statements.as_ref().clone(),
            addresses: notice(self.node()).unwrap_or_default(),
            is_recovered: opening.staff_pair().is_none(),
        };
        Ok(HandedOver { answer: heritage.answer(request), admission, proposal, admitted })
    }

    /// Whose place is taken: the node that is named, else the site's one in service, else any of those that are out of it.
    fn lost_node(&self, region: &Region, who: &str, opening: &Opening) -> Result<NodeId, MembershipError> {
        let site = self.find_site(who)?;
        let Some(found) = region.sites().get(&site).filter(|site| site.ledger == opening.ledger()) else {
            let opened = region.homes(opening.ledger()).next().map_or_else(String::new, |site| site.described.name.clone());
            return Err(MembershipError::OtherClinic { named: who.to_owned(), opened });
        };
        if let [node] = &find_nodes(region, who)[..] {
            return Ok(node.id);
        }
        let active: Vec<NodeId> = region.active_nodes(site).map(|node| node.id).collect();
        match active[..] {
            [node] => Ok(node),
            [] => found.nodes.last().copied().ok_or_else(|| MembershipError::NoSuchSite(who.to_owned())),
            _ => Err(MembershipError::SeveralBoxes { name: found.described.name.clone() }),
        }
    }

    /// The staff's word for a successor, with the pair of the badge that opened the ledger.
    fn propose(&self, opening: &Opening, admission: &Admitted) -> Result<Option<StatementId>, MembershipError> {
        use aws_lc_rs::signature::KeyPair;
        let Some(pair) = opening.staff_pair() else { return Ok(None) };
        let mut signer = Signer([0; 32]);
        signer.0.copy_from_slice(pair.public_key().as_ref());
        let mut proposed = None;
        self.change(|known| {
            let payload = SuccessorProposed { admission: admission.clone() };
            let body = payload.body(known.statements.region(), self.inner.clinic.now_ms());
            let signed = body.sign(&pair, known.statements.next_counter(signer));
            proposed = Some(signed.statement());
            Ok(vec![signed])
        })?;
        Ok(proposed)
    }

    /// Admits a successor that staff proposed: named by the first digits of the proposal, or by the site where it is the only one. What a deputy has
    /// said before is signed too. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NoSuchProposal`]; where the key does not sign for the region; what the store says.
    pub fn admit_successor(&self, text: &str, word: &Word) -> Result<(Admitted, RegionSaid), MembershipError> {
        let known = self.require()?;
        let proposal = self.find_proposal(&known.region, text)?;
        let lost = proposal.admission.succeeds.filter(|lost| known.region.nodes().contains_key(lost));
        let no_such = || MembershipError::NoSuchProposal(text.to_owned());
        // Only the keys are the staff's to say: names, place and capacity stay what the region has said.
        let admission = known.region.successor(lost.ok_or_else(no_such)?, &proposal.admission).ok_or_else(no_such)?;
        let is_said = |signed: &&Signed| {
            if let Said::Admitted(said) = Said::of(signed.body()) { *said == admission } else { false }
        };
        let said = match known.statements.iter().find(is_said) {
            Some(waiting) => self.sign_too(word, &waiting.statement().to_string())?,
            None => self.say_for_region(word, &admission)?,
        };
        Ok((admission, said))
    }

    fn find_proposal(&self, region: &Region, text: &str) -> Result<Proposal, MembershipError> {
        let wanted = text.trim().to_ascii_lowercase();
        let is_statement = |id: StatementId| wanted.len() >= STATEMENT_DIGITS_MIN && id.to_string().starts_with(&wanted);
        let site = self.find_site(text).ok();
        let named = |proposal: &&Proposal| is_statement(proposal.statement) || Some(proposal.admission.site) == site;
        let found: Vec<&Proposal> = region.proposals().iter().filter(named).collect();
        match found[..] {
            [one] => Ok(one.clone()),
            [] => Err(MembershipError::NoSuchProposal(text.to_owned())),
            _ => Err(MembershipError::SeveralProposals(text.to_owned())),
        }
    }

    /// Begins as the box of a region that exists, with the statements and addresses that were handed over. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn inherit(&self, heritage: &Heritage) -> Result<(), MembershipError> {
        if self.region().is_some_and(|region| region.id() == heritage.statements.region()) {
            self.merge(heritage.statements.iter().cloned().collect())?;
        } else {
            self.begin(heritage.statements.clone())?;
        }
        heritage.addresses.iter().try_for_each(|address| self.add_peer(address))?;
        self.say_keys()?;
        Ok(())
    }

    /// The boxes in service that have taken the place of this one, once the region has retired or revoked it.
    pub fn successors(&self) -> Vec<NodeId> {
        let Some(region) = self.region() else { return Vec::new() };
        let is_out = region.nodes().get(&self.node()).is_some_and(|own| own.state != KeyState::Active);
        if is_out { region.active_nodes(self.own_site(&region)).map(|node| node.id).collect() } else { Vec::new() }
    }

    fn own_site(&self, region: &Region) -> SiteId {
        region.nodes().get(&self.node()).map_or_else(|| self.site(), |own| own.site)
    }
}
