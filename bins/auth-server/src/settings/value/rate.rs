//! Rates: so many in so long a time, `5/15m`.

use std::num::NonZeroU32;
use std::time::Duration;

use super::duration;
use crate::settings::fault::Parsed;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many times, at most 1 000 000.
    pub count: NonZeroU32,
    /// Within this time, `1s` to `30d`.
    pub per: Duration,
}

/// A count, a slash and a duration.
pub(crate) fn rate(text: &str) -> Parsed<Rate> {
    parse(text).ok_or_else(|| "write a count from 1 to 1000000, `/` and a duration from `1s` to `30d`: `5/15m`".into())
}

fn parse(text: &str) -> Option<Rate> {
    let (count, per) = text.split_once('/')?;
    let count = super::number(1..=1_000_000)(count).ok().and_then(NonZeroU32::new)?;
    let per = duration::parse(per).filter(|per| (duration::SECOND..=30 * duration::DAY).contains(per))?;
    Some(Rate { count, per })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn a_rate_is_a_count_and_a_time() {
        let rate = rate("5/15m").unwrap();
        assert_eq!((rate.count.get(), rate.per), (5, 15 * duration::MINUTE));
    }

    #[test]
    fn anything_else_is_refused() {
        assert_refuses(rate, &["", "5", "5/", "/15m", "0/15m", "5/0s", "5/31d", "-5/1m", "5/1m/1", "5 / 1m", "off"]);
    }
}
