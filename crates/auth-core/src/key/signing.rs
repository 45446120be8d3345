//! Keys that sign.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use zeroize::Zeroizing;

use super::algorithm::SigningAlgorithm;
use super::jwk::{PublicJwk, PublicMaterial, is_key_id};
use super::rsa_policy;
use super::verification::{InvalidKey, VerificationKey};
use crate::random::Random;

/// A key that signs by one algorithm, parsed once.
pub struct SigningKey {
    pair: KeyPair,
    private: Zeroizing<Vec<u8>>,
    verification: Arc<VerificationKey>,
}

/// The private half as the library wants it: parsing PKCS#8 takes longer than an Ed25519 signature.
enum KeyPair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    /// In a box: it is twenty times as long as the others.
    Secret(Box<hmac::Key>),
}

impl SigningKey {
    /// A new key: Ed25519, P-256, RSA of 3072 bits, or 256 random bits for HS256.
    ///
    /// The name is the key's thumbprint (RFC 7638), and random for HS256. The library makes the asymmetric keys from
    /// the operating system's randomness; `random` serves the rest.
    ///
    /// # Errors
    ///
    /// When the library can't make a key.
    pub fn generate(algorithm: SigningAlgorithm, random: &dyn Random) -> Result<Self, InvalidKey> {
        if algorithm == SigningAlgorithm::Hs256 {
            let secret = Zeroizing::new(random.bytes::<32>());
            return Self::from_private(&BASE64URL.encode(random.bytes::<32>()), algorithm, secret.as_slice());
        }
        let private = generate_pkcs8(algorithm).ok_or(InvalidKey::Generation)?;
        let (_, material) = parse_pkcs8(algorithm, &private)?;
        Self::from_private(&material.thumbprint(), algorithm, &private)
    }

    /// The key of these private bytes: PKCS#8 in DER (RFC 5958), or the secret itself for HS256.
    ///
    /// # Errors
    ///
    /// When the bytes are no key of `algorithm`, the key is weak (RSA below 2048 bits, HS256 below 32 bytes), or `kid`
    /// can't be a name.
    pub fn from_private(kid: &str, algorithm: SigningAlgorithm, private: &[u8]) -> Result<Self, InvalidKey> {
        let (pair, verification) = if algorithm == SigningAlgorithm::Hs256 {
            let verification = VerificationKey::from_secret(kid, private)?;
            (KeyPair::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, private))), verification)
        } else {
            if !is_key_id(kid) {
                return Err(InvalidKey::KeyId);
            }
            let (pair, material) = parse_pkcs8(algorithm, private)?;
            (pair, VerificationKey::from_jwk(PublicJwk { kid: kid.to_owned(), material })?)
        };
        Ok(Self { pair, private: Zeroizing::new(private.to_vec()), verification: Arc::new(verification) })
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        self.verification.kid()
    }

    /// The key's only algorithm.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.verification.algorithm()
    }

    /// What [`SigningKey::from_private`] takes: to be stored sealed, and nowhere else.
    pub fn private_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.private.clone()
    }

    /// The public half; none of HS256.
    pub fn public_jwk(&self) -> Option<&PublicJwk> {
        self.verification.public_jwk()
    }

    /// The half that verifies.
    pub const fn verification_key(&self) -> &Arc<VerificationKey> {
        &self.verification
    }

    /// This key's signature over `message`, in the form of JWS (RFC 7518, section 3).
    ///
    /// # Errors
    ///
    /// When the library fails to sign.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        match &self.pair {
            KeyPair::Ed25519(pair) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
            KeyPair::P256(pair) => {
                pair.sign(&SystemRandom::new(), message).map(|signature| signature.as_ref().to_vec())
            }
            KeyPair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map(|()| signature)
            }
            KeyPair::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
        .map_err(|_| CannotSign)
    }
}

fn generate_pkcs8(algorithm: SigningAlgorithm) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = match algorithm {
        SigningAlgorithm::EdDsa => Ed25519KeyPair::generate().ok()?.to_pkcs8v1().ok()?.as_ref().to_vec(),
        SigningAlgorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
            pair.to_pkcs8v1().ok()?.as_ref().to_vec()
        }
        SigningAlgorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa3072).ok()?.as_der().ok()?.as_ref().to_vec(),
        SigningAlgorithm::Hs256 => return None,
    };
    Some(Zeroizing::new(bytes))
}

fn parse_pkcs8(algorithm: SigningAlgorithm, der: &[u8]) -> Result<(KeyPair, PublicMaterial), InvalidKey> {
    let malformed = |_| InvalidKey::Malformed;
    match algorithm {
        SigningAlgorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8(der).map_err(malformed)?;
            let x = pair.public_key().as_ref().try_into().map_err(|_| InvalidKey::Malformed)?;
            Ok((KeyPair::Ed25519(pair), PublicMaterial::Ed25519(x)))
        }
        SigningAlgorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(malformed)?;
            let material = p256_point(pair.public_key().as_ref()).ok_or(InvalidKey::Malformed)?;
            Ok((KeyPair::P256(pair), material))
        }
        SigningAlgorithm::Rs256 => {
            let pair = RsaKeyPair::from_pkcs8(der).map_err(malformed)?;
            let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
            rsa_policy::check(&n, &e).map_err(|_| InvalidKey::Weak)?;
            Ok((KeyPair::Rsa(pair), PublicMaterial::Rsa { n, e }))
        }
        SigningAlgorithm::Hs256 => Err(InvalidKey::Malformed),
    }
}

/// The coordinates of an uncompressed point (SEC 1, section 2.3.3).
fn p256_point(bytes: &[u8]) -> Option<PublicMaterial> {
    let (x, rest) = bytes.strip_prefix(&[4])?.split_first_chunk()?;
    Some(PublicMaterial::P256 { x: *x, y: rest.try_into().ok()? })
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid())
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// There is no key to sign with, or the cryptographic library failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token can't be signed")]
pub struct CannotSign;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    const ASYMMETRIC: [SigningAlgorithm; 3] =
        [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Rs256];

    /// A new key; of RSA, which takes a second to make, one for all tests.
    fn key(algorithm: SigningAlgorithm) -> SigningKey {
        crate::key::fixture::signing_key(algorithm)
    }

    /// REQ-10.
    #[test]
    fn a_loaded_key_signs_and_verifies_as_the_generated_one() {
        for algorithm in SigningAlgorithm::ALL {
            let generated = key(algorithm);
            let loaded = SigningKey::from_private(generated.kid(), algorithm, &generated.private_bytes()).unwrap();
            let signature = loaded.sign(b"message").unwrap();
            assert!(generated.verification_key().verify(b"message", &signature), "{algorithm}");
            assert!(!generated.verification_key().verify(b"massage", &signature), "{algorithm}");
            assert_eq!((loaded.kid(), loaded.algorithm()), (generated.kid(), algorithm));
            assert_eq!(loaded.public_jwk(), generated.public_jwk());
        }
    }

    #[test]
    fn a_key_of_one_algorithm_is_no_key_of_another() {
        for algorithm in SigningAlgorithm::ALL {
            for other in ASYMMETRIC.into_iter().filter(|other| *other != algorithm) {
                let loaded = SigningKey::from_private("kid", other, &key(algorithm).private_bytes());
                assert_eq!(loaded.unwrap_err(), InvalidKey::Malformed, "{algorithm} as {other}");
            }
        }
    }

    /// T-27.
    #[test]
    fn a_short_secret_is_no_key() {
        for length in [0, 1, 31] {
            let loaded = SigningKey::from_private("kid", SigningAlgorithm::Hs256, &vec![7; length]);
            assert_eq!(loaded.unwrap_err(), InvalidKey::Weak);
        }
        assert!(SigningKey::from_private("kid", SigningAlgorithm::Hs256, &[7; 32]).is_ok());
    }

    #[test]
    fn a_name_that_would_need_an_escape_is_refused() {
        let long = "k".repeat(129);
        for kid in ["", "a b", "a\"b", "../../dev/null", "ключ", "a\0", &long] {
            for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Hs256] {
                let loaded = SigningKey::from_private(kid, algorithm, &key(algorithm).private_bytes());
                assert_eq!(loaded.unwrap_err(), InvalidKey::KeyId, "{kid}");
            }
        }
    }

    /// The key and the thumbprint of RFC 8037, appendix A.3.
    #[test]
    fn a_public_keys_name_is_its_thumbprint() {
        let jwk = PublicJwk::parse(
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a","use":"sig","alg":"EdDSA"}"#,
        );
        assert_eq!(jwk.unwrap().material.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        for algorithm in ASYMMETRIC {
            let key = key(algorithm);
            assert_eq!(key.kid(), key.public_jwk().unwrap().material.thumbprint());
        }
    }

    #[test]
    fn generated_keys_have_names_and_material_of_their_own() {
        for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Hs256] {
            let [one, two] = [(); 2].map(|()| SigningKey::generate(algorithm, &OsRandom).unwrap());
            assert_ne!(one.kid(), two.kid());
            assert_ne!(one.private_bytes(), two.private_bytes());
            assert_eq!(one.kid().len(), 43);
        }
    }

    #[test]
    fn a_generated_rsa_key_has_3072_bits() {
        assert_eq!(key(SigningAlgorithm::Rs256).sign(b"").unwrap().len(), 3072 / 8);
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = SigningKey::from_private("name", SigningAlgorithm::Hs256, &[7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), r#"SigningKey { kid: "name", algorithm: Hs256, .. }"#);
        assert_eq!(format!("{:?}", key.verification_key()), r#"VerificationKey { kid: "name", algorithm: Hs256, .. }"#);
    }
}
