//! Where the issuer is, and what may be wrong with that.

use std::time::Duration;

use auth_core::BreakerConfig;
use url::{Host, Url};

/// Which issuer is trusted, and how it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteIssuerConfig {
    /// The claim `iss`, compared byte by byte: the issuer's `AUTH_JWT_ISSUER`, by default its base URL.
    pub issuer: String,
    /// The claim `aud`, compared byte by byte: the issuer's `AUTH_JWT_AUDIENCE`, by default its base URL.
    pub audience: String,
    /// Where the keys are published, if not at `{issuer}/.well-known/jwks.json`; for instance at an address of one's own
    /// network.
    pub jwks_url: Option<String>,
    /// Where [`Confirmed`](crate::Confirmed) asks, if not at `{issuer}/auth/verify`.
    pub verify_url: Option<String>,
    /// The most that one call may take, from the look-up of the name to the last byte of the answer; one minute at most.
    pub timeout: Duration,
    /// When calls are given up for a while. The keys and the confirmations have a breaker each.
    pub breaker: BreakerConfig,
}

impl RemoteIssuerConfig {
    /// How long a call may take, unless another time is set: 3 s.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

    /// The issuer with everything at its default.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            jwks_url: None,
            verify_url: None,
            timeout: Self::DEFAULT_TIMEOUT,
            breaker: BreakerConfig::default(),
        }
    }

    pub(super) fn checked_jwks_url(&self) -> Result<Url, InvalidRemoteIssuer> {
        self.checked(self.jwks_url.as_deref(), "/.well-known/jwks.json")
    }

    pub(super) fn checked_verify_url(&self) -> Result<Url, InvalidRemoteIssuer> {
        self.checked(self.verify_url.as_deref(), "/auth/verify")
    }

    fn checked(&self, set: Option<&str>, path: &str) -> Result<Url, InvalidRemoteIssuer> {
        let url = set.map_or_else(|| format!("{}{path}", self.issuer.trim_end_matches('/')), str::to_owned);
        let url = Url::parse(&url).map_err(|_| InvalidRemoteIssuer::NotAbsolute)?;
        let is_fit = match url.scheme() {
            "https" => true,
            "http" => is_loopback(&url),
            _ => false,
        };
        if !is_fit {
            Err(InvalidRemoteIssuer::Scheme)
        } else if !url.username().is_empty() || url.password().is_some() {
            Err(InvalidRemoteIssuer::Credentials)
        } else if url.fragment().is_some() || (set.is_none() && url.query().is_some()) {
            Err(InvalidRemoteIssuer::Query)
        } else {
            Ok(url)
        }
    }
}

/// Whether what is sent there stays on this machine (RFC 6761, section 6.3 for the name).
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Why an issuer can't be trusted as configured.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRemoteIssuer {
    /// Not an absolute URL.
    #[error("the issuer's address is no absolute URL")]
    NotAbsolute,
    /// Neither `https` nor, on this machine alone, `http`: whoever can change the keys on their way can make tokens.
    #[error("the issuer's address begins with https://, or with http:// on a loopback address")]
    Scheme,
    /// A name or a password before the host.
    #[error("the issuer's address holds credentials")]
    Credentials,
    /// A fragment, or a query in the issuer itself.
    #[error("the issuer's address has a query or a fragment")]
    Query,
    /// No TLS, for instance because the system has no certificates to trust.
    #[error("the client that calls the issuer can't be set up")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwks_of(issuer: &str) -> Result<String, InvalidRemoteIssuer> {
        RemoteIssuerConfig::new(issuer, "a").checked_jwks_url().map(Into::into)
    }

    #[test]
    fn the_keys_are_below_the_issuer_unless_elsewhere() {
        for (issuer, url) in [
            ("https://auth.example.org", "https://auth.example.org/.well-known/jwks.json"),
            ("https://auth.example.org/", "https://auth.example.org/.well-known/jwks.json"),
            ("https://example.org/auth", "https://example.org/auth/.well-known/jwks.json"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/.well-known/jwks.json"),
            ("http://[::1]:8080", "http://[::1]:8080/.well-known/jwks.json"),
            ("http://localhost", "http://localhost/.well-known/jwks.json"),
        ] {
            assert_eq!(jwks_of(issuer).unwrap(), url);
        }
        let jwks_url = Some("https://10.0.0.7/keys?of=auth".to_owned());
        let config = RemoteIssuerConfig { jwks_url, ..RemoteIssuerConfig::new("urn:auth", "a") };
        assert_eq!(config.checked_jwks_url().unwrap().as_str(), "https://10.0.0.7/keys?of=auth");
        assert!(config.checked_verify_url().is_err());
    }

    /// O-09
    #[test]
    fn what_could_be_changed_on_its_way_is_refused() {
        for issuer in [
            "http://auth.example.org",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://10.0.0.7",
            "http://0.0.0.0",
            "http://[::ffff:10.0.0.7]",
            "ftp://auth.example.org",
            "file:///etc/keys",
        ] {
            assert!(matches!(jwks_of(issuer), Err(InvalidRemoteIssuer::Scheme)), "{issuer}");
        }
        assert!(matches!(jwks_of("auth.example.org"), Err(InvalidRemoteIssuer::NotAbsolute)));
        assert!(matches!(jwks_of("https://a:b@auth.example.org"), Err(InvalidRemoteIssuer::Credentials)));
        assert!(matches!(jwks_of("https://auth.example.org?a=b"), Err(InvalidRemoteIssuer::Query)));
        assert!(matches!(jwks_of("https://auth.example.org#a"), Err(InvalidRemoteIssuer::Query)));
    }
}
