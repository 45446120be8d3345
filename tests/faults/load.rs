//! Honest clients that refresh and use their tokens all the time, through something that spreads them over instances.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use crate::caller::{Caller, text};
use crate::wait::until;

/// Between two requests of one client, so that the load is bounded.
const PAUSE: Duration = Duration::from_millis(4);

/// Instances behind one address, as a load balancer has them.
pub(crate) struct Balancer(Vec<RwLock<Option<Caller>>>);

impl Balancer {
    pub(crate) fn new(callers: impl IntoIterator<Item = Caller>) -> Self {
        Self(callers.into_iter().map(|caller| RwLock::new(Some(caller))).collect())
    }

    /// Sends no new requests to an instance, and waits until those that it has are answered.
    pub(crate) fn take_out(&self, number: usize) {
        *self.0[number].write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn put_in(&self, number: usize, caller: Caller) {
        *self.0[number].write().unwrap_or_else(PoisonError::into_inner) = Some(caller);
    }

    /// Sends a request to the instance `turn`, or to one after it that is in.
    fn send<T>(&self, turn: usize, request: impl Fn(Caller) -> T) -> (usize, T) {
        loop {
            for number in (0..self.0.len()).map(|step| (turn + step) % self.0.len()) {
                let Ok(instance) = self.0[number].try_read() else { continue };
                if let Some(caller) = *instance {
                    return (number, request(caller));
                }
            }
            thread::yield_now();
        }
    }
}

/// What the clients met.
pub(crate) struct Load<'a> {
    balancer: &'a Balancer,
    stop: AtomicBool,
    granted: AtomicUsize,
    verified: AtomicUsize,
    refused: Mutex<Vec<String>>,
    /// The key that signed last, by instance.
    signing: Vec<Mutex<String>>,
    keys: Mutex<BTreeSet<String>>,
}

impl<'a> Load<'a> {
    pub(crate) fn on(balancer: &'a Balancer) -> Self {
        Self {
            balancer,
            stop: AtomicBool::new(false),
            granted: AtomicUsize::new(0),
            verified: AtomicUsize::new(0),
            refused: Mutex::default(),
            signing: balancer.0.iter().map(|_| Mutex::default()).collect(),
            keys: Mutex::default(),
        }
    }

    /// Does `work` while as many clients are at it, each with a session of its own: how many answers there were, none of
    /// them a refusal, and how many keys had signed them.
    pub(crate) fn during(&self, clients: usize, work: impl FnOnce()) -> (usize, usize) {
        thread::scope(|scope| {
            let _stop = StopAtEnd(&self.stop);
            for client in 0..clients {
                scope.spawn(move || self.client(client));
            }
            work();
        });
        self.check();
        (self.answers(), self.keys.lock().unwrap().len())
    }

    /// Lets everything go on until there were so many more answers, none of them a refusal.
    pub(crate) fn go_on(&self, answers: usize) {
        let begin = self.answers();
        until("the clients have their answers", || self.has_failed() || self.answers() >= begin + answers);
        self.check();
    }

    /// Waits until every instance signs with `kid`.
    pub(crate) fn until_signed_by(&self, kid: &str) {
        let all = || self.signing.iter().all(|signing| *signing.lock().unwrap() == kid);
        until("every instance signs with the new key", || self.has_failed() || all());
        self.check();
    }

    /// REQ-15: not one request fails.
    fn check(&self) {
        let refused = self.refused.lock().unwrap();
        let first = &refused[..refused.len().min(10)];
        assert!(first.is_empty(), "{} failed of {} and more: {first:#?}", refused.len(), self.answers());
    }

    fn has_failed(&self) -> bool {
        !self.refused.lock().unwrap().is_empty()
    }

    fn answers(&self) -> usize {
        self.granted.load(Ordering::Relaxed) + self.verified.load(Ordering::Relaxed)
    }

    fn client(&self, client: usize) {
        let email = format!("client{client}@example.org");
        let (_, mut tokens) = self.balancer.send(client, |caller| caller.registered(&email));
        let mut held: Vec<String> = Vec::new();
        for turn in client.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            held.push(text(&tokens, "access_token"));
            // The newest, and one from before: whichever key signed it, and whichever instance is asked.
            for access in [held.last(), held.get(turn % held.len())].into_iter().flatten() {
                self.verify(turn, access);
            }
            tokens = self.refresh(turn + client, &tokens).unwrap_or(tokens);
            thread::park_timeout(PAUSE);
        }
    }

    fn verify(&self, turn: usize, access: &str) {
        let (number, answer) = self.balancer.send(turn, |caller| caller.get_as(access, "/auth/verify"));
        match answer {
            Some(answer) if answer.status == 204 => drop(self.verified.fetch_add(1, Ordering::Relaxed)),
            other => self.refuse(format!("verify at {number} of a token by {}: {other:?}", kid_of(access))),
        }
    }

    fn refresh(&self, turn: usize, tokens: &Value) -> Option<Value> {
        let body = json!({ "refresh_token": tokens["refresh_token"] });
        let (number, answer) = self.balancer.send(turn, |caller| caller.post("/auth/refresh", &body));
        match answer {
            Some(answer) if answer.status == 200 => {
                self.granted.fetch_add(1, Ordering::Relaxed);
                let tokens = answer.json();
                let kid = kid_of(&text(&tokens, "access_token"));
                self.keys.lock().unwrap().insert(kid.clone());
                *self.signing[number].lock().unwrap() = kid;
                Some(tokens)
            }
            other => {
                self.refuse(format!("refresh at {number}: {other:?}"));
                None
            }
        }
    }

    fn refuse(&self, what: String) {
        self.refused.lock().unwrap().push(what);
    }
}

/// Ends the clients, also when the test fails.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The name of the key that signed an access token.
fn kid_of(access: &str) -> String {
    let header = BASE64URL.decode(access.split('.').next().unwrap()).unwrap();
    text(&serde_json::from_slice(&header).unwrap(), "kid")
}
