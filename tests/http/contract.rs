//! The shapes of the HTTP contract, field by field.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Response;

const USER: [&str; 16] = [
    "id",
    "email",
    "email_verified",
    "username",
    "display_name",
    "avatar_url",
    "role",
    "is_active",
    "is_premium",
    "premium_until",
    "password_must_change",
    "mfa_enabled",
    "has_password",
    "created_at",
    "updated_at",
    "last_login_at",
];
const TOKENS: [&str; 6] = ["status", "access_token", "refresh_token", "token_type", "expires_in", "user"];
const SESSION: [&str; 9] =
    ["id", "current", "created_at", "last_used_at", "expires_at", "ip", "user_agent", "device", "auth_methods"];
const PROBLEM: [&str; 7] = ["type", "title", "status", "detail", "error_code", "timestamp", "request_id"];

/// The object has these fields and no other.
#[track_caller]
pub(crate) fn assert_fields(object: &Value, fields: &[&str]) {
    let there: BTreeSet<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(there, fields.iter().copied().collect(), "{object}");
}

/// A `User`.
#[track_caller]
pub(crate) fn assert_user(user: &Value) {
    assert_fields(user, &USER);
    assert_id(&user["id"]);
    for time in ["created_at", "updated_at"] {
        assert_time(&user[time]);
    }
    for flag in ["email_verified", "is_active", "is_premium", "password_must_change", "mfa_enabled", "has_password"] {
        assert!(user[flag].is_boolean(), "{flag}: {user}");
    }
}

/// `Tokens`, in an answer that nobody keeps.
#[track_caller]
pub(crate) fn assert_tokens(answer: &Response, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_safe(answer);
    let tokens = answer.json();
    let device_token = tokens.get("device_token");
    let is_device_token = |token: &str| token.starts_with("ot_") && token.len() == 46;
    assert!(device_token.is_none_or(|token| token.as_str().is_some_and(is_device_token)), "{tokens}");
    let mut fields = TOKENS.to_vec();
    fields.extend(device_token.map(|_| "device_token"));
    assert_fields(&tokens, &fields);
    assert_user(&tokens["user"]);
    assert_eq!((&tokens["status"], &tokens["token_type"]), (&"authenticated".into(), &"Bearer".into()));
    assert!(tokens["expires_in"].as_u64().is_some_and(|seconds| seconds > 0), "{tokens}");
    assert!(tokens["refresh_token"].as_str().is_some_and(|token| token.starts_with("rt_")), "{tokens}");
    assert_eq!(tokens["access_token"].as_str().map(|token| token.split('.').count()), Some(3), "{tokens}");
    tokens
}

/// A `Challenge` of this kind, in an answer that nobody keeps: its token.
#[track_caller]
pub(crate) fn assert_challenge(answer: &Response, kind: &str) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_safe(answer);
    let step = answer.json();
    assert_fields(&step, &["status", "challenge"]);
    let challenge = &step["challenge"];
    assert_fields(challenge, &["token", "kind", "methods", "expires_in"]);
    let methods: &[&str] = match kind {
        "change_password" => &["new_password"],
        "verify_email" => &["email_link"],
        _ => panic!("no kind of ours: {kind}"),
    };
    assert_eq!((&step["status"], &challenge["kind"]), (&"challenge".into(), &kind.into()));
    assert_eq!((&challenge["methods"], &challenge["expires_in"]), (&methods.into(), &300.into()));
    let token = challenge["token"].as_str().expect("a token");
    assert!(token.starts_with("ot_") && token.len() == 46, "{step}");
    token.to_owned()
}

/// 204, and nothing else.
#[track_caller]
pub(crate) fn assert_done(answer: &Response) {
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");
    assert_safe(answer);
}

/// 202 with this status and nothing else, byte by byte.
#[track_caller]
pub(crate) fn assert_accepted(answer: &Response, status: &str) {
    assert_eq!((answer.status, answer.text()), (202, format!(r#"{{"status":"{status}"}}"#)), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_safe(answer);
}

/// A `Session`.
#[track_caller]
pub(crate) fn assert_session(session: &Value) {
    assert_fields(session, &SESSION);
    assert_id(&session["id"]);
    for time in ["created_at", "last_used_at", "expires_at"] {
        assert_time(&session[time]);
    }
    assert!(session["current"].is_boolean() && session["auth_methods"].is_array(), "{session}");
}

/// REQ-54: a `Problem` with this code, that tells nothing more and that nobody keeps.
#[track_caller]
pub(crate) fn assert_problem(answer: &Response, status: u16, code: &str) {
    assert_eq!((answer.status, answer.error_code().as_str()), (status, code), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    assert_safe(answer);
    let problem = answer.json();
    let mut fields = PROBLEM.to_vec();
    fields.extend((status == 422).then_some("errors"));
    assert_fields(&problem, &fields);
    assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &status.into()));
    assert!(["title", "detail"].iter().all(|text| problem[text].as_str().is_some_and(|text| !text.is_empty())));
    assert_time(&problem["timestamp"]);
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"));
    assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("Bearer"), "{answer:?}");
    assert_eq!(answer.header("retry-after").is_some(), [429, 503].contains(&status), "{answer:?}");
    assert_eq!(answer.header("allow").is_some(), status == 405, "{answer:?}");
}

/// A 422 that refuses exactly these fields, each with its code.
#[track_caller]
pub(crate) fn assert_refused_fields(answer: &Response, expected: &[(&str, &str)]) {
    assert_problem(answer, 422, "validation_failed");
    let problem = answer.json();
    let errors = problem["errors"].as_array().expect("a list of errors");
    for error in errors {
        assert_fields(error, &["field", "code", "message"]);
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    }
    let refused: Vec<_> = errors.iter().map(|error| (error["field"].as_str(), error["code"].as_str())).collect();
    let expected: Vec<_> = expected.iter().map(|(field, code)| (Some(*field), Some(*code))).collect();
    assert_eq!(refused, expected, "{problem}");
}

/// W-14, W-15, W-24, T-25: the headers of every answer that isn't made to be kept.
#[track_caller]
pub(crate) fn assert_safe(answer: &Response) {
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert_hardened(answer);
}

/// W-14, W-24, T-25: the headers of every answer.
#[track_caller]
pub(crate) fn assert_hardened(answer: &Response) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{answer:?}");
    let id = answer.header("x-request-id").unwrap_or_default();
    assert!((1..=128).contains(&id.len()), "{answer:?}");
    for name in ["server", "x-powered-by", "via", "content-encoding"] {
        assert_eq!(answer.header(name), None, "{answer:?}");
    }
    if let Some(cookie) = answer.header("set-cookie") {
        assert_flow_cookie(cookie);
    }
}

/// The one kind of cookie there is: of a flow with another provider, given at its start and taken back at its end.
#[track_caller]
fn assert_flow_cookie(cookie: &str) {
    let mut parts = cookie.split("; ");
    let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a name and a value");
    let (is_host_s, id) = match name.strip_prefix("__Host-") {
        Some(name) => (true, name.strip_prefix("gatehouse-oauth-")),
        None => (false, name.strip_prefix("gatehouse-oauth-")),
    };
    let is_base64url = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    assert!(id.is_some_and(|id| id.len() == 16 && is_base64url(id)), "{cookie}");
    let is_taken_back = value.is_empty();
    assert!(is_taken_back || (value.starts_with("ot_") && value.len() == 46 && is_base64url(value)), "{cookie}");
    let mut attributes = vec!["HttpOnly", "Path=/", "SameSite=Lax"];
    attributes.push(if is_taken_back { "Max-Age=0" } else { "Max-Age=600" });
    attributes.extend(is_host_s.then_some("Secure"));
    assert_eq!(parts.collect::<BTreeSet<_>>(), attributes.into_iter().collect(), "{cookie}");
}

/// The answer but for what differs between any two: its id and its time, which is written without zeros at its end.
#[track_caller]
pub(crate) fn without_id_and_time(answer: &Response) -> String {
    let mut body = answer.json();
    for field in ["request_id", "timestamp"] {
        assert!(body[field].is_string(), "{body}");
        body[field] = Value::Null;
    }
    let headers =
        answer.headers.iter().filter(|(name, _)| !["x-request-id", "date", "content-length"].contains(&name.as_str()));
    format!("{} {:?} {body}", answer.status, headers.collect::<Vec<_>>())
}

/// The answer byte by byte but for the id and the date in its head: for those that have neither in their body.
pub(crate) fn bytes(answer: &Response) -> String {
    let headers = answer.headers.iter().filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()));
    format!("{} {:?} {}", answer.status, headers.collect::<Vec<_>>(), answer.text())
}

/// A UUID of version 7 as RFC 9562 writes it.
#[track_caller]
pub(crate) fn assert_id(id: &Value) {
    let id = id.as_str().expect("an id");
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
    assert!(id.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
    assert_eq!(id.as_bytes()[14], b'7', "{id}");
}

/// A time of RFC 3339 in UTC.
#[track_caller]
pub(crate) fn assert_time(time: &Value) {
    let text = time.as_str().expect("a time");
    assert!(text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(), "{text}");
}
