//! What stands in the addresses of flows with other providers: no parameter twice (RFC 6749, section 3.1).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth_actix::Problem;
use auth_service::{OAuthCallback, OAuthStart};

use super::query::{Others, parameters};

/// What an app asks for at the start of a flow.
pub(super) struct StartQuery {
    redirect_to: Option<String>,
    code_challenge: Option<String>,
    app_state: Option<String>,
}

impl StartQuery {
    pub(super) fn start<'a>(&'a self, provider: &'a str) -> OAuthStart<'a> {
        OAuthStart {
            provider,
            redirect_to: self.redirect_to.as_deref(),
            code_challenge: self.code_challenge.as_deref(),
            app_state: self.app_state.as_deref(),
        }
    }

    /// Other parameters are refused: none of them would reach the provider (O-25), and a mistyped `code_challenge` must
    /// not pass for none.
    fn read(query: &str) -> Result<Self, Problem> {
        let known = ["redirect_to", "code_challenge", "app_state"];
        let [redirect_to, code_challenge, app_state] = parameters(query, known, Others::Refused)?;
        Ok(Self { redirect_to, code_challenge, app_state })
    }
}

impl FromRequest for StartQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request.query_string()))
    }
}

/// What a browser brings back from a provider.
pub(super) struct CallbackQuery {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

impl CallbackQuery {
    pub(super) fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// With the cookie of the flow, if the browser sent it.
    pub(super) fn callback<'a>(&'a self, provider: &'a str, binding: Option<&'a str>) -> OAuthCallback<'a> {
        OAuthCallback {
            provider,
            state: self.state(),
            code: self.code.as_deref(),
            error: self.error.as_deref(),
            iss: self.iss.as_deref(),
            binding,
        }
    }

    /// Other parameters are ignored (RFC 6749, section 4.1.2), and one without a value is as good as none (section 3.1).
    fn read(query: &str) -> Result<Self, Problem> {
        let found = parameters(query, ["state", "code", "error", "iss"], Others::Ignored)?;
        let [state, code, error, iss] = found.map(|value| value.filter(|value| !value.is_empty()));
        Ok(Self { state, code, error, iss })
    }
}

impl FromRequest for CallbackQuery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request.query_string()))
    }
}

#[cfg(test)]
mod tests {
    use auth_core::ErrorCode;

    use super::super::query::MAX_QUERY_BYTES;
    use super::*;

    fn start(query: &str) -> Result<[Option<String>; 3], ErrorCode> {
        let query = StartQuery::read(query).map_err(|problem| problem.code())?;
        Ok([query.redirect_to, query.code_challenge, query.app_state])
    }

    fn callback(query: &str) -> Result<[Option<String>; 4], ErrorCode> {
        let query = CallbackQuery::read(query).map_err(|problem| problem.code())?;
        Ok([query.state, query.code, query.error, query.iss])
    }

    #[test]
    fn parameters_are_decoded_once() {
        assert_eq!(start(""), Ok([None, None, None]));
        assert_eq!(
            start("app_state=a+b%2526&redirect_to=https%3A%2F%2Fapp.example%2F%3Fx%3Dy"),
            Ok([Some("https://app.example/?x=y".into()), None, Some("a b%26".into())])
        );
        assert_eq!(callback("state=s&code=4%2Fx"), Ok([Some("s".into()), Some("4/x".into()), None, None]));
        assert_eq!(
            callback("error=access_denied&st%61te=s"),
            Ok([Some("s".into()), None, Some("access_denied".into()), None])
        );
    }

    /// O-23
    #[test]
    fn a_parameter_that_stands_there_twice_is_refused() {
        for query in ["state=a&state=a", "state=a&st%61te=b", "code=a&x=y&code=", "iss=&iss=", "error=a&error=b"] {
            assert_eq!(callback(query), Err(ErrorCode::MalformedRequest), "{query}");
        }
        for query in ["redirect_to=a&redirect_to=b", "code_challenge&code_challenge=a", "app_state=&app_state="] {
            assert_eq!(start(query), Err(ErrorCode::MalformedRequest), "{query}");
        }
    }

    /// O-23, O-25
    #[test]
    fn unknown_parameters_are_refused_at_the_start_and_ignored_at_the_callback() {
        for query in ["scope=admin", "prompt=none", "state=a", "client_id=x", "nonce=1", "code_challange=x", "=", "x&x"]
        {
            assert_eq!(start(query), Err(ErrorCode::MalformedRequest), "{query}");
            let found = callback(&format!("{query}&code=c")).unwrap();
            assert_eq!(found[1].as_deref(), Some("c"), "{query}");
        }
        assert_eq!(callback("session_state=%ff&session_state=1"), Ok([None, None, None, None]));
    }

    /// RFC 6749, section 3.1. At the start an empty challenge is refused by the use case rather than forgotten.
    #[test]
    fn what_has_no_value_is_as_good_as_none_at_the_callback() {
        assert_eq!(callback("state=&code&error=&iss"), Ok([None, None, None, None]));
        assert_eq!(start("code_challenge="), Ok([None, Some(String::new()), None]));
    }

    /// O-23
    #[test]
    fn a_query_without_measure_is_refused() {
        let fits = format!("code={}", "a".repeat(MAX_QUERY_BYTES - "code=".len()));
        assert!(callback(&fits).is_ok());
        assert_eq!(callback(&format!("{fits}a")), Err(ErrorCode::MalformedRequest));
        assert_eq!(callback(&format!("code={}", "a".repeat(100_000))), Err(ErrorCode::MalformedRequest));
        assert_eq!(start(&format!("app_state={}", "a".repeat(100_000))), Err(ErrorCode::MalformedRequest));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for query in ["code=%ff", "state=%c3%28", "iss=%ED%A0%80"] {
            assert_eq!(callback(query), Err(ErrorCode::MalformedRequest), "{query}");
        }
    }
}
