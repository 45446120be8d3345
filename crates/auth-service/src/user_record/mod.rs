//! A user as one line of JSON: what goes from one database to another, or comes from another system
//! (docs/moving-in.md has the fields).
//!
//! - Here: what a line says.
//! - `json` reads JSON strictly; `fields` takes an object apart; `read` makes a record of it, by the rules of the types of
//!   `auth-core`.
//! - `stored` is a user with everything that is exported, from and to the tables; `write` is its line.
//! - `difference` tells whether a line and a stored user are the same.

mod difference;
mod fields;
mod json;
mod read;
mod stored;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

use auth_core::{DisplayName, Email, Role, Timestamp, TotpSecret, UserId, Username};
use auth_persistence::Hidden;

pub(crate) use self::stored::StoredUser;

/// A user, as a line says.
///
/// What a line leaves out is empty; times that a user must have are filled in when the user is stored.
pub struct UserRecord {
    pub(crate) id: Option<UserId>,
    pub(crate) email: Option<Email>,
    pub(crate) email_verified: Since,
    pub(crate) email_changed_at: Option<Timestamp>,
    pub(crate) email_vouched_at: Option<Timestamp>,
    pub(crate) username: Option<Username>,
    pub(crate) display_name: Option<DisplayName>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) password_hash: Option<Hidden<String>>,
    pub(crate) password_must_change: bool,
    pub(crate) totp_secret: Option<TotpSecret>,
    pub(crate) mfa_enabled_at: Option<Timestamp>,
    pub(crate) linked_accounts: Vec<LinkedRecord>,
    pub(crate) role: Role,
    pub(crate) disabled: Since,
    pub(crate) premium_until: Option<Timestamp>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) last_login_at: Option<Timestamp>,
}

/// An account of another provider, as a line says.
pub(crate) struct LinkedRecord {
    pub(crate) provider: String,
    /// `None`: that of the provider which is configured under this name, until that is filled in.
    pub(crate) issuer: Option<String>,
    pub(crate) subject: String,
    pub(crate) email: Option<Email>,
    pub(crate) display_name: Option<DisplayName>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) linked_at: Option<Timestamp>,
}

impl UserRecord {
    /// The forms in which address and username are unique.
    pub(crate) fn canonical(&self) -> (Option<&str>, Option<&str>) {
        (self.email.as_ref().map(Email::canonical), self.username.as_ref().map(Username::canonical))
    }

    /// What the linked accounts are told apart by: issuer and subject.
    pub(crate) fn identities(&self) -> impl Iterator<Item = (String, String)> {
        self.linked_accounts.iter().filter_map(|account| Some((account.issuer.clone()?, account.subject.clone())))
    }
}

/// Since when something is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Since {
    /// It isn't.
    #[default]
    Never,
    /// It is, and nobody tells since when.
    Sometime,
    /// Since then.
    At(Timestamp),
}

impl Since {
    /// Since when, or `unknown` where nobody tells.
    pub(crate) fn or(self, unknown: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::Sometime => Some(unknown),
            Self::At(at) => Some(at),
        }
    }

    /// Whether `stored` is the same, as far as this tells.
    pub(crate) fn is(self, stored: Option<Timestamp>) -> bool {
        match self {
            Self::Never => stored.is_none(),
            Self::Sometime => stored.is_some(),
            Self::At(at) => stored == Some(at),
        }
    }
}

/// Without personal data and secrets.
impl fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why a line is refused: the field and what is the matter with it. Neither holds anything of the field's value, since that
/// may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default())]
pub struct RefusedRecord {
    /// The field; `None` when the line as a whole can't be read.
    pub field: Option<String>,
    /// What is the matter.
    pub reason: String,
}

impl RefusedRecord {
    pub(crate) fn line(reason: impl Into<String>) -> Self {
        Self { field: None, reason: reason.into() }
    }

    pub(crate) fn field(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { field: Some(field.into()), reason: reason.to_string() }
    }
}
