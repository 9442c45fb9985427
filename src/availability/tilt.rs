//! Exponential tilting: odds scaled so that k lost is what one expects. Given that exactly k are lost, the outcome's law stays what it was.
//!
//! Every site's odds may be multiplied by one factor without changing the conditional law (each pattern of k losses gains the same factor^k). With
//! the factor at which k is the expected number, P(k lost) is of the order of 1/√n instead of perhaps 1e-12000, so nothing under- or overflows.

use super::{AvailabilityError, LossModel, real_len};

/// What a unit does under a pattern of shared causes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    /// p = 0.
    Never,
    /// p = 1, or a cause took it.
    Surely,
    /// Anything between: index into the free units.
    Free(usize),
}

/// A unit that may or may not be lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Free {
    /// Sites in it.
    pub(super) sites: usize,
    /// Its unit.
    pub(super) unit: usize,
    /// Logarithm of the odds p/(1−p), as given.
    log_odds: f64,
    /// Logarithm of 1−p, as given.
    log_safe: f64,
    /// Tilted probability to be lost.
    pub(super) lost: f64,
    /// Tilted probability to survive: 1 − lost without cancellation.
    pub(super) safe: f64,
}

/// A region given exactly k losses (under one pattern of shared causes), tilted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tilted {
    pub(super) fates: Vec<Fate>,
    pub(super) free: Vec<Free>,
    /// Losses that must come from the free units.
    pub(super) need: usize,
    /// log Π(1−p)/(1−p̃) − t·need: what turns a tilted probability of `need` losses into the true one.
    pub(super) log_scale: f64,
}

impl Tilted {
    /// The region given `lost` losses when the causes named by the bits of `pattern` happen; nothing where that is impossible.
    pub(super) fn new(model: &LossModel, causes: &[usize], pattern: usize, lost: usize) -> Option<Self> {
        let (fates, mut free) = fates(model, causes, pattern);
        let surely: usize = fates.iter().zip(&model.units).filter(|(f, _)| **f == Fate::Surely).map(|(_, u)| u.sites).sum();
        let need = lost.checked_sub(surely)?;
        if !reachable(&free, need) {
            return None;
        }
        let most: usize = free.iter().map(|unit| unit.sites).sum();
        let tilt = if need == 0 || need == most { None } else { Some(tilt(&free, need)) };
        let mut log_scale = 0.0;
        for unit in &mut free {
            let Some(tilt) = tilt else {
                (unit.lost, unit.safe) = if need == 0 { (0.0, 1.0) } else { (1.0, 0.0) };
                log_scale += if need == 0 { unit.log_safe } else { unit.log_safe + unit.log_odds };
                continue;
            };
            let log_odds = unit.log_odds + tilt * real_len(unit.sites);
            (unit.lost, unit.safe) = (logistic(log_odds), logistic(-log_odds));
            log_scale += unit.log_safe + softplus(log_odds);
        }
        log_scale -= tilt.unwrap_or(0.0) * real_len(need);
        Some(Self { fates, free, need, log_scale })
    }

    /// The error that says that k is impossible.
    pub(super) fn impossible(model: &LossModel, lost: usize) -> AvailabilityError {
        let of = |fate: Fate| {
            let (fates, _) = fates(model, &[], 0);
            fates.iter().zip(&model.units).filter(|(f, _)| **f == fate).map(|(_, unit)| unit.sites).sum::<usize>()
        };
        let (surely, never) = (of(Fate::Surely), of(Fate::Never));
        AvailabilityError::Impossible { lost, surely, never, sites: model.sites(), most: model.sites() - never }
    }
}

/// What each unit does, and the free ones.
pub(super) fn fates(model: &LossModel, causes: &[usize], pattern: usize) -> (Vec<Fate>, Vec<Free>) {
    let mut taken = vec![false; model.units.len()];
    for (bit, cause) in causes.iter().enumerate().filter(|(bit, _)| pattern >> bit & 1 == 1) {
        debug_assert!(bit < 64, "patterns are bits of a word");
        model.causes[*cause].units.iter().for_each(|unit| taken[*unit] = true);
    }
    for cause in model.causes.iter().filter(|cause| cause.probability >= 1.0) {
        cause.units.iter().for_each(|unit| taken[*unit] = true);
    }
    let mut free = Vec::new();
    let mut fates = Vec::with_capacity(taken.len());
    for (at, unit) in model.units.iter().enumerate() {
        fates.push(if taken[at] || unit.damage >= 1.0 {
            Fate::Surely
        } else if unit.damage <= 0.0 {
            Fate::Never
        } else {
            let (p, q) = (unit.damage, 1.0 - unit.damage);
            let (log_odds, log_safe) = (libm::log(p) - libm::log(q), libm::log1p(-p));
            free.push(Free { sites: unit.sites, unit: at, log_odds, log_safe, lost: p, safe: q });
            Fate::Free(free.len() - 1)
        });
    }
    (fates, free)
}

/// Whether some of the free units have exactly `need` sites together.
fn reachable(free: &[Free], need: usize) -> bool {
    let most: usize = free.iter().map(|unit| unit.sites).sum();
    if need > most || free.iter().all(|unit| unit.sites == 1) {
        return need <= most;
    }
    let mut can = vec![false; need + 1];
    can[0] = true;
    for unit in free {
        for sum in (unit.sites..=need).rev() {
            can[sum] |= can[sum - unit.sites];
        }
    }
    can[need]
}

/// The tilt t at which the expected number of losses is `need`, by bisection: that number only rises with t.
fn tilt(free: &[Free], need: usize) -> f64 {
    let expected =
        |tilt: f64| -> f64 { free.iter().map(|u| real_len(u.sites) * logistic(u.log_odds + tilt * real_len(u.sites))).sum() };
    let widest =
        free.iter().map(|unit| unit.log_odds.abs()).fold(0.0, f64::max) + 2.0 * libm::log(real_len(free.len()) + 1.0) + 40.0;
    let (mut low, mut high) = (-widest, widest);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if expected(middle) < real_len(need) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// 1/(1+e^−x) without overflow.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + libm::exp(-x)) } else { libm::exp(x) / (1.0 + libm::exp(x)) }
}

/// ln(1+e^x) without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}
