//! The loop over patterns.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bits that are looked at together as the low part.
const LOW_BITS: usize = 12;

/// Half of them, for two small tables.
const HALF_BITS: usize = 6;

/// The patterns are cut into so many parts, and the parts' sums added in order: the result does not depend on the number of cores.
const PARTS: usize = 16;

/// Neighbouring patterns add to different copies of a small histogram, so that no addition waits for the one before.
const COPIES: usize = 4;
const COPIED_LEVELS_MAX: usize = 4096;

/// Weights never vanish, so that a pattern that can happen is seen to happen.
const LEAST_WEIGHT: f64 = 1e-150;

/// Patterns to go through.
pub(super) struct Job {
    /// Sites of each unit; the unit is the bit of that number.
    pub(super) sites: Vec<usize>,
    /// Each unit's probabilities to be lost and to survive.
    pub(super) odds: Vec<(f64, f64)>,
    /// Sites that are lost in all of them; None: any number.
    pub(super) need: Option<usize>,
    /// Counted in every pattern.
    pub(super) base: u64,
    /// What counts where all bits of a mask are set.
    pub(super) sets: Vec<(u32, u64)>,
}

/// Weight by what is lost.
pub(super) struct Sums {
    /// By level: the count shifted right by `shift`.
    pub(super) weights: Vec<f64>,
    /// Weight times count, where levels are classes.
    counts: Vec<f64>,
    shift: u32,
    /// The highest count.
    pub(super) most: u64,
    pub(super) patterns: u64,
}

impl Sums {
    pub(super) fn nothing(levels: usize, shift: u32) -> Self {
        let classes = if shift == 0 { 0 } else { levels };
        Self { weights: vec![0.0; levels], counts: vec![0.0; classes], shift, most: 0, patterns: 0 }
    }

    /// Adds others, weighted.
    pub(super) fn add(&mut self, others: &Self, weight: f64) {
        self.weights.iter_mut().zip(&others.weights).for_each(|(sum, w)| *sum += weight * w);
        self.counts.iter_mut().zip(&others.counts).for_each(|(sum, w)| *sum += weight * w);
        self.most = self.most.max(others.most);
        self.patterns += others.patterns;
    }

    /// Counts (of a class, its mean) with their weights, the highest first.
    pub(super) fn falling(&self) -> impl Iterator<Item = (f64, f64)> {
        let count = |level: usize, weight: f64| {
            if self.shift == 0 { crate::availability::real_len(level) } else { self.counts[level] / weight }
        };
        self.weights.iter().enumerate().rev().filter(|(_, w)| **w > 0.0).map(move |(level, w)| (count(level, *w), *w))
    }
}

/// The low parts with equally many sites lost.
struct Class {
    parts: Vec<u32>,
    weights: Vec<f64>,
    /// Counts of the sets that lie in the low part.
    counts: Vec<u64>,
}

/// What does not change from one high part to the next.
struct Tables<'a> {
    job: &'a Job,
    low_bits: usize,
    classes: Vec<Class>,
    across: Vec<(u32, u64)>,
    high: Vec<(u32, u64)>,
}

impl Job {
    /// Goes through the patterns.
    pub(super) fn run(&self, levels: usize, shift: u32) -> Sums {
        let tables = Tables::new(self);
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || {
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= PARTS {
                    break;
                }
                let sums = tables.part(part, levels, shift);
                if let Ok(mut done) = done.lock() {
                    done.push((part, sums));
                }
            }
        };
        // Scoped threads that end with the call: computing, nothing else.
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(PARTS);
        std::thread::scope(|scope| {
            for _ in 1..cores {
                scope.spawn(work);
            }
            work();
        });
        let mut parts = done.into_inner().unwrap_or_default();
        parts.sort_by_key(|(part, _)| *part);
        let mut total = Sums::nothing(levels, shift);
        parts.iter().for_each(|(_, sums)| total.add(sums, 1.0));
        total
    }
}

impl<'a> Tables<'a> {
    fn new(job: &'a Job) -> Self {
        let low_bits = job.sites.len().min(LOW_BITS);
        let low_mask = (1_u32 << low_bits) - 1;
        let of = |is: fn(u32, u32) -> bool| -> Vec<(u32, u64)> {
            job.sets.iter().filter(|(mask, _)| is(mask & low_mask, mask & !low_mask)).copied().collect()
        };
        let low = of(|_, high| high == 0);
        let most: usize = job.sites[..low_bits].iter().sum();
        let mut classes: Vec<Class> =
            (0..=most).map(|_| Class { parts: Vec::new(), weights: Vec::new(), counts: Vec::new() }).collect();
        for part in 0..1_u32 << low_bits {
            let class = &mut classes[sites(&job.sites[..low_bits], part)];
            class.parts.push(part);
            class.weights.push(weight(&job.odds[..low_bits], part));
            class.counts.push(low.iter().filter(|(mask, _)| mask & part == *mask).map(|(_, count)| count).sum());
        }
        let (across, high) = (of(|low, high| low != 0 && high != 0), of(|low, _| low == 0));
        Self { job, low_bits, classes, across, high }
    }

    /// One part of the high parts.
    fn part(&self, part: usize, levels: usize, shift: u32) -> Sums {
        let high_parts = 1_usize << (self.job.sites.len() - self.low_bits);
        let (from, to) = (part * high_parts / PARTS, (part + 1) * high_parts / PARTS);
        let mut sums = Sums::nothing(levels, shift);
        let is_small = shift == 0 && levels <= COPIED_LEVELS_MAX;
        let mut copies = vec![0.0; if is_small { levels * COPIES } else { 0 }];
        let mut scratch = Vec::new();
        for high in from..to {
            let high = u32::try_from(high).unwrap_or(0);
            let lost = sites(&self.job.sites[self.low_bits..], high);
            let Some(classes) = self.classes_with(lost) else { continue };
            let across = Across::new(self, high);
            let weight = weight(&self.job.odds[self.low_bits..], high);
            for class in classes {
                sums.patterns += u64::try_from(class.parts.len()).unwrap_or(0);
                let counts = across.counts(class, &mut scratch);
                if is_small {
                    add_small(class, counts, &across, weight, &mut copies);
                } else {
                    add(class, counts, &across, weight, &mut sums);
                }
            }
        }
        if is_small {
            for (level, four) in copies.chunks_exact(COPIES).enumerate() {
                sums.weights[level] = four.iter().sum();
                if four.iter().any(|w| *w > 0.0) {
                    sums.most = u64::try_from(level).unwrap_or(0);
                }
            }
        }
        sums
    }

    /// The classes of low parts that go with so many lost in the high part.
    fn classes_with(&self, lost: usize) -> Option<&[Class]> {
        let Some(need) = self.job.need else { return Some(&self.classes) };
        let class = need.checked_sub(lost)?;
        self.classes.get(class..=class)
    }
}

/// What the sets across count, for one high part, by the low bits.
struct Across {
    /// Counted in any case: the sets in the high part, and the base.
    tables: [[u64; 1 << HALF_BITS]; 2],
    /// Sets that need several low bits.
    several: Vec<(u32, u64)>,
}

impl Across {
    fn new(tables: &Tables<'_>, high: u32) -> Self {
        let (low_mask, whole) = ((1_u32 << tables.low_bits) - 1, high << tables.low_bits);
        let mut singles = [0_u64; 2 * HALF_BITS];
        let mut several = Vec::new();
        for (mask, count) in tables.across.iter().filter(|(mask, _)| mask & !low_mask & whole == mask & !low_mask) {
            let low = mask & low_mask;
            if low.is_power_of_two() {
                singles[low.trailing_zeros() as usize] += count;
            } else {
                several.push((low, *count));
            }
        }
        let fixed: u64 = tables.high.iter().filter(|(mask, _)| mask & whole == *mask).map(|(_, count)| count).sum();
        let mut sums = [[tables.job.base + fixed; 1 << HALF_BITS], [0; 1 << HALF_BITS]];
        for (half, sums) in sums.iter_mut().enumerate() {
            for bits in 1..1_usize << HALF_BITS {
                sums[bits] = sums[bits & (bits - 1)] + singles[half * HALF_BITS + bits.trailing_zeros() as usize];
            }
        }
        Self { tables: sums, several }
    }

    /// The counts of a class before the tables: its own, and those of the sets that need several low bits.
    fn counts<'c>(&self, class: &'c Class, scratch: &'c mut Vec<u64>) -> &'c [u64] {
        if self.several.is_empty() {
            return &class.counts;
        }
        scratch.clone_from(&class.counts);
        for (mask, count) in &self.several {
            for (sum, part) in scratch.iter_mut().zip(&class.parts) {
                *sum += if part & mask == *mask { *count } else { 0 };
            }
        }
        scratch
    }

    fn at(&self, part: u32) -> u64 {
        let half = (1 << HALF_BITS) - 1;
        self.tables[0][(part & half) as usize] + self.tables[1][(part >> HALF_BITS & half) as usize]
    }
}

/// Adds a class to a small histogram of several copies.
fn add_small(class: &Class, counts: &[u64], across: &Across, weight: f64, copies: &mut [f64]) {
    for (at, ((part, low), count)) in class.parts.iter().zip(&class.weights).zip(counts).enumerate() {
        let level = usize::try_from(count + across.at(*part)).unwrap_or(0);
        copies[level * COPIES + at % COPIES] += weight * low;
    }
}

/// Adds a class where levels are many, or classes of counts.
fn add(class: &Class, counts: &[u64], across: &Across, weight: f64, sums: &mut Sums) {
    for ((part, low), count) in class.parts.iter().zip(&class.weights).zip(counts) {
        let count = count + across.at(*part);
        let level = usize::try_from(count >> sums.shift).unwrap_or(0);
        sums.weights[level] += weight * low;
        if sums.shift > 0 {
            sums.counts[level] += weight * low * crate::availability::real(count);
        }
        sums.most = sums.most.max(count);
    }
}

/// Sites of the units whose bits are set.
fn sites(sites: &[usize], part: u32) -> usize {
    sites.iter().enumerate().filter(|(bit, _)| part >> bit & 1 == 1).map(|(_, sites)| sites).sum()
}

/// Probability of a part.
fn weight(odds: &[(f64, f64)], part: u32) -> f64 {
    let each = odds.iter().enumerate().map(|(bit, (lost, safe))| if part >> bit & 1 == 1 { lost } else { safe });
    each.product::<f64>().max(LEAST_WEIGHT)
}
