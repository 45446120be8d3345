//! Whose trace a request belongs to: the header `traceparent` (W3C Trace Context, levels 1 and 2).

use actix_web::http::header::{HeaderMap, HeaderName};

/// The header that tells the trace.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// How long the header is in version 00: version, trace, span and flags, with what stands between them.
const LENGTH: usize = 2 + 1 + 32 + 1 + 16 + 1 + 2;

/// The only flag that means the same in every version: whoever sent this records it.
const SAMPLED: u128 = 1;

/// The trace that a request is part of, and the span in it that sent the request.
///
/// It is taken for what it says and decides nothing: anybody may send one. Nothing is made up where there is none, or a
/// malformed one, or more than one. It isn't sent on to whatever a use case calls: those are other people's services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: u128,
    parent_id: u64,
    is_sampled: bool,
}

impl TraceParent {
    /// What the header says.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut given = headers.get_all(TRACEPARENT);
        match (given.next(), given.next()) {
            (Some(value), None) => Self::parse(value.as_bytes()),
            _ => None,
        }
    }

    /// Reads a header's value as section 3.2 of Trace Context has it. Of a version that isn't known yet it is the part
    /// that all versions share; `ff` is none.
    fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(LENGTH)?;
        let mut fields = known.split(|byte| *byte == b'-');
        let mut field = |digits| fields.next().filter(|field| field.len() == digits).and_then(hexadecimal);
        let (version, trace_id, parent_id, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|next| *next == b'-'),
        };
        let (parent_id, is_sampled) = (u64::try_from(parent_id).ok()?, flags & SAMPLED != 0);
        (is_whole && trace_id != 0 && parent_id != 0).then_some(Self { trace_id, parent_id, is_sampled })
    }

    /// The trace's id, never 0: as text 32 lower-case hexadecimal digits.
    pub const fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The id of the span that sent the request, never 0: as text 16 lower-case hexadecimal digits.
    pub const fn parent_id(&self) -> u64 {
        self.parent_id
    }

    /// Whether the sender records this trace.
    pub const fn is_sampled(&self) -> bool {
        self.is_sampled
    }
}

/// The number that lower-case digits write.
fn hexadecimal(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    /// The example of section 3.2.4.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(values: &[&str]) -> Option<TraceParent> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        TraceParent::of(&headers)
    }

    #[test]
    fn the_examples_of_the_specification_are_read() {
        let sampled = of(&[EXAMPLE]).unwrap();
        assert_eq!(sampled.trace_id(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(sampled.parent_id(), 0x00f0_67aa_0ba9_02b7);
        assert!(sampled.is_sampled());
        let not_sampled = of(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"]).unwrap();
        assert!(!not_sampled.is_sampled());
        assert_eq!(not_sampled.trace_id(), sampled.trace_id());
    }

    /// Level 2 has a second flag, for ids that are random; others may come.
    #[test]
    fn other_flags_change_nothing() {
        for (flags, is_sampled) in [("02", false), ("03", true), ("fe", false), ("ff", true)] {
            let read = of(&[&format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}")]).unwrap();
            assert_eq!(read.is_sampled(), is_sampled, "{flags}");
        }
    }

    /// Section 4.3: what all versions share is read; what follows has to be set apart.
    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        let known = &EXAMPLE[2..];
        for later in [format!("01{known}"), format!("cc{known}-what-the-future-brings"), format!("fe{known}-")] {
            assert_eq!(of(&[&later]), of(&[EXAMPLE]), "{later}");
        }
        for wrong in [format!("cc{known}.x"), format!("01{known}0"), format!("ff{known}"), format!("00{known}-x")] {
            assert_eq!(of(&[&wrong]), None, "{wrong}");
        }
    }

    #[test]
    fn whatever_is_malformed_is_ignored() {
        let upper = EXAMPLE.to_uppercase();
        let long = format!("{EXAMPLE}0");
        for wrong in [
            "",
            "00",
            &EXAMPLE[..LENGTH - 1],
            &long,
            &upper,
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é",
            "{\"forged\":1}--------------------------------------------",
        ] {
            assert_eq!(of(&[wrong]), None, "{wrong}");
        }
    }

    #[test]
    fn of_several_headers_none_counts() {
        assert_eq!(of(&[EXAMPLE, EXAMPLE]), None);
        assert_eq!(of(&[]), None);
    }
}
