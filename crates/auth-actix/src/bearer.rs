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

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;
    use auth_core::{
        AccessGrant, AccessTokenConfig, Clock as _, KeyRing, ManualClock, OsRandom, RevocationList, SharedKeyRing,
        SigningAlgorithm, SigningKey,
    };

    use super::*;

    struct Bench {
        tokens: web::Data<AccessTokens>,
        revocations: Arc<RevocationList>,
        clock: Arc<ManualClock>,
    }

    impl Bench {
        fn new() -> Self {
            let key = SigningKey::generate(SigningAlgorithm::EdDsa, &OsRandom).unwrap();
            let (clock, revocations) = (Arc::new(ManualClock::default()), Arc::new(RevocationList::new(None)));
            let config = AccessTokenConfig {
                issuer: "i".to_owned(),
                audience: "a".to_owned(),
                lifetime: std::time::Duration::from_mins(15),
            };
            let ring = SharedKeyRing::new(KeyRing::new(Arc::new(key)));
            let tokens =
                AccessTokens::new(config, ring, Arc::clone(&revocations), Arc::default(), Arc::clone(&clock) as Arc<_>);
            Self { tokens: web::Data::new(tokens), revocations, clock }
        }

        fn token(&self, role: Role) -> String {
            let now = self.clock.now();
            let grant = AccessGrant {
                user_id: UserId::new(now, &OsRandom),
                session_id: SessionId::new(now, &OsRandom),
                generation: 1,
                epoch: 0,
                role,
                amr: &["pwd".to_owned()],
                auth_time: now,
                session_expires_at: now.plus(std::time::Duration::from_hours(1)),
                premium_until: None,
            };
            self.tokens.issue(&grant, &OsRandom).unwrap().token.expose().to_owned()
        }

        async fn ask<T: FromRequest<Error = Problem>>(&self, headers: &[&[u8]]) -> Result<T, ErrorCode> {
            let mut request = TestRequest::get().app_data(self.tokens.clone());
            for header in headers {
                request = request.append_header((AUTHORIZATION, HeaderValue::from_bytes(header).unwrap()));
            }
            T::extract(&request.to_http_request()).await.map_err(|problem| problem.code())
        }
    }

    /// REQ-16
    #[actix_web::test]
    async fn each_extractor_lets_in_whom_it_names() {
        let bench = Bench::new();
        let (user, admin) = (bench.token(Role::User), bench.token(Role::Admin));
        let (user, admin) = (format!("Bearer {user}"), format!("bearer {admin}"));
        assert!(bench.ask::<CurrentUser>(&[user.as_bytes()]).await.is_ok());
        assert!(bench.ask::<OptionalUser>(&[user.as_bytes()]).await.unwrap().0.is_some());
        assert!(bench.ask::<OptionalUser>(&[]).await.unwrap().0.is_none());
        assert!(bench.ask::<AdminUser>(&[admin.as_bytes()]).await.is_ok());
        assert_eq!(bench.ask::<AdminUser>(&[user.as_bytes()]).await.unwrap_err(), ErrorCode::Forbidden);
        assert_eq!(bench.ask::<AdminUser>(&[]).await.unwrap_err(), ErrorCode::NotAuthenticated);
    }

    /// T-26
    #[actix_web::test]
    async fn odd_authorization_headers_are_refused_and_never_a_fault() {
        let bench = Bench::new();
        let token = bench.token(Role::User);
        let good = format!("Bearer {token}");
        let refused = async |headers: &[&[u8]]| bench.ask::<CurrentUser>(headers).await.unwrap_err();
        for nothing in [&b""[..], b"Bearer", b"Basic dXNlcjpwYXNz", token.as_bytes()] {
            assert_eq!(refused(&[nothing]).await, ErrorCode::NotAuthenticated);
        }
        let spaced = format!("Bearer  {token}");
        let tabbed = format!("Bearer\t{token}");
        assert_eq!(refused(&[tabbed.as_bytes()]).await, ErrorCode::NotAuthenticated);
        for invalid in
            [b"Bearer ".as_slice(), spaced.as_bytes(), b"Bearer \xff\xfe", b"Bearer %zz", &vec![b'B'; 65_536]]
        {
            let code = refused(&[invalid]).await;
            assert!(matches!(code, ErrorCode::TokenInvalid | ErrorCode::NotAuthenticated));
        }
        assert_eq!(refused(&[good.as_bytes(), good.as_bytes()]).await, ErrorCode::TokenInvalid);
    }

    /// REQ-12
    #[actix_web::test]
    async fn a_revoked_session_is_refused_at_once_also_where_anybody_may_come() {
        let bench = Bench::new();
        let header = format!("Bearer {}", bench.token(Role::User));
        let user = bench.ask::<CurrentUser>(&[header.as_bytes()]).await.unwrap();
        bench.revocations.revoke_session(user.session(), bench.clock.now().plus(std::time::Duration::from_hours(1)));
        assert_eq!(bench.ask::<CurrentUser>(&[header.as_bytes()]).await.unwrap_err(), ErrorCode::SessionRevoked);
        assert_eq!(bench.ask::<OptionalUser>(&[header.as_bytes()]).await.unwrap_err(), ErrorCode::SessionRevoked);
    }
}
