//! Whether a refused token is worth asking its issuer for newer keys.

use super::claims::WireClaims;
use super::header::Header;
use super::verify::{Segments, decode};
use super::{AccessTokens, MAX_ACCESS_TOKEN_LENGTH};

impl AccessTokens {
    /// Whether nothing but a key that the ring doesn't have could make this token good: its header is one of ours and
    /// names a key that is not in the ring, and its claims would pass.
    ///
    /// Anybody can write such a token. It is for those whose ring is a copy of an issuer's, to tell whether the copy may
    /// be outdated; a call for each such token would let strangers have the issuer called as often as they like.
    pub fn names_unknown_key(&self, token: &str) -> bool {
        token.len() <= MAX_ACCESS_TOKEN_LENGTH
            && Segments::split(token).is_some_and(|segments| {
                self.is_of_unknown_key(segments.header)
                    && decode(segments.payload).is_some_and(|json| self.admits(&json))
            })
    }

    fn is_of_unknown_key(&self, header: &str) -> bool {
        let Some(json) = decode(header) else { return false };
        Header::parse(&json).is_some_and(|header| {
            header.is_of_a_public_key() && self.keys.current().find(header.kid, self.clock.now()).is_none()
        })
    }

    fn admits(&self, claims: &[u8]) -> bool {
        WireClaims::parse(claims).and_then(|claims| claims.check(&self.config, self.clock.now())).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

    use super::*;
    use crate::access_token::{AccessGrant, AccessTokenConfig};
    use crate::id::{SessionId, UserId};
    use crate::key::fixture::signing_key;
    use crate::key::{KeyRing, SharedKeyRing, SigningAlgorithm};
    use crate::random::OsRandom;
    use crate::role::Role;
    use crate::time::{Clock, ManualClock};

    struct Desk {
        clock: Arc<ManualClock>,
        keys: SharedKeyRing,
        tokens: AccessTokens,
    }

    impl Desk {
        fn new(algorithm: SigningAlgorithm, audience: &str) -> Self {
            let keys = SharedKeyRing::new(KeyRing::new(Arc::new(signing_key(algorithm))));
            let clock = Arc::new(ManualClock::default());
            let config = AccessTokenConfig {
                issuer: "issuer".to_owned(),
                audience: audience.to_owned(),
                lifetime: Duration::from_mins(15),
            };
            let clock_too = Arc::clone(&clock) as Arc<dyn Clock>;
            let revocations = Arc::new(crate::revocation::RevocationList::new(None));
            let tokens = AccessTokens::new(config, keys.clone(), revocations, Arc::default(), clock_too);
            Self { clock, keys, tokens }
        }

        fn issue(&self) -> String {
            let now = self.clock.now();
            let grant = AccessGrant {
                user_id: UserId::new(now, &OsRandom),
                session_id: SessionId::new(now, &OsRandom),
                generation: 1,
                epoch: 0,
                role: Role::User,
                amr: &[],
                auth_time: now,
                session_expires_at: now.plus(Duration::from_hours(1)),
                premium_until: None,
            };
            self.tokens.issue(&grant, &OsRandom).unwrap().token.expose().to_owned()
        }
    }

    /// REQ-15
    #[test]
    fn a_token_of_a_key_that_the_ring_lacks_names_an_unknown_key() {
        for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
            let (desk, other) = (Desk::new(SigningAlgorithm::EdDsa, "a"), Desk::new(algorithm, "a"));
            let (ours, theirs) = (desk.issue(), other.issue());
            assert!(!desk.tokens.names_unknown_key(&ours));
            assert!(desk.tokens.names_unknown_key(&theirs));
            desk.keys.replace(KeyRing::from_jwks(&other.keys.current().jwks(other.clock.now())).unwrap());
            assert!(!desk.tokens.names_unknown_key(&theirs));
            assert!(desk.tokens.names_unknown_key(&ours));
        }
    }

    #[test]
    fn a_token_that_no_key_would_make_good_names_none() {
        let desk = Desk::new(SigningAlgorithm::EdDsa, "a");
        let stranger = Desk::new(SigningAlgorithm::EdDsa, "a");
        let good = stranger.issue();
        let (header, rest) = good.split_once('.').unwrap();
        let header = String::from_utf8(BASE64URL.decode(header).unwrap()).unwrap();
        let with = |from: &str, to: &str| format!("{}.{rest}", BASE64URL.encode(header.replacen(from, to, 1)));
        assert!(desk.tokens.names_unknown_key(&with("EdDSA", "ES256")));
        for token in [
            with("EdDSA", "HS256"),
            with("EdDSA", "none"),
            with("at+jwt", "JWT"),
            with("{", r#"{"jku":"https://evil.test","#),
            Desk::new(SigningAlgorithm::EdDsa, "b").issue(),
            Desk::new(SigningAlgorithm::Hs256, "a").issue(),
            good.replacen('.', "..", 1),
            format!("{good}{}", "A".repeat(MAX_ACCESS_TOKEN_LENGTH)),
            String::new(),
        ] {
            assert!(!desk.tokens.names_unknown_key(&token), "{token}");
        }
        desk.clock.advance(Duration::from_mins(15));
        assert!(!desk.tokens.names_unknown_key(&good), "it has expired");
    }
}
