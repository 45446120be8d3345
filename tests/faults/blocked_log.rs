//! Logs that nobody reads.

use std::io::{BufRead as _, BufReader};
use std::process::ChildStdout;

use rustix::process::Signal;

use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process, listening};

/// A server whose log is read up to the line that says where it listens, and no further.
fn start(database: &TestDatabase) -> (Process, BufReader<ChildStdout>) {
    let mut server = Launch::on(database).set("AUTH_LOG", "trace").spawn_unread();
    let mut log = BufReader::new(server.stdout());
    let address = loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "the server ended: {}", server.said());
        if let Some(address) = listening(&line) {
            break address;
        }
    };
    server.listening_on(address);
    (server, log)
}

///
#[test]
fn a_log_reader_that_has_stopped_blocks_no_request_and_not_the_end() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let (mut server, _log) = start(&database);
    let caller = server.caller();
    caller.registered("ada@example.org");
    for _ in 0..8000 {
        assert_eq!(caller.get("/nowhere").expect("a request waits for the log").status, 404);
    }
    assert_eq!(caller.log_in("ada@example.org").unwrap().status, 200);
    server.signal(Signal::TERM);
    assert_eq!(server.exit().code(), Some(0));
}

///
#[test]
fn a_log_reader_that_has_gone_ends_nothing() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let (mut server, log) = start(&database);
    drop(log);
    for _ in 0..100 {
        assert_eq!(server.caller().get("/nowhere").unwrap().status, 404);
    }
    server.caller().registered("ada@example.org");
    server.signal(Signal::TERM);
    assert_eq!(server.exit().code(), Some(0));
}
