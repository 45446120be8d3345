//! Waiting for a condition, and saying plainly what could not be tested.

use std::thread;
use std::time::{Duration, Instant};

/// So long that only a condition that never comes true lasts longer, also on a machine with other work.
const PATIENCE: Duration = Duration::from_mins(3);

const PAUSE: Duration = Duration::from_millis(5);

/// What `condition` yields, once it does.
pub(crate) fn until_some<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::park_timeout(PAUSE);
    }
}

/// Waits until `condition` holds.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    until_some(what, || condition().then_some(()));
}

/// Says that a test could not run here; in continuous integration everything has to run.
pub(crate) fn left_out(what: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{what} must run in CI: {why}");
    // Straight to standard error: what a passing test prints by macro is not shown.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("LEFT OUT: {what}: {why}\n").as_bytes());
}
