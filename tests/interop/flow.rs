//! The steps of a flow, from our start to what our callback answers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::Value;
use url::Url;

use crate::browser::{Arrived, Browser, location, ours};
use crate::form::{Form, link};
use crate::support::Response;

/// So many pages in a row are a circle.
const PAGES: usize = 5;

/// What somebody does at the provider.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision<'a> {
    /// Signs in as this person and agrees.
    Agree(&'a str),
    /// Follows the link that says no, on the first page.
    Cancel,
    /// Is never asked: the provider knows the browser.
    Nothing,
}

/// Begins a flow: where the browser is sent.
#[track_caller]
pub(crate) fn begin(browser: &mut Browser, path: &str) -> Url {
    let answer = browser.open(path);
    location(&ours(path), &answer)
}

/// Walks the provider's pages from its authorization endpoint on: the address of our callback, as the provider gave it.
#[track_caller]
pub(crate) fn at_provider(browser: &mut Browser, authorization: Url, decision: Decision<'_>) -> Url {
    let mut arrived = browser.walk(authorization);
    for _ in 0..PAGES {
        let page = match arrived {
            Arrived::Back(callback) => return callback,
            Arrived::Page(page) => page,
        };
        arrived = match decision {
            Decision::Agree(person) => {
                let mut form = Form::of(&page);
                assert!(["login", "consent"].contains(&form.prompt()), "{page:?}");
                form.fill("login", person);
                form.fill("password", "any");
                browser.submit(&form)
            }
            Decision::Cancel => browser.walk(link(&page, "[ Cancel ]")),
            Decision::Nothing => panic!("the provider asks something: {page:?}"),
        };
    }
    panic!("more than {PAGES} pages");
}

/// Presents the callback's address to our server.
pub(crate) fn come_back(browser: &mut Browser, callback: &Url) -> Response {
    browser.open(&callback[url::Position::BeforePath..])
}

/// A whole sign-in at `/auth/{provider}`.
#[track_caller]
pub(crate) fn sign_in(browser: &mut Browser, provider: &str, decision: Decision<'_>) -> Response {
    let authorization = begin(browser, &format!("/auth/{provider}"));
    let callback = at_provider(browser, authorization, decision);
    come_back(browser, &callback)
}

/// The tokens in an answer.
#[track_caller]
pub(crate) fn tokens(answer: &Response) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let tokens = answer.json();
    assert_eq!(tokens["status"], "authenticated", "{tokens}");
    assert!(tokens["refresh_token"].is_string(), "{tokens}");
    tokens
}

/// The claims of the access token in `tokens`.
pub(crate) fn claims(tokens: &Value) -> Value {
    let payload = tokens["access_token"].as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL.decode(payload).unwrap()).unwrap()
}

/// Fails unless this is the refusal `code` with this status.
#[track_caller]
pub(crate) fn assert_refused(answer: &Response, status: u16, code: &str) {
    assert_eq!((answer.status, answer.error_code().as_str()), (status, code), "{answer:?}");
}

/// The parameters of a URL, each of which is there once.
#[track_caller]
pub(crate) fn parameters(url: &Url) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        assert!(found.insert(name.to_string(), value.into_owned()).is_none(), "{name} twice in {url}");
    }
    found
}

/// The same URL with another value of one parameter, or without the parameter.
pub(crate) fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let mut pairs = parameters(url);
    match value {
        Some(value) => pairs.insert(name.to_owned(), value.to_owned()),
        None => pairs.remove(name),
    };
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    changed
}
