//! A Redis server of one test's own, to be killed, frozen, emptied and locked; and what stands before one and stalls.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use auth_core::{BreakerConfig, OsRandom, SystemClock};
use auth_ephemeral::{Redis, RedisConfig};
use redis::{Client, Connection, FromRedisValue, cmd};

/// So long that only a condition that never comes true lasts longer, also on a machine with other work.
const PATIENCE: Duration = Duration::from_mins(3);

/// The server, on a free port of 127.0.0.1. It keeps nothing, and doesn't outlive the test.
pub(crate) struct RedisServer {
    port: u16,
    process: Option<Child>,
}

impl RedisServer {
    /// A running server, or a plain word why there is none.
    pub(crate) fn start_new() -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "there is no redis-server");
            let _ = std::io::stderr().write_all(b"LEFT OUT: Redis stopped and frozen: no redis-server\n");
            return None;
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut server = Self { port, process: None };
        server.start();
        Some(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Starts the server (again), empty, and waits until it answers.
    pub(crate) fn start(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(std::env::temp_dir());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
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
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// What it answers to a command.
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &str) -> T {
        let mut words = words.split(' ');
        let mut command = cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.connect().unwrap()).unwrap()
    }

    fn connect(&self) -> Option<Connection> {
        Client::open(format!("redis://{}", self.address())).unwrap().get_connection().ok()
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What an instance has on the server at `address`, by `user`, which is `name:password@` or nothing. Its breaker tries again
/// soon, and it waits longer than it would, so that a server that is well is not taken for one away on a busy machine.
pub(crate) fn open(user: &str, address: SocketAddr) -> Redis {
    let config = RedisConfig {
        timeout: Duration::from_secs(3),
        breaker: BreakerConfig { recovery: Duration::from_millis(50), ..BreakerConfig::default() },
        ..RedisConfig::new(format!("redis://{user}{address}"))
    };
    Redis::open(config, Arc::new(SystemClock), Arc::new(OsRandom)).unwrap()
}

/// Waits until `condition` holds.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Hands on what is said between its clients and a server, until it stalls: then those who are connected hear nothing more,
/// not even that it is over, as when a cable is pulled. Who connects after that is served.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// The clients' connections, and those to the server.
    connections: Arc<Mutex<Vec<(TcpStream, TcpStream)>>>,
    stalled: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let known = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(server) else { continue };
                let copy = |stream: &TcpStream| stream.try_clone().unwrap();
                known.lock().unwrap().push((copy(&client), copy(&server)));
                let (from_client, to_server) = (copy(&client), copy(&server));
                thread::spawn(move || hand_on(from_client, to_server));
                thread::spawn(move || hand_on(server, client));
            }
        });
        Self { address, connections, stalled: Mutex::default() }
    }

    pub(crate) fn stall(&self) {
        for (client, server) in self.connections.lock().unwrap().drain(..) {
            // Nothing comes from there any more; the client's end stays as it is, held by us.
            let _ = server.shutdown(Shutdown::Both);
            self.stalled.lock().unwrap().push(client);
        }
    }
}

fn hand_on(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            // What a stalled connection's client says goes nowhere.
            while matches!(from.read(&mut buffer), Ok(1..)) {}
        }
    }
}
