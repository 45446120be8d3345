//! What every step of a sign-in answers, whichever way it began: tokens, or what is still due.

use auth_service::ChallengeMethod;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Tokens;
use super::words;

/// Tokens, or a challenge; `status` tells which.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "status", mapping(
    ("authenticated" = "#/components/schemas/Tokens"),
    ("challenge" = "#/components/schemas/Challenged")
)))]
pub(super) enum Step {
    Authenticated(Box<Tokens>),
    Challenged(Challenged),
}

/// The sign-in is half done: answer the challenge at `POST /auth/challenge`.
#[derive(Serialize, ToSchema)]
pub(super) struct Challenged {
    #[schema(schema_with = words::challenge)]
    status: &'static str,
    challenge: Challenge,
}

/// What is still due.
#[derive(Serialize, ToSchema)]
pub(super) struct Challenge {
    /// What the answer is sent with. Each step gives another.
    token: String,
    #[schema(value_type = words::ChallengeKind)]
    kind: &'static str,
    /// What it can be answered with. The mail of `email_link` has been sent.
    #[schema(value_type = Vec<words::ChallengeMethod>, min_items = 1)]
    methods: Vec<&'static str>,
    /// For how many seconds it can be answered.
    #[schema(example = 300)]
    expires_in: u64,
}

impl From<auth_service::Step> for Step {
    fn from(step: auth_service::Step) -> Self {
        match step {
            auth_service::Step::Authenticated(tokens) => Self::Authenticated(Box::new((*tokens).into())),
            auth_service::Step::Challenge(challenge) => Self::Challenged(challenge.into()),
        }
    }
}

impl From<auth_service::Challenge> for Challenged {
    fn from(challenge: auth_service::Challenge) -> Self {
        let methods = challenge.methods.iter().copied().map(ChallengeMethod::as_str).collect();
        let token = challenge.token.expose().to_owned();
        let kind = challenge.kind.as_str();
        Self { status: "challenge", challenge: Challenge { token, kind, methods, expires_in: challenge.expires_in } }
    }
}

/// What was asked for is being done, or there was nothing to do: nobody is told which.
#[derive(Serialize, ToSchema)]
pub(super) struct Accepted {
    #[schema(schema_with = words::accepted)]
    status: &'static str,
}

/// A mail was sent to the address, whoever owns it: with its link, or by a sign-in, the registration goes on.
#[derive(Serialize, ToSchema)]
pub(super) struct VerificationRequired {
    #[schema(schema_with = words::verification_required)]
    status: &'static str,
}

impl Accepted {
    pub(super) const REQUEST: Self = Self { status: "accepted" };
}

impl VerificationRequired {
    pub(super) const REGISTRATION: Self = Self { status: "verification_required" };
}
