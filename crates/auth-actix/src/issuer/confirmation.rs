//! Asking the issuer about one token.

use auth_core::{AccessClaims, ErrorCode};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::RemoteIssuer;
use super::endpoint::{Answer, CallError};
use crate::Problem;

impl RemoteIssuer {
    /// Asks whether the token that says `claims` is good at this moment.
    pub(crate) async fn confirm(&self, token: &str, claims: &AccessClaims) -> Result<(), Problem> {
        match self.0.verify.get(Some(token), |answer| read(answer, claims)).await {
            Ok(verdict) => verdict.map_err(Problem::new),
            Err(error) => Err(Problem::new(ErrorCode::Overloaded)
                .detail("The issuer of the access token can't be asked")
                .caused_by(format_args!("GET /auth/verify of the issuer: {error}"))),
        }
    }
}

/// What the issuer says. Whatever is neither its yes nor its no is no answer.
fn read(answer: &Answer, claims: &AccessClaims) -> Result<Result<(), ErrorCode>, CallError> {
    match answer.status {
        // 200 as well: a proxy may make it one.
        StatusCode::OK | StatusCode::NO_CONTENT if is_about(&answer.headers, claims) => Ok(Ok(())),
        StatusCode::OK | StatusCode::NO_CONTENT => Err(CallError::Malformed),
        StatusCode::UNAUTHORIZED => Ok(Err(refusal(&answer.body))),
        status => Err(CallError::Status(status.as_u16())),
    }
}

/// Whether the answer is about this very token: any page that is there for everybody would else be a yes.
fn is_about(headers: &HeaderMap, claims: &AccessClaims) -> bool {
    let is =
        |name: &str, expected: &str| headers.get(name).is_some_and(|value| value.as_bytes() == expected.as_bytes());
    is("x-auth-user", &claims.user_id.to_string())
        && is("x-auth-session", &claims.session_id.to_string())
        && is("x-auth-role", claims.role.as_str())
}

/// Why the issuer refuses the token, as far as it is one of the reasons for that.
fn refusal(body: &[u8]) -> ErrorCode {
    #[derive(Deserialize)]
    struct Refusal<'a> {
        #[serde(borrow)]
        error_code: &'a str,
    }
    let code = serde_json::from_slice::<Refusal<'_>>(body).map_or("", |refusal| refusal.error_code);
    let known = [ErrorCode::TokenExpired, ErrorCode::SessionRevoked];
    known.into_iter().find(|known| known.as_str() == code).unwrap_or(ErrorCode::TokenInvalid)
}
