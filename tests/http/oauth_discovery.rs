//! What an OpenID Connect issuer says about itself, and its keys: O-09. Each refusal here is one alone.

use identity_provider::{Answer, Endpoint, IdentityProvider, people};
use serde_json::{Map, Value, json};

use crate::oauth_browser::{path_and_query, sent_to};
use crate::support::{Backend, Server, ServerOptions};

type Members = Map<String, Value>;

fn set(members: &mut Members, name: &str, value: Value) {
    members.insert(name.to_owned(), value);
}

/// Many issuers of one server, as each keeps what it has read.
struct Issuers {
    fakes: Vec<IdentityProvider>,
    server: Server,
}

impl Issuers {
    fn start(count: usize) -> Self {
        let fakes: Vec<IdentityProvider> = (0..count).map(|_| IdentityProvider::start()).collect();
        let names: Vec<String> = (0..count).map(|index| format!("i{index}")).collect();
        let mut options = ServerOptions::default().set("AUTH_OIDC_PROVIDERS", &names.join(","));
        for (fake, name) in fakes.iter().zip(&names) {
            let prefix = format!("AUTH_OIDC_{}", name.to_uppercase());
            options = options.set(&format!("{prefix}_ISSUER"), &fake.issuer());
            options = options.set(&format!("{prefix}_CLIENT_ID"), "client-id");
            options = options.set(&format!("{prefix}_CLIENT_SECRET"), "client-secret-Jd8fQ2");
            fake.use_client("client-id", "client-secret-Jd8fQ2");
            fake.set_user(people::openid("1001", &format!("ada@{name}.example")));
        }
        Self { fakes, server: Server::start(&Backend::Sqlite, options) }
    }
}

/// O-09: metadata that can't be believed begins no flow, and is asked for no more than it has to be.
#[test]
fn metadata_that_can_t_be_believed_begins_no_flow() {
    type Break = Box<dyn Fn(&IdentityProvider)>;
    let with = |name: &'static str, value: Value| -> (String, Break) {
        let case = format!("{name} {value}");
        (
            case,
            Box::new(move |fake| {
                let value = value.clone();
                fake.set_metadata(move |metadata| set(metadata, name, value.clone()));
            }),
        )
    };
    let answers = |case: &str, answer: Answer| -> (String, Break) {
        (case.to_owned(), Box::new(move |fake| fake.misbehave(Endpoint::Discovery, answer.clone())))
    };
    let cases: Vec<(String, Break)> = vec![
        with("issuer", json!("https://evil.example")),
        with("issuer", json!(null)),
        ("a slash".to_owned(), Box::new(|fake| fake.set_issuer(&(fake.issuer() + "/")))),
        with("token_endpoint", json!(null)),
        with("token_endpoint", json!("ftp://127.0.0.1/token")),
        with("authorization_endpoint", json!("javascript:alert(1)")),
        with("authorization_endpoint", json!("/authorize")),
        with("authorization_endpoint", json!("http://127.0.0.1/authorize?state=mine")),
        with("jwks_uri", json!(["http://127.0.0.1/"])),
        with("response_types_supported", json!(["id_token"])),
        with("id_token_signing_alg_values_supported", json!(["HS256", "none"])),
        with("token_endpoint_auth_methods_supported", json!(["private_key_jwt"])),
        answers("redirect", Answer::Redirect("http://127.0.0.1/".to_owned())),
        answers("large", Answer::Large(10_000_000)),
        answers("endless", Answer::Endless),
        answers("close", Answer::Close),
        answers("500", Answer::Status(500)),
        answers("404", Answer::Status(404)),
        answers("html", Answer::Body { status: 200, content_type: "text/html", body: "<html>".to_owned() }),
        answers(
            "twice",
            Answer::Body {
                status: 200,
                content_type: "application/json",
                body: r#"{"issuer":"a","issuer":"b"}"#.to_owned(),
            },
        ),
    ];
    let issuers = Issuers::start(cases.len() + 1);
    for (index, (case, breaks)) in cases.iter().enumerate() {
        breaks(&issuers.fakes[index]);
        let client = &issuers.server.client;
        for _ in 0..2 {
            let answer = client.get(&format!("/auth/i{index}"));
            assert_eq!((answer.status, answer.error_code().as_str()), (502, "provider_error"), "{case}");
            assert_eq!((answer.header("location"), answer.header("set-cookie")), (None, None), "{case}");
        }
        assert_eq!(issuers.fakes[index].count(Endpoint::Discovery), 1, "{case}: not with each start");
    }
    let good = issuers.server.client.get(&format!("/auth/i{}", cases.len()));
    assert_eq!(good.status, 302, "{good:?}");
}

/// O-09: of a key set, the keys that are fit; what is unfit signs nobody in.
#[test]
fn keys_that_are_unfit_sign_nobody_in() {
    type Break = fn(&mut Members);
    fn first(jwks: &mut Members) -> &mut Value {
        &mut jwks["keys"][0]
    }
    let bad: [(&str, Break); 10] = [
        ("for encryption", |jwks| first(jwks)["use"] = json!("enc")),
        ("for other operations", |jwks| first(jwks)["key_ops"] = json!(["encrypt"])),
        ("another algorithm", |jwks| first(jwks)["alg"] = json!("RS512")),
        ("private", |jwks| first(jwks)["d"] = json!("AQAB")),
        ("a small exponent", |jwks| first(jwks)["e"] = json!("Aw")),
        ("a short modulus", |jwks| {
            let n = first(jwks)["n"].as_str().unwrap()[..172].to_owned();
            first(jwks)["n"] = json!(n);
        }),
        ("twice the same id", |jwks| {
            let key = jwks["keys"][1].as_object().cloned().unwrap();
            let mut twin = key;
            twin.insert("kid".to_owned(), jwks["keys"][0]["kid"].clone());
            jwks["keys"][1] = Value::Object(twin);
        }),
        ("a secret", |jwks| {
            jwks["keys"][0] = json!({ "kty": "oct", "kid": "rsa-0", "k": "Y2xpZW50LXNlY3JldA", "alg": "RS256" });
        }),
        ("none", |jwks| jwks["keys"] = json!([])),
        ("no list", |jwks| jwks["keys"] = json!({})),
    ];
    let good: [(&str, Break); 4] = [
        ("as it is", |_| {}),
        ("without use and algorithm", |jwks| {
            first(jwks).as_object_mut().unwrap().retain(|name, _| name != "use" && name != "alg");
        }),
        ("beside a key of a new kind", |jwks| {
            jwks["keys"]
                .as_array_mut()
                .unwrap()
                .insert(0, json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": "x" }));
        }),
        ("beside a secret and nonsense", |jwks| {
            jwks["keys"].as_array_mut().unwrap().extend([
                json!({ "kty": "oct", "k": "AAAA" }),
                json!(null),
                json!(7),
                json!({}),
            ]);
        }),
    ];
    let issuers = Issuers::start(bad.len() + good.len());
    let sign_in = |index: usize| {
        let fake = &issuers.fakes[index];
        let start = issuers.server.client.get(&format!("/auth/i{index}"));
        let cookie = start.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let back = fake.approve(sent_to(&start));
        issuers.server.client.header("Cookie", cookie).get(path_and_query(&back))
    };
    for (index, (case, change)) in bad.iter().enumerate() {
        issuers.fakes[index].set_jwks(*change);
        let answer = sign_in(index);
        assert_eq!((answer.status, answer.error_code().as_str()), (502, "provider_error"), "{case}");
    }
    for (index, (case, change)) in good.iter().enumerate() {
        issuers.fakes[bad.len() + index].set_jwks(*change);
        let answer = sign_in(bad.len() + index);
        assert_eq!(answer.status, 200, "{case}: {answer:?}");
    }
}
