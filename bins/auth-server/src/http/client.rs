//! Where a request comes from: the peer of the connection, or what trusted proxies say about it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use auth_actix::RequestId;
use auth_core::{Clock as _, SystemClock};
use auth_service::Client;
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The longest chain of proxies that is followed.
const MAX_HOPS: usize = 32;

/// The proxies whose `X-Forwarded-For` counts (`AUTH_TRUSTED_PROXIES`).
#[derive(Debug, Default)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    warned: AtomicBool,
}

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self { networks, warned: AtomicBool::new(false) }
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// The client's address: the first from the right that isn't a trusted proxy. Whatever can't be read ends the
    /// walk at the last address that could: a header never makes the peer unknown.
    fn client_ip(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            self.warn_once(peer, headers);
            return peer;
        }
        let mut client = peer;
        let lines: Vec<&[u8]> = headers.get_all(X_FORWARDED_FOR).map(HeaderValue::as_bytes).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')).take(MAX_HOPS) {
            // Hop by hop: what a client wrote to the left must not hide what a proxy wrote to the right of it.
            let Some(ip) = std::str::from_utf8(hop).ok().and_then(|hop| address(hop.trim())) else { break };
            client = ip;
            if !self.trusts(ip) {
                break;
            }
        }
        client
    }

    /// A proxy that nobody told us of makes all clients look like one: say how to mend it.
    fn warn_once(&self, peer: IpAddr, headers: &HeaderMap) {
        if headers.contains_key(X_FORWARDED_FOR) && is_local(peer) && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "a forwarding header came from a proxy that is not trusted: set AUTH_TRUSTED_PROXIES if it is yours"
            );
        }
    }
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let ip: IpAddr =
        text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip())).or_else(bracketed)?;
    Some(ip.to_canonical())
}

fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    }
}

/// The client of a request, for handlers.
pub(super) struct Caller(pub(super) Client);

impl FromRequest for Caller {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let ip = match request.app_data::<web::Data<TrustedProxies>>() {
            Some(proxies) => peer.map(|peer| proxies.client_ip(peer, request.headers())),
            None => peer,
        };
        let mut client = Client::at(ip).arrived(SystemClock.now());
        if let Some(agent) = request.headers().get(USER_AGENT) {
            client = client.with_user_agent(agent.as_bytes());
        }
        if let Some(id) = request.extensions().get::<RequestId>() {
            client = client.with_request_id(id.as_str());
        }
        ready(Ok(Self(client)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_ip(peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        proxies.client_ip(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(client_ip("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn the_first_untrusted_hop_from_the_right_is_the_client() {
        assert_eq!(client_ip("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client_ip("10.0.0.1", &["203.0.113.9", "198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client_ip("::ffff:10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
        assert_eq!(client_ip("fd00::1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client_ip("10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
    }

    #[test]
    fn an_unreadable_hop_ends_the_walk_and_hides_nobody() {
        assert_eq!(client_ip("10.0.0.1", &["\u{ff}, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(client_ip("10.0.0.1", &["a"]), "10.0.0.1");
        assert_eq!(client_ip("10.0.0.1", &[""]), "10.0.0.1");
        assert_eq!(client_ip("10.0.0.1", &["198.51.100.7, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client_ip("10.0.0.1", &[&"10.0.0.3,".repeat(10_000)]), "10.0.0.1");
    }
}
