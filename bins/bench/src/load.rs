//! Closed-loop load: each client sends its next request as soon as it has the answer to the last one.
//!
//! One thread drives all clients over non-blocking sockets, because it shares the processor with the server: what the
//! load costs is missing in the rate. Requests are bytes made before; of an answer only status and length are read.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::errors::Errors;
use crate::http::Answer;

/// How long the answers to the last requests may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What clients send, and what they expect.
pub(crate) trait Script {
    /// The next request of `client`.
    fn request(&mut self, client: usize) -> &[u8];

    /// Takes the answer; false is counted as an error.
    fn answer(&mut self, client: usize, answer: &Answer<'_>) -> bool;
}

/// Every client repeats one request and expects one status.
pub(crate) struct Repeat {
    /// By client.
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) status: u16,
}

impl Script for Repeat {
    fn request(&mut self, client: usize) -> &[u8] {
        &self.requests[client]
    }

    fn answer(&mut self, _: usize, answer: &Answer<'_>) -> bool {
        answer.status == self.status
    }
}

/// How long to measure, after how long a time that doesn't count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// What the clients saw.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Answers a second, right ones alone.
    pub(crate) rate: f64,
    /// How long each right answer took, in microseconds.
    pub(crate) latencies: Vec<u32>,
    /// Wrong and missing answers, those outside the measured time too.
    pub(crate) errors: Errors,
}

/// Lets `clients` clients play `script`.
pub(crate) fn run(address: SocketAddr, clients: usize, script: &mut impl Script, span: Span) -> io::Result<Traffic> {
    let mut poll = Poll::new()?;
    let clients = (0..clients).map(|number| Client::open(address, number, &poll)).collect::<io::Result<Vec<_>>>()?;
    let mut run = Run { clients, script, traffic: Traffic::default(), waiting: 0 };
    let from = Instant::now() + span.warm_up;
    let until = from + span.measured;
    for number in 0..run.clients.len() {
        run.send(number, Instant::now());
    }
    let mut events = Events::with_capacity(1024);
    while run.waiting > 0 && Instant::now() < until + PATIENCE {
        poll.poll(&mut events, Some(PATIENCE))?;
        // One reading of the clock for all that is ready: it costs as much as the rest of an answer.
        let now = Instant::now();
        for event in &events {
            run.receive(event.token().0, now, from..until);
        }
    }
    for _ in 0..run.waiting {
        run.traffic.errors.add(|| "no answer".to_owned());
    }
    run.traffic.rate =
        f64::from(u32::try_from(run.traffic.latencies.len()).unwrap_or(u32::MAX)) / span.measured.as_secs_f64();
    Ok(run.traffic)
}

struct Client {
    stream: TcpStream,
    buffer: Box<[u8]>,
    filled: usize,
    sent: Instant,
}

impl Client {
    fn open(address: SocketAddr, number: usize, poll: &Poll) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
        Ok(Self { stream, buffer: vec![0; 16 * 1024].into(), filled: 0, sent: Instant::now() })
    }

    /// Reads what is there. A read that doesn't fill the buffer has emptied the socket, so the next byte is a new event.
    fn fill(&mut self) -> io::Result<()> {
        match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                self.filled += length;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}

struct Run<'a, S> {
    clients: Vec<Client>,
    script: &'a mut S,
    traffic: Traffic,
    /// Clients without their answer.
    waiting: u64,
}

impl<S: Script> Run<'_, S> {
    fn send(&mut self, number: usize, now: Instant) {
        let client = &mut self.clients[number];
        let request = self.script.request(number);
        client.sent = now;
        // Requests are far smaller than a socket's buffer, and a client has one at a time.
        match client.stream.write(request) {
            Ok(length) if length == request.len() => self.waiting += 1,
            Ok(_) => self.traffic.errors.add(|| "a request was sent in part".to_owned()),
            Err(error) => self.traffic.errors.add(|| error.to_string()),
        }
    }

    fn receive(&mut self, number: usize, now: Instant, measured: std::ops::Range<Instant>) {
        let client = &mut self.clients[number];
        if let Err(error) = client.fill() {
            // A client that lost its connection is out.
            self.waiting -= 1;
            return self.traffic.errors.add(|| error.to_string());
        }
        let Some(answer) = Answer::parse(&client.buffer[..client.filled]) else { return };
        self.waiting -= 1;
        client.filled = 0;
        if !self.script.answer(number, &answer) {
            self.traffic.errors.add(|| answer.describe());
        } else if measured.contains(&now) {
            let micros = now.duration_since(client.sent).as_micros();
            self.traffic.latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
        }
        if now < measured.end {
            self.send(number, now);
        }
    }
}
