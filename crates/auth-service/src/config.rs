//! How the use cases behave.

use std::num::NonZeroU32;
use std::time::Duration;

use auth_core::SigningAlgorithm;
use auth_core::password::PasswordPolicy;

/// The settings of [`AuthService`](crate::AuthService). The defaults are those of `docs/configuration.md`.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// The `iss` of access tokens: the service's public URL.
    pub issuer: String,
    /// The `aud` of access tokens.
    pub audience: String,
    /// The algorithm that new access tokens are signed with.
    pub signing_algorithm: SigningAlgorithm,
    /// How long an access token lives: 1 s to 24 h.
    pub access_lifetime: Duration,
    /// How long a session lives at most: 1 s to 400 days.
    pub refresh_lifetime: Duration,
    /// How long a session lives without a refresh: at most `refresh_lifetime`.
    pub refresh_idle: Duration,
    /// For how long after a rotation refreshes are idempotent; zero is strict mode (`docs/tokens.md`).
    pub refresh_grace: Duration,
    /// What the reuse of a refresh token ends.
    pub reuse_revokes: ReuseScope,
    /// How many sessions a user may have; the oldest end.
    pub sessions_per_user: NonZeroU32,
    /// Whether anybody may register.
    pub registration_open: bool,
    /// What passwords must be like.
    pub password_policy: PasswordPolicy,
    /// The product's name, which no password may equal.
    pub product_name: String,
    /// How often the feed of revocations is read.
    pub revocation_poll: Duration,
    /// How old what is known of revocations may be before access tokens are answered with 503; `None`: any age.
    pub revocation_max_age: Option<Duration>,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            issuer: "http://localhost:8080".to_owned(),
            audience: "http://localhost:8080".to_owned(),
            signing_algorithm: SigningAlgorithm::EdDsa,
            access_lifetime: Duration::from_mins(15),
            refresh_lifetime: Duration::from_hours(30 * 24),
            refresh_idle: Duration::from_hours(7 * 24),
            refresh_grace: Duration::from_secs(30),
            reuse_revokes: ReuseScope::User,
            sessions_per_user: NonZeroU32::new(50).unwrap_or(NonZeroU32::MIN),
            registration_open: true,
            password_policy: PasswordPolicy::default(),
            product_name: "Gatehouse".to_owned(),
            revocation_poll: Duration::from_millis(500),
            revocation_max_age: Some(Duration::from_secs(5)),
        }
    }
}

/// What the reuse of a refresh token ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReuseScope {
    /// Every session of the user.
    #[default]
    User,
    /// The session of the token alone.
    Session,
}
