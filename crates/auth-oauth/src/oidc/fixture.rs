//! Keys for tests, and what they sign.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::algorithm::IdTokenAlgorithm;
use super::jwk::SigningKey;

/// An RSA key takes long to make: one for all tests.
static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

/// A key that signs by one algorithm. It is called as its algorithm is.
pub(super) struct TestKey {
    algorithm: IdTokenAlgorithm,
    pair: Pair,
}

enum Pair {
    Rsa(&'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl TestKey {
    pub(super) fn new(algorithm: IdTokenAlgorithm) -> Self {
        use IdTokenAlgorithm as A;
        let pair = match algorithm {
            A::Rs256 => Pair::Rsa(&RSA_PKCS1_SHA256),
            A::Rs384 => Pair::Rsa(&RSA_PKCS1_SHA384),
            A::Rs512 => Pair::Rsa(&RSA_PKCS1_SHA512),
            A::Ps256 => Pair::Rsa(&RSA_PSS_SHA256),
            A::Ps384 => Pair::Rsa(&RSA_PSS_SHA384),
            A::Ps512 => Pair::Rsa(&RSA_PSS_SHA512),
            A::Es256 => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
            A::Es384 => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()),
            A::Es512 => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap()),
            A::EdDsa => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
        };
        Self { algorithm, pair }
    }

    pub(super) fn jwk(&self) -> Value {
        let name = self.algorithm.as_str();
        let mut jwk = match &self.pair {
            Pair::Rsa(_) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(RSA.public_key());
                json!({"kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e)})
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)})
            }
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref())})
            }
        };
        (jwk["kid"], jwk["alg"], jwk["use"]) = (json!(name), json!(name), json!("sig"));
        jwk
    }

    pub(super) fn public(&self) -> SigningKey {
        SigningKey::read(&self.jwk()).unwrap()
    }

    pub(super) fn header(&self) -> Value {
        json!({"alg": self.algorithm.as_str(), "kid": self.algorithm.as_str()})
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(padding) => {
                let mut signature = vec![0; RSA.public_modulus_len()];
                RSA.sign(*padding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token with this header and these claims, each as the text that it is.
    pub(super) fn token(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", base64url(header), base64url(claims));
        let signature = base64url(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

pub(super) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL.encode(bytes)
}
