//! Where an entry lies in Redis, and how its value is written there.
//!
//! ```text
//! name    = prefix ‖ space ‖ ":" ‖ base64url(SHA-256("gatehouse ephemeral name" ‖ key))
//! stored  = tries (4 bytes, big endian) ‖ sealed value
//! sealing = auth_core::Sealer under the key, for the place ("ephemeral", space, name)
//! ```
//!
//! The key of an entry is the keyed hash of a token. Redis gets to know neither: whoever reads it, or writes to it, can
//! neither read a value nor make one that opens, since both take the key. No other secret is needed for that, so there is
//! none to keep, share or rotate.

use auth_core::{DataKey, Random, SealContext, Sealer};
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use crate::store::Space;

/// How many bytes the count of tries takes.
const COUNT_LEN: usize = 4;

pub(super) struct Place {
    name: String,
    space: &'static str,
    sealer: Sealer,
}

/// What lies in a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored<'a> {
    /// How many tries were counted; [`u32::MAX`] when the last one was.
    pub(super) tries: u32,
    pub(super) sealed: &'a [u8],
}

impl Place {
    pub(super) fn new(prefix: &str, space: Space, key: &[u8; 32]) -> Self {
        let mut digest = Context::new(&SHA256);
        digest.update(b"gatehouse ephemeral name");
        digest.update(key);
        let space = space.name();
        let name = format!("{prefix}{space}:{}", BASE64URL.encode(digest.finish()));
        Self { name, space, sealer: Sealer::new(&DataKey::from_bytes(*key)) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What is stored for a new entry.
    pub(super) fn write(&self, value: &[u8], random: &dyn Random) -> Vec<u8> {
        [[0; COUNT_LEN].as_slice(), &self.sealer.seal(self.context(), value, random)].concat()
    }

    /// The value. One that doesn't open was put there by somebody else, and is no value of ours.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let opened = self.sealer.open(self.context(), sealed);
        if opened.is_err() {
            tracing::warn!(space = self.space, "an entry in Redis was changed by somebody else, and is ignored");
        }
        opened.ok().map(|value| value.to_vec())
    }

    fn context(&self) -> SealContext<'_> {
        SealContext { table: "ephemeral", column: self.space, row: self.name.as_bytes() }
    }
}

impl<'a> Stored<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (tries, sealed) = bytes.split_first_chunk::<COUNT_LEN>()?;
        Some(Self { tries: u32::from_be_bytes(*tries), sealed })
    }
}

#[cfg(test)]
mod tests {
    use auth_core::OsRandom;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    /// Operators look for keys by their beginning, and instances of different versions share them.
    #[test]
    fn a_name_begins_with_the_prefix_and_the_space() {
        let names =
            [Space::Challenge, Space::OauthState, Space::OauthCode].map(|space| Place::new("auth:", space, &KEY).name);
        let hash = "px7w6yufF1I4I5nAsYJ0o8UCryXrzNRvY3NhmKr1BeY";
        assert_eq!(names, ["challenge", "oauth_state", "oauth_code"].map(|space| format!("auth:{space}:{hash}")));
    }

    #[test]
    fn a_value_opens_in_its_own_place_alone() {
        let place = Place::new("auth:", Space::Challenge, &KEY);
        let stored = place.write(b"value", &OsRandom);
        let read = Stored::read(&stored).unwrap();
        assert_eq!((read.tries, place.open(read.sealed).as_deref()), (0, Some(b"value".as_slice())));
        for other in [
            Place::new("other:", Space::Challenge, &KEY),
            Place::new("auth:", Space::OauthCode, &KEY),
            Place::new("auth:", Space::Challenge, &[8; 32]),
        ] {
            assert_eq!(other.open(read.sealed), None, "{}", other.name);
        }
    }

    #[test]
    fn what_is_too_short_or_changed_is_no_value() {
        let place = Place::new("auth:", Space::Challenge, &KEY);
        assert_eq!(Stored::read(&[0; 3]), None);
        assert_eq!(Stored::read(&[0, 0, 1, 2]), Some(Stored { tries: 258, sealed: &[] }));
        let mut stored = place.write(b"value", &OsRandom);
        *stored.last_mut().unwrap() ^= 1;
        for sealed in [&[], &stored[COUNT_LEN..], b"value"] {
            assert_eq!(place.open(sealed), None);
        }
    }
}
