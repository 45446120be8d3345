//! Access tokens taken apart and forged, with keys that aren't the server's.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

/// The parts of a token, decoded, and its signed part as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Jwt {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) signature: Vec<u8>,
    header_text: String,
    claims_text: String,
}

impl Jwt {
    /// The access token in `tokens`.
    pub(crate) fn of(tokens: &Value) -> Self {
        let parts: Vec<&str> = text(&tokens["access_token"]).split('.').collect();
        let decode = |part: &str| BASE64URL.decode(part).unwrap();
        Self {
            header: serde_json::from_slice(&decode(parts[0])).unwrap(),
            claims: serde_json::from_slice(&decode(parts[1])).unwrap(),
            signature: decode(parts[2]),
            header_text: parts[0].to_owned(),
            claims_text: parts[1].to_owned(),
        }
    }

    /// The same token with another member in its header; `null` takes the member out.
    pub(crate) fn with_header(&self, name: &str, value: Value) -> Self {
        let mut token = self.clone();
        set(&mut token.header, name, value);
        token.header_text = BASE64URL.encode(token.header.to_string());
        token
    }

    /// The same token with another claim; `null` takes the claim out.
    pub(crate) fn with_claim(&self, name: &str, value: Value) -> Self {
        let mut token = self.clone();
        set(&mut token.claims, name, value);
        token.claims_text = BASE64URL.encode(token.claims.to_string());
        token
    }

    /// The text, with the signature that it was taken with.
    pub(crate) fn unsigned(&self) -> String {
        self.with_signature(&self.signature)
    }

    /// The text with any signature.
    pub(crate) fn with_signature(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.signed_part(), BASE64URL.encode(signature))
    }

    /// The text signed with `key`.
    pub(crate) fn signed(&self, key: &Ed25519KeyPair) -> String {
        self.with_signature(key.sign(self.signed_part().as_bytes()).as_ref())
    }

    /// The text with a MAC under `key`.
    pub(crate) fn mac(&self, key: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        self.with_signature(hmac::sign(&key, self.signed_part().as_bytes()).as_ref())
    }

    fn signed_part(&self) -> String {
        format!("{}.{}", self.header_text, self.claims_text)
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    let members = object.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), value)
    };
}

/// A key of an attacker.
pub(crate) fn stranger() -> Ed25519KeyPair {
    Ed25519KeyPair::generate().unwrap()
}

/// The public half of `key` as a JWK with the name `kid`.
pub(crate) fn jwk(key: &Ed25519KeyPair, kid: &Value) -> Value {
    let x = BASE64URL.encode(key.public_key().as_ref());
    json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA" })
}

/// A value that is a text.
#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
