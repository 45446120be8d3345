//! An issuer on loopback that answers as a test says, and counts.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a request is answered with.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A status, more headers (each with its line's end), and a body.
    Answer(u16, String, String),
    /// These bytes, and the end of the connection.
    Raw(&'static str),
    /// Nothing, until the reply is another one, which it then is.
    Held,
    /// A good head, and one byte after the other that never make a body.
    Drip,
    /// A good head, and a body without end.
    Endless,
}

impl Reply {
    pub(crate) fn keys(jwks: String, max_age: u64) -> Self {
        Self::Answer(200, format!("Cache-Control: public, max-age={max_age}\r\n"), jwks)
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, String::new(), String::new())
    }
}

/// The server. Dropped, it stops, and waits for its threads.
pub(crate) struct TestIssuer {
    address: SocketAddr,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

/// One path of it.
pub(crate) struct Place {
    reply: Mutex<Reply>,
    calls: AtomicUsize,
}

struct State {
    keys: Place,
    verify: Place,
    is_stopped: AtomicBool,
}

impl TestIssuer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let place = || Place { reply: Mutex::new(Reply::status(404)), calls: AtomicUsize::new(0) };
        let state = Arc::new(State { keys: place(), verify: place(), is_stopped: AtomicBool::new(false) });
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

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `/.well-known/jwks.json`
    pub(crate) fn keys(&self) -> &Place {
        &self.state.keys
    }

    /// `/auth/verify`
    pub(crate) fn verify(&self) -> &Place {
        &self.state.verify
    }
}

impl Place {
    pub(crate) fn set(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    /// How many requests came here.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.state.is_stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        let result = self.acceptor.take().unwrap().join();
        assert!(result.is_ok() || std::thread::panicking(), "the issuer panicked");
    }
}

impl State {
    /// Answers one request and closes.
    fn serve(&self, mut stream: TcpStream) {
        let Some(head) = read_head(&mut stream) else { return };
        let place = match head.split(' ').nth(1) {
            Some("/.well-known/jwks.json") => &self.keys,
            Some("/auth/verify") => &self.verify,
            _ => return,
        };
        place.calls.fetch_add(1, Ordering::SeqCst);
        // A client that has gone is no failure of the server.
        let _ = self.answer(&mut stream, place);
    }

    fn answer(&self, stream: &mut TcpStream, place: &Place) -> std::io::Result<()> {
        let reply = || place.reply.lock().unwrap().clone();
        if matches!(reply(), Reply::Held) {
            self.wait_for_the_end(stream, || !matches!(reply(), Reply::Held), |_| Ok(()))?;
        }
        match reply() {
            Reply::Answer(status, headers, body) => write!(
                stream,
                "HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
                body.len()
            ),
            Reply::Raw(text) => stream.write_all(text.as_bytes()),
            Reply::Held => Ok(()),
            Reply::Drip => {
                write!(stream, "HTTP/1.1 200 OK\r\n\r\n{{")?;
                self.wait_for_the_end(stream, || false, |stream| stream.write_all(b" "))
            }
            Reply::Endless => {
                write!(stream, "HTTP/1.1 200 OK\r\n\r\n{{")?;
                let spaces = " ".repeat(65_536);
                std::iter::repeat_with(|| stream.write_all(spaces.as_bytes())).find(Result::is_err).unwrap_or(Ok(()))
            }
        }
    }

    /// Waits until the client closes, or it is `over`, or the test is; does `meanwhile` every now and then.
    fn wait_for_the_end(
        &self,
        stream: &mut TcpStream,
        over: impl Fn() -> bool,
        meanwhile: impl Fn(&mut TcpStream) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_millis(5)))?;
        while !self.is_stopped.load(Ordering::SeqCst) && !over() {
            match stream.read(&mut [0; 64]) {
                Ok(0) => break,
                Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Ok(_) | Err(_) => meanwhile(stream)?,
            }
        }
        Ok(())
    }
}

/// A request's head. None if the client closes before.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(request).ok()
}
