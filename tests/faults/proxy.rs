//! A TCP proxy between the server and something that it depends on, whose line is delayed, stalled and cut on demand.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::quiet_port::quiet_port;

/// What the line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Pass,
    /// Each chunk, in both directions, goes on so much later.
    Delay(Duration),
    /// Connections are taken, and nothing goes through; what waits goes on when the line passes again.
    Stall,
    /// All connections are closed, and new ones refused.
    Cut,
    /// As [`Line::Cut`], for ever.
    Gone,
}

impl Line {
    const fn is_open(self) -> bool {
        !matches!(self, Self::Cut | Self::Gone)
    }
}

/// The proxy, on a port of 127.0.0.1; nothing of it outlives the test.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    target: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    line: Line,
    /// Whether the port takes connections.
    listens: bool,
    /// Both ends of every connection.
    streams: Vec<TcpStream>,
}

impl FaultProxy {
    /// A line that passes everything on to `target`.
    pub(crate) fn to(target: SocketAddr) -> Self {
        // Nobody else gets the port while the line is cut.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, quiet_port()));
        let state = Mutex::new(State { line: Line::Pass, listens: false, streams: Vec::new() });
        let shared = Arc::new(Shared { target, state, changed: Condvar::new() });
        let listener = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.listen(address)
        });
        let proxy = Self { address, shared, listener: Some(listener) };
        proxy.set(Line::Pass);
        proxy
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the line, and returns when it has changed.
    pub(crate) fn set(&self, line: Line) {
        let mut state = self.shared.lock();
        state.line = line;
        if !line.is_open() {
            for stream in state.streams.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
        while state.listens != line.is_open() && line != Line::Gone {
            drop(state);
            // Whoever listens waits for a connection, so it gets one.
            drop(TcpStream::connect(self.address));
            state = self.shared.lock();
            if state.listens != line.is_open() {
                let moment = Duration::from_millis(10);
                state = self.shared.changed.wait_timeout(state, moment).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.set(Line::Gone);
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens whenever the line is open.
    fn listen(self: &Arc<Self>, address: SocketAddr) {
        loop {
            {
                let closed = |state: &mut State| state.line == Line::Cut;
                let state = self.changed.wait_while(self.lock(), closed).unwrap_or_else(PoisonError::into_inner);
                if state.line == Line::Gone {
                    return;
                }
            }
            let listener = TcpListener::bind(address).unwrap();
            self.note(true);
            for stream in listener.incoming().map_while(Result::ok) {
                if !self.lock().line.is_open() {
                    break;
                }
                self.connect(&stream);
            }
            drop(listener);
            self.note(false);
        }
    }

    fn note(&self, listens: bool) {
        self.lock().listens = listens;
        self.changed.notify_all();
    }

    /// Joins a connection with one to the target.
    fn connect(self: &Arc<Self>, here: &TcpStream) {
        let Ok(there) = TcpStream::connect(self.target) else {
            let _ = here.shutdown(Shutdown::Both);
            return;
        };
        for stream in [here, &there] {
            let _ = stream.set_nodelay(true);
        }
        let both = || (here.try_clone().unwrap(), there.try_clone().unwrap());
        let (from, to) = both();
        self.pump(from, to);
        let (to, from) = both();
        self.pump(from, to);
        let (here, there) = both();
        let mut state = self.lock();
        if state.line.is_open() {
            state.streams.extend([here, there]);
        } else {
            let _ = (here.shutdown(Shutdown::Both), there.shutdown(Shutdown::Both));
        }
    }

    /// Passes on what comes, until one end closes.
    fn pump(self: &Arc<Self>, mut from: TcpStream, mut to: TcpStream) {
        let shared = Arc::clone(self);
        thread::spawn(move || {
            let mut chunk = [0; 16 * 1024];
            while let Ok(length @ 1..) = from.read(&mut chunk) {
                if !shared.wait() || to.write_all(&chunk[..length]).is_err() {
                    break;
                }
            }
            // A stalled line doesn't tell the end either.
            shared.wait();
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }

    /// Waits until a chunk that has come may go on; false if it may not.
    fn wait(&self) -> bool {
        let mut state = self.lock();
        if let Line::Delay(delay) = state.line {
            let delayed = |state: &mut State| matches!(state.line, Line::Delay(_));
            state = self.changed.wait_timeout_while(state, delay, delayed).unwrap_or_else(PoisonError::into_inner).0;
        }
        let stalled = |state: &mut State| state.line == Line::Stall;
        self.changed.wait_while(state, stalled).unwrap_or_else(PoisonError::into_inner).line.is_open()
    }
}
