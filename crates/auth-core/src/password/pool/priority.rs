//! Hashing gives way to everything else the process does.

/// Gives the calling thread the lowest scheduling priority. It is a matter of latency and not of correctness, so a
/// system that doesn't allow it is left as it is.
#[cfg(target_os = "linux")]
pub(super) fn lower_own() {
    const LOWEST: i32 = 19;
    // On Linux a nice value belongs to a thread (sched(7)), and PRIO_PROCESS takes a thread's id.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), LOWEST);
}

/// Elsewhere the nice value belongs to the whole process.
#[cfg(not(target_os = "linux"))]
pub(super) const fn lower_own() {}
