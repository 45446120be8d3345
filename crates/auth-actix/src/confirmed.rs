//! Handlers that must know at once what was revoked.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth_core::ErrorCode;

use crate::guard::{Guard, Verdict, known_user};
use crate::{CurrentUser, Problem};

/// Whom `T` lets in, and whose token the issuer says is good at this moment: for the routes where a session that was
/// ended, or a role that was taken, must not count for another minute.
///
/// With a remote issuer each request asks its `GET /auth/verify`, once the token has passed all that can be checked
/// here, so that nobody without a token of the issuer's makes a call. 503 with `Retry-After` while the issuer is away:
/// what isn't confirmed isn't let in. Premium is no part of that answer: the token's own word counts. With our key ring in process nobody is asked, since what was revoked is known
/// here.
#[derive(Clone, Debug)]
pub struct Confirmed<T>(pub T);

/// Any user whose token is good at this moment: [`Confirmed`] of [`CurrentUser`].
pub type ConfirmedUser = Confirmed<CurrentUser>;

impl<T: Guard> AsRef<CurrentUser> for Confirmed<T> {
    fn as_ref(&self) -> &CurrentUser {
        self.0.as_ref()
    }
}

impl<T: Guard> FromRequest for Confirmed<T> {
    type Error = Problem;
    type Future = Verdict<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        #[cfg(feature = "remote-issuer")]
        if let Ok(crate::guard::Trust::Issuer(issuer)) = crate::guard::Trust::of(request) {
            return confirmed_later(issuer.clone(), request.clone());
        }
        known_user(request, |user| T::admit(user.ok_or(ErrorCode::NotAuthenticated)?).map(Self))
    }
}

#[cfg(feature = "remote-issuer")]
fn confirmed_later<T: Guard>(issuer: crate::RemoteIssuer, request: HttpRequest) -> Verdict<Confirmed<T>> {
    futures_util::future::Either::Right(Box::pin(async move {
        let admitted: T = crate::guard::guarded(&request).await?;
        let token = crate::bearer::bearer_token(&request)?.unwrap_or_default();
        issuer.confirm(token, admitted.as_ref().claims()).await?;
        Ok(Confirmed(admitted))
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth_core::{Clock as _, Role};

    use super::*;
    use crate::AdminUser;
    use crate::fixture::Bench;

    /// REQ-12: in process, every extractor knows at once.
    #[actix_web::test]
    async fn with_the_key_ring_in_process_nobody_has_to_be_asked() {
        let bench = Bench::new();
        let token = bench.token(|grant| grant.role = Role::Admin);
        let admin = bench.ask_with::<Confirmed<AdminUser>>(&token).await.unwrap();
        let verdict =
            ConfirmedUser::from_request(&bench.request(&[format!("Bearer {token}").as_bytes()]), &mut Payload::None);
        assert!(matches!(verdict, futures_util::future::Either::Left(_)));
        let session = admin.as_ref().session();
        bench.revocations.revoke_session(session, bench.clock.now().plus(Duration::from_hours(1)));
        assert_eq!(bench.ask_with::<ConfirmedUser>(&token).await.unwrap_err().code(), ErrorCode::SessionRevoked);
    }
}
