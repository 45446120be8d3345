//! No file descriptors left.

use std::io::Write as _;
use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, prlimit};

use crate::answer::Answer;
use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};
use crate::wait::until;

///
#[test]
fn a_server_without_free_descriptors_goes_on_accepting_when_there_are_some_again() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let server = Launch::on(&database).start();
    let caller = server.caller();
    caller.registered("ada@example.org");
    let mut kept = caller.connect().unwrap();
    check_health(&mut kept);
    for _ in 0..2 {
        let limit = Rlimit { current: Some(descriptors_of(&server) + 16), maximum: Some(1024) };
        prlimit(Some(server.pid()), Resource::Nofile, limit).unwrap();
        let crowd: Vec<TcpStream> = (0..100).map(|_| caller.connect().unwrap()).collect();
        server.wait_for_word("Too many open files");
        check_health(&mut kept);
        drop(crowd);
        until("new clients are served", || caller.get("/health").is_some_and(|answer| answer.status == 200));
        until("users log in", || caller.log_in("ada@example.org").is_some_and(|answer| answer.status == 200));
    }
}

fn check_health(stream: &mut TcpStream) {
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(Answer::read(stream).unwrap().status, 200);
}

fn descriptors_of(server: &Process) -> u64 {
    let folder = format!("/proc/{}/fd", server.pid().as_raw_nonzero());
    std::fs::read_dir(folder).unwrap().count() as u64
}
