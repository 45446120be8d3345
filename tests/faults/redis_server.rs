//! A Redis server of one test's own, to be stopped, frozen, emptied and locked.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use redis::{Client, Connection, FromRedisValue, cmd};
use rustix::process::{Pid, Signal, kill_process};

use crate::quiet_port::quiet_port;
use crate::wait::{left_out, until};

/// The server, on a free port of 127.0.0.1 and at a socket in a temporary folder; nothing of it outlives the test.
pub(crate) struct RedisServer {
    folder: tempfile::TempDir,
    port: u16,
    options: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// A running server, or a plain word why there is none.
    pub(crate) fn start_new() -> Option<Self> {
        let mut server = Self::stopped()?;
        server.start();
        Some(server)
    }

    /// A server that is not started yet, or a plain word why there is none.
    pub(crate) fn stopped() -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            left_out("Redis stopped and frozen", "no redis-server");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("gatehouse-redis-").tempdir().unwrap();
        Some(Self { folder, port: quiet_port(), options: Vec::new(), process: None })
    }

    /// The same server with an option more, from its next start on.
    pub(crate) fn with(mut self, option: &str, value: impl Into<String>) -> Self {
        self.options.extend([option.to_owned(), value.into()]);
        self
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder().join("redis.sock")
    }

    /// Starts the server (again), empty, and waits until it answers.
    pub(crate) fn start(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(self.folder()).arg("--unixsocket").arg(self.socket()).args(&self.options);
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
        until("Redis listens", || self.connect().is_some());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            process.wait().unwrap();
        }
    }

    /// It accepts connections (the kernel does) and says nothing more.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// What it answers to a command.
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &str) -> T {
        let mut words = words.split(' ');
        let mut command = cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.query(&mut self.connect().unwrap()).unwrap()
    }

    /// By the socket, where no password of the network's is asked for unless the server has one for all.
    fn connect(&self) -> Option<Connection> {
        let password = self.options.iter().position(|option| option == "--requirepass");
        let password = password.map(|at| format!("?pass={}", self.options[at + 1])).unwrap_or_default();
        let url = format!("unix://{}{password}", self.socket().display());
        Client::open(url).unwrap().get_connection().ok()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.process.as_ref().unwrap()), signal).unwrap();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
