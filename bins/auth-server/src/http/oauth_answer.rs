//! How flows with other providers are answered: to where the browser goes, with the cookie that binds them to it.

use actix_web::http::header::{ACCEPT, Accept, Header as _, HeaderMap, LOCATION, Quality, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};
use auth_service::{OAuthOutcome, OAuthStarted, oauth_flow_id};
use serde::Serialize;
use utoipa::ToSchema;

use super::binding_cookie::BindingCookies;
use super::oauth_query::CallbackQuery;
use super::refusal::Refusal;

/// Where to send the browser.
#[derive(Serialize, ToSchema)]
pub(super) struct Started {
    /// A page of the provider: open it in the browser that made the call.
    #[schema(format = Uri)]
    authorization_url: String,
}

/// Sends the browser to the provider, or tells an app where that is; it takes the cookie along either way.
pub(super) fn started(started: &OAuthStarted, cookies: BindingCookies, request: &HttpRequest) -> HttpResponse {
    let url = started.authorization_url.as_str();
    let mut response = if wants_json(request) {
        HttpResponse::Ok().json(Started { authorization_url: url.to_owned() })
    } else {
        HttpResponse::Found().insert_header((LOCATION, url)).finish()
    };
    if let Some(cookie) = cookies.set(&started.flow_id, &started.binding) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Browsers that follow a link never name it.
fn wants_json(request: &HttpRequest) -> bool {
    if !request.headers().contains_key(ACCEPT) {
        return false;
    }
    Accept::parse(request).is_ok_and(|accept| {
        accept.iter().any(|range| range.quality > Quality::ZERO && range.item.essence_str() == "application/json")
    })
}

/// The cookie of the flow that a callback belongs to.
pub(super) struct FlowCookie<'a> {
    cookies: BindingCookies,
    flow_id: Option<String>,
    /// What the browser sent.
    pub(super) value: Option<&'a str>,
}

impl<'a> FlowCookie<'a> {
    pub(super) fn of(query: &CallbackQuery, cookies: BindingCookies, headers: &'a HeaderMap) -> Self {
        let flow_id = query.state().map(oauth_flow_id);
        let value = flow_id.as_deref().and_then(|id| cookies.read(id, headers));
        Self { cookies, flow_id, value }
    }

    /// The end of the flow: at the app's page, or here, as `show` has it. The cookie goes, whatever came of it.
    pub(super) fn end<T, S: Serialize>(self, outcome: OAuthOutcome<T>, show: impl FnOnce(T) -> S) -> HttpResponse {
        let mut response = match outcome {
            OAuthOutcome::Here(Ok(result)) => HttpResponse::Ok().json(show(result)),
            OAuthOutcome::Here(Err(error)) => HttpResponse::from_error(Refusal::from(error)),
            OAuthOutcome::Redirect(url) => HttpResponse::Found().insert_header((LOCATION, url.as_str())).finish(),
        };
        if let Some(cookie) = self.flow_id.and_then(|id| self.cookies.clear(&id)) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

/// How the cookies of this server are written.
pub(super) type Cookies = web::Data<BindingCookies>;

#[cfg(test)]
mod tests {
    use actix_web::FromRequest as _;
    use actix_web::http::StatusCode;
    use actix_web::http::header::COOKIE;
    use actix_web::test::TestRequest;
    use auth_service::OAuthFlowError;

    use super::*;

    /// How a callback ends whose browser sent the cookie of the flow `st`.
    async fn ended(query: &str, outcome: OAuthOutcome<u8>) -> (Option<String>, HttpResponse) {
        let id = oauth_flow_id("st");
        let request = TestRequest::with_uri(&format!("/?{query}"))
            .insert_header((COOKIE, format!("gatehouse-oauth-{id}=ot_x")))
            .to_http_request();
        let query = CallbackQuery::extract(&request).await.unwrap();
        let cookie = FlowCookie::of(&query, BindingCookies::new(false), request.headers());
        (cookie.value.map(str::to_owned), cookie.end(outcome, |result| result))
    }

    #[actix_web::test]
    async fn the_cookie_of_a_flow_goes_with_it_whatever_came_of_it() {
        let page = "https://app.example/?code=ot_y";
        for (outcome, status, location) in [
            (OAuthOutcome::Here(Ok(1)), StatusCode::OK, None),
            (OAuthOutcome::Here(Err(OAuthFlowError::Denied)), StatusCode::BAD_REQUEST, None),
            (OAuthOutcome::Redirect(page.parse().unwrap()), StatusCode::FOUND, Some(page)),
        ] {
            let (value, response) = ended("state=st", outcome).await;
            let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!((value.as_deref(), response.status()), (Some("ot_x"), status));
            assert_eq!(header(LOCATION).as_deref(), location);
            let cleared = header(SET_COOKIE).unwrap();
            assert!(cleared.starts_with(&format!("gatehouse-oauth-{}=; ", oauth_flow_id("st"))), "{cleared}");
            assert!(cleared.contains("Max-Age=0"), "{cleared}");
        }
    }

    /// O-02, O-03
    #[actix_web::test]
    async fn no_other_flow_s_cookie_is_taken() {
        assert_eq!(ended("state=other", OAuthOutcome::Here(Ok(1))).await.0, None);
        let (value, response) = ended("code=c", OAuthOutcome::Here(Ok(1))).await;
        assert!(value.is_none() && !response.headers().contains_key(SET_COOKIE));
    }

    fn wants(accept: &str) -> bool {
        wants_json(&TestRequest::get().insert_header((ACCEPT, accept)).to_http_request())
    }

    #[test]
    fn apps_say_that_they_want_json_and_browsers_don_t() {
        assert!(!wants_json(&TestRequest::get().to_http_request()));
        for yes in ["application/json", "application/json, text/plain, */*", "text/html;q=0.5, Application/JSON;q=0.9"]
        {
            assert!(wants(yes), "{yes}");
        }
        for no in [
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json;q=0",
            "application/problem+json",
            "application/*",
            "json",
            "",
        ] {
            assert!(!wants(no), "{no}");
        }
    }
}
