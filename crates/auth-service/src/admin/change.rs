//! Changing what only administrators may: role, whether the account is switched on, premium, and what is due at the next
//! sign-in; and what users may change themselves.

use auth_core::{AccessClaims, FieldError, Role, Timestamp, UserId};
use auth_persistence::user::{self, Change, User, UserChange};
use auth_persistence::{DbConnection, device};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{AdministrationError, Administrator, parse_role, parse_time};
use crate::account::{AccountError, ProfileChange};
use crate::audit::Event;
use crate::client::Client;
use crate::fresh_proof::FreshProof;
use crate::logout::Reason;
use crate::profile::Profile;
use crate::register::kept;
use crate::revocation_feed::Revoked;
use crate::service::{AuthService, Inner};

/// A change of somebody's account: `None` keeps a field, `Some(None)` clears it.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountChange<'a> {
    /// `user` or `admin`.
    pub role: Option<&'a str>,
    /// Whether the user may sign in.
    pub is_active: Option<bool>,
    /// Until when the user has premium: a time of RFC 3339.
    pub premium_until: Option<Option<&'a str>>,
    /// Whether the next sign-in asks for a new password.
    pub password_must_change: Option<bool>,
    /// Whether the address counts as the user's.
    pub email_verified: Option<bool>,
    /// The name that is shown.
    pub display_name: Option<Option<&'a str>>,
    /// The name to sign in with.
    pub username: Option<Option<&'a str>>,
}

/// A change whose fields are all acceptable.
struct Accepted {
    role: Option<Role>,
    is_active: Option<bool>,
    premium_until: Option<Option<Timestamp>>,
    password_must_change: Option<bool>,
    email_verified: Option<bool>,
    profile: UserChange,
}

impl AccountChange<'_> {
    fn accept(&self) -> Result<Accepted, AccountError> {
        let mut errors = Vec::new();
        let role = self.role.and_then(|text| parse_role(text, &mut errors));
        let premium_until = self.premium_until.map(|until| {
            until.and_then(|text| kept(parse_time(text), "premium_until", "invalid_premium_until", &mut errors))
        });
        let profile = ProfileChange { display_name: self.display_name, avatar_url: None, username: self.username };
        let profile = profile.accept(&mut errors);
        let Self { is_active, password_must_change, email_verified, .. } = *self;
        if errors.is_empty() {
            Ok(Accepted { role, is_active, premium_until, password_must_change, email_verified, profile })
        } else {
            Err(AccountError::Invalid(errors))
        }
    }
}

/// What came of a change so far: what goes on record, and whom it puts out.
#[derive(Default)]
struct Done {
    details: Map<String, Value>,
    news: Vec<Revoked>,
}

impl Done {
    fn note<T: Serialize>(&mut self, field: &str, from: T, to: T) {
        self.details.insert(field.to_owned(), json!({ "from": from, "to": to }));
    }
}

impl AuthService {
    /// Changes the account of `user`. Wants a sign-in or another proof in this session that is younger than
    /// [`FRESH_PROOF`](crate::FRESH_PROOF).
    ///
    /// A new role refuses access tokens that say otherwise. Switching the account off, or demanding a new password, ends
    /// its sessions. Premium refuses nothing: access tokens are known to be outdated in it
    /// ([`AccessTokens::premium_until`](auth_core::AccessTokens::premium_until)).
    ///
    /// # Errors
    ///
    /// [`AdministrationError`]; nothing was changed then.
    pub async fn change_user(
        &self,
        claims: &AccessClaims,
        user: UserId,
        change: AccountChange<'_>,
        client: &Client,
    ) -> Result<Profile, AdministrationError> {
        let inner = self.inner();
        let change = change.accept()?;
        let work = move |inner: &Inner, conn: &mut DbConnection, by: &Administrator, user: User| {
            inner.change(conn, by, &user, &change)
        };
        inner.administer_user(claims, user, FreshProof::default(), client, work).await
    }
}

impl Inner {
    fn change(
        &self,
        conn: &mut DbConnection,
        by: &Administrator,
        user: &User,
        change: &Accepted,
    ) -> Result<(Vec<Revoked>, Profile), AdministrationError> {
        if change.role == Some(Role::User) || change.is_active == Some(false) {
            Self::keep_an_admin(conn, user)?;
        }
        let mut done = Done::default();
        self.change_profile_of(conn, user, &change.profile, &mut done)?;
        self.change_role(conn, user, change.role, &mut done)?;
        self.change_premium(conn, user, change.premium_until, &mut done)?;
        self.change_verified(conn, user, change.email_verified, &mut done)?;
        self.change_must_change(conn, user, change.password_must_change, &mut done)?;
        self.change_active(conn, user, change.is_active, &mut done)?;
        let Done { details, news } = done;
        if !details.is_empty() {
            self.record_administration(conn, by, Event::AdminUserChanged, user.id, details.into())?;
        }
        let user = user::find(conn, user.id)?.ok_or(AdministrationError::NotFound)?;
        Ok((news, Profile::of(user, self.clock.now())))
    }

    /// What users are called is personal: only that it was changed goes on record.
    fn change_profile_of(
        &self,
        conn: &mut DbConnection,
        user: &User,
        change: &UserChange,
        done: &mut Done,
    ) -> Result<(), AdministrationError> {
        let names = [
            ("display_name", is_news(&change.display_name, user.display_name.as_deref(), |name| name.as_str())),
            ("username", is_news(&change.username, user.username.as_deref(), |name| name.as_str())),
        ];
        let names: Vec<&str> = names.into_iter().filter_map(|(name, is_news)| is_news.then_some(name)).collect();
        if !names.is_empty() {
            user::update_profile(conn, user.id, change, self.clock.now())?;
            done.details.insert("fields".to_owned(), json!(names));
        }
        Ok(())
    }

    fn change_role(
        &self,
        conn: &mut DbConnection,
        user: &User,
        role: Option<Role>,
        done: &mut Done,
    ) -> Result<(), AdministrationError> {
        let Some(role) = role.filter(|role| *role != user.role) else { return Ok(()) };
        user::set_role(conn, user.id, role, self.clock.now())?;
        if let Some(epoch) = user::raise_token_epoch(conn, user.id)? {
            done.news.push(self.announce_epoch(conn, user.id, epoch)?);
        }
        done.note("role", user.role, role);
        Ok(())
    }

    fn change_premium(
        &self,
        conn: &mut DbConnection,
        user: &User,
        until: Option<Option<Timestamp>>,
        done: &mut Done,
    ) -> Result<(), AdministrationError> {
        let Some(until) = until.filter(|until| *until != user.premium_until) else { return Ok(()) };
        if let Some(epoch) = user::set_premium(conn, user.id, until, self.clock.now())? {
            done.news.push(self.announce_premium(conn, user.id, epoch, until)?);
        }
        done.note("premium_until", user.premium_until, until);
        Ok(())
    }

    fn change_verified(
        &self,
        conn: &mut DbConnection,
        user: &User,
        verified: Option<bool>,
        done: &mut Done,
    ) -> Result<(), AdministrationError> {
        let was_verified = user.email_verified_at.is_some();
        let Some(verified) = verified.filter(|verified| *verified != was_verified) else { return Ok(()) };
        if user.email.is_none() {
            let error = FieldError::new("email_verified", "no_email", "the user has no address");
            return Err(AccountError::Invalid(vec![error]).into());
        }
        let now = self.clock.now();
        user::set_email_verified(conn, user.id, verified.then_some(now), now)?;
        done.note("email_verified", was_verified, verified);
        Ok(())
    }

    fn change_must_change(
        &self,
        conn: &mut DbConnection,
        user: &User,
        demanded: Option<bool>,
        done: &mut Done,
    ) -> Result<(), AdministrationError> {
        let was_demanded = user.password_must_change;
        let Some(demanded) = demanded.filter(|demanded| *demanded != was_demanded) else { return Ok(()) };
        if demanded && user.password_hash.is_none() {
            return Err(AccountError::NoPassword.into());
        }
        user::set_password_must_change(conn, user.id, demanded, self.clock.now())?;
        if demanded {
            done.news.extend(self.put_out(conn, user, Reason::PasswordMustChange)?);
        }
        done.note("password_must_change", was_demanded, demanded);
        Ok(())
    }

    fn change_active(
        &self,
        conn: &mut DbConnection,
        user: &User,
        active: Option<bool>,
        done: &mut Done,
    ) -> Result<(), AdministrationError> {
        let was_active = user.disabled_at.is_none();
        let Some(active) = active.filter(|active| *active != was_active) else { return Ok(()) };
        let now = self.clock.now();
        user::set_disabled(conn, user.id, (!active).then_some(now), now)?;
        if !active {
            device::forget_all(conn, user.id)?;
            done.news.extend(self.end_everything(conn, user, None, Reason::Disabled)?.1);
        }
        done.note("is_active", was_active, active);
        Ok(())
    }
}

/// Whether the change makes another value of what is there.
fn is_news<'a, T>(change: &'a Change<T>, there: Option<&str>, text: impl FnOnce(&'a T) -> &'a str) -> bool {
    match change {
        Change::Keep => false,
        Change::Clear => there.is_some(),
        Change::Set(value) => there != Some(text(value)),
    }
}
