//! Every group of endpoints asked at the same time, and what each answers.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::answer::Answer;
use crate::caller::{Caller, text};
use crate::provider_flow::{Returning, start};

/// The groups, by the names that they have in docs/operations.md.
pub(crate) const GROUPS: [&str; 12] = [
    "register",
    "log in",
    "challenge begun",
    "challenge answered",
    "refresh",
    "verify",
    "me",
    "provider start",
    "provider callback",
    "mail",
    "health",
    "ready",
];

/// What is answered when all is well.
const USUAL: [u16; 12] = [201, 200, 200, 200, 200, 204, 200, 302, 200, 202, 200, 200];

/// What somebody has before the trouble begins, for one call of each group.
pub(crate) struct Given {
    /// Of somebody who signs in at once, and that account's tokens.
    pub(crate) email: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    /// Of somebody who has to change the password at the next sign-in.
    pub(crate) stepwise: String,
    /// The challenge of another one's.
    pub(crate) challenge: String,
    /// A browser on its way back from the provider.
    pub(crate) returning: Returning,
    /// Nobody's address so far.
    pub(crate) newcomer: String,
}

/// Longer than any answer takes, a quarter of a minute at most, on a machine with other work.
const PATIENCE: Duration = Duration::from_mins(2);

/// Asks every group at once: the cells of a row.
pub(crate) fn ask_all(caller: Caller, given: &Given) -> Vec<String> {
    let caller = caller.patience(PATIENCE);
    let calls: [&(dyn Fn() -> Option<Answer> + Sync); 12] = [
        &|| caller.register(&given.newcomer),
        &|| caller.log_in(&given.email),
        &|| caller.log_in(&given.stepwise),
        &|| {
            let (token, password) = (&given.challenge, "nine bronze gates of Troy");
            let body = json!({ "token": token, "method": "new_password", "new_password": password });
            caller.post("/auth/challenge", &body)
        },
        &|| caller.refresh(&given.refresh_token),
        &|| caller.get_as(&given.access_token, "/auth/verify"),
        &|| caller.get_as(&given.access_token, "/users/me"),
        &|| start(caller, "google"),
        &|| given.returning.finish(caller),
        &|| caller.forgot(&given.email),
        &|| caller.get("/health"),
        &|| caller.get("/health/ready"),
    ];
    thread::scope(|scope| {
        let asked = calls.map(|call| scope.spawn(call));
        let answers = asked.into_iter().map(|asked| asked.join().unwrap());
        let cell = |((answer, usual), group): ((Option<Answer>, u16), &str)| {
            let answer = answer.unwrap_or_else(|| panic!("{group}: no answer"));
            if group == "ready" { readiness(&answer) } else { cell(&answer, usual) }
        };
        answers.zip(USUAL).zip(GROUPS).map(cell).collect()
    })
}

/// What the table says of an answer.
fn cell(answer: &Answer, usual: u16) -> String {
    if answer.status == usual {
        return "ok".to_owned();
    }
    if answer.status == 503 {
        let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(seconds.is_some(), "when to come back isn't told: {answer:?}");
    }
    match (answer.status, &*answer.error_code()) {
        (503, "overloaded") => "503".to_owned(),
        (status, code) => format!("{status} `{code}`"),
    }
}

/// What the table says of the readiness.
fn readiness(answer: &Answer) -> String {
    let degraded = answer.json()["checks"]["redis"] == "degraded";
    match (answer.status, degraded) {
        (200, false) => "ok".to_owned(),
        (200, true) => "ok, `degraded`".to_owned(),
        (status, _) => status.to_string(),
    }
}

impl Given {
    /// The tokens of an answer to a registration.
    pub(crate) fn tokens(body: &serde_json::Value) -> (String, String) {
        (text(body, "access_token"), text(body, "refresh_token"))
    }
}
