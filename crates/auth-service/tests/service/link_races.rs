//! Links and what else happens to their account, at once: whoever comes second waits, and nobody waits for ever.

use std::time::Duration;

use auth_service::LinkError;

use crate::bed::{Bed, Mailing, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, on_both_databases, together};

on_both_databases! {
    two_links_opened_at_once_verify_once,
    two_links_to_reset_used_at_once_have_one_winner,
    verifying_and_registering_again_at_once_both_get_an_answer,
    resetting_and_registering_again_at_once_both_get_an_answer,
    verifying_and_changing_the_password_at_once_both_get_an_answer,
}

/// So many tries at a race; a deadlock takes a second to be found.
const ROUNDS: usize = 24;

fn strict(bed: &Bed) -> Mailing {
    bed.mailing_with(|config| config.require_verified_email = true)
}

fn is_answered(result: &Result<(), LinkError>) -> bool {
    matches!(result, Ok(()) | Err(LinkError::TokenInvalid | LinkError::ProofRequired))
}

/// Each would end the other.
fn two_links_opened_at_once_verify_once(bed: &Bed) {
    let service = bed.mailing();
    for round in 0..16 {
        let email = format!("user-{round}@example.org");
        let ada = service.register(&email);
        let first = service.token("verify-email");
        bed.clock().advance(Duration::from_mins(1));
        let ada = service.refreshed(&ada.refresh);
        service.resend(&email).unwrap();
        let tokens = [first, service.token("verify-email")];
        let results = together(8, |number| service.verify_as(&tokens[number % 2], &ada));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(LinkError::TokenInvalid))), "{results:?}");
    }
}

/// P-01, P-02
fn two_links_to_reset_used_at_once_have_one_winner(bed: &Bed) {
    let service = bed.mailing();
    for round in 0..ROUNDS / 4 {
        let email = format!("user-{round}@example.org");
        service.register(&email);
        service.mails();
        let tokens = [0, 1].map(|_| {
            bed.clock().advance(Duration::from_mins(1));
            service.reset_token(&email)
        });
        let results = together(4, |number| service.reset(&tokens[number % 2], NEW_PASSWORD));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().all(is_answered), "{results:?}");
    }
}

fn verifying_and_registering_again_at_once_both_get_an_answer(bed: &Bed) {
    let service = strict(bed);
    for round in 0..ROUNDS {
        let email = format!("user-{round}@example.org");
        service.register_pending(&email).unwrap();
        let token = service.token("verify-email");
        together(6, |number| {
            if number.is_multiple_of(2) {
                let result = service.verify_by_password(&token, PASSWORD);
                assert!(is_answered(&result), "{result:?}");
            } else {
                service.register_pending_with(&email, OTHER_PASSWORD).unwrap();
            }
        });
        service.mails();
    }
}

fn resetting_and_registering_again_at_once_both_get_an_answer(bed: &Bed) {
    let service = strict(bed);
    for round in 0..ROUNDS {
        let email = format!("user-{round}@example.org");
        service.register_pending(&email).unwrap();
        let token = service.reset_token(&email);
        together(6, |number| {
            if number.is_multiple_of(2) {
                let result = service.reset(&token, NEW_PASSWORD);
                assert!(is_answered(&result), "{result:?}");
            } else {
                service.register_pending_with(&email, OTHER_PASSWORD).unwrap();
            }
        });
        service.mails();
    }
}

fn verifying_and_changing_the_password_at_once_both_get_an_answer(bed: &Bed) {
    let service = bed.mailing();
    for round in 0..ROUNDS {
        let email = format!("user-{round}@example.org");
        let account = service.register(&email);
        let token = service.token("verify-email");
        together(2, |number| {
            if number == 0 {
                let result = service.verify_as(&token, &account);
                assert!(is_answered(&result), "{result:?}");
            } else {
                service.change_password(&account, PASSWORD, NEW_PASSWORD).unwrap();
            }
        });
        service.mails();
    }
}
