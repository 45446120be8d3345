//! An issuer elsewhere, trusted by its published keys alone.

mod config;
mod confirmation;
mod endpoint;
mod freshness;
mod key_set;

use std::fmt;
use std::sync::Arc;

use auth_core::{
    AccessClaims, AccessTokenConfig, AccessTokenError, AccessTokens, Clock, ErrorCode, MAX_ACCESS_TOKEN_LIFETIME,
    RevocationList, SeenGenerations,
};

pub use self::config::{InvalidRemoteIssuer, RemoteIssuerConfig};
use self::endpoint::Endpoint;
use self::key_set::KeySet;
use crate::{CurrentUser, Problem};

/// Trusts the access tokens of an issuer of which only the URL is known.
///
/// Its keys are fetched (RFC 7517) when the first token comes, or by [`RemoteIssuer::prepare`], and kept. Past the
/// answer's `Cache-Control` (within one minute and one hour; 5 minutes if it says nothing) they are fetched again in the
/// background, and at once, but at most once a minute, when a token names a key that isn't there. A key that the issuer
/// has taken back is trusted no more from the next fetch on. While the issuer is away the known keys go on, for a day at
/// most; where there are none yet, requests with a token are answered 503 with `Retry-After`.
///
/// Calls are bounded: by a time-out, by 256 KiB, by a circuit breaker, by https (http on loopback alone); redirects
/// aren't followed and proxies of the environment aren't used. For https, certificates are checked against those that
/// the system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
///
/// **What is late:** a token that was revoked, a role that was taken and premium that was given or taken count here when
/// the next access token comes, so after an access token's life at most (the issuer's `AUTH_ACCESS_TOKEN_TTL`).
/// [`Confirmed`](crate::Confirmed) asks the issuer, and is never late in the first two.
///
/// Put it into the application as `web::Data<RemoteIssuer>`, one for all workers. A clone is the same issuer. Wants a
/// tokio runtime, which actix has.
///
/// ```
/// use std::sync::Arc;
///
/// use actix_web::{App, http::StatusCode, test, web};
/// use auth_actix::{CurrentUser, RemoteIssuer, RemoteIssuerConfig};
/// use auth_core::SystemClock;
///
/// async fn greet(user: CurrentUser) -> String {
///     format!("Hello, {}", user.id())
/// }
///
/// # actix_web::rt::System::new().block_on(async {
/// // In earnest "https://auth.example.org"; at this address nobody is.
/// let config = RemoteIssuerConfig::new("http://127.0.0.1:9", "http://127.0.0.1:9");
/// let issuer = web::Data::new(RemoteIssuer::new(&config, Arc::new(SystemClock)).unwrap());
/// let app = test::init_service(App::new().app_data(issuer).route("/greet", web::get().to(greet))).await;
///
/// let request = test::TestRequest::get().uri("/greet").to_request();
/// assert_eq!(test::call_service(&app, request).await.status(), StatusCode::UNAUTHORIZED);
///
/// // Whether a token is good can't be told before the first keys are here.
/// let request = test::TestRequest::get().uri("/greet").insert_header(("Authorization", "Bearer a.b.c")).to_request();
/// assert_eq!(test::call_service(&app, request).await.status(), StatusCode::SERVICE_UNAVAILABLE);
/// # });
/// ```
#[derive(Clone)]
pub struct RemoteIssuer(Arc<Parts>);

struct Parts {
    tokens: AccessTokens,
    keys: KeySet,
    verify: Endpoint,
}

impl RemoteIssuer {
    /// An issuer. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// What is wrong with `config`, or with the system's certificates.
    pub fn new(config: &RemoteIssuerConfig, clock: Arc<dyn Clock>) -> Result<Self, InvalidRemoteIssuer> {
        let endpoint = |url| Endpoint::new(url, config.timeout, config.breaker, Arc::clone(&clock));
        let (jwks, verify) = (endpoint(config.checked_jwks_url()?)?, endpoint(config.checked_verify_url()?)?);
        let keys = KeySet::new(config.issuer.clone(), jwks, Arc::clone(&clock));
        let token_config = AccessTokenConfig {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            // The issuer's own isn't known here: no list of revocations depends on it.
            lifetime: MAX_ACCESS_TOKEN_LIFETIME,
        };
        // Never stale: it is empty, and what it would hold is what is late.
        let revocations = Arc::new(RevocationList::new(None));
        // Nobody drains it.
        let seen = Arc::new(SeenGenerations::new(0));
        let tokens = AccessTokens::new(token_config, keys.ring().clone(), revocations, seen, clock);
        Ok(Self(Arc::new(Parts { tokens, keys, verify })))
    }

    /// Fetches the keys unless they are fresh, for a service that wants to have them before its first request, or to find
    /// out whether it can.
    ///
    /// # Errors
    ///
    /// When there are none afterwards. The first request with a token will try again.
    pub async fn prepare(&self) -> Result<(), IssuerAway> {
        if let Some(landed) = self.0.keys.refresh() {
            landed.await;
        }
        if self.0.keys.is_usable() { Ok(()) } else { Err(IssuerAway) }
    }

    /// The user of this token, the bare text after `Bearer `, if that can be told without waiting.
    pub(crate) fn verify_now(&self, token: &str) -> Option<Result<CurrentUser, Problem>> {
        if !self.0.keys.is_usable() {
            return None;
        }
        let verified = self.0.tokens.verify(token);
        let may_be_newer = verified == Err(AccessTokenError::Invalid) && self.0.tokens.names_unknown_key(token);
        (!may_be_newer).then(|| self.user(verified))
    }

    /// The user of this token, the bare text after `Bearer `, for what isn't a handler's argument.
    ///
    /// # Errors
    ///
    /// The answer to the client, as [`CurrentUser`] gives it.
    pub async fn verify(&self, token: &str) -> Result<CurrentUser, Problem> {
        let had_keys = self.0.keys.is_usable();
        if !had_keys {
            self.prepare().await.map_err(|IssuerAway| self.away())?;
        }
        // Keys that came this moment have no newer ones.
        let newer: &[fn(&KeySet) -> _] = if had_keys { &[KeySet::under_way, KeySet::renew] } else { &[] };
        for fetch in newer {
            if self.0.tokens.names_unknown_key(token)
                && let Some(landed) = fetch(&self.0.keys)
            {
                landed.await;
            }
        }
        let verified = self.0.tokens.verify(token);
        if self.0.keys.is_outage() && self.0.tokens.names_unknown_key(token) {
            return Err(self.away());
        }
        self.user(verified)
    }

    fn user(&self, verified: Result<Arc<AccessClaims>, AccessTokenError>) -> Result<CurrentUser, Problem> {
        match verified {
            Ok(claims) => Ok(CurrentUser::new(&self.0.tokens, claims)),
            Err(refused) => Err(refused.code().into()),
        }
    }

    /// Whether the token is good can't be told.
    fn away(&self) -> Problem {
        let wait = self.0.keys.wait();
        Problem::new(ErrorCode::Overloaded)
            .detail("The issuer of the access token can't be asked")
            .retry_after(wait.as_secs() + 1)
    }
}

impl fmt::Debug for RemoteIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteIssuer").field("tokens", &self.0.tokens).finish_non_exhaustive()
    }
}

/// The issuer's keys could not be fetched; why is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the issuer's keys can't be fetched")]
pub struct IssuerAway;
