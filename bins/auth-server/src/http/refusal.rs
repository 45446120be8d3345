//! How the errors of use cases become answers: by their `ErrorCode`, here and nowhere else.

use actix_web::Error;
use auth_actix::{Problem, RateLimit};
use auth_oauth::OAuthError;
use auth_service::{
    AccountError, AdministrationError, ChallengeError, Fault, LinkError, LoginError, OAuthFlowError, RefreshError,
    RegisterError, SessionError,
};

/// The refusal of a handler.
#[derive(Debug)]
pub(super) struct Refusal(Problem);

pub(super) type Answer<T> = Result<T, Refusal>;

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.0.into()
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let problem = Problem::new(fault.code());
        Self(match &fault {
            Fault::RateLimited(limited) => problem.rate_limited(RateLimit {
                name: limited.limit,
                quota: limited.quota.count.get(),
                window: limited.quota.per,
                retry_after: limited.retry_after,
            }),
            _ => problem.caused_by(fault),
        })
    }
}

impl From<RegisterError> for Refusal {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Invalid(errors) => Self(Problem::invalid(errors)),
            RegisterError::Fault(fault) => fault.into(),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Invalid(errors) => Self(Problem::invalid(errors)),
            LoginError::Fault(fault) => fault.into(),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<RefreshError> for Refusal {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::RetryLater(time) => {
                Self(Problem::new(error.code()).retry_after(time.as_secs() + u64::from(time.subsec_nanos() > 0)))
            }
            RefreshError::Fault(fault) => fault.into(),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        Self(Problem::new(error.code()).caused_by(error))
    }
}

impl From<AccountError> for Refusal {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Invalid(errors) => Self(Problem::invalid(errors)),
            AccountError::Fault(fault) => fault.into(),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<AdministrationError> for Refusal {
    fn from(error: AdministrationError) -> Self {
        match error {
            AdministrationError::Account(error) => error.into(),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<ChallengeError> for Refusal {
    fn from(error: ChallengeError) -> Self {
        match error {
            ChallengeError::Invalid(errors) => Self(Problem::invalid(errors)),
            ChallengeError::Fault(fault) => fault.into(),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Invalid(errors) => Self(Problem::invalid(errors)),
            LinkError::Fault(fault) => fault.into(),
            error => Self(Problem::new(error.code()).caused_by(error)),
        }
    }
}

impl From<OAuthFlowError> for Refusal {
    fn from(error: OAuthFlowError) -> Self {
        let problem = Problem::new(error.code());
        Self(match error {
            OAuthFlowError::Invalid(errors) => Problem::invalid(errors),
            OAuthFlowError::Fault(fault) => return fault.into(),
            OAuthFlowError::Account(error) => return error.into(),
            // The cause is in the log already, with the provider's name.
            OAuthFlowError::Provider(error) => match error {
                OAuthError::NotConfigured => problem.detail(NOT_CONFIGURED),
                _ => problem,
            },
            error => {
                let problem = match &error {
                    OAuthFlowError::AccountExists => problem.detail(ACCOUNT_EXISTS),
                    OAuthFlowError::AlreadyLinked => problem.detail(ALREADY_LINKED),
                    OAuthFlowError::RedirectNotAllowed => problem.detail(REDIRECT_NOT_ALLOWED),
                    OAuthFlowError::CodeInvalid => problem.detail(CODE_INVALID),
                    _ => problem,
                };
                problem.caused_by(error)
            }
        })
    }
}

/// For each account that keeps an address from the provider's: one whose address nobody has verified, perhaps made by
/// somebody else; one's own, with another account of the same provider; one that gave the address up, and may take it
/// back until the link in its mail is outdated.
const ACCOUNT_EXISTS: &str = "an account has this address: set a new password by POST /auth/password/forgot: the mail \
    proves the address, and drops what a stranger may have set up. Or, if the account is yours and its address verified, \
    sign in to it and link at GET /auth/link/{provider}, once another account there is unlinked. If no mail comes, the \
    address is kept for an account that gave it up: for 7 days from then";
const ALREADY_LINKED: &str = "the account at the provider is linked to an account here, yours or another one; or yours is \
    linked to another account there, which DELETE /users/me/link/{provider} takes off";
const REDIRECT_NOT_ALLOWED: &str = "redirect_to must be an absolute URL of an origin (scheme, host and port) that \
    AUTH_REDIRECT_ORIGINS lists: without user, password or fragment, without a parameter code, error, app_state or linked, \
    of at most 2048 bytes";
const CODE_INVALID: &str = "the code is unknown, used, or older than 60 seconds; or code_verifier is not that of the \
    start's code_challenge, or only one of the two was sent. Begin again at GET /auth/{provider}";
const NOT_CONFIGURED: &str = "the operator has to set AUTH_<PROVIDER>_CLIENT_ID and AUTH_<PROVIDER>_CLIENT_SECRET, as in \
    AUTH_GITHUB_CLIENT_ID; GET /auth/providers lists the providers that are configured";
