//! Points in time, and the clock that everything reads them from.
//!
//! No rule of this project calls the system's clock itself: it takes a [`Clock`], so that a test sets the time
//! instead of sleeping.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: UTC, in whole microseconds since 1970, which is what both databases keep exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last microsecond that RFC 3339 can write (the end of the year 9999, less the time zones).
    pub const MAX: Self = Self(253_402_207_199_999_999);
    /// The start of 1970, UTC.
    pub const UNIX_EPOCH: Self = Self(0);

    /// The time `microseconds` after 1970, cut to what RFC 3339 can write.
    pub const fn from_micros(microseconds: i64) -> Self {
        if microseconds > Self::MAX.0 {
            Self::MAX
        } else if microseconds < -Self::MAX.0 / 5 {
            Self(-Self::MAX.0 / 5)
        } else {
            Self(microseconds)
        }
    }

    /// The time `seconds` after 1970, cut to what RFC 3339 can write.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down: the `NumericDate` of RFC 7519, section 2.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time and `span` more, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(micros(span)))
    }

    /// This time less `span`.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(micros(span)))
    }

    /// How many microseconds passed from `earlier` until now: negative if `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// How long it is since `earlier`; zero if `earlier` is later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.micros_since(earlier)).unwrap_or(0))
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC, for instance `2026-01-31T09:30:00.25Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => f.write_str("out of range"),
        }
    }
}

/// As RFC 3339 text.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From RFC 3339 text with an offset, from the year 365 to [`Timestamp::MAX`]; parts of a microsecond are cut off.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        let micros = time.as_microsecond();
        let read = Self::from_micros(micros);
        // Never another time than the one that was written.
        if read.0 == micros { Ok(read) } else { Err(de::Error::custom("out of range")) }
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// How long it is since some moment in the past, the same for all calls in this process. Unlike
    /// [`now`](Self::now) it never goes back and never jumps, whatever the machine's clock is set to: for spans that must
    /// not be cut short or drawn out by that.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::SystemTime::UNIX_EPOCH)
            .map_or(Timestamp::UNIX_EPOCH, |age| Timestamp::from_micros(micros(age)))
    }

    fn monotonic(&self) -> Duration {
        static BEGIN: OnceLock<Instant> = OnceLock::new();
        BEGIN.get_or_init(Instant::now).elapsed()
    }
}

/// A clock that stands still until a test moves it.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug)]
pub struct ManualClock {
    /// Microseconds since 1970.
    now: std::sync::atomic::AtomicI64,
    /// Microseconds that it was moved on by.
    passed: std::sync::atomic::AtomicU64,
}

#[cfg(any(test, feature = "testing"))]
impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { now: std::sync::atomic::AtomicI64::new(now.as_micros()), passed: std::sync::atomic::AtomicU64::new(0) }
    }

    /// Sets the time, to an earlier one too, as somebody who sets the machine's clock: no time passes by that.
    pub fn set(&self, now: Timestamp) {
        self.now.store(now.as_micros(), std::sync::atomic::Ordering::SeqCst);
    }

    /// Moves the time on by `span`.
    pub fn advance(&self, span: Duration) {
        self.now.fetch_add(micros(span), std::sync::atomic::Ordering::SeqCst);
        self.passed.fetch_add(micros(span).unsigned_abs(), std::sync::atomic::Ordering::SeqCst);
    }
}

/// Noon of 1 March 2026, UTC.
#[cfg(any(test, feature = "testing"))]
impl Default for ManualClock {
    fn default() -> Self {
        Self::at(Timestamp::from_seconds(1_772_366_400))
    }
}

#[cfg(any(test, feature = "testing"))]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(std::sync::atomic::Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.passed.load(std::sync::atomic::Ordering::SeqCst))
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_and_read_as_rfc_3339() {
        let time = Timestamp::from_micros(1_767_225_600_250_000);
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, "\"2026-01-01T00:00:00.25Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time);
        assert_eq!(serde_json::from_str::<Timestamp>("\"2026-01-01T01:00:00.25+01:00\"").unwrap(), time);
    }

    #[test]
    fn the_last_time_can_still_be_written() {
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T21:59:59.999999Z");
        assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
        assert_ne!(Timestamp::from_micros(i64::MIN).to_string(), "out of range");
    }

    #[test]
    fn a_clock_that_is_set_back_takes_no_time_back() {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(2));
        clock.set(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.monotonic(), Duration::from_secs(2));
        let before = SystemClock.monotonic();
        assert!(SystemClock.monotonic() >= before);
    }

    #[test]
    fn seconds_before_1970_round_down() {
        assert_eq!(Timestamp::from_micros(-1).as_seconds(), -1);
    }
}
