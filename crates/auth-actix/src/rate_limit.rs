//! Which limit a request ran into, as the headers `RateLimit` and `RateLimit-Policy` tell it
//! (draft-ietf-httpapi-ratelimit-headers).
//!
//! They stand in refusals alone. In other answers they would tell strangers how often somebody else has tried a name.

use std::time::Duration;

use actix_web::http::header::HeaderName;

pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A limit that has nothing left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What it is called: lower-case letters and `_`.
    pub name: &'static str,
    /// How many requests it allows.
    pub quota: u32,
    /// In how long.
    pub window: Duration,
    /// After which time one is allowed again.
    pub retry_after: Duration,
}

impl RateLimit {
    /// After how many whole seconds a request is allowed again: at least one, so that nobody comes back too early.
    pub(crate) fn seconds(&self) -> u64 {
        let whole = self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0);
        whole.max(1)
    }

    pub(crate) fn policy(&self) -> String {
        format!("\"{}\";q={};w={}", self.name, self.quota, self.window.as_secs())
    }

    pub(crate) fn state(&self) -> String {
        format!("\"{}\";r=0;t={}", self.name, self.seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_and_never_none() {
        let limit = |retry_after| RateLimit { name: "login", quota: 5, window: Duration::from_mins(15), retry_after };
        for (time, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (180_000, 180)] {
            assert_eq!(limit(Duration::from_millis(time)).seconds(), seconds);
        }
        let limit = limit(Duration::from_mins(3));
        assert_eq!((limit.policy().as_str(), limit.state().as_str()), ("\"login\";q=5;w=900", "\"login\";r=0;t=180"));
    }
}
