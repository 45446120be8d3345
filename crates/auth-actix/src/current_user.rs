//! The user who sends the request.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth_core::{AccessClaims, AccessTokens, Role, SessionId, Timestamp, UserId};

use crate::Problem;
use crate::guard::{Guard, Verdict, guarded, known_user};

/// The user whose access token the request carries.
///
/// The token is checked without any I/O: signature, claims, time, and, with our key ring in process, the list of what
/// was revoked. Wants `web::Data<AccessTokens>` or `web::Data<RemoteIssuer>` in the application. Only the
/// `Authorization` header counts: a token in the URL or in a body is ignored (RFC 9700, section 4.3.2).
///
/// Refuses with `not_authenticated`, `token_invalid`, `token_expired`, `session_revoked`, or 503 while it can't be told:
/// the list of revocations is too old to trust, or the issuer's keys couldn't be fetched yet.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    claims: Arc<AccessClaims>,
    premium_until: Option<Timestamp>,
    is_premium: bool,
}

impl CurrentUser {
    /// The user of claims that `tokens` has verified.
    pub(crate) fn new(tokens: &AccessTokens, claims: Arc<AccessClaims>) -> Self {
        let premium_until = tokens.premium_until(&claims);
        Self { claims, premium_until, is_premium: tokens.is_to_come(premium_until) }
    }

    /// Who it is.
    pub fn id(&self) -> UserId {
        self.claims.user_id
    }

    /// The session that the token belongs to.
    pub fn session(&self) -> SessionId {
        self.claims.session_id
    }

    /// The role as of when the token was issued.
    pub fn role(&self) -> Role {
        self.claims.role
    }

    /// Until when the user has premium, if they ever had: news of a change are preferred to the token's claim, where
    /// our key ring is in process; else the claim tells.
    pub fn premium_until(&self) -> Option<Timestamp> {
        self.premium_until
    }

    /// Whether the user had premium when the token was checked: [`CurrentUser::premium_until`] by the clock.
    pub fn is_premium(&self) -> bool {
        self.is_premium
    }

    /// Everything the token says.
    pub fn claims(&self) -> &AccessClaims {
        &self.claims
    }
}

impl AsRef<Self> for CurrentUser {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Everybody whose token is good.
impl Guard for CurrentUser {
    fn admit(user: Self) -> Result<Self, Problem> {
        Ok(user)
    }
}

impl FromRequest for CurrentUser {
    type Error = Problem;
    type Future = Verdict<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        guarded(request)
    }
}

/// The user whose access token the request carries, or nobody if it carries none.
///
/// A token that isn't good is refused as [`CurrentUser`] does: whoever sends one wants to be known.
#[derive(Clone, Debug)]
pub struct OptionalUser(pub Option<CurrentUser>);

impl FromRequest for OptionalUser {
    type Error = Problem;
    type Future = Verdict<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        known_user(request, |user| Ok(Self(user)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::test::TestRequest;
    use auth_core::{Clock as _, ErrorCode};
    use futures_util::future::Either;

    use super::*;
    use crate::fixture::Bench;

    /// REQ-16
    #[actix_web::test]
    async fn a_signed_in_user_is_known_and_nobody_is_nobody() {
        let bench = Bench::new();
        let token = bench.token(|_| {});
        assert!(bench.ask_with::<CurrentUser>(&token).await.is_ok());
        assert_eq!(bench.ask::<CurrentUser>(&[]).await.unwrap_err().code(), ErrorCode::NotAuthenticated);
        assert!(bench.ask_with::<OptionalUser>(&token).await.unwrap().0.is_some());
        assert!(bench.ask::<OptionalUser>(&[]).await.unwrap().0.is_none());
    }

    /// With our key ring there is nothing to wait for, so that there is nothing on the heap to wait in.
    #[actix_web::test]
    async fn with_the_key_ring_in_process_the_verdict_is_there_at_once() {
        let bench = Bench::new();
        let good = format!("Bearer {}", bench.token(|_| {}));
        for header in [good.as_bytes(), b"Bearer nonsense", b"Basic nonsense"] {
            let request = bench.request(&[header]);
            let verdict = CurrentUser::from_request(&request, &mut Payload::None);
            assert!(matches!(verdict, Either::Left(_)));
        }
    }

    /// REQ-12
    #[actix_web::test]
    async fn a_revoked_session_is_refused_at_once_also_where_anybody_may_come() {
        let bench = Bench::new();
        let token = bench.token(|_| {});
        let user = bench.ask_with::<CurrentUser>(&token).await.unwrap();
        bench.revocations.revoke_session(user.session(), bench.clock.now().plus(Duration::from_hours(1)));
        assert_eq!(bench.ask_with::<CurrentUser>(&token).await.unwrap_err().code(), ErrorCode::SessionRevoked);
        assert_eq!(bench.ask_with::<OptionalUser>(&token).await.unwrap_err().code(), ErrorCode::SessionRevoked);
    }

    /// REQ-41
    #[actix_web::test]
    async fn premium_ends_by_the_clock_and_news_are_preferred_to_the_claim() {
        let bench = Bench::new();
        let end = bench.clock.now().plus(Duration::from_mins(10));
        let token = bench.token(|grant| grant.premium_until = Some(end));
        let user = bench.ask_with::<CurrentUser>(&token).await.unwrap();
        assert_eq!((user.premium_until(), user.is_premium()), (Some(end), true));

        bench.clock.set(end);
        let user = bench.ask_with::<CurrentUser>(&token).await.unwrap();
        assert_eq!((user.premium_until(), user.is_premium()), (Some(end), false));

        let later = end.plus(Duration::from_hours(1));
        bench.revocations.set_premium(user.id(), 1, Some(later), later);
        let user = bench.ask_with::<CurrentUser>(&token).await.unwrap();
        assert_eq!((user.premium_until(), user.is_premium()), (Some(later), true));
    }

    #[actix_web::test]
    async fn an_application_that_trusts_nobody_says_so_in_the_log_alone() {
        let request = TestRequest::get().insert_header(("Authorization", "Bearer a.b.c")).to_http_request();
        let problem = CurrentUser::extract(&request).await.unwrap_err();
        assert_eq!(problem.code(), ErrorCode::InternalError);
        assert!(problem.cause().unwrap().contains("web::Data<AccessTokens>"));
    }
}
