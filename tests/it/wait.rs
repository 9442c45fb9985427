//! Waiting for a condition, with a deadline: the one place where a test sleeps; and how long something took.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(20);

/// Asks `condition` until it gives something; panics with `what` when `deadline` has passed.
pub async fn until_async<T>(what: &str, deadline: Duration, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(begun.elapsed() < deadline, "waited {deadline:?} in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// The same for conditions that need no async.
pub fn until<T>(what: &str, deadline: Duration, condition: impl FnMut() -> Option<T>) -> T {
    until_or(what, deadline, String::new, condition)
}

/// The same, with more to say when the deadline has passed.
pub fn until_or<T>(what: &str, deadline: Duration, state: impl Fn() -> String, mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(begun.elapsed() < deadline, "waited {deadline:?} in vain: {what} {}", state());
        std::thread::sleep(PAUSE);
    }
}

/// How long something took that has a goal. A busy machine proves nothing about times: it is printed, and compared with the
/// goal where somebody says that nothing else runs (`KUSURIBAKO_QUIET`).
pub fn figure(what: &str, took: Duration, goal: Duration) {
    println!("{what}: {:.2} s (goal {} s)", took.as_secs_f64(), goal.as_secs_f64());
    if std::env::var_os("KUSURIBAKO_QUIET").is_some() {
        assert!(took <= goal, "{what}: {took:?}");
    }
}
