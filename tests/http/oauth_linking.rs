//! Linking and unlinking: REQ-34, O-16, O-17.

use serde_json::{Value, json};

use crate::audit;
use crate::calls::{log_in, reset};
use crate::contract::{assert_done, assert_fields, assert_problem, assert_safe, assert_time, assert_tokens};
use crate::jwt::text;
use crate::mails::{mails_to, reset_link, subjects_to};
use crate::oauth_browser::{PAGE, at_page, sent_to, target};
use crate::oauth_world::{PROVIDERS, World, linked, with_providers};
use crate::support::{PASSWORD, Response, Server, at_once};
use crate::users_me::eleven_minutes_later;

/// The subject of the mail about a new link.
const LINKED: &str = "Another way to sign in to Gatehouse was added";

fn unlink(server: &Server, tokens: &Value, provider: &str) -> Response {
    server.as_user(tokens).delete(&format!("/users/me/link/{provider}"))
}

fn unlink_with(server: &Server, tokens: &Value, provider: &str, body: &Value) -> Response {
    server.as_user(tokens).request("DELETE", &format!("/users/me/link/{provider}"), Some(body))
}

#[track_caller]
fn assert_linked(answer: &Response, provider: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_safe(answer);
    assert_account(&answer.json(), provider);
}

#[track_caller]
fn assert_account(account: &Value, provider: &str) {
    assert_fields(account, &["provider", "email", "display_name", "avatar_url", "linked_at"]);
    assert_time(&account["linked_at"]);
    assert_eq!((&account["provider"], &account["display_name"]), (&json!(provider), &json!("Ada Lovelace")));
    assert_eq!(account["email"], json!(format!("ada@{provider}.example")));
    assert!(account["avatar_url"].as_str().is_some_and(|url| url.starts_with("https://")), "{account}");
}

fn mails_about_links(world: &World, address: &str) -> usize {
    subjects_to(&world.server, address).iter().filter(|subject| *subject == LINKED).count()
}

with_providers! {
    /// REQ-34: an account is linked whatever its address, listed, and a way in.
    fn each_provider_s_account_can_be_linked(world: &World) {
        let server = &world.server;
        let tokens = server.register("bob@example.org");
        for provider in PROVIDERS {
            assert_linked(&world.link(&tokens, provider), provider);
            let user = &world.signed_in(provider)["user"];
            assert_eq!((&user["id"], &user["email"]), (&tokens["user"]["id"], &json!("bob@example.org")));
            assert_eq!((&user["email_verified"], &user["has_password"]), (&json!(false), &json!(true)));
        }
        let list = server.as_user(&tokens).get("/users/me/linked-accounts").json();
        assert_fields(&list, &["accounts"]);
        assert_eq!(list["accounts"].as_array().unwrap().len(), 4);
        for (account, provider) in list["accounts"].as_array().unwrap().iter().zip(linked(server, &tokens)) {
            assert_account(account, &provider);
        }
        let mut names = linked(server, &tokens);
        names.sort_unstable();
        assert_eq!(names, ["corp", "discord", "github", "google"]);
        let id = text(&tokens["user"]["id"]);
        assert_eq!((world.counts(), audit::count(world.database(), "oauth.linked", id)), ((1, 4), 4));
        let export = server.as_user(&tokens).get("/users/me/export").json().to_string();
        assert!(PROVIDERS.iter().all(|provider| export.contains(&format!("ada@{provider}.example"))), "{export}");
    }

    /// The owner is told by mail, with a way to take it back.
    fn a_new_link_is_told_by_mail(world: &World) {
        let tokens = world.server.register("bob@example.org");
        assert_linked(&world.link(&tokens, "google"), "google");
        assert_eq!(mails_about_links(world, "bob@example.org"), 1);
        let mail =
            mails_to(&world.server, "bob@example.org").into_iter().find(|mail| mail.subject() == LINKED).unwrap();
        assert!(crate::mails::leads_to(&mail, "secure-account"));
        assert!(mails_to(&world.server, "ada@google.example").is_empty());
        assert_done(&crate::calls::follow(&world.server, "/auth/secure-account", &mail.link_token().unwrap()));
        assert_eq!(world.counts(), (1, 0), "securing takes the links off");
        assert_ne!(world.signed_in("google")["user"]["id"], tokens["user"]["id"]);
    }

    /// What the provider knows fills what the profile lacks, and replaces nothing.
    fn a_provider_fills_empty_fields_of_the_profile_only(world: &World) {
        let tokens = world.server.register("bob@example.org");
        let me = world.server.as_user(&tokens);
        assert_eq!(me.patch("/users/me", &json!({ "display_name": "Bob" })).status, 200);
        assert_linked(&world.link(&tokens, "google"), "google");
        let user = me.get("/users/me").json();
        assert_eq!(
            (&user["display_name"], &user["avatar_url"]),
            (&json!("Bob"), &json!("https://lh3.example/a/ada=s96-c"))
        );
        assert_linked(&world.link(&tokens, "corp"), "corp");
        assert_eq!(world.signed_in("corp")["user"]["avatar_url"], user["avatar_url"]);
        let user = me.get("/users/me").json();
        assert_eq!(
            (&user["display_name"], &user["username"], &user["email"]),
            (&json!("Bob"), &Value::Null, &json!("bob@example.org"))
        );
    }

    /// A flow may be begun by a redirect, and end at the app's page, which is told in words.
    fn linking_may_end_at_the_app_s_page(world: &World) {
        let tokens = world.server.register("bob@example.org");
        let query = [("redirect_to", PAGE), ("app_state", "a b")];
        let browser = world.browser();
        let answer = browser.open_with(&world.server.as_user(&tokens), &target("/auth/link/google", &query));
        let back = browser.approve("google", &sent_to(&answer));
        let brought = at_page(&browser.come_back(&back));
        assert_eq!((brought["linked"].as_str(), brought["app_state"].as_str(), brought.len()), ("google", "a b", 2));
        let again = browser.approve("google", &browser.start_link(&tokens, "google", &query));
        assert_eq!(at_page(&browser.come_back(&again))["error"], "already_linked");
        let denied = world.provider("corp").deny(browser.start_link(&tokens, "corp", &query));
        assert_eq!(at_page(&browser.come_back(&denied))["error"], "oauth_denied");
        assert_eq!(
            (linked(&world.server, &tokens), world.database().count("sessions")),
            (vec!["google".to_owned()], 1)
        );
    }

    /// O-16: linking wants somebody who is signed in and has proven it lately; a link on another site has neither.
    fn linking_wants_a_fresh_proof(world: &World) {
        let server = &world.server;
        let tokens = server.register("bob@example.org");
        for client in [
            server.client.clone(),
            server.client.header("Cookie", "session=x"),
            server.client.header("Accept", "application/json"),
        ] {
            assert_problem(&client.get("/auth/link/google"), 401, "not_authenticated");
        }
        assert_problem(&server.client.bearer("x").get("/auth/link/google"), 401, "token_invalid");
        let old = eleven_minutes_later(server, &tokens);
        assert_problem(&server.as_user(&old).get("/auth/link/google"), 403, "reauth_required");
        assert_problem(&server.as_user(&old).get("/auth/link/nobody"), 403, "reauth_required");
        assert_done(&server.as_user(&old).post("/auth/reauth", &json!({ "password": PASSWORD })));
        assert_linked(&world.link(&old, "google"), "google");
        let old = eleven_minutes_later(server, &old);
        for (body, status, code) in [
            (None, 403, "reauth_required"),
            (Some(json!({})), 403, "reauth_required"),
            (Some(json!({ "password": "wrong wooden gates" })), 401, "invalid_credentials"),
            (Some(json!({ "passwort": PASSWORD })), 400, "malformed_request"),
        ] {
            let answer = server.as_user(&old).request("DELETE", "/users/me/link/google", body.as_ref());
            assert_problem(&answer, status, code);
        }
        let wrong = json!({ "password": "wrong wooden gates" });
        assert_problem(
            &unlink_with(server, &server.log_in("bob@example.org"), "google", &wrong),
            401,
            "invalid_credentials",
        );
        assert_done(&unlink_with(server, &old, "google", &json!({ "password": PASSWORD })));
        assert_problem(&server.client.delete("/users/me/link/google"), 401, "not_authenticated");
        assert_problem(&server.client.get("/users/me/linked-accounts"), 401, "not_authenticated");
    }

    /// O-16: a flow ends with the session that began it, and in its browser alone.
    fn a_linking_belongs_to_a_session_and_a_browser(world: &World) {
        let server = &world.server;
        let bob = server.register("bob@example.org");
        let (browser, other) = (world.browser(), world.browser());
        let back = browser.approve("google", &browser.start_link(&bob, "google", &[]));
        assert_problem(&other.come_back(&back), 400, "oauth_state_invalid");
        let eve = server.register("eve@example.org");
        let with_token = other.open_with(&server.as_user(&eve), crate::oauth_browser::path_and_query(&back));
        assert_problem(&with_token, 400, "oauth_state_invalid");
        assert_done(&server.as_user(&bob).send("POST", "/auth/logout", None));
        assert_problem(&browser.come_back(&back), 400, "oauth_state_invalid");
        assert_eq!(world.counts(), (2, 0));
        // Bob is there again, and the flow of the old session isn't.
        let bob = server.log_in("bob@example.org");
        let back = browser.approve("google", &browser.start_link(&bob, "google", &[]));
        server.database.execute(&format!(
            "UPDATE users SET disabled_at = {} WHERE email_normalized LIKE 'bob%'",
            server.database.now()
        ));
        assert_problem(&browser.come_back(&back), 403, "account_disabled");
        server.database.execute("UPDATE users SET disabled_at = NULL");
        assert_eq!(world.counts(), (2, 0));
    }

    /// O-17: an identity has one account, and an account one identity of a provider; nothing moves.
    fn an_identity_has_one_owner(world: &World) {
        let server = &world.server;
        let (ada, bob) = (server.register("ada@example.org"), server.register("bob@example.org"));
        assert_linked(&world.link(&ada, "google"), "google");
        for tokens in [&bob, &ada] {
            assert_problem(&world.link(tokens, "google"), 409, "already_linked");
        }
        world.person("google", 1002, "second@google.example");
        assert_problem(&world.link(&ada, "google"), 409, "already_linked");
        assert_eq!((linked(server, &ada), linked(server, &bob)), (vec!["google".to_owned()], vec![]));
        assert_eq!((mails_about_links(world, "ada@example.org"), mails_about_links(world, "bob@example.org")), (1, 0));
        world.person("google", 1001, "ada@google.example");
        assert_eq!(world.signed_in("google")["user"]["id"], ada["user"]["id"]);
        // What nobody has any more can be somebody else's.
        assert_done(&unlink(server, &ada, "google"));
        assert_linked(&world.link(&bob, "google"), "google");
        assert_eq!(world.signed_in("google")["user"]["id"], bob["user"]["id"]);
    }

    /// O-17: two who link the same at once.
    fn of_two_who_link_the_same_at_once_one_does(world: &World) {
        let users = [world.server.register("ada@example.org"), world.server.register("bob@example.org")];
        let answers = at_once(2, |index| world.link(&users[index], "corp"));
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{answers:?}");
        let same = at_once(4, |_| world.link(&users[0], "google"));
        assert_eq!(same.iter().filter(|answer| answer.status == 200).count(), 1, "{same:?}");
        same.iter()
            .filter(|answer| answer.status != 200)
            .for_each(|answer| assert_problem(answer, 409, "already_linked"));
        assert_eq!(world.counts(), (2, 2));
    }

    /// REQ-34
    fn an_account_is_taken_off(world: &World) {
        let server = &world.server;
        let tokens = server.register("bob@example.org");
        for provider in ["google", "nobody", "%00", "GOOGLE"] {
            assert_problem(&unlink(server, &tokens, provider), 404, "not_linked");
        }
        assert_linked(&world.link(&tokens, "google"), "google");
        let half_way = world.browser().end_at_page("google", &[]).remove("code").unwrap();
        assert_done(&unlink(server, &tokens, "google"));
        assert_problem(&crate::oauth_world::exchange(server, &half_way, None), 400, "token_invalid_or_expired");
        assert_problem(&unlink(server, &tokens, "google"), 404, "not_linked");
        assert!(linked(server, &tokens).is_empty());
        assert_eq!(audit::count(world.database(), "oauth.unlinked", text(&tokens["user"]["id"])), 1);
        assert_ne!(world.signed_in("google")["user"]["id"], tokens["user"]["id"]);
        assert_tokens(&log_in(server, "bob@example.org", PASSWORD), 200);
        assert_tokens(&server.refresh(&tokens), 200);
    }

    /// REQ-34: the last way in stays, until there is a password.
    fn the_last_way_in_stays(world: &World) {
        let server = &world.server;
        let ada = world.signed_in("google");
        assert_problem(&unlink(server, &ada, "google"), 409, "last_sign_in_method");
        assert_linked(&world.link(&ada, "github"), "github");
        assert_done(&unlink(server, &ada, "google"));
        assert_problem(&unlink(server, &ada, "github"), 409, "last_sign_in_method");
        assert_problem(&unlink(server, &ada, "google"), 404, "not_linked");
        assert_eq!(world.signed_in("github")["user"]["id"], ada["user"]["id"]);
        let new = "nine bronze gates of Troy";
        assert_done(&reset(server, &reset_link(server, "ada@google.example"), new));
        let ada = assert_tokens(&log_in(server, "ada@google.example", new), 200);
        assert_eq!(linked(server, &ada), ["github"], "a reset of a verified address keeps them");
        assert_done(&unlink(server, &ada, "github"));
        assert_eq!(world.counts(), (1, 0));
    }

    /// REQ-34: of the last two ways in, parallel calls take one.
    fn parallel_unlinks_leave_a_way_in(world: &World) {
        let server = &world.server;
        let tokens = world.signed_in("google");
        for round in 0..4 {
            assert_linked(
                &world.link(&tokens, if round == 0 { "github" } else { "corp" }),
                if round == 0 { "github" } else { "corp" },
            );
            let two = linked(server, &tokens);
            assert_eq!(two.len(), 2);
            let answers = at_once(2, |index| unlink(server, &tokens, &two[index]));
            let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [204, 409], "{answers:?}");
            if linked(server, &tokens) == ["corp"] {
                assert_linked(&world.link(&tokens, "github"), "github");
                assert_done(&unlink(server, &tokens, "corp"));
            }
        }
        assert_eq!(linked(server, &tokens).len(), 1);
    }

    /// REQ-34: an account at a provider that the operator has switched off is no way in.
    fn a_provider_that_is_switched_off_is_no_way_in(world: &World) {
        let tokens = world.signed_in("google");
        assert_linked(&world.link(&tokens, "github"), "github");
        let without = world.another(&[
            ("AUTH_GITHUB_CLIENT_ID", ""),
            ("AUTH_GITHUB_CLIENT_SECRET", ""),
            ("AUTH_GITHUB_AUTHORIZE_URL", ""),
            ("AUTH_GITHUB_TOKEN_URL", ""),
            ("AUTH_GITHUB_USERINFO_URL", ""),
        ]);
        assert_problem(&unlink(&without, &tokens, "google"), 409, "last_sign_in_method");
        assert_eq!(linked(&without, &tokens).len(), 2);
        assert_done(&unlink(&without, &tokens, "github"));
        assert_problem(&unlink(&without, &tokens, "google"), 409, "last_sign_in_method");
    }
}
