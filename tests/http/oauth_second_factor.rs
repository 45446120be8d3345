//! What is due before the session is due after a sign-in with another provider, too: REQ-23, REQ-30.

use serde_json::json;

use crate::calls::{answer_with_password, verify_as};
use crate::contract::{assert_challenge, assert_done, assert_problem, assert_tokens};
use crate::jwt::Jwt;
use crate::mails::link;
use crate::oauth_world::{PROVIDERS, World, exchange, with_providers};
use crate::second_factor_app::{
    EITHER, answer, assert_asked, assert_backup_codes, begin, confirm, fresh_code, protected,
};

with_providers! {
    /// REQ-23: at the callback and at the exchange.
    fn the_second_factor_is_asked_for(world: &World) {
        let server = &world.server;
        let bob = protected(server, "bob@example.org");
        for provider in PROVIDERS {
            assert_eq!(world.link(&bob.tokens, provider).status, 200);
        }
        let before = server.database.count("sessions");
        for provider in PROVIDERS {
            let challenge = assert_asked(&world.sign_in(provider), EITHER);
            assert_problem(&answer(server, &challenge, "totp", &bob.app.wrong()), 401, "invalid_code");
            let tokens = assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &bob.app)), 200);
            assert_eq!(tokens["user"]["id"], bob.tokens["user"]["id"]);
            let mut amr: Vec<String> = serde_json::from_value(Jwt::of(&tokens).claims["amr"].clone()).unwrap();
            amr.sort_unstable();
            assert_eq!(amr, ["fed", "mfa", "otp"], "{provider}");

            let code = world.browser().end_at_page(provider, &[]).remove("code").unwrap();
            let challenge = assert_asked(&exchange(server, &code, None), EITHER);
            assert_problem(&exchange(server, &code, None), 400, "token_invalid_or_expired");
            assert_tokens(&answer(server, &challenge, "totp", &fresh_code(server, &bob.app)), 200);
        }
        assert_eq!(server.database.count("sessions"), before + 8);
    }

    /// REQ-23, REQ-33: whoever comes by the account's address and can't show the factor is not linked to it.
    fn joining_by_the_address_waits_for_the_second_factor(world: &World) {
        let server = &world.server;
        let bob = protected(server, "bob@example.org");
        assert_done(&verify_as(server, &bob.tokens, &link(server, "verify-email", "bob@example.org")));
        for (count, provider) in (1..).zip(PROVIDERS) {
            world.person(provider, 1001, "bob@example.org");
            let here = assert_asked(&world.sign_in(provider), EITHER);
            let code = world.browser().end_at_page(provider, &[]).remove("code").unwrap();
            let there = assert_asked(&exchange(server, &code, None), EITHER);
            for challenge in [&here, &there] {
                assert_problem(&answer(server, challenge, "totp", &bob.app.wrong()), 401, "invalid_code");
                assert_eq!(world.counts(), (1, count - 1), "{provider}");
            }
            for challenge in [&there, &here] {
                let tokens = assert_tokens(&answer(server, challenge, "totp", &fresh_code(server, &bob.app)), 200);
                assert_eq!(tokens["user"]["id"], bob.tokens["user"]["id"]);
                assert_eq!(world.counts(), (1, count), "linked once");
            }
        }
    }

    /// REQ-23: the one who has no password adds one as well, and a provider alone is then not enough.
    fn an_account_without_a_password_can_have_one(world: &World) {
        let server = &world.server;
        let ada = world.signed_in("corp");
        let app = begin(server, &ada);
        let codes = assert_backup_codes(&confirm(server, &ada, &app.code()));
        let challenge = assert_asked(&world.sign_in("corp"), EITHER);
        let tokens = assert_tokens(&answer(server, &challenge, "backup_code", &codes[0]), 200);
        assert_eq!(tokens["user"]["mfa_enabled"], true);
        let disable = server.as_user(&tokens).post("/users/me/mfa/totp/disable", &json!({ "code": codes[1] }));
        assert_eq!(disable.status, 204, "{disable:?}");
        assert_tokens(&world.sign_in("corp"), 200);
    }

    /// A password that has to be changed is changed before the session opens.
    fn a_due_change_of_the_password_is_asked_for(world: &World) {
        let server = &world.server;
        let bob = server.register("bob@example.org");
        assert_eq!(world.link(&bob, "google").status, 200);
        server.database.execute(&format!("UPDATE users SET password_must_change = {}", server.database.yes()));
        let challenge = assert_challenge(&world.sign_in("google"), "change_password");
        assert_tokens(&answer_with_password(server, &challenge, "nine bronze gates of Troy"), 200);
        assert_tokens(&world.sign_in("google"), 200);
    }
}
