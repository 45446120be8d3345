//! Keys to sign with, and their public halves.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

use crate::http::base64url;

/// Where the modulus of 2048 bits is in the DER of an `RSAPublicKey` with the exponent 65537 (RFC 8017, section A.1.1).
const MODULUS: std::ops::Range<usize> = 9..265;

/// One pair of each kind.
pub(crate) struct Keys {
    generation: usize,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Keys {
    pub(crate) fn generate(generation: usize) -> Self {
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { generation, p256, ed25519: Ed25519KeyPair::generate().unwrap() }
    }

    /// The keys that follow these.
    pub(crate) fn next(&self) -> Self {
        Self::generate(self.generation + 1)
    }

    /// The id of the key of a kind (`rsa`, `ec` or `ed`).
    pub(crate) fn kid(&self, kind: &str) -> String {
        format!("{kind}-{}", self.generation)
    }

    pub(crate) fn jwks(&self) -> Value {
        let point = self.p256.public_key().as_ref();
        let (x, y) = (base64url(&point[1..33]), base64url(&point[33..65]));
        let okp = base64url(self.ed25519.public_key().as_ref());
        let n = base64url(&self.rsa_public()[MODULUS]);
        json!({ "keys": [
            { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid("rsa"), "n": n, "e": "AQAB" },
            { "kty": "EC", "use": "sig", "alg": "ES256", "kid": self.kid("ec"), "crv": "P-256", "x": x, "y": y },
            { "kty": "OKP", "use": "sig", "alg": "EdDSA", "kid": self.kid("ed"), "crv": "Ed25519", "x": okp },
        ]})
    }

    /// The DER of the public RSA key, which confused verifiers take for the secret of an HMAC.
    pub(crate) fn rsa_public(&self) -> &[u8] {
        rsa(self.generation).public_key().as_ref()
    }

    pub(crate) fn rs256(&self, message: &[u8]) -> Vec<u8> {
        sign_rsa(rsa(self.generation), &RSA_PKCS1_SHA256, message)
    }

    pub(crate) fn ps256(&self, message: &[u8]) -> Vec<u8> {
        sign_rsa(rsa(self.generation), &RSA_PSS_SHA256, message)
    }

    /// By an RSA key of this provider's generation after the next, so one that it never publishes at the same time.
    pub(crate) fn rs256_by_another(&self, message: &[u8]) -> Vec<u8> {
        sign_rsa(rsa(self.generation + 2), &RSA_PKCS1_SHA256, message)
    }

    pub(crate) fn es256(&self, message: &[u8]) -> Vec<u8> {
        self.p256.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    pub(crate) fn eddsa(&self, message: &[u8]) -> Vec<u8> {
        self.ed25519.sign(message).as_ref().to_vec()
    }
}

/// The RSA key of a generation: three for the whole process, as making one takes long.
fn rsa(generation: usize) -> &'static RsaKeyPair {
    static PAIRS: [OnceLock<RsaKeyPair>; 3] = [const { OnceLock::new() }; 3];
    PAIRS[generation % PAIRS.len()].get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
}

fn sign_rsa(pair: &RsaKeyPair, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}
