//! Spans of requests at a collector: with the cargo feature `opentelemetry` alone.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::{Server, ServerOptions, eventually};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// What came in: the path, and the body.
type Received = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A collector that takes everything.
struct Collector {
    address: SocketAddr,
    received: Received,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, received) = (listener.local_addr().unwrap(), Received::default());
        let store = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let store = Arc::clone(&store);
                thread::spawn(move || serve(&stream, &store));
            }
        });
        Self { address, received }
    }

    fn options(&self) -> ServerOptions {
        ServerOptions::default().set("AUTH_OTLP_URL", &format!("http://{}", self.address))
    }

    /// Whether a body has these bytes in it.
    fn has(&self, bytes: &[u8]) -> bool {
        let received = self.received.lock().unwrap();
        received.iter().any(|(_, body)| body.windows(bytes.len()).any(|there| there == bytes))
    }
}

/// Reads requests with a length until the connection ends.
fn serve(stream: &TcpStream, store: &Received) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let head = head.to_ascii_lowercase();
        let length = head.split_once("content-length: ")?.1.lines().next()?.parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        store.lock().unwrap().push((head.split(' ').nth(1)?.to_owned(), body));
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        (&*stream).write_all(answer.as_bytes()).ok()?;
    }
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap();
    (0..hexadecimal.len()).step_by(2).map(digits).collect()
}

#[test]
fn a_request_is_a_span_in_the_trace_of_whoever_called() {
    let collector = Collector::start();
    let server = Server::on_sqlite(collector.options());
    let tokens = server.register("canary@example.org");
    let me = server.as_user(&tokens).header("traceparent", format!("00-{TRACE}-{PARENT}-01"));
    assert_eq!(me.delete("/users/me/sessions/canary?x=canary").status, 404);
    let unrecorded = "5bf92f3577b34da6a3ce929d0e0e4736";
    server.client.header("traceparent", format!("00-{unrecorded}-{PARENT}-00")).get("/users/me/export");
    server.client.get("/auth/verify");
    assert_eq!(server.terminate(), Some(0));
    for expected in [
        bytes(TRACE),
        bytes(PARENT),
        b"DELETE /users/me/sessions/{id}".to_vec(),
        b"http.request.method".to_vec(),
        b"http.response.status_code".to_vec(),
        b"POST /auth/register".to_vec(),
        b"GET /auth/verify".to_vec(),
        b"auth-server".to_vec(),
    ] {
        assert!(collector.has(&expected), "{:?}", String::from_utf8_lossy(&expected));
    }
    for unexpected in [&b"canary"[..], b"example.org", &bytes(unrecorded), b"/users/me/export", b"127.0.0.1"] {
        assert!(!collector.has(unexpected), "{:?}", String::from_utf8_lossy(unexpected));
    }
    assert!(collector.received.lock().unwrap().iter().all(|(path, _)| path == "/v1/traces"));
}

#[test]
fn spans_are_sent_while_the_server_runs() {
    let collector = Collector::start();
    let server = Server::on_sqlite(collector.options());
    server.client.get("/auth/verify");
    eventually("the span is there", || collector.has(b"GET /auth/verify"));
}

/// More spans than the queue holds, and nobody who takes them: requests don't notice, and the server stops.
#[test]
fn a_collector_that_is_away_or_silent_holds_nothing_up() {
    // Takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = [silent.local_addr().unwrap(), gone.local_addr().unwrap()];
    drop(gone);
    for address in addresses {
        let options = ServerOptions::default().set("AUTH_OTLP_URL", &format!("http://{address}"));
        let server = Server::on_sqlite(options);
        for _ in 0..4096 {
            assert_eq!(server.client.get("/health").status, 200);
        }
        assert_eq!(server.terminate(), Some(0));
    }
}
