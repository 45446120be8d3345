//! The header: three members, no more and no less.

use serde::{Deserialize, Serialize};

use crate::key::SigningAlgorithm;

/// The only `typ` (RFC 9068, section 2.1). The form `application/at+jwt`, which the RFC also allows, is none of ours.
const TYPE: &str = "at+jwt";

/// A header. Unknown members are refused, and with them `jwk`, `jku`, `x5c`, `x5u`, `crit` and `b64`; so are repeated
/// ones, and texts with escapes, which our issuer never writes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header<'a> {
    alg: &'a str,
    pub(super) kid: &'a str,
    typ: &'a str,
}

impl<'a> Header<'a> {
    pub(super) const fn new(algorithm: SigningAlgorithm, kid: &'a str) -> Self {
        Self { alg: algorithm.as_str(), kid, typ: TYPE }
    }

    /// Reads a header of the right type.
    pub(super) fn parse(json: &'a [u8]) -> Option<Self> {
        // serde would read an array of three texts as well.
        if json.first() != Some(&b'{') {
            return None;
        }
        serde_json::from_slice::<Self>(json).ok().filter(|header| header.typ == TYPE)
    }

    /// Whether the header names an algorithm whose keys are published.
    pub(super) fn is_of_a_public_key(&self) -> bool {
        self.alg.parse().is_ok_and(|algorithm: SigningAlgorithm| algorithm != SigningAlgorithm::Hs256)
    }

    /// Whether the header names exactly this algorithm.
    pub(super) fn is_for(&self, algorithm: SigningAlgorithm) -> bool {
        self.alg == algorithm.as_str()
    }
}
