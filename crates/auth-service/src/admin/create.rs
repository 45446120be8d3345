//! Making an account for somebody, who sets its password by a mailed link (ASVS 6.4.6): no administrator ever has one.

use auth_core::{AccessClaims, DisplayName, Email, FieldError, Role, Timestamp, UserId, Username};
use auth_persistence::user::{self, NewUser};
use auth_persistence::{DbConnection, pending_registration};
use serde_json::json;

use super::{AdministrationError, Administrator, parse_role, parse_time};
use crate::account::AccountError;
use crate::audit::Event;
use crate::client::Client;
use crate::fresh_proof::FreshProof;
use crate::letter::{Payload, Template};
use crate::profile::Profile;
use crate::register::{kept, required};
use crate::service::{AuthService, Inner};

/// An account to be made, as somebody typed it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewAccount<'a> {
    /// The address; required.
    pub email: Option<&'a str>,
    /// A name to sign in with.
    pub username: Option<&'a str>,
    /// A name to be shown.
    pub display_name: Option<&'a str>,
    /// `user` or `admin`; `user` unless it says so.
    pub role: Option<&'a str>,
    /// Until when the user has premium: a time of RFC 3339.
    pub premium_until: Option<&'a str>,
}

/// An account whose fields are all acceptable.
struct Accepted {
    email: Email,
    username: Option<Username>,
    display_name: Option<DisplayName>,
    role: Role,
    premium_until: Option<Timestamp>,
}

impl NewAccount<'_> {
    fn accept(&self) -> Result<Accepted, AccountError> {
        let mut errors: Vec<FieldError> = Vec::new();
        let email = required(self.email, "email", &mut errors)
            .and_then(|text| kept(Email::parse(text), "email", "invalid_email", &mut errors));
        let username =
            self.username.and_then(|text| kept(Username::parse(text), "username", "invalid_username", &mut errors));
        let display_name = self
            .display_name
            .and_then(|text| kept(DisplayName::parse(text), "display_name", "invalid_display_name", &mut errors));
        let role = self.role.map_or(Some(Role::User), |text| parse_role(text, &mut errors));
        let premium_until = self
            .premium_until
            .and_then(|text| kept(parse_time(text), "premium_until", "invalid_premium_until", &mut errors));
        match (email, role) {
            (Some(email), Some(role)) if errors.is_empty() => {
                Ok(Accepted { email, username, display_name, role, premium_until })
            }
            _ => Err(AccountError::Invalid(errors)),
        }
    }
}

impl AuthService {
    /// Makes an account without a password, and mails its owner a link to set one, which verifies the address, too: good
    /// for 72 hours. Wants a sign-in or another proof in this session that is younger than
    /// [`FRESH_PROOF`](crate::FRESH_PROOF). Also where nobody else can register.
    ///
    /// # Errors
    ///
    /// [`AdministrationError`]; no account was made then.
    pub async fn create_user(
        &self,
        claims: &AccessClaims,
        new: NewAccount<'_>,
        client: &Client,
    ) -> Result<Profile, AdministrationError> {
        let inner = self.inner();
        let new = new.accept()?;
        inner
            .administer(claims, FreshProof::default(), client, move |inner, conn, by| {
                Ok((Vec::new(), inner.create(conn, by, new)?))
            })
            .await
    }
}

impl Inner {
    fn create(
        &self,
        conn: &mut DbConnection,
        by: &Administrator,
        new: Accepted,
    ) -> Result<Profile, AdministrationError> {
        let now = self.clock.now();
        let Accepted { email, username, display_name, role, premium_until } = new;
        let id = UserId::new(now, &*self.random);
        // What somebody registered for this address can't become an account any more. Its row is taken before the address
        // is, as whoever verifies a registration does.
        pending_registration::delete_by_email(conn, email.canonical())?;
        let new = NewUser {
            id,
            email: Some(email.clone()),
            email_verified_at: None,
            username,
            password_hash: None,
            display_name,
            avatar_url: None,
            role,
            password_must_change: false,
            created_at: now,
        };
        self.insert_user(conn, &new)?;
        if premium_until.is_some() {
            // No access token says otherwise yet.
            user::set_premium(conn, id, premium_until, now)?;
        }
        let details = json!({ "role": role, "premium_until": premium_until });
        self.record_administration(conn, by, Event::AdminUserCreated, id, details)?;
        let payload = Payload { forced: true, ..Payload::default() };
        self.queue(conn, Template::Activate, &email, Some(id), &payload)?;
        let user = user::find(conn, id)?.ok_or(AdministrationError::NotFound)?;
        Ok(Profile::of(user, now))
    }
}
