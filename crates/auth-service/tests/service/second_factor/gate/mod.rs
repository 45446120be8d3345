//! The gate as a table (issue part 4; REQ-24, M-14): every way in, crossed with every state of the factor and of the
//! account, by loops. What has to come of each case is told by [`oracle`], which knows the contract alone and nothing of
//! the code; [`walk`] is the client that does what every client does: it answers challenges until there are none.
//!
//! No case may end in a session but through exactly the challenges that are due, in their order.

#![expect(clippy::trivially_copy_pass_by_ref, reason = "a case may grow")]

mod account;
mod federated;
mod oracle;
mod walk;

use auth_service::ChallengeKind;

use self::account::Prepared;
use self::oracle::{End, Expected, expected};
use self::walk::Walker;
use crate::bed::federation::By;
use crate::bed::{Bed, on_both_databases};

on_both_databases! {
    by_registering,
    by_a_password,
    by_a_reset_password,
    by_a_challenge_for_the_factor,
    by_a_challenge_for_a_new_password,
    by_a_challenge_for_the_address_of_an_account,
    by_a_challenge_for_the_address_of_a_registration,
    by_a_challenge_of_a_registration_that_was_reset,
    by_a_registration_of_an_address_that_has_an_account,
    by_another_provider,
    by_another_provider_at_the_app_s_page,
    by_a_code_that_the_app_s_page_was_given_before,
    by_another_provider_s_word_for_the_address,
}

/// How somebody comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Registers the address, which has an account in this state.
    Registration,
    /// Logs in with the password.
    Password,
    /// Sets a new password by a mailed link, and logs in with it.
    Reset,
    /// Answers a challenge that was given to the account when nothing else was due.
    Challenge(ChallengeKind),
    /// Answers the challenge of a registration that waited, and is an account by now: by its link, or by a reset, with
    /// another password.
    WaitingChallenge { by_reset: bool },
    /// Logs in with the password of a registration of an address that has an account in this state.
    StrangersRegistration,
    /// Signs in with another provider, whose account is linked.
    Federation(By),
    /// Exchanges a code that was given by a sign-in with another provider when nothing was due.
    FederationCode,
    /// Signs in with another provider, which has verified the account's address, and is linked by it.
    FederationByAddress(By),
}

impl Way {
    /// What stands in the session's `amr` first.
    const fn first_method(self) -> &'static str {
        match self {
            Self::Federation(_) | Self::FederationCode | Self::FederationByAddress(_) => "fed",
            _ => "pwd",
        }
    }
}

/// The account's second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Factor {
    None,
    /// A secret that waits for its first code.
    Pending,
    Totp,
}

/// When the account got into its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Before anything was asked.
    Before,
    /// While the challenge was open, by the calls there are.
    Meanwhile,
    /// While the challenge was open, and without the mark that a security event leaves: the gate has to see it itself.
    Unmarked,
}

/// The account, as far as it decides.
#[derive(Clone, Copy, Debug)]
struct State {
    factor: Factor,
    disabled: bool,
    must_change: bool,
    verified: bool,
}

impl State {
    /// Nothing is due.
    const PLAIN: Self = Self { factor: Factor::None, disabled: false, must_change: false, verified: true };

    fn all() -> impl Iterator<Item = Self> {
        let flags = [false, true];
        let factors = [Factor::None, Factor::Pending, Factor::Totp];
        factors.into_iter().flat_map(move |factor| {
            flags.into_iter().flat_map(move |disabled| {
                flags.into_iter().flat_map(move |must_change| {
                    flags.into_iter().map(move |verified| Self { factor, disabled, must_change, verified })
                })
            })
        })
    }
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
struct Case {
    way: Way,
    state: State,
    when: When,
    /// Whether the service wants addresses to be verified.
    strict: bool,
}

/// Walks every case of `way`, and returns how many there were and how many of them ended in a session.
fn walk_all(bed: &Bed, way: Way, whens: &[When], modes: &[bool]) -> (usize, usize) {
    let walker = Walker::new(bed);
    let (mut cases, mut sessions) = (0, 0);
    for strict in modes.iter().copied() {
        for when in whens.iter().copied() {
            for state in State::all() {
                let case = Case { way, state, when, strict };
                let Expected { kinds, end } = expected(&case);
                let steps = walker.walk(&Prepared::new(&walker, cases), &case);
                assert_eq!((steps.kinds, steps.end), (kinds, end), "{case:?}");
                cases += 1;
                sessions += usize::from(end == End::Session);
            }
        }
    }
    (cases, sessions)
}

const EITHER_MODE: &[bool] = &[false, true];
const STRICT: &[bool] = &[true];
const MEANWHILE: &[When] = &[When::Meanwhile, When::Unmarked];

/// Nobody gets into an account by registering its address; and a free address is one's own in the open mode alone.
fn by_registering(bed: &Bed) {
    assert_eq!(walk_all(bed, Way::Registration, &[When::Before], EITHER_MODE), (48, 0));
    let walker = Walker::new(bed);
    assert_eq!(walker.register_free(false), Some(vec!["pwd".to_owned()]));
    assert_eq!(walker.register_free(true), None);
}

fn by_a_password(bed: &Bed) {
    // All but the disabled ones.
    assert_eq!(walk_all(bed, Way::Password, &[When::Before], EITHER_MODE), (48, 24));
}

fn by_a_reset_password(bed: &Bed) {
    assert_eq!(walk_all(bed, Way::Reset, &[When::Before], EITHER_MODE), (48, 24));
}

/// L-22: what was begun with a factor isn't finished without one.
fn by_a_challenge_for_the_factor(bed: &Bed) {
    // Those whose factor is the one that was asked for, and who are not disabled.
    assert_eq!(walk_all(bed, Way::Challenge(ChallengeKind::Mfa), MEANWHILE, EITHER_MODE), (96, 16));
}

fn by_a_challenge_for_a_new_password(bed: &Bed) {
    // With the mark, those without a new factor; without it all of them; never the disabled ones.
    assert_eq!(walk_all(bed, Way::Challenge(ChallengeKind::ChangePassword), MEANWHILE, EITHER_MODE), (96, 16 + 24));
}

fn by_a_challenge_for_the_address_of_an_account(bed: &Bed) {
    assert_eq!(walk_all(bed, Way::Challenge(ChallengeKind::VerifyEmail), MEANWHILE, STRICT), (48, 8 + 12));
}

fn by_a_challenge_for_the_address_of_a_registration(bed: &Bed) {
    // Whose address is not verified any more can't be verified by what the registration was sent.
    let way = Way::WaitingChallenge { by_reset: false };
    assert_eq!(walk_all(bed, way, MEANWHILE, STRICT), (48, 4 + 6));
}

/// P-13, H-02: the challenge was given for a password that is none any more.
fn by_a_challenge_of_a_registration_that_was_reset(bed: &Bed) {
    let way = Way::WaitingChallenge { by_reset: true };
    assert_eq!(walk_all(bed, way, &[When::Meanwhile], STRICT), (24, 0));
}

fn by_a_registration_of_an_address_that_has_an_account(bed: &Bed) {
    assert_eq!(walk_all(bed, Way::StrangersRegistration, &[When::Before], STRICT), (24, 0));
}

/// M-13, REQ-24: another provider stands for the password, and for nothing else.
fn by_another_provider(bed: &Bed) {
    assert_eq!(walk_all(bed, Way::Federation(By::Answer), &[When::Before], EITHER_MODE), (48, 24));
}

fn by_another_provider_at_the_app_s_page(bed: &Bed) {
    assert_eq!(walk_all(bed, Way::Federation(By::Page), &[When::Before], EITHER_MODE), (48, 24));
}

fn by_a_code_that_the_app_s_page_was_given_before(bed: &Bed) {
    // With the mark, those without a new factor; without it all of them; never the disabled ones.
    assert_eq!(walk_all(bed, Way::FederationCode, MEANWHILE, EITHER_MODE), (96, 16 + 24));
}

/// H-01: only where the account has verified the address, too.
fn by_another_provider_s_word_for_the_address(bed: &Bed) {
    for by in By::BOTH {
        assert_eq!(walk_all(bed, Way::FederationByAddress(by), &[When::Before], EITHER_MODE), (48, 12));
        bed.execute("DELETE FROM users");
    }
}
