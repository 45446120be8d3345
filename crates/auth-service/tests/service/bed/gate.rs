//! A door before a mail server: while it is closed, whoever sends a mail stands still in the midst of it.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Holds the first connection up until it is opened; then all go through.
pub(crate) struct Gate {
    port: u16,
    came: Receiver<()>,
    key: Option<Sender<()>>,
    inside: Arc<Inside>,
    door: Option<JoinHandle<()>>,
}

/// The connections that were let in; none once the gate is gone.
struct Inside(Mutex<Option<Vec<TcpStream>>>);

impl Gate {
    /// A gate before the server on `port`.
    pub(crate) fn before(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let (key, lock) = mpsc::channel();
        let (comes, came) = mpsc::channel();
        let inside = Arc::new(Inside(Mutex::new(Some(Vec::new()))));
        let door = thread::spawn({
            let inside = Arc::clone(&inside);
            move || guard(&listener, &comes, &lock, &inside, port)
        });
        Self { port: own, came, key: Some(key), inside, door: Some(door) }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Waits until somebody stands before it: a mail is being sent.
    pub(crate) fn wait(&self) {
        self.came.recv_timeout(Duration::from_secs(30)).expect("nobody came");
    }

    pub(crate) fn open(&mut self) {
        self.key = None;
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
        for stream in self.inside.close() {
            _ = stream.shutdown(Shutdown::Both);
        }
        // The door waits for a connection, so it gets one.
        _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(door) = self.door.take() {
            _ = door.join();
        }
    }
}

impl Inside {
    /// Notes a connection. False: the gate is gone.
    fn enter(&self, stream: &TcpStream) -> bool {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(inside), Ok(stream)) = (inside.as_mut(), stream.try_clone()) else { return false };
        inside.push(stream);
        true
    }

    fn close(&self) -> Vec<TcpStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

fn guard(listener: &TcpListener, comes: &Sender<()>, lock: &Receiver<()>, inside: &Inside, port: u16) {
    thread::scope(|scope| {
        for client in listener.incoming().map_while(Result::ok) {
            if !inside.enter(&client) {
                return;
            }
            let _ = comes.send(());
            // Nothing is ever sent: it waits until the key is dropped.
            let _ = lock.recv();
            scope.spawn(move || pass(&client, port));
        }
    });
}

/// Carries bytes to and fro until either end closes.
fn pass(client: &TcpStream, port: u16) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
    let carry = |mut from: &TcpStream, mut to: &TcpStream| {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    };
    thread::scope(|scope| {
        scope.spawn(|| carry(client, &server));
        carry(&server, client);
    });
}
