//! A server with the range API of Have I Been Pwned, for tests: it knows the passwords that a test lists, keeps what it
//! was asked, and misbehaves on demand.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use aws_lc_rs::digest;

/// How it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BreachMode {
    /// With what is listed, among padding.
    #[default]
    Answer,
    /// With 200 and this body.
    Body(&'static str),
    /// With this status and a page of HTML.
    Status(u16),
    /// With the beginning of an answer, and no more.
    Slow,
    /// Not at all.
    Hang,
}

/// The server, on a free port of 127.0.0.1; it ends when it is dropped.
pub(crate) struct FakeBreaches {
    address: SocketAddr,
    state: Arc<State>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    mode: Mutex<BreachMode>,
    /// How often a hash was seen, by the hash in hexadecimal.
    listed: Mutex<BTreeMap<String, u32>>,
    heads: Mutex<Vec<String>>,
    is_over: Mutex<bool>,
    over: Condvar,
}

impl FakeBreaches {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let accepting = {
            let state = Arc::clone(&state);
            std::thread::spawn(move || accept(&listener, &state))
        };
        Self { address, state, listener: Some(accepting) }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// For `AUTH_HIBP_URL`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/range/", self.address)
    }

    pub(crate) fn set_mode(&self, mode: BreachMode) {
        *self.state.mode.lock().unwrap() = mode;
    }

    /// Has `password` listed as seen `count` times; 0 is how padding is listed.
    pub(crate) fn list(&self, password: &str, count: u32) {
        self.state.listed.lock().unwrap().insert(sha1(password), count);
    }

    /// The heads of all requests so far, as they came.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }
}

impl Drop for FakeBreaches {
    fn drop(&mut self) {
        *self.state.is_over.lock().unwrap() = true;
        self.state.over.notify_all();
        // The listening thread waits for a connection, so it gets one.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// The SHA-1 of a password in upper-case hexadecimal.
pub(crate) fn sha1(password: &str) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    hash.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02X}"))
}

fn accept(listener: &TcpListener, state: &State) {
    std::thread::scope(|scope| {
        for stream in listener.incoming().map_while(Result::ok) {
            if *state.is_over.lock().unwrap() {
                return;
            }
            scope.spawn(move || serve(stream, state));
        }
    });
}

fn serve(mut stream: TcpStream, state: &State) {
    let Some(head) = head(&mut stream) else { return };
    let prefix = head.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or_default().to_owned();
    state.heads.lock().unwrap().push(head);
    let mode = *state.mode.lock().unwrap();
    let answer = match mode {
        BreachMode::Answer | BreachMode::Slow => answer(200, &state.range(&prefix)),
        BreachMode::Body(body) => answer(200, body),
        BreachMode::Status(status) => answer(status, "<html>no</html>"),
        BreachMode::Hang => String::new(),
    };
    let complete = !matches!(mode, BreachMode::Slow | BreachMode::Hang);
    let sent = if complete { answer.len() } else { answer.len() / 2 };
    let _ = stream.write_all(&answer.as_bytes()[..sent]);
    if !complete {
        let is_over = state.is_over.lock().unwrap();
        drop(state.over.wait_while(is_over, |is_over| !*is_over).unwrap());
    }
}

fn head(stream: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 1024]);
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(length) if length > 0 => bytes.extend_from_slice(&chunk[..length]),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

fn answer(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Word\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

impl State {
    /// What is listed below `prefix`, between lines of padding, whose count is 0.
    fn range(&self, prefix: &str) -> String {
        let listed = self.listed.lock().unwrap();
        let listed = listed.iter().filter_map(|(hash, count)| Some((hash.strip_prefix(prefix)?.to_owned(), *count)));
        let padding = (1..=800_u32).map(|line| (format!("{line:035X}"), 0));
        let lines = padding.clone().take(400).chain(listed).chain(padding.skip(400));
        let lines: Vec<String> = lines.map(|(suffix, count)| format!("{suffix}:{count}\r\n")).collect();
        lines.concat()
    }
}
