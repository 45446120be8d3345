//! Access tokens under attack (section 2.A of the security rows), as far as it needs no key of the server's: the
//! verifier's unit tests have the cases with a good signature.

use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Value, json};

use crate::contract::{assert_problem, assert_tokens};
use crate::jwt::{Jwt, jwk, stranger, text};
use crate::support::{Response, Server, ServerOptions, eventually, on_every_database};

/// A server and the tokens of a user who is signed in there.
fn signed_in() -> (Server, Value) {
    let server = Server::on_sqlite(ServerOptions::default());
    let tokens = server.register("ada@example.org");
    (server, tokens)
}

/// The token opens no route that wants one.
#[track_caller]
fn assert_refused(server: &Server, token: &str) {
    let client = server.client.bearer(token);
    for path in ["/auth/verify", "/users/me"] {
        assert_problem(&client.get(path), 401, "token_invalid");
    }
}

/// T-01, T-03: there is one algorithm for a key, and the token has no say in it.
#[test]
fn the_token_does_not_choose_its_algorithm() {
    let (server, tokens) = signed_in();
    let token = Jwt::of(&tokens);
    assert_eq!(token.header["alg"], "EdDSA");
    let texts =
        ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "ES256", "ES384", "RS256", "PS256", "eddsa", "Ed25519"];
    for algorithm in texts.map(Value::from).into_iter().chain([Value::Null, json!(0), json!(["EdDSA"]), json!({})]) {
        let forged = token.with_header("alg", algorithm.clone());
        let literal = BASE64URL.encode(format!(r#"{{"alg":null,"kid":{},"typ":"at+jwt"}}"#, token.header["kid"]));
        let rest = tokens["access_token"].as_str().unwrap().split_once('.').unwrap().1;
        for text in [forged.unsigned(), forged.with_signature(b""), format!("{literal}.{rest}")] {
            assert_refused(&server, &text);
        }
    }
    assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
}

/// T-02: what everybody can read from the JWK Set is no secret to make a MAC with.
#[test]
fn a_mac_under_the_public_key_is_no_signature() {
    let (server, tokens) = signed_in();
    let published = server.client.get("/.well-known/jwks.json");
    let key = &published.json()["keys"][0];
    let raw = BASE64URL.decode(text(&key["x"])).unwrap();
    let der = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &raw].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode(&der));
    let keys = [
        raw.clone(),
        der,
        pem.clone().into_bytes(),
        (pem + "\n").into_bytes(),
        text(&key["x"]).into(),
        key.to_string().into_bytes(),
        published.body.clone(),
        text(&key["kid"]).into(),
        vec![],
        vec![0; 32],
    ];
    for algorithm in ["HS256", "EdDSA"] {
        let token = Jwt::of(&tokens).with_header("alg", json!(algorithm)).with_claim("role", json!("admin"));
        for key in &keys {
            assert_refused(&server, &token.mac(key));
        }
    }
}

/// T-04: a key is found by its exact name and by nothing that a name could stand for.
#[test]
fn a_key_s_name_is_nothing_but_a_name() {
    let (server, tokens) = signed_in();
    let (token, key) = (Jwt::of(&tokens), stranger());
    let own = text(&token.header["kid"]).to_owned();
    let names = [
        json!("unknown"),
        json!(""),
        json!("../../../../dev/null"),
        json!("/proc/self/environ"),
        json!("x' UNION SELECT 'k' --"),
        json!(";id"),
        json!("\0"),
        json!(format!("{own}\0")),
        json!(format!(" {own}")),
        json!(own.to_uppercase()),
        json!([own]),
        json!({ "kid": own }),
        json!(0),
        json!("k".repeat(2000)),
        Value::Null,
    ];
    for name in names {
        let token = token.with_header("kid", name);
        for text in [token.unsigned(), token.signed(&key), token.mac(b"")] {
            assert_refused(&server, &text);
        }
    }
}

/// T-05: a token brings no key along, and sends the server nowhere.
#[test]
fn a_key_in_the_header_is_not_used_or_fetched() {
    let (server, tokens) = signed_in();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (token, key) = (Jwt::of(&tokens), stranger());
    let url = json!(format!("http://{}/jwks.json", listener.local_addr().unwrap()));
    for kid in [token.header["kid"].clone(), json!("mine")] {
        let token = token.with_header("kid", kid.clone());
        for (name, value) in [
            ("jwk", jwk(&key, &kid)),
            ("jku", url.clone()),
            ("x5u", url.clone()),
            ("x5c", json!(["MAA="])),
            ("x5t", json!("MAA")),
        ] {
            assert_refused(&server, &token.with_header(name, value).signed(&key));
        }
    }
    let visited = listener.accept();
    assert!(
        visited.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
        "the server came to fetch a key"
    );
}

/// T-08, T-09, T-10, T-11, T-15, T-18: whatever is changed or added, a stranger's signature and the old one are none.
#[test]
fn a_changed_token_is_refused_whatever_it_says() {
    let (server, tokens) = signed_in();
    let (token, key) = (Jwt::of(&tokens), stranger());
    let claims = [
        ("exp", json!(9_999_999_999_u64)),
        ("exp", json!("9999999999")),
        ("exp", json!(u64::MAX)),
        ("exp", json!(-1)),
        ("exp", json!(1e308)),
        ("exp", json!([9_999_999_999_u64])),
        ("exp", Value::Null),
        ("nbf", json!(4_000_000_000_u64)),
        ("nbf", json!("0")),
        ("iat", json!(4_000_000_000_u64)),
        ("aud", json!([token.claims["aud"], "https://other.example"])),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("iss", json!("https://evil.example")),
        ("iss", Value::Null),
        ("role", json!("admin")),
        ("sub", json!("01890000-0000-7000-8000-000000000000")),
        ("sid", Value::Null),
        ("jti", Value::Null),
        ("epoch", json!(i64::MAX)),
    ];
    let headers = [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!("b64")),
        ("b64", json!(false)),
        ("typ", json!("JWT")),
        ("typ", Value::Null),
        ("typ", json!("refresh+jwt")),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ];
    let changed = claims.map(|(name, value)| token.with_claim(name, value)).into_iter();
    for token in changed.chain(headers.map(|(name, value)| token.with_header(name, value))) {
        for text in [token.unsigned(), token.signed(&key), token.with_signature(&[0; 64])] {
            assert_refused(&server, &text);
        }
    }
}

/// T-13: a token has one spelling.
#[test]
fn a_token_is_three_segments_of_canonical_base64url() {
    let (server, tokens) = signed_in();
    let token = text(&tokens["access_token"]);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    // 64 bytes leave four unused bits in the last character, which have to be zero.
    let (kept, last) = signature.split_at(signature.len() - 1);
    let unused_bits = char::from(last.as_bytes()[0] + 1);
    let json_form = json!({ "payload": payload, "protected": header, "signature": signature }).to_string();
    for text in [
        signed.to_owned(),
        header.to_owned(),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}.{payload}."),
        format!("{token}=="),
        format!("{header}==.{payload}.{signature}"),
        format!("{header}. {payload}.{signature}"),
        format!("{header}.{payload}.{kept}{unused_bits}"),
        format!("{header}.{payload}.{}", STANDARD.encode(BASE64URL.decode(signature).unwrap())),
        format!("{header}.{payload}.{}+{}", &signature[..10], &signature[11..]),
        json_form,
        "..".to_owned(),
        "a.b.c".to_owned(),
        "null".to_owned(),
        format!("\"{token}\""),
    ] {
        assert_refused(&server, &text);
    }
    for at in [3, header.len() + 20, signed.len() + 20] {
        let mut flipped = token.as_bytes().to_vec();
        flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
        assert_refused(&server, &String::from_utf8(flipped).unwrap());
    }
}

on_every_database! {
    /// T-06: no token passes for another, and trying spends none.
    fn each_token_is_good_for_its_own_purpose_alone(server: &Server) {
        let tokens = server.register("ada@example.org");
        let (access, refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
        for (method, path) in [
            ("GET", "/auth/verify"), ("GET", "/users/me"), ("PATCH", "/users/me"), ("DELETE", "/users/me"),
            ("GET", "/users/me/export"), ("GET", "/users/me/sessions"), ("DELETE", "/users/me/sessions"),
            ("POST", "/auth/logout"), ("POST", "/auth/logout-all"),
        ] {
            assert_problem(&server.client.bearer(refresh).send(method, path, None), 401, "token_invalid");
        }
        for other in [access, &access.replace("eyJ", "rt_"), &format!("rt_{access}"), &refresh[3..]] {
            let answer = server.client.post("/auth/refresh", &json!({ "refresh_token": other }));
            assert_problem(&answer, 401, "refresh_token_invalid");
        }
        for token in [access, refresh] {
            let login = json!({ "identifier": "ada@example.org", "password": token });
            assert_problem(&server.client.post("/auth/login", &login), 401, "invalid_credentials");
        }
        assert_eq!(server.as_user(&tokens).get("/users/me").status, 200);
        assert_tokens(&server.refresh(&tokens), 200);
    }

    /// T-12: another installation has other keys, also with the same issuer, audience, secret, user and key name.
    fn a_token_of_another_installation_is_refused(server: &Server) {
        let mine = server.register("ada@example.org");
        let other = Server::on_sqlite(ServerOptions::default());
        let theirs = other.register("ada@example.org");
        assert_refused(server, text(&theirs["access_token"]));
        assert_problem(&server.refresh(&theirs), 401, "refresh_token_invalid");
        let renamed = Jwt::of(&theirs).with_header("kid", Jwt::of(&mine).header["kid"].clone()).unsigned();
        assert_refused(server, &renamed);
        assert_eq!(other.as_user(&theirs).get("/users/me").status, 200);
    }

    /// T-08: the end is exact.
    fn an_expired_token_is_refused_and_the_session_lives(server: &Server, ServerOptions::default().set("AUTH_ACCESS_TOKEN_TTL", "1s")) {
        let tokens = server.register("ada@example.org");
        assert_eq!(tokens["expires_in"], 1);
        let claims = Jwt::of(&tokens).claims;
        assert_eq!(claims["exp"].as_i64(), claims["iat"].as_i64().map(|issued| issued + 1));
        let verify = || server.as_user(&tokens).get("/auth/verify");
        eventually("the token expires", || verify().status == 401);
        for answer in [verify(), server.as_user(&tokens).get("/users/me")] {
            assert_problem(&answer, 401, "token_expired");
        }
        let answer = server.as_user(&tokens).send("POST", "/auth/logout", None);
        assert_problem(&answer, 401, "token_expired");
        assert_tokens(&server.refresh(&tokens), 200);
    }

    /// REQ-10: the header and the claims, exactly.
    fn an_access_token_says_what_the_contract_lists_and_no_more(server: &Server) {
        let Jwt { header, claims, .. } = Jwt::of(&server.register("ada@example.org"));
        crate::contract::assert_fields(&header, &["alg", "kid", "typ"]);
        assert_eq!(header["typ"], "at+jwt");
        let fields = ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "gen", "epoch", "role", "amr", "auth_time"];
        crate::contract::assert_fields(&claims, &fields);
        let base_url = json!("http://localhost:8080");
        assert_eq!((&claims["iss"], &claims["aud"]), (&base_url, &base_url));
        assert_eq!((&claims["role"], &claims["amr"], &claims["epoch"]), (&json!("user"), &json!(["pwd"]), &json!(0)));
        assert_eq!(claims["exp"].as_i64(), claims["iat"].as_i64().map(|issued| issued + 900));
        server.database.execute(&format!("UPDATE users SET premium_until = {}", server.database.earlier(server.database.now(), 60)));
        let login = json!({ "identifier": "ada@example.org", "password": crate::support::PASSWORD });
        let tokens = assert_tokens(&server.client.post("/auth/login", &login), 200);
        assert_eq!(tokens["user"]["is_premium"], false);
        assert!(Jwt::of(&tokens).claims["premium_until"].is_i64() && tokens["user"]["premium_until"].is_string());
    }
}

/// Keeps the signature of the tests' helpers honest: a token that is taken apart and put together again is good.
#[test]
fn the_forger_of_these_tests_can_write_a_good_token() {
    let (server, tokens) = signed_in();
    let answer: Response = server.client.bearer(&Jwt::of(&tokens).unsigned()).get("/auth/verify");
    assert_eq!(answer.status, 204, "else every forgery above is refused for its spelling");
}
