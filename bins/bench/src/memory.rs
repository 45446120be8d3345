//! How much memory a process takes: its proportional set size (PSS), in which shared pages count by share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::failure::Outcome;

/// Between two samples. Reading takes the process's memory lock for about a millisecond, so not too often.
const EVERY: Duration = Duration::from_millis(25);

/// The PSS of process `pid` in MiB.
pub(crate) fn pss(pid: u32) -> Outcome<f64> {
    let path = PathBuf::from(format!("/proc/{pid}/smaps_rollup"));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let kib = text.lines().find_map(|line| line.strip_prefix("Pss:")).and_then(|rest| rest.split_whitespace().next());
    Ok(kib.ok_or("no Pss in smaps_rollup")?.parse::<f64>()? / 1024.0)
}

/// Runs `work` and tells the largest PSS that `pid` had meanwhile, in MiB.
pub(crate) fn peak_during<T>(pid: u32, work: impl FnOnce() -> T) -> Outcome<(T, f64)> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut peak = 0.0_f64;
            while !done.load(Ordering::Relaxed) {
                peak = peak.max(pss(pid)?);
                std::thread::park_timeout(EVERY);
            }
            Ok(peak.max(pss(pid)?))
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let peak: Outcome<f64> = sampler.join().unwrap_or_else(|_| Err("the sampling thread panicked".into()));
        Ok((result, peak?))
    })
}
