//! Access tokens, refresh tokens and the sessions behind them.

use std::num::NonZeroU32;
use std::time::Duration;

use super::server::ServerSettings;
use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{DAY, HOUR, MINUTE, SECOND, choice, duration, duration_text, number, token_name};

static ALGORITHM: Definition = Definition::new(
    "AUTH_JWT_ALGORITHM",
    "EdDSA",
    "signature of access tokens: `EdDSA`, `ES256`, `RS256` or `HS256` (which publishes no keys)",
);
static ISSUER: Definition = Definition::derived("AUTH_JWT_ISSUER", "the base URL", "`iss` of access tokens");
static AUDIENCE: Definition = Definition::derived("AUTH_JWT_AUDIENCE", "the base URL", "`aud` of access tokens");
static ACCESS_TTL: Definition = Definition::new(
    "AUTH_ACCESS_TOKEN_TTL",
    "15m",
    "life of an access token, 1s to 24h; it never outlives its session",
);
static REFRESH_TTL: Definition =
    Definition::new("AUTH_REFRESH_TOKEN_TTL", "30d", "longest life of a session, however busy, 1s to 400d");
static REFRESH_IDLE_TTL: Definition = Definition::derived(
    "AUTH_REFRESH_IDLE_TTL",
    "7d, or AUTH_REFRESH_TOKEN_TTL where that is shorter",
    "life of a session that isn't refreshed, 1s to 400d, not longer than AUTH_REFRESH_TOKEN_TTL",
);
static SESSIONS_PER_USER: Definition =
    Definition::new("AUTH_SESSIONS_PER_USER", "50", "sessions of one user, 1 to 10000; one more ends the oldest");
static GRACE: Definition = Definition::new(
    "AUTH_REFRESH_GRACE",
    "30s",
    "refreshes within this time of a rotation get the same answer, 0s to 5m; must be longer than a client's time-out plus \
     delays and clock skew; `0s` is strict, and strands clients whose answer was lost",
);
static REUSE_REVOKES: Definition = Definition::new(
    "AUTH_REFRESH_REUSE_REVOKES",
    "user",
    "what ends when a spent refresh token is used again: all sessions of the `user`, or that `session` alone",
);
static SIGNING_KEY_LIFE: Definition = Definition::new(
    "AUTH_SIGNING_KEY_LIFE",
    "90d",
    "age at which a signing key is followed by a fresh one, which is published 15m before, 1h to 3650d",
);

pub(crate) static GROUP: Group = Group {
    title: "Tokens and sessions",
    rows: &[
        &ALGORITHM,
        &ISSUER,
        &AUDIENCE,
        &ACCESS_TTL,
        &REFRESH_TTL,
        &REFRESH_IDLE_TTL,
        &SESSIONS_PER_USER,
        &GRACE,
        &REUSE_REVOKES,
        &SIGNING_KEY_LIFE,
    ],
};

const DEFAULT_IDLE: Duration = Duration::from_hours(7 * 24);

/// Signature of access tokens (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA, PKCS #1 v1.5, with SHA-256.
    Rs256,
    /// HMAC with SHA-256: whoever can verify can also sign.
    Hs256,
}

/// What the use of a spent refresh token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReuseRevokes {
    /// All sessions of the user.
    User,
    /// The session that the token belongs to.
    Session,
}

/// Settings of tokens and sessions.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// Signature of access tokens.
    pub algorithm: JwtAlgorithm,
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// Life of an access token, 1s to 24h.
    pub access_ttl: Duration,
    /// Longest life of a session, 1s to 400d.
    pub refresh_ttl: Duration,
    /// Life of an idle session, at most `refresh_ttl`.
    pub refresh_idle_ttl: Duration,
    /// Sessions of one user, 1 to 10000.
    pub sessions_per_user: NonZeroU32,
    /// Time in which a repeated refresh is idempotent, 0s (strict) to 5m.
    pub refresh_grace: Duration,
    /// What the use of a spent refresh token ends.
    pub reuse_revokes: ReuseRevokes,
    /// Age at which a signing key is followed by another, 1h to 3650d.
    pub signing_key_life: Duration,
}

impl TokenSettings {
    pub(crate) fn read(reader: &mut Reader, server: &ServerSettings) -> Self {
        let algorithm = reader.value(&ALGORITHM, algorithm);
        let issuer = name_or_base_url(reader, &ISSUER, server);
        let audience = name_or_base_url(reader, &AUDIENCE, server);
        let access_ttl = reader.value(&ACCESS_TTL, duration(SECOND..=24 * HOUR));
        let refresh_ttl = reader.value(&REFRESH_TTL, duration(SECOND..=400 * DAY));
        Self {
            algorithm,
            issuer,
            audience,
            access_ttl,
            refresh_ttl,
            refresh_idle_ttl: idle_ttl(reader, refresh_ttl),
            sessions_per_user: NonZeroU32::new(reader.value(&SESSIONS_PER_USER, number(1..=10_000)))
                .unwrap_or(NonZeroU32::MIN),
            refresh_grace: reader.value(&GRACE, duration(Duration::ZERO..=5 * MINUTE)),
            reuse_revokes: reader
                .value(&REUSE_REVOKES, choice(&[("user", ReuseRevokes::User), ("session", ReuseRevokes::Session)])),
            signing_key_life: reader.value(&SIGNING_KEY_LIFE, duration(HOUR..=3650 * DAY)),
        }
    }
}

fn algorithm(text: &str) -> Result<JwtAlgorithm, crate::settings::fault::Remedy> {
    choice(&[
        ("EdDSA", JwtAlgorithm::EdDsa),
        ("ES256", JwtAlgorithm::Es256),
        ("RS256", JwtAlgorithm::Rs256),
        ("HS256", JwtAlgorithm::Hs256),
    ])(text)
}

fn name_or_base_url(reader: &mut Reader, row: &'static Definition, server: &ServerSettings) -> String {
    reader.optional(row, token_name).unwrap_or_else(|| {
        reader.derived(row, server.base_url.as_str());
        server.base_url.to_string()
    })
}

fn idle_ttl(reader: &mut Reader, absolute: Duration) -> Duration {
    let Some(idle) = reader.optional(&REFRESH_IDLE_TTL, duration(SECOND..=400 * DAY)) else {
        let idle = DEFAULT_IDLE.min(absolute);
        reader.derived(&REFRESH_IDLE_TTL, &duration_text(idle));
        return idle;
    };
    if idle > absolute {
        let remedy = format!("write at most `{}`, the value of AUTH_REFRESH_TOKEN_TTL", duration_text(absolute));
        reader.refuse(&(&REFRESH_IDLE_TTL).into(), remedy);
    }
    idle
}
