//! Who somebody says to be: an address or a username, as it was typed.

use auth_core::{Email, Username};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError};

/// What somebody types to say who they are, in its canonical form.
#[derive(Clone, Debug)]
pub(crate) enum Identifier {
    Email(String),
    Username(String),
    /// Nobody can be called so. As it was typed, but for its case, so that each has a count of its own.
    Nobody(String),
}

impl Identifier {
    /// `text` in its canonical form. Whatever it is, it is somebody's count at the limits.
    pub(crate) fn parse(text: &str) -> Self {
        if text.len() > Email::MAX_BYTES {
            // Longer than any name, and not worth the work of folding it.
            return Self::nobody(text);
        }
        if text.contains('@') {
            let email = Email::parse(text).map(|email| Self::Email(email.canonical().to_owned()));
            return email.unwrap_or_else(|_| Self::nobody(text));
        }
        // No name has a NUL, and PostgreSQL can't even be asked for one.
        let name = Some(Username::canonicalize(text)).filter(|name| !name.contains('\0'));
        name.map_or_else(|| Self::nobody(text), Self::Username)
    }

    fn nobody(text: &str) -> Self {
        Self::Nobody(text.trim().to_lowercase())
    }

    /// Under which name it is counted.
    pub(crate) fn canonical(&self) -> &str {
        match self {
            Self::Email(name) | Self::Username(name) | Self::Nobody(name) => name,
        }
    }

    /// Who is called so.
    pub(crate) fn find(&self, conn: &mut DbConnection) -> Result<Option<User>, DbError> {
        match self {
            Self::Email(email) => user::find_by_email(conn, email),
            Self::Username(name) => user::find_by_username(conn, name),
            // As much work as the others, for an address that nobody can have.
            Self::Nobody(_) => user::find_by_email(conn, ""),
        }
    }
}
