//! Use cases as one client's calls, in short.

use auth_service::{
    AccountError, AccountProof, ChallengeAnswer, ChallengeError, ChallengeKind, FreshProof, LinkError, RegisterError,
    Registered, Registration, Step,
};

use super::{Account, Instance, PASSWORD, block_on, browser};

impl Instance {
    pub(crate) fn forgot(&self, email: &str) -> Result<(), LinkError> {
        block_on(self.service.forgot_password(Some(email), &browser()))
    }

    pub(crate) fn reset(&self, token: &str, password: &str) -> Result<(), LinkError> {
        block_on(self.service.reset_password(Some(token), Some(password), &browser()))
    }

    pub(crate) fn secure(&self, token: &str) -> Result<(), LinkError> {
        block_on(self.service.secure_account(Some(token), &browser()))
    }

    pub(crate) fn resend(&self, email: &str) -> Result<(), LinkError> {
        block_on(self.service.resend_verification(Some(email), &browser()))
    }

    pub(crate) fn verify_with(&self, token: &str, proof: AccountProof<'_>) -> Result<(), LinkError> {
        block_on(self.service.verify_email(Some(token), proof, &browser()))
    }

    /// Verifies with a session of the account.
    pub(crate) fn verify_as(&self, token: &str, account: &Account) -> Result<(), LinkError> {
        let claims = self.claims(&account.access);
        self.verify_with(token, AccountProof { claims: Some(&claims), ..AccountProof::default() })
    }

    pub(crate) fn verify_by_password(&self, token: &str, password: &str) -> Result<(), LinkError> {
        self.verify_with(token, AccountProof { password: Some(password), ..AccountProof::default() })
    }

    pub(crate) fn verify_by_challenge(&self, token: &str, challenge: &str) -> Result<(), LinkError> {
        self.verify_with(token, AccountProof { challenge_token: Some(challenge), ..AccountProof::default() })
    }

    pub(crate) fn change_password(&self, account: &Account, current: &str, new: &str) -> Result<(), AccountError> {
        let claims = self.claims(&account.access);
        block_on(self.service.change_password(&claims, Some(current), Some(new), &browser()))
    }

    /// Asks for another address right after a sign-in.
    pub(crate) fn ask_for_address(&self, account: &Account, new_email: &str) -> Result<(), AccountError> {
        self.ask_for_address_with(account, new_email, FreshProof::default())
    }

    pub(crate) fn ask_for_address_with(
        &self,
        account: &Account,
        new_email: &str,
        proof: FreshProof<'_>,
    ) -> Result<(), AccountError> {
        let claims = self.claims(&account.access);
        block_on(self.service.request_email_change(&claims, Some(new_email), proof, &browser()))
    }

    pub(crate) fn confirm_address(&self, token: &str) -> Result<(), LinkError> {
        block_on(self.service.confirm_email_change(Some(token), &browser()))
    }

    pub(crate) fn undo_address(&self, token: &str) -> Result<(), LinkError> {
        block_on(self.service.undo_email_change(Some(token), &browser()))
    }

    pub(crate) fn delete(&self, account: &Account) -> Result<(), AccountError> {
        let claims = self.claims(&account.access);
        block_on(self.service.delete_account(&claims, FreshProof::default(), &browser()))
    }

    /// Registers where addresses have to be verified first.
    pub(crate) fn register_pending(&self, email: &str) -> Result<Registered, RegisterError> {
        self.register_pending_with(email, PASSWORD)
    }

    pub(crate) fn register_pending_with(&self, email: &str, password: &str) -> Result<Registered, RegisterError> {
        let registration =
            Registration { email: Some(email), password: Some(password), username: None, display_name: None };
        block_on(self.service.register(registration, &browser()))
    }

    /// The token of the challenge that a right password is answered with.
    #[track_caller]
    pub(crate) fn challenged(&self, identifier: &str, password: &str, kind: ChallengeKind) -> String {
        challenge(self.begin_log_in(identifier, password).unwrap(), kind)
    }

    /// Answers a challenge with the link from the mail, or with nothing if it was opened elsewhere.
    pub(crate) fn answer_link(&self, challenge: &str, code: Option<&str>) -> Result<Step, ChallengeError> {
        let answer =
            ChallengeAnswer { token: Some(challenge), method: Some("email_link"), code, ..ChallengeAnswer::default() };
        block_on(self.service.answer_challenge(answer, &browser()))
    }

    pub(crate) fn answer_password(&self, challenge: &str, new: &str) -> Result<Step, ChallengeError> {
        let answer = ChallengeAnswer {
            token: Some(challenge),
            method: Some("new_password"),
            new_password: Some(new),
            ..ChallengeAnswer::default()
        };
        block_on(self.service.answer_challenge(answer, &browser()))
    }

    /// Whether the session is live: both of its tokens work.
    pub(crate) fn is_live(&self, account: &Account) -> bool {
        self.verify(&account.access).is_ok() && self.refresh(&account.refresh).is_ok()
    }

    /// Whether the session is over: neither of its tokens works.
    pub(crate) fn is_over(&self, account: &Account) -> bool {
        self.verify(&account.access).is_err() && self.refresh(&account.refresh).is_err()
    }
}

/// The token of the challenge that is due.
#[track_caller]
pub(crate) fn challenge(step: Step, kind: ChallengeKind) -> String {
    let Step::Challenge(challenge) = step else { panic!("a session was opened") };
    assert_eq!((challenge.kind, challenge.expires_in), (kind, 300));
    challenge.token.expose().to_owned()
}

/// The fields that were refused, and why.
pub(crate) fn faults(errors: &[auth_core::FieldError]) -> Vec<(&'static str, &'static str)> {
    errors.iter().map(|error| (error.field, error.code)).collect()
}
