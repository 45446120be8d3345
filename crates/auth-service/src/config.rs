//! How the use cases behave.

use std::num::NonZeroU32;
use std::time::Duration;

use auth_core::password::PasswordPolicy;
use auth_core::{BreakerConfig, SigningAlgorithm};
use url::{Origin, Url};

use crate::limits::RateLimits;
use crate::links::Links;

/// The settings of [`AuthService`](crate::AuthService). The defaults are those of `docs/configuration.md`.
#[expect(clippy::struct_excessive_bools, reason = "settings, each a switch of its own")]
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// The service's public URL: the callbacks of sign-ins with other providers are below it.
    pub base_url: Url,
    /// The origins whose pages a sign-in with another provider may end at.
    pub redirect_origins: Vec<Origin>,
    /// The `iss` of access tokens: the service's public URL.
    pub issuer: String,
    /// The `aud` of access tokens.
    pub audience: String,
    /// The algorithm that new access tokens are signed with.
    pub signing_algorithm: SigningAlgorithm,
    /// How old a signing key gets before another one signs: at least 1 h.
    pub signing_key_life: Duration,
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
    /// Whether an address must be verified before its owner can sign in. Registering then tells nobody whether an
    /// address has an account.
    pub require_verified_email: bool,
    /// How long a registration waits for its address to be verified; `None`: until another one replaces it.
    pub pending_registration_life: Option<Duration>,
    /// Failed sign-ins are answered no earlier than this after they came (while foreign, slower hashes are replaced).
    pub login_floor: Option<Duration>,
    /// Whether a change of the second factor ends the account's other sessions.
    pub mfa_ends_other_sessions: bool,
    /// Whether a sign-in from a new device is told by mail.
    pub notify_new_device: bool,
    /// How many mails that anybody can cause go to one address: so many, in so long; `None`: any number.
    pub mails_per_recipient: Option<(NonZeroU32, Duration)>,
    /// How often somebody may do what costs much, or guesses, or mails.
    pub rate_limits: RateLimits,
    /// How long a device is recognised that nobody signed in on since.
    pub device_token_life: Duration,
    /// How long audit events are kept.
    pub audit_retention: Duration,
    /// Where the links in mails lead.
    pub links: Links,
    /// When the mail server counts as gone.
    pub breaker: BreakerConfig,
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
            base_url: default_base_url(),
            redirect_origins: vec![default_base_url().origin()],
            issuer: "http://localhost:8080".to_owned(),
            audience: "http://localhost:8080".to_owned(),
            signing_algorithm: SigningAlgorithm::EdDsa,
            signing_key_life: Duration::from_hours(90 * 24),
            access_lifetime: Duration::from_mins(15),
            refresh_lifetime: Duration::from_hours(30 * 24),
            refresh_idle: Duration::from_hours(7 * 24),
            refresh_grace: Duration::from_secs(30),
            reuse_revokes: ReuseScope::User,
            sessions_per_user: NonZeroU32::new(50).unwrap_or(NonZeroU32::MIN),
            registration_open: true,
            require_verified_email: false,
            pending_registration_life: Some(Duration::from_hours(7 * 24)),
            login_floor: None,
            mfa_ends_other_sessions: true,
            notify_new_device: true,
            mails_per_recipient: NonZeroU32::new(5).map(|count| (count, Duration::from_hours(1))),
            rate_limits: RateLimits::default(),
            device_token_life: Duration::from_hours(180 * 24),
            audit_retention: Duration::from_hours(400 * 24),
            links: Links::below(&default_base_url()),
            breaker: BreakerConfig::default(),
            password_policy: PasswordPolicy::default(),
            product_name: "Gatehouse".to_owned(),
            revocation_poll: Duration::from_millis(500),
            revocation_max_age: Some(Duration::from_secs(5)),
        }
    }
}

#[expect(clippy::expect_used, reason = "a constant that a test reads")]
fn default_base_url() -> Url {
    Url::parse("http://localhost:8080").expect("a URL")
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
