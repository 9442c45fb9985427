//! Where background work is started and waited for.

use std::future::Future;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of a node: all end when `stopping` is cancelled, and shutdown waits for them.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
}

impl Tasks {
    /// Tasks that stop with `stopping`.
    pub fn new(stopping: CancellationToken) -> Self {
        Self { tracker: TaskTracker::new(), stopping }
    }

    /// Cancelled when the node stops.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Starts work that ends by itself soon after [`Tasks::stopping`] is cancelled.
    pub fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(work);
    }

    /// Calls `work` every `period` until the node stops.
    pub fn every(&self, period: Duration, work: impl Fn() + Send + 'static) {
        let stopping = self.stopping.clone();
        self.start(async move {
            while stopping.run_until_cancelled(tokio::time::sleep(period)).await.is_some() {
                work();
            }
        });
    }

    /// Waits for all tasks, at most `patience`. True where all have ended.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}

/// Lets hyper start what belongs to a connection among our tasks.
impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, work: F) {
        self.start(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn shutdown_waits_for_what_was_started() {
        let tasks = Tasks::new(CancellationToken::new());
        let ended = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let (stopping, ended) = (tasks.stopping().clone(), Arc::clone(&ended));
            tasks.start(async move {
                stopping.cancelled().await;
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        tasks.stopping().cancel();
        assert!(tasks.finish(Duration::from_secs(10)).await);
        assert_eq!(ended.load(Ordering::Relaxed), 10);
    }

    #[tokio::test]
    async fn shutdown_does_not_wait_for_ever() {
        let tasks = Tasks::new(CancellationToken::new());
        tasks.start(std::future::pending());
        assert!(!tasks.finish(Duration::from_millis(5)).await);
    }
}
