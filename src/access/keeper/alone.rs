//! A box without internet and other clinics: for how long, and what follows.

use super::super::config::Config;
use super::super::declared::{By, Ended, HOURS_USUAL};
use super::super::http::host_and_port;
use super::{HOUR_MS, Keeper, Memory};
use std::time::Duration;

/// How often it looks whether there is internet, while nothing else tells.
const INTERNET_EVERY_MS: u64 = 10 * 60 * 1000;
const INTERNET_WITHIN: Duration = Duration::from_secs(10);

impl Keeper {
    /// Counts for how long there is neither internet nor another clinic, and declares http where that was chosen.
    pub(super) async fn count_alone(&self, memory: &mut Memory) {
        let Some(config) = memory.config.clone() else { return };
        let Some(hours) = config.http_when_alone_hours.or_else(|| self.around.alone_hours()) else { return };
        let running_ms = self.around.running_ms();
        let is_due = memory.internet_at_ms.is_none_or(|at_ms| running_ms.saturating_sub(at_ms) >= INTERNET_EVERY_MS);
        let is_alone = if self.around.has_peers() {
            Some(false)
        } else if is_due {
            memory.internet_at_ms = Some(running_ms);
            Some(!has_internet(&config).await)
        } else {
            None
        };
        let is_a_valid = self.ladder.a().is_some_and(|held| held.pair.is_valid(self.ladder.now_ms()));
        let keeper = self.clone();
        let changed = tokio::task::spawn_blocking(move || {
            let alone_ms = keeper.alone_ms(is_alone)?;
            keeper.follow_alone(alone_ms >= hours.saturating_mul(HOUR_MS) && !is_a_valid, hours)
        });
        if let Ok(Err(error)) = changed.await {
            tracing::error!(%error, "http could not be declared");
        }
    }

    /// For how long it has been alone, with what was just seen: since when stands in the journal, so that no restart begins the count anew.
    fn alone_ms(&self, is_alone: Option<bool>) -> Result<u64, crate::store::StoreError> {
        let since_ms = self.with_journal(|journal, running_ms| {
            match is_alone {
                Some(true) => journal.alone_since_ms = journal.alone_since_ms.or(Some(running_ms)),
                Some(false) => journal.alone_since_ms = None,
                None => {}
            }
            journal.alone_since_ms
        })?;
        Ok(since_ms.map_or(0, |since_ms| self.around.running_ms().saturating_sub(since_ms)))
    }

    fn follow_alone(&self, is_alone: bool, hours: u64) -> Result<(), crate::store::StoreError> {
        let in_force = self.ladder.declared();
        let is_own = in_force.as_ref().is_some_and(|declared| matches!(declared.by, By::Alone { .. }));
        if is_alone && in_force.is_none() {
            self.declare(By::Alone { hours }, "", HOURS_USUAL)?;
        } else if is_own && !is_alone {
            self.with_journal(|journal, _| journal.end(Ended::NotAlone))?;
        }
        Ok(())
    }
}

/// Whether what stands for the internet can be connected to. Where nothing was named there is taken to be internet: nothing is opened by mistake.
async fn has_internet(config: &Config) -> bool {
    let named = config
        .internet_check
        .as_ref()
        .and_then(|at| at.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?))));
    let server = named.or_else(|| config.acme.as_ref().and_then(|acme| host_and_port(&acme.directory)));
    let Some((host, port)) = server else { return true };
    let called = tokio::time::timeout(INTERNET_WITHIN, tokio::net::TcpStream::connect((host.as_str(), port))).await;
    matches!(called, Ok(Ok(_connected)))
}
