//! Accounts and identities that somebody claimed with another's address before its owner came: H-01, H-03, H-05, H-06.

use serde_json::json;

use crate::audit;
use crate::calls::{ask_for_address, follow, forgot, log_in, register, reset, verify_as};
use crate::contract::{assert_accepted, assert_done, assert_problem, assert_tokens};
use crate::jwt::text;
use crate::mails::{link, links, mails_to, reset_link};
use crate::oauth_world::{PROVIDERS, World, exchange, linked, with_providers};
use crate::second_factor_app::{assert_backup_codes, begin, confirm};
use crate::support::PASSWORD;

const VICTIM: &str = "ada@example.org";
const NEW: &str = "nine bronze gates of Troy";

with_providers! {
    /// H-05: a stranger's address at a provider that doesn't verify keeps nobody from registering with it.
    fn a_claimed_address_stays_free(world: &World) {
        world.unverified_person("corp", 6666, VICTIM);
        let stranger = world.signed_in("corp");
        let victim = assert_tokens(&register(&world.server, VICTIM, PASSWORD), 201);
        assert_ne!(victim["user"]["id"], stranger["user"]["id"]);
        assert_done(&verify_as(&world.server, &victim, &link(&world.server, "verify-email", VICTIM)));
        assert_ne!(world.signed_in("corp")["user"]["id"], victim["user"]["id"]);
        assert_eq!((linked(&world.server, &victim).len(), linked(&world.server, &stranger).len()), (0, 1));
    }

    /// H-01: whoever registered an address that isn't theirs is not joined by its owner.
    fn an_account_that_nobody_verified_is_not_joined(world: &World) {
        let server = &world.server;
        let stranger = server.register(VICTIM);
        for provider in PROVIDERS {
            world.person(provider, 1001, VICTIM);
            let answer = world.sign_in(provider);
            assert_problem(&answer, 409, "account_exists");
            assert!(answer.text().contains("POST /auth/password/forgot"), "it tells what to do: {answer:?}");
            let brought = world.browser().end_at_page(provider, &[]);
            assert_eq!(brought["error"], "account_exists");
        }
        assert_eq!(world.counts(), (1, 0));
        assert_eq!(world.database().count("sessions"), 1, "the stranger's own");
        // The owner takes the account over by mail; nothing of the stranger's is left.
        assert_done(&reset(server, &reset_link(server, VICTIM), NEW));
        assert_problem(&server.as_user(&stranger).get("/users/me"), 401, "session_revoked");
        assert_problem(&server.refresh(&stranger), 401, "refresh_token_invalid");
        assert_problem(&log_in(server, VICTIM, PASSWORD), 401, "invalid_credentials");
        let owner = world.signed_in("google");
        assert_eq!((&owner["user"]["id"], &owner["user"]["email_verified"]), (&stranger["user"]["id"], &json!(true)));
        assert_eq!(linked(server, &owner), ["google"]);
    }

    /// H-01, H-03: nor is one that a stranger moved to the address by its owner's own click.
    fn an_account_that_was_moved_to_the_address_is_not_joined(world: &World) {
        let server = &world.server;
        let stranger = server.register("eve@evil.example");
        world.person("google", 6666, "eve@evil.example");
        assert_eq!(world.link(&stranger, "google").status, 200);
        assert_accepted(&ask_for_address(server, &stranger, VICTIM), "accepted");
        assert_done(&follow(server, "/auth/email/change/confirm", &link(server, "change-email", VICTIM)));
        for provider in PROVIDERS {
            world.person(provider, 1001, VICTIM);
            assert_problem(&world.sign_in(provider), 409, "account_exists");
            assert_eq!(world.browser().end_at_page(provider, &[])["error"], "account_exists");
        }
        assert_eq!(linked(server, &stranger), ["google"]);
        assert_done(&reset(server, &reset_link(server, VICTIM), NEW));
        assert_problem(&server.as_user(&stranger).get("/users/me"), 401, "session_revoked");
        assert_problem(&log_in(server, VICTIM, PASSWORD), 401, "invalid_credentials");
        let owner = world.signed_in("google");
        assert_eq!((&owner["user"]["id"], linked(server, &owner)), (&stranger["user"]["id"], vec!["google".to_owned()]));
        world.unverified_person("google", 6666, "eve@evil.example");
        assert_ne!(world.signed_in("google")["user"]["id"], owner["user"]["id"]);
    }

    /// H-03: what a stranger linked and added before the owner came is gone with the first proof.
    fn a_stranger_s_links_and_factors_are_gone_with_the_owner_s_reset(world: &World) {
        let server = &world.server;
        let stranger = server.register(VICTIM);
        let app = begin(server, &stranger);
        assert_backup_codes(&confirm(server, &stranger, &app.code()));
        for provider in ["google", "corp"] {
            world.person(provider, 6666, "eve@evil.example");
            assert_eq!(world.link(&stranger, provider).status, 200);
        }
        let code = world.browser().end_at_page("google", &[]).remove("code").unwrap();
        assert_done(&reset(server, &reset_link(server, VICTIM), NEW));
        assert_problem(&exchange(server, &code, None), 400, "token_invalid_or_expired");
        let owner = assert_tokens(&log_in(server, VICTIM, NEW), 200);
        assert_eq!(owner["user"]["id"], stranger["user"]["id"]);
        assert!(linked(server, &owner).is_empty());
        assert_eq!(owner["user"]["mfa_enabled"], false);
        let eve = world.signed_in("google");
        assert_ne!(eve["user"]["id"], owner["user"]["id"]);
        assert_eq!(world.signed_in("corp")["user"]["id"], eve["user"]["id"], "by the address that both verified");
        assert_eq!(audit::count(world.database(), "oauth.unlinked", text(&owner["user"]["id"])), 2);
    }

    /// H-03: nor does a stranger's linking end well that was begun before the owner's reset.
    fn a_linking_that_a_stranger_began_dies_with_the_reset(world: &World) {
        let server = &world.server;
        let stranger = server.register(VICTIM);
        let browser = world.browser();
        world.person("google", 6666, "eve@evil.example");
        let back = browser.approve("google", &browser.start_link(&stranger, "google", &[]));
        assert_done(&reset(server, &reset_link(server, VICTIM), NEW));
        assert_problem(&browser.come_back(&back), 400, "oauth_state_invalid");
        assert_eq!(world.counts(), (1, 0));
        let owner = assert_tokens(&log_in(server, VICTIM, NEW), 200);
        assert!(linked(server, &owner).is_empty());
    }

    /// H-03: who verifies with a proof shows that address and account are one person's, and keeps the links; so does a
    /// reset of an address that was verified before.
    fn links_of_the_owner_s_own_stay(world: &World) {
        let server = &world.server;
        let tokens = server.register(VICTIM);
        assert_eq!(world.link(&tokens, "google").status, 200);
        assert_done(&verify_as(server, &tokens, &link(server, "verify-email", VICTIM)));
        assert_eq!(linked(server, &tokens), ["google"]);
        assert_done(&reset(server, &reset_link(server, VICTIM), NEW));
        let tokens = assert_tokens(&log_in(server, VICTIM, NEW), 200);
        assert_eq!(linked(server, &tokens), ["google"]);
        assert_eq!(world.signed_in("google")["user"]["id"], tokens["user"]["id"]);
    }

    /// H-06: an account from a provider gets a password by a mail to its address alone.
    fn nobody_puts_a_password_on_a_provider_s_account(world: &World) {
        let server = &world.server;
        world.person("google", 1001, VICTIM);
        let owner = world.signed_in("google");
        assert_problem(&register(server, VICTIM, PASSWORD), 409, "email_taken");
        assert_problem(&log_in(server, VICTIM, PASSWORD), 401, "invalid_credentials");
        let change = json!({ "current_password": "", "new_password": NEW });
        assert_problem(&server.as_user(&owner).post("/auth/password/change", &change), 409, "no_password");
        assert_problem(
            &server.as_user(&owner).post("/auth/reauth", &json!({ "password": PASSWORD })),
            401,
            "invalid_credentials",
        );
        assert_accepted(&forgot(server, VICTIM), "accepted");
        assert_eq!(server.as_user(&owner).get("/users/me").json()["has_password"], false, "not by asking");
        let token = link(server, "reset-password", VICTIM);
        assert_eq!(mails_to(server, VICTIM).len(), 1);
        assert_done(&reset(server, &token, NEW));
        let user = &assert_tokens(&log_in(server, VICTIM, NEW), 200)["user"];
        assert_eq!((&user["id"], &user["has_password"]), (&owner["user"]["id"], &json!(true)));
        assert_eq!(world.signed_in("google")["user"]["id"], owner["user"]["id"]);
    }

    /// H-06 with required verification: a registration that waits is nobody's once the owner came by a provider.
    fn a_registration_that_waits_gives_way_to_the_owner(world: &World, &[("AUTH_REQUIRE_VERIFIED_EMAIL", "true")]) {
        let server = &world.server;
        assert_accepted(&register(server, VICTIM, PASSWORD), "verification_required");
        let stranger_s = link(server, "verify-email", VICTIM);
        world.person("google", 1001, VICTIM);
        let owner = world.signed_in("google");
        assert_eq!((&owner["user"]["has_password"], &owner["user"]["email_verified"]), (&json!(false), &json!(true)));
        let answer = crate::calls::verify_by_password(server, &stranger_s, PASSWORD);
        assert_problem(&answer, 400, "token_invalid_or_expired");
        assert_problem(&log_in(server, VICTIM, PASSWORD), 401, "invalid_credentials");
        assert_eq!((world.counts(), links(server, "verify-email", VICTIM).len()), ((1, 1), 1));
    }
}
