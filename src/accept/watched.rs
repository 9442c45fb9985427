//! A request's body that tells when it has come whole: until then the connection is waited for, from then on it is served.

use super::places::{Place, Working};
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// What is kept while the answer is being made: filled when the body has come whole.
type Held = Arc<Mutex<Option<Working>>>;

/// A body, and the place of its connection.
pub struct Watched<B> {
    body: B,
    place: Arc<Place>,
    working: Held,
}

/// Kept until the answer is there.
pub struct Answering(Held);

impl<B: Body> Watched<B> {
    /// Watches `body`. What is given besides is kept until the answer is there: then the connection is waited for again.
    pub fn new(body: B, place: &Arc<Place>) -> (Self, Answering) {
        let working = Held::default();
        let watched = Self { body, place: Arc::clone(place), working: Arc::clone(&working) };
        watched.note();
        (watched, Answering(working))
    }

    fn note(&self) {
        if self.body.is_end_stream() {
            self.whole();
        }
    }

    fn whole(&self) {
        self.working.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| self.place.work());
    }
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(None) => self.whole(),
            Poll::Ready(Some(_)) => self.note(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
