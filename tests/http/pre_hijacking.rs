//! Accounts that somebody made with another's address before its owner came (section 2.F of the security rows).

use serde_json::json;

use crate::calls::{
    answer_with_link, ask_for_address, follow, forgot, log_in, register, reset, verify_as, verify_by_password,
};
use crate::contract::{assert_accepted, assert_challenge, assert_done, assert_problem, assert_tokens};
use crate::mails::{a_minute_later, link, links, reset_link};
use crate::support::{PASSWORD, Server, on_every_database};
use crate::verified_email_required::required;

/// The stranger's password, and the owner's.
const THEIRS: &str = PASSWORD;
const MINE: &str = "nine bronze gates of Troy";

const VICTIM: &str = "ada@example.org";

on_every_database! {
    /// H-02: the stranger's session doesn't outlive the owner's first proof.
    fn the_owner_s_reset_puts_a_stranger_out(server: &Server) {
        let stranger = server.register(VICTIM);
        let second = server.log_in(VICTIM);
        assert_done(&reset(server, &reset_link(server, VICTIM), MINE));
        for tokens in [&stranger, &second] {
            assert_problem(&server.as_user(tokens).get("/users/me"), 401, "session_revoked");
            assert_problem(&server.refresh(tokens), 401, "refresh_token_invalid");
        }
        assert_problem(&log_in(server, VICTIM, THEIRS), 401, "invalid_credentials");
        assert_eq!(assert_tokens(&log_in(server, VICTIM, MINE), 200)["user"]["email_verified"], true);
    }

    /// H-02: the owner's click alone makes nothing of the stranger's account, whoever is signed in where it happens.
    fn the_owner_s_click_verifies_no_account_of_a_stranger(server: &Server) {
        let stranger = server.register(VICTIM);
        let token = link(server, "verify-email", VICTIM);
        assert_problem(&server.client.post("/auth/email/verify", &json!({ "token": token })), 401, "proof_required");
        assert_problem(&verify_by_password(server, &token, MINE), 401, "proof_required");
        assert_eq!(server.as_user(&stranger).get("/users/me").json()["email_verified"], false);
        assert_done(&reset(server, &reset_link(server, VICTIM), MINE));
        assert_problem(&verify_as(server, &assert_tokens(&log_in(server, VICTIM, MINE), 200), &token), 400, "token_invalid_or_expired");
    }

    /// H-04: a change of address that the stranger began doesn't outlive the owner's reset, asked for or confirmed late.
    fn a_change_of_address_by_a_stranger_dies_with_the_reset(server: &Server) {
        let stranger = server.register(VICTIM);
        assert_accepted(&ask_for_address(server, &stranger, "stranger@example.org"), "accepted");
        let confirm = link(server, "change-email", "stranger@example.org");
        assert_done(&reset(server, &reset_link(server, VICTIM), MINE));
        assert_problem(&follow(server, "/auth/email/change/confirm", &confirm), 400, "token_invalid_or_expired");
        assert_problem(&ask_for_address(server, &stranger, "stranger@example.org"), 401, "session_revoked");
        let owner = assert_tokens(&log_in(server, VICTIM, MINE), 200);
        assert_eq!(owner["user"]["email"], VICTIM);
    }

    /// A stranger who moves an account onto the owner's address gets no way back by undoing it.
    fn an_account_that_was_moved_onto_an_address_is_its_owner_s_after_a_reset(server: &Server) {
        let stranger = server.register("stranger@example.org");
        assert_accepted(&ask_for_address(server, &stranger, VICTIM), "accepted");
        // The mail went to the owner, who never asked for it: nothing happens without the link.
        assert_accepted(&forgot(server, VICTIM), "accepted");
        assert!(links(server, "reset-password", VICTIM).is_empty());
        assert_tokens(&register(server, VICTIM, MINE), 201);
        assert_eq!(server.as_user(&stranger).get("/users/me").json()["email"], "stranger@example.org");
    }

    /// With required verification: the owner registers after the stranger, whose registration is gone with its link.
    fn a_later_registration_replaces_that_of_a_stranger(server: &Server, required()) {
        assert_accepted(&register(server, VICTIM, THEIRS), "verification_required");
        let (first, challenge) = (link(server, "verify-email", VICTIM), assert_challenge(&log_in(server, VICTIM, THEIRS), "verify_email"));
        assert_accepted(&register(server, VICTIM, MINE), "verification_required");
        let second = link(server, "verify-email", VICTIM);
        assert_ne!(first, second, "the mail comes although a minute has not passed");
        assert_problem(&log_in(server, VICTIM, THEIRS), 401, "invalid_credentials");
        for password in [THEIRS, MINE] {
            assert_problem(&verify_by_password(server, &first, password), 400, "token_invalid_or_expired");
        }
        assert_problem(&verify_by_password(server, &second, THEIRS), 401, "proof_required");
        let body = json!({ "token": second, "challenge_token": challenge });
        assert_problem(&server.client.post("/auth/email/verify", &body), 401, "proof_required");
        assert_done(&verify_by_password(server, &second, MINE));
        assert_tokens(&log_in(server, VICTIM, MINE), 200);
        for code in [None, Some(first.as_str()), Some(second.as_str())] {
            let answer = answer_with_link(server, &challenge, code);
            assert_eq!(answer.status, 401, "{answer:?}");
        }
        assert_problem(&log_in(server, VICTIM, THEIRS), 401, "invalid_credentials");
    }

    /// With required verification: the stranger registers last; the owner's click with the owner's password does nothing.
    fn the_owner_gets_in_by_a_reset_when_a_stranger_registered_last(server: &Server, required()) {
        assert_accepted(&register(server, VICTIM, MINE), "verification_required");
        assert_accepted(&register(server, VICTIM, THEIRS), "verification_required");
        let stranger_s = link(server, "verify-email", VICTIM);
        assert_problem(&server.client.post("/auth/email/verify", &json!({ "token": stranger_s })), 401, "proof_required");
        assert_problem(&verify_by_password(server, &stranger_s, MINE), 401, "proof_required");
        assert_done(&reset(server, &reset_link(server, VICTIM), MINE));
        assert_eq!(assert_tokens(&log_in(server, VICTIM, MINE), 200)["user"]["email_verified"], true);
        assert_problem(&log_in(server, VICTIM, THEIRS), 401, "invalid_credentials");
        assert_problem(&verify_by_password(server, &stranger_s, THEIRS), 400, "token_invalid_or_expired");
    }

    /// With required verification: the owner verifies what the owner registered; a stranger's registration afterwards
    /// changes nothing.
    fn a_registration_for_a_verified_address_changes_nothing(server: &Server, required()) {
        let owner = crate::verified_email_required::verified_user(server, VICTIM);
        a_minute_later(server);
        assert_accepted(&register(server, VICTIM, "ten silver gates of Tyre"), "verification_required");
        let challenge = assert_challenge(&log_in(server, VICTIM, "ten silver gates of Tyre"), "verify_email");
        assert_problem(&answer_with_link(server, &challenge, None), 401, "verification_pending");
        assert_eq!(server.as_user(&owner).get("/users/me").status, 200);
        assert_eq!(links(server, "verify-email", VICTIM).len(), 1);
        assert_eq!(server.database.count("users"), 1);
    }

    /// H-02 with required verification: the stranger's half-done sign-in dies with the owner's reset of what the
    /// stranger registered.
    fn a_stranger_s_challenge_dies_when_the_owner_resets_the_registration(server: &Server, required()) {
        assert_accepted(&register(server, VICTIM, THEIRS), "verification_required");
        let challenge = assert_challenge(&log_in(server, VICTIM, THEIRS), "verify_email");
        assert_done(&reset(server, &reset_link(server, VICTIM), MINE));
        assert_problem(&answer_with_link(server, &challenge, None), 401, "challenge_invalid");
        assert_eq!(server.database.count("sessions"), 0);
        assert_tokens(&log_in(server, VICTIM, MINE), 200);
    }
}
