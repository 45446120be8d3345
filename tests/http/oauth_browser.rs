//! Browsers that go back and forth between a server and providers, and the addresses that they are sent to.

use std::cell::RefCell;
use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::Value;
use url::Url;

use crate::contract::assert_safe;
use crate::oauth_world::World;
use crate::support::{Client, Response, Server};

/// An app's page that flows may end at.
pub(crate) const PAGE: &str = "https://app.example/signed-in?from=gatehouse";

/// The server's base URL, unless a test sets another.
pub(crate) const BASE: &str = "http://localhost:8080";

/// A browser: it keeps cookies, and shows them to the server that gave them.
pub(crate) struct Browser<'a> {
    world: &'a World,
    server: &'a Server,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub(crate) fn of(world: &'a World, server: &'a Server) -> Self {
        Self { world, server, cookies: RefCell::default() }
    }

    /// Opens an address of the server.
    pub(crate) fn open(&self, target: &str) -> Response {
        self.open_with(&self.server.client, target)
    }

    /// As [`Browser::open`], with the headers of `client`.
    pub(crate) fn open_with(&self, client: &Client, target: &str) -> Response {
        let jar: Vec<String> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let client = if jar.is_empty() { client.clone() } else { client.header("Cookie", jar.join("; ")) };
        let answer = client.get(target);
        if let Some((name, rest)) = answer.header("set-cookie").and_then(|cookie| cookie.split_once('=')) {
            let value = rest.split(';').next().unwrap_or_default();
            let mut cookies = self.cookies.borrow_mut();
            if rest.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Follows the link to a provider: where that sends the browser.
    #[track_caller]
    pub(crate) fn start(&self, provider: &str, query: &[(&str, &str)]) -> Url {
        sent_to(&self.open(&target(&format!("/auth/{provider}"), query)))
    }

    /// Has the app of `tokens` ask where to link an account at a provider, and goes there.
    #[track_caller]
    pub(crate) fn start_link(&self, tokens: &Value, provider: &str, query: &[(&str, &str)]) -> Url {
        let client = self.server.as_user(tokens).header("Accept", "application/json");
        let answer = self.open_with(&client, &target(&format!("/auth/link/{provider}"), query));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_safe(&answer);
        Url::parse(answer.json()["authorization_url"].as_str().unwrap()).unwrap()
    }

    /// Agrees at the provider: where that sends the browser back to.
    #[track_caller]
    pub(crate) fn approve(&self, provider: &str, url: &Url) -> Url {
        self.world.provider(provider).approve(url)
    }

    /// Goes where a provider sends it.
    #[track_caller]
    pub(crate) fn come_back(&self, back: &Url) -> Response {
        assert_eq!(back.origin(), Url::parse(BASE).unwrap().origin(), "{back}");
        self.open(path_and_query(back))
    }

    /// A whole flow that ends at [`PAGE`]: with which parameters it is opened.
    #[track_caller]
    pub(crate) fn end_at_page(&self, provider: &str, query: &[(&str, &str)]) -> BTreeMap<String, String> {
        let query = [&[("redirect_to", PAGE)], query].concat();
        let back = self.approve(provider, &self.start(provider, &query));
        at_page(&self.come_back(&back))
    }

    /// The names of its cookies.
    pub(crate) fn cookie_names(&self) -> Vec<String> {
        self.cookies.borrow().keys().cloned().collect()
    }

    /// The values of its cookies.
    pub(crate) fn cookie_values(&self) -> Vec<String> {
        self.cookies.borrow().values().cloned().collect()
    }

    /// Forgets its cookies.
    pub(crate) fn forget(&self) {
        self.cookies.borrow_mut().clear();
    }

    /// Has a cookie that somebody has put there.
    pub(crate) fn put(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }
}

/// Path and query of a URL, as they are requested.
pub(crate) fn path_and_query(url: &Url) -> &str {
    &url[url::Position::BeforePath..url::Position::AfterQuery]
}

/// A path with a query.
pub(crate) fn target(path: &str, query: &[(&str, &str)]) -> String {
    if query.is_empty() {
        return path.to_owned();
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{path}?{query}")
}

/// The same URL with another value of a parameter; without a value, without the parameter.
pub(crate) fn with_parameter(url: &Url, name: &str, value: Option<&str>) -> Url {
    let kept: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    let mut changed = url.clone();
    changed.set_query(None);
    changed.query_pairs_mut().extend_pairs(kept).extend_pairs(value.map(|value| (name, value)));
    changed
}

/// A parameter that a URL has to have.
#[track_caller]
pub(crate) fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name} in {url}")).1.into_owned()
}

/// Where a 302, that nobody keeps, sends a browser.
#[track_caller]
pub(crate) fn sent_to(answer: &Response) -> Url {
    assert_eq!(answer.status, 302, "{answer:?}");
    assert_safe(answer);
    assert!(answer.body.is_empty(), "{answer:?}");
    Url::parse(answer.header("location").unwrap()).unwrap()
}

/// What a 302 to [`PAGE`] brings there.
#[track_caller]
pub(crate) fn at_page(answer: &Response) -> BTreeMap<String, String> {
    let url = sent_to(answer);
    assert!(url.as_str().starts_with(&format!("{PAGE}&")), "{url}");
    let mut brought = BTreeMap::new();
    for (name, value) in url.query_pairs().into_owned().skip(1) {
        assert!(brought.insert(name, value).is_none(), "{url}");
    }
    brought
}

/// The S256 challenge of a verifier (RFC 7636, section 4.2).
pub(crate) fn challenge_of(verifier: &str) -> String {
    BASE64URL.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}
