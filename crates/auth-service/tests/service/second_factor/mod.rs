//! The second factor (REQ-20 to REQ-24; section 2.D of the security reference): codes of an app, backup codes, and the
//! gate that asks for them.

mod at_rest;
mod backup_codes;
mod challenge;
mod changes;
mod enrolment;
mod failures;
mod gate;
mod guesser;
mod notices;
mod once;
mod other_sessions;
mod recovery;
mod sign_in;
mod step_up;

use std::time::Duration;

use auth_core::{BackupCode, Clock as _, TotpSecret, TotpStep, UserId};
use auth_persistence::authenticator_failure::{self, ANY_LANE, Authenticator};
use auth_service::{
    AccountError, ChallengeAnswer, ChallengeError, ChallengeKind, FreshProof, SecondFactorStatus, Step, TotpEnrolment,
};

use crate::bed::{Account, Bed, Instance, PASSWORD, Setup, block_on, browser};

pub(crate) const ADA: &str = "ada@example.org";
pub(crate) const BOB: &str = "bob@example.org";

/// How long a code of an app is shown.
pub(crate) const STEP: Duration = Duration::from_secs(30);

/// How many wrong tries one challenge takes.
pub(crate) const TRIES: usize = 5;

/// An authenticator app that was given a secret.
pub(crate) struct App(TotpSecret);

impl App {
    /// Reads the text that is shown to who can't scan the picture (RFC 4648, section 6).
    pub(crate) fn with(base32: &str) -> Self {
        let digit = |c: char| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).expect("a digit of base 32");
        let bits = base32.chars().fold(String::new(), |bits, c| format!("{bits}{:05b}", digit(c)));
        let bytes: Vec<u8> = (0..bits.len() / 8)
            .map(|byte| u8::from_str_radix(&bits[8 * byte..8 * byte + 8], 2).expect("eight bits"))
            .collect();
        Self(TotpSecret::from_bytes(&bytes).unwrap())
    }

    /// The code that it shows `steps` steps from now.
    pub(crate) fn code(&self, service: &Instance, steps: i64) -> String {
        let step = TotpStep::at(service.clock.now()).as_i64() + steps;
        self.0.code(TotpStep::from_i64(step)).expose().to_owned()
    }

    /// The code that it shows once the next step has come: none was accepted that is younger.
    pub(crate) fn next(&self, service: &Instance) -> String {
        service.clock.advance(STEP);
        self.code(service, 0)
    }

    /// Codes that it shows at no time near this one.
    pub(crate) fn wrong_codes(&self, service: &Instance) -> impl Iterator<Item = String> {
        let near: Vec<String> = (-5..=5).map(|steps| self.code(service, steps)).collect();
        (0..1_000_000).map(|number| format!("{number:06}")).filter(move |code| !near.contains(code))
    }

    pub(crate) fn wrong(&self, service: &Instance) -> String {
        self.wrong_codes(service).next().unwrap()
    }

    /// Whether the codes around now differ, as all but a few of a hundred thousand do.
    fn tells_steps_apart(&self, service: &Instance) -> bool {
        let mut codes: Vec<String> = (-5..=5).map(|steps| self.code(service, steps)).collect();
        codes.sort();
        codes.dedup();
        codes.len() == 11
    }
}

/// An account with a second factor.
pub(crate) struct Protected {
    pub(crate) account: Account,
    pub(crate) app: App,
    pub(crate) backup_codes: Vec<String>,
}

impl Protected {
    pub(crate) fn user(&self) -> UserId {
        self.account.user
    }
}

/// A backup code that is nobody's.
pub(crate) const NO_BACKUP_CODE: &str = "0000-0000-00000";

pub(crate) fn by_password(password: &str) -> FreshProof<'_> {
    FreshProof { password: Some(password), code: None }
}

pub(crate) fn by_code(code: &str) -> FreshProof<'_> {
    FreshProof { password: None, code: Some(code) }
}

pub(crate) fn texts(codes: &[BackupCode]) -> Vec<String> {
    codes.iter().map(|code| code.expose().to_owned()).collect()
}

impl Instance {
    pub(crate) fn begin_totp(&self, account: &Account) -> Result<TotpEnrolment, AccountError> {
        let claims = self.claims(&account.access);
        block_on(self.service.begin_totp(&claims, &browser()))
    }

    pub(crate) fn confirm_totp(&self, account: &Account, code: &str) -> Result<Vec<String>, AccountError> {
        let claims = self.claims(&account.access);
        block_on(self.service.confirm_totp(&claims, Some(code), &browser())).map(|codes| texts(&codes))
    }

    pub(crate) fn disable_totp(&self, account: &Account, proof: FreshProof<'_>) -> Result<(), AccountError> {
        let claims = self.claims(&account.access);
        block_on(self.service.disable_totp(&claims, proof, &browser()))
    }

    pub(crate) fn new_backup_codes(
        &self,
        account: &Account,
        proof: FreshProof<'_>,
    ) -> Result<Vec<String>, AccountError> {
        let claims = self.claims(&account.access);
        block_on(self.service.replace_backup_codes(&claims, proof, &browser())).map(|codes| texts(&codes))
    }

    pub(crate) fn reauthenticate(&self, account: &Account, proof: FreshProof<'_>) -> Result<(), AccountError> {
        let claims = self.claims(&account.access);
        block_on(self.service.reauthenticate(&claims, proof, &browser()))
    }

    pub(crate) fn delete_with(&self, account: &Account, proof: FreshProof<'_>) -> Result<(), AccountError> {
        let claims = self.claims(&account.access);
        block_on(self.service.delete_account(&claims, proof, &browser()))
    }

    pub(crate) fn factor_of(&self, user: UserId) -> SecondFactorStatus {
        block_on(self.service.second_factor(user)).unwrap()
    }

    /// Begins until the app can tell its codes around now apart, so that no test meets the one in a hundred thousand
    /// that can't.
    pub(crate) fn enrol(&self, account: &Account) -> App {
        loop {
            let app = App::with(self.begin_totp(account).unwrap().secret.expose());
            if app.tells_steps_apart(self) {
                return app;
            }
        }
    }

    /// Gives the account a second factor; the code of this step is used up.
    pub(crate) fn protect(&self, account: Account) -> Protected {
        let app = self.enrol(&account);
        let backup_codes = self.confirm_totp(&account, &app.code(self, 0)).unwrap();
        Protected { account, app, backup_codes }
    }

    /// A new account with a second factor.
    pub(crate) fn protected(&self, email: &str) -> Protected {
        self.protect(self.register(email))
    }

    /// The token of the challenge that the right password is answered with.
    #[track_caller]
    pub(crate) fn asked_for_code(&self, email: &str) -> String {
        self.challenged(email, PASSWORD, ChallengeKind::Mfa)
    }

    pub(crate) fn answer_code(&self, challenge: &str, method: &str, code: &str) -> Result<Step, ChallengeError> {
        let answer = ChallengeAnswer {
            token: Some(challenge),
            method: Some(method),
            code: Some(code),
            ..ChallengeAnswer::default()
        };
        block_on(self.service.answer_challenge(answer, &browser()))
    }

    pub(crate) fn answer_totp(&self, challenge: &str, code: &str) -> Result<Step, ChallengeError> {
        self.answer_code(challenge, "totp", code)
    }

    pub(crate) fn answer_backup(&self, challenge: &str, code: &str) -> Result<Step, ChallengeError> {
        self.answer_code(challenge, "backup_code", code)
    }

    /// Signs in with the password and a code of the app.
    #[track_caller]
    pub(crate) fn sign_in_with(&self, email: &str, code: &str) -> Result<Account, ChallengeError> {
        opened(self.answer_totp(&self.asked_for_code(email), code))
    }

    /// Signs in with the password and a backup code.
    #[track_caller]
    pub(crate) fn sign_in_with_backup(&self, email: &str, code: &str) -> Result<Account, ChallengeError> {
        opened(self.answer_backup(&self.asked_for_code(email), code))
    }
}

/// The session that an answer opened.
pub(crate) fn opened(answer: Result<Step, ChallengeError>) -> Result<Account, ChallengeError> {
    answer.map(|step| Instance::account(&crate::bed::tokens(step)))
}

impl Bed {
    /// Another service on connections and with a memory of its own; the clock is the same.
    pub(crate) fn beside(&self) -> Instance {
        Setup { database: self.open_again(), ..self.setup() }.start().unwrap()
    }

    /// How many wrong codes in a row there are.
    pub(crate) fn wrong_codes(&self, user: UserId) -> i64 {
        self.failures_of(user, Authenticator::SecondFactor)
    }

    pub(crate) fn failures_of(&self, user: UserId, authenticator: Authenticator) -> i64 {
        self.read(move |conn| authenticator_failure::count(conn, user, authenticator, ANY_LANE))
    }
}

/// Whether somebody's code was refused as a wrong one.
pub(crate) fn is_wrong<T>(result: &Result<T, ChallengeError>) -> bool {
    matches!(result, Err(ChallengeError::InvalidCode))
}

/// Whether a challenge is not one any more.
pub(crate) fn is_dead<T>(result: &Result<T, ChallengeError>) -> bool {
    matches!(result, Err(ChallengeError::ChallengeInvalid))
}

/// Whether a proof of who is there was refused as a wrong code.
pub(crate) fn is_wrong_proof<T>(result: &Result<T, AccountError>) -> bool {
    matches!(result, Err(AccountError::InvalidCode))
}

/// The calls of a signed-in user that take a code.
pub(crate) const CALLS: [&str; 5] = ["reauth", "disable", "backup_codes", "delete", "email"];

impl Instance {
    /// Makes the call with this proof.
    pub(crate) fn call(&self, call: &str, account: &Account, proof: FreshProof<'_>) -> Result<(), AccountError> {
        match call {
            "reauth" => self.reauthenticate(account, proof),
            "disable" => self.disable_totp(account, proof),
            "backup_codes" => self.new_backup_codes(account, proof).map(drop),
            "delete" => self.delete_with(account, proof),
            "email" => self.ask_for_address_with(account, "new@example.org", proof),
            other => panic!("no call of ours: {other}"),
        }
    }
}
