//! One's own account: see it, change it, take it away, take it along.

use auth_core::{AccessClaims, DisplayName, ErrorCode, FieldError, UserId, Username};
use auth_persistence::audit_event;
use auth_persistence::user::{self, Change, User, UserChange};
use auth_persistence::{Conflict, DbConnection, DbError, email_outbox, mail_budget, pending_registration};
use serde_json::json;
use url::Url;

use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::fresh_proof::{FreshProof, Proven};
use crate::letter::Template;
use crate::logout::Reason;
use crate::profile::Profile;
use crate::register::kept;
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};

/// Why an account was not shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The account is gone, and the token with it.
    #[error("the account is gone")]
    Gone,
    /// The account is switched off.
    #[error("the account is disabled")]
    Disabled,
    /// Fields are refused.
    #[error("some fields are refused")]
    Invalid(Vec<FieldError>),
    /// Another account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// The call wants a proof of who is there that is younger than ten minutes.
    #[error("a fresh proof is needed")]
    ReauthRequired,
    /// The password that came as a proof is wrong.
    #[error("wrong password")]
    InvalidCredentials,
    /// The code that came as a proof is wrong.
    #[error("wrong code")]
    InvalidCode,
    /// There is a second factor already.
    #[error("there is a second factor already")]
    MfaAlreadyEnabled,
    /// There is no second factor.
    #[error("there is no second factor")]
    MfaNotEnabled,
    /// The account has no password that could be changed.
    #[error("the account has no password")]
    NoPassword,
    /// No account of that provider is linked.
    #[error("not linked")]
    NotLinked,
    /// Nobody could sign in to the account any more.
    #[error("the last way to sign in stays")]
    LastSignInMethod,
    /// Nobody would be left to administer.
    #[error("the last admin stays")]
    LastAdmin,
    /// Nothing to do with the caller.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl AccountError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Gone => ErrorCode::SessionRevoked,
            Self::Disabled => ErrorCode::AccountDisabled,
            Self::Invalid(_) => ErrorCode::ValidationFailed,
            Self::UsernameTaken => ErrorCode::UsernameTaken,
            Self::ReauthRequired => ErrorCode::ReauthRequired,
            Self::InvalidCredentials => ErrorCode::InvalidCredentials,
            Self::InvalidCode => ErrorCode::InvalidCode,
            Self::MfaAlreadyEnabled => ErrorCode::MfaAlreadyEnabled,
            Self::MfaNotEnabled => ErrorCode::MfaNotEnabled,
            Self::NoPassword => ErrorCode::NoPassword,
            Self::NotLinked => ErrorCode::NotLinked,
            Self::LastSignInMethod => ErrorCode::LastSignInMethod,
            Self::LastAdmin => ErrorCode::LastAdmin,
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<DbError> for AccountError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::UniqueViolation(Conflict::UserUsername) => Self::UsernameTaken,
            error => Self::Fault(error.into()),
        }
    }
}

/// A change of one's profile: `None` keeps a field, `Some(None)` clears it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProfileChange<'a> {
    /// The name that is shown.
    pub display_name: Option<Option<&'a str>>,
    /// Where the picture is: an https URL.
    pub avatar_url: Option<Option<&'a str>>,
    /// The name to sign in with.
    pub username: Option<Option<&'a str>>,
}

impl AuthService {
    /// The account of `user`.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn profile(&self, user: UserId) -> Result<Profile, AccountError> {
        let inner = self.inner();
        let user = inner.database.read(move |conn| active(user::find(conn, user)?)).await?;
        Ok(Profile::of(user, inner.clock.now()))
    }

    /// Changes the account of `user`.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; nothing was changed then.
    pub async fn change_profile(&self, user: UserId, change: ProfileChange<'_>) -> Result<Profile, AccountError> {
        let inner = self.inner();
        let mut errors = Vec::new();
        let (change, handle) = (change.accept(&mut errors), inner.handle());
        if !errors.is_empty() {
            return Err(AccountError::Invalid(errors));
        }
        let user = inner
            .database
            .write(move |conn| {
                active(user::find(conn, user)?)?;
                user::update_profile(conn, user, &change, handle.clock.now())?;
                active(user::find(conn, user)?)
            })
            .await?;
        Ok(Profile::of(user, inner.clock.now()))
    }

    /// Deletes the account of the user of `claims`: sessions and everything else of theirs go, the audit trail keeps
    /// the id alone.
    ///
    /// # Errors
    ///
    /// [`AccountError`]; nothing was deleted then.
    pub async fn delete_account(
        &self,
        claims: &AccessClaims,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let inner = self.inner();
        let proven = inner.require_fresh_proof(claims, proof, client).await?;
        let (handle, claims, client) = (inner.handle(), claims.clone(), client.clone());
        let news = inner.database.write(move |conn| handle.delete(conn, &claims, &proven, &client)).await?;
        inner.apply(&news);
        Ok(())
    }
}

impl Inner {
    fn delete(
        &self,
        conn: &mut DbConnection,
        claims: &AccessClaims,
        proven: &Proven,
        client: &Client,
    ) -> Result<Vec<Revoked>, AccountError> {
        // Before the row, as administrators do: while this waits for the row, its user may be made one of them.
        user::lock_admins(conn)?;
        let row = proven.still_holds(conn, claims)?;
        Self::keep_an_admin(conn, &row)?;
        let news = self.erase(conn, &row)?;
        self.record(conn, Event::AccountDeleted, Some(row.id), &client.request_alone(), json!({}))?;
        Ok(news)
    }

    /// Deletes the account of `row`, which is locked: sessions and everything else of theirs go, and from the audit trail
    /// what tells who they were. That it happened is for the caller to write there.
    pub(crate) fn erase(&self, conn: &mut DbConnection, row: &User) -> Result<Vec<Revoked>, AccountError> {
        let news = self.end_everything(conn, row, None, Reason::AccountDeleted)?.1;
        if let Some(canonical) = &row.email_normalized {
            email_outbox::delete_unsent(conn, row.id, Some(canonical), &Template::ALL.map(Template::as_str))?;
            pending_registration::delete_by_email(conn, canonical)?;
            // The next account of the address gets its first mail at once. How many went there stays counted for its
            // hour, or whoever signs up with a stranger's address again and again would flood it.
            mail_budget::forget(conn, canonical, &Template::VerifyEmail.spacing_kind(""))?;
        }
        user::delete(conn, row.id)?;
        audit_event::forget_user(conn, row.id)?;
        Ok(news)
    }
}

pub(crate) fn active(user: Option<User>) -> Result<User, AccountError> {
    match user {
        None => Err(AccountError::Gone),
        Some(user) if user.disabled_at.is_some() => Err(AccountError::Disabled),
        Some(user) => Ok(user),
    }
}

impl ProfileChange<'_> {
    /// The change, but for fields that are refused: one error more for each.
    pub(crate) fn accept(&self, errors: &mut Vec<FieldError>) -> UserChange {
        UserChange {
            display_name: changed(self.display_name, |name| {
                kept(DisplayName::parse(name), "display_name", "invalid_display_name", errors)
            }),
            avatar_url: changed(self.avatar_url, |url| {
                kept(avatar_url(url), "avatar_url", "invalid_avatar_url", errors)
            }),
            username: changed(self.username, |name| {
                kept(Username::parse(name), "username", "invalid_username", errors)
            }),
        }
    }
}

fn changed<T>(field: Option<Option<&str>>, parse: impl FnOnce(&str) -> Option<T>) -> Change<T> {
    match field {
        None => Change::Keep,
        Some(None) => Change::Clear,
        Some(Some(text)) => parse(text).map_or(Change::Keep, Change::Set),
    }
}

/// An https URL without credentials, at most 2 048 bytes: pages show it as a picture, this server never fetches it. It is
/// kept as it was typed, so nothing is taken that a URL would have to encode (RFC 3986, section 2), as a quote that ends the
/// attribute it is put in, and nothing that a parser has to mend.
pub(crate) fn avatar_url(text: &str) -> Result<String, &'static str> {
    const RULE: &str = "an avatar is an https URL of at most 2048 characters, all of them such as URLs are made of";
    let is_of_urls = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let url = Url::parse(text).map_err(|_| RULE)?;
    let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    let rest = text.get(..8).filter(|start| start.eq_ignore_ascii_case("https://")).map(|_| &text[8..]).ok_or(RULE)?;
    let is_whole = !rest.starts_with('/') && text.len() <= 2048 && text.bytes().all(is_of_urls);
    if is_plain && is_whole { Ok(text.to_owned()) } else { Err(RULE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avatars_are_https_urls() {
        for text in
            ["https://cdn.example.org/a.png?s=1", "https://CDN.example.org", "https://cdn.example.org/%C3%BC.png#x"]
        {
            assert_eq!(avatar_url(text).unwrap(), text);
        }
        for text in [
            "http://a.example/",
            "javascript:alert(1)",
            "data:image/png;base64,AA",
            "https://u:p@a.example/",
            "//a",
            "",
            "https:a.example/",
            "https:///a.example/",
            " https://a.example/",
            "https://a.example/\n",
            "https:\\\\a.example/",
            "https://a.example/\"onerror=\"x",
            "https://a.example/<b>",
            "https://a.example/ü.png",
        ] {
            assert!(avatar_url(text).is_err(), "{text}");
        }
    }
}
