//! What the server asks of the kernel, by strace, against what the systemd unit lets it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::files::{has, read};
use crate::support::{Backend, Client, PASSWORD, TestDatabase, eventually};
use crate::systemd::{UNIT, directive};

/// The system calls that the unit allows, by systemd's own groups.
fn allowed() -> BTreeSet<String> {
    let mut calls = group("@default");
    for line in directive(&read(UNIT), "SystemCallFilter") {
        let (is_taken, words) = line.strip_prefix('~').map_or((false, line.as_str()), |words| (true, words));
        for word in words.split(' ') {
            let these = if word.starts_with('@') { group(word) } else { BTreeSet::from([word.to_owned()]) };
            calls = if is_taken { &calls - &these } else { &calls | &these };
        }
    }
    calls
}

/// A group of system calls, and the groups in it.
fn group(name: &str) -> BTreeSet<String> {
    let output = Command::new("systemd-analyze").args(["syscall-filter", name]).output().unwrap();
    assert!(output.status.success(), "{name}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.flat_map(|line| if line.starts_with('@') { group(line) } else { BTreeSet::from([line.to_owned()]) }).collect()
}

/// One call as strace writes it down: its name, and the whole of it.
struct Call {
    name: String,
    text: String,
}

fn calls(log: &str) -> Vec<Call> {
    // `1234  openat(AT_FDCWD, "…", O_RDONLY) = 3`; what another thread interrupted comes in two parts.
    let call = |line: &str| {
        let text = line.split_once(char::is_whitespace)?.1.trim_start();
        let name = text.split_once('(')?.0;
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        is_name.then(|| Call { name: name.to_owned(), text: text.to_owned() })
    };
    log.lines().filter_map(call).collect()
}

/// A server under strace: started, used and stopped in good order.
fn trace(backend: &Backend) -> (TestDatabase, Vec<Call>) {
    let database = TestDatabase::new(backend);
    let folder = tempfile::tempdir().unwrap();
    let (log, port) = (folder.path().join("calls"), folder.path().join("said"));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-s", "256", "-e", "signal=none", "-o"]).arg(&log);
    strace.arg(env!("CARGO_BIN_EXE_auth-server")).env_clear().current_dir(database.folder.path());
    strace.envs([
        ("AUTH_BIND", "127.0.0.1:0"),
        ("DATABASE_URL", &database.url),
        ("AUTH_SECRET", "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL"),
        ("AUTH_LOG_FORMAT", "json"),
        ("AUTH_HIBP", "off"),
        ("AUTH_METRICS_BIND", "127.0.0.1:0"),
    ]);
    let said = std::fs::File::create(&port).unwrap();
    let mut tracer = strace.stdin(Stdio::null()).stdout(said).stderr(Stdio::null()).spawn().unwrap();
    use_it(&port);
    stop(&mut tracer);
    (database, calls(&std::fs::read_to_string(log).unwrap()))
}

/// Hashes, commits and answers.
fn use_it(said: &Path) {
    let listening = || {
        let said = std::fs::read_to_string(said).ok()?;
        let line = said.lines().find(|line| line.contains("\"listening\""))?;
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line["address"].as_str()?.parse().ok()
    };
    eventually("the traced server listens", || listening().is_some());
    let client = Client::new(listening().unwrap());
    let person = json!({ "email": "ada@example.org", "password": PASSWORD });
    assert_eq!(client.post("/auth/register", &person).status, 201);
    let login = json!({ "identifier": "ada@example.org", "password": PASSWORD });
    assert_eq!(client.post("/auth/login", &login).status, 200);
    assert_eq!(client.get("/health/ready").status, 200);
}

/// SIGTERM to the server, which is the tracer's one child; both are waited for.
fn stop(tracer: &mut Child) {
    let children = format!("/proc/{0}/task/{0}/children", tracer.id());
    let server = std::fs::read_to_string(children).unwrap();
    assert!(Command::new("kill").arg("-TERM").arg(server.trim()).status().unwrap().success());
    assert!(tracer.wait().unwrap().success());
}

/// Each call is one that the unit allows; nothing is written outside of the state folder; no memory is made executable.
fn assert_fits(backend: &Backend) {
    let (database, calls) = trace(backend);
    let mut made: BTreeSet<String> = calls.iter().map(|call| call.name.clone()).collect();
    assert!(made.len() > 30 && made.contains("setpriority"), "the threads that hash lower their priority: {made:?}");
    // SQLite gives its files to the database's owner, if it is root (the unit's user isn't).
    if rustix::process::geteuid().is_root() {
        made.remove("fchown");
    }
    let refused: Vec<_> = made.difference(&allowed()).cloned().collect();
    assert!(refused.is_empty(), "the unit refuses {refused:?}");

    let folder = database.folder.path().to_str().unwrap();
    let families = directive(&read(UNIT), "RestrictAddressFamilies").join(" ");
    for Call { name, text } in &calls {
        let succeeds = !text.contains(" = -1 ");
        let writes = ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| text.contains(flag));
        if name == "openat" && writes && succeeds {
            let path = text.split('"').nth(1).unwrap();
            // Temporary files of SQLite's are in the unit's own (PrivateTmp).
            let places = [folder, "/dev/", "/tmp/", "/var/tmp/"];
            assert!(places.iter().any(|place| path.starts_with(place)) || !path.starts_with('/'), "{text}");
        }
        if name == "mprotect" || name == "mmap" {
            let executable = text.contains("PROT_EXEC");
            assert!(!(executable && (name == "mprotect" || text.contains("PROT_WRITE"))), "{text}");
        }
        if name == "socket" || name == "socketpair" {
            let family = text.split(['(', ',']).nth(1).unwrap().trim();
            assert!(families.split(' ').any(|known| known == family), "{text}");
        }
    }
}

fn has_tools() -> bool {
    let what = "the server's system calls are not compared with the unit's";
    has("strace", "-V", what) && has("systemd-analyze", "--version", what)
}

/// REQ-61: hardening must not break hashing (setpriority), memory (madvise) or the database.
#[test]
fn the_unit_allows_all_that_the_server_asks_of_the_kernel_on_sqlite() {
    if has_tools() {
        assert_fits(&Backend::Sqlite);
    }
}

/// REQ-61
#[test]
fn the_unit_allows_all_that_the_server_asks_of_the_kernel_on_postgres() {
    if let Some(backend) = Backend::postgres().filter(|_| has_tools()) {
        assert_fits(&backend);
    }
}
