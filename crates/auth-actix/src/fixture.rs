//! An application of a test's own, with our key ring in process.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::test::TestRequest;
use actix_web::{FromRequest, HttpRequest, web};
use auth_core::{
    AccessGrant, AccessTokenConfig, AccessTokens, Clock as _, KeyRing, ManualClock, OsRandom, RevocationList, Role,
    SessionId, SharedKeyRing, SigningAlgorithm, SigningKey, UserId,
};

use crate::Problem;

pub(crate) struct Bench {
    pub(crate) tokens: web::Data<AccessTokens>,
    pub(crate) revocations: Arc<RevocationList>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let key = SigningKey::generate(SigningAlgorithm::EdDsa, &OsRandom).unwrap();
        let (clock, revocations) = (Arc::new(ManualClock::default()), Arc::new(RevocationList::new(None)));
        let config =
            AccessTokenConfig { issuer: "i".to_owned(), audience: "a".to_owned(), lifetime: Duration::from_mins(15) };
        let ring = SharedKeyRing::new(KeyRing::new(Arc::new(key)));
        let tokens =
            AccessTokens::new(config, ring, Arc::clone(&revocations), Arc::default(), Arc::clone(&clock) as Arc<_>);
        Self { tokens: web::Data::new(tokens), revocations, clock }
    }

    /// A token that says what `change` makes of a user's.
    pub(crate) fn token(&self, change: impl FnOnce(&mut AccessGrant<'_>)) -> String {
        let now = self.clock.now();
        let mut grant = AccessGrant {
            user_id: UserId::new(now, &OsRandom),
            session_id: SessionId::new(now, &OsRandom),
            generation: 1,
            epoch: 0,
            role: Role::User,
            amr: &["pwd".to_owned()],
            auth_time: now,
            session_expires_at: now.plus(Duration::from_hours(1)),
            premium_until: None,
        };
        change(&mut grant);
        self.tokens.issue(&grant, &OsRandom).unwrap().token.expose().to_owned()
    }

    /// A request with these `Authorization` headers.
    pub(crate) fn request(&self, headers: &[&[u8]]) -> HttpRequest {
        let mut request = TestRequest::get().app_data(self.tokens.clone());
        for header in headers {
            request = request.append_header((AUTHORIZATION, HeaderValue::from_bytes(header).unwrap()));
        }
        request.to_http_request()
    }

    pub(crate) async fn ask<T: FromRequest<Error = Problem>>(&self, headers: &[&[u8]]) -> Result<T, Problem> {
        T::extract(&self.request(headers)).await
    }

    /// As [`Bench::ask`], with this token.
    pub(crate) async fn ask_with<T: FromRequest<Error = Problem>>(&self, token: &str) -> Result<T, Problem> {
        self.ask(&[format!("Bearer {token}").as_bytes()]).await
    }
}
