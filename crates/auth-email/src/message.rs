//! Every mail there is.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use auth_core::Timestamp;
use url::Url;

/// A mail's content. The link, where there is one, carries the one-time token, so it isn't printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// Asks the owner of a new account's address to verify it.
    VerifyEmail {
        /// Verifies the address; good for 24 hours.
        link: Url,
    },
    /// Lets the owner of an account set a new password.
    ResetPassword {
        /// Sets the password; good for 30 minutes.
        link: Url,
        /// The password was switched off after 100 wrong attempts in a row.
        because_disabled: bool,
    },
    /// Asks at a new address whether an account may have it.
    ChangeEmail {
        /// Confirms the change; good for 1 hour.
        link: Url,
    },
    /// Tells the old address that an account has a new one.
    EmailChanged {
        /// The new address. Shown as text, never as a link.
        new_email: String,
        /// Takes the change back; good for 7 days.
        link: Url,
    },
    /// Tells the owner of an account that somebody wanted to register their address again. No link.
    AccountExists,
    /// Tells what happened to an account.
    SecurityAlert {
        /// What happened.
        alert: Alert,
        /// When, and from where.
        occasion: Occasion,
        /// Locks strangers out; good for 72 hours.
        link: Url,
    },
    /// Tells that an account elsewhere can sign in here now: [`Alert::AccountLinked`] with the name of the provider.
    AccountLinked {
        /// What people call the provider. Shown as text, never as a link.
        provider: String,
        /// When, and from where.
        occasion: Occasion,
        /// Locks strangers out; good for 72 hours.
        link: Url,
    },
    /// Tells that an account's password was changed.
    PasswordChanged {
        /// When, and from where.
        occasion: Occasion,
        /// Locks strangers out; good for 72 hours.
        link: Url,
    },
    /// Lets somebody set the first password of the account that an administrator made for them.
    Activate {
        /// Sets the password; good for 72 hours.
        link: Url,
    },
}

impl Message {
    /// The mail's name in the contract.
    pub const fn template(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "verify_email",
            Self::ResetPassword { .. } => "reset_password",
            Self::ChangeEmail { .. } => "change_email",
            Self::EmailChanged { .. } => "email_changed",
            Self::AccountExists => "account_exists",
            Self::SecurityAlert { .. } | Self::AccountLinked { .. } => "security_alert",
            Self::PasswordChanged { .. } => "password_changed",
            Self::Activate { .. } => "activate",
        }
    }

    /// The one link in it, if it has one.
    pub const fn link(&self) -> Option<&Url> {
        match self {
            Self::VerifyEmail { link }
            | Self::ResetPassword { link, .. }
            | Self::ChangeEmail { link }
            | Self::EmailChanged { link, .. }
            | Self::SecurityAlert { link, .. }
            | Self::AccountLinked { link, .. }
            | Self::PasswordChanged { link, .. }
            | Self::Activate { link } => Some(link),
            Self::AccountExists => None,
        }
    }

    /// How long the mail says that its link is good; `None` without a link.
    pub const fn link_life(&self) -> Option<Duration> {
        match self {
            Self::VerifyEmail { .. } => Some(Duration::from_hours(24)),
            Self::ResetPassword { .. } => Some(Duration::from_mins(30)),
            Self::ChangeEmail { .. } => Some(Duration::from_hours(1)),
            Self::EmailChanged { .. } => Some(Duration::from_hours(7 * 24)),
            Self::SecurityAlert { .. }
            | Self::AccountLinked { .. }
            | Self::PasswordChanged { .. }
            | Self::Activate { .. } => Some(Duration::from_hours(72)),
            Self::AccountExists => None,
        }
    }
}

/// Only the template: a link is a secret, an address is personal.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.template())
    }
}

/// What a security alert tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alert {
    /// A refresh token was used again after its successor: a copy of it is about.
    TokenReused,
    /// Somebody signed in from a device that was not seen before.
    NewDevice,
    /// A second factor was added.
    MfaEnabled,
    /// The second factor was removed.
    MfaDisabled,
    /// The second factor was switched off after 100 wrong codes in a row; only an administrator can take it off.
    MfaLocked,
    /// The backup codes were replaced by new ones.
    BackupCodesReplaced,
    /// Wrong codes came several times in a row after the right password.
    WrongCodes,
    /// The password was changed.
    PasswordChanged,
    /// An account elsewhere can sign in here now. [`Message::AccountLinked`] says where.
    AccountLinked,
}

impl Alert {
    /// Every alert there is.
    pub const ALL: [Self; 9] = [
        Self::TokenReused,
        Self::NewDevice,
        Self::MfaEnabled,
        Self::MfaDisabled,
        Self::MfaLocked,
        Self::BackupCodesReplaced,
        Self::WrongCodes,
        Self::PasswordChanged,
        Self::AccountLinked,
    ];

    /// A stable name, for the outbox to keep.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenReused => "token_reused",
            Self::NewDevice => "new_device",
            Self::MfaEnabled => "mfa_enabled",
            Self::MfaDisabled => "mfa_disabled",
            Self::MfaLocked => "mfa_locked",
            Self::BackupCodesReplaced => "backup_codes_replaced",
            Self::WrongCodes => "wrong_codes",
            Self::PasswordChanged => "password_changed",
            Self::AccountLinked => "account_linked",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Alert {
    type Err = UnknownAlert;

    fn from_str(text: &str) -> Result<Self, UnknownAlert> {
        Self::ALL.into_iter().find(|alert| alert.as_str() == text).ok_or(UnknownAlert)
    }
}

/// The text names no alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a security alert")]
pub struct UnknownAlert;

/// When something happened, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// When.
    pub at: Timestamp,
    /// The client's IP address. Anything else than an address is left out.
    pub ip: Option<String>,
    /// The client's device, as it calls itself. Shown as text of at most 120 characters, never as a link.
    pub device: Option<String>,
}
