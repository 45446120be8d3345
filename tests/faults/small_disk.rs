//! A disk of a few MiB that can be filled.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::wait::left_out;

/// A tmpfs, unmounted when the test is over.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// A disk with so many KiB, or a plain word why there is none.
    pub(crate) fn mount(kib: u32) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("gatehouse-disk-").tempdir().unwrap();
        let size = format!("size={kib}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            Ok(output) => refuse(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => refuse(&error.to_string()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills what is free, to the last byte.
    pub(crate) fn fill(&self) -> Ballast {
        let path = self.path().join("ballast");
        let mut file = File::create(&path).unwrap();
        for size in [64 * 1024, 4096, 1] {
            loop {
                match file.write_all(&vec![1; size]) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        Ballast(path)
    }
}

fn refuse(why: &str) -> Option<SmallDisk> {
    left_out("a full disk", &format!("no tmpfs can be mounted here (root may): {}", why.trim()));
    None
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open must not keep the mount.
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()), "the disk stays mounted");
    }
}

/// What fills the disk.
pub(crate) struct Ballast(PathBuf);

impl Ballast {
    /// Frees the disk.
    pub(crate) fn remove(self) {
        fs::remove_file(self.0).unwrap();
    }
}
