//! Whether anybody notices a provider that hangs, but those who sign in by it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use identity_provider::{Answer, Endpoint, IdentityProvider, people};

use super::{CHEAP, CLIENTS, CROWD, WARM_UP, flows};
use crate::account::log_in;
use crate::database::Database;
use crate::errors::Errors;
use crate::failure::{Failure, Outcome};
use crate::http::{self, Connection};
use crate::pace::{self, Paced};
use crate::report::{Required, Row};
use crate::run::Bench;
use crate::sample::percentile;
use crate::server::Server;

/// People who wait for the provider that hangs.
const CALLBACKS: usize = 500;

/// Between two log-ins: 200 a second.
const INTERVAL: Duration = Duration::from_millis(5);

/// The server gives a call up after 5 s; nothing is measured later than that.
const LONGEST: Duration = Duration::from_secs(4);

/// How long the answers to those who waited may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn measure(bench: &mut Bench<'_>) -> Outcome<()> {
    let (ill, well) = (IdentityProvider::start(), IdentityProvider::start());
    ill.set_user(people::github(1));
    let mut settings = [flows::settings("github", &ill), flows::settings("google", &well)].concat();
    // With a breaker that opens, nobody would wait in any repetition but the first.
    settings.push(("AUTH_BREAKER_FAILURES".to_owned(), "1000".to_owned()));
    settings.extend(CHEAP.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let database = Database::sqlite()?;
    let server = Server::start_among_faults(&database, &flows::borrowed(&settings))?;
    let world = World { log_ins: log_ins(&server)?, server, well: &well };
    world.greet()?;
    let [mut log_in_alone, mut log_in_beside, mut other_alone, mut other_beside] = [const { Vec::new() }; 4];
    for _ in 0..bench.repetitions() {
        ill.misbehave(Endpoint::Token, Answer::Normal);
        let callbacks = flows::callbacks(world.server.address(), CALLBACKS, "github", &ill)?;
        ill.misbehave(Endpoint::Token, Answer::Hang);
        let [log_in, other] = world.both(bench)?;
        log_in_alone.push(log_in);
        other_alone.push(other);
        let waiting = Waiting::send(world.server.address(), &callbacks)?;
        // That 500 requests arrive is work, whoever they are for; what is measured is that they wait.
        std::thread::park_timeout(WARM_UP);
        let [log_in, other] = world.both(bench)?;
        log_in_beside.push(log_in);
        other_beside.push(other);
        if ill.open_connections() == 0 {
            return Err("nobody waits for the provider that hangs".into());
        }
        bench.count_errors(waiting.end()?);
    }
    for (work, beside, alone) in [
        ("p99 of POST /auth/login at 200/s while 500 callbacks wait for a provider", &log_in_beside, &log_in_alone),
        ("p99 of a whole sign-in by another provider meanwhile", &other_beside, &other_alone),
    ] {
        bench.add(Row::ratio(work, "ms", beside, ("its p99 alone", &alone[..]), Required::AtMost(1.5)));
    }
    Ok(())
}

fn log_ins(server: &Server) -> Outcome<Vec<Vec<u8>>> {
    Ok(server.register(CROWD)?.iter().map(|account| log_in(&account.email)).collect())
}

/// Those who have nothing to do with the provider that hangs.
struct World<'a> {
    server: Server,
    log_ins: Vec<Vec<u8>>,
    well: &'a IdentityProvider,
}

impl World<'_> {
    /// Everybody signs in by the other provider once, so that no account is made later.
    fn greet(&self) -> Outcome<()> {
        let mut connection = Connection::open(self.server.address())?;
        (0..CLIENTS).try_for_each(|number| {
            self.set_user(number);
            Ok(flows::sign_in(&mut connection, "google", self.well)??)
        })
    }

    /// The 99th percentiles, in milliseconds, of log-ins and of sign-ins by the other provider at the same time.
    fn both(&self, bench: &mut Bench<'_>) -> Outcome<[f64; 2]> {
        let duration = bench.duration().min(LONGEST);
        let measured = std::thread::scope(|scope| {
            let others = scope.spawn(|| self.sign_in_by_the_other(duration));
            let log_ins = pace::run(self.server.address(), &self.log_ins, INTERVAL, duration);
            Ok::<_, Failure>([log_ins, others.join().map_err(|_| "the sign-ins panicked")??])
        })?;
        Ok(measured.map(|mut paced| {
            bench.count_errors(paced.errors);
            f64::from(percentile(&mut paced.latencies, 99)) / 1000.0
        }))
    }

    /// One sign-in after the other, each from its start to its tokens.
    fn sign_in_by_the_other(&self, duration: Duration) -> Outcome<Paced> {
        let mut connection = Connection::open(self.server.address())?;
        let (mut paced, until) = (Paced::default(), Instant::now() + duration);
        for number in 0.. {
            let begin = Instant::now();
            if begin >= until {
                break;
            }
            self.set_user(number);
            match flows::sign_in(&mut connection, "google", self.well)? {
                Ok(()) => paced.latencies.push(u32::try_from(begin.elapsed().as_micros()).unwrap_or(u32::MAX)),
                Err(answer) => paced.errors.add(|| answer),
            }
        }
        Ok(paced)
    }

    fn set_user(&self, number: usize) {
        let number = number % CLIENTS;
        self.well.set_user(people::google(&number.to_string(), &format!("other{number}@example.org")));
    }
}

/// Browsers whose callbacks have no answer yet.
struct Waiting(Vec<TcpStream>);

impl Waiting {
    /// All come back at once.
    fn send(address: SocketAddr, callbacks: &[Vec<u8>]) -> Outcome<Self> {
        let mut streams = Vec::with_capacity(callbacks.len());
        for callback in callbacks {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(callback)?;
            streams.push(stream);
        }
        Ok(Self(streams))
    }

    /// Waits for the answers, which are that the provider doesn't answer.
    fn end(self) -> Outcome<Errors> {
        let mut errors = Errors::default();
        for mut stream in self.0 {
            let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
            let answer = loop {
                if let Some(answer) = http::Answer::parse(&bytes) {
                    break answer;
                }
                match stream.read(&mut chunk)? {
                    0 => return Err("a callback got no answer".into()),
                    length => bytes.extend_from_slice(&chunk[..length]),
                }
            };
            if ![502, 503].contains(&answer.status) {
                errors.add(|| answer.describe());
            }
        }
        Ok(errors)
    }
}
