//! The metadata (OpenID Connect Discovery, section 3; RFC 8414; RFC 9207) and the keys.

use serde_json::{Value, json};

use crate::http::Reply;
use crate::settings::{Change, Settings, change};

pub(crate) fn metadata(settings: &Settings) -> Reply {
    let url = &settings.url;
    let document = json!({
        "issuer": settings.issuer,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/jwks"),
        "scopes_supported": ["openid", "email", "profile"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    changed(document, settings.metadata.as_ref())
}

pub(crate) fn jwks(settings: &Settings) -> Reply {
    changed(settings.keys.jwks(), settings.jwks.as_ref())
}

/// An object, as a test wants it to be.
pub(crate) fn changed(mut document: Value, by: Option<&Change>) -> Reply {
    // What a test has set instead of an object goes out as it is.
    if let Value::Object(object) = &mut document {
        change(by, object);
    }
    Reply::json(200, &document)
}
