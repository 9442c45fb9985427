//! A bounded queue between callers and the store's threads.

use super::StoreError;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Jobs in the order in which they came. Whoever finds it full is told so at once: waiting would only hide it.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    capacity: usize,
}

struct State<T> {
    jobs: VecDeque<T>,
    /// Done one at a time, when there are no others.
    low: VecDeque<T>,
    /// What low jobs stand back for: numbered as it came.
    others: BTreeSet<u64>,
    next_other: u64,
    /// The next low job waits for the others before this number, and for none that come later.
    low_after: Option<u64>,
    is_closed: bool,
}

impl<T> State<T> {
    /// To add to. What is there now, the first of them waits for.
    fn low_lane(&mut self) -> &mut VecDeque<T> {
        self.low_after.get_or_insert(self.next_other);
        &mut self.low
    }

    /// Whether the next low job may be done: those others have ended that were there when its turn came.
    fn is_low_due(&mut self) -> bool {
        if self.low.is_empty() {
            return false;
        }
        let after = *self.low_after.get_or_insert(self.next_other);
        self.others.first().is_none_or(|first| *first >= after)
    }
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let (jobs, low, others) = (VecDeque::new(), VecDeque::new(), BTreeSet::new());
        let state = State { jobs, low, others, next_other: 0, low_after: None, is_closed: false };
        Self { state: Mutex::new(state), filled: Condvar::new(), capacity }
    }

    /// Adds a job, or gives it back with the reason.
    pub(super) fn push(&self, job: T) -> Result<(), (T, StoreError)> {
        self.push_to(|state| &mut state.jobs, job)
    }

    /// Adds a job that is done after all others, and alone.
    pub(super) fn push_low(&self, job: T) -> Result<(), (T, StoreError)> {
        self.push_to(State::low_lane, job)
    }

    /// Puts such a job back before all that wait behind it: it goes on.
    pub(super) fn push_low_again(&self, job: T) -> Result<(), (T, StoreError)> {
        let mut state = self.lock();
        if state.is_closed {
            return Err((job, StoreError::Stopped));
        }
        state.low_lane().push_front(job);
        Ok(())
    }

    fn push_to(&self, lane: impl FnOnce(&mut State<T>) -> &mut VecDeque<T>, job: T) -> Result<(), (T, StoreError)> {
        let mut state = self.lock();
        if state.is_closed {
            return Err((job, StoreError::Stopped));
        }
        let jobs = lane(&mut state);
        if jobs.len() >= self.capacity {
            return Err((job, StoreError::Busy));
        }
        jobs.push_back(job);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for a job that is not low. `None` when the queue was closed and is empty.
    pub(super) fn pop(&self) -> Option<T> {
        let is_idle = |state: &mut State<T>| state.jobs.is_empty() && !state.is_closed;
        self.filled.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner).jobs.pop_front()
    }

    /// Waits for a job and takes those that wait behind it too, as long as their weights add up to no more than `weight_max`.
    pub(super) fn pop_group(&self, weight_max: usize, weigh: impl Fn(&T) -> usize) -> Option<Vec<T>> {
        let is_idle = |state: &mut State<T>| {
            let has_ended = state.is_closed && state.low.is_empty();
            state.jobs.is_empty() && !has_ended && !state.is_low_due()
        };
        let mut state = self.filled.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        let Some(first) = state.jobs.pop_front() else {
            state.low_after = None;
            return state.low.pop_front().map(|job| vec![job]);
        };
        let mut weight = weigh(&first);
        let mut group = vec![first];
        while let Some(next) = state.jobs.front().map(&weigh).filter(|next| weight.saturating_add(*next) <= weight_max) {
            weight += next;
            group.extend(state.jobs.pop_front());
        }
        Some(group)
    }

    /// Something elsewhere has begun, or waits for its turn, that low jobs stand back for until it has [ended](Self::end_other).
    pub(super) fn begin_other(&self) -> u64 {
        let mut state = self.lock();
        let number = state.next_other;
        state.next_other += 1;
        state.others.insert(number);
        number
    }

    /// It has ended.
    pub(super) fn end_other(&self, number: u64) {
        let mut state = self.lock();
        state.others.remove(&number);
        let may_go_on = !state.low.is_empty();
        drop(state);
        if may_go_on {
            self.filled.notify_one();
        }
    }

    /// Takes no more jobs; those that wait are still done, but for low ones: they are done again after the next start.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.low.clear();
        drop(state);
        self.filled.notify_all();
    }

    /// Takes no more jobs and drops those that wait, so that whoever waits for their answers hears that there will be none.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.jobs.clear();
        state.low.clear();
        drop(state);
        self.filled.notify_all();
    }

    /// A panic elsewhere cannot leave the state half-changed: every change is one step.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_says_so() {
        let queue = Queue::new(2);
        queue.push(1).unwrap();
        queue.push(2).unwrap();
        assert_eq!(queue.push(3), Err((3, StoreError::Busy)));
        queue.close();
        assert_eq!(queue.push(4), Err((4, StoreError::Stopped)));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(1), Some(2), None));
    }

    #[test]
    fn a_group_stops_at_its_weight_but_is_never_empty() {
        let queue = Queue::new(10);
        [3, 3, 3, 50, 1].into_iter().for_each(|job| queue.push(job).unwrap());
        assert_eq!(queue.pop_group(6, |job| *job), Some(vec![3, 3]));
        assert_eq!(queue.pop_group(6, |job| *job), Some(vec![3]));
        assert_eq!(queue.pop_group(6, |job| *job), Some(vec![50]));
        queue.abandon();
        assert_eq!(queue.pop_group(6, |job| *job), None);
    }

    #[test]
    fn low_jobs_come_last_and_alone_and_are_left_when_it_closes() {
        let queue = Queue::new(10);
        [7, 8].into_iter().for_each(|job| queue.push_low(job).unwrap());
        [1, 2].into_iter().for_each(|job| queue.push(job).unwrap());
        assert_eq!(queue.pop_group(100, |_| 1), Some(vec![1, 2]));
        assert_eq!(queue.pop_group(100, |_| 1), Some(vec![7]));
        queue.push_low_again(9).unwrap();
        queue.push(3).unwrap();
        assert_eq!(queue.pop_group(100, |_| 1), Some(vec![3]));
        assert_eq!(queue.pop_group(100, |_| 1), Some(vec![9]));
        queue.push(4).unwrap();
        queue.close();
        assert_eq!(queue.pop_group(100, |_| 1), Some(vec![4]));
        assert_eq!(queue.pop_group(100, |_| 1), None);
    }

    #[test]
    fn a_low_job_stands_back_for_what_was_there_when_its_turn_came_and_for_nothing_later() {
        let queue = Queue::new(10);
        let (first, second) = (queue.begin_other(), queue.begin_other());
        queue.push_low(7).unwrap();
        queue.push(1).unwrap();
        assert_eq!(queue.pop_group(9, |_| 1), Some(vec![1]), "others do not wait");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.pop_group(9, |_| 1));
            let later = queue.begin_other();
            queue.end_other(second);
            assert!(!queue.lock().is_low_due());
            queue.end_other(first);
            assert_eq!(waiting.join().unwrap(), Some(vec![7]));
            queue.push_low(8).unwrap();
            assert!(!queue.lock().is_low_due());
            queue.end_other(later);
            assert!(queue.lock().is_low_due());
        });
    }

    #[test]
    fn whoever_waits_wakes() {
        let queue = Queue::new(1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| (queue.pop(), queue.pop()));
            queue.push('a').unwrap();
            queue.close();
            assert_eq!(waiting.join().unwrap(), (Some('a'), None));
        });
    }
}
