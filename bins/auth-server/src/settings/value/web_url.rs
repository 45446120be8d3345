//! `http` and `https` URLs.

use std::fmt;

use url::{Host, Url};

use crate::settings::fault::Parsed;

/// The public URL of the server, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// The URL without a slash at its end: paths are appended to it, and it is the default of `iss`.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The URL as a parsed one; a root path shows as `/`.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// `scheme://host[:port]`, as browsers write it.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Whether only programs on this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Whether it is reached by TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the URL's host is this machine: `localhost` and the names below it (RFC 6761), or a loopback address.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

/// The server's own URL.
pub(crate) fn base_url(text: &str) -> Parsed<BaseUrl> {
    let url = web_url(text).filter(|url| url.query().is_none());
    let mut url =
        url.ok_or("write an http or https URL without query, fragment, user or password: `https://auth.example.com`")?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(BaseUrl(url))
}

/// A URL that the server itself calls or sends browsers to.
pub(crate) fn outgoing_url(text: &str) -> Parsed<Url> {
    web_url(text).ok_or_else(|| "write an http or https URL without fragment, user or password".into())
}

/// A page that mails link to. `?token=…` is appended, so there is no room for a query.
pub(crate) fn link_page(text: &str) -> Parsed<Url> {
    let url = web_url(text).filter(|url| url.query().is_none());
    url.ok_or_else(|| "write an http or https URL without query, fragment, user or password".into())
}

/// Refuses what the URL standard would silently repair: white space, control characters and backslashes.
fn web_url(text: &str) -> Option<Url> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return None;
    }
    let url = Url::parse(text).ok().filter(|_| text.contains("://"))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (plain && matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn the_base_url_has_no_slash_at_its_end() {
        for (text, expected) in [
            ("http://localhost:8080", "http://localhost:8080"),
            ("https://Auth.Example.com/", "https://auth.example.com"),
            ("https://example.com:443/auth/", "https://example.com/auth"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(base_url(text).unwrap().as_str(), expected);
        }
        assert_eq!(base_url("https://example.com/auth").unwrap().origin(), "https://example.com");
    }

    #[test]
    fn other_urls_are_no_base_url() {
        assert_refuses(
            base_url,
            &[
                "",
                "localhost:8080",
                "example.com",
                "ftp://example.com",
                "https://",
                "https://example.com?x=1",
                "https://example.com/#x",
                "https://ada@example.com",
                "https://ada:pw@example.com",
                "https:example.com",
                " https://example.com",
                "https://exa\tmple.com",
                "https:\\\\example.com",
                "//example.com",
                "/auth",
            ],
        );
    }

    #[test]
    fn loopback_is_told_by_the_host() {
        for (text, expected) in [
            ("http://localhost", true),
            ("http://app.localhost:3000", true),
            ("http://127.8.8.8", true),
            ("http://[::1]:1", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://localhost.example.com", false),
            ("http://0.0.0.0", false),
            ("http://192.168.0.1", false),
        ] {
            assert_eq!(base_url(text).unwrap().is_loopback(), expected, "{text}");
        }
    }

    #[test]
    fn a_link_page_has_no_query() {
        assert!(link_page("https://app.example/verify").is_ok());
        assert_refuses(link_page, &["https://app.example/verify?a=b", "https://app.example/#/verify", "app://verify"]);
    }
}
