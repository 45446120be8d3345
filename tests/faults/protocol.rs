//! What HTTP allows clients to do, and most never do.

use std::io::{Read as _, Write as _};

use crate::answer::Answer;
use crate::caller::{Caller, head, registration};
use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};

fn start() -> (TestDatabase, Process) {
    let database = TestDatabase::new(&Backend::Sqlite);
    let server = Launch::on(&database).start();
    (database, server)
}

/// Everything that comes back for `request` until the server closes the connection.
fn talk(caller: Caller, request: &[u8]) -> String {
    let mut stream = caller.connect().unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// W-20
#[test]
fn a_thousand_pipelined_requests_are_answered_in_order() {
    let (_database, server) = start();
    let request = |number| {
        let close = if number == 999 { "Connection: close\r\n" } else { "" };
        format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: number-{number}\r\n{close}\r\n")
    };
    let requests: String = (0..1000).map(request).collect();
    let answer = talk(server.caller(), requests.as_bytes());
    let statuses = answer.matches("HTTP/1.1 200 OK\r\n").count();
    assert_eq!(statuses, 1000, "{answer}");
    let ids: Vec<&str> = answer.split("x-request-id: ").skip(1).filter_map(|part| part.split("\r\n").next()).collect();
    let expected: Vec<String> = (0..1000).map(|number| format!("number-{number}")).collect();
    assert_eq!(ids, expected);
}

/// W-20
#[test]
fn http_1_0_is_answered_and_closed() {
    let (_database, server) = start();
    let answer = talk(server.caller(), b"GET /health HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 200 ") || answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("{\"status\":\"healthy\"}"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("transfer-encoding"), "{answer}");
}

/// W-20
#[test]
fn a_client_that_asks_first_is_told_to_continue() {
    let (_database, server) = start();
    let body = registration("ada@example.org").to_string();
    let head = head("POST", "/auth/register", None, Some(body.len()));
    let head = head.replacen("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1);
    let mut stream = server.caller().connect().unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut word = [0; 25];
    stream.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(Answer::read(&mut stream).unwrap().status, 201);
}

/// W-20: there is no HTTP/2 here that could be flooded.
#[test]
fn http_2_is_refused() {
    let (_database, server) = start();
    let answer = talk(server.caller(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(server.caller().get("/health").unwrap().status, 200);
}
