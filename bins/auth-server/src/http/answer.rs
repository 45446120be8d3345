//! What answers look like: the shapes of the HTTP contract.

use auth_core::{Role, Timestamp};
use auth_service::{Profile, SessionInfo};
use serde::Serialize;
use utoipa::ToSchema;

use super::words;

/// A user, as that user sees their own account.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the contract's shape, which no code decides by")]
pub(super) struct User {
    #[schema(format = Uuid)]
    id: String,
    /// `null` only for an account from OAuth whose provider proved no address.
    #[schema(required, format = Email, example = "ada@example.org")]
    email: Option<String>,
    email_verified: bool,
    #[schema(required, example = "ada")]
    username: Option<String>,
    #[schema(required, example = "Ada Lovelace")]
    display_name: Option<String>,
    #[schema(required, format = Uri)]
    avatar_url: Option<String>,
    #[schema(value_type = words::Role)]
    role: Role,
    /// Whether the account may be signed in to.
    is_active: bool,
    /// Whether `premium_until` is in the future.
    is_premium: bool,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    premium_until: Option<Timestamp>,
    /// Whether the next sign-in asks for a new password.
    password_must_change: bool,
    /// Whether sign-ins ask for a second factor.
    mfa_enabled: bool,
    /// Whether there is a password to sign in with; an account from OAuth may have none.
    has_password: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_login_at: Option<Timestamp>,
}

impl From<Profile> for User {
    fn from(profile: Profile) -> Self {
        Self {
            id: profile.id.to_string(),
            email: profile.email,
            email_verified: profile.email_verified,
            username: profile.username,
            display_name: profile.display_name,
            avatar_url: profile.avatar_url,
            role: profile.role,
            is_active: profile.is_active,
            is_premium: profile.is_premium,
            premium_until: profile.premium_until,
            password_must_change: profile.password_must_change,
            mfa_enabled: profile.mfa_enabled,
            has_password: profile.has_password,
            created_at: profile.created_at,
            updated_at: profile.updated_at,
            last_login_at: profile.last_login_at,
        }
    }
}

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    #[schema(schema_with = words::authenticated)]
    status: &'static str,
    /// A JWT by RFC 9068: send it as `Authorization: Bearer …`.
    access_token: String,
    /// Opaque; within the grace of the last rotation it comes back unchanged.
    refresh_token: String,
    #[schema(schema_with = words::bearer)]
    token_type: &'static str,
    /// For how many seconds the access token is good.
    #[schema(example = 900)]
    expires_in: u64,
    user: User,
    /// For a device that was not known: send it as `device_token` with the next sign-in on this device, and wrong
    /// passwords from elsewhere can't lock this one out. A refresh gives none.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
}

impl From<auth_service::Tokens> for Tokens {
    fn from(tokens: auth_service::Tokens) -> Self {
        Self {
            status: "authenticated",
            access_token: tokens.access_token.expose().to_owned(),
            refresh_token: tokens.refresh_token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            user: tokens.user.into(),
            device_token: tokens.device_token.map(|token| token.expose().to_owned()),
        }
    }
}

/// The live sessions of a user, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Sessions {
    count: usize,
    sessions: Vec<Session>,
}

impl From<Vec<SessionInfo>> for Sessions {
    fn from(sessions: Vec<SessionInfo>) -> Self {
        Self { count: sessions.len(), sessions: sessions.into_iter().map(Session::from).collect() }
    }
}

/// A live session.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    #[schema(format = Uuid)]
    id: String,
    /// Whether it is the session that asks.
    current: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(required, example = "192.0.2.7")]
    ip: Option<String>,
    #[schema(required)]
    user_agent: Option<String>,
    /// The device in a few words, guessed from the user agent.
    #[schema(required, example = "Firefox on Linux")]
    device: Option<String>,
    /// How the user signed in (RFC 8176).
    #[schema(example = json!(["pwd", "otp", "mfa"]))]
    auth_methods: Vec<String>,
}

impl From<SessionInfo> for Session {
    fn from(session: SessionInfo) -> Self {
        Self {
            id: session.id.to_string(),
            current: session.current,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            ip: session.ip,
            user_agent: session.user_agent,
            device: session.device,
            auth_methods: session.auth_methods,
        }
    }
}

/// A refusal (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape that auth_actix::Problem writes, for the OpenAPI document")]
pub(super) struct Problem {
    /// Always `about:blank`: `error_code` tells the kind.
    #[schema(example = "about:blank")]
    r#type: String,
    /// The kind in a few words, for people; the same for each `error_code`.
    title: String,
    /// The status of the answer, once more.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong this time, for people.
    detail: String,
    #[schema(value_type = words::ProblemCode)]
    error_code: String,
    #[schema(format = DateTime)]
    timestamp: String,
    /// The id under which the operator finds the cause in the log.
    request_id: String,
    /// Which fields are missing or refused; with `validation_failed` alone.
    #[schema(nullable = false, min_items = 1)]
    errors: Option<Vec<FieldProblem>>,
}

/// What is wrong with one field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "part of the shape of a problem, for the OpenAPI document")]
pub(super) struct FieldProblem {
    /// The field's or the parameter's name in the request.
    #[schema(example = "password")]
    field: String,
    /// A stable code, for instance `required` or `weak_password`.
    #[schema(example = "required")]
    code: String,
    message: String,
}
