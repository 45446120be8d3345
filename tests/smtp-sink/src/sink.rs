//! The server: a listening socket, a thread for each connection, and what they took.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use url::Url;

use crate::certificate::Certificates;
use crate::mail::ReceivedMail;
use crate::mode::Mode;
use crate::options::{Options, Tls};
use crate::session::{self, Setup};
use crate::state::State;

/// An SMTP server on 127.0.0.1. Dropped, it closes its port and every connection, and its threads end.
pub struct SmtpSink {
    address: SocketAddr,
    setup: Arc<Setup>,
    state: Arc<State>,
    listener: Option<JoinHandle<()>>,
}

impl SmtpSink {
    /// Starts a server on a free port that takes any mail in clear text.
    ///
    /// # Panics
    ///
    /// When it can't listen.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// As [`SmtpSink::start`], on this port: for a server that comes back where another one was.
    ///
    /// # Panics
    ///
    /// When it can't listen there.
    #[track_caller]
    pub fn start_on(port: u16) -> Self {
        Self::start_with(Options { port, ..Options::default() })
    }

    /// Starts a server.
    ///
    /// # Panics
    ///
    /// When it can't listen, or a certificate can't be made.
    #[track_caller]
    pub fn start_with(options: Options) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        state.set_mode(options.mode.clone());
        let certificates = (options.tls != Tls::None).then(Certificates::generate);
        let setup = Arc::new(Setup { options, certificates });
        let accepting = thread::Builder::new().name("smtp-sink".to_owned()).spawn({
            let (setup, state) = (Arc::clone(&setup), Arc::clone(&state));
            move || accept(&listener, &setup, &state)
        });
        Self { address, setup, state, listener: Some(accepting.unwrap()) }
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where mails are to be sent: `smtp://` or `smtps://`, with the credentials and `?tls=required` where needed.
    ///
    /// # Panics
    ///
    /// When the credentials fit in no URL.
    pub fn url(&self) -> String {
        let scheme = if self.setup.options.tls == Tls::Implicit { "smtps" } else { "smtp" };
        let mut url = Url::parse(&format!("{scheme}://{}", self.address)).unwrap();
        if let Some((name, password)) = &self.setup.options.credentials {
            url.set_username(name).unwrap();
            url.set_password(Some(password)).unwrap();
        }
        if self.setup.options.tls == Tls::StartTls {
            url.set_query(Some("tls=required"));
        }
        url.into()
    }

    /// The root certificate to trust, as PEM.
    ///
    /// # Panics
    ///
    /// Without TLS there is none.
    #[track_caller]
    pub fn root_certificate(&self) -> String {
        self.setup.certificates.as_ref().unwrap().root.clone()
    }

    /// Behaves otherwise from now on. A connection that hangs already goes on hanging.
    pub fn set_mode(&self, mode: Mode) {
        self.state.set_mode(mode);
    }

    /// The mails so far, in the order of their arrival.
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.state.mails()
    }

    /// Forgets the mails so far.
    pub fn forget_mails(&self) {
        self.state.forget_mails();
    }

    /// The mails, as soon as there are `count` at least. Blocks the thread.
    ///
    /// # Panics
    ///
    /// When there are fewer after `within`.
    #[track_caller]
    pub fn wait_for(&self, count: usize, within: Duration) -> Vec<ReceivedMail> {
        self.wait_until(|mails| mails.len() >= count, within)
    }

    /// The mails, as soon as they are as `wanted`. Blocks the thread.
    ///
    /// # Panics
    ///
    /// When they aren't after `within`.
    #[track_caller]
    pub fn wait_until(&self, wanted: impl Fn(&[ReceivedMail]) -> bool, within: Duration) -> Vec<ReceivedMail> {
        match self.state.wait(wanted, within) {
            Ok(mails) => mails,
            Err(count) => panic!("after {within:?} there are {count} mails, not those waited for"),
        }
    }

    /// The Message-IDs that came more than once, with how often.
    pub fn duplicates(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mail in self.state.mails() {
            *counts.entry(mail.message_id()).or_default() += 1;
        }
        counts.retain(|_, count| *count > 1);
        counts
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.state.connections()
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> usize {
        self.state.open_connections()
    }

    /// How often a command came, such as `MAIL`; `.` counts the mails that were sent to their end.
    pub fn commands(&self, verb: &str) -> usize {
        self.state.commands(verb)
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.state.stop();
        // The listening thread waits for a connection, so it gets one.
        _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            _ = listener.join();
        }
    }
}

/// Serves connections, each in a thread, until the stop; then waits for all of them.
fn accept(listener: &TcpListener, setup: &Setup, state: &State) {
    thread::scope(|scope| {
        for stream in listener.incoming() {
            if state.is_stopped() {
                return;
            }
            let Ok(stream) = stream else { continue };
            let Some(number) = state.open(&stream) else { continue };
            scope.spawn(move || {
                // A client may go whenever it likes.
                let _: io::Result<()> = session::serve(stream, setup, state);
                state.close(number);
            });
        }
    });
}
