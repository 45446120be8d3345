//! Clients that take their time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::caller::{Caller, head};
use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::wait::until;

const OF_EACH: usize = 250;

/// Fewer: what they don't read lies in the kernel's memory, some MiB for each.
const READERS: usize = 100;

/// W-19, X-23: by how slow clients hold a connection.
#[derive(Clone, Copy, Debug)]
enum Slowness {
    /// Connects and says nothing.
    Silent,
    /// Sends a byte of the head now and then.
    Head,
    /// A quick head, and then a byte of the body now and then.
    Body,
}

/// W-19, X-23
#[test]
fn clients_that_send_nothing_are_closed_and_hold_up_nobody() {
    outlast(Slowness::Silent);
}

/// W-19, X-23
#[test]
fn clients_that_send_their_head_byte_by_byte_are_closed_and_hold_up_nobody() {
    outlast(Slowness::Head);
}

/// W-19, X-23
#[test]
fn clients_that_send_their_body_byte_by_byte_are_closed_and_hold_up_nobody() {
    outlast(Slowness::Body);
}

/// W-19, X-23
#[test]
fn clients_that_do_not_read_their_answers_are_closed_and_hold_up_nobody() {
    allow_many_descriptors();
    let database = TestDatabase::new(&Backend::Sqlite);
    let server = Launch::on(&database).start();
    let caller = server.caller();
    let idle = sockets_of(&server);
    let request = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(12);
    let readers: Vec<TcpStream> = (0..READERS)
        .map(|_| {
            let mut stream = caller.connect().unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    serve_an_honest_client(caller);
    assert!(sockets_of(&server) > idle, "they were closed before anybody else was served");
    until("the server closes their connections", || sockets_of(&server) <= idle);
    drop(readers);
    serve_an_honest_client(caller);
}

fn outlast(slowness: Slowness) {
    allow_many_descriptors();
    let database = TestDatabase::new(&Backend::Sqlite);
    let server = Launch::on(&database).start();
    let caller = server.caller();
    let mut clients: Vec<SlowClient> = (0..OF_EACH).map(|_| SlowClient::new(caller, slowness)).collect();
    serve_an_honest_client(caller);
    assert!(clients.iter_mut().any(SlowClient::goes_on), "they were closed before anybody else was served");
    until("all are closed", || {
        clients.retain_mut(SlowClient::goes_on);
        clients.is_empty()
    });
    serve_an_honest_client(caller);
}

fn serve_an_honest_client(caller: Caller) {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(caller.get("/health").expect("an honest client waits").status, 200);
    caller.registered(&format!("honest{count}@example.org"));
}

struct SlowClient {
    stream: TcpStream,
    slowness: Slowness,
}

impl SlowClient {
    fn new(caller: Caller, slowness: Slowness) -> Self {
        let mut stream = caller.connect().unwrap();
        let begun = match slowness {
            Slowness::Silent => String::new(),
            Slowness::Head => "GET /health HTTP/1.1\r\nX-Slow: ".to_owned(),
            Slowness::Body => head("POST", "/auth/register", None, Some(60_000)),
        };
        stream.write_all(begun.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self { stream, slowness }
    }

    /// Sends one byte more of what never ends; false when the server has closed the connection.
    fn goes_on(&mut self) -> bool {
        let sent = matches!(self.slowness, Slowness::Silent) || self.stream.write(b"a").is_ok();
        let mut answer = [0; 1024];
        let open = loop {
            match self.stream.read(&mut answer) {
                Ok(0) => break false,
                Ok(_) => {}
                Err(error) => break error.kind() == ErrorKind::WouldBlock,
            }
        };
        sent && open
    }
}

/// How many sockets the server holds.
fn sockets_of(server: &crate::process::Process) -> usize {
    let folder = format!("/proc/{}/fd", server.pid().as_raw_nonzero());
    let targets =
        std::fs::read_dir(folder).unwrap().flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// Both ends of every connection are on this machine, and half of them in this process.
pub(crate) fn allow_many_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(16_384);
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }).unwrap();
}
