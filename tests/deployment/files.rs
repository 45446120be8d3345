//! The files of the repository, the programs of this machine, and a plain word about those that are missing.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// What a file of the repository holds.
#[track_caller]
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether `program` is there; if not, it is said what is left out. With `CI=true` it has to be there.
pub(crate) fn has(program: &str, version: &str, left_out: &str) -> bool {
    let found = Command::new(program).arg(version).output().is_ok_and(|output| output.status.success());
    assert!(found || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{program} has to be there in CI");
    if !found {
        // Straight to standard error: what a passing test prints by macro is not shown.
        let words = format!("LEFT OUT: {left_out}: there is no {program}\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
    }
    found
}
