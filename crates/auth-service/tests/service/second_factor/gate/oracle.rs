//! What the contract wants to come of each case. Sources: "Answers that many rows share", `POST /auth/register`,
//! `/auth/login`, `/auth/challenge` and `/auth/password/reset` of the HTTP contract; issue part 4 for the order; L-22.

use auth_core::ErrorCode;
use auth_service::ChallengeKind;

use super::{Case, Factor, State, Way, When};

/// How a walk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With tokens.
    Session,
    /// With a refusal.
    Refused(ErrorCode),
    /// "202 `verification_required` whoever owns the address".
    MailOnly,
}

/// The challenges that are asked, one after the other, and the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) kinds: Vec<ChallengeKind>,
    pub(super) end: End,
}

impl Expected {
    fn refused(kinds: &[ChallengeKind], code: ErrorCode) -> Self {
        Self { kinds: kinds.to_vec(), end: End::Refused(code) }
    }

    fn session(kinds: Vec<ChallengeKind>) -> Self {
        Self { kinds, end: End::Session }
    }
}

/// What is due in this state: the factor before the address, the address before the password.
fn due(state: &State, strict: bool) -> Vec<ChallengeKind> {
    let all = [
        (ChallengeKind::Mfa, state.factor == Factor::Totp),
        (ChallengeKind::VerifyEmail, strict && !state.verified),
        (ChallengeKind::ChangePassword, state.must_change),
    ];
    all.into_iter().filter(|(_, is_due)| *is_due).map(|(kind, _)| kind).collect()
}

pub(super) fn expected(case: &Case) -> Expected {
    let Case { way, state, when, strict } = *case;
    match way {
        Way::Registration if strict => Expected { kinds: Vec::new(), end: End::MailOnly },
        Way::Registration => Expected::refused(&[], ErrorCode::EmailTaken),
        Way::Reset => after_password(&after_reset(&state), strict),
        Way::Challenge(kind) => after_challenge(kind, &state, when, strict),
        Way::WaitingChallenge { .. } if !state.verified => not_verified(&state),
        // A password that is set by a mailed link ends what was begun with another.
        Way::WaitingChallenge { by_reset: true } => {
            Expected::refused(&[ChallengeKind::VerifyEmail], ErrorCode::ChallengeInvalid)
        }
        // The registration was verified by its link, so the account is there.
        Way::WaitingChallenge { by_reset: false } => after_challenge(ChallengeKind::VerifyEmail, &state, when, strict),
        // The address is its owner's: it is never verified for who registered it later.
        Way::StrangersRegistration => not_verified(&state),
        Way::FederationCode => after_code(&state, when, strict),
        // "Held by an unverified account: 409 `account_exists`", whatever else there is to say.
        Way::FederationByAddress(_) if !state.verified => Expected::refused(&[], ErrorCode::AccountExists),
        Way::Password | Way::Federation(_) | Way::FederationByAddress(_) => after_password(&state, strict),
    }
}

/// "With the right password only: 403 `account_disabled`".
fn after_password(state: &State, strict: bool) -> Expected {
    if state.disabled {
        return Expected::refused(&[], ErrorCode::AccountDisabled);
    }
    Expected::session(due(state, strict))
}

/// The code was given when nothing was due; then the account got into `state`. To add a factor is a security event.
fn after_code(state: &State, when: When, strict: bool) -> Expected {
    if when == When::Meanwhile && state.factor == Factor::Totp {
        return Expected::refused(&[], ErrorCode::TokenInvalidOrExpired);
    }
    after_password(state, strict)
}

/// A mailed link shows whose the address is: it is verified, and if it was not before, the factor of who made the account
/// is gone (M-11, H-03). Nothing is mailed to a disabled account.
fn after_reset(state: &State) -> State {
    if state.disabled {
        return *state;
    }
    let factor = if state.verified { state.factor } else { Factor::None };
    State { factor, verified: true, must_change: false, ..*state }
}

/// The challenge of `kind` was given when nothing else was due; then the account got into `state`.
fn after_challenge(kind: ChallengeKind, state: &State, when: When, strict: bool) -> Expected {
    // Nothing is mailed to a disabled account, so there is nothing to answer with.
    if kind == ChallengeKind::VerifyEmail && !state.verified && state.disabled {
        return Expected::refused(&[kind], ErrorCode::VerificationPending);
    }
    let had = if kind == ChallengeKind::Mfa { Factor::Totp } else { Factor::None };
    // Adding and removing a factor is a security event, which ends what is half done; a secret that waits is none.
    let is_event = (had == Factor::Totp) != (state.factor == Factor::Totp);
    if when == When::Meanwhile && is_event {
        return Expected::refused(&[kind], ErrorCode::ChallengeInvalid);
    }
    if state.disabled {
        return Expected::refused(&[kind], ErrorCode::AccountDisabled);
    }
    // What was asked for is not there any more: no code can be right.
    if kind == ChallengeKind::Mfa && state.factor != Factor::Totp {
        return Expected::refused(&[kind], ErrorCode::InvalidCode);
    }
    let answered = match kind {
        ChallengeKind::Mfa => State { factor: Factor::None, ..*state },
        ChallengeKind::VerifyEmail => State { verified: true, ..*state },
        ChallengeKind::ChangePassword => State { must_change: false, ..*state },
    };
    Expected::session([vec![kind], due(&answered, strict)].concat())
}

/// A registration's challenge for an address that is not verified: "without `code` it goes on if the address was verified
/// meanwhile, else 401 `verification_pending`". The link that an account in this state is mailed is none of the
/// registration's.
fn not_verified(state: &State) -> Expected {
    let is_mailed = !state.verified && !state.disabled;
    let code = if is_mailed { ErrorCode::InvalidCode } else { ErrorCode::VerificationPending };
    Expected::refused(&[ChallengeKind::VerifyEmail], code)
}
