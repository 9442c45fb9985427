//! How many connections can be let in: each is an open file, and takes memory.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files besides connections: the database with its readers, peers, sockets, logs.
const BESIDES: u64 = 1_024;

/// However little there is, so many are let in; in a full house whoever waits longest gives way.
const LEAST: usize = 256;

/// A machine has so much memory for each: about what one can make this process hold while its headers, or the answer, are under way.
const MEMORY_EACH: u64 = 256 * 1024;

/// How many of the `wished` there can be. Raises the limit of open files as far as the system lets it; systemd's usual one is enough, a
/// shell's is not.
pub(super) fn places(wished: usize) -> usize {
    let files = raised(u64::try_from(wished).unwrap_or(u64::MAX).saturating_add(BESIDES)).saturating_sub(BESIDES);
    fitting(wished, files, memory())
}

fn fitting(wished: usize, files: u64, memory: Option<u64>) -> usize {
    let by_memory = memory.map_or(u64::MAX, |bytes| bytes / MEMORY_EACH);
    usize::try_from(files.min(by_memory)).unwrap_or(usize::MAX).clamp(LEAST, wished.max(LEAST))
}

/// How many files may be open.
fn raised(needed: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(before) = current.filter(|current| *current < needed) else { return needed };
    let wanted = maximum.map_or(needed, |maximum| maximum.min(needed));
    let is_set = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok();
    let raised = if is_set { wanted } else { before };
    if raised < needed {
        tracing::warn!(raised, needed, "fewer files than connections may be open: raise LimitNOFILE of the service");
    }
    raised
}

/// All that the machine has; where the system does not say, nothing is known.
fn memory() -> Option<u64> {
    let info = rustix::system::sysinfo();
    Some(info.totalram.saturating_mul(info.mem_unit.into())).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_least_sets_the_number_and_some_are_always_let_in() {
        let gib = |n: u64| Some(n << 30);
        assert_eq!(fitting(12_288, 64_512, gib(8)), 12_288);
        assert_eq!(fitting(12_288, 64_512, gib(2)), 8_192);
        assert_eq!(fitting(12_288, 3_072, gib(8)), 3_072);
        assert_eq!(fitting(12_288, 0, None), LEAST);
        assert!(memory().is_some_and(|bytes| bytes > 1 << 28));
    }
}
