//! `id_token`s (OpenID Connect Core, sections 2 and 3.1.3.6), good and bad ones.

use aws_lc_rs::{digest, hmac};
use serde_json::{Map, Value, json};

use crate::grants::Grant;
use crate::http::base64url;
use crate::keys::Keys;
use crate::settings::{Settings, change};

/// How long an `id_token` is good, in seconds.
const LIFE: i64 = 300;

/// How `id_token`s are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// RS256, by the published key.
    #[default]
    Rs256,
    /// PS256, by the published RSA key, which is for RS256.
    Ps256,
    /// ES256, by the published key.
    Es256,
    /// `EdDSA` (Ed25519), by the published key.
    EdDsa,
    /// Not at all: `alg` is `none`.
    None,
    /// HS256 with the client secret.
    Hs256WithClientSecret,
    /// HS256 with the DER of the public RSA key as secret.
    Hs256WithPublicKey,
    /// ES256 by the published key, under an id that is not in the JWKS.
    UnknownKid,
    /// RS256 by the published key, without an id.
    NoKid,
    /// RS256 by a key that was never published, under the id of the published one.
    OtherKey,
    /// RS256, and then one bit of the signature is another.
    BrokenSignature,
}

impl Signing {
    fn algorithm(self) -> &'static str {
        match self {
            Self::Rs256 | Self::NoKid | Self::OtherKey | Self::BrokenSignature => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 | Self::UnknownKid => "ES256",
            Self::EdDsa => "EdDSA",
            Self::None => "none",
            Self::Hs256WithClientSecret | Self::Hs256WithPublicKey => "HS256",
        }
    }

    fn kid(self, keys: &Keys) -> Option<String> {
        match self {
            Self::Rs256 | Self::Ps256 | Self::OtherKey | Self::BrokenSignature | Self::Hs256WithPublicKey => {
                Some(keys.kid("rsa"))
            }
            Self::Es256 => Some(keys.kid("ec")),
            Self::EdDsa => Some(keys.kid("ed")),
            Self::UnknownKid => Some("unknown".to_owned()),
            Self::None | Self::NoKid | Self::Hs256WithClientSecret => None,
        }
    }

    fn sign(self, settings: &Settings, message: &[u8]) -> Vec<u8> {
        let keys = &settings.keys;
        match self {
            Self::Rs256 | Self::NoKid => keys.rs256(message),
            Self::Ps256 => keys.ps256(message),
            Self::Es256 | Self::UnknownKid => keys.es256(message),
            Self::EdDsa => keys.eddsa(message),
            Self::OtherKey => keys.rs256_by_another(message),
            Self::None => Vec::new(),
            Self::Hs256WithClientSecret => hs256(settings.client_secret.as_deref().unwrap_or_default(), message),
            Self::Hs256WithPublicKey => hs256(keys.rsa_public(), message),
            Self::BrokenSignature => {
                let mut signature = keys.rs256(message);
                signature[100] ^= 1;
                signature
            }
        }
    }
}

fn hs256(secret: impl AsRef<[u8]>, message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()), message).as_ref().to_vec()
}

/// The `id_token` of a grant, with what the test has changed in it.
pub(crate) fn issue(settings: &Settings, grant: &Grant, access_token: &str) -> String {
    let mut claims = grant.user.as_object().cloned().unwrap_or_default();
    let now = settings.now();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", json!(settings.issuer));
    set("aud", json!(settings.client_id));
    set("iat", json!(now));
    set("exp", json!(now + LIFE));
    set("at_hash", json!(at_hash(settings.signing, access_token)));
    if let Some(nonce) = &grant.nonce {
        set("nonce", json!(nonce));
    }
    change(settings.claims.as_ref(), &mut claims);
    sign(settings, &claims)
}

/// A compact JWS of these claims, signed as it is set.
pub(crate) fn sign(settings: &Settings, claims: &Map<String, Value>) -> String {
    let signing = settings.signing;
    let mut header = Map::new();
    header.insert("alg".to_owned(), json!(signing.algorithm()));
    if let Some(kid) = signing.kid(&settings.keys) {
        header.insert("kid".to_owned(), json!(kid));
    }
    change(settings.header.as_ref(), &mut header);
    let part = |part: &Map<String, Value>| base64url(&serde_json::to_vec(part).unwrap());
    let message = format!("{}.{}", part(&header), part(claims));
    let signature = base64url(&signing.sign(settings, message.as_bytes()));
    format!("{message}.{signature}")
}

/// The left half of the access token's hash, by the hash of the signature's algorithm; that of Ed25519 is SHA-512.
fn at_hash(signing: Signing, access_token: &str) -> String {
    let algorithm = if signing == Signing::EdDsa { &digest::SHA512 } else { &digest::SHA256 };
    let hash = digest::digest(algorithm, access_token.as_bytes());
    base64url(&hash.as_ref()[..hash.as_ref().len() / 2])
}
