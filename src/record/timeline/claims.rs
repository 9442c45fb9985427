//! Which statements stand: the same fact twice is one, corrections and retractions reach the versions that their writers saw.
//!
//! A fact in one version is a *claim*; so is the replacement that a correction brings, under the id of the corrected fact and with the
//! version of the correction. A claim falls when a correction or retraction of its fact names its version as seen; it stays fallen when that
//! correction is itself corrected, and rises again when the correction (by its own fact id) is retracted. Everything begins with sorting,
//! so that the order of arrival cannot matter.

use super::{Apart, Doubt};
use crate::record::{Content, ContentHash, Fact, FactId, FactVersion, Source};
use std::collections::{BTreeMap, BTreeSet};

/// A statement that stands.
#[derive(Debug, Clone)]
pub(super) struct Claim<'a> {
    /// The fact that it is about; for a correction, the corrected one.
    pub(super) id: FactId,
    /// The fact that says it; for a correction, the correction.
    pub(super) fact: &'a Fact,
    /// The same fact, as it came in other ways.
    pub(super) again: Vec<&'a Fact>,
    /// What it says.
    pub(super) content: &'a Content,
    /// The versions in whose place it stands, its own included.
    pub(super) lineage: Vec<ContentHash>,
    /// What resolving it left in doubt.
    pub(super) doubts: Vec<Doubt>,
}

impl Claim<'_> {
    /// How others refer to it.
    pub(super) fn name(&self) -> FactVersion {
        FactVersion { id: self.id, version: self.fact.version }
    }
}

/// A statement that stands apart.
#[derive(Debug)]
pub(super) struct Fallen<'a> {
    /// The fact that it is about.
    pub(super) id: FactId,
    /// The fact that said it.
    pub(super) fact: &'a Fact,
    /// Why.
    pub(super) why: Apart,
}

/// All statements, sorted out.
#[derive(Debug, Default)]
pub(super) struct Claims<'a> {
    /// What stands, by fact id and version.
    pub(super) standing: Vec<Claim<'a>>,
    /// What does not.
    pub(super) fallen: Vec<Fallen<'a>>,
    /// Everything that was ever said under a fact id, standing or not.
    pub(super) said: BTreeMap<FactId, Vec<&'a Content>>,
}

/// One fact in one version, and its other arrivals.
struct Entry<'a> {
    fact: &'a Fact,
    again: Vec<&'a Fact>,
}

/// A correction or retraction.
struct Amendment<'a> {
    fact: &'a Fact,
    again: Vec<&'a Fact>,
    target: FactId,
    seen: &'a [ContentHash],
    /// What a correction says instead; none for a retraction.
    replacement: Option<&'a Content>,
    reason: &'a str,
    /// The facts whose claims it reaches: its target, or what the corrections that it targets reach.
    roots: Vec<FactId>,
    /// The retraction that took it back.
    void_by: Option<&'a Fact>,
}

/// Sorts out all facts.
pub(super) fn resolve(facts: &[Fact]) -> Claims<'_> {
    let entries = distinct(facts);
    let amendments = amendments(&entries);
    let mut claims = Claims::default();
    let mut candidates: Vec<(Claim<'_>, Option<&Amendment<'_>>)> = Vec::with_capacity(entries.len());
    for entry in &entries {
        if !matches!(entry.fact.content, Content::Correction(_) | Content::Retraction(_)) {
            candidates.push((claim(entry.fact.id, entry.fact, &entry.again, &entry.fact.content), None));
        }
    }
    for amendment in &amendments {
        place(amendment, &mut candidates, &mut claims.fallen);
    }
    candidates.sort_by_key(|(claim, _)| claim.name());
    let by_root = reach(&amendments);
    for (mut claim, by) in candidates {
        claims.said.entry(claim.id).or_default().push(claim.content);
        let reaching = by_root.get(&claim.id).map_or(&[][..], Vec::as_slice);
        match fall(&claim, reaching) {
            Some(why) => claims.fallen.push(Fallen { id: claim.id, fact: claim.fact, why }),
            None => {
                add_doubts(&mut claim, by, reaching);
                claims.standing.push(claim);
            }
        }
    }
    mark_contradictions(&mut claims.standing);
    claims
}

fn claim<'a>(id: FactId, fact: &'a Fact, again: &[&'a Fact], content: &'a Content) -> Claim<'a> {
    Claim { id, fact, again: again.to_vec(), content, lineage: vec![fact.version], doubts: Vec::new() }
}

/// Each fact in each version once, sorted; of several arrivals the earliest is the first.
fn distinct(facts: &[Fact]) -> Vec<Entry<'_>> {
    let order = |fact: &Fact| (fact.id, fact.version, fact.said_at_ms);
    let mut sorted: Vec<&Fact> = facts.iter().collect();
    sorted.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| source_order(&a.source).cmp(&source_order(&b.source))));
    let mut entries: Vec<Entry<'_>> = Vec::with_capacity(sorted.len());
    for fact in sorted {
        match entries.last_mut() {
            Some(last) if (last.fact.id, last.fact.version) == (fact.id, fact.version) => {
                if last.fact.source != fact.source && last.again.iter().all(|known| known.source != fact.source) {
                    last.again.push(fact);
                }
            }
            _ => entries.push(Entry { fact, again: Vec::new() }),
        }
    }
    entries
}

fn source_order(source: &Source) -> impl Ord + '_ {
    (source.origin, source.channel, source.name.as_str())
}

fn amendments<'a>(entries: &[Entry<'a>]) -> Vec<Amendment<'a>> {
    let mut amendments: Vec<_> = entries.iter().filter_map(amendment).collect();
    let void = void_by(&amendments);
    for (amendment, void_by) in amendments.iter_mut().zip(void) {
        amendment.roots = roots(entries, amendment.target);
        amendment.void_by = void_by;
    }
    amendments
}

fn amendment<'a>(entry: &Entry<'a>) -> Option<Amendment<'a>> {
    let fact = entry.fact;
    let (target, seen, replacement, reason) = if let Content::Correction(x) = &fact.content {
        (x.target, &x.seen, Some(x.replacement.stated()), &x.reason)
    } else if let Content::Retraction(x) = &fact.content {
        (x.target, &x.seen, None, &x.reason)
    } else {
        return None;
    };
    Some(Amendment { fact, again: entry.again.clone(), target, seen, replacement, reason, roots: Vec::new(), void_by: None })
}

/// For each amendment the retraction, not itself taken back, that took it back by its own fact id.
fn void_by<'a>(amendments: &[Amendment<'a>]) -> Vec<Option<&'a Fact>> {
    fn visit<'a>(at: usize, amendments: &[Amendment<'a>], known: &mut [Option<Option<&'a Fact>>]) -> Option<&'a Fact> {
        if let Some(answer) = known[at] {
            return answer;
        }
        // Versions are hashes over what they name, so that a ring of retractions cannot be made; should one be claimed, it ends here.
        known[at] = Some(None);
        let this = amendments[at].fact;
        let reaches = |by: &Amendment<'_>| by.replacement.is_none() && by.target == this.id && by.seen.contains(&this.version);
        let answer = (0..amendments.len())
            .find(|&by| by != at && reaches(&amendments[by]) && visit(by, amendments, known).is_none())
            .map(|by| amendments[by].fact);
        known[at] = Some(answer);
        answer
    }
    let mut known = vec![None; amendments.len()];
    (0..amendments.len()).map(|at| visit(at, amendments, &mut known)).collect()
}

/// The facts that an amendment of `target` is about, following corrections. Looks are never amended: who looked stays said.
fn roots(entries: &[Entry<'_>], target: FactId) -> Vec<FactId> {
    let (mut found, mut met, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![target]);
    while let Some(id) = open.pop() {
        if !met.insert(id) {
            continue;
        }
        let from = entries.partition_point(|entry| entry.fact.id < id);
        for entry in entries[from..].iter().take_while(|entry| entry.fact.id == id) {
            if let Content::Correction(correction) = &entry.fact.content {
                open.push(correction.target);
            } else if !matches!(entry.fact.content, Content::Retraction(_) | Content::Look(_)) {
                found.insert(id);
            }
        }
    }
    found.into_iter().collect()
}

/// Where an amendment goes: a correction makes candidates; what was taken back or misses its target stands apart.
fn place<'a, 'b>(
    amendment: &'b Amendment<'a>,
    candidates: &mut Vec<(Claim<'a>, Option<&'b Amendment<'a>>)>,
    fallen: &mut Vec<Fallen<'a>>,
) {
    let apart = |why| Fallen { id: amendment.roots.first().copied().unwrap_or(amendment.target), fact: amendment.fact, why };
    if let Some(by) = amendment.void_by {
        let reason = retraction_reason(by);
        fallen.push(apart(Apart::Retracted { by: by.id, reason }));
        return;
    }
    let is_of_no_use = matches!(amendment.replacement, Some(Content::Retraction(_) | Content::Look(_)));
    if amendment.roots.is_empty() || is_of_no_use {
        fallen.push(apart(Apart::TargetMissing { target: amendment.target }));
        return;
    }
    let Some(replacement) = amendment.replacement else { return };
    for &root in &amendment.roots {
        candidates.push((claim(root, amendment.fact, &amendment.again, replacement), Some(amendment)));
    }
}

fn retraction_reason(fact: &Fact) -> String {
    if let Content::Retraction(retraction) = &fact.content { retraction.reason.clone() } else { String::new() }
}

/// The amendments that count, by the facts that they reach.
fn reach<'a, 'b>(amendments: &'b [Amendment<'a>]) -> BTreeMap<FactId, Vec<&'b Amendment<'a>>> {
    let mut by_root: BTreeMap<FactId, Vec<&Amendment<'_>>> = BTreeMap::new();
    for amendment in amendments.iter().filter(|amendment| amendment.void_by.is_none()) {
        for &root in amendment.roots.iter().filter(|_| !is_retraction_of_amendment(amendment)) {
            by_root.entry(root).or_default().push(amendment);
        }
    }
    by_root
}

/// A retraction that names a correction's own fact id undoes the correction; it does not reach what the correction is about.
fn is_retraction_of_amendment(amendment: &Amendment<'_>) -> bool {
    amendment.replacement.is_none() && !amendment.roots.contains(&amendment.target)
}

/// Why a claim does not stand: a retraction or else a correction that saw it.
fn fall(claim: &Claim<'_>, reaching: &[&Amendment<'_>]) -> Option<Apart> {
    if matches!(claim.content, Content::Look(_)) {
        return None;
    }
    let saw = |amendment: &&&Amendment<'_>| {
        amendment.fact.version != claim.fact.version && amendment.seen.contains(&claim.fact.version)
    };
    let retraction = reaching.iter().filter(|amendment| amendment.replacement.is_none()).find(saw);
    if let Some(by) = retraction {
        return Some(Apart::Retracted { by: by.fact.id, reason: by.reason.to_owned() });
    }
    let correction = reaching.iter().find(saw)?;
    Some(Apart::Replaced { by: correction.fact.id })
}

fn add_doubts(claim: &mut Claim<'_>, by: Option<&Amendment<'_>>, reaching: &[&Amendment<'_>]) {
    if let Some(by) = by {
        claim.doubts.push(Doubt::Corrected { by: by.fact.id });
        claim.lineage = lineage(by, reaching);
    }
    for retraction in reaching.iter().filter(|amendment| amendment.replacement.is_none()) {
        claim.doubts.push(Doubt::RetractionNotSeen { by: retraction.fact.id });
    }
}

/// A correction's version, those that it replaced, those that they replaced, and so on.
fn lineage(by: &Amendment<'_>, reaching: &[&Amendment<'_>]) -> Vec<ContentHash> {
    let (mut versions, mut open) = (BTreeSet::new(), vec![by.fact.version]);
    while let Some(version) = open.pop() {
        if versions.insert(version) {
            let earlier = reaching.iter().filter(|one| one.replacement.is_some() && one.fact.version == version);
            open.extend(earlier.flat_map(|one| one.seen.iter().copied()));
        }
    }
    versions.into_iter().collect()
}

/// Claims of one fact that say different things contradict each other.
fn mark_contradictions(standing: &mut [Claim<'_>]) {
    for same in standing.chunk_by_mut(|a, b| a.id == b.id).filter(|same| same.len() > 1) {
        let all: Vec<(FactVersion, &Content)> = same.iter().map(|claim| (claim.name(), claim.content)).collect();
        for claim in same {
            let differs = all.iter().filter(|(_, content)| *content != claim.content);
            let others: Vec<FactVersion> = differs.map(|(name, _)| *name).collect();
            if !others.is_empty() {
                claim.doubts.push(Doubt::Contradiction { others });
            }
        }
    }
}
