//! A provider's API, called in the name of the user who came back.

use std::fmt;

use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::claims::Claims;
use crate::error::OAuthError;
use crate::http::{CallError, Deadline, ProviderHttp};

const USERINFO: &str = "the userinfo endpoint";
const BELOW_USERINFO: &str = "the endpoint below userinfo";

/// The provider's API, for the length of one exchange, as the user who came back.
pub struct UserApi<'a> {
    http: &'a ProviderHttp,
    access_token: SecretString,
    userinfo_url: &'a Url,
    deadline: Deadline,
}

impl fmt::Debug for UserApi<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserApi").finish_non_exhaustive()
    }
}

impl<'a> UserApi<'a> {
    pub(crate) fn new(
        http: &'a ProviderHttp,
        access_token: SecretString,
        userinfo_url: &'a Url,
        deadline: Deadline,
    ) -> Self {
        Self { http, access_token, userinfo_url, deadline }
    }

    /// What the userinfo URL answers.
    ///
    /// # Errors
    ///
    /// [`OAuthError`], also when it isn't a JSON object or has a member twice.
    pub async fn userinfo(&self) -> Result<Claims, OAuthError> {
        let answer = self.http.get_json(self.userinfo_url, Some(&self.access_token), self.deadline).await;
        answer.and_then(claims).map_err(|error| error.at(USERINFO))
    }

    /// The list at the userinfo URL with one more segment in its path; `None` if the provider keeps it from this user
    /// or app (403, 404).
    ///
    /// # Errors
    ///
    /// [`OAuthError`], also when it isn't a JSON array of objects.
    pub async fn list_below_userinfo(&self, segment: &str) -> Result<Option<Vec<Claims>>, OAuthError> {
        let mut url = self.userinfo_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(segment);
        }
        let list = match self.http.get_json(&url, Some(&self.access_token), self.deadline).await {
            Ok(Value::Array(items)) => items.into_iter().map(claims).collect::<Result<_, _>>().map(Some),
            Ok(_) => Err(CallError::Malformed),
            Err(CallError::Status(403 | 404)) => Ok(None),
            Err(error) => Err(error),
        };
        list.map_err(|error| error.at(BELOW_USERINFO))
    }
}

fn claims(answer: Value) -> Result<Claims, CallError> {
    match answer {
        Value::Object(members) => Ok(Claims::new(members)),
        _ => Err(CallError::Malformed),
    }
}
