//! Sign-ins by a provider of the bench's own, which runs in its process and agrees to everything.

use std::net::SocketAddr;

use identity_provider::IdentityProvider;

use crate::failure::Outcome;
use crate::http::{self, Connection};

/// What a server needs to sign people in by the built-in provider `name`.
pub(super) fn settings(name: &str, provider: &IdentityProvider) -> Vec<(String, String)> {
    let name = name.to_ascii_uppercase();
    [
        ("CLIENT_ID", "client-id".to_owned()),
        ("CLIENT_SECRET", "client-secret".to_owned()),
        ("AUTHORIZE_URL", provider.authorize_url()),
        ("TOKEN_URL", provider.token_url()),
        ("USERINFO_URL", provider.userinfo_url()),
    ]
    .map(|(row, value)| (format!("AUTH_{name}_{row}"), value))
    .into()
}

/// As a server's start takes them.
pub(super) fn borrowed(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// A flow that was begun, in the browser that began it.
pub(super) struct Flow {
    authorization_url: String,
    cookie: String,
}

impl Flow {
    /// Begins one by asking for `path`.
    pub(super) fn begin(connection: &mut Connection, path: &str) -> Outcome<Self> {
        let answer = connection.exchange(&http::get(path, None))?;
        let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
        match (answer.status, answer.header("location"), cookie) {
            (302, Some(url), Some(cookie)) => Ok(Self { authorization_url: url.to_owned(), cookie: cookie.to_owned() }),
            _ => Err(format!("{path} answers {}", answer.describe()).into()),
        }
    }

    /// The user agrees: the request by which the browser comes back.
    pub(super) fn callback(&self, provider: &IdentityProvider) -> Outcome<Vec<u8>> {
        let url = provider.try_approve(&self.authorization_url)?;
        let (path, query, cookie) = (url.path(), url.query().unwrap_or_default(), &self.cookie);
        Ok(format!("GET {path}?{query} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n").into_bytes())
    }
}

/// A whole sign-in: the status and the body of the callback's answer, for people, if it isn't 200.
pub(super) fn sign_in(
    connection: &mut Connection,
    name: &str,
    provider: &IdentityProvider,
) -> Outcome<Result<(), String>> {
    let callback = Flow::begin(connection, &format!("/auth/{name}"))?.callback(provider)?;
    let answer = connection.exchange(&callback)?;
    Ok(if answer.status == 200 { Ok(()) } else { Err(answer.describe()) })
}

/// The callbacks of `count` flows that have got as far as that.
pub(super) fn callbacks(
    address: SocketAddr,
    count: usize,
    name: &str,
    provider: &IdentityProvider,
) -> Outcome<Vec<Vec<u8>>> {
    let mut connection = Connection::open(address)?;
    let path = format!("/auth/{name}");
    (0..count).map(|_| Flow::begin(&mut connection, &path)?.callback(provider)).collect()
}
