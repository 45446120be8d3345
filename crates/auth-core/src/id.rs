//! Identifiers: a newtype for each kind of row, so that a session's id is never taken for a user's.
//!
//! All are UUIDs of version 7 (RFC 9562, section 5.7): new rows sort last, so an index grows at one end.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::random::Random;
use crate::time::Timestamp;

/// A UUID of version 7 of the time `now` with random bits from `random`.
pub fn new_uuid(now: Timestamp, random: &dyn Random) -> Uuid {
    let millis = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random.bytes()).into_uuid()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id of the time `now`.
            pub fn new(now: Timestamp, random: &dyn Random) -> Self {
                Self(new_uuid(now, random))
            }

            /// The id with this value, for instance one read from a database.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The value.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        /// Only the form with hyphens is read: one id has one spelling (in lower case) in URLs and logs.
        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() != 36 {
                    return Err(InvalidId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

id!(
    /// A user's id: the `sub` of access tokens.
    UserId
);
id!(
    /// A session's id: the `sid` of access tokens, and the family of its refresh tokens.
    SessionId
);
id!(
    /// The id of an audit event.
    AuditEventId
);

/// The text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct InvalidId;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    #[test]
    fn an_id_is_a_uuid_of_version_7_and_of_its_time() {
        let id = UserId::new(Timestamp::from_seconds(1_700_000_000), &OsRandom);
        assert_eq!(id.as_uuid().get_version_num(), 7);
        assert_eq!(id.as_uuid().get_timestamp().unwrap().to_unix().0, 1_700_000_000);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn other_spellings_of_an_id_are_refused() {
        let id = UserId::new(Timestamp::from_seconds(1), &OsRandom).to_string();
        for text in
            [id.replace('-', ""), format!("{{{id}}}"), format!("urn:uuid:{id}"), format!(" {id}"), String::new()]
        {
            assert_eq!(text.parse::<UserId>(), Err(InvalidId), "{text}");
        }
    }
}
