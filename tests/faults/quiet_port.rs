//! Ports that stay free while nobody listens there.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// A port that no outgoing connection takes while its server is away: below those that the kernel gives out.
pub(crate) fn quiet_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 8_000).unwrap();
    // Each call looks elsewhere, and comes round before the ports are used up.
    let begin = first + 50 * (NEXT.fetch_add(1, Ordering::Relaxed) % 80);
    let mut ports = (begin..begin + 50).map(|offset| 20_000 + offset);
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
}
