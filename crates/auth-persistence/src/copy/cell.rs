//! One value, apart from how either database writes it down.

use aws_lc_rs::digest::Context;

/// Microseconds from 1970 to 2000, where PostgreSQL starts to count.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// The times that PostgreSQL stores, in its own count: its manual says 4713 BC to 294276 AD. What is beyond stands for
/// no time there.
const POSTGRES_TIMES: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// A value. It may be a secret, and so can't be printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    /// Integers of all widths.
    Integer(i64),
    /// Microseconds since 1970 in UTC.
    Instant(i64),
    Id([u8; 16]),
    Text(String),
    Binary(Vec<u8>),
}

impl Cell {
    /// Adds the value to a row's digest, in the one way in which it can be written: kind, length where it varies, content.
    pub(super) fn digest_into(&self, digest: &mut Context) {
        match self {
            Self::Null => digest.update(&[0]),
            Self::Bool(value) => digest.update(&[1, u8::from(*value)]),
            Self::Integer(value) => fixed(digest, 2, &value.to_be_bytes()),
            Self::Instant(value) => fixed(digest, 3, &value.to_be_bytes()),
            Self::Id(value) => fixed(digest, 4, value),
            Self::Text(value) => counted(digest, 5, value.as_bytes()),
            Self::Binary(value) => counted(digest, 6, value),
        }
    }
}

fn fixed(digest: &mut Context, tag: u8, bytes: &[u8]) {
    digest.update(&[tag]);
    digest.update(bytes);
}

fn counted(digest: &mut Context, tag: u8, bytes: &[u8]) {
    digest.update(&[tag]);
    digest.update(&(bytes.len() as u64).to_be_bytes());
    digest.update(bytes);
}

/// Microseconds since 1970 in PostgreSQL's count; `None` where it has no such time.
pub(super) fn to_postgres_time(micros: i64) -> Option<i64> {
    micros.checked_sub(POSTGRES_EPOCH).filter(|time| POSTGRES_TIMES.contains(time))
}

/// The other way round; `None` for `infinity` and its like.
pub(super) fn from_postgres_time(time: i64) -> Option<i64> {
    POSTGRES_TIMES.contains(&time).then(|| time.checked_add(POSTGRES_EPOCH)).flatten()
}
