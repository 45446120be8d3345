//! The user and their addresses, for the bearer of an access token (RFC 6750, section 2.1).

use crate::discovery::changed;
use crate::grants::{Grant, Grants};
use crate::http::{Reply, Request};
use crate::settings::Settings;

pub(crate) fn user(settings: &Settings, grants: &Grants, request: &Request) -> Reply {
    match bearer(grants, request) {
        Ok(grant) => changed(grant.user.clone(), settings.userinfo.as_ref()),
        Err(refusal) => refusal,
    }
}

pub(crate) fn emails(grants: &Grants, request: &Request) -> Reply {
    match bearer(grants, request) {
        Ok(grant) => Reply::json(200, &grant.emails),
        Err(refusal) => refusal,
    }
}

fn bearer<'a>(grants: &'a Grants, request: &Request) -> Result<&'a Grant, Reply> {
    if request.method != "GET" {
        return Err(Reply::text(405, "it is no GET"));
    }
    // As GitHub does.
    if request.header("user-agent").is_none_or(str::is_empty) {
        return Err(Reply::text(403, "there is no User-Agent"));
    }
    let token = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
    token.and_then(|token| grants.by_access_token(token)).ok_or_else(|| {
        Reply::text(401, "the access token is unknown").with("WWW-Authenticate", "Bearer error=\"invalid_token\"")
    })
}
