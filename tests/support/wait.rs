//! Waiting for a condition, and doing things at the same moment.

use std::sync::Barrier;
use std::time::{Duration, Instant};

/// How long a condition may take to come true, on a machine that builds and tests at the same time.
const LONGEST: Duration = Duration::from_mins(3);

/// Asks until the answer is yes.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < LONGEST, "not in {LONGEST:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Does `work` in `count` threads that begin at the same moment.
pub(crate) fn at_once<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (barrier, work) = (&Barrier::new(count), &work);
    let work = move |index| {
        barrier.wait();
        work(index)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|index| scope.spawn(move || work(index))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
