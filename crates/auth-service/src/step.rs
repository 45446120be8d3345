//! What every step of a sign-in answers: the tokens, or what is still to be shown.

use std::time::Duration;

use auth_core::OneTimeToken;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::session::Tokens;

/// How long a challenge can be answered.
pub const CHALLENGE_LIFE: Duration = Duration::from_mins(5);

/// How often a challenge can be answered wrongly.
pub const CHALLENGE_TRIES: u32 = 5;

/// Where a sign-in stands, whichever way it began.
#[derive(Debug)]
pub enum Step {
    /// The session is open.
    Authenticated(Box<Tokens>),
    /// Something is still due: answer it with [`AuthService::answer_challenge`](crate::AuthService::answer_challenge).
    Challenge(Challenge),
}

impl Step {
    /// The step as clients get it. It holds tokens: answer with it, and log it never.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Authenticated(tokens) => tokens.to_json(),
            Self::Challenge(challenge) => {
                let methods: Vec<_> = challenge.methods.iter().copied().map(ChallengeMethod::as_str).collect();
                let (token, kind) = (challenge.token.expose(), challenge.kind.as_str());
                let due =
                    json!({ "token": token, "kind": kind, "methods": methods, "expires_in": challenge.expires_in });
                json!({ "status": "challenge", "challenge": due })
            }
        }
    }
}

/// What is still due before a session is opened.
#[derive(Debug)]
pub struct Challenge {
    /// What the answer is sent with; it opens nothing by itself.
    pub token: OneTimeToken,
    /// What is due.
    pub kind: ChallengeKind,
    /// What it can be answered with by this user: some of [`ChallengeKind::methods`].
    pub methods: Vec<ChallengeMethod>,
    /// For how many seconds it can be answered.
    pub expires_in: u64,
}

/// What may be due, in the order in which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeKind {
    /// The second factor has to be shown.
    Mfa,
    /// The address has to be verified.
    VerifyEmail,
    /// A new password has to be set.
    ChangePassword,
}

impl ChallengeKind {
    /// The name that clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mfa => "mfa",
            Self::VerifyEmail => "verify_email",
            Self::ChangePassword => "change_password",
        }
    }

    /// What it can be answered with.
    pub const fn methods(self) -> &'static [ChallengeMethod] {
        match self {
            Self::Mfa => &[ChallengeMethod::Totp, ChallengeMethod::BackupCode],
            Self::VerifyEmail => &[ChallengeMethod::EmailLink],
            Self::ChangePassword => &[ChallengeMethod::NewPassword],
        }
    }
}

/// What a challenge is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeMethod {
    /// A code of the user's authenticator.
    Totp,
    /// One of the user's backup codes.
    BackupCode,
    /// The token of the mailed link, or nothing once the address was verified elsewhere.
    EmailLink,
    /// A new password.
    NewPassword,
}

impl ChallengeMethod {
    /// The name that clients see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::BackupCode => "backup_code",
            Self::EmailLink => "email_link",
            Self::NewPassword => "new_password",
        }
    }
}
