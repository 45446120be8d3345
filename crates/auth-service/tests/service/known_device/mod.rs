//! Devices that somebody has signed in on (`device_token`): what gives them a token, what ends it, and that strangers'
//! guesses don't lock out who signs in on one (L-05, L-14).

mod at_rest;
mod budget;
mod ends;
mod failures;
mod given;
mod second_factors;

use auth_service::{Client, LoginError, Step, Tokens};

use crate::bed::{Bed, Instance, PASSWORD, tokens};

pub(crate) use crate::limits::{ADA, EVE, MICRO, MINUTE, NO, SECOND, Said, WRONG, at, said};

/// What the device is given to be known by.
fn token_of(tokens: &Tokens) -> Option<String> {
    tokens.device_token.as_ref().map(|token| token.expose().to_owned())
}

/// The device token that a sign-in by password at `client` gives.
#[track_caller]
fn new_device(service: &Instance, client: &Client, identifier: &str) -> String {
    token_of(&tokens(service.log_in_on(client, None, identifier, PASSWORD).unwrap())).expect("a device token")
}

/// What a sign-in by the right password on a device with this token gives.
#[track_caller]
fn given_on(service: &Instance, device_token: &str, identifier: &str) -> Option<String> {
    token_of(&tokens(service.log_in_on(&at(1), Some(device_token), identifier, PASSWORD).unwrap()))
}

/// Whether the token makes a device known: whoever signs in on a known one is given none.
#[track_caller]
fn is_known(service: &Instance, device_token: &str, identifier: &str) -> bool {
    given_on(service, device_token, identifier).is_none()
}

impl Instance {
    /// A sign-in on a device with this token, from an address of its own.
    fn on_device(&self, device_token: &str, identifier: &str, password: &str) -> Said {
        said(self.log_in_on(&at(50_000), Some(device_token), identifier, password))
    }

    fn try_on_device(&self, device_token: &str, identifier: &str, password: &str) -> Result<Step, LoginError> {
        self.log_in_on(&at(50_000), Some(device_token), identifier, password)
    }
}

impl Bed {
    /// As if so many passwords had been wrong in a row, on known devices or elsewhere.
    fn set_lane(&self, lane: &str, count: i64) {
        self.execute(&format!("DELETE FROM authenticator_failures WHERE lane = '{lane}'"));
        self.execute(&format!(
            "INSERT INTO authenticator_failures (user_id, authenticator, lane, count)
             SELECT id, 'password', '{lane}', {count} FROM users WHERE email = '{ADA}'"
        ));
    }

    /// How many were wrong in a row, elsewhere and on known devices.
    fn lanes(&self) -> (i64, i64) {
        let count = |lane| {
            let below = |count| self.count("authenticator_failures", &format!("lane = '{lane}' AND count >= {count}"));
            (1..=300).take_while(|count| below(*count) > 0).max().unwrap_or(0)
        };
        (count("any"), count("known_device"))
    }
}
