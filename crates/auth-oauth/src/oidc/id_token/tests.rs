//! Good ID tokens pass, and each other one is refused for its own reason (O-08, O-10, O-12).

mod claims;
mod person;
mod structure;

use auth_core::{Clock as _, ManualClock};
use serde_json::{Value, json};

use super::claims::at_hash;
use super::{Expected, IdToken, InvalidIdToken, VerifiedIdToken};
use crate::oidc::algorithm::IdTokenAlgorithm;
use crate::oidc::fixture::TestKey;

const ISSUER: &str = "https://login.example.com/tenant";
const CLIENT: &str = "client-1";
const NONCE: &str = "n-0S6_WzA2MjK5b7n1u5c3x8z4q9r2t6y0p-abcdefghi";
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

/// A provider's key, and the time.
struct Desk {
    key: TestKey,
    clock: ManualClock,
}

impl Desk {
    fn new() -> Self {
        Self::of(IdTokenAlgorithm::EdDsa)
    }

    fn of(algorithm: IdTokenAlgorithm) -> Self {
        Self { key: TestKey::new(algorithm), clock: ManualClock::default() }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_seconds()
    }

    /// The claims of a good token.
    fn claims(&self) -> Value {
        json!({
            "iss": ISSUER, "sub": "248289761001", "aud": CLIENT, "nonce": NONCE,
            "iat": self.now(), "exp": self.now() + 300,
        })
    }

    fn claims_with(&self, claim: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[claim] = value;
        claims
    }

    fn claims_without(&self, claim: &str) -> Value {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().remove(claim).unwrap();
        claims
    }

    fn token(&self, claims: &Value) -> String {
        self.key.token(&self.key.header().to_string(), &claims.to_string())
    }

    fn verify_text(&self, token: &str) -> Result<VerifiedIdToken, InvalidIdToken> {
        let expected = Expected {
            issuer: ISSUER,
            client_id: CLIENT,
            nonce: NONCE,
            access_token: ACCESS_TOKEN,
            now: self.clock.now(),
        };
        IdToken::parse(token)?.verify(&self.key.public(), &expected)
    }

    fn verify(&self, claims: &Value) -> Result<VerifiedIdToken, InvalidIdToken> {
        self.verify_text(&self.token(claims))
    }

    #[track_caller]
    fn takes(&self, claims: &Value) {
        assert_eq!(self.verify(claims).map(|token| token.subject).as_deref(), Ok("248289761001"), "{claims}");
    }

    #[track_caller]
    fn refuses(&self, claims: &Value, reason: InvalidIdToken) {
        assert_eq!(self.verify(claims).err(), Some(reason), "{claims}");
    }
}
