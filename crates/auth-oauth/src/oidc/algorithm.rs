//! The algorithms that may sign an ID token.

use aws_lc_rs::digest;

/// A signature algorithm of JWS (RFC 7518, section 3.1; RFC 8037, section 3.1). Never `none`, and none that is keyed
/// with a secret: who knows the client's secret could make tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdTokenAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every provider has (OpenID Connect Discovery, section 3).
    Rs256,
    /// The same with SHA-384.
    Rs384,
    /// The same with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256 and a salt of the same length.
    Ps256,
    /// The same with SHA-384.
    Ps384,
    /// The same with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
}

/// [`IdTokenAlgorithm::ALL`] for the log.
pub(super) const ACCEPTED: &str = "RS, PS and ES with 256, 384 and 512, and EdDSA (Ed25519)";

impl IdTokenAlgorithm {
    /// Every one that is accepted.
    pub(super) const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The algorithm of that name, byte by byte.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// The name in the `alg` of headers and keys.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The hash inside, which `at_hash` is made by (OpenID Connect Core, section 3.1.3.6). Of Ed25519 it is SHA-512
    /// (RFC 8032, section 5.1).
    pub(super) fn hash(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &digest::SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 => &digest::SHA384,
            Self::Rs512 | Self::Ps512 | Self::Es512 | Self::EdDsa => &digest::SHA512,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_is_known_by_its_exact_name() {
        for algorithm in IdTokenAlgorithm::ALL {
            assert_eq!(IdTokenAlgorithm::parse(algorithm.as_str()), Some(algorithm));
        }
        for name in ["", "none", "None", "HS256", "HS384", "HS512", "rs256", "RS1", "ES521", "ES256K", "Ed448"] {
            assert_eq!(IdTokenAlgorithm::parse(name), None, "{name}");
        }
    }
}
