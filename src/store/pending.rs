//! The answer to a job that one of the store's threads is doing.

use super::StoreError;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// Where a thread puts its answer.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// An answer to come: `.await` it in async code, or [`wait`](Self::wait) for it elsewhere. Dropping it does not stop the job.
#[derive(Debug)]
#[must_use = "a write counts only when its answer has come"]
pub struct Pending<T>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Pending<T> {
    pub(super) fn new() -> (Reply<T>, Self) {
        let (reply, receiver) = oneshot::channel();
        (reply, Self(receiver))
    }

    /// Blocks until the answer is there.
    ///
    /// # Panics
    /// When called from async code, which must `.await` instead.
    pub fn wait(self) -> Result<T, StoreError> {
        self.0.blocking_recv().unwrap_or(Err(StoreError::Stopped))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(StoreError::Stopped)))
    }
}
