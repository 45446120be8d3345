//! Lengths of time: a whole number and one unit, `500ms`, `10s`, `15m`, `1h`, `30d`.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::settings::fault::Parsed;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

const UNITS: [(&str, Duration); 5] =
    [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", Duration::from_millis(1))];

/// A duration within the range.
pub(crate) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&str) -> Parsed<Duration> {
    move |text| {
        parse(text).filter(|duration| range.contains(duration)).ok_or_else(|| {
            let (from, to) = (duration_text(*range.start()), duration_text(*range.end()));
            format!("write a duration from `{from}` to `{to}`: a whole number with ms, s, m, h or d").into()
        })
    }
}

/// The shortest spelling that [`duration`] reads back.
pub(crate) fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let whole = UNITS.iter().find(|(_, unit)| millis.is_multiple_of(unit.as_millis()));
    whole.map_or_else(|| format!("{millis}ms"), |(name, unit)| format!("{}{name}", millis / unit.as_millis()))
}

pub(super) fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, name) = text.split_at(digits);
    let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
    unit.checked_mul(number.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn every_unit_is_read() {
        for (text, millis) in
            [("0s", 0), ("500ms", 500), ("10s", 10_000), ("15m", 900_000), ("1h", 3_600_000), ("30d", 2_592_000_000)]
        {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let any = || duration(Duration::ZERO..=Duration::MAX);
        assert_refuses(any(), &["", "s", "10", "-1s", "+1s", "1.5s", "1 s", "1S", "1w", "1h30m", "99999999999d", "٣s"]);
    }

    #[test]
    fn the_bounds_belong_to_the_range() {
        let hours = || duration(SECOND..=24 * HOUR);
        assert_eq!(hours()("1s").unwrap(), SECOND);
        assert_eq!(hours()("24h").unwrap(), DAY);
        assert_refuses(hours(), &["0s", "999ms", "86401s", "25h"]);
        assert!(hours()("0s").unwrap_err().0.contains("from `1s` to `1d`"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in 0_u64..=u64::from(u32::MAX)) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&duration_text(duration)), Some(duration));
        }
    }
}
