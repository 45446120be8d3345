//! What the tests need of npm and of Python's package index, as `package-lock.json` and `requirements.txt` pin it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use crate::wait::left_out;

/// Node.js and the packages of npm: ready, or why not; found out once.
static NODE: LazyLock<Result<(), String>> = LazyLock::new(|| {
    let version = said("node", &["--version"])?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 18) {
        return Err(format!("Node.js 18.17 or newer is needed, this is {version}"));
    }
    if is_newer("node_modules/.package-lock.json", "package-lock.json") {
        return Ok(());
    }
    said("npm", &["ci"]).map(drop)
});

/// The virtual environment of Python, likewise.
static PYTHON: LazyLock<Result<(), String>> = LazyLock::new(|| {
    if is_newer(".venv/installed", "requirements.txt") {
        return Ok(());
    }
    said("python3", &["-m", "venv", "--clear", ".venv"])?;
    let pip = folder().join(".venv/bin/pip");
    said(&pip.to_string_lossy(), &["install", "--quiet", "--require-hashes", "--requirement", "requirements.txt"])?;
    std::fs::write(folder().join(".venv/installed"), "").map_err(|error| error.to_string())
});

/// Whether Node.js and its packages can be used here; if not, it is said.
pub(crate) fn has_node(what: &str) -> bool {
    is_ready(&NODE, what)
}

/// Whether Python and its packages can be used here; if not, it is said.
pub(crate) fn has_python(what: &str) -> bool {
    is_ready(&PYTHON, what)
}

fn is_ready(tools: &Result<(), String>, what: &str) -> bool {
    if let Err(why) = tools {
        left_out(what, why);
    }
    tools.is_ok()
}

/// Where the tools and their settings are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").canonicalize().unwrap()
}

/// Runs `command` in `place`, which has to go well: what it prints.
pub(crate) fn succeed(command: &mut Command, place: &Path) -> String {
    let Output { status, stdout, stderr } = command.current_dir(place).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{}: {status}\n{out}\n{err}", command.get_program().display());
    out.into_owned()
}

/// Whether the first file is there, and was written no earlier than the second.
fn is_newer(done: &str, wanted: &str) -> bool {
    let changed = |path: &str| folder().join(path).metadata().and_then(|metadata| metadata.modified()).ok();
    let done = changed(done);
    done.is_some() && done >= changed(wanted)
}

fn said(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).current_dir(folder()).output();
    let output = output.map_err(|error| format!("{program} can't be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
