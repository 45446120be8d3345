//! Rate limits.

use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{Rate, or_off, rate, switch};

pub(crate) static LIMITS: Definition =
    Definition::new("AUTH_RATE_LIMITS", "on", "`off` turns all limits off, whatever the rows below say");
static LOGIN: Definition =
    Definition::new("AUTH_RATE_LOGIN", "5/15m", "sign-ins per client address, or `off`; successful ones don't count");
static LOGIN_ACCOUNT: Definition = Definition::new(
    "AUTH_RATE_LOGIN_ACCOUNT",
    "10/15m",
    "sign-ins per name or address that is tried, known or not, or `off`; successful ones don't count",
);
static REGISTER: Definition = Definition::new("AUTH_RATE_REGISTER", "3/1h", "sign-ups per client address, or `off`");
static REFRESH: Definition = Definition::new("AUTH_RATE_REFRESH", "30/1m", "refreshes per session, or `off`");
static MFA: Definition = Definition::new(
    "AUTH_RATE_MFA",
    "10/15m",
    "second-factor codes per account and per client address, or `off`; right ones don't count",
);
static MAIL: Definition = Definition::new(
    "AUTH_RATE_MAIL",
    "5/1h",
    "requests that mail somebody per client address, and mails that anybody can cause per recipient, of which more are \
     silently not sent; or `off`",
);
static OAUTH: Definition = Definition::new("AUTH_RATE_OAUTH", "30/15m", "OAuth steps per client address, or `off`");
static API: Definition = Definition::new("AUTH_RATE_API", "off", "requests of any kind per client address, or `off`");

pub(crate) static GROUP: Group = Group {
    title: "Rate limits",
    rows: &[&LIMITS, &LOGIN, &LOGIN_ACCOUNT, &REGISTER, &REFRESH, &MFA, &MAIL, &OAUTH, &API],
};

/// Rate limits; `None` is no limit. `AUTH_RATE_LIMITS=off` makes all of them `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateSettings {
    /// Sign-ins per client address.
    pub login: Option<Rate>,
    /// Sign-ins per canonical identifier.
    pub login_account: Option<Rate>,
    /// Sign-ups per client address.
    pub register: Option<Rate>,
    /// Refreshes per session.
    pub refresh: Option<Rate>,
    /// Codes per account and per client address.
    pub mfa: Option<Rate>,
    /// Requests that mail somebody per client address, and mails per recipient.
    pub mail: Option<Rate>,
    /// OAuth steps per client address.
    pub oauth: Option<Rate>,
    /// All requests per client address.
    pub api: Option<Rate>,
}

impl RateSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let limits = reader.value(&LIMITS, switch);
        let mut limit = |row: &'static Definition| reader.value(row, or_off(rate));
        let rates = Self {
            login: limit(&LOGIN),
            login_account: limit(&LOGIN_ACCOUNT),
            register: limit(&REGISTER),
            refresh: limit(&REFRESH),
            mfa: limit(&MFA),
            mail: limit(&MAIL),
            oauth: limit(&OAUTH),
            api: limit(&API),
        };
        if limits { rates } else { Self::default() }
    }
}
