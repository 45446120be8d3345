//! Rate limits at their defaults (REQ-50; section 2.C of the security reference). Time stands still unless a test moves
//! it, so that each count is what it is to the microsecond.

mod addresses;
mod identifiers;
mod log_ins;
mod mails;
mod on_record;
mod oracles;
mod other_providers;
mod pending;
mod second_factors;
mod sessions;
mod sign_ups;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{
    AccountError, ChallengeError, Client, Fault, LinkError, LoginAttempt, LoginError, OAuthFlowError, RateLimited,
    RateLimits, RefreshError, RegisterError, Step,
};

use crate::bed::{Bed, Instance, block_on};

pub(crate) const ADA: &str = "ada@example.org";
pub(crate) const EVE: &str = "eve@example.org";
pub(crate) const WRONG: &str = "not the password";

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const MICRO: Duration = Duration::from_micros(1);

/// How a call was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Yes,
    No(ErrorCode),
    /// By this limit; after this time one is allowed again.
    Later(&'static str, Duration),
}

pub(crate) const NO: Said = Said::No(ErrorCode::InvalidCredentials);

/// Why a call was refused.
pub(crate) trait Refusal {
    fn fault(&self) -> Option<&Fault>;
    fn stable_code(&self) -> ErrorCode;
}

macro_rules! refusals {
    ($($error:ident),+) => {$(
        impl Refusal for $error {
            fn fault(&self) -> Option<&Fault> {
                if let Self::Fault(fault) = self { Some(fault) } else { None }
            }

            fn stable_code(&self) -> ErrorCode {
                self.code()
            }
        }
    )+};
}
refusals!(AccountError, ChallengeError, LinkError, LoginError, OAuthFlowError, RefreshError, RegisterError);

pub(crate) fn said<T, E: Refusal>(result: Result<T, E>) -> Said {
    match result {
        Ok(_) => Said::Yes,
        Err(error) => match error.fault() {
            Some(Fault::RateLimited(RateLimited { limit, retry_after, .. })) => Said::Later(limit, *retry_after),
            _ => Said::No(error.stable_code()),
        },
    }
}

/// Somebody at another address for each number.
pub(crate) fn at(number: u16) -> Client {
    Client::at(Some(IpAddr::V4(Ipv4Addr::from(0xC633_0000 + u32::from(number)))))
}

impl Bed {
    /// A service with the default limits, of which nothing is used up.
    pub(crate) fn limited(&self) -> Instance {
        self.service_with(|config| config.rate_limits = RateLimits::default())
    }
}

impl Instance {
    /// A sign-in of `client`, on a device that has this token.
    pub(crate) fn log_in_on(
        &self,
        client: &Client,
        device_token: Option<&str>,
        identifier: &str,
        password: &str,
    ) -> Result<Step, LoginError> {
        let attempt = LoginAttempt { identifier: Some(identifier), password: Some(password), device_token };
        block_on(self.service.log_in(attempt, client))
    }

    pub(crate) fn log_in_from(&self, client: &Client, identifier: &str, password: &str) -> Said {
        said(self.log_in_on(client, None, identifier, password))
    }

    /// How many hashes `work` costs.
    pub(crate) fn hashes_of(&self, work: impl FnOnce()) -> u64 {
        let before = self.service.hash_pool().started_count();
        work();
        self.service.hash_pool().started_count() - before
    }

    /// Has strangers use up what there is for a name: ten wrong passwords, each from an address of its own.
    #[track_caller]
    pub(crate) fn exhaust(&self, identifier: &str) {
        for number in 0..10 {
            assert_eq!(self.log_in_from(&at(60_000 + number), identifier, WRONG), NO);
        }
        assert_eq!(self.log_in_from(&at(61_000), identifier, WRONG), Said::Later("login_account", 90 * SECOND));
    }
}
