//! Node.js, and what the program beside this file needs of npm.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::wait::left_out;

/// The oldest release that the packages in `package.json` run on.
const OLDEST: u32 = 18;

/// Whether it is ready, or why not; found out once.
static READY: LazyLock<Result<(), String>> = LazyLock::new(|| {
    let version = said("node", &["--version"])?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST) {
        return Err(format!("Node.js {OLDEST} or newer is needed, this is {version}"));
    }
    if is_installed() { Ok(()) } else { said("npm", &["ci"]).map(drop) }
});

/// Whether `what` can run here; if not, it is said.
pub(crate) fn is_ready(what: &str) -> bool {
    if let Err(why) = &*READY {
        left_out(what, why);
    }
    READY.is_ok()
}

/// The program `name` beside this file, to be started.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(folder().join(name)).current_dir(folder());
    command
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop")
}

/// Whether npm has installed what the lock file says: its last step is to write down what it has done.
fn is_installed() -> bool {
    let changed = |path: &str| folder().join(path).metadata().and_then(|metadata| metadata.modified()).ok();
    let installed = changed("node_modules/.package-lock.json");
    installed.is_some() && installed >= changed("package-lock.json")
}

fn said(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).current_dir(folder()).output();
    let output = output.map_err(|error| format!("{program} can't be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
