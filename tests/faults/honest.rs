//! A client that keeps to the rules of `docs/tokens.md`.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::caller::{Caller, text};

/// Rule 3: how long it waits for an answer, well below the grace of the tests that use it.
const GIVE_UP: Duration = Duration::from_secs(3);

/// Rule 5 says to retry as long as it takes; a client that needs more than this is stranded.
const TRIES: usize = 20;

/// One session's client. What it has stored outlives every crash.
pub(crate) struct HonestClient {
    email: String,
    stored: String,
    access_token: String,
    unanswered: bool,
}

/// How a refresh ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refreshed {
    Granted,
    /// A 503; to be tried again after this time.
    Later(Duration),
    /// No answer: nobody knows what happened.
    Lost,
}

impl HonestClient {
    pub(crate) fn new(email: String, tokens: &Value) -> Self {
        let (stored, access_token) = (text(tokens, "refresh_token"), text(tokens, "access_token"));
        Self { email, stored, access_token, unanswered: false }
    }

    pub(crate) fn has_lost_an_answer(&self) -> bool {
        self.unanswered
    }

    /// Presents the token that is in the store; `heard` is false for an answer that gets lost on its way.
    pub(crate) fn refresh(&mut self, caller: Caller, heard: bool) -> Refreshed {
        let answer = caller.patience(GIVE_UP).refresh(&self.stored).filter(|_| heard);
        self.unanswered = answer.is_none();
        let Some(answer) = answer else { return Refreshed::Lost };
        match answer.status {
            200 => {
                // Rule 2: stored before the access token is used.
                let tokens = answer.json();
                self.stored = text(&tokens, "refresh_token");
                self.access_token = text(&tokens, "access_token");
                Refreshed::Granted
            }
            503 => {
                let seconds = answer.header("retry-after").and_then(|text| text.parse().ok());
                Refreshed::Later(Duration::from_secs(seconds.unwrap_or_else(|| panic!("no Retry-After: {answer:?}"))))
            }
            _ => panic!("an honest client is signed out: {} gets {answer:?}", self.email),
        }
    }

    /// Tries until it gets through, as rule 5 says.
    pub(crate) fn get_through(&mut self, caller: Caller) {
        for _ in 0..TRIES {
            match self.refresh(caller, true) {
                Refreshed::Granted => return,
                Refreshed::Later(time) => thread::park_timeout(time),
                Refreshed::Lost => {}
            }
        }
        panic!("{} did not get through in {TRIES} tries", self.email);
    }

    /// Uses the access token, by which the server sees that its answer arrived.
    pub(crate) fn use_access_token(&self, caller: Caller) {
        if let Some(answer) = caller.get_as(&self.access_token, "/auth/verify") {
            assert!(matches!(answer.status, 204 | 503), "{answer:?}");
        }
    }
}
