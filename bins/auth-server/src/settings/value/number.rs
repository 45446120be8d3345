//! Whole numbers within a range.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::settings::fault::Parsed;

/// A whole number within the range, in decimal digits.
pub(crate) fn number<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Parsed<T>
where
    T: FromStr + PartialOrd + Display,
{
    move |text| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && range.contains(number));
        number.ok_or_else(|| format!("write a whole number from {} to {}", range.start(), range.end()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::value::assert_refuses;

    #[test]
    fn the_bounds_belong_to_the_range() {
        let numbers = number(8_u32..=64);
        assert_eq!(numbers("8").unwrap(), 8);
        assert_eq!(numbers("64").unwrap(), 64);
        assert_refuses(numbers, &["", "7", "65", "-8", "+8", "8.0", "0x8", " 8", "99999999999999999999"]);
    }
}
