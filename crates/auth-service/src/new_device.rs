//! Telling users of sign-ins from where they never signed in before.
//!
//! "Where" is the device as its program names it, and the network that it is in: both change with little effort, so this
//! is a notice and never a rule.

use std::net::IpAddr;

use auth_email::Alert;
use auth_persistence::user::User;
use auth_persistence::{DbConnection, DbError, known_client};

use crate::client::Client;
use crate::service::Inner;

/// How many places are remembered of one user.
const KEPT: u32 = 50;

impl Inner {
    /// Queues a notice if `user` signs in from somewhere new. The first sign-in of all is none.
    pub(crate) fn tell_new_device(&self, conn: &mut DbConnection, user: &User, client: &Client) -> Result<(), DbError> {
        if !self.config.notify_new_device {
            return Ok(());
        }
        let place = place(client);
        if known_client::is_known(conn, user.id, &place)? {
            return Ok(());
        }
        if known_client::any(conn, user.id)? {
            self.tell(conn, user, Alert::NewDevice, client)?;
        }
        known_client::note(conn, user.id, &place, self.clock.now())?;
        known_client::keep_newest(conn, user.id, KEPT).map(drop)
    }
}

fn place(client: &Client) -> String {
    let device = client.device().unwrap_or_default();
    let network = client.ip().map(network).unwrap_or_default();
    format!("{device} @ {network}")
}

/// As much of an address as stays the same while a device moves within its provider's network.
fn network(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            format!("{a}.{b}.0.0/16")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_device_in_a_network() {
        let at =
            |ip: &str, agent: &str| place(&Client::at(Some(ip.parse().unwrap())).with_user_agent(agent.as_bytes()));
        let home = at("192.0.2.1", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        assert_eq!(home, at("192.0.77.9", "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"));
        assert_ne!(home, at("192.0.2.1", "curl/8.5"));
        assert_ne!(home, at("203.0.113.1", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"));
        assert_eq!(at("2001:db8:1:2::3", "x"), at("2001:db8:1:ffff::9", "y"));
    }
}
