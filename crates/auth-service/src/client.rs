//! Who is calling: what of a request is kept with sessions and in the audit trail.

use std::net::IpAddr;

use auth_core::Timestamp;

/// The longest User-Agent that is kept, in bytes.
const MAX_USER_AGENT: usize = 256;

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    ip: Option<IpAddr>,
    user_agent: Option<String>,
    request_id: Option<String>,
    arrived_at: Option<Timestamp>,
}

impl Client {
    /// A client at `ip`, if that is known.
    pub fn at(ip: Option<IpAddr>) -> Self {
        Self { ip: ip.map(|ip| ip.to_canonical()), ..Self::default() }
    }

    /// With this User-Agent, in which bytes that can't be shown in one line are replaced; cut at 256 bytes.
    #[must_use]
    pub fn with_user_agent(mut self, value: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&value[..value.len().min(MAX_USER_AGENT)]);
        let mut text: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        while text.len() > MAX_USER_AGENT {
            text.pop();
        }
        self.user_agent = Some(text).filter(|text| !text.is_empty());
        self
    }

    /// With the id of the request, under which its log lines are found.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// With the time at which the request arrived: what waits too long after it is not begun any more.
    #[must_use]
    pub fn arrived(mut self, at: Timestamp) -> Self {
        self.arrived_at = Some(at);
        self
    }

    /// The request alone: nothing that tells who sent it, or from where.
    #[must_use]
    pub(crate) fn request_alone(&self) -> Self {
        Self { request_id: self.request_id.clone(), ..Self::default() }
    }

    pub(crate) fn arrived_at(&self) -> Option<Timestamp> {
        self.arrived_at
    }

    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// A short name for the client's device, as far as its User-Agent tells.
    pub(crate) fn device(&self) -> Option<String> {
        self.user_agent().and_then(device_of)
    }

    pub(crate) fn ip_text(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_string())
    }

    pub(crate) fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

/// A short name for the device that sent `user_agent`, for people to tell their sessions apart. A guess, never a rule.
pub(crate) fn device_of(user_agent: &str) -> Option<String> {
    // The first match wins: browsers name the ones that they descend from, too.
    const PROGRAMS: &[(&str, &str)] = &[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Vivaldi", "Vivaldi"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
        ("curl", "curl"),
        ("okhttp", "Android app"),
        ("CFNetwork", "Apple app"),
    ];
    const SYSTEMS: &[(&str, &str)] = &[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Macintosh", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |table: &[(&str, &'static str)]| {
        table.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(PROGRAMS), find(SYSTEMS)) {
        (Some(program), Some(system)) => Some(format!("{program} on {system}")),
        (Some(name), None) | (None, Some(name)) => Some(name.to_owned()),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_kept_short_and_in_one_line() {
        let client = Client::at(None).with_user_agent(&b"a\r\n\x1b[31m\xff".repeat(100));
        let kept = client.user_agent().unwrap();
        assert!(kept.len() <= 256 && !kept.chars().any(char::is_control));
        assert_eq!(Client::at(None).with_user_agent(b"").user_agent(), None);
    }

    #[test]
    fn mapped_addresses_are_written_as_what_they_are() {
        let client = Client::at(Some("::ffff:192.0.2.1".parse().unwrap()));
        assert_eq!(client.ip_text().as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn devices_are_named_by_program_and_system() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let chrome =
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36";
        assert_eq!(device_of(firefox).as_deref(), Some("Firefox on Linux"));
        assert_eq!(device_of(chrome).as_deref(), Some("Chrome on Android"));
        assert_eq!(device_of("curl/8.5").as_deref(), Some("curl"));
        assert_eq!(device_of("something"), None);
    }
}
