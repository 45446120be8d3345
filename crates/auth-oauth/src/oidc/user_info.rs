//! The userinfo endpoint (OpenID Connect Core, section 5.3), for what the ID token doesn't say.

use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::profile::Profile;
use crate::claims::Claims;
use crate::error::OAuthError;
use crate::http::{Answer, CallError, Calls};
use crate::json;

/// What the endpoint says about `subject`. A signed answer (`application/jwt`) isn't supported and says nothing.
///
/// # Errors
///
/// When the endpoint fails: going on without the address that it would have given would make somebody whom we know by
/// that address a second account. Likewise when it speaks of somebody else (section 5.3.2).
pub(super) async fn read(
    calls: &Calls<'_>,
    url: &Url,
    access_token: &SecretString,
    subject: &str,
) -> Result<Profile, OAuthError> {
    let claims = calls.get(url, Some(access_token), claims).await;
    let Some(claims) = claims.map_err(|error| error.at("the userinfo endpoint"))? else {
        return Ok(Profile::default());
    };
    if claims.text("sub") != Some(subject) {
        return Err(OAuthError::Provider("the userinfo endpoint speaks of another subject".to_owned()));
    }
    Ok(Profile::read(&claims))
}

/// The claims of an answer, if it isn't a signed one.
fn claims(answer: &Answer) -> Result<Option<Claims>, CallError> {
    if answer.status != StatusCode::OK {
        return Err(CallError::Status(answer.status.as_u16()));
    }
    if answer.content_type.as_deref() == Some("application/jwt") {
        return Ok(None);
    }
    match json::parse(&answer.body) {
        Ok(Value::Object(members)) => Ok(Some(Claims::new(members))),
        Ok(_) | Err(_) => Err(CallError::Malformed),
    }
}
