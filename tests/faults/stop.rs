//! Stopping in good order, and at once.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::answer::Answer;
use crate::caller::{Caller, head, registration};
use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};
use crate::wait::until;

const STOPPING: &str = "stopping: requests in flight are finished";

fn start() -> (TestDatabase, Process) {
    let database = TestDatabase::new(&Backend::Sqlite);
    let server = Launch::on(&database).start();
    (database, server)
}

/// A registration of which the last byte is still to come.
fn begin_registration(caller: Caller, email: &str) -> (TcpStream, Vec<u8>) {
    let body = registration(email).to_string();
    let request = head("POST", "/auth/register", None, Some(body.len())) + &body;
    let (sent, rest) = request.as_bytes().split_at(request.len() - 1);
    let mut stream = caller.connect().unwrap();
    stream.write_all(sent).unwrap();
    (stream, rest.to_vec())
}

/// The server has read what was sent so far: it serves connections in order.
fn settle(caller: Caller) {
    for _ in 0..8 {
        assert_eq!(caller.get("/health").unwrap().status, 200);
    }
}

///
#[test]
fn requests_in_flight_are_finished_before_the_end() {
    let (_database, mut server) = start();
    let caller = server.caller();
    let pending: Vec<_> = (0..16).map(|n| begin_registration(caller, &format!("user{n}@example.org"))).collect();
    settle(caller);
    server.signal(Signal::TERM);
    server.wait_for_word(STOPPING);
    for (mut stream, rest) in pending {
        stream.write_all(&rest).unwrap();
        let answer = Answer::read(&mut stream).expect("a request in flight was cut");
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    assert_eq!(server.exit().code(), Some(0));
}

/// the connections that proxies and browsers keep for later.
#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let (_database, mut server) = start();
    let mut idle = server.caller().connect().unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(Answer::read(&mut idle).unwrap().status, 200);
    server.signal(Signal::TERM);
    server.wait_for_word(STOPPING);
    // Closed by the server, while it would keep it for 75 s otherwise.
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    assert_eq!(server.exit().code(), Some(0));
}

///
#[test]
fn a_second_signal_ends_the_server_at_once() {
    let (_database, mut server) = start();
    let (_stream, _rest) = begin_registration(server.caller(), "ada@example.org");
    settle(server.caller());
    server.signal(Signal::TERM);
    server.wait_for_word(STOPPING);
    server.signal(Signal::TERM);
    // In good order it would be 0.
    assert_eq!(server.exit().code(), Some(1));
}

/// nothing is left behind that a next start would trip over.
#[test]
fn a_stopped_server_starts_again_with_its_sessions() {
    let (database, mut server) = start();
    let tokens = server.caller().registered("ada@example.org");
    server.signal(Signal::INT);
    assert_eq!(server.exit().code(), Some(0));
    let server = Launch::on(&database).start();
    let refreshed = server.caller().refresh(tokens["refresh_token"].as_str().unwrap()).unwrap();
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    until("the access token is believed", || {
        server.caller().get_as(tokens["access_token"].as_str().unwrap(), "/users/me").unwrap().status == 200
    });
}
