//! One key of a provider, if it is fit to sign ID tokens (RFC 7517, section 4; RFC 7518, section 6; RFC 8037).

use auth_core::PublicJwk;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::algorithm::IdTokenAlgorithm;
use super::json;

/// A public key, parsed once, with the algorithms that it verifies: those of its type alone, or the one that its `alg`
/// names. So a token's header can't choose.
///
/// aws-lc-rs does the arithmetic, without a JWT library between: such a library takes keys of any strength and use,
/// and reads the system's clock, and what would be left of it here is one call.
pub(super) struct SigningKey {
    kid: Option<String>,
    keys: Vec<(IdTokenAlgorithm, ParsedPublicKey)>,
}

impl SigningKey {
    /// The key that a JWK describes.
    pub(super) fn read(jwk: &Value) -> Result<Self, UnusableKey> {
        let members: Members = json::read(jwk).ok_or(UnusableKey::Malformed)?;
        if members.has_private_part() {
            return Err(UnusableKey::NotPublic);
        }
        let is_for_signatures = members.usage.as_deref().is_none_or(|usage| usage == "sig")
            && members.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        if !is_for_signatures {
            return Err(UnusableKey::Use);
        }
        let mut keys = members.keys()?;
        if let Some(name) = members.alg {
            keys.retain(|(algorithm, _)| algorithm.as_str() == name);
        }
        if keys.is_empty() { Err(UnusableKey::Type) } else { Ok(Self { kid: members.kid, keys }) }
    }

    /// Its name, if it has one.
    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether it is a key of that algorithm.
    pub(super) fn is_for(&self, algorithm: IdTokenAlgorithm) -> bool {
        self.keys.iter().any(|(known, _)| *known == algorithm)
    }

    /// Whether `signature` is this key's over `message`, by that algorithm.
    pub(super) fn verify(&self, algorithm: IdTokenAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = self.keys.iter().find(|(known, _)| *known == algorithm);
        key.is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok())
    }
}

/// What an RSA key verifies.
const RSA: [(IdTokenAlgorithm, &RsaParameters); 6] = [
    (IdTokenAlgorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
    (IdTokenAlgorithm::Rs384, &RSA_PKCS1_2048_8192_SHA384),
    (IdTokenAlgorithm::Rs512, &RSA_PKCS1_2048_8192_SHA512),
    (IdTokenAlgorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
    (IdTokenAlgorithm::Ps384, &RSA_PSS_2048_8192_SHA384),
    (IdTokenAlgorithm::Ps512, &RSA_PSS_2048_8192_SHA512),
];

/// The members that matter. Others are ignored (RFC 7517, section 4). One that is `null` is absent: some providers write
/// out each member that they know.
#[derive(Deserialize)]
struct Members {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

impl Members {
    const fn has_private_part(&self) -> bool {
        self.d.is_some() || self.p.is_some() || self.q.is_some() || self.k.is_some()
    }

    /// The key under each algorithm of its type; `oct` has none.
    fn keys(&self) -> Result<Vec<(IdTokenAlgorithm, ParsedPublicKey)>, UnusableKey> {
        use IdTokenAlgorithm as A;
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let rsa = self.rsa()?;
                let parse = |(algorithm, parameters): (A, &'static RsaParameters)| {
                    let key = rsa.to_parsed_public_key(parameters).map_err(|_| UnusableKey::Malformed)?;
                    Ok((algorithm, key))
                };
                RSA.into_iter().map(parse).collect()
            }
            ("EC", Some("P-256")) => Ok(vec![(A::Es256, self.point::<32>(&ECDSA_P256_SHA256_FIXED)?)]),
            ("EC", Some("P-384")) => Ok(vec![(A::Es384, self.point::<48>(&ECDSA_P384_SHA384_FIXED)?)]),
            ("EC", Some("P-521")) => Ok(vec![(A::Es512, self.point::<66>(&ECDSA_P521_SHA512_FIXED)?)]),
            ("OKP", Some("Ed25519")) => Ok(vec![(A::EdDsa, parse(&ED25519, &coordinate::<32>(self.x.as_deref())?)?)]),
            _ => Err(UnusableKey::Type),
        }
    }

    /// The modulus and the exponent, as strong as those that we sign with ourselves must be: 2048 to 8192 bits, an odd
    /// exponent from 65537 within 32 bits, and none of the known weaknesses.
    fn rsa(&self) -> Result<RsaPublicKeyComponents<Vec<u8>>, UnusableKey> {
        let (mut n, e) = (decode(self.n.as_deref())?, decode(self.e.as_deref())?);
        // RFC 7518, section 6.3.1.1, speaks of implementations that put one before the number, for its sign.
        if n.first() == Some(&0) {
            n.remove(0);
        }
        let (n_text, e_text) = (BASE64URL.encode(&n), BASE64URL.encode(&e));
        let ours = json!({"kty": "RSA", "kid": "a", "use": "sig", "alg": "RS256", "n": n_text, "e": e_text});
        PublicJwk::parse(&ours.to_string()).map_err(|_| UnusableKey::Weak)?;
        Ok(RsaPublicKeyComponents { n, e })
    }

    /// A point of a curve with coordinates of `N` bytes, uncompressed (SEC 1, section 2.3.3).
    fn point<const N: usize>(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
    ) -> Result<ParsedPublicKey, UnusableKey> {
        let (x, y) = (coordinate::<N>(self.x.as_deref())?, coordinate::<N>(self.y.as_deref())?);
        parse(algorithm, &[&[4], x.as_slice(), &y].concat())
    }
}

/// Refuses what is no point of the curve.
fn parse(algorithm: &'static dyn VerificationAlgorithm, bytes: &[u8]) -> Result<ParsedPublicKey, UnusableKey> {
    ParsedPublicKey::new(algorithm, bytes).map_err(|_| UnusableKey::Malformed)
}

fn coordinate<const N: usize>(text: Option<&str>) -> Result<[u8; N], UnusableKey> {
    decode(text)?.try_into().map_err(|_| UnusableKey::Malformed)
}

fn decode(text: Option<&str>) -> Result<Vec<u8>, UnusableKey> {
    text.and_then(|text| BASE64URL.decode(text).ok()).ok_or(UnusableKey::Malformed)
}

/// Why a key is left out, in words that follow on "the key".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnusableKey {
    /// A private or a symmetric member.
    #[error("has a private or symmetric member")]
    NotPublic,
    /// Not for verifying: `use` is there and not `sig`, or `key_ops` is there without `verify`.
    #[error("is not for signatures, by its `use` or `key_ops`")]
    Use,
    /// Of a type, a curve or an algorithm that isn't accepted.
    #[error("is of a `kty`, `crv` or `alg` that is not accepted")]
    Type,
    /// No object, or a member is missing or is no canonical base64url, or the point is on no curve.
    #[error("is malformed")]
    Malformed,
    /// An RSA key below 2048 or above 8192 bits, or weak otherwise.
    #[error("is weak: RSA has to have 2048 to 8192 bits, and an exponent from 65537")]
    Weak,
    /// Another key that is fit has the same name.
    #[error("shares its `kid` with another one")]
    SameName,
}
