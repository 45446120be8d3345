//! A server with everything that it depends on, each behind a line that can be delayed, stalled and cut.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use identity_provider::{IdentityProvider, people};
use smtp_sink::SmtpSink;

use crate::breaches::FakeBreaches;
use crate::caller::{Caller, text};
use crate::groups::{Given, ask_all};
use crate::operations_table::row;
use crate::process::{Launch, Process};
use crate::provider_flow::{begin, built_in};
use crate::proxy::FaultProxy;
use crate::sql;
use crate::wait::until_some;

pub(crate) struct Surroundings {
    pub(crate) server: Process,
    /// How it was started.
    pub(crate) launch: Launch,
    pub(crate) breaches: FakeBreaches,
    pub(crate) provider: IdentityProvider,
    /// The lines to these.
    pub(crate) to_sink: FaultProxy,
    pub(crate) to_breaches: FaultProxy,
    pub(crate) to_provider: FaultProxy,
    pub(crate) sink: SmtpSink,
    database_url: String,
    count: AtomicU32,
}

impl Surroundings {
    /// A server of `launch`, whose database is at `database_url` for the test itself. Breakers try again soon.
    pub(crate) fn of(launch: Launch, database_url: &str) -> Self {
        Self::with_breakers_of(launch.set("AUTH_BREAKER_RECOVERY", "500ms"), database_url)
    }

    /// The same, with breakers as `launch` says.
    pub(crate) fn with_breakers_of(launch: Launch, database_url: &str) -> Self {
        let (sink, breaches, provider) = (SmtpSink::start(), FakeBreaches::start(), IdentityProvider::start());
        provider.set_user(people::google("7", "google@example.org"));
        let to_sink = FaultProxy::to(local(sink.port()));
        let to_breaches = FaultProxy::to(breaches.address());
        let to_provider = FaultProxy::to(local(provider.port()));
        let launch = built_in(launch, "google", &provider)
            .set("AUTH_GOOGLE_TOKEN_URL", &moved(&provider.token_url(), provider.port(), &to_provider))
            .set("AUTH_GOOGLE_USERINFO_URL", &moved(&provider.userinfo_url(), provider.port(), &to_provider))
            .set("AUTH_SMTP_URL", &moved(&sink.url(), sink.port(), &to_sink))
            .set("AUTH_HIBP", "on")
            .set("AUTH_HIBP_URL", &format!("http://{}/range/", to_breaches.address()));
        let server = launch.start();
        let (database_url, count) = (database_url.to_owned(), AtomicU32::new(0));
        Self { server, launch, breaches, provider, to_sink, to_breaches, to_provider, sink, database_url, count }
    }

    pub(crate) fn caller(&self) -> Caller {
        self.server.caller()
    }

    /// An address that nobody has.
    pub(crate) fn newcomer(&self) -> String {
        format!("person{}@example.org", self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// What one call of each group takes, while all is well.
    pub(crate) fn prepare(&self) -> Given {
        self.prepare_at(self.caller())
    }

    /// The same, begun at another instance.
    pub(crate) fn prepare_at(&self, caller: Caller) -> Given {
        let email = self.newcomer();
        let (access_token, refresh_token) = Given::tokens(&caller.registered(&email));
        let [stepwise, half_in] = [self.newcomer(), self.newcomer()];
        for email in [&stepwise, &half_in] {
            caller.registered(email);
            let must_change = if self.database_url.starts_with("sqlite:") { "1" } else { "true" };
            let change = format!("UPDATE users SET password_must_change = {must_change} WHERE email = '{email}'");
            sql::execute(&self.database_url, &change);
        }
        let begun = caller.log_in(&half_in).unwrap().json();
        let challenge = text(&begun["challenge"], "token");
        let returning = begin(caller, "google").approve(&self.provider);
        Given { email, access_token, refresh_token, stepwise, challenge, returning, newcomer: self.newcomer() }
    }

    /// Every group answers as the row `state` of docs/operations.md says.
    #[track_caller]
    pub(crate) fn assert_answers(&self, state: &str, given: &Given) {
        assert_answers_of(self.caller(), state, given);
    }

    /// All is well again, without anybody's help.
    #[track_caller]
    pub(crate) fn assert_all_well(&self, state: &str) {
        self.assert_answers(state, &self.prepare());
    }

    /// The value of a gauge or counter, as soon as there is one.
    pub(crate) fn metric(&self, name: &str) -> String {
        until_some(name, || {
            let metrics = self.caller().get("/metrics").expect("an answer").text();
            metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned))
        })
    }
}

/// Every group of one server's answers as the row `state` of docs/operations.md says.
#[track_caller]
pub(crate) fn assert_answers_of(caller: Caller, state: &str, given: &Given) {
    let (answered, expected) = (ask_all(caller, given), row(state));
    let fits = |(cell, wanted): (&String, &String)| wanted.split(" or ").any(|wanted| wanted == cell);
    assert!(answered.iter().zip(&expected).all(fits), "{state}: {answered:?} where {expected:?} is told");
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The same address by way of a line.
fn moved(url: &str, port: u16, line: &FaultProxy) -> String {
    let moved = url.replace(&format!(":{port}"), &format!(":{}", line.address().port()));
    assert_ne!(moved, url);
    moved
}
