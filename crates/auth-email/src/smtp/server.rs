//! Which server, and how much encryption it takes.

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use crate::error::InvalidMailConfig;

/// The mail server of a URL.
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) encryption: Encryption,
}

/// How the connection is encrypted.
pub(crate) enum Encryption {
    /// Not at all: on the loopback interface.
    None,
    /// After STARTTLS (RFC 3207), or nothing is sent.
    StartTls(TlsParameters),
    /// From the first byte.
    Implicit(TlsParameters),
}

impl Server {
    pub(crate) fn new(url: &SecretString, extra_roots: &[String]) -> Result<Self, InvalidMailConfig> {
        let address = Address::parse(url.expose_secret()).ok_or(InvalidMailConfig::Url)?;
        let tls = || tls_parameters(&address.host, extra_roots);
        let encryption = match address.kind {
            Kind::Clear => Encryption::None,
            Kind::StartTls => Encryption::StartTls(tls()?),
            Kind::Implicit => Encryption::Implicit(tls()?),
        };
        let credentials = address.credentials.map(|(user, password)| Credentials::new(user, password));
        Ok(Self { host: address.host, port: address.port, credentials, encryption })
    }
}

/// Parameters that check the certificate: its chain against the system's roots and the additional ones, its name against
/// the host.
fn tls_parameters(host: &str, extra_roots: &[String]) -> Result<TlsParameters, InvalidMailConfig> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    for root in extra_roots {
        if !root.contains("-----BEGIN CERTIFICATE-----") {
            return Err(InvalidMailConfig::RootCertificate);
        }
        let root = Certificate::from_pem(root.as_bytes()).map_err(|_| InvalidMailConfig::RootCertificate)?;
        parameters = parameters.add_root_certificate(root);
    }
    parameters.build().map_err(|_| InvalidMailConfig::RootCertificate)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Clear,
    StartTls,
    Implicit,
}

/// What the URL says.
struct Address {
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
    kind: Kind,
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.path(), "" | "/") && url.fragment().is_none())?;
        let host = host(&url)?;
        let mut must_encrypt = !is_loopback(&host);
        for (name, value) in url.query_pairs() {
            if name != "tls" || value != "required" {
                return None;
            }
            must_encrypt = true;
        }
        let (kind, default_port) = match url.scheme() {
            "smtps" => (Kind::Implicit, 465),
            "smtp" if must_encrypt => (Kind::StartTls, 587),
            "smtp" => (Kind::Clear, 587),
            _ => return None,
        };
        let port = url.port().unwrap_or(default_port);
        Some(Self { host: host.to_string().replace(['[', ']'], ""), port, credentials: credentials(&url)?, kind })
    }
}

/// The URL standard leaves the hosts of schemes that it doesn't know as they are.
fn host(url: &Url) -> Option<Host> {
    match url.host()? {
        Host::Domain(name) => Host::parse(&percent_decode_str(name).decode_utf8().ok()?).ok(),
        Host::Ipv4(address) => Some(Host::Ipv4(address)),
        Host::Ipv6(address) => Some(Host::Ipv6(address)),
    }
}

fn credentials(url: &Url) -> Option<Option<(String, String)>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    match (url.username(), url.password()) {
        ("", None) => Some(None),
        ("", Some(_)) | (_, None) => None,
        (user, Some(password)) => Some(Some((decoded(user)?, decoded(password)?))),
    }
}

/// `localhost` and the names below it (RFC 6761), or a loopback address.
fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X-06, 12.3.2 of ASVS 5.
    #[test]
    fn encryption_is_required_everywhere_but_on_loopback() {
        for (url, kind, port) in [
            ("smtp://mail.example", Kind::StartTls, 587),
            ("smtp://mail.example:25", Kind::StartTls, 25),
            ("smtp://10.0.0.5?tls=required", Kind::StartTls, 587),
            ("smtp://localhost.example", Kind::StartTls, 587),
            ("smtp://127.0.0.1.example", Kind::StartTls, 587),
            ("smtp://[2001:db8::1]:2525", Kind::StartTls, 2525),
            ("smtp://localhost:1025", Kind::Clear, 1025),
            ("smtp://LocalHost", Kind::Clear, 587),
            ("smtp://127.0.0.1:25/", Kind::Clear, 25),
            ("smtp://[::1]", Kind::Clear, 587),
            ("smtp://[::ffff:127.0.0.1]", Kind::Clear, 587),
            ("smtp://mail.localhost", Kind::Clear, 587),
            ("smtp://localhost?tls=required", Kind::StartTls, 587),
            ("smtps://mail.example", Kind::Implicit, 465),
            ("smtps://localhost:4650?tls=required", Kind::Implicit, 4650),
        ] {
            let address = Address::parse(url).unwrap_or_else(|| panic!("{url}"));
            assert_eq!((address.kind, address.port), (kind, port), "{url}");
        }
    }

    #[test]
    fn hosts_are_what_tls_and_the_resolver_expect() {
        for (url, host) in [
            ("smtp://[2001:db8::1]", "2001:db8::1"),
            ("smtps://MAIL.example", "mail.example"),
            ("smtps://b\u{fc}cher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(Address::parse(url).unwrap().host, host, "{url}");
        }
    }

    #[test]
    fn credentials_are_percent_decoded() {
        let credentials = |url| Address::parse(url).unwrap().credentials.unwrap();
        let expected = |user: &str, password: &str| (user.to_owned(), password.to_owned());
        assert_eq!(credentials("smtps://ada:pw@h"), expected("ada", "pw"));
        assert_eq!(credentials("smtps://a%40b.c:p%2Fw%3A%25+%C3%A4@h"), expected("a@b.c", "p/w:%+ä"));
        assert_eq!(credentials("smtps://a@b.c:p&=!@h"), expected("a@b.c", "p&=!"));
    }

    #[test]
    fn other_urls_are_refused() {
        for url in [
            "",
            "mail.example:25",
            "smtp:mail.example",
            "smtp://",
            "smtp://h/x",
            "smtp://h#x",
            "smtp://h?tls=maybe",
            "smtp://h?x=1",
            "smtp://ada@h",
            "smtp://:pw@h",
            "smtp://%ff:pw@h",
            "smtp://h h",
            "smtp://h:port",
            "smtp://a_b<c",
            "imap://h",
            "http://h",
        ] {
            assert!(Address::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn a_root_certificate_that_is_none_is_a_fault() {
        for root in
            ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----"]
        {
            let server = Server::new(&"smtps://h".into(), &[root.to_owned()]);
            assert_eq!(server.err(), Some(InvalidMailConfig::RootCertificate), "{root}");
        }
    }
}
