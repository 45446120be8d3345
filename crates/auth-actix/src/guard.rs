//! From a request to the user that a handler asks for.

use std::future::{Ready, ready};

use actix_web::{HttpRequest, web};
use auth_core::{AccessTokens, ErrorCode};
use futures_util::future::{Either, LocalBoxFuture};

use crate::bearer::bearer_token;
#[cfg(feature = "remote-issuer")]
use crate::issuer::RemoteIssuer;
use crate::{CurrentUser, Problem};

/// A rule about who gets in, which a handler states by the type that it takes.
///
/// Those of this crate are [`CurrentUser`], [`AdminUser`](crate::AdminUser), [`RequireRole`](crate::RequireRole) and
/// [`RequirePremium`](crate::RequirePremium); [`Confirmed`](crate::Confirmed) takes any.
pub trait Guard: AsRef<CurrentUser> + Sized + 'static {
    /// Lets a user in whose token is good, or says why not.
    ///
    /// # Errors
    ///
    /// The answer to the client.
    fn admit(user: CurrentUser) -> Result<Self, Problem>;
}

/// What an extractor gives. With our key ring in process it is always the first, ready at once and without an
/// allocation; the second waits for a remote issuer, which is seldom.
pub type Verdict<T> = Either<Ready<Result<T, Problem>>, LocalBoxFuture<'static, Result<T, Problem>>>;

/// Whom the application lets say which tokens are good.
pub(crate) enum Trust<'a> {
    KeyRing(&'a AccessTokens),
    #[cfg(feature = "remote-issuer")]
    Issuer(&'a RemoteIssuer),
}

impl<'a> Trust<'a> {
    /// Our own key ring where both are there: it knows at once what was revoked.
    pub(crate) fn of(request: &'a HttpRequest) -> Result<Self, Problem> {
        if let Some(tokens) = request.app_data::<web::Data<AccessTokens>>() {
            return Ok(Self::KeyRing(tokens));
        }
        #[cfg(feature = "remote-issuer")]
        if let Some(issuer) = request.app_data::<web::Data<RemoteIssuer>>() {
            return Ok(Self::Issuer(issuer));
        }
        let missing = "the application has no web::Data<AccessTokens>, nor web::Data<RemoteIssuer>";
        Err(Problem::new(ErrorCode::InternalError).caused_by(missing))
    }
}

/// Lets in whom the guard admits.
pub(crate) fn guarded<T: Guard>(request: &HttpRequest) -> Verdict<T> {
    known_user(request, |user| T::admit(user.ok_or(ErrorCode::NotAuthenticated)?))
}

/// Has `judge` say what becomes of the user whose token the request carries, or of nobody if it carries none.
pub(crate) fn known_user<T: 'static>(
    request: &HttpRequest,
    judge: impl FnOnce(Option<CurrentUser>) -> Result<T, Problem> + 'static,
) -> Verdict<T> {
    let token = match bearer_token(request) {
        Ok(Some(token)) => token,
        Ok(None) => return at_once(judge(None)),
        Err(problem) => return at_once(Err(problem)),
    };
    match Trust::of(request) {
        Ok(Trust::KeyRing(tokens)) => {
            let claims = tokens.verify(token).map_err(|refused| refused.code().into());
            at_once(claims.and_then(|claims| judge(Some(CurrentUser::new(tokens, claims)))))
        }
        #[cfg(feature = "remote-issuer")]
        Ok(Trust::Issuer(issuer)) => match issuer.verify_now(token) {
            Some(user) => at_once(user.and_then(|user| judge(Some(user)))),
            None => verified_later(issuer.clone(), request.clone(), judge),
        },
        Err(problem) => at_once(Err(problem)),
    }
}

pub(crate) fn at_once<T>(result: Result<T, Problem>) -> Verdict<T> {
    Either::Left(ready(result))
}

/// The token stays where it is, in the request, and is read there again.
#[cfg(feature = "remote-issuer")]
fn verified_later<T: 'static>(
    issuer: RemoteIssuer,
    request: HttpRequest,
    judge: impl FnOnce(Option<CurrentUser>) -> Result<T, Problem> + 'static,
) -> Verdict<T> {
    Either::Right(Box::pin(async move {
        let token = bearer_token(&request)?.ok_or(ErrorCode::NotAuthenticated)?;
        judge(Some(issuer.verify(token).await?))
    }))
}
