//! How many files the process may hold open: a connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files besides connections: the database with its readers, peers, sockets, logs.
const BESIDES: u64 = 1_024;

/// Raises the limit to what `connections` need, as far as the system lets it; systemd's usual one is enough, a shell's is not.
pub(super) fn allow(connections: usize) {
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(BESIDES);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return;
    }
    let raised = maximum.map_or(needed, |maximum| maximum.min(needed));
    let is_set = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok();
    if !is_set || raised < needed {
        tracing::warn!(raised, needed, "fewer files than connections may be open: raise LimitNOFILE of the service");
    }
}
