//! Whose account an identity is: O-10, O-12, O-14, O-15, O-20, REQ-33.

use serde_json::{Value, json};

use crate::calls::{ask_for_address, follow, forgot, log_in, reset, verify_as};
use crate::contract::{assert_accepted, assert_done, assert_problem, assert_tokens};
use crate::mails::{link, mails_to, reset_link, subjects_to};
use crate::oauth_browser::at_page;
use crate::oauth_world::{PROVIDERS, World, exchange, linked, with_providers};
use crate::second_factor_app::{EITHER, answer, assert_asked, assert_backup_codes, begin, confirm, fresh_code};
use crate::support::{PASSWORD, at_once};

const VICTIM: &str = "ada@example.org";
const NEW: &str = "nine bronze gates of Troy";

/// A user with this address, who has verified it.
fn verified_user(world: &World, email: &str) -> Value {
    let tokens = world.server.register(email);
    assert_done(&verify_as(&world.server, &tokens, &link(&world.server, "verify-email", email)));
    tokens
}

with_providers! {
    /// O-10, H-05: an address that the provider hasn't verified is as good as none, whoever has it here.
    fn an_unverified_address_is_not_used(world: &World) {
        let victim = verified_user(world, VICTIM);
        for (count, provider) in (1..).zip(PROVIDERS) {
            world.unverified_person(provider, 1001, VICTIM);
            let tokens = world.signed_in(provider);
            let user = &tokens["user"];
            assert_eq!((&user["email"], &user["email_verified"]), (&Value::Null, &json!(false)), "{provider}");
            assert_ne!(user["id"], victim["user"]["id"], "{provider}");
            assert_eq!(world.counts(), (count + 1, count));
            assert_eq!(world.signed_in(provider)["user"]["id"], user["id"], "the same one comes back");
        }
        assert!(linked(&world.server, &victim).is_empty());
        assert_eq!(subjects_to(&world.server, VICTIM).len(), 1, "only the mail to verify");
    }

    /// An account without an address does all that others do, and can have one.
    fn an_account_without_an_address_is_a_whole_one(world: &World) {
        let server = &world.server;
        world.unverified_person("corp", 1001, VICTIM);
        let tokens = world.signed_in("corp");
        let app = begin(server, &tokens);
        assert_backup_codes(&confirm(server, &tokens, &app.code()));
        assert_eq!(world.link(&tokens, "google").status, 200, "there is nobody to be told by mail");
        assert_eq!(server.as_user(&tokens).get("/users/me/export").status, 200);
        assert_accepted(&forgot(server, VICTIM), "accepted");
        assert!(mails_to(server, VICTIM).is_empty());
        assert_accepted(&ask_for_address(server, &tokens, VICTIM), "accepted");
        assert_done(&follow(server, "/auth/email/change/confirm", &link(server, "change-email", VICTIM)));
        assert_done(&reset(server, &reset_link(server, VICTIM), NEW));
        let challenge = assert_asked(&log_in(server, VICTIM, NEW), EITHER);
        let tokens = assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &app)), 200);
        let user = &tokens["user"];
        assert_eq!(
            (&user["email"], &user["email_verified"], &user["has_password"]),
            (&json!(VICTIM), &json!(true), &json!(true))
        );
        assert!(linked(server, &tokens).is_empty(), "whose the account is was not known before this reset");
    }

    /// O-10: only `true` is true.
    fn only_true_is_true(world: &World) {
        let victim = verified_user(world, VICTIM);
        let flags =
            [json!("true"), json!("false"), json!(1), json!("1"), json!(null), json!([true]), json!({ "true": true })];
        for (subject, flag) in (2000..).zip(flags) {
            for (provider, field) in [("google", "email_verified"), ("discord", "verified"), ("corp", "email_verified")]
            {
                let mut user = match provider {
                    "discord" => identity_provider::people::discord(&subject.to_string(), VICTIM),
                    "google" => identity_provider::people::google(&subject.to_string(), VICTIM),
                    _ => identity_provider::people::openid(&subject.to_string(), VICTIM),
                };
                user[field] = flag.clone();
                world.provider(provider).set_user(user.clone());
                assert_eq!(world.signed_in(provider)["user"]["email"], Value::Null, "{provider} {flag}");
                user.as_object_mut().unwrap().remove(field);
                world.provider(provider).set_user(user);
                assert_eq!(world.signed_in(provider)["user"]["email"], Value::Null, "{provider} absent");
            }
            let github = world.provider("github");
            github.set_user(identity_provider::people::github(subject));
            github.set_emails(json!([{ "email": VICTIM, "primary": true, "verified": flag }]));
            assert_eq!(world.signed_in("github")["user"]["email"], Value::Null, "github {flag}");
        }
        assert!(linked(&world.server, &victim).is_empty());
    }

    /// O-10: of GitHub's addresses, only the primary one that takes mail.
    fn of_github_s_addresses_the_primary_verified_one_counts(world: &World) {
        let github = world.provider("github");
        for (subject, emails) in (3000..).zip([
            json!([]),
            json!([{ "email": VICTIM, "primary": false, "verified": true }]),
            json!([
                { "email": VICTIM, "primary": false, "verified": true },
                { "email": "x@example.org", "primary": true, "verified": false },
            ]),
            json!([{ "email": "1+ada@users.noreply.github.com", "primary": true, "verified": true }]),
            json!([{ "email": "not an address", "primary": true, "verified": true }]),
            json!([{ "primary": true, "verified": true }]),
        ]) {
            let mut user = identity_provider::people::github(subject);
            user["email"] = json!(VICTIM);
            github.set_user(user);
            github.set_emails(emails.clone());
            assert_eq!(world.signed_in("github")["user"]["email"], Value::Null, "{emails}");
        }
    }

    /// REQ-33: both sides have verified the address: one person, who is told.
    fn addresses_that_both_sides_verified_are_one_person_s(world: &World) {
        let victim = verified_user(world, VICTIM);
        for (count, provider) in (1..).zip(PROVIDERS) {
            world.person(provider, 1001, "Ada@EXAMPLE.org");
            let tokens = world.signed_in(provider);
            assert_eq!(
                (&tokens["user"]["id"], &tokens["user"]["email"]),
                (&victim["user"]["id"], &json!(VICTIM)),
                "{provider}"
            );
            assert_eq!(
                (world.counts(), linked(&world.server, &victim).len()),
                ((1, count), usize::try_from(count).unwrap())
            );
        }
        assert!(
            subjects_to(&world.server, VICTIM)
                .iter()
                .any(|subject| subject == "Another way to sign in to Gatehouse was added")
        );
        assert_tokens(&log_in(&world.server, VICTIM, PASSWORD), 200);
        // Another account of the same provider with the same address is not let in beside the first.
        world.person("google", 1002, VICTIM);
        assert_problem(&world.sign_in("google"), 409, "account_exists");
        assert_eq!(world.counts(), (1, 4));
    }

    /// Where addresses have to be verified, nobody comes in without one.
    fn who_proves_no_address_stays_out_where_one_is_needed(world: &World, &[("AUTH_REQUIRE_VERIFIED_EMAIL", "true")]) {
        for provider in PROVIDERS {
            world.unverified_person(provider, 1001, "bob@example.org");
            assert_problem(&world.sign_in(provider), 403, "verified_email_required");
            assert_eq!(world.browser().end_at_page(provider, &[])["error"], "verified_email_required");
        }
        assert_eq!(world.counts(), (0, 0));
        world.person("google", 1001, "bob@example.org");
        let bob = world.signed_in("google");
        world.unverified_person("google", 1001, "bob@example.org");
        assert_eq!(world.signed_in("google")["user"]["id"], bob["user"]["id"], "who proved one once has it");
    }

    /// O-12: without a subject there is nobody, and a number is the text of its digits.
    fn a_subject_is_one_text(world: &World) {
        let long = "a".repeat(256);
        for (provider, field) in [("google", "sub"), ("discord", "id"), ("github", "id"), ("corp", "sub")] {
            world.person(provider, 123, "ada@example.org");
            let good = match provider {
                "google" => identity_provider::people::google("123", "ada@example.org"),
                "discord" => identity_provider::people::discord("123", "ada@example.org"),
                "github" => identity_provider::people::github(123),
                _ => identity_provider::people::openid("123", "ada@example.org"),
            };
            for subject in [
                json!(null),
                json!(""),
                json!(" "),
                json!("null"),
                json!("undefined"),
                json!({}),
                json!([1]),
                json!(true),
                json!(1.5),
                json!(long),
            ] {
                let mut user = good.clone();
                user[field] = subject.clone();
                world.provider(provider).set_user(user.clone());
                let answer = world.sign_in(provider);
                assert_eq!(
                    (answer.status, answer.error_code().as_str()),
                    (502, "provider_error"),
                    "{provider} {subject}"
                );
                user.as_object_mut().unwrap().remove(field);
                world.provider(provider).set_user(user);
                assert_problem(&world.sign_in(provider), 502, "provider_error");
            }
        }
        assert_eq!(world.counts(), (0, 0));
        let ids: Vec<Value> = [json!(123), json!("123")]
            .into_iter()
            .map(|id| {
                let mut user = identity_provider::people::github(123);
                user["id"] = id;
                world.provider("github").set_user(user);
                world.signed_in("github")["user"]["id"].clone()
            })
            .collect();
        assert_eq!((ids[0] == ids[1], world.counts()), (true, (1, 1)));
    }

    /// O-14: a subject means nothing elsewhere.
    fn the_same_subject_at_two_providers_is_two_people(world: &World) {
        let ids: Vec<Value> = PROVIDERS
            .iter()
            .map(|provider| {
                world.unverified_person(provider, 7777, "same@example.org");
                world.signed_in(provider)["user"]["id"].clone()
            })
            .collect();
        assert!((1..ids.len()).all(|index| !ids[..index].contains(&ids[index])), "{ids:?}");
        assert_eq!(world.counts(), (4, 4));
    }

    /// O-15: who has an account keeps it, whatever address the provider tells later; nobody is merged by it.
    fn a_changed_address_moves_nobody(world: &World) {
        let victim = verified_user(world, VICTIM);
        for provider in PROVIDERS {
            let eve = world.signed_in(provider);
            world.person(provider, 1001, VICTIM);
            let later = world.signed_in(provider);
            assert_eq!(
                (&later["user"]["id"], &later["user"]["email"]),
                (&eve["user"]["id"], &eve["user"]["email"]),
                "{provider}"
            );
            assert_ne!(later["user"]["id"], victim["user"]["id"]);
        }
        assert!(linked(&world.server, &victim).is_empty());
    }

    /// O-20: who is disabled or deleted gets nowhere, at the callback and at the exchange.
    fn who_is_disabled_stays_out(world: &World) {
        let server = &world.server;
        let ada = world.signed_in("google");
        let code = world.browser().end_at_page("google", &[]).remove("code").unwrap();
        let disable = |value: &str| server.database.execute(&format!("UPDATE users SET disabled_at = {value}"));
        disable(server.database.now());
        assert_problem(&world.sign_in("google"), 403, "account_disabled");
        assert_problem(&exchange(server, &code, None), 403, "account_disabled");
        let brought = world.browser().end_at_page("google", &[]);
        let refused =
            brought.get("error").map_or_else(|| exchange(server, &brought["code"], None).error_code(), Clone::clone);
        assert_eq!(refused, "account_disabled");
        // A new identity with the disabled user's address is no way round.
        world.person("corp", 1002, "ada@google.example");
        assert_problem(&world.sign_in("corp"), 403, "account_disabled");
        assert_eq!((world.counts(), world.database().count("sessions WHERE revoked_at IS NULL")), ((1, 1), 1));
        disable("NULL");
        assert_eq!(world.signed_in("google")["user"]["id"], ada["user"]["id"]);
    }

    /// O-20: a deleted account's links are gone with it.
    fn who_is_deleted_begins_anew(world: &World) {
        let server = &world.server;
        let ada = world.signed_in("google");
        let code = world.browser().end_at_page("google", &[]).remove("code").unwrap();
        assert_done(&server.as_user(&ada).delete("/users/me"));
        assert_problem(&exchange(server, &code, None), 400, "token_invalid_or_expired");
        assert_eq!(world.counts(), (0, 0));
        assert_ne!(world.signed_in("google")["user"]["id"], ada["user"]["id"]);
    }

    /// P-26: closed registration is closed here, too; who has an account comes in.
    fn a_closed_registration_makes_no_account(world: &World) {
        let ada = world.signed_in("google");
        let closed = world.another(&[("AUTH_REGISTRATION", "closed")]);
        let sign_in = |provider: &str, query: &[(&str, &str)]| {
            let browser = crate::oauth_browser::Browser::of(world, &closed);
            browser.come_back(&browser.approve(provider, &browser.start(provider, query)))
        };
        assert_eq!(assert_tokens(&sign_in("google", &[]), 200)["user"]["id"], ada["user"]["id"]);
        for provider in ["discord", "github", "corp"] {
            assert_problem(&sign_in(provider, &[]), 403, "registration_closed");
            let brought = at_page(&sign_in(provider, &[("redirect_to", crate::oauth_browser::PAGE)]));
            assert_eq!(brought["error"], "registration_closed");
        }
        world.person("corp", 1001, "ada@google.example");
        assert_eq!(assert_tokens(&sign_in("corp", &[]), 200)["user"]["id"], ada["user"]["id"], "no new account");
        assert_eq!(world.counts(), (1, 2));
    }

    /// One person who comes several times at once is one account.
    fn who_comes_at_once_is_one_account(world: &World) {
        for provider in PROVIDERS {
            world.person(provider, 1001, VICTIM);
        }
        let answers = at_once(8, |index| world.sign_in(PROVIDERS[index % PROVIDERS.len()]));
        let ids: Vec<Value> = answers.iter().map(|answer| assert_tokens(answer, 200)["user"]["id"].clone()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(world.counts(), (1, 4));
    }
}
