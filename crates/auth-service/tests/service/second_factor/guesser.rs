//! Who knows the password and guesses codes by every rule, with new challenges and from any address, gets a hundred
//! tries; then the factor is disabled until it is bound anew (M-05; NIST SP 800-63B-4, section 3.2.2).

use std::time::Duration;

use auth_persistence::authenticator_failure::Authenticator;
use auth_service::{ChallengeAnswer, ChallengeError, Client, LoginAttempt, Step};

use super::{
    ADA, CALLS, NO_BACKUP_CODE, Protected, STEP, TRIES, by_code, by_password, is_dead, is_wrong, is_wrong_proof, opened,
};
use crate::bed::{Bed, Instance, Mailing, PASSWORD, block_on, on_both_databases, together};

on_both_databases! {
    a_guesser_has_a_hundred_tries_and_no_more,
    the_right_code_as_try_100_works_and_as_try_101_does_not,
    a_disabled_factor_takes_no_code_at_any_call,
    no_time_and_no_restart_brings_a_disabled_factor_back,
    a_right_code_among_many_at_once_comes_before_the_hundredth_or_not_at_all,
    two_hundred_guesses_at_once_disable_it_once,
    who_is_signed_in_stays_so_and_binds_a_factor_anew,
}

fn set_wrong_codes(bed: &Bed, count: i64) {
    bed.execute("DELETE FROM authenticator_failures WHERE authenticator = 'second_factor'");
    bed.execute(&format!(
        "INSERT INTO authenticator_failures (user_id, authenticator, lane, count)
         SELECT id, 'second_factor', 'any', {count} FROM users WHERE email = '{ADA}'"
    ));
}

/// One that goes on from address to address and from challenge to challenge.
struct Guesser<'a> {
    service: &'a Instance,
    challenge: Option<(String, usize)>,
    addresses: u32,
    /// Codes that were looked at: right or wrong ones, but not answers to dead challenges.
    tries: usize,
}

impl<'a> Guesser<'a> {
    fn of(service: &'a Instance) -> Self {
        Self { service, challenge: None, addresses: 0, tries: 0 }
    }

    fn next_client(&mut self) -> Client {
        self.addresses += 1;
        let [.., third, fourth] = self.addresses.to_be_bytes();
        let address = if self.addresses.is_multiple_of(2) {
            [198, 18, third, fourth].into()
        } else {
            std::net::Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(self.addresses) << 64).into()
        };
        Client::at(Some(address)).with_user_agent(format!("browser {}", self.addresses).as_bytes())
    }

    /// Shows a code, to a new challenge if the last one is used up.
    fn guess(&mut self, method: &str, code: &str) -> Result<Step, ChallengeError> {
        let client = self.next_client();
        let (challenge, used) = match self.challenge.take() {
            Some((challenge, used)) if used < TRIES => (challenge, used),
            _ => {
                let attempt = LoginAttempt { identifier: Some(ADA), password: Some(PASSWORD), device_token: None };
                match block_on(self.service.service.log_in(attempt, &client)).unwrap() {
                    Step::Challenge(challenge) => (challenge.token.expose().to_owned(), 0),
                    Step::Authenticated(_) => panic!("no code was asked for"),
                }
            }
        };
        let answer = ChallengeAnswer {
            token: Some(&challenge),
            method: Some(method),
            code: Some(code),
            ..ChallengeAnswer::default()
        };
        let answer = block_on(self.service.service.answer_challenge(answer, &client));
        assert!(!is_dead(&answer), "a rule was broken: {answer:?}");
        self.tries += 1;
        self.challenge = Some((challenge, used + 1));
        answer
    }

    /// Guesses wrongly, by turns a code of the app and a backup code.
    fn guess_wrongly(&mut self, user: &Protected, times: usize) {
        let wrong: Vec<String> = user.app.wrong_codes(self.service).take(times).collect();
        for (number, wrong) in wrong.iter().enumerate() {
            let backup = format!("{number:04}-0000-00000");
            let (method, code) = if number % 2 == 0 { ("totp", wrong) } else { ("backup_code", &backup) };
            assert!(is_wrong(&self.guess(method, code)), "{number}");
        }
    }
}

/// Mails that tell that codes were switched off.
fn locked_mails(service: &Mailing) -> usize {
    service.mails().iter().filter(|mail| mail.mail.subject().contains("switched off") && mail.to == ADA).count()
}

/// The figure of issue part "Figures to show".
fn a_guesser_has_a_hundred_tries_and_no_more(bed: &Bed) {
    let service = bed.mailing();
    let ada = service.protect(service.verified(ADA));
    let mut guesser = Guesser::of(&service);
    guesser.guess_wrongly(&ada, 99);
    assert_eq!(locked_mails(&service), 0);
    guesser.guess_wrongly(&ada, 1);
    assert_eq!((guesser.tries, bed.count_events(ada.user(), "mfa.failed")), (100, 100));
    assert_eq!(locked_mails(&service), 1);
    // From here on right codes are answered like wrong ones, so nothing is learnt from any further try.
    for (number, code) in ada.backup_codes.iter().enumerate() {
        assert!(is_wrong(&guesser.guess("backup_code", code)), "{number}");
        assert!(is_wrong(&guesser.guess("totp", &ada.app.next(&service))), "{number}");
    }
    guesser.guess_wrongly(&ada, 100);
    assert!(bed.count_events(ada.user(), "login.succeeded") == 0 && bed.count("sessions", "true") == 1);
    assert_eq!(service.factor_of(ada.user()).backup_codes_left, 10, "none was compared, so none was spent");
    assert_eq!(locked_mails(&service), 0, "the owner is told once");
    assert_eq!(bed.failures_of(ada.user(), Authenticator::Password), 0);
    assert!(guesser.addresses > 200);
}

/// Tries are counted by what was looked at: the hundredth still is, the next one is not.
fn the_right_code_as_try_100_works_and_as_try_101_does_not(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    for (method, wrong_before) in [("totp", 99), ("backup_code", 99), ("totp", 100), ("backup_code", 100)] {
        bed.execute("DELETE FROM authenticator_failures");
        let mut guesser = Guesser::of(&service);
        guesser.guess_wrongly(&ada, wrong_before);
        assert_eq!(bed.wrong_codes(ada.user()), i64::try_from(wrong_before).unwrap());
        let code = if method == "totp" { ada.app.next(&service) } else { ada.backup_codes[wrong_before - 99].clone() };
        let answer = opened(guesser.guess(method, &code)).map(drop);
        assert_eq!(answer.is_ok(), wrong_before == 99, "{method} as try {}: {answer:?}", guesser.tries);
        assert!(answer.is_ok() || is_wrong(&answer));
    }
}

/// REQ-24: "the same `InvalidCode`".
fn a_disabled_factor_takes_no_code_at_any_call(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    set_wrong_codes(bed, 99);
    let before = bed.user(ada.user());
    assert!(
        is_wrong_proof(&service.reauthenticate(&ada.account, by_code(NO_BACKUP_CODE))),
        "any call's may be the last"
    );
    for code in [ada.app.next(&service), ada.backup_codes[0].clone(), NO_BACKUP_CODE.to_owned()] {
        for call in CALLS {
            let refused = service.call(call, &ada.account, by_code(&code));
            assert!(is_wrong_proof(&refused), "{call}: {refused:?}");
        }
        for method in ["totp", "backup_code"] {
            assert!(is_wrong(&service.answer_code(&service.asked_for_code(ADA), method, &code)));
        }
    }
    assert_eq!(bed.user(ada.user()), before, "nothing was carried out");
    assert!(service.factor_of(ada.user()).totp, "and the factor is still asked for");
    let confirmed = service.confirm_totp(&ada.account, &ada.app.next(&service));
    assert!(is_wrong_proof(&confirmed), "nor can it be confirmed once more: {confirmed:?}");
}

fn no_time_and_no_restart_brings_a_disabled_factor_back(bed: &Bed) {
    let ada = bed.service().protected(ADA);
    set_wrong_codes(bed, 100);
    for days in [1, 30, 400] {
        bed.clock().advance(Duration::from_hours(24 * days));
        let restarted = bed.service();
        assert!(is_wrong(&restarted.sign_in_with(ADA, &ada.app.code(&restarted, 0))));
        assert!(is_wrong(&restarted.sign_in_with_backup(ADA, &ada.backup_codes[0])));
    }
}

fn a_right_code_among_many_at_once_comes_before_the_hundredth_or_not_at_all(bed: &Bed) {
    let services = [bed.service(), bed.beside()];
    let ada = services[0].protected(ADA);
    for round in 0..4 {
        set_wrong_codes(bed, 90);
        let failed = bed.count_events(ada.user(), "mfa.failed");
        let code = ada.app.next(&services[0]);
        let challenges: Vec<String> = (0..24).map(|number| services[number % 2].asked_for_code(ADA)).collect();
        let right = 20 + round;
        let answers = together(24, |number| {
            let code = if number == right { code.as_str() } else { NO_BACKUP_CODE };
            let method = if number == right { "totp" } else { "backup_code" };
            services[number % 2].answer_code(&challenges[number], method, code).is_ok()
        });
        assert!((0..24).all(|number| number == right || !answers[number]), "{answers:?}");
        let failed = bed.count_events(ada.user(), "mfa.failed") - failed;
        assert_eq!(failed, if answers[right] { 23 } else { 24 });
        // If it was taken, the row began anew with it; else a hundred were there before.
        let row = bed.wrong_codes(ada.user());
        assert_eq!(row < 100, answers[right], "{row}");
    }
}

fn two_hundred_guesses_at_once_disable_it_once(bed: &Bed) {
    let services = [bed.service(), bed.beside()];
    let ada = services[0].protected(ADA);
    together(20, |number| {
        let service = &services[number % 2];
        for _ in 0..2 {
            let challenge = service.asked_for_code(ADA);
            for _ in 0..TRIES {
                assert!(is_wrong(&service.answer_backup(&challenge, NO_BACKUP_CODE)));
            }
        }
    });
    assert_eq!((bed.wrong_codes(ada.user()), bed.count_events(ada.user(), "mfa.failed")), (200, 200));
    let locked = bed.mails(ada.user()).iter().filter(|mail| mail.payload.expose().contains("mfa_locked")).count();
    assert_eq!(locked, 1);
    assert!(is_wrong(&services[0].sign_in_with(ADA, &ada.app.next(&services[0]))));
}

/// L-14: who guesses for somebody else doesn't put them out; and the owner, with the password, begins again.
fn who_is_signed_in_stays_so_and_binds_a_factor_anew(bed: &Bed) {
    let service = bed.service();
    let ada = service.protected(ADA);
    set_wrong_codes(bed, 99);
    assert!(is_wrong(&service.sign_in_with_backup(ADA, NO_BACKUP_CODE)));
    assert!(service.is_live(&ada.account));
    service.reauthenticate(&ada.account, by_password(PASSWORD)).unwrap();
    service.new_backup_codes(&ada.account, by_password(PASSWORD)).unwrap();
    assert!(is_wrong(&service.sign_in_with(ADA, &ada.app.next(&service))), "new backup codes don't bind the app anew");
    service.disable_totp(&ada.account, by_password(PASSWORD)).unwrap();
    assert!(service.try_log_in(ADA, PASSWORD).is_ok());
    bed.clock().advance(STEP);
    let ada = service.protect(ada.account);
    assert_eq!(bed.wrong_codes(ada.user()), 0);
    assert!(service.sign_in_with(ADA, &ada.app.next(&service)).is_ok());
    assert!(service.sign_in_with_backup(ADA, &ada.backup_codes[0]).is_ok());
}
