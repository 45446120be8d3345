//! The token endpoint (RFC 6749, sections 4.1.3 and 5; RFC 7636, section 4.5).

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::grants::{Grant, Grants};
use crate::http::{Reply, Request, base64url};
use crate::id_token;
use crate::settings::{Settings, change};

/// An error code of RFC 6749, section 5.2, and what is wrong.
type Fault = (&'static str, &'static str);

pub(crate) fn exchange(settings: &Settings, grants: &mut Grants, request: &Request) -> Reply {
    match answer(settings, grants, request) {
        Ok((answer, is_openid)) => {
            // GitHub answers with a form unless JSON is asked for.
            let wants_json = request.header("accept").is_some_and(|accept| accept.contains("application/json"));
            let reply = if is_openid || wants_json { Reply::json(200, &Value::Object(answer)) } else { form(&answer) };
            reply.with("Cache-Control", "no-store")
        }
        Err((error, description)) => {
            let status = if error == "invalid_client" { 401 } else { 400 };
            let reply = Reply::json(status, &json!({ "error": error, "error_description": description }));
            if status == 401 { reply.with("WWW-Authenticate", "Basic realm=\"provider\"") } else { reply }
        }
    }
}

fn form(answer: &Map<String, Value>) -> Reply {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = answer.iter().map(|(name, value)| (name, text(value)));
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    Reply::new(200, "application/x-www-form-urlencoded; charset=utf-8", body)
}

fn answer(settings: &Settings, grants: &mut Grants, request: &Request) -> Result<(Map<String, Value>, bool), Fault> {
    let fields = fields(request)?;
    check_client(settings, request, &fields)?;
    require(fields.get("grant_type").map(String::as_str) == Some("authorization_code"), "unsupported_grant_type", "")?;
    let code = fields.get("code").ok_or(("invalid_request", "there is no code"))?;
    let grant = grants.unused(code).ok_or(("invalid_grant", "the code is unknown or used"))?;
    check_binding(settings, &grant, &fields)?;
    let access_token = grants.redeem(code, &grant);
    let refresh_token = grants.secret("refresh");
    let mut answer = Map::new();
    let mut set = |name: &str, value: Value| answer.insert(name.to_owned(), value);
    set("access_token", json!(access_token));
    set("token_type", json!("Bearer"));
    set("expires_in", json!(3600));
    set("refresh_token", json!(refresh_token));
    set("scope", json!(grant.scope));
    if grant.is_openid() {
        let id_token = id_token::issue(settings, &grant, &access_token);
        grants.keep_secret(&id_token);
        set("id_token", json!(id_token));
    }
    change(settings.token_answer.as_ref(), &mut answer);
    Ok((answer, grant.is_openid()))
}

/// The fields of a request that is one.
fn fields(request: &Request) -> Result<BTreeMap<String, String>, Fault> {
    require(request.method == "POST", "invalid_request", "it is no POST")?;
    require(!request.target.contains('?'), "invalid_request", "there are parameters in the URL")?;
    require(request.has_form(), "invalid_request", "there is no form")?;
    let mut fields = BTreeMap::new();
    for (name, value) in request.form() {
        require(fields.insert(name, value).is_none(), "invalid_request", "a parameter is repeated")?;
    }
    Ok(fields)
}

/// One way to authenticate, and only one (RFC 6749, sections 2.3 and 3.2.1).
fn check_client(settings: &Settings, request: &Request, fields: &BTreeMap<String, String>) -> Result<(), Fault> {
    let basic = request.header("authorization").map(basic);
    require(basic.is_none() || !fields.contains_key("client_secret"), "invalid_request", "two ways to authenticate")?;
    let (id, secret) = match basic {
        Some(credentials) => {
            let (id, secret) = credentials.ok_or(("invalid_client", "the credentials can't be read"))?;
            require(fields.get("client_id").is_none_or(|other| *other == id), "invalid_request", "two clients")?;
            (Some(id), Some(secret))
        }
        None => (fields.get("client_id").cloned(), fields.get("client_secret").cloned()),
    };
    require(id.as_ref() == Some(&settings.client_id), "invalid_client", "the client is unknown")?;
    require(secret == settings.client_secret, "invalid_client", "the secret is another")
}

/// Id and secret, each encoded as in a form first (RFC 6749, section 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let plain = |text: &str| {
        let mut pairs = url::form_urlencoded::parse(text.as_bytes());
        pairs.next().map_or_else(String::new, |(name, _)| name.into_owned())
    };
    Some((plain(id), plain(secret)))
}

/// That the code comes from the one that it was given to.
fn check_binding(settings: &Settings, grant: &Grant, fields: &BTreeMap<String, String>) -> Result<(), Fault> {
    require(grant.client_id == settings.client_id, "invalid_grant", "the code is another client's")?;
    require(fields.get("redirect_uri") == Some(&grant.redirect_uri), "invalid_grant", "the redirect_uri is another")?;
    if settings.ignores_pkce {
        return Ok(());
    }
    let verifier = fields.get("code_verifier").ok_or(("invalid_grant", "there is no code_verifier"))?;
    let is_unreserved = verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    require((43..=128).contains(&verifier.len()) && is_unreserved, "invalid_grant", "the code_verifier is none")?;
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    require(base64url(hash.as_ref()) == grant.challenge, "invalid_grant", "the code_verifier is another")
}

fn require(holds: bool, error: &'static str, description: &'static str) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err((error, description)) }
}
