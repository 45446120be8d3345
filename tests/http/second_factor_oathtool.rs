//! Issue part 7: real authenticators' conventions. Codes of two implementations that are not the server's are accepted:
//! Debian's `oathtool`, and RFC 4226 written anew in the tests, which the RFC's own values are held against first.

use serde_json::{Value, json};

use crate::calls::log_in;
use crate::contract::{assert_done, assert_problem, assert_tokens};
use crate::jwt::{Jwt, text};
use crate::second_factor_app::{
    App, EITHER, answer, assert_asked, assert_backup_codes, confirm, decode_base32, hotp, long_after, now, oathtool,
};
use crate::support::{PASSWORD, Server, on_every_database};

/// A file of `tests/vectors/rfc`.
fn vectors(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(crate::vectors::folder("rfc").join(name)).unwrap()).unwrap()
}

/// RFC 4226, appendix D; RFC 6238, appendix B, cut to six digits; the window of the tests' own.
#[test]
fn the_independent_apps_show_the_codes_of_the_rfcs() {
    let file = vectors("rfc4226_hotp.json");
    let secret = decode_base32(text(&file["secret_base32"]));
    assert_eq!(secret, text(&file["secret_ascii"]).as_bytes());
    let of_rfc_4226 = file["vectors"].as_array().unwrap();
    assert!(of_rfc_4226.len() >= 10);
    for vector in of_rfc_4226 {
        assert_eq!(hotp(&secret, vector["counter"].as_u64().unwrap()), text(&vector["code"]));
    }
    let (file, window) = (vectors("rfc6238_totp.json"), vectors("totp_window_own.json"));
    let of_rfc_6238 = file["vectors"].as_array().unwrap().iter().filter(|vector| vector["algorithm"] == "SHA1");
    let of_rfc_6238 = of_rfc_6238
        .map(|vector| (text(&vector["secret_base32"]), vector["time"].as_i64().unwrap(), text(&vector["code6"])));
    let of_window = window["vectors"].as_array().unwrap().iter().map(|vector| {
        let time = vector["server_time"].as_i64().unwrap() + 30 * vector["step_offset"].as_i64().unwrap();
        (text(&window["secret_base32"]), time, text(&vector["code"]))
    });
    let all: Vec<_> = of_rfc_6238.chain(of_window).collect();
    assert_eq!(all.len(), 6 + 7);
    for (base32, time, code) in all {
        assert_eq!(hotp(&decode_base32(base32), u64::try_from(time / 30).unwrap()), code, "{time}");
        assert_eq!(oathtool(base32, time).as_deref().unwrap_or(code), code, "{time}");
    }
}

/// What an app reads out of the URI.
fn from_uri(uri: &str) -> (String, String) {
    let (label, query) = uri.strip_prefix("otpauth://totp/").unwrap().split_once('?').unwrap();
    let parameter = |name: &str| {
        let mut found = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
        let value = found.next().unwrap_or_else(|| panic!("no {name} in {uri}")).1.to_owned();
        assert!(found.next().is_none(), "{name} twice in {uri}");
        value
    };
    let (issuer, account) = label.split_once(':').unwrap();
    assert_eq!(parameter("issuer"), issuer, "apps compare the two");
    assert_eq!([parameter("algorithm"), parameter("digits"), parameter("period")], ["SHA1", "6", "30"]);
    (parameter("secret"), account.replace("%40", "@"))
}

on_every_database! {
    /// From the registration to a new sign-in after the factor was taken off, with one program's codes alone.
    fn a_user_of_oathtool_gets_through(server: &Server) {
        let tokens = server.register("ada@example.org");
        let me = server.as_user(&tokens);
        let enrolment = me.send("POST", "/users/me/mfa/totp", None).json();
        let (secret, account) = from_uri(text(&enrolment["otpauth_uri"]));
        assert_eq!((secret.as_str(), account.as_str()), (text(&enrolment["secret"]), "ada@example.org"));
        let app = App::with(&enrolment);
        // Where the program is missing, the one that is written in the tests stands in for it, and it is told.
        let show = |time: i64| oathtool(&secret, time).unwrap_or_else(|| app.code_at(time));
        for time in (-5..=5).map(|steps| now() + 30 * steps) {
            assert_eq!(show(time), app.code_at(time), "both agree");
        }
        let near: Vec<String> = (-5..=5).map(|steps| show(now() + 30 * steps)).collect();
        // But for one in many thousands that is shown now by chance, too.
        let far: Vec<String> = [-600, 600].map(|ago| show(now() + ago)).into_iter().filter(|code| !near.contains(code)).collect();
        for code in &far {
            assert_problem(&confirm(server, &tokens, code), 401, "invalid_code");
        }
        let backup_codes = assert_backup_codes(&confirm(server, &tokens, &show(now())));

        let ask = || assert_asked(&log_in(server, "ada@example.org", PASSWORD), EITHER);
        let used = show(now());
        long_after(server);
        let opened = assert_tokens(&answer(server, &ask(), "totp", &show(now())), 200);
        assert_eq!(Jwt::of(&opened).claims["amr"], json!(["pwd", "otp", "mfa"]));
        let challenge = ask();
        assert_problem(&answer(server, &challenge, "totp", &used), 401, "invalid_code");
        // The next code is good a step before its time: clocks differ.
        assert_tokens(&answer(server, &challenge, "totp", &show(now() + 30)), 200);
        for code in &far {
            assert_problem(&answer(server, &ask(), "totp", code), 401, "invalid_code");
        }
        assert_tokens(&answer(server, &ask(), "backup_code", &backup_codes[0]), 200);

        long_after(server);
        assert_done(&server.as_user(&opened).post("/auth/reauth", &json!({ "code": show(now()) })));
        long_after(server);
        let off = server.as_user(&opened).post("/users/me/mfa/totp/disable", &json!({ "code": show(now()) }));
        assert_done(&off);
        assert_problem(&me.get("/users/me"), 401, "session_revoked");
        assert_tokens(&log_in(server, "ada@example.org", PASSWORD), 200);
    }
}
