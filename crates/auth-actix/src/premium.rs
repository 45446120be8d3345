//! Handlers that want a user who has paid.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth_core::ErrorCode;

use crate::guard::{Guard, Verdict, guarded};
use crate::{CurrentUser, Problem};

/// A user who has premium now ([`CurrentUser::is_premium`]); 403 `forbidden` for other users, with a detail that says
/// what they lack.
///
/// With our key ring in process a change reaches the next request; with a remote issuer the next access token has it.
/// The end of premium is in the token, in whole seconds, so it is the same in both.
#[derive(Clone, Debug)]
pub struct RequirePremium(pub CurrentUser);

impl AsRef<CurrentUser> for RequirePremium {
    fn as_ref(&self) -> &CurrentUser {
        &self.0
    }
}

impl Guard for RequirePremium {
    fn admit(user: CurrentUser) -> Result<Self, Problem> {
        if user.is_premium() {
            Ok(Self(user))
        } else {
            Err(Problem::new(ErrorCode::Forbidden).detail("This is for users with premium"))
        }
    }
}

impl FromRequest for RequirePremium {
    type Error = Problem;
    type Future = Verdict<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        guarded(request)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::ResponseError as _;
    use actix_web::body::MessageBody as _;
    use auth_core::Clock as _;

    use super::*;
    use crate::fixture::Bench;

    /// REQ-41
    #[actix_web::test]
    async fn who_has_paid_gets_in_until_the_end_and_news_count_at_once() {
        let bench = Bench::new();
        let end = bench.clock.now().plus(Duration::from_mins(10));
        let paid = bench.token(|grant| grant.premium_until = Some(end));
        let unpaid = bench.token(|_| {});
        let user = bench.ask_with::<RequirePremium>(&paid).await.unwrap().0;
        assert_eq!(bench.ask_with::<RequirePremium>(&unpaid).await.unwrap_err().code(), ErrorCode::Forbidden);
        assert_eq!(bench.ask::<RequirePremium>(&[]).await.unwrap_err().code(), ErrorCode::NotAuthenticated);

        bench.revocations.set_premium(user.id(), 1, None, end);
        assert_eq!(bench.ask_with::<RequirePremium>(&paid).await.unwrap_err().code(), ErrorCode::Forbidden);
        bench.revocations.set_premium(user.id(), 2, Some(end), end);
        assert!(bench.ask_with::<RequirePremium>(&paid).await.is_ok());
        bench.clock.set(end);
        assert_eq!(bench.ask_with::<RequirePremium>(&paid).await.unwrap_err().code(), ErrorCode::Forbidden);
    }

    /// REQ-54
    #[actix_web::test]
    async fn the_refusal_says_what_is_missing() {
        let bench = Bench::new();
        let answer = bench.ask_with::<RequirePremium>(&bench.token(|_| {})).await.unwrap_err().error_response();
        assert_eq!(answer.status(), 403);
        let body = answer.into_body().try_into_bytes().unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((body["error_code"].as_str(), body["status"].as_u64()), (Some("forbidden"), Some(403)));
        assert!(body["detail"].as_str().unwrap().contains("premium"));
    }
}
