//! Tests of issuing and verifying, by subject.

mod accepted;
mod cache_and_ring;
mod claim_table;
mod crate_alone;
mod header_table;
mod structure_table;
mod wycheproof;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::*;
use crate::id::{SessionId, UserId};
use crate::key::fixture::signing_key;
use crate::key::{KeyRing, SigningAlgorithm, SigningKey};
use crate::random::OsRandom;
use crate::role::Role;
use crate::time::{ManualClock, Timestamp};

const ISSUER: &str = "https://auth.test";
const AUDIENCE: &str = "https://api.test";

/// An issuer and verifier whose key and clock a test holds in its hand.
struct Desk {
    clock: Arc<ManualClock>,
    key: Arc<SigningKey>,
    keys: SharedKeyRing,
    revocations: Arc<RevocationList>,
    seen: Arc<SeenGenerations>,
    tokens: AccessTokens,
    user_id: UserId,
    session_id: SessionId,
    amr: Vec<String>,
}

impl Desk {
    fn new(algorithm: SigningAlgorithm) -> Self {
        let key = Arc::new(signing_key(algorithm));
        Self::with_ring(KeyRing::new(Arc::clone(&key)), key, None)
    }

    fn with_ring(ring: KeyRing, key: Arc<SigningKey>, max_age: Option<Duration>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let keys = SharedKeyRing::new(ring);
        let (revocations, seen) = (Arc::new(RevocationList::new(max_age)), Arc::new(SeenGenerations::default()));
        let tokens = AccessTokens::new(
            config(),
            keys.clone(),
            Arc::clone(&revocations),
            Arc::clone(&seen),
            Arc::clone(&clock) as Arc<dyn Clock>,
        );
        let now = clock.now();
        let (user_id, session_id) = (UserId::new(now, &OsRandom), SessionId::new(now, &OsRandom));
        let amr = vec!["pwd".to_owned(), "otp".to_owned()];
        Self { clock, key, keys, revocations, seen, tokens, user_id, session_id, amr }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_seconds()
    }

    fn grant(&self) -> AccessGrant<'_> {
        AccessGrant {
            user_id: self.user_id,
            session_id: self.session_id,
            generation: 7,
            epoch: 3,
            role: Role::Admin,
            amr: &self.amr,
            auth_time: self.clock.now().minus(Duration::from_mins(1)),
            session_expires_at: self.clock.now().plus(Duration::from_hours(1)),
            premium_until: None,
        }
    }

    fn issue(&self) -> String {
        self.tokens.issue(&self.grant(), &OsRandom).unwrap().token.expose().to_owned()
    }

    /// The header of a good token.
    fn header(&self) -> Value {
        json!({"alg": self.key.algorithm().as_str(), "kid": self.key.kid(), "typ": "at+jwt"})
    }

    /// The claims of a good token.
    fn claims(&self) -> Value {
        let now = self.now();
        json!({
            "iss": ISSUER, "sub": self.user_id, "aud": AUDIENCE, "exp": now + 600, "iat": now, "jti": "a name",
            "sid": self.session_id, "gen": 7, "epoch": 3, "role": "user", "amr": ["pwd"], "auth_time": now - 60,
        })
    }

    /// The claims of a good token, but for one: another value, or absent.
    fn claims_with(&self, claim: &str, value: Option<Value>) -> Value {
        with(self.claims(), claim, value)
    }

    /// A token of this text as header and this as payload, rightly signed.
    fn sign(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(payload));
        let signature = BASE64URL.encode(self.key.sign(signed.as_bytes()).unwrap());
        format!("{signed}.{signature}")
    }

    fn forge(&self, header: &Value, claims: &Value) -> String {
        self.sign(&header.to_string(), &claims.to_string())
    }

    fn verify(&self, token: &str) -> Result<Arc<AccessClaims>, AccessTokenError> {
        self.tokens.verify(token)
    }

    /// Refused as no token of ours, twice: a refusal must leave nothing behind that helps a second try.
    fn refuses(&self, token: &str, what: &str) {
        for _ in 0..2 {
            assert_eq!(self.verify(token).unwrap_err(), AccessTokenError::Invalid, "{what}");
        }
        assert!(self.seen.drain().is_empty(), "{what}");
    }
}

fn with(mut object: Value, member: &str, value: Option<Value>) -> Value {
    match value {
        Some(value) => object[member] = value,
        None => drop(object.as_object_mut().unwrap().remove(member)),
    }
    object
}

fn config() -> AccessTokenConfig {
    AccessTokenConfig { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned(), lifetime: Duration::from_mins(15) }
}
