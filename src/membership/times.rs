//! For how long this node has been running since it heard of a statement: durations count that, so that no clock can end an emergency.

use super::{Member, MembershipError};
use crate::region::emergency::Times;
use crate::region::{Signed, StatementId};
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Running time.
pub(super) struct Running {
    before_ms: u64,
    heard: Arc<BTreeMap<StatementId, u64>>,
}

/// What a node knows of time at one moment.
#[derive(Debug, Clone)]
pub struct Heard {
    running_ms: u64,
    trusted_wall_ms: Option<i64>,
    heard: Arc<BTreeMap<StatementId, u64>>,
}

impl Running {
    pub(super) fn read(store: &Store) -> Result<Self, StoreError> {
        let (before_ms, heard) = store.read_now(|reader| Ok((reader.running_ms()?, reader.heard()?)))?;
        Ok(Self { before_ms, heard: Arc::new(heard) })
    }

    /// Notes when statements were first heard.
    pub(super) fn hear(&mut self, store: &Store, came: &[Signed], running_ms: u64) -> Result<(), StoreError> {
        let heard: Vec<_> = came.iter().map(|signed| (signed.statement(), running_ms)).collect();
        store.put_running_ms(running_ms, heard.clone()).wait()?;
        let known = Arc::make_mut(&mut self.heard);
        for (statement, at_ms) in heard {
            known.entry(statement).or_insert(at_ms);
        }
        Ok(())
    }
}

impl Member {
    /// For how long this node has been running, over all its starts.
    pub(super) fn running_ms(&self) -> u64 {
        let since_start = u64::try_from(self.uptime().as_millis()).unwrap_or(u64::MAX);
        self.running().before_ms.saturating_add(since_start)
    }

    /// Keeps how long this node has been running; to be called now and then, so that a power cut takes little of it away. Not from async
    /// code.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep_running_time(&self) -> Result<(), MembershipError> {
        let running_ms = self.running_ms();
        Ok(self.inner.clinic.store().put_running_ms(running_ms, Vec::new()).wait()?)
    }

    /// What this node knows of time now.
    pub fn times(&self) -> Heard {
        let store = self.inner.clinic.store();
        let running_ms = self.running_ms();
        let trusted_wall_ms = store.clock_trust().is_trusted().then(|| store.clock().now_ms());
        Heard { running_ms, trusted_wall_ms, heard: Arc::clone(&self.running().heard) }
    }
}

impl Heard {
    /// For how long this node has been running over all its starts, in milliseconds.
    pub fn running_ms(&self) -> u64 {
        self.running_ms
    }

    /// Milliseconds since 1970 UTC, where the clock is trusted.
    pub fn trusted_wall_ms(&self) -> Option<i64> {
        self.trusted_wall_ms
    }

    /// Asks the region something that depends on time.
    pub fn with<T>(&self, ask: impl FnOnce(Times<'_>) -> T) -> T {
        let heard_for_ms = |id| self.running_ms.saturating_sub(self.heard.get(&id).copied().unwrap_or(self.running_ms));
        ask(Times { heard_for_ms: &heard_for_ms })
    }
}
