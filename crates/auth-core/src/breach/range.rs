//! The answers of the range API.

/// Hexadecimal digits of a SHA-1 that are asked for.
pub(super) const PREFIX_DIGITS: usize = 5;
/// Those that are looked for in the answer.
const SUFFIX_DIGITS: usize = 35;
/// More than any 64-bit number has.
const MAX_COUNT_DIGITS: usize = 20;

/// The answer isn't one of the range API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MalformedRange;

/// Whether a hash with this `suffix` (hexadecimal, of either case) was breached, as `body` tells: lines of the form
/// `SUFFIX:COUNT`, ended by LF or CRLF. Padding has the count 0 and was never breached.
///
/// All lines are read, so that what has nothing to do with the API, or breaks off, isn't taken for an answer. There
/// is no hash without neighbours, so an answer without lines isn't one either.
pub(super) fn contains(body: &[u8], suffix: &str) -> Result<bool, MalformedRange> {
    let (mut is_breached, mut entries) = (false, 0_usize);
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() {
            let (listed, count) = entry(line).ok_or(MalformedRange)?;
            is_breached |= listed.eq_ignore_ascii_case(suffix.as_bytes()) && count.iter().any(|digit| *digit != b'0');
            entries += 1;
        }
    }
    if entries == 0 { Err(MalformedRange) } else { Ok(is_breached) }
}

/// The suffix and the count of a line.
fn entry(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (suffix, rest) = line.split_at_checked(SUFFIX_DIGITS)?;
    let count = rest.strip_prefix(b":")?;
    let is_entry = suffix.iter().all(u8::is_ascii_hexdigit)
        && (1..=MAX_COUNT_DIGITS).contains(&count.len())
        && count.iter().all(u8::is_ascii_digit);
    is_entry.then_some((suffix, count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::vectors;

    const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    fn bodies() -> Value {
        vectors::read("rfc/hibp_range_own.json")["bodies"].clone()
    }

    fn look_up(body: &str) -> Result<bool, MalformedRange> {
        contains(body.as_bytes(), SUFFIX)
    }

    /// E-02.
    #[test]
    fn the_bodies_of_the_fixture() {
        let bodies = bodies();
        let cases = [
            ("found", Ok(true)),
            ("padding_only", Ok(false)),
            ("lowercase_suffix", Ok(true)),
            ("no_crlf", Ok(true)),
            ("garbage", Err(MalformedRange)),
            ("empty", Err(MalformedRange)),
            ("huge_line", Err(MalformedRange)),
        ];
        assert_eq!(bodies.as_object().unwrap().len(), cases.len());
        for (name, expected) in cases {
            assert_eq!(look_up(bodies[name].as_str().unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn bodies_of_several_lines() {
        let other = "0018A45C4D1DEF81644B54AB7F969B88D65";
        let cases = [
            (format!("{other}:3\r\n{SUFFIX}:1"), Ok(true)),
            (format!("{SUFFIX}:1\n{other}:3\r\n"), Ok(true)),
            (format!("{other}:3\r\n{SUFFIX}:0\r\n"), Ok(false)),
            (format!("{SUFFIX}:0\r\n{SUFFIX}:2\r\n"), Ok(true)),
            (format!("{SUFFIX}:2\r\n{SUFFIX}:0\r\n"), Ok(true)),
            (format!("{other}:3\r\n"), Ok(false)),
            (format!("\r\n\n{other}:3\r\n\r\n"), Ok(false)),
            (format!("{SUFFIX}:000"), Ok(false)),
            (format!("{SUFFIX}:18446744073709551615"), Ok(true)),
            (format!("{SUFFIX}:184467440737095516150"), Err(MalformedRange)),
            (format!("{SUFFIX}:"), Err(MalformedRange)),
            (SUFFIX.into(), Err(MalformedRange)),
            (format!("{SUFFIX}:-1"), Err(MalformedRange)),
            (format!("{SUFFIX}:1 "), Err(MalformedRange)),
            (format!(" {SUFFIX}:1"), Err(MalformedRange)),
            (format!("{SUFFIX}: 1"), Err(MalformedRange)),
            (format!("{SUFFIX}:1:1"), Err(MalformedRange)),
            (format!("{SUFFIX}:0x1"), Err(MalformedRange)),
            (format!("5BAA6{SUFFIX}:1"), Err(MalformedRange)),
            (format!("{}:1", &SUFFIX[1..]), Err(MalformedRange)),
            (format!("G{}:1", &SUFFIX[1..]), Err(MalformedRange)),
            (format!("{SUFFIX}:1\r{other}:1"), Err(MalformedRange)),
            (format!("{SUFFIX}:1\r\nToo many requests"), Err(MalformedRange)),
            (format!("{SUFFIX}:1\r\n{}", &other[..20]), Err(MalformedRange)),
            ("\r\n".into(), Err(MalformedRange)),
            ("\0".into(), Err(MalformedRange)),
        ];
        for (body, expected) in cases {
            assert_eq!(look_up(&body), expected, "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn a_suffix_is_found_if_it_is_listed_with_a_count(
            lines in prop::collection::vec(("[0-9A-Fa-f]{35}", 0_u64..3), 1..40),
            which in any::<prop::sample::Index>(),
            end in prop::sample::select(vec!["\n", "\r\n"]),
        ) {
            let entries = lines.iter().map(|(suffix, count)| format!("{suffix}:{count}{end}"));
            let body = entries.collect::<Vec<_>>().concat();
            let (wanted, _) = &lines[which.index(lines.len())];
            let is_breached =
                lines.iter().any(|(suffix, count)| suffix.eq_ignore_ascii_case(wanted) && *count > 0);
            prop_assert_eq!(contains(body.as_bytes(), &wanted.to_ascii_uppercase()), Ok(is_breached));
            prop_assert_eq!(contains(body.as_bytes(), &"F".repeat(35)), Ok(false));
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                "([0-9A-F]{35}:[0-9]{1,3}\r?\n){0,3}[0-9A-F]{0,36}:?[0-9]{0,22}\\PC{0,2}".prop_map(String::into_bytes),
            ],
        ) {
            let _ = contains(&body, SUFFIX);
        }
    }
}
