//! Where providers may be: the addresses that a server lets itself be sent to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::authorization::reserved_parameter;
use crate::refused_url::RefusedUrl;

/// The longest issuer: it is part of every identity, and stored with each.
const MAX_ISSUER_BYTES: usize = 1024;

/// Where providers may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkPolicy {
    /// On the internet, by https alone: names that lead to private, loopback or link-local addresses are refused, and
    /// so is every other address that isn't of the public internet.
    Public,
    /// Anywhere, by http too: for development and tests.
    Any,
}

impl NetworkPolicy {
    /// Whether `url` may be called, or browsers sent to it, as far as the URL itself tells: a name is looked at again
    /// when it has been resolved. Credentials and fragments are refused (RFC 6749, sections 3.1 and 3.2).
    ///
    /// # Errors
    ///
    /// What is wrong with it: the first of several things.
    pub fn check(self, url: &Url) -> Result<(), RefusedUrl> {
        let is_scheme = match self {
            Self::Public => url.scheme() == "https",
            Self::Any => matches!(url.scheme(), "https" | "http"),
        };
        let address = match url.host() {
            _ if !is_scheme => return Err(RefusedUrl::Scheme),
            None | Some(Host::Domain("")) => return Err(RefusedUrl::Host),
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
        };
        if address.is_some_and(|address| !self.allows_address(address)) {
            Err(RefusedUrl::Address)
        } else if !url.username().is_empty() || url.password().is_some() {
            Err(RefusedUrl::Credentials)
        } else if url.fragment().is_some() {
            Err(RefusedUrl::Fragment)
        } else {
            Ok(())
        }
    }

    /// [`NetworkPolicy::check`] of a URL that browsers are sent to with the parameters of a flow. Its own query may hold
    /// any others.
    ///
    /// # Errors
    ///
    /// As [`NetworkPolicy::check`], and [`RefusedUrl::Parameter`].
    pub fn check_authorization_endpoint(self, url: &Url) -> Result<(), RefusedUrl> {
        self.check(url)?;
        reserved_parameter(url).map_or(Ok(()), |name| Err(RefusedUrl::Parameter(name)))
    }

    /// [`NetworkPolicy::check`] of an OpenID Connect issuer (Discovery, section 3): at most 1024 bytes, without a query.
    ///
    /// # Errors
    ///
    /// As [`NetworkPolicy::check`], [`RefusedUrl::NotAbsolute`], [`RefusedUrl::Query`] and [`RefusedUrl::TooLong`].
    pub fn check_issuer(self, issuer: &str) -> Result<(), RefusedUrl> {
        if issuer.len() > MAX_ISSUER_BYTES {
            return Err(RefusedUrl::TooLong);
        }
        let url = Url::parse(issuer).map_err(|_| RefusedUrl::NotAbsolute)?;
        self.check(&url)?;
        if url.query().is_some() { Err(RefusedUrl::Query) } else { Ok(()) }
    }

    /// Whether [`NetworkPolicy::check`] finds nothing.
    pub(crate) fn allows(self, url: &Url) -> bool {
        self.check(url).is_ok()
    }

    /// Whether a connection to `address` may be opened.
    pub(crate) fn allows_address(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Public => match address {
                IpAddr::V4(address) => is_public_v4(address),
                IpAddr::V6(address) => is_public_v6(address),
            },
        }
    }
}

/// Everything but the blocks of the IANA registry of special-purpose addresses (RFC 6890), multicast and class E.
fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18..=19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

/// Global unicast (`2000::/3`) without its special-purpose blocks. In a network that reaches IPv4 by DNS64 a public host
/// has an address of `64:ff9b::/96` (RFC 6052), so there the IPv4 address within counts; everywhere else an address that
/// has another one within (v4-mapped, 6to4, Teredo) is refused.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        // IETF protocol assignments, documentation, 6to4, documentation again.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_public(address: &str) -> bool {
        NetworkPolicy::Public.allows_address(address.parse().unwrap())
    }

    /// O-09: what a look-up may not lead to, the edges of each block included.
    #[test]
    fn addresses_outside_the_public_internet_are_refused() {
        for address in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.1",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address), "{address}");
            assert!(NetworkPolicy::Any.allows_address(address.parse().unwrap()));
        }
    }

    #[test]
    fn addresses_of_the_public_internet_are_allowed() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "3fff:1000::1",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(address), "{address}");
        }
    }

    #[test]
    fn urls_that_can_be_refused_without_a_look_up_are() {
        let public = |url: &str| Url::parse(url).is_ok_and(|url| NetworkPolicy::Public.allows(&url));
        for url in [
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "https://user@example.com/",
            "https://:secret@example.com/",
            "https://example.com/#fragment",
            "https://example.com/#",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://１２７.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00::1]:8443/",
        ] {
            assert!(!public(url), "{url}");
        }
        for url in
            ["https://example.com/a?b=c", "https://example.com:8443/", "https://1.1.1.1/", "https://[2606:4700::1111]/"]
        {
            assert!(public(url), "{url}");
        }
    }

    #[test]
    fn a_developer_may_call_any_host_by_http() {
        let any = |url: &str| NetworkPolicy::Any.allows(&Url::parse(url).unwrap());
        assert!(any("http://127.0.0.1:8080/") && any("http://[::1]/") && any("https://localhost/"));
        assert!(!any("ftp://localhost/") && !any("file:///etc/passwd") && !any("http://user@localhost/"));
    }
    /// What the operator is told.
    #[test]
    fn what_is_wrong_with_a_url_has_a_name() {
        use RefusedUrl as R;
        let check = |url: &str| NetworkPolicy::Public.check_authorization_endpoint(&Url::parse(url).unwrap());
        for (url, expected) in [
            ("http://example.com/", R::Scheme),
            ("https://10.0.0.1/", R::Address),
            ("https://[::1]/", R::Address),
            ("https://ada@example.com/", R::Credentials),
            ("https://example.com/#a", R::Fragment),
            ("https://example.com/?a=b&state=c", R::Parameter("state")),
            ("https://example.com/?client%5Fid", R::Parameter("client_id")),
        ] {
            assert_eq!(check(url), Err(expected), "{url}");
        }
        assert_eq!(check("https://example.com/?prompt=login"), Ok(()));
    }

    #[test]
    fn an_issuer_has_no_query_and_at_most_1024_bytes() {
        let check = |issuer: &str| NetworkPolicy::Public.check_issuer(issuer);
        let of_length = |length: usize| format!("https://example.com/{}", "a".repeat(length - 20));
        assert_eq!(check(&of_length(1024)), Ok(()));
        for (issuer, expected) in [
            (of_length(1025).as_str(), RefusedUrl::TooLong),
            ("example.com", RefusedUrl::NotAbsolute),
            ("https://example.com/?tenant=1", RefusedUrl::Query),
            ("https://192.168.0.1", RefusedUrl::Address),
        ] {
            assert_eq!(check(issuer), Err(expected), "{issuer}");
        }
    }
}
