//! The server as a process that may be killed, starved, stopped, or refuse to start.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::caller::Caller;
use crate::database::TestDatabase;
use crate::wait::{until, until_some};

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    folder: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Launch {
    /// On `database`, with hashes that cost nothing: these tests are about everything else.
    pub(crate) fn on(database: &TestDatabase) -> Self {
        Self::at(&database.url, database.folder.path())
    }

    pub(crate) fn at(url: &str, folder: impl Into<PathBuf>) -> Self {
        let launch = Self { folder: folder.into(), variables: BTreeMap::new() };
        launch
            .set("AUTH_BIND", "127.0.0.1:0")
            .set("DATABASE_URL", url)
            .set("AUTH_SECRET", "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL")
            .set("AUTH_LOG_FORMAT", "json")
            .set("AUTH_RATE_LIMITS", "off")
            .set("AUTH_HIBP", "off")
            .set("AUTH_ARGON2_MEMORY_KIB", "8")
            .set("AUTH_ARGON2_ITERATIONS", "1")
            .set("AUTH_DATABASE_POOL", "4")
    }

    pub(crate) fn set(mut self, variable: &str, value: &str) -> Self {
        self.variables.insert(variable.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn without(mut self, variable: &str) -> Self {
        self.variables.remove(variable);
        self
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn start(&self) -> Process {
        let mut process = self.spawn();
        process.wait_until_it_listens();
        process
    }

    /// Starts a server and waits for nothing.
    pub(crate) fn spawn(&self) -> Process {
        let mut process = self.spawn_unread();
        let stdout = process.child.stdout.take().unwrap();
        process.log.follow(stdout);
        process
    }

    /// Starts a server whose standard output is left to the caller.
    pub(crate) fn spawn_unread(&self) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auth-server"));
        command.env_clear().envs(&self.variables).current_dir(&self.folder).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Log::default());
        log.follow(child.stderr.take().unwrap());
        Process { child, log, address: None }
    }

    /// Runs another command of the program to its end: what it printed.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let output = self.command_under(&[], arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command of the program, to be run by `runner`, or by itself.
    pub(crate) fn command_under(&self, runner: &[&str], arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_auth-server");
        let words: Vec<&str> = runner.iter().copied().chain([program]).chain(arguments.iter().copied()).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env_clear().envs(&self.variables).current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Starts a server that must refuse to run: its exit code and everything that it said.
    pub(crate) fn refused(&self) -> (i32, String) {
        let mut process = self.spawn();
        let status = process.exit();
        let code = status.code().unwrap_or_else(|| panic!("{status}: {}", process.said()));
        until("the last words are read", || Arc::strong_count(&process.log) == 1);
        (code, process.said())
    }
}

/// A process of the server; it is killed when the test is over.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: Arc<Log>,
    address: Option<SocketAddr>,
}

#[derive(Debug, Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        let log = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                log.0.lock().unwrap().push(line);
            }
        });
    }

    fn find<T>(&self, mut wanted: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.0.lock().unwrap().iter().find_map(|line| wanted(line))
    }
}

impl Process {
    pub(crate) fn wait_until_it_listens(&mut self) {
        let (log, child) = (&self.log, &mut self.child);
        let address = until_some("the server listens", || {
            let ended = child.try_wait().unwrap();
            let address = log.find(listening);
            assert!(address.is_some() || ended.is_none(), "the server ended: {:#?}", log.0);
            address
        });
        self.address = Some(address);
    }

    /// A server whose standard output somebody else has read up to `address`.
    pub(crate) fn listening_on(&mut self, address: SocketAddr) {
        self.address = Some(address);
    }

    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    pub(crate) fn caller(&self) -> Caller {
        Caller::new(self.address.unwrap())
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        until_some("the server ends", || self.child.try_wait().unwrap())
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The most memory that it has had so far, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid().as_raw_nonzero())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// SIGKILL: no word of farewell.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for a line of the log.
    pub(crate) fn wait_for_word(&self, word: &str) {
        until(&format!("the server says `{word}`"), || self.has_said(word));
    }

    pub(crate) fn has_said(&self, word: &str) -> bool {
        self.log.find(|line| line.contains(word).then_some(())).is_some()
    }

    pub(crate) fn said(&self) -> String {
        self.log.0.lock().unwrap().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The address in the log line that says so.
pub(crate) fn listening(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["address"].as_str().filter(|_| line["message"] == "listening")?.parse().ok()
}
