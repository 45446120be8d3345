//! The client of the table: it begins in some way, and answers challenges until there are none.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{Challenge, ChallengeAnswer, ChallengeError, ChallengeKind, Registered, Step, Tokens};

use super::account::Prepared;
use super::oracle::End;
use super::{Case, State, Way, When};
use crate::bed::federation::Federated;
use crate::bed::{Account, Bed, Instance, Mailing, NEW_PASSWORD, OTHER_PASSWORD, PASSWORD, block_on, browser, tokens};
use crate::second_factor::App;

const MINUTE: Duration = Duration::from_mins(1);

/// Two services on one database, of which one wants addresses to be verified.
pub(super) struct Walker<'a> {
    pub(super) bed: &'a Bed,
    pub(super) open: Federated,
    strict: Instance,
}

/// What came of a case.
pub(super) struct Walked {
    pub(super) kinds: Vec<ChallengeKind>,
    pub(super) end: End,
}

/// What the client knows.
pub(super) struct Knows<'a> {
    pub(super) email: &'a str,
    pub(super) app: Option<App>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(bed: &'a Bed) -> Self {
        let open = bed.federated();
        let strict = open.beside(bed, |setup| setup.config.require_verified_email = true);
        Self { bed, open, strict }
    }

    pub(super) fn service(&self, strict: bool) -> &Instance {
        if strict { &self.strict } else { &self.open }
    }

    /// The methods in the access token that registering a free address gives.
    pub(super) fn register_free(&self, strict: bool) -> Option<Vec<String>> {
        let service = self.service(strict);
        match service.register_pending(&format!("free-{strict}@example.org")).unwrap() {
            Registered::VerificationRequired => None,
            Registered::Step(step) => Some(service.claims(tokens(step).access_token.expose()).amr.clone()),
        }
    }

    pub(super) fn walk(&self, account: &Prepared, case: &Case) -> Walked {
        let service = self.service(case.strict);
        let (first, knows) = match case.way {
            Way::Challenge(kind) => self.open_challenge(account, case, kind),
            Way::WaitingChallenge { by_reset } => self.open_waiting_challenge(account, case, by_reset),
            Way::Federation(_) | Way::FederationCode | Way::FederationByAddress(_) => self.federate(account, case),
            _ => {
                let owner = account.registered(self);
                let app = account.enter(self, &owner, &case.state);
                (self.begin(account, case), Knows { email: &account.email, app })
            }
        };
        // Mails of the same kind go out once a minute, and codes of the app that were used before are old.
        self.open.mails();
        self.bed.clock().advance(MINUTE);
        let sessions = account.sessions(self.bed);
        let walked = go_on(service, &self.open, first, &knows);
        let opened = account.sessions(self.bed) - sessions;
        let begun_opened = matches!(&walked, (kinds, Ok(_)) if kinds.is_empty());
        assert_eq!(opened, i64::from(walked.1.is_ok() && !begun_opened), "{case:?}");
        let end = match walked.1 {
            Ok(tokens) => {
                let mut amr = vec![case.way.first_method()];
                if walked.0.contains(&ChallengeKind::Mfa) {
                    amr.extend(["otp", "mfa"]);
                }
                assert_eq!(service.claims(tokens.access_token.expose()).amr, amr, "{case:?}");
                End::Session
            }
            Err(Some(code)) => End::Refused(code),
            Err(None) => End::MailOnly,
        };
        Walked { kinds: walked.0, end }
    }

    /// The first call of a way that begins with one.
    fn begin(&self, account: &Prepared, case: &Case) -> Begun {
        let (service, email) = (self.service(case.strict), account.email.as_str());
        match case.way {
            Way::Registration => match service.register_pending(email) {
                Ok(Registered::Step(step)) => Ok(step),
                Ok(Registered::VerificationRequired) => Err(None),
                Err(error) => Err(Some(error.code())),
            },
            Way::Reset => {
                self.bed.clock().advance(MINUTE);
                service.forgot(email).unwrap();
                let mails = self.open.mails();
                let Some(link) = mails.iter().find(|mail| mail.is("reset-password", email)) else {
                    return log_in(service, email, PASSWORD);
                };
                let sessions = account.sessions(self.bed);
                service.reset(&link.token, NEW_PASSWORD).unwrap();
                assert_eq!(account.sessions(self.bed), sessions, "a reset signs nobody in: {case:?}");
                assert_eq!(log_in(service, email, PASSWORD).unwrap_err(), Some(ErrorCode::InvalidCredentials));
                log_in(service, email, NEW_PASSWORD)
            }
            Way::StrangersRegistration => {
                service.register_pending_with(email, OTHER_PASSWORD).unwrap();
                log_in(service, email, OTHER_PASSWORD)
            }
            _ => log_in(service, email, PASSWORD),
        }
    }

    /// A challenge of `kind`, given when nothing else was due; after which the account gets into its state.
    fn open_challenge<'p>(&self, account: &'p Prepared, case: &Case, kind: ChallengeKind) -> (Begun, Knows<'p>) {
        let owner = account.registered(self);
        let before = State {
            factor: if kind == ChallengeKind::Mfa { super::Factor::Totp } else { super::Factor::None },
            must_change: kind == ChallengeKind::ChangePassword,
            verified: kind != ChallengeKind::VerifyEmail,
            ..State::PLAIN
        };
        let app = account.enter(self, &owner, &before);
        let first = log_in(self.service(case.strict), &account.email, PASSWORD);
        assert!(matches!(&first, Ok(Step::Challenge(challenge)) if challenge.kind == kind), "{case:?}: {first:?}");
        let app = self.change(account, case, &owner).or(app);
        (first, Knows { email: &account.email, app })
    }

    /// The challenge of a registration, which became an account; after which that gets into its state.
    fn open_waiting_challenge<'p>(&self, account: &'p Prepared, case: &Case, by_reset: bool) -> (Begun, Knows<'p>) {
        self.strict.register_pending(&account.email).unwrap();
        let link = self.open.token("verify-email");
        let first = log_in(&self.strict, &account.email, PASSWORD);
        let owner = if by_reset {
            self.strict.reset(&self.open.reset_token(&account.email), NEW_PASSWORD).unwrap();
            self.open.try_log_in(&account.email, NEW_PASSWORD).unwrap()
        } else {
            self.strict.verify_by_password(&link, PASSWORD).unwrap();
            self.open.try_log_in(&account.email, PASSWORD).unwrap()
        };
        let owner = Instance::account(&owner);
        let app = self.change(account, case, &owner);
        (first, Knows { email: &account.email, app })
    }

    pub(super) fn change(&self, account: &Prepared, case: &Case, owner: &Account) -> Option<App> {
        let epoch = account.epoch(self.bed);
        let app = account.enter(self, owner, &case.state);
        if case.when == When::Unmarked {
            account.set_epoch(self.bed, epoch);
        }
        app
    }
}

/// The first step; or the code of a refusal, or none where nothing but a mail came of it.
pub(super) type Begun = Result<Step, Option<ErrorCode>>;

fn log_in(service: &Instance, email: &str, password: &str) -> Begun {
    service.begin_log_in(email, password).map_err(|error| Some(error.code()))
}

/// Answers whatever is asked, and in between does what nobody may get on by.
fn go_on(
    service: &Instance,
    mailing: &Mailing,
    first: Begun,
    knows: &Knows<'_>,
) -> (Vec<ChallengeKind>, Result<Tokens, Option<ErrorCode>>) {
    let (mut kinds, mut step, mut answered) = (Vec::new(), first, Vec::new());
    loop {
        let challenge = match step {
            Ok(Step::Challenge(challenge)) => challenge,
            Ok(Step::Authenticated(tokens)) => return (kinds, Ok(*tokens)),
            Err(code) => return (kinds, Err(code)),
        };
        kinds.push(challenge.kind);
        assert!(kinds.len() <= 3, "it never ends: {kinds:?}");
        refuse_detours(service, &challenge, &answered);
        let next = answer(service, mailing, &challenge, knows);
        answered.push(challenge.token.expose().to_owned());
        step = next.map_err(|error| Some(error.code()));
    }
}

/// No other method goes past a challenge, and no earlier one of the same walk is good again.
fn refuse_detours(service: &Instance, challenge: &Challenge, answered: &[String]) {
    let kinds = [ChallengeKind::Mfa, ChallengeKind::VerifyEmail, ChallengeKind::ChangePassword];
    let all = || kinds.iter().flat_map(|kind| kind.methods());
    let answer = |token, method, code| {
        let answer =
            ChallengeAnswer { token: Some(token), method: Some(method), code, new_password: Some(OTHER_PASSWORD) };
        block_on(service.service.answer_challenge(answer, &browser()))
    };
    for method in all().filter(|method| !challenge.kind.methods().contains(method)) {
        for code in [None, Some("000000")] {
            let detour = answer(challenge.token.expose(), method.as_str(), code);
            assert!(
                matches!(detour, Err(ChallengeError::Invalid(_))),
                "{method:?} past {:?}: {detour:?}",
                challenge.kind
            );
        }
    }
    for token in answered {
        for method in all() {
            let again = answer(token, method.as_str(), None);
            assert!(matches!(again, Err(ChallengeError::ChallengeInvalid)), "{method:?}: {again:?}");
        }
    }
}

fn answer(
    service: &Instance,
    mailing: &Mailing,
    challenge: &Challenge,
    knows: &Knows<'_>,
) -> Result<Step, ChallengeError> {
    let token = challenge.token.expose();
    match challenge.kind {
        ChallengeKind::Mfa => service.answer_totp(token, &knows.app.as_ref().expect("an app").next(service)),
        ChallengeKind::ChangePassword => service.answer_password(token, "thirteen paper stairs of Corinth"),
        ChallengeKind::VerifyEmail => {
            match service.answer_link(token, None) {
                Err(ChallengeError::VerificationPending) => {}
                answer => return answer,
            }
            service.clock.advance(MINUTE);
            service.resend(knows.email).unwrap();
            let mails = mailing.mails();
            match mails.iter().rfind(|mail| mail.is("verify-email", knows.email)) {
                Some(link) => service.answer_link(token, Some(&link.token)),
                None => Err(ChallengeError::VerificationPending),
            }
        }
    }
}
