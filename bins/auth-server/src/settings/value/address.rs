//! Socket addresses and networks.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::settings::fault::Parsed;

/// An IP address with a port.
pub(crate) fn socket_address(text: &str) -> Parsed<SocketAddr> {
    text.parse().map_err(|_| "write an IP address with a port, such as `127.0.0.1:8080` or `[::]:8080`".into())
}

/// A network in CIDR notation, or one address.
pub(crate) fn network(text: &str) -> Parsed<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    match text.parse::<IpNet>() {
        Ok(network) if network.trunc() == network => Ok(network),
        Ok(network) => Err(format!("write the network's first address: `{}`", network.trunc()).into()),
        Err(_) => Err("write addresses or networks, such as `10.0.0.0/8` or `192.0.2.7`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn addresses_need_a_port() {
        assert_eq!(socket_address("[::1]:0").unwrap().port(), 0);
        assert_refuses(socket_address, &["", "8080", "127.0.0.1", "localhost:8080", "127.0.0.1:65536", " 127.0.0.1:1"]);
    }

    #[test]
    fn networks_are_exact() {
        assert_eq!(network("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(network("::1").unwrap().to_string(), "::1/128");
        assert_refuses(network, &["", "10.0.0.1/8", "10.0.0.0/33", "proxy.example", "10.0.0.0/8/8"]);
        assert!(network("10.0.0.1/8").unwrap_err().0.contains("10.0.0.0/8"));
    }
}
