//! Authenticator apps that share no code with the server, and the calls that they are used in.
//!
//! [`hotp`] is RFC 4226 written anew; [`oathtool`] is a program of others.

use std::io::Write as _;
use std::process::{Command, Stdio};

use auth_core::{Clock as _, SystemClock};
use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::calls::log_in;
use crate::contract::{assert_fields, assert_safe, assert_tokens};
use crate::jwt::text;
use crate::support::{PASSWORD, Response, Server};

/// How long a code is shown, in seconds.
const PERIOD: i64 = 30;

/// An app that was given a secret.
pub(crate) struct App {
    base32: String,
    secret: Vec<u8>,
}

/// An account with a second factor, and the tokens of the session that added it.
pub(crate) struct Protected {
    pub(crate) email: String,
    pub(crate) tokens: Value,
    pub(crate) app: App,
    /// The code that confirmed the app.
    pub(crate) used_code: String,
    pub(crate) backup_codes: Vec<String>,
}

/// RFC 4226, sections 5.2 and 5.3.
pub(crate) fn hotp(secret: &[u8], counter: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let mac = hmac::sign(&key, &counter.to_be_bytes());
    let bytes = mac.as_ref();
    let offset = usize::from(bytes[19] % 16);
    let [first, second, third, fourth] = bytes[offset..offset + 4] else { unreachable!("four bytes") };
    let number = u32::from_be_bytes([first % 128, second, third, fourth]);
    format!("{:06}", number % 1_000_000)
}

/// RFC 4648, section 6, without padding.
pub(crate) fn decode_base32(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for character in text.chars() {
        let digit = match character {
            'A'..='Z' => u32::from(character) - u32::from('A'),
            '2'..='7' => u32::from(character) - u32::from('2') + 26,
            other => panic!("{other:?} is no digit of base 32"),
        };
        (bits, count) = (bits << 5 | digit, count + 5);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}

/// The code that `oathtool` shows for a secret in base 32 at a time in seconds since 1970; none where it isn't installed.
pub(crate) fn oathtool(base32: &str, seconds: i64) -> Option<String> {
    let mut command = Command::new("oathtool");
    command.args(["--totp=SHA1", "--digits=6", "--time-step-size=30s", "--base32", &format!("--now=@{seconds}"), "-"]);
    match command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
        Ok(mut process) => {
            writeln!(process.stdin.take().unwrap(), "{base32}").unwrap();
            let output = process.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            Some(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
        }
        Err(error) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
            panic!("oathtool has to be there in CI: {error}")
        }
        Err(_) => {
            // Straight to standard error, and once: what a passing test prints by macro is not shown.
            static ONCE: std::sync::Once = std::sync::Once::new();
            ONCE.call_once(|| {
                let _ = std::io::stderr().write_all(b"LEFT OUT: oathtool is not installed\n");
            });
            None
        }
    }
}

/// The time, in seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemClock.now().as_seconds()
}

impl App {
    /// Takes over what `POST /users/me/mfa/totp` answered.
    pub(crate) fn with(enrolment: &Value) -> Self {
        let base32 = text(&enrolment["secret"]).to_owned();
        Self { secret: decode_base32(&base32), base32 }
    }

    pub(crate) fn base32(&self) -> &str {
        &self.base32
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The code of a time, in seconds since 1970.
    pub(crate) fn code_at(&self, seconds: i64) -> String {
        hotp(&self.secret, u64::try_from(seconds / PERIOD).unwrap())
    }

    /// The code that it shows now.
    pub(crate) fn code(&self) -> String {
        self.code_at(now())
    }

    /// Codes that it doesn't show near this time.
    pub(crate) fn wrong_codes(&self) -> impl Iterator<Item = String> {
        let time = now();
        let near: Vec<String> = (-10..=10).map(|steps| self.code_at(time + steps * PERIOD)).collect();
        (0..1_000_000).map(|number| format!("{number:06}")).filter(move |code| !near.contains(code))
    }

    pub(crate) fn wrong(&self) -> String {
        self.wrong_codes().next().unwrap()
    }
}

/// As if the last code had been used long ago: the code of this moment is a fresh one.
pub(crate) fn long_after(server: &Server) {
    server.database.execute("UPDATE totp_credentials SET last_step = 0 WHERE confirmed_at IS NOT NULL");
}

/// A code that was not used yet, as the user would see it after a while.
pub(crate) fn fresh_code(server: &Server, app: &App) -> String {
    long_after(server);
    app.code()
}

/// Shows the app the secret for the account of `tokens`.
pub(crate) fn begin(server: &Server, tokens: &Value) -> App {
    let answer = server.as_user(tokens).send("POST", "/users/me/mfa/totp", None);
    assert_eq!(answer.status, 200, "{answer:?}");
    App::with(&answer.json())
}

pub(crate) fn confirm(server: &Server, tokens: &Value, code: &str) -> Response {
    server.as_user(tokens).post("/users/me/mfa/totp/confirm", &json!({ "code": code }))
}

/// The ten codes in an answer that nobody keeps.
#[track_caller]
pub(crate) fn assert_backup_codes(answer: &Response) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_safe(answer);
    let body = answer.json();
    assert_fields(&body, &["backup_codes"]);
    let codes: Vec<String> =
        body["backup_codes"].as_array().unwrap().iter().map(|code| text(code).to_owned()).collect();
    let distinct: std::collections::BTreeSet<&String> = codes.iter().collect();
    assert_eq!((codes.len(), distinct.len()), (10, 10), "{body}");
    codes
}

/// A new account with a second factor; the code of this moment is used up.
pub(crate) fn protected(server: &Server, email: &str) -> Protected {
    let tokens = server.register(email);
    let app = begin(server, &tokens);
    let used_code = app.code();
    let backup_codes = assert_backup_codes(&confirm(server, &tokens, &used_code));
    Protected { email: email.to_owned(), tokens, app, used_code, backup_codes }
}

/// A challenge for the second factor, in an answer that nobody keeps: its token.
#[track_caller]
pub(crate) fn assert_asked(answer: &Response, methods: &[&str]) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_safe(answer);
    let step = answer.json();
    assert_fields(&step, &["status", "challenge"]);
    assert_fields(&step["challenge"], &["token", "kind", "methods", "expires_in"]);
    let expected = json!({ "token": step["challenge"]["token"], "kind": "mfa", "methods": methods, "expires_in": 300 });
    assert_eq!((&step["status"], &step["challenge"]), (&json!("challenge"), &expected));
    let token = text(&step["challenge"]["token"]);
    assert!(token.starts_with("ot_") && token.len() == 46, "{step}");
    token.to_owned()
}

pub(crate) const EITHER: &[&str] = &["totp", "backup_code"];

/// The right password: the token of the challenge that follows.
#[track_caller]
pub(crate) fn ask(server: &Server, email: &str) -> String {
    assert_asked(&log_in(server, email, PASSWORD), EITHER)
}

pub(crate) fn answer(server: &Server, challenge: &str, method: &str, code: &str) -> Response {
    server.client.post("/auth/challenge", &json!({ "token": challenge, "method": method, "code": code }))
}

/// Signs in with the password and a code of the app that was not used yet.
#[track_caller]
pub(crate) fn sign_in(server: &Server, user: &Protected) -> Value {
    let challenge = ask(server, &user.email);
    assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &user.app)), 200)
}
