//! The cookie that shows that the browser which comes back from a provider is the one that was sent there (RFC 9700,
//! section 4.7).
//!
//! Each flow has its own, named after its `state`, so that two tabs don't put each other out.

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use auth_core::OneTimeToken;

/// For how many seconds a browser keeps one: as long as a flow can be finished.
const LIFE: u64 = 600;

/// How the cookies are written and read: by the scheme of the base URL.
///
/// On https the name's prefix keeps other hosts of the domain from setting one (RFC 6265bis, section 4.1.3.2). On plain
/// http, which is for one's own machine, browsers would refuse that prefix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BindingCookies {
    is_https: bool,
}

impl BindingCookies {
    pub(crate) const fn new(is_https: bool) -> Self {
        Self { is_https }
    }

    /// Gives a browser the cookie of a flow.
    pub(super) fn set(self, flow_id: &str, value: &OneTimeToken) -> Option<HeaderValue> {
        self.header(flow_id, value.expose(), LIFE)
    }

    /// Takes the cookie of a flow back.
    pub(super) fn clear(self, flow_id: &str) -> Option<HeaderValue> {
        self.header(flow_id, "", 0)
    }

    /// What a browser sent as the cookie of a flow. Two of one name are none: one of them is somebody else's.
    pub(super) fn read<'a>(self, flow_id: &str, headers: &'a HeaderMap) -> Option<&'a str> {
        let name = self.name(flow_id);
        let pairs = headers.get_all(COOKIE).flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let mut values = pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        let only = values.next().filter(|_| values.next().is_none());
        only.and_then(|value| std::str::from_utf8(value).ok())
    }

    fn name(self, flow_id: &str) -> String {
        let prefix = if self.is_https { "__Host-" } else { "" };
        format!("{prefix}gatehouse-oauth-{flow_id}")
    }

    /// `None` never comes of an id and a token of ours, which are letters, digits, `-` and `_`.
    fn header(self, flow_id: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
        let secure = if self.is_https { "; Secure" } else { "" };
        let name = self.name(flow_id);
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut header = HeaderValue::try_from(text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTTP: BindingCookies = BindingCookies::new(false);
    const HTTPS: BindingCookies = BindingCookies::new(true);

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    fn text(header: Option<HeaderValue>) -> String {
        header.unwrap().to_str().unwrap().to_owned()
    }

    /// O-02
    #[test]
    fn a_cookie_is_for_this_host_and_no_script() {
        assert_eq!(
            text(HTTPS.header("a-b_c", "ot_x", 600)),
            "__Host-gatehouse-oauth-a-b_c=ot_x; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            text(HTTP.header("a-b_c", "ot_x", 600)),
            "gatehouse-oauth-a-b_c=ot_x; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn clearing_names_the_same_cookie() {
        assert_eq!(
            text(HTTPS.clear("a")),
            "__Host-gatehouse-oauth-a=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(text(HTTP.clear("a")), "gatehouse-oauth-a=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn no_cookie_is_printed_with_its_value() {
        assert!(!format!("{:?}", HTTP.header("a", "ot_canary", 600)).contains("canary"));
    }

    #[test]
    fn the_cookie_of_the_flow_is_found_among_others() {
        for lines in [
            &[&b"gatehouse-oauth-a=1"[..]][..],
            &[b"x=\xff\xfe; gatehouse-oauth-b=2;gatehouse-oauth-a=1 ; y"],
            &[b"gatehouse-oauth-b=2", b"gatehouse-oauth-a=1"],
        ] {
            assert_eq!(HTTP.read("a", &headers(lines)), Some("1"));
        }
    }

    /// O-02, O-03
    #[test]
    fn anything_else_is_not_the_cookie_of_the_flow() {
        for line in [
            &b""[..],
            b"gatehouse-oauth-a",
            b"gatehouse-oauth-b=1",
            b"gatehouse-oauth-aa=1",
            b"Gatehouse-Oauth-a=1",
            b"xgatehouse-oauth-a=1",
            b"__Host-gatehouse-oauth-a=1",
            b"gatehouse-oauth-a=\xff",
            b"gatehouse-oauth-a=1; gatehouse-oauth-a=2",
        ] {
            assert_eq!(HTTP.read("a", &headers(&[line])), None, "{}", String::from_utf8_lossy(line));
        }
        assert_eq!(HTTP.read("a", &headers(&[b"gatehouse-oauth-a=1", b"gatehouse-oauth-a=1"])), None);
        assert_eq!(HTTPS.read("a", &headers(&[b"gatehouse-oauth-a=1"])), None);
        assert_eq!(HTTPS.read("a", &headers(&[b"__Host-gatehouse-oauth-a=1"])), Some("1"));
    }
}
