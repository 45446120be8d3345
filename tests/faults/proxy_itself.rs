//! The fault proxy does what the tests with it rely on.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::proxy::{FaultProxy, Line};
use crate::wait::until;

const PATIENCE: Duration = Duration::from_mins(1);

/// A server that says everything again.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut chunk = [0; 64];
                while let Ok(length @ 1..) = stream.read(&mut chunk) {
                    stream.write_all(&chunk[..length]).unwrap();
                }
            });
        }
    });
    address
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn hear(stream: &mut TcpStream, word: &[u8]) {
    let mut heard = vec![0; word.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(heard, word);
}

fn say_and_hear(stream: &mut TcpStream, word: &[u8]) {
    stream.write_all(word).unwrap();
    hear(stream, word);
}

#[test]
fn a_line_passes_and_a_delayed_one_passes_later() {
    let proxy = FaultProxy::to(echo());
    let mut stream = connect(&proxy);
    say_and_hear(&mut stream, b"at once");
    let delay = Duration::from_millis(30);
    proxy.set(Line::Delay(delay));
    let begin = Instant::now();
    say_and_hear(&mut stream, b"later");
    assert!(begin.elapsed() >= 2 * delay, "there and back took {:?}", begin.elapsed());
}

#[test]
fn a_stalled_line_takes_connections_and_keeps_what_it_was_given() {
    let proxy = FaultProxy::to(echo());
    let mut before = connect(&proxy);
    say_and_hear(&mut before, b"before");
    proxy.set(Line::Stall);
    let mut meanwhile = connect(&proxy);
    for stream in [&mut before, &mut meanwhile] {
        stream.write_all(b"kept").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let error = stream.read(&mut [0; 4]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    proxy.set(Line::Pass);
    for stream in [&mut before, &mut meanwhile] {
        hear(stream, b"kept");
        say_and_hear(stream, b"after");
    }
}

#[test]
fn a_cut_line_ends_every_connection_and_refuses_new_ones_until_it_passes_again() {
    let proxy = FaultProxy::to(echo());
    for line in [Line::Pass, Line::Stall] {
        proxy.set(Line::Pass);
        let mut stream = connect(&proxy);
        say_and_hear(&mut stream, b"before");
        proxy.set(line);
        stream.write_all(b"on its way").unwrap();
        proxy.set(Line::Cut);
        until("the connection has ended", || matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_)));
        for _ in 0..3 {
            assert_eq!(TcpStream::connect(proxy.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
        proxy.set(Line::Pass);
        say_and_hear(&mut connect(&proxy), b"again");
    }
    let address = proxy.address();
    drop(proxy);
    assert!(TcpStream::connect(address).is_err());
}
