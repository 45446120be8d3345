//! The challenge to verify one's address before one gets in (REQ-09): the contract's `email_link`.

use std::time::Duration;

use auth_service::{ChallengeAnswer, ChallengeError, ChallengeKind, Step};

use crate::bed::{
    Bed, Instance, Mailing, NEW_PASSWORD, PASSWORD, block_on, browser, faults, on_both_databases, together, tokens,
};

on_both_databases! {
    the_link_s_token_verifies_and_goes_on,
    without_a_code_it_goes_on_once_verified_elsewhere,
    five_wrong_codes_end_the_challenge,
    the_fifth_try_may_be_the_right_one,
    a_challenge_lasts_five_minutes,
    of_sixteen_answers_at_once_one_gets_in,
    an_account_from_before_the_switch_is_asked_to_verify,
    an_account_that_was_disabled_meanwhile_is_told_so,
    an_answer_by_another_method_is_named_and_costs_no_try,
    each_kind_of_due_is_asked_in_its_turn,
}

const ADA: &str = "ada@example.org";
const KIND: ChallengeKind = ChallengeKind::VerifyEmail;

fn strict(bed: &Bed) -> Mailing {
    bed.mailing_with(|config| config.require_verified_email = true)
}

/// A registration that waits, the token of its link, and a challenge for its password.
fn waiting(service: &Mailing) -> (String, String) {
    service.register_pending(ADA).unwrap();
    (service.token("verify-email"), service.challenged(ADA, PASSWORD, KIND))
}

fn is(answer: Result<Step, ChallengeError>, expected: &ChallengeError) -> bool {
    answer.is_err_and(|error| error.code() == expected.code())
}

fn the_link_s_token_verifies_and_goes_on(bed: &Bed) {
    let service = strict(bed);
    let (token, challenge) = waiting(&service);
    let tokens = tokens(service.answer_link(&challenge, Some(&token)).unwrap());
    assert!(tokens.user.email_verified);
    assert_eq!(service.claims(tokens.access_token.expose()).amr, ["pwd"]);
    assert!(service.refresh(tokens.refresh_token.expose()).is_ok());
    for code in [Some(token.as_str()), None] {
        assert!(is(service.answer_link(&challenge, code), &ChallengeError::ChallengeInvalid), "it is used up");
    }
    assert_eq!(bed.count("sessions", "true"), 1);
}

fn without_a_code_it_goes_on_once_verified_elsewhere(bed: &Bed) {
    let service = strict(bed);
    let (token, challenge) = waiting(&service);
    for _ in 0..12 {
        let pending = service.answer_link(&challenge, None);
        assert!(is(pending, &ChallengeError::VerificationPending), "no try is counted");
    }
    service.verify_by_challenge(&token, &challenge).unwrap();
    assert!(matches!(service.answer_link(&challenge, None), Ok(Step::Authenticated(_))));
    assert!(is(service.answer_link(&challenge, None), &ChallengeError::ChallengeInvalid));
}

/// Guesses at 256 bits are hopeless; the bound is the contract's for every kind.
fn five_wrong_codes_end_the_challenge(bed: &Bed) {
    let service = strict(bed);
    let (token, challenge) = waiting(&service);
    service.register_pending("bob@example.org").unwrap();
    let other = service.token("verify-email");
    let short = &token[..token.len() - 1];
    for wrong in [other.as_str(), short, "", "ot_", &challenge] {
        assert!(is(service.answer_link(&challenge, Some(wrong)), &ChallengeError::InvalidCode), "{wrong}");
    }
    for code in [Some(token.as_str()), Some("ot_"), None] {
        assert!(is(service.answer_link(&challenge, code), &ChallengeError::ChallengeInvalid));
    }
    let again = service.challenged(ADA, PASSWORD, KIND);
    assert!(service.answer_link(&again, Some(&token)).is_ok(), "the link is good still");
}

fn the_fifth_try_may_be_the_right_one(bed: &Bed) {
    let service = strict(bed);
    let (token, challenge) = waiting(&service);
    for _ in 0..4 {
        assert!(is(service.answer_link(&challenge, Some("ot_wrong")), &ChallengeError::InvalidCode));
    }
    assert!(service.answer_link(&challenge, Some(&token)).is_ok());
}

fn a_challenge_lasts_five_minutes(bed: &Bed) {
    let service = strict(bed);
    let (token, challenge) = waiting(&service);
    bed.clock().advance(Duration::from_mins(5));
    assert!(is(service.answer_link(&challenge, Some(&token)), &ChallengeError::ChallengeInvalid));
    let again = service.challenged(ADA, PASSWORD, KIND);
    bed.clock().advance(Duration::from_mins(5).saturating_sub(Duration::from_micros(1)));
    assert!(service.answer_link(&again, Some(&token)).is_ok());
}

fn of_sixteen_answers_at_once_one_gets_in(bed: &Bed) {
    let service = strict(bed);
    let (token, challenge) = waiting(&service);
    let results = together(16, |number| {
        service.answer_link(&challenge, Some(token.as_str()).filter(|_| !number.is_multiple_of(4)))
    });
    let opened = results.iter().filter(|result| result.is_ok()).count();
    // The one who verified may have lost the challenge to one who only asked, and the other way round.
    assert!(opened <= 1, "{results:?}");
    assert_eq!(bed.count("users", "true"), 1);
    assert_eq!(bed.count("sessions", "true"), i64::try_from(opened).unwrap());
    assert_eq!(opened, 1, "{results:?}");
}

/// The mode was switched on later; the mail is sent with the challenge, but not twice in a minute.
fn an_account_from_before_the_switch_is_asked_to_verify(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.register(ADA);
    service.mails();
    bed.clock().advance(Duration::from_mins(1));
    let strict = service.another(bed, |config| config.require_verified_email = true);
    let challenge = strict.challenged(ADA, PASSWORD, KIND);
    assert!(is(strict.answer_link(&challenge, None), &ChallengeError::VerificationPending));
    let token = service.token("verify-email");
    strict.challenged(ADA, PASSWORD, KIND);
    assert!(service.mails().is_empty());
    let tokens = tokens(strict.answer_link(&challenge, Some(&token)).unwrap());
    assert_eq!(tokens.user.id, ada.user);
    assert!(tokens.user.email_verified);
    assert!(strict.try_log_in(ADA, PASSWORD).is_ok(), "nothing is due any more");
}

/// T-22, L-22
fn an_account_that_was_disabled_meanwhile_is_told_so(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    let strict = service.another(bed, |config| config.require_verified_email = true);
    let (token, challenge) = (service.token("verify-email"), strict.challenged(ADA, PASSWORD, KIND));
    let other = strict.challenged(ADA, PASSWORD, KIND);
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert!(strict.answer_link(&challenge, Some(&token)).is_err());
    bed.execute("UPDATE users SET email_verified_at = created_at");
    assert!(is(strict.answer_link(&other, None), &ChallengeError::AccountDisabled));
    assert_eq!(bed.count("sessions", "true"), 1, "the one of the registration");
}

fn refused(service: &Instance, answer: ChallengeAnswer<'_>) -> Vec<(&'static str, &'static str)> {
    match block_on(service.service.answer_challenge(answer, &browser())) {
        Err(ChallengeError::Invalid(errors)) => faults(&errors),
        other => panic!("{other:?}"),
    }
}

fn an_answer_by_another_method_is_named_and_costs_no_try(bed: &Bed) {
    let service = strict(bed);
    let (token, challenge) = waiting(&service);
    let answer = ChallengeAnswer { token: Some(&challenge), code: Some(&token), ..ChallengeAnswer::default() };
    for method in ["new_password", "totp", "", "EMAIL_LINK"] {
        for _ in 0..2 {
            let fields = refused(&service, ChallengeAnswer { method: Some(method), ..answer });
            assert_eq!(fields, [("method", "unknown_method")], "{method}");
        }
    }
    assert_eq!(refused(&service, answer), [("method", "required")]);
    let nothing = refused(&service, ChallengeAnswer::default());
    assert_eq!(nothing, [("token", "required"), ("method", "required")]);
    assert!(service.answer_link(&challenge, Some(&token)).is_ok());
}

/// First the address, then the password; each step has a challenge of its own.
fn each_kind_of_due_is_asked_in_its_turn(bed: &Bed) {
    let service = bed.mailing();
    service.register(ADA);
    bed.execute("UPDATE users SET password_must_change = true");
    let strict = service.another(bed, |config| config.require_verified_email = true);
    let token = service.token("verify-email");
    let first = strict.challenged(ADA, PASSWORD, KIND);
    let next = strict.answer_link(&first, Some(&token)).unwrap();
    let second = crate::bed::challenge(next, ChallengeKind::ChangePassword);
    assert_ne!(first, second);
    assert!(is(strict.answer_link(&first, None), &ChallengeError::ChallengeInvalid));
    let done = tokens(strict.answer_password(&second, NEW_PASSWORD).unwrap());
    assert!(!done.user.password_must_change && done.user.email_verified);
    assert_eq!(strict.claims(done.access_token.expose()).amr, ["pwd"]);
}
