//! A server with Redis, people who sign in at once and people who sign in by steps.

use identity_provider::{IdentityProvider, people};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::caller::{Caller, PASSWORD, text};
use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};
use crate::provider_flow::{Flow, Returning, built_in, start};
use crate::wait::{until, until_some};

/// Has to change the password at each sign-in, since nobody ever does.
const ADMIN: &str = "root@example.org";
const ADA: &str = "ada@example.org";
const NEW_PASSWORD: &str = "nine bronze gates of Troy";

pub(crate) struct RedisBed {
    pub(crate) server: Process,
    provider: IdentityProvider,
    tokens: Value,
    _database: TestDatabase,
}

/// Sign-ins that are half done.
pub(crate) struct Begun {
    challenge: String,
    flow: Returning,
}

impl RedisBed {
    /// A server on the Redis at `url`, whose breaker tries again soon.
    pub(crate) fn start(url: &str) -> Self {
        Self::start_with(url, |launch| launch)
    }

    pub(crate) fn start_with(url: &str, settings: impl FnOnce(Launch) -> Launch) -> Self {
        let (database, provider) = (TestDatabase::new(&Backend::Sqlite), IdentityProvider::start());
        provider.set_user(people::google("7", "google@example.org"));
        let launch = built_in(Launch::on(&database), "google", &provider)
            .set("REDIS_URL", url)
            // Longer than by default, so that on a machine with other work a Redis that is well is not taken for one away.
            .set("AUTH_REDIS_TIMEOUT", "1s")
            .set("AUTH_BREAKER_RECOVERY", "500ms")
            .set("ADMIN_EMAIL", ADMIN)
            .set("ADMIN_PASSWORD", PASSWORD);
        let server = settings(launch).start();
        let tokens = server.caller().registered(ADA);
        Self { server, provider, tokens, _database: database }
    }

    pub(crate) fn caller(&self) -> Caller {
        self.server.caller()
    }

    /// What the readiness says of Redis; all else is well.
    pub(crate) fn redis_state(&self) -> String {
        let answer = self.caller().get("/health/ready").expect("an answer");
        assert_eq!(answer.status, 200, "an instance without Redis must not leave the balancer: {answer:?}");
        let body = answer.json();
        assert_eq!((&body["status"], &body["checks"]["database"]), (&json!("ready"), &json!("up")), "{body}");
        text(&body["checks"], "redis")
    }

    /// The state of the breaker in the metrics.
    pub(crate) fn breaker(&self) -> String {
        let answer = self.caller().get("/metrics").expect("an answer").text();
        let name = "auth_breaker_state{dependency=\"redis\"} ";
        answer.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    pub(crate) fn admin_logs_in(&self) -> Answer {
        self.caller().log_in(ADMIN).expect("an answer")
    }

    pub(crate) fn start_flow(&self) -> Answer {
        start(self.caller(), "google").expect("an answer")
    }

    /// A flow begun, as soon as it can be.
    pub(crate) fn begin_flow(&self) -> Returning {
        let answer = until_some("a flow begins", || Some(self.start_flow()).filter(|answer| answer.status == 302));
        Flow::of(&answer).approve(&self.provider)
    }

    /// Sign-ins begun, as soon as they can be.
    pub(crate) fn begin(&self) -> Begun {
        let challenge = until_some("a challenge is given", || {
            let answer = self.admin_logs_in();
            (answer.status == 200).then(|| text(&answer.json()["challenge"], "token"))
        });
        Begun { challenge, flow: self.begin_flow() }
    }

    pub(crate) fn answer_challenge(&self, begun: &Begun) -> Answer {
        let body = json!({ "token": begun.challenge, "method": "new_password", "new_password": NEW_PASSWORD });
        self.caller().post("/auth/challenge", &body).expect("an answer")
    }

    pub(crate) fn come_back(&self, begun: &Begun) -> Answer {
        begun.flow.finish(self.caller()).expect("an answer")
    }

    /// Whatever needs Redis is refused in good order; nothing else notices.
    pub(crate) fn assert_redis_is_missed(&self, begun: &Begun, newcomer: &str) {
        let caller = self.caller();
        assert_eq!(self.redis_state(), "degraded");
        self.admin_logs_in().assert_overloaded();
        self.answer_challenge(begun).assert_overloaded();
        self.start_flow().assert_overloaded();
        self.come_back(begun).assert_overloaded();

        assert_eq!(caller.log_in(ADA).unwrap().status, 200);
        assert_eq!(caller.register(newcomer).unwrap().status, 201);
        assert_eq!(caller.refresh(&text(&self.tokens, "refresh_token")).unwrap().status, 200);
        let access_token = text(&self.tokens, "access_token");
        assert_eq!(caller.get_as(&access_token, "/users/me").unwrap().status, 200);
        assert_eq!(caller.get_as(&access_token, "/auth/verify").unwrap().status, 204);
    }

    /// Waits until Redis is used again: without a restart, and without anybody's help.
    pub(crate) fn wait_until_it_is_well(&self) {
        until("Redis is up", || self.redis_state() == "up" && self.breaker() == "0");
    }

    /// Ends what was begun. The administrator has another password then, and no challenge to begin.
    pub(crate) fn finish(&self, begun: &Begun) {
        for answer in [self.answer_challenge(begun), self.come_back(begun)] {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.json()["status"], "authenticated", "{answer:?}");
        }
    }
}
