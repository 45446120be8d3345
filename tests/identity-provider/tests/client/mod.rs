//! A client of the provider that does as it is told.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use identity_provider::IdentityProvider;
use serde_json::Value;
use url::Url;

/// The pair in RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const REDIRECT_URI: &str = "https://app.example/callback?from=here";

/// A field, and what it is instead; `None` for absent.
pub(crate) type Change = (&'static str, Option<&'static str>);

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    body: Vec<u8>,
}

impl Response {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }
}

/// A good authorization URL, with these parameters instead; an empty one is left out.
pub(crate) fn authorization_url(provider: &IdentityProvider, changes: &[(&str, &str)]) -> String {
    let good = [
        ("response_type", "code"),
        ("client_id", "client-id"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "email"),
        ("state", "a-state-of-many-characters"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = good.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let pairs = kept.chain(changes).filter(|(_, value)| !value.is_empty());
    Url::parse_with_params(&provider.authorize_url(), pairs).unwrap().into()
}

/// The code that a browser brings back.
pub(crate) fn code(back: &Url) -> String {
    back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
}

pub(crate) fn exchange(provider: &IdentityProvider, code: &str) -> Response {
    exchange_with(provider, code, &[], &[])
}

/// A good exchange, with these fields instead.
pub(crate) fn exchange_with(
    provider: &IdentityProvider,
    code: &str,
    changes: &[Change],
    headers: &[(&str, &str)],
) -> Response {
    let good = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
        ("client_id", "client-id"),
        ("client_secret", "client-secret"),
    ];
    let kept = good.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let others = changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.chain(others)).finish();
    let mut headers = headers.to_vec();
    headers.push(("Content-Type", "application/x-www-form-urlencoded"));
    if headers.iter().all(|(name, _)| *name != "Accept") {
        headers.push(("Accept", "application/json"));
    }
    send(provider, "POST", "/token", &headers, &form)
}

/// Reads the user, or at `/emails` the addresses.
pub(crate) fn read_user(provider: &IdentityProvider, tokens: &Value, at: &str) -> Response {
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap_or_default());
    get(provider, &format!("/userinfo{at}"), &[("Authorization", &bearer), ("User-Agent", "test")])
}

pub(crate) fn get(provider: &IdentityProvider, target: &str, headers: &[(&str, &str)]) -> Response {
    send(provider, "GET", target, headers, "")
}

fn send(provider: &IdentityProvider, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let mut stream = ask(provider, method, target, headers, body);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Response { status, head, body: bytes[end + 4..].to_vec() }
}

/// A connection on which a request was made.
pub(crate) fn ask(
    provider: &IdentityProvider,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", provider.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (length, headers) = (body.len(), headers.concat());
    let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes()).unwrap();
    stream
}
