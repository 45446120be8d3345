//! The authorization endpoint: what a browser brings, and where it is sent back to (RFC 6749, section 4.1.1; RFC 7636,
//! section 4.3; RFC 9207).

use std::collections::BTreeMap;

use url::Url;

use crate::grants::{Grant, Grants};
use crate::settings::Settings;

/// What may be no shorter if nobody is to guess it: 128 bits in base64url.
const UNGUESSABLE: usize = 22;

/// The answer to a request that was approved.
pub(crate) fn approve(settings: &Settings, grants: &mut Grants, url: &str) -> Result<Url, String> {
    let asked = check(settings, url)?;
    let code = grants.new_code(Grant {
        client_id: asked["client_id"].clone(),
        redirect_uri: asked["redirect_uri"].clone(),
        challenge: asked["code_challenge"].clone(),
        nonce: asked.get("nonce").cloned(),
        scope: asked["scope"].clone(),
        user: settings.user.clone(),
        emails: settings.emails.clone(),
    });
    Ok(back(settings, &asked, &[("code", &code)]))
}

/// The answer to a request that ends with an error (RFC 6749, section 4.1.2.1).
pub(crate) fn refuse(settings: &Settings, url: &str, error: &str, description: &str) -> Result<Url, String> {
    let asked = check(settings, url)?;
    Ok(back(settings, &asked, &[("error", error), ("error_description", description)]))
}

fn back(settings: &Settings, asked: &BTreeMap<String, String>, answer: &[(&str, &str)]) -> Url {
    let mut url = Url::parse(&asked["redirect_uri"]).unwrap();
    let is_openid = asked["scope"].split(' ').any(|scope| scope == "openid");
    let right = is_openid.then(|| settings.issuer.clone());
    let iss = settings.iss.clone().unwrap_or(right);
    url.query_pairs_mut()
        .extend_pairs(answer)
        .append_pair("state", &asked["state"])
        .extend_pairs(iss.map(|iss| ("iss", iss)));
    url
}

/// The parameters of an authorization request that is as it has to be.
fn check(settings: &Settings, url: &str) -> Result<BTreeMap<String, String>, String> {
    let url = Url::parse(url).map_err(|error| format!("{error}: {url}"))?;
    let mut place = url.clone();
    place.set_query(None);
    require(place.as_str() == format!("{}/authorize", settings.url), "it is the URL of another endpoint")?;
    let mut asked = BTreeMap::new();
    for (name, value) in url.query_pairs().into_owned() {
        require(!asked.contains_key(&name), &format!("`{name}` is repeated"))?;
        asked.insert(name, value);
    }
    for name in ["response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge"] {
        require(asked.get(name).is_some_and(|value| !value.is_empty()), &format!("`{name}` is missing"))?;
    }
    require(asked["response_type"] == "code", "the `response_type` is not `code`")?;
    require(asked["client_id"] == settings.client_id, "the client is unknown")?;
    require(asked.get("response_mode").is_none_or(|mode| mode == "query"), "the `response_mode` is not `query`")?;
    check_redirect_uri(settings, &asked["redirect_uri"])?;
    check_secrets(&asked)?;
    Ok(asked)
}

fn check_redirect_uri(settings: &Settings, redirect_uri: &str) -> Result<(), String> {
    let parsed = Url::parse(redirect_uri).map_err(|error| format!("the `redirect_uri` is none: {error}"))?;
    require(parsed.fragment().is_none(), "the `redirect_uri` has a fragment")?;
    let known = &settings.redirect_uris;
    require(known.is_empty() || known.iter().any(|uri| uri == redirect_uri), "the `redirect_uri` is not registered")
}

fn check_secrets(asked: &BTreeMap<String, String>) -> Result<(), String> {
    let challenge = &asked["code_challenge"];
    let is_base64url = challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    require(challenge.len() == 43 && is_base64url, "the `code_challenge` is no SHA-256 in base64url")?;
    let method = asked.get("code_challenge_method").map(String::as_str);
    require(method == Some("S256"), "the `code_challenge_method` is not `S256`")?;
    for name in ["client_secret", "code_verifier", "code", "access_token", "id_token"] {
        require(!asked.contains_key(name), &format!("`{name}` has no place in a URL"))?;
    }
    let (state, nonce) = (&asked["state"], asked.get("nonce"));
    require(state.len() >= UNGUESSABLE, "the `state` can be guessed")?;
    require(state != challenge, "the `state` is the challenge")?;
    require(nonce.is_none_or(|nonce| nonce.len() >= UNGUESSABLE), "the `nonce` can be guessed")?;
    require(nonce.is_none_or(|nonce| nonce != state && nonce != challenge), "the `nonce` is told elsewhere")
}

fn require(holds: bool, fault: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault.to_owned()) }
}
