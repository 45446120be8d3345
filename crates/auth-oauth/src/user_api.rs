//! A provider's API, called in the name of the user who came back.

use std::fmt;

use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use crate::claims::Claims;
use crate::error::OAuthError;
use crate::http::{CallError, GetJson};

const USERINFO: &str = "the userinfo endpoint";
const BELOW_USERINFO: &str = "the endpoint below userinfo";

/// The provider's API, for the length of one exchange, as the user who came back.
pub struct UserApi<'a> {
    calls: &'a (dyn GetJson + 'a),
    access_token: SecretString,
    userinfo_url: &'a Url,
}

impl fmt::Debug for UserApi<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserApi").finish_non_exhaustive()
    }
}

impl<'a> UserApi<'a> {
    pub(crate) fn new(calls: &'a (dyn GetJson + 'a), access_token: SecretString, userinfo_url: &'a Url) -> Self {
        Self { calls, access_token, userinfo_url }
    }

    /// What the userinfo URL answers.
    ///
    /// # Errors
    ///
    /// [`OAuthError`], also when it isn't a JSON object or has a member twice.
    pub async fn userinfo(&self) -> Result<Claims, OAuthError> {
        let answer = self.calls.get_json(self.userinfo_url, &self.access_token, Value::is_object).await;
        answer.and_then(claims).map_err(|error| error.at(USERINFO))
    }

    /// The list at the userinfo URL with one more segment in its path, asked for with `query` beside the URL's own;
    /// `None` if there is no such list for this user or app (404). A 403 is an error: rate limits answer so, too.
    ///
    /// # Errors
    ///
    /// [`OAuthError`], also when it isn't a JSON array of objects.
    pub async fn list_below_userinfo(
        &self,
        segment: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<Vec<Claims>>, OAuthError> {
        let url = below(self.userinfo_url, segment, query);
        let list = match self.calls.get_json(&url, &self.access_token, is_list).await {
            Ok(Value::Array(items)) => items.into_iter().map(claims).collect::<Result<_, _>>().map(Some),
            Ok(_) => Err(CallError::Malformed),
            Err(CallError::Status(404)) => Ok(None),
            Err(error) => Err(error),
        };
        list.map_err(|error| error.at(BELOW_USERINFO))
    }
}

/// One segment below `url`. What the operator has put into its query stays as it is.
fn below(url: &Url, segment: &str, query: &[(&str, &str)]) -> Url {
    let mut below = url.clone();
    if let Ok(mut segments) = below.path_segments_mut() {
        segments.pop_if_empty().push(segment);
    }
    for (name, value) in query {
        if url.query_pairs().all(|(set, _)| set != *name) {
            below.query_pairs_mut().append_pair(name, value);
        }
    }
    below
}

fn is_list(answer: &Value) -> bool {
    answer.as_array().is_some_and(|items| items.iter().all(Value::is_object))
}

fn claims(answer: Value) -> Result<Claims, CallError> {
    match answer {
        Value::Object(members) => Ok(Claims::new(members)),
        _ => Err(CallError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_configured_url_stays() {
        let asked = |url: &str| below(&Url::parse(url).unwrap(), "emails", &[("per_page", "100")]).to_string();
        assert_eq!(asked("https://api.github.com/user"), "https://api.github.com/user/emails?per_page=100");
        assert_eq!(asked("https://ghe.example/user/?a=b%20c"), "https://ghe.example/user/emails?a=b%20c&per_page=100");
        assert_eq!(asked("https://ghe.example/user?per_page=50"), "https://ghe.example/user/emails?per_page=50");
    }
}
