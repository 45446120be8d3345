//! OpenID Connect: who answers, and the `id_token`: O-07, O-08, X-13. Each refusal here is one alone: the same flow
//! without it signs somebody in.

use identity_provider::{Endpoint, Signing};
use serde_json::{Map, Value, json};

use crate::contract::{assert_problem, assert_tokens};
use crate::oauth_world::{World, with_providers};
use crate::second_factor_app::now;

type Claims = Map<String, Value>;

fn set(claims: &mut Claims, name: &str, value: Value) {
    claims.insert(name.to_owned(), value);
}

/// Has nobody signed in, as often as it is tried.
#[track_caller]
fn assert_refused(world: &World, case: &str) {
    let answer = world.sign_in("corp");
    assert_eq!((answer.status, answer.error_code().as_str()), (502, "provider_error"), "{case}: {answer:?}");
    assert_eq!((world.counts(), world.database().count("sessions")), ((0, 0), 0), "{case}");
}

with_providers! {
    /// O-08: the claims, each alone.
    fn an_id_token_for_anything_else_is_refused(world: &World) {
        let corp = world.provider("corp");
        let issuer = corp.issuer();
        let cases: Vec<(&str, &str, Option<Value>)> = vec![
            ("another issuer", "iss", Some(json!("https://evil.example"))),
            ("the issuer with a slash", "iss", Some(json!(format!("{issuer}/")))),
            ("the issuer with another host", "iss", Some(json!(issuer.replace("127.0.0.1", "localhost")))),
            ("no issuer", "iss", None),
            ("another audience", "aud", Some(json!("another-client"))),
            ("an audience of the same beginning", "aud", Some(json!("corp-client2"))),
            ("two audiences without azp", "aud", Some(json!(["corp-client", "another"]))),
            ("no audience in a list", "aud", Some(json!([]))),
            ("no audience", "aud", None),
            ("another party", "azp", Some(json!("another-client"))),
            ("no nonce", "nonce", None),
            ("an empty nonce", "nonce", Some(json!(""))),
            ("another nonce", "nonce", Some(json!("another-nonce-of-many-characters"))),
            ("a nonce that is no text", "nonce", Some(json!(7))),
            ("expired", "exp", Some(json!(now() - 60))),
            ("no expiry", "exp", None),
            ("an expiry that is text", "exp", Some(json!((now() + 300).to_string()))),
            ("issued ahead", "iat", Some(json!(now() + 600))),
            ("issued long ago", "iat", Some(json!(now() - 86_400))),
            ("no time of issue", "iat", None),
            ("not yet valid", "nbf", Some(json!(now() + 600))),
            ("of another access token", "at_hash", Some(json!("AAAAAAAAAAAAAAAAAAAAAA"))),
            ("no subject", "sub", None),
            ("an empty subject", "sub", Some(json!(""))),
            ("a subject that is a number", "sub", Some(json!(1001))),
            ("a long subject", "sub", Some(json!("a".repeat(256)))),
        ];
        for (case, name, value) in cases {
            corp.set_claims(move |claims| match &value {
                Some(value) => set(claims, name, value.clone()),
                None => drop(claims.remove(name)),
            });
            assert_refused(world, case);
        }
        for (name, value) in
            [("azp", json!("corp-client")), ("aud", json!(["corp-client"])), ("extra", json!({ "a": [1] }))]
        {
            corp.set_claims(move |claims| set(claims, name, value.clone()));
            assert_tokens(&world.sign_in("corp"), 200);
        }
        corp.set_claims(|claims| drop(claims.remove("at_hash")));
        assert_tokens(&world.sign_in("corp"), 200);
        assert_eq!(world.counts(), (1, 1));
    }

    /// O-08: the signature.
    fn an_id_token_that_is_signed_otherwise_is_refused(world: &World) {
        let corp = world.provider("corp");
        for signing in [
            Signing::None,
            Signing::Hs256WithClientSecret,
            Signing::Hs256WithPublicKey,
            Signing::UnknownKid,
            Signing::NoKid,
            Signing::OtherKey,
            Signing::BrokenSignature,
            Signing::Ps256,
        ] {
            corp.sign_with(signing);
            assert_refused(world, &format!("{signing:?}"));
        }
        corp.sign_with(Signing::Rs256);
        for (name, value) in [
            ("alg", json!("none")),
            ("alg", json!("None")),
            ("alg", json!("HS256")),
            ("alg", json!("ES256")),
            ("alg", json!(null)),
            ("kid", json!("ec-0")),
            ("kid", json!(7)),
            ("crit", json!(["exp"])),
            ("typ", json!("at+jwt")),
            ("typ", json!("logout+jwt")),
        ] {
            let case = format!("{name} {value}");
            corp.set_header(move |header| set(header, name, value.clone()));
            assert_refused(world, &case);
        }
        corp.set_header(|_| {});
        for tampered in ["x", "", "a.b", "a.b.c.d.e", "....", "null"] {
            corp.set_token_answer(move |answer| set(answer, "id_token", json!(tampered)));
            assert_refused(world, tampered);
        }
        corp.set_token_answer(|answer| drop(answer.remove("id_token")));
        assert_refused(world, "none at all");
        corp.set_token_answer(|answer| {
            let token = answer["id_token"].as_str().unwrap().replace('.', "=.");
            set(answer, "id_token", json!(token));
        });
        assert_refused(world, "padding");
        corp.set_token_answer(|_| {});
        for signing in [Signing::Rs256, Signing::Es256, Signing::EdDsa] {
            corp.sign_with(signing);
            assert_tokens(&world.sign_in("corp"), 200);
        }
    }

    /// O-08: an `id_token` is good for one flow: a second one can't be begun with it.
    fn an_id_token_of_another_flow_is_refused(world: &World) {
        let corp = world.provider("corp");
        let browser = world.browser();
        let url = browser.start("corp", &[]);
        let nonce = crate::oauth_browser::parameter(&url, "nonce");
        assert_tokens(&browser.come_back(&browser.approve("corp", &url)), 200);
        corp.set_claims(move |claims| set(claims, "nonce", json!(nonce)));
        assert_problem(&world.sign_in("corp"), 502, "provider_error");
        assert_eq!(world.database().count("sessions"), 1);
    }

    /// O-07: mix-up: the answer names who it is from, as the metadata promises.
    fn an_answer_of_another_issuer_is_refused(world: &World) {
        let corp = world.provider("corp");
        let slash = corp.issuer() + "/";
        for iss in [Some("https://evil.example"), Some(slash.as_str()), Some(&world.provider("google").issuer()), None]
        {
            corp.set_iss(iss);
            let before = corp.count(Endpoint::Token);
            assert_problem(&world.sign_in("corp"), 400, "oauth_state_invalid");
            assert_eq!(corp.count(Endpoint::Token), before, "the code was shown to nobody");
        }
        for provider in ["google", "discord", "github"] {
            world.provider(provider).set_iss(Some("https://evil.example"));
            assert_problem(&world.sign_in(provider), 400, "oauth_state_invalid");
            world.provider(provider).set_iss(None);
            world.signed_in(provider);
        }
        corp.set_iss(Some(&corp.issuer()));
        world.signed_in("corp");
    }

    /// a key that nobody knows yet is looked up; the flow that was begun with the old ones ends well.
    fn new_keys_are_found(world: &World) {
        let corp = world.provider("corp");
        world.signed_in("corp");
        assert_eq!((corp.count(Endpoint::Jwks), corp.count(Endpoint::Discovery)), (1, 1));
        let browser = world.browser();
        let url = browser.start("corp", &[]);
        corp.rotate_keys();
        assert_tokens(&browser.come_back(&browser.approve("corp", &url)), 200);
        assert_eq!((corp.count(Endpoint::Jwks), corp.count(Endpoint::Discovery)), (2, 1));
        // Not with each token that somebody makes up.
        corp.sign_with(Signing::UnknownKid);
        (0..3).for_each(|_| assert_problem(&world.sign_in("corp"), 502, "provider_error"));
        assert_eq!(corp.count(Endpoint::Jwks), 2);
        corp.sign_with(Signing::Rs256);
        world.signed_in("corp");
    }

    /// What the `id_token` doesn't say is read at the userinfo endpoint, of the same user only.
    fn the_userinfo_endpoint_speaks_of_the_same_user(world: &World) {
        let corp = world.provider("corp");
        corp.set_claims(|claims| {
            claims.retain(|name, _| !["email", "email_verified", "name", "picture"].contains(&name.as_str()));
        });
        corp.set_userinfo(|user| set(user, "sub", json!("1002")));
        assert_refused(world, "another");
        corp.set_userinfo(|user| drop(user.remove("sub")));
        assert_refused(world, "nobody");
        corp.set_userinfo(|_| {});
        let user = &world.signed_in("corp")["user"];
        assert_eq!((&user["email"], &user["display_name"]), (&json!("ada@corp.example"), &json!("Ada Lovelace")));
    }
}
