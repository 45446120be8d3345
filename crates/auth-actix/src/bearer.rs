//! Access tokens in requests (RFC 6750, section 2.1), and the extractors that let handlers ask who is there.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use auth_core::{AccessClaims, AccessTokens, ErrorCode, Role, SessionId, UserId};

use crate::Problem;

/// The user whose access token the request carries.
///
/// The token is checked without any I/O: signature, claims, time, and the list of what was revoked. Wants
/// `web::Data<AccessTokens>` in the application. Only the `Authorization` header counts: a token in the URL or in a
/// body is ignored (RFC 9700, section 4.3.2).
///
/// Refuses with `not_authenticated`, `token_invalid`, `token_expired`, `session_revoked`, or 503 while the list of
/// revocations is too old to trust.
#[derive(Clone, Debug)]
pub struct CurrentUser(Arc<AccessClaims>);

impl CurrentUser {
    /// Who it is.
    pub fn id(&self) -> UserId {
        self.0.user_id
    }

    /// The session that the token belongs to.
    pub fn session(&self) -> SessionId {
        self.0.session_id
    }

    /// The role as of when the token was issued.
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// Everything the token says.
    pub fn claims(&self) -> &AccessClaims {
        &self.0
    }
}

impl FromRequest for CurrentUser {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(current_user(request).and_then(|user| user.ok_or_else(|| ErrorCode::NotAuthenticated.into())))
    }
}

/// The user whose access token the request carries, or nobody if it carries none.
///
/// A token that isn't good is refused as [`CurrentUser`] does: whoever sends one wants to be known.
#[derive(Clone, Debug)]
pub struct OptionalUser(pub Option<CurrentUser>);

impl FromRequest for OptionalUser {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(current_user(request).map(Self))
    }
}

/// A user whose access token says `admin`.
///
/// A demotion refuses the older tokens within a second, so the claim is good for guarding routes; a server that has
/// the database at hand should still look there before it changes other people's accounts.
#[derive(Clone, Debug)]
pub struct AdminUser(pub CurrentUser);

impl FromRequest for AdminUser {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(CurrentUser::from_request(request, payload).into_inner().and_then(|user| match user.role() {
            Role::Admin => Ok(Self(user)),
            Role::User => Err(ErrorCode::Forbidden.into()),
        }))
    }
}

fn current_user(request: &HttpRequest) -> Result<Option<CurrentUser>, Problem> {
    let Some(token) = bearer_token(request)? else { return Ok(None) };
    let tokens = request.app_data::<web::Data<AccessTokens>>().ok_or_else(|| {
        Problem::new(ErrorCode::InternalError).caused_by("the application has no web::Data<AccessTokens>")
    })?;
    tokens.verify(token).map(|claims| Some(CurrentUser(claims))).map_err(|refused| refused.code().into())
}

/// The bearer token of the request, if it sends one: another scheme is as good as none.
fn bearer_token(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let Some(header) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(ErrorCode::TokenInvalid.into());
    }
    let Some((scheme, token)) = header.as_bytes().split_at_checked("Bearer ".len()) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Ok(None);
    }
    match std::str::from_utf8(token) {
        Ok(token) if !token.is_empty() => Ok(Some(token)),
        _ => Err(ErrorCode::TokenInvalid.into()),
    }
}
