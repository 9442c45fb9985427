//! The only place where tasks start: each has a name, none outlives shutdown, and a panic is logged once.

use std::future::Future;
use tokio_util::task::TaskTracker;

/// The node's tasks. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task. It must end by itself when the node shuts down.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let running = self.0.spawn(task);
        self.0.spawn(async move {
            if let Err(error) = running.await {
                tracing::error!(name, %error, "a task failed");
            }
        });
    }

    /// Starts work that blocks, on a thread of its own.
    pub fn spawn_blocking(&self, name: &'static str, work: impl FnOnce() + Send + 'static) {
        let running = self.0.spawn_blocking(work);
        self.0.spawn(async move {
            if let Err(error) = running.await {
                tracing::error!(name, %error, "a task failed");
            }
        });
    }

    /// Waits until every task has ended.
    pub async fn finish(&self) {
        self.0.close();
        self.0.wait().await;
    }
}
