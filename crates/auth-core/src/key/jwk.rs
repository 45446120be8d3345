//! Public keys as JSON Web Keys (RFC 7517), written for those who verify our tokens and read with a policy.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::algorithm::SigningAlgorithm;
use super::rsa_policy;

/// A public key with its name and its one algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicJwk {
    pub(super) kid: String,
    pub(super) material: PublicMaterial,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicMaterial {
    /// The encoded point (RFC 8032, section 5.1.5).
    Ed25519([u8; 32]),
    P256 {
        x: [u8; 32],
        y: [u8; 32],
    },
    /// Big-endian, without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl PublicJwk {
    /// Reads one key, under the policy that [`InvalidJwk`] lists.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object, or the key breaks the policy.
    pub fn parse(json: &str) -> Result<Self, InvalidJwk> {
        // serde would read an array of the members as well.
        if !json.starts_with('{') {
            return Err(InvalidJwk::Malformed);
        }
        serde_json::from_str::<Members<'_>>(json).map_err(|_| InvalidJwk::Malformed)?.check()
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key's only algorithm.
    pub const fn algorithm(&self) -> SigningAlgorithm {
        match self.material {
            PublicMaterial::Ed25519(_) => SigningAlgorithm::EdDsa,
            PublicMaterial::P256 { .. } => SigningAlgorithm::Es256,
            PublicMaterial::Rsa { .. } => SigningAlgorithm::Rs256,
        }
    }
}

impl PublicMaterial {
    /// The key's thumbprint (RFC 7638, SHA-256, base64url): a name that no other key has.
    pub(super) fn thumbprint(&self) -> String {
        let encode = |bytes: &[u8]| BASE64URL.encode(bytes);
        let required = match self {
            Self::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x)),
            Self::P256 { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y)),
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n)),
        };
        encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, required.as_bytes()).as_ref())
    }
}

/// With `kty`, `kid`, `use`, `alg` and the public members, never more.
impl Serialize for PublicJwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = Members {
            kid: Some(self.kid.as_str().into()),
            usage: Some("sig".into()),
            alg: Some(self.algorithm().as_str().into()),
            ..Members::default()
        };
        let encode = |bytes: &[u8]| Some(BASE64URL.encode(bytes).into());
        match &self.material {
            PublicMaterial::Ed25519(x) => {
                (members.kty, members.crv, members.x) = ("OKP".into(), Some("Ed25519".into()), encode(x));
            }
            PublicMaterial::P256 { x, y } => {
                (members.kty, members.crv) = ("EC".into(), Some("P-256".into()));
                (members.x, members.y) = (encode(x), encode(y));
            }
            PublicMaterial::Rsa { n, e } => {
                members.kty = "RSA".into();
                (members.n, members.e) = (encode(n), encode(e));
            }
        }
        members.serialize(serializer)
    }
}

/// As [`PublicJwk::parse`].
impl<'de> Deserialize<'de> for PublicJwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Members::deserialize(deserializer)?.check().map_err(D::Error::custom)
    }
}

type Text<'a> = std::borrow::Cow<'a, str>;

/// The members that matter. Others are ignored (RFC 7517, section 4), but repeated ones are not.
#[derive(Default, Serialize, Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    kty: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    kid: Option<Text<'a>>,
    #[serde(borrow, default, rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    alg: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    crv: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    x: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    y: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    n: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    e: Option<Text<'a>>,
    #[serde(default, skip_serializing)]
    key_ops: Option<Vec<String>>,
    #[serde(default, skip_serializing)]
    d: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    p: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    q: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    k: Option<IgnoredAny>,
}

impl Members<'_> {
    fn check(self) -> Result<PublicJwk, InvalidJwk> {
        if self.d.is_some() || self.p.is_some() || self.q.is_some() || self.k.is_some() {
            return Err(InvalidJwk::NotPublic);
        }
        if self.usage.as_deref() != Some("sig") || self.key_ops.as_ref().is_some_and(|ops| ops != &["verify"]) {
            return Err(InvalidJwk::Use);
        }
        let kid = self.kid.as_deref().filter(|kid| is_key_id(kid)).ok_or(InvalidJwk::KeyId)?.to_owned();
        let material = match (self.kty.as_ref(), self.crv.as_deref(), self.alg.as_deref()) {
            ("OKP", Some("Ed25519"), Some("EdDSA")) => PublicMaterial::Ed25519(fixed(self.x)?),
            ("EC", Some("P-256"), Some("ES256")) => PublicMaterial::P256 { x: fixed(self.x)?, y: fixed(self.y)? },
            ("RSA", None, Some("RS256")) => {
                let (n, e) = (decode(self.n)?, decode(self.e)?);
                rsa_policy::check(&n, &e).map_err(|_| InvalidJwk::Weak)?;
                PublicMaterial::Rsa { n, e }
            }
            _ => return Err(InvalidJwk::Algorithm),
        };
        Ok(PublicJwk { kid, material })
    }
}

/// Whether `kid` can be a key's name here: 1 to 128 characters that need no escape in JSON, a URL or a log.
pub(super) fn is_key_id(kid: &str) -> bool {
    (1..=128).contains(&kid.len()) && kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn decode(text: Option<Text<'_>>) -> Result<Vec<u8>, InvalidJwk> {
    BASE64URL.decode(text.ok_or(InvalidJwk::Malformed)?.as_bytes()).map_err(|_| InvalidJwk::Malformed)
}

fn fixed(text: Option<Text<'_>>) -> Result<[u8; 32], InvalidJwk> {
    decode(text)?.try_into().map_err(|_| InvalidJwk::Malformed)
}

/// What a public key must be like to be accepted, and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJwk {
    /// Not a JSON object with well-formed members, each at most once.
    #[error("not a JSON Web Key")]
    Malformed,
    /// It carries a private or a symmetric member (`d`, `p`, `q`, `k`).
    #[error("not a public key")]
    NotPublic,
    /// `use` is not `sig`, or `key_ops` is there and not just `verify`.
    #[error("not a key for signatures")]
    Use,
    /// `kid` is missing, or is not 1 to 128 of `A-Z a-z 0-9 - _ .`.
    #[error("no usable kid")]
    KeyId,
    /// `kty`, `crv` and `alg` are not one of our combinations.
    #[error("not a key of one of our algorithms")]
    Algorithm,
    /// An RSA modulus below 2048 or above 8192 bits or with a known weakness, or a small exponent.
    #[error("a weak RSA key")]
    Weak,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    #[test]
    fn a_key_is_written_as_it_was_read() {
        let jwk = PublicJwk::parse(GOOD).unwrap();
        let written = serde_json::to_string(&jwk).unwrap();
        assert_eq!(PublicJwk::parse(&written).unwrap(), jwk);
        assert_eq!(serde_json::from_str::<PublicJwk>(&written).unwrap(), jwk);
        assert_eq!((jwk.kid(), jwk.algorithm()), ("a", SigningAlgorithm::EdDsa));
    }

    #[test]
    fn a_key_with_any_private_member_is_refused() {
        for member in ["d", "p", "q", "k"] {
            let jwk = GOOD.replacen('{', &format!(r#"{{"{member}":"AAAA","#), 1);
            assert_eq!(PublicJwk::parse(&jwk), Err(InvalidJwk::NotPublic), "{member}");
        }
    }

    #[test]
    fn a_key_of_another_form_is_refused() {
        for (good, bad, reason) in [
            (r#""kid":"a","#, r#""kid":"a","kid":"a","#, InvalidJwk::Malformed),
            (r#""kid":"a","#, "", InvalidJwk::KeyId),
            (r#""kid":"a""#, r#""kid":"a/b""#, InvalidJwk::KeyId),
            (r#""use":"sig","#, "", InvalidJwk::Use),
            (r#""alg":"EdDSA","#, "", InvalidJwk::Algorithm),
            ("Ed25519", "Ed448", InvalidJwk::Algorithm),
            ("11qYAYKx", "11qY", InvalidJwk::Malformed),
            ("HURo", "HURp", InvalidJwk::Malformed),
            ("HURo", "HURo=", InvalidJwk::Malformed),
            ("{", "[", InvalidJwk::Malformed),
        ] {
            let jwk = GOOD.replacen(good, bad, 1);
            assert_ne!(jwk, GOOD);
            assert_eq!(PublicJwk::parse(&jwk), Err(reason), "{jwk}");
        }
    }
}
