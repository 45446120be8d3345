//! Section 2.D of the security reference over HTTP: challenges where they don't belong, texts that are no codes,
//! guessers, and what must not be found in the log and in the database.

use serde_json::{Value, json};

use crate::audit;
use crate::contract::{assert_problem, assert_tokens, without_id_and_time};
use crate::jwt::text;
use crate::mails::{a_minute_later, link, subjects_to};
use crate::second_factor_app::{Protected, answer, ask, fresh_code, protected, sign_in};
use crate::support::{Client, PASSWORD, Response, Server, on_every_database};

const LOCKED: &str = "The codes for Gatehouse were switched off";
const WRONG_CODES: &str = "Wrong codes for your account at Gatehouse";
const NO_BACKUP_CODE: &str = "0000-0000-00000";

/// The calls that take a code of a signed-in user.
const CALLS: [(&str, &str); 5] = [
    ("POST", "/auth/reauth"),
    ("POST", "/users/me/mfa/totp/disable"),
    ("POST", "/users/me/mfa/backup-codes"),
    ("POST", "/users/me/email"),
    ("DELETE", "/users/me"),
];

fn with_code(client: &Client, (method, path): (&str, &str), code: &Value) -> Response {
    let mut body = json!({ "code": code });
    if path == "/users/me/email" {
        body["new_email"] = json!("new@example.org");
    }
    client.request(method, path, Some(&body))
}

fn failures(server: &Server, user: &Protected) -> i64 {
    audit::count(&server.database, "mfa.failed", text(&user.tokens["user"]["id"]))
}

/// How many mails with this subject came.
fn mails(server: &Server, subject: &str) -> usize {
    subjects_to(server, "ada@example.org").iter().filter(|found| *found == subject).count()
}

/// Texts of M-09 that are no code of an app, and no backup code.
fn no_codes(right: &str) -> Vec<String> {
    let file = std::fs::read(crate::vectors::folder("rfc").join("totp_window_own.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let mut texts: Vec<String> =
        file["malformed_codes"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    let (first, last) = right.split_at(3);
    let wide: String = right.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0xff10).unwrap()).collect();
    texts.extend([
        format!(" {right}"),
        format!("{right}\n"),
        format!("{first} {last}"),
        format!("{first}-{last}"),
        format!("+{right}"),
        format!("0{right}"),
        right[1..].to_owned(),
        format!("{right}.0"),
        format!("0x{right}"),
        wide,
        "9".repeat(60_000),
    ]);
    texts
}

on_every_database! {
    /// M-08: half a sign-in opens nothing, changes nothing and ends nothing.
    fn a_challenge_token_is_good_at_the_challenge_alone(server: &Server) {
        let ada = protected(server, "ada@example.org");
        a_minute_later(server);
        server.client.post("/auth/email/resend", &json!({ "email": "ada@example.org" }));
        let mailed = link(server, "verify-email", "ada@example.org");
        let challenge = ask(server, "ada@example.org");
        let bearer = server.client.bearer(&challenge);
        for (method, path) in [
            ("GET", "/users/me"), ("PATCH", "/users/me"), ("DELETE", "/users/me"), ("GET", "/users/me/export"),
            ("GET", "/users/me/sessions"), ("DELETE", "/users/me/sessions"), ("GET", "/auth/verify"),
            ("POST", "/auth/logout"), ("POST", "/auth/logout-all"), ("GET", "/users/me/mfa"), ("POST", "/users/me/mfa/totp"),
        ] {
            assert_problem(&bearer.send(method, path, None), 401, "token_invalid");
        }
        let proof = json!({ "password": PASSWORD });
        for (method, path, body) in [
            ("POST", "/users/me/mfa/totp/confirm", json!({ "code": ada.app.code() })),
            ("POST", "/users/me/mfa/totp/disable", proof.clone()),
            ("POST", "/users/me/mfa/backup-codes", proof.clone()),
            ("POST", "/auth/reauth", proof.clone()),
            ("POST", "/auth/password/change", json!({ "current_password": PASSWORD, "new_password": "nine bronze gates of Troy" })),
            ("POST", "/users/me/email", json!({ "new_email": "new@example.org", "password": PASSWORD })),
            ("DELETE", "/users/me", proof),
            ("POST", "/auth/email/verify", json!({ "token": mailed })),
        ] {
            assert_problem(&bearer.request(method, path, Some(&body)), 401, "token_invalid");
        }
        let post = |path: &str, body: &Value| server.client.post(path, body);
        assert_problem(&post("/auth/refresh", &json!({ "refresh_token": challenge })), 401, "refresh_token_invalid");
        assert_eq!(post("/auth/logout", &json!({ "refresh_token": challenge })).status, 204, "as for any text");
        for path in ["/auth/secure-account", "/auth/email/verify", "/auth/email/change/confirm", "/auth/email/change/undo"] {
            assert_problem(&post(path, &json!({ "token": challenge })), 400, "token_invalid_or_expired");
        }
        let reset = json!({ "token": challenge, "new_password": "nine bronze gates of Troy" });
        assert_problem(&post("/auth/password/reset", &reset), 400, "token_invalid_or_expired");
        let verify = json!({ "token": mailed, "challenge_token": challenge });
        assert_problem(&post("/auth/email/verify", &verify), 401, "proof_required");
        assert_eq!(server.as_user(&ada.tokens).get("/users/me/mfa").json()["totp"], json!(true));
        assert_eq!(server.database.count("sessions WHERE revoked_at IS NULL"), 1);
        assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &ada.app)), 200);
    }

    /// M-09: one text is one try, and what is no text is none.
    fn what_is_no_code_is_refused_everywhere(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let me = server.as_user(&ada.tokens);
        let right = fresh_code(server, &ada.app);
        let mut tries = 0;
        for (number, no_code) in no_codes(&right).iter().enumerate() {
            let method = if number % 2 == 0 { "totp" } else { "backup_code" };
            assert_problem(&answer(server, &ask(server, "ada@example.org"), method, no_code), 401, "invalid_code");
            assert_problem(&with_code(&me, CALLS[number % 5], &json!(no_code)), 401, "invalid_code");
            tries += 2;
        }
        assert_eq!(failures(server, &ada), tries);
        let challenge = ask(server, "ada@example.org");
        let many: Vec<String> = ada.app.wrong_codes().take(99).chain([right.clone()]).collect();
        let number: u32 = right.parse().unwrap();
        for value in [json!(number), json!(f64::from(number)), json!(many), json!([right]), json!({ "0": right }), json!(true)] {
            for method in ["totp", "backup_code"] {
                let body = json!({ "token": challenge, "method": method, "code": value });
                assert_problem(&server.client.post("/auth/challenge", &body), 400, "malformed_request");
            }
            for call in CALLS {
                assert_problem(&with_code(&me, call, &value), 400, "malformed_request");
            }
        }
        let several = json!({ "token": challenge, "method": "totp", "code": many.join(",") });
        assert_problem(&server.client.post("/auth/challenge", &several), 401, "invalid_code");
        assert_eq!(failures(server, &ada), tries + 1, "an array is never tried one by one");
        assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &ada.app)), 200);
    }

    /// M-05, M-06, and the figure of the issue: every rule is followed, and after a hundred tries right codes get the
    /// answer of wrong ones, byte by byte.
    fn a_guesser_reaches_a_hundred_tries_from_any_address(server: &Server) {
        let ada = protected(server, "ada@example.org");
        a_minute_later(server);
        let wrong: Vec<String> = ada.app.wrong_codes().take(100).collect();
        let mut first = None;
        for (round, codes) in wrong.chunks(5).enumerate() {
            let guesser = server
                .client
                .header("X-Forwarded-For", format!("198.51.100.{round}"))
                .header("Forwarded", format!("for=\"[2001:db8:{round}::1]\""))
                .header("User-Agent", format!("browser {round}"));
            let step = guesser.post("/auth/login", &json!({ "identifier": "ada@example.org", "password": PASSWORD })).json();
            for (number, code) in codes.iter().enumerate() {
                let backup = format!("{round:04}-{number:04}-00000");
                let (method, code) = if number % 2 == 0 { ("totp", code) } else { ("backup_code", &backup) };
                let body = json!({ "token": step["challenge"]["token"], "method": method, "code": code });
                let refused = guesser.post("/auth/challenge", &body);
                assert_problem(&refused, 401, "invalid_code");
                first.get_or_insert(refused);
            }
        }
        let first = without_id_and_time(&first.unwrap());
        assert_eq!((failures(server, &ada), mails(server, LOCKED)), (100, 1));
        let me = server.as_user(&ada.tokens);
        for (number, call) in CALLS.into_iter().enumerate() {
            for (method, code) in [("totp", fresh_code(server, &ada.app)), ("backup_code", ada.backup_codes[number].clone())] {
                let refused = answer(server, &ask(server, "ada@example.org"), method, &code);
                assert_problem(&refused, 401, "invalid_code");
                assert_eq!(without_id_and_time(&refused), first);
                assert_problem(&with_code(&me, call, &json!(code)), 401, "invalid_code");
            }
        }
        assert_eq!((mails(server, LOCKED), server.database.count("sessions")), (1, 1));
        assert_eq!(me.get("/users/me").status, 200, "who is signed in stays");
        assert_eq!(me.get("/users/me/mfa").json(), json!({ "totp": true, "backup_codes_left": 10 }));
        assert_eq!(server.database.count("authenticator_failures WHERE authenticator = 'password'"), 0);
        let off = me.post("/users/me/mfa/totp/disable", &json!({ "password": PASSWORD }));
        assert_eq!(off.status, 204, "and, with the password, takes it off");
    }

    /// M-18, ASVS 6.3.5
    fn wrong_codes_after_the_right_password_are_told_once(server: &Server) {
        let ada = protected(server, "ada@example.org");
        for _ in 0..4 {
            for _ in 0..5 {
                assert_problem(&answer(server, &ask(server, "ada@example.org"), "backup_code", NO_BACKUP_CODE), 401, "invalid_code");
            }
            assert_eq!(mails(server, WRONG_CODES), 1);
        }
        sign_in(server, &ada);
        assert_eq!((mails(server, WRONG_CODES), mails(server, LOCKED)), (1, 0));
    }

    /// L-16, M-06: the calls of who is signed in count in the same row.
    fn every_call_counts_in_one_row(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let me = server.as_user(&ada.tokens);
        for call in CALLS {
            for code in [ada.app.wrong(), NO_BACKUP_CODE.to_owned()] {
                assert_problem(&with_code(&me, call, &json!(code)), 401, "invalid_code");
            }
        }
        assert_problem(&answer(server, &ask(server, "ada@example.org"), "totp", &ada.app.wrong()), 401, "invalid_code");
        assert_eq!(server.database.count("authenticator_failures WHERE authenticator = 'second_factor' AND count = 11"), 1);
        sign_in(server, &ada);
        assert_eq!((server.database.count("authenticator_failures"), failures(server, &ada)), (0, 11));
    }

    /// R-21, M-15, W-17
    fn neither_the_log_nor_the_database_holds_a_secret_or_a_code(server: &Server) {
        let ada = protected(server, "ada@example.org");
        let used = fresh_code(server, &ada.app);
        let challenge = ask(server, "ada@example.org");
        assert_tokens(&answer(server, &challenge, "totp", &used), 200);
        assert_problem(&answer(server, &ask(server, "ada@example.org"), "totp", &used), 401, "invalid_code");
        for _ in 0..2 {
            answer(server, &ask(server, "ada@example.org"), "backup_code", &ada.backup_codes[0]);
        }
        subjects_to(server, "ada@example.org");
        let hex = ada.app.secret().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let bare = ada.backup_codes.iter().map(|code| code.replace('-', ""));
        let codes = ada.backup_codes.iter().cloned().chain(bare);
        let secrets: Vec<String> = codes.chain([ada.app.base32().to_owned(), hex, challenge, "otpauth:".to_owned()]).collect();
        let log = server.log().join("\n");
        let mut dump = server.database.dump();
        for table in ["totp_credentials", "backup_codes"] {
            if server.database.is_postgres() {
                dump.extend(server.database.texts("t::text", &format!("{table} t")).concat().into_bytes());
            }
        }
        let dump = String::from_utf8_lossy(&dump).into_owned();
        for secret in &secrets {
            for (place, found) in [("log", log.contains(secret)), ("database", dump.contains(secret))] {
                assert!(!found, "{secret} is in the {place}");
            }
            let escaped = secret.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            assert!(!dump.contains(&escaped), "{secret} is in the database, in hexadecimal digits");
        }
        assert!(!log.contains(&format!("\"{used}\"")), "the code is in the log");
        let bytes = ada.app.secret();
        assert!(server.database.dump().windows(bytes.len()).all(|window| window != bytes), "the secret's bytes");
    }
}
