//! What the service manager hears: ready, alive, stopping. Alive means that the runtime has run this and that the store's threads have
//! answered; a process that only exists is started anew.

use crate::store::{Store, StoreError};
use sd_notify::NotifyState;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the store may take for an answer where no watchdog says otherwise.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Between two tries of a store that did not answer.
const TRY_EVERY: Duration = Duration::from_millis(250);

/// Signs of life in the time that the watchdog gives.
const BEATS: u32 = 4;

/// Whether readers and writer of the store answer within `at_most`. A rebuild may hold the writer up for minutes; a full queue is no answer.
pub async fn answers(store: &Store, at_most: Duration) -> bool {
    let written = async {
        match store.is_rebuilding() {
            true => Ok(()),
            false => store.ping().await,
        }
    };
    let both = async { store.read(|_| Ok(())).await.and(written.await) };
    match tokio::time::timeout(at_most, both).await {
        // What a damaged disk or another's lock says is an answer, and no restart would better it.
        Ok(Ok(()) | Err(StoreError::Corrupt { .. } | StoreError::Io { .. } | StoreError::DiskFull)) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the store does not answer");
            false
        }
        Err(_late) => {
            tracing::warn!("the store has not answered for {} s", at_most.as_secs());
            false
        }
    }
}

/// Says "ready" once the store answers, then gives signs of life until the node stops. Without a service manager it does nothing.
pub async fn report(store: Store, status: String, shutdown: CancellationToken) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let watchdog = sd_notify::watchdog_enabled();
    tell(&[NotifyState::Status(&status)]);
    let living = beat(&store, watchdog, |is_first| {
        tell(if is_first { &[NotifyState::Ready, NotifyState::Watchdog] } else { &[NotifyState::Watchdog] });
    });
    let _stopped = shutdown.run_until_cancelled(living).await;
    tell(&[NotifyState::Stopping]);
}

/// Calls `alive` each time the store has answered, at first with `true`.
async fn beat(store: &Store, watchdog: Option<Duration>, alive: impl Fn(bool)) {
    let every = watchdog.unwrap_or(ANSWER_MAX) / BEATS;
    let mut is_first = true;
    loop {
        if answers(store, every).await {
            alive(is_first);
            is_first = false;
            tokio::time::sleep(every).await;
        } else {
            tokio::time::sleep(TRY_EVERY.min(every)).await;
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

#[cfg(test)]
mod tests;
