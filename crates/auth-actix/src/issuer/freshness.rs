//! How old the keys of the issuer are, and when somebody may ask for newer ones. No clock and no call: times come in
//! ([`Clock::monotonic`](auth_core::Clock::monotonic)), decisions go out.

use std::time::Duration;

use auth_core::MAX_ACCESS_TOKEN_LIFETIME;

/// How often newer keys are asked for on behalf of a token that names an unknown one, and how long nobody asks again
/// after a failure while there are keys.
const PAUSE: Duration = Duration::from_mins(1);
/// How long nobody asks again after a failure where there are none.
const PAUSE_WITHOUT: Duration = Duration::from_secs(5);
/// How long the keys are used while no newer ones can be had. By then every token that the issuer gave when they were
/// fetched has expired.
const USABLE: Duration = MAX_ACCESS_TOKEN_LIFETIME;
/// The bounds of a cache life.
const LIFE: std::ops::RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(1);
/// The cache life where the issuer names none.
const DEFAULT_LIFE: Duration = Duration::from_mins(5);

/// What is known of the keys in the ring.
#[derive(Debug, Default)]
pub(super) struct Freshness {
    fetched: Option<Fetched>,
    /// When the last fetch failed; `None` if it didn't.
    failed_at: Option<Duration>,
    /// When one began on behalf of a token that names an unknown key.
    renewed_at: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Fetched {
    at: Duration,
    life: Duration,
}

/// What the keys are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// As the issuer said lately.
    Fresh,
    /// Past their cache life, and still used.
    Stale,
    /// None, or none that may still be used.
    Missing,
}

impl Freshness {
    pub(super) fn keys(&self, now: Duration) -> Keys {
        match self.fetched.map(|fetched| (now.saturating_sub(fetched.at), fetched.life)) {
            Some((age, life)) if age < life => Keys::Fresh,
            Some((age, _)) if age < USABLE => Keys::Stale,
            Some(_) | None => Keys::Missing,
        }
    }

    /// Whether keys that aren't fresh may be asked for now.
    pub(super) fn may_fetch(&self, now: Duration) -> bool {
        self.wait(now).is_zero()
    }

    /// How long nobody asks, since the last fetch failed.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let pause = if self.keys(now) == Keys::Missing { PAUSE_WITHOUT } else { PAUSE };
        self.failed_at.map_or(Duration::ZERO, |failed_at| (failed_at + pause).saturating_sub(now))
    }

    /// Whether keys may be asked for now on behalf of a token that names an unknown one, which then counts as done.
    pub(super) fn begin_renewal(&mut self, now: Duration) -> bool {
        let may = self.renewed_at.is_none_or(|last| now.saturating_sub(last) >= PAUSE);
        if may {
            self.renewed_at = Some(now);
        }
        may
    }

    /// Whether the last fetch failed, so that newer keys may be unknown here.
    pub(super) const fn is_outage(&self) -> bool {
        self.failed_at.is_some()
    }

    /// Notes that keys came, asked for at `began_at`, with the cache life that the answer names. Tells whether an outage
    /// has ended by that.
    pub(super) fn succeeded(&mut self, began_at: Duration, max_age: Option<Duration>) -> bool {
        let life = max_age.unwrap_or(DEFAULT_LIFE).clamp(*LIFE.start(), *LIFE.end());
        self.fetched = Some(Fetched { at: began_at, life });
        self.failed_at.take().is_some()
    }

    /// Notes that none came. Tells whether an outage has begun by that.
    pub(super) fn failed(&mut self, now: Duration) -> bool {
        self.failed_at.replace(now).is_none()
    }
}

/// The cache life that a `Cache-Control` names (RFC 9111, section 5.2.2): zero where the answer isn't to be kept.
pub(super) fn max_age(cache_control: &str) -> Option<Duration> {
    let mut directives = cache_control.split(',').map(str::trim);
    directives.find_map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => Some(Duration::ZERO),
            "max-age" => value.trim_matches('"').parse().ok().map(Duration::from_secs),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(100);

    fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    fn just_before(time: Duration) -> Duration {
        time.saturating_sub(Duration::from_nanos(1))
    }

    fn fetched(max_age: Option<Duration>) -> Freshness {
        let mut freshness = Freshness::default();
        freshness.succeeded(START, max_age);
        freshness
    }

    #[test]
    fn keys_are_fresh_for_as_long_as_the_issuer_says_within_bounds() {
        let hour = Duration::from_hours(1);
        for (max_age, life) in [
            (None, minutes(5)),
            (Some(minutes(10)), minutes(10)),
            (Some(Duration::ZERO), minutes(1)),
            (Some(hour), hour),
            (Some(Duration::MAX), hour),
        ] {
            let freshness = fetched(max_age);
            assert_eq!(freshness.keys(START), Keys::Fresh);
            assert_eq!(freshness.keys(just_before(START + life)), Keys::Fresh, "{max_age:?}");
            assert_eq!(freshness.keys(START + life), Keys::Stale, "{max_age:?}");
        }
    }

    #[test]
    fn keys_are_used_for_a_day_without_the_issuer() {
        let freshness = fetched(None);
        assert_eq!(freshness.keys(just_before(START + USABLE)), Keys::Stale);
        assert_eq!(freshness.keys(START + USABLE), Keys::Missing);
        assert_eq!(Freshness::default().keys(START), Keys::Missing);
    }

    #[test]
    fn after_a_failure_nobody_asks_for_a_while() {
        let mut none = Freshness::default();
        assert!(none.may_fetch(START) && !none.is_outage());
        assert!(none.failed(START) && !none.failed(START), "one outage");
        assert_eq!(none.wait(START), Duration::from_secs(5));
        assert!(none.may_fetch(START + Duration::from_secs(5)));

        let mut some = fetched(None);
        some.failed(START + minutes(5));
        assert!(!some.may_fetch(just_before(START + minutes(6))));
        assert!(some.may_fetch(START + minutes(6)) && some.is_outage());
        assert!(some.succeeded(START + minutes(6), None), "it is over");
        assert!(!some.is_outage() && !some.succeeded(START + minutes(7), None));
    }

    #[test]
    fn unknown_keys_are_asked_for_once_a_minute() {
        let mut freshness = fetched(None);
        let asked = (0..600).filter(|second| freshness.begin_renewal(START + Duration::from_secs(*second))).count();
        assert_eq!(asked, 10);
    }

    #[test]
    fn cache_control_is_read_as_far_as_it_matters() {
        for (header, expected) in [
            ("public, max-age=300", Some(300)),
            ("MAX-AGE=\"60\"", Some(60)),
            ("no-store", Some(0)),
            ("no-cache, max-age=300", Some(0)),
            ("s-maxage=9, max-age=7", Some(7)),
            ("max-age=-1", None),
            ("max-age=1e9", None),
            ("max-age", None),
            ("public", None),
            ("", None),
        ] {
            assert_eq!(max_age(header), expected.map(Duration::from_secs), "{header}");
        }
    }
}
