//! Finding users.

use auth_core::{AccessClaims, Email, FieldError, Role, SearchTerm, UserId};
use auth_persistence::user::{self, Candidate, User};
use auth_persistence::{DbConnection, DbError};
use uuid::Uuid;

use super::walk::Walk;
use super::{AdministrationError, parse_role};
use crate::page::{Page, PageRequest};
use crate::profile::Profile;
use crate::register::kept;
use crate::service::AuthService;

/// Which users are looked for.
#[derive(Clone, Debug)]
pub struct UserQuery {
    term: Option<SearchTerm>,
    role: Option<Role>,
    is_active: Option<bool>,
    page: PageRequest,
}

impl UserQuery {
    /// Reads what somebody asks for, as it stands in a query:
    ///
    /// - `q`: a part of the address, the username or the display name, whatever its case. The whole id of a user, or the
    ///   whole address of one, finds that user alone.
    /// - `role`: `user` or `admin`.
    /// - `is_active`: `true` or `false`.
    /// - `page`: as [`PageRequest::parse`] has it.
    ///
    /// # Errors
    ///
    /// For each field that is refused why: `invalid_q`, `invalid_role`, `invalid_is_active`, and those of the page.
    pub fn parse(
        q: Option<&str>,
        role: Option<&str>,
        is_active: Option<&str>,
        page: Result<PageRequest, Vec<FieldError>>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let term = q.and_then(|text| kept(SearchTerm::parse(text), "q", "invalid_q", &mut errors));
        let role = role.and_then(|text| parse_role(text, &mut errors));
        let is_active = is_active.and_then(|text| {
            let flag = text.parse::<bool>().map_err(|_| "this must be true or false");
            kept(flag, "is_active", "invalid_is_active", &mut errors)
        });
        match page {
            Ok(page) if errors.is_empty() => Ok(Self { term, role, is_active, page }),
            Ok(_) => Err(errors),
            Err(more) => Err(errors.into_iter().chain(more).collect()),
        }
    }

    /// The shortest walk that passes all users that are looked for.
    fn walk(&self) -> user::Walk {
        match (self.role, self.is_active) {
            (Some(Role::Admin), _) => user::Walk::Admins,
            (_, Some(false)) => user::Walk::Disabled,
            _ => user::Walk::All,
        }
    }

    /// Whether all users on that walk are looked for.
    fn wants_all_on_the_walk(&self) -> bool {
        self.term.is_none()
            && match self.walk() {
                user::Walk::Admins => self.is_active.is_none(),
                user::Walk::Disabled => self.role.is_none(),
                user::Walk::All => self.role.is_none() && self.is_active.is_none(),
            }
    }

    fn wants(&self, role: Role, is_active: bool) -> bool {
        self.role.is_none_or(|wanted| wanted == role) && self.is_active.is_none_or(|wanted| wanted == is_active)
    }

    fn wants_candidate(&self, user: &Candidate) -> bool {
        let is_named = |term: &SearchTerm| {
            [&user.email, &user.username, &user.display_name].into_iter().flatten().any(|text| term.is_in(text))
        };
        self.wants(user.role, user.disabled_at.is_none()) && self.term.as_ref().is_none_or(is_named)
    }

    fn find(&self, conn: &mut DbConnection) -> Result<Page<User>, DbError> {
        if let Some(found) = self.find_named(conn)? {
            let is_after = |user: &User| self.page.after().is_none_or(|before| *user.id.as_uuid() < before);
            let found = found.filter(|user| is_after(user) && self.wants(user.role, user.disabled_at.is_none()));
            return Ok(Page::up_to(found.into_iter().collect(), None));
        }
        let walk =
            Walk { page: self.page, is_whole: self.wants_all_on_the_walk(), id: |user: &Candidate| *user.id.as_uuid() };
        let part = |before: Option<Uuid>, limit| user::newest(conn, self.walk(), before.map(UserId::from_uuid), limit);
        let page = walk.read(part, |user| self.wants_candidate(user))?;
        let ids: Vec<UserId> = page.entries.iter().map(|user| user.id).collect();
        Ok(Page { entries: user::load(conn, &ids)?, next_cursor: page.next_cursor })
    }

    /// The one user whom the term names in full, without looking at any other; `None`: it names nobody so.
    fn find_named(&self, conn: &mut DbConnection) -> Result<Option<Option<User>>, DbError> {
        let Some(term) = &self.term else { return Ok(None) };
        if let Ok(id) = term.as_str().parse() {
            return user::find(conn, id).map(Some);
        }
        let Ok(email) = Email::parse(term.as_str()) else { return Ok(None) };
        // A part of an address may be one itself.
        Ok(user::find_by_email(conn, email.canonical())?.map(Some))
    }
}

impl AuthService {
    /// Users, the newest first, a page at a time. No more than 10 000 users are looked at for one page: one on which there
    /// are fewer than were asked for is the last one only if it has no cursor.
    ///
    /// # Errors
    ///
    /// [`AdministrationError`].
    pub async fn find_users(
        &self,
        claims: &AccessClaims,
        query: UserQuery,
    ) -> Result<Page<Profile>, AdministrationError> {
        let inner = self.inner();
        let page = inner.look(claims, move |conn| Ok(query.find(conn)?)).await?;
        let now = inner.clock.now();
        let entries = page.entries.into_iter().map(|user| Profile::of(user, now)).collect();
        Ok(Page { entries, next_cursor: page.next_cursor })
    }

    /// The account of `user`, for an administrator.
    ///
    /// # Errors
    ///
    /// [`AdministrationError`].
    pub async fn find_user(&self, claims: &AccessClaims, user: UserId) -> Result<Profile, AdministrationError> {
        let inner = self.inner();
        let find = move |conn: &mut DbConnection| user::find(conn, user)?.ok_or(AdministrationError::NotFound);
        let user = inner.look(claims, find).await?;
        Ok(Profile::of(user, inner.clock.now()))
    }
}
