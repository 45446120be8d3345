//! A range API on loopback that answers as a test says.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use url::Url;

/// What a request is answered with.
#[derive(Clone)]
pub(super) enum Reply {
    /// A status, more headers, and a body.
    Answer(u16, &'static str, String),
    /// These bytes, and the end of the connection.
    Raw(&'static str),
    /// Nothing, until the client has gone.
    Hang,
    /// A good head, and one byte after the other that never make a body.
    Drip,
    /// A good head, and a body without end.
    Endless,
}

impl Reply {
    pub(super) fn ok(body: &str) -> Self {
        Self::Answer(200, "", body.to_owned())
    }
}

/// The server. Dropped, it stops, and waits for its threads.
pub(super) struct RangeServer {
    address: SocketAddr,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

struct State {
    reply: Mutex<Reply>,
    requests: Mutex<Vec<String>>,
    is_stopped: AtomicBool,
}

impl RangeServer {
    pub(super) fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            reply: Mutex::new(reply),
            requests: Mutex::new(Vec::new()),
            is_stopped: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        let acceptor = std::thread::spawn(move || {
            std::thread::scope(|scope| {
                for stream in listener.incoming().map(Result::unwrap) {
                    if shared.is_stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    let state = &*shared;
                    scope.spawn(move || state.serve(stream));
                }
            });
        });
        Self { address, state, acceptor: Some(acceptor) }
    }

    pub(super) fn url(&self) -> Url {
        Url::parse(&format!("http://{}/range/", self.address)).unwrap()
    }

    pub(super) fn set(&self, reply: Reply) {
        *self.state.reply.lock().unwrap() = reply;
    }

    /// The requests up to now, each with its head and what came after it.
    pub(super) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }
}

impl Drop for RangeServer {
    fn drop(&mut self) {
        self.state.is_stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        let result = self.acceptor.take().unwrap().join();
        assert!(result.is_ok() || std::thread::panicking(), "the server panicked");
    }
}

impl State {
    /// Answers one request and closes.
    fn serve(&self, mut stream: TcpStream) {
        let Some(request) = read_request(&mut stream) else { return };
        self.requests.lock().unwrap().push(request);
        let reply = self.reply.lock().unwrap().clone();
        // A client that has gone is no failure of the server.
        let _ = match reply {
            Reply::Answer(status, headers, body) => write!(
                stream,
                "HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
                body.len()
            ),
            Reply::Raw(text) => stream.write_all(text.as_bytes()),
            Reply::Hang => self.wait_for_the_end(&mut stream, |_| Ok(())),
            Reply::Drip => {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\n\r\n");
                self.wait_for_the_end(&mut stream, |stream| stream.write_all(b"A"))
            }
            Reply::Endless => {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\n\r\n");
                let lines = "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n".repeat(1000);
                std::iter::repeat_with(|| stream.write_all(lines.as_bytes())).find(Result::is_err).unwrap_or(Ok(()))
            }
        };
    }

    /// Waits until the client closes or the test is over; does `meanwhile` every now and then.
    fn wait_for_the_end(
        &self,
        stream: &mut TcpStream,
        meanwhile: impl Fn(&mut TcpStream) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_millis(10)))?;
        while !self.is_stopped.load(Ordering::SeqCst) {
            match stream.read(&mut [0; 64]) {
                Ok(0) => break,
                Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Ok(_) | Err(_) => meanwhile(stream)?,
            }
        }
        Ok(())
    }
}

/// A head, and whatever was sent with it. None if the client closes before.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(request).ok()
}
