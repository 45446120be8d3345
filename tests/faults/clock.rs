//! A server whose wall clock is set while it runs, by libfaketime; its monotonic clock goes on, as the kernel's does when
//! somebody sets the time.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::Launch;
use crate::wait::left_out;

/// How far a server's clock is off.
pub(crate) struct Clock(PathBuf);

impl Clock {
    /// A clock that is right so far, kept in `folder` under this name; none, and said plainly, without libfaketime.
    pub(crate) fn right(folder: &Path, name: &str) -> Option<Self> {
        if library().is_none() {
            left_out("clocks that jump", "no libfaketime.so.1 where Debian puts it");
            return None;
        }
        let clock = Self(folder.join(name));
        clock.set("+0");
        Some(clock)
    }

    /// Has the servers of `launch` go by this clock.
    pub(crate) fn of(&self, launch: Launch) -> Launch {
        launch
            .set("LD_PRELOAD", library().unwrap().to_str().unwrap())
            .set("FAKETIME_TIMESTAMP_FILE", self.0.to_str().unwrap())
            .set("FAKETIME_NO_CACHE", "1")
            .set("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }

    /// Sets the clock, by its distance from the right time: `-1h`, `+400d`.
    pub(crate) fn set(&self, off: &str) {
        // Never half written.
        let draft = self.0.with_extension("draft");
        fs::write(&draft, off).unwrap();
        fs::rename(&draft, &self.0).unwrap();
    }
}

impl Drop for Clock {
    /// What libfaketime leaves behind of processes that were killed.
    fn drop(&mut self) {
        for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let left = ["faketime_shm_", "sem.faketime_sem_"].iter().find_map(|prefix| name.strip_prefix(prefix));
            if left.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|library| library.exists())
}
