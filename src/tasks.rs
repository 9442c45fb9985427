//! Where background work is started, named and waited for.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// How long shutdown waits for work that is on its way.
const PATIENCE: Duration = Duration::from_secs(10);

/// The tasks of a node. What stops them is a token of their own; shutdown waits for them here.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    running: Running,
}

/// How many tasks of each name run.
type Running = Arc<Mutex<BTreeMap<&'static str, usize>>>;

/// Counts a task while it runs, and reports when it panicked: nobody waits for its result.
struct Counted {
    name: &'static str,
    running: Running,
}

impl Counted {
    fn new(name: &'static str, running: &Running) -> Self {
        *running.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Self { name, running: running.clone() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.name, "a task panicked");
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                running.remove(self.name);
            }
        }
    }
}

impl Tasks {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts work that ends by itself soon after the node is told to stop.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::new(name, &self.running);
        self.tracker.spawn(async move {
            work.await;
            drop(counted);
        });
    }

    /// Starts work that blocks, on a thread for it.
    pub fn spawn_blocking(&self, name: &'static str, work: impl FnOnce() + Send + 'static) {
        let counted = Counted::new(name, &self.running);
        self.tracker.spawn_blocking(move || {
            work();
            drop(counted);
        });
    }

    /// Waits for all tasks, but not for ever: what has not ended is named in the log.
    pub async fn finish(&self) {
        self.finish_within(PATIENCE).await;
    }

    async fn finish_within(&self, patience: Duration) -> bool {
        self.tracker.close();
        let is_done = tokio::time::timeout(patience, self.tracker.wait()).await.is_ok();
        if !is_done {
            let left = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            tracing::warn!(?left, "some tasks were cut off at shutdown");
        }
        is_done
    }
}

/// Lets hyper start what belongs to a connection among our tasks.
impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, work: F) {
        self.spawn("request", work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn shutdown_waits_for_what_was_started() {
        let (tasks, stop) = (Tasks::new(), CancellationToken::new());
        let ended = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            let (stop, ended) = (stop.clone(), Arc::clone(&ended));
            tasks.spawn("waiting", async move {
                stop.cancelled().await;
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        let counts = Arc::clone(&ended);
        tasks.spawn_blocking("blocking", move || {
            counts.fetch_add(1, Ordering::Relaxed);
        });
        stop.cancel();
        assert!(tasks.finish_within(Duration::from_secs(10)).await);
        assert_eq!(ended.load(Ordering::Relaxed), 11);
        assert!(tasks.running.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn shutdown_does_not_wait_for_ever_and_knows_for_what() {
        let tasks = Tasks::new();
        tasks.spawn("endless", std::future::pending());
        assert!(!tasks.finish_within(Duration::from_millis(5)).await);
        assert_eq!(tasks.running.lock().unwrap().get("endless"), Some(&1));
    }

    #[tokio::test]
    async fn a_panic_ends_one_task_only() {
        let tasks = Tasks::new();
        tasks.spawn("panicking", async { panic!("on purpose") });
        assert!(tasks.finish_within(Duration::from_secs(10)).await);
        assert!(tasks.running.lock().unwrap().is_empty());
    }
}
