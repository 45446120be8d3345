//! A user as answers show one.

use auth_core::{Role, Timestamp, UserId};
use auth_persistence::user::User;
use serde::Serialize;

/// What a user may know of their own account.
#[expect(clippy::struct_excessive_bools, reason = "the contract's fields, each a fact of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The user's id.
    pub id: UserId,
    /// The address, as its owner spelt it.
    pub email: Option<String>,
    /// Whether the address was proven to be the user's.
    pub email_verified: bool,
    /// The name to sign in with.
    pub username: Option<String>,
    /// The name that is shown.
    pub display_name: Option<String>,
    /// Where the user's picture is.
    pub avatar_url: Option<String>,
    /// What the user may do.
    pub role: Role,
    /// Whether the account is switched on.
    pub is_active: bool,
    /// Whether `premium_until` is in the future.
    pub is_premium: bool,
    /// Until when the user has premium.
    pub premium_until: Option<Timestamp>,
    /// Whether the next sign-in asks for a new password.
    pub password_must_change: bool,
    /// Whether a second factor is asked.
    pub mfa_enabled: bool,
    /// Whether there is a password to sign in with.
    pub has_password: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When somebody last signed in to it.
    pub last_login_at: Option<Timestamp>,
}

impl Profile {
    /// The profile of `user` at the time `now`.
    pub(crate) fn of(user: User, now: Timestamp) -> Self {
        Self {
            id: user.id,
            email: user.email,
            email_verified: user.email_verified_at.is_some(),
            username: user.username,
            display_name: user.display_name,
            avatar_url: user.avatar_url,
            role: user.role,
            is_active: user.disabled_at.is_none(),
            is_premium: user.premium_until.is_some_and(|until| until > now),
            premium_until: user.premium_until,
            password_must_change: user.password_must_change,
            mfa_enabled: user.mfa_enabled_at.is_some(),
            has_password: user.password_hash.is_some(),
            created_at: user.created_at,
            updated_at: user.updated_at,
            last_login_at: user.last_login_at,
        }
    }
}
