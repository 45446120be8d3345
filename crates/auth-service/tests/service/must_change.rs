//! The challenge to set a new password before one gets in (REQ-07).

use std::time::Duration;

use auth_service::{ChallengeAnswer, ChallengeError, ChallengeKind, Step};

use crate::bed::{
    Bed, Instance, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, block_on, browser, faults, on_both_databases, together,
    tokens,
};

on_both_databases! {
    a_new_password_opens_the_session,
    a_refused_password_does_not_cost_the_challenge,
    of_sixteen_answers_at_once_one_gets_in,
    a_challenge_dies_with_a_security_event,
    a_challenge_lasts_five_minutes,
    an_account_that_was_disabled_meanwhile_is_told_so,
    a_deleted_account_has_no_challenge,
    sessions_that_were_open_end,
    the_challenge_opens_nothing_else,
    an_answer_without_a_password_is_named,
}

const ADA: &str = "ada@example.org";
const KIND: ChallengeKind = ChallengeKind::ChangePassword;

/// An account whose password must be changed.
fn obliged(bed: &Bed, service: &Instance) -> auth_core::UserId {
    let user = service.register(ADA).user;
    bed.execute("UPDATE users SET password_must_change = true");
    user
}

fn is_invalid(answer: &Result<Step, ChallengeError>) -> bool {
    matches!(answer, Err(ChallengeError::ChallengeInvalid))
}

fn a_new_password_opens_the_session(bed: &Bed) {
    let service = bed.mailing();
    let user = obliged(bed, &service);
    let challenge = service.challenged(ADA, PASSWORD, KIND);
    let tokens = tokens(service.answer_password(&challenge, NEW_PASSWORD).unwrap());
    assert!(!tokens.user.password_must_change);
    assert_eq!(service.claims(tokens.access_token.expose()).amr, ["pwd"]);
    assert!(service.refresh(tokens.refresh_token.expose()).is_ok());
    assert!(is_invalid(&service.answer_password(&challenge, OTHER_PASSWORD)), "it is used up");
    assert!(service.try_log_in(ADA, PASSWORD).is_err());
    assert!(service.try_log_in(ADA, NEW_PASSWORD).is_ok(), "nothing is due any more");
    assert_eq!(bed.count_events(user, "password.changed"), 1);
    assert!(service.mails().iter().any(|mail| mail.is("secure-account", ADA)));
}

/// REQ-02, P-28
fn a_refused_password_does_not_cost_the_challenge(bed: &Bed) {
    let service = bed.service();
    obliged(bed, &service);
    let challenge = service.challenged(ADA, PASSWORD, KIND);
    let refused = |new: &str| match service.answer_password(&challenge, new) {
        Err(ChallengeError::Invalid(errors)) => faults(&errors),
        other => panic!("{other:?}"),
    };
    for _ in 0..3 {
        assert_eq!(refused("short"), [("new_password", "weak_password")]);
        assert_eq!(refused("Ada@Example.org"), [("new_password", "weak_password")]);
        assert_eq!(refused(PASSWORD), [("new_password", "password_unchanged")]);
    }
    assert!(service.answer_password(&challenge, NEW_PASSWORD).is_ok());
}

fn of_sixteen_answers_at_once_one_gets_in(bed: &Bed) {
    let service = bed.service();
    let user = obliged(bed, &service);
    let challenge = service.challenged(ADA, PASSWORD, KIND);
    let password = |number: usize| format!("{NEW_PASSWORD} {number:02}");
    let results = together(16, |number| service.answer_password(&challenge, &password(number)));
    let winners: Vec<_> = (0..16).filter(|number| results[*number].is_ok()).collect();
    let [winner] = winners.as_slice() else { panic!("{results:?}") };
    assert_eq!(results.iter().filter(|result| is_invalid(result)).count(), 15, "{results:?}");
    assert_eq!((bed.count("sessions", "revoked_at IS NULL"), bed.count_events(user, "password.changed")), (1, 1));
    assert!(service.try_log_in(ADA, &password(*winner)).is_ok());
}

/// P-13: whoever began to sign in with the old password doesn't get to the end.
fn a_challenge_dies_with_a_security_event(bed: &Bed) {
    let service = bed.mailing();
    let user = obliged(bed, &service);
    let stranger = service.challenged(ADA, PASSWORD, KIND);
    service.reset(&service.reset_token(ADA), NEW_PASSWORD).unwrap();
    assert!(is_invalid(&service.answer_password(&stranger, OTHER_PASSWORD)));
    bed.execute("UPDATE users SET password_must_change = true");
    let [one, other] = [0, 1].map(|_| service.challenged(ADA, NEW_PASSWORD, KIND));
    assert!(service.answer_password(&one, PASSWORD).is_ok());
    assert!(is_invalid(&service.answer_password(&other, OTHER_PASSWORD)), "another challenge of the same user");
    bed.execute("UPDATE users SET password_must_change = true");
    let third = service.challenged(ADA, PASSWORD, KIND);
    let mails = service.mails();
    let secure = &mails.iter().find(|mail| mail.purpose == "secure-account").unwrap().token;
    service.secure(secure).unwrap();
    assert!(is_invalid(&service.answer_password(&third, OTHER_PASSWORD)));
    assert!(bed.user(user).unwrap().password_hash.is_none());
}

fn a_challenge_lasts_five_minutes(bed: &Bed) {
    let service = bed.service();
    obliged(bed, &service);
    let challenge = service.challenged(ADA, PASSWORD, KIND);
    bed.clock().advance(Duration::from_mins(5));
    assert!(is_invalid(&service.answer_password(&challenge, NEW_PASSWORD)));
    let challenge = service.challenged(ADA, PASSWORD, KIND);
    bed.clock().advance(Duration::from_mins(5).saturating_sub(Duration::from_micros(1)));
    assert!(service.answer_password(&challenge, NEW_PASSWORD).is_ok());
}

/// T-22, L-22
fn an_account_that_was_disabled_meanwhile_is_told_so(bed: &Bed) {
    let service = bed.service();
    let user = obliged(bed, &service);
    let challenge = service.challenged(ADA, PASSWORD, KIND);
    bed.execute("UPDATE users SET disabled_at = created_at");
    let before = bed.user(user);
    let answer = service.answer_password(&challenge, NEW_PASSWORD);
    assert!(matches!(answer, Err(ChallengeError::AccountDisabled)), "{answer:?}");
    assert_eq!(bed.user(user), before);
}

fn a_deleted_account_has_no_challenge(bed: &Bed) {
    let service = bed.service();
    obliged(bed, &service);
    let challenge = service.challenged(ADA, PASSWORD, KIND);
    bed.execute("DELETE FROM users");
    assert!(is_invalid(&service.answer_password(&challenge, NEW_PASSWORD)));
    service.register(ADA);
    assert!(is_invalid(&service.answer_password(&challenge, NEW_PASSWORD)));
}

/// The flag was set while they were open.
fn sessions_that_were_open_end(bed: &Bed) {
    let service = bed.service();
    let (one, other) = (service.register(ADA), service.log_in(ADA));
    bed.execute("UPDATE users SET password_must_change = true");
    assert!(service.refresh(&one.refresh).is_err(), "none goes on");
    let challenge = service.challenged(ADA, PASSWORD, KIND);
    let opened = tokens(service.answer_password(&challenge, NEW_PASSWORD).unwrap());
    assert!(service.is_over(&one) && service.is_over(&other));
    assert!(service.verify(opened.access_token.expose()).is_ok());
    assert!(service.refresh(opened.refresh_token.expose()).is_ok());
}

/// M-08
fn the_challenge_opens_nothing_else(bed: &Bed) {
    let service = bed.service();
    obliged(bed, &service);
    let challenge = service.challenged(ADA, PASSWORD, KIND);
    assert!(service.verify(&challenge).is_err() && service.refresh(&challenge).is_err());
    let link = service.answer_link(&challenge, Some("ot_"));
    assert!(matches!(link, Err(ChallengeError::Invalid(_))), "{link:?}");
    assert!(bed.count("users", "password_must_change = true") == 1);
    let (other, known) = (bed.service(), challenge.strip_suffix(|_: char| true).unwrap());
    assert!(is_invalid(&service.answer_password(known, NEW_PASSWORD)));
    assert!(is_invalid(&other.answer_password(&challenge, NEW_PASSWORD)), "it lies in one process's memory");
    assert!(service.answer_password(&challenge, NEW_PASSWORD).is_ok());
}

fn an_answer_without_a_password_is_named(bed: &Bed) {
    let service = bed.service();
    obliged(bed, &service);
    let challenge = service.challenged(ADA, PASSWORD, KIND);
    let answer = ChallengeAnswer {
        token: Some(&challenge),
        method: Some("new_password"),
        code: Some(NEW_PASSWORD),
        ..ChallengeAnswer::default()
    };
    match block_on(service.service.answer_challenge(answer, &browser())) {
        Err(ChallengeError::Invalid(errors)) => assert_eq!(faults(&errors), [("new_password", "required")]),
        other => panic!("{other:?}"),
    }
    assert!(service.answer_password(&challenge, NEW_PASSWORD).is_ok());
}
