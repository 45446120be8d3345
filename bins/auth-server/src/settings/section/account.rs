//! Accounts: who may have one, what it must prove, what is told and kept.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::password::PasswordSettings;
use crate::settings::definition::{Definition, Row};
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{DAY, HOUR, SECOND, admin_password, choice, duration, email, or_off, switch};

static REGISTRATION: Definition =
    Definition::new("AUTH_REGISTRATION", "open", "`open`, or `closed`: nobody can sign up, by OAuth neither");
static REQUIRE_VERIFIED: Definition = Definition::new(
    "AUTH_REQUIRE_VERIFIED_EMAIL",
    "false",
    "whether an address must be verified before its owner can sign in; registering then tells nobody whether it is taken",
);
static PURGE_UNVERIFIED: Definition = Definition::new(
    "AUTH_PURGE_UNVERIFIED",
    "7d",
    "a registration whose address isn't verified is forgotten after this time, 1h to 3650d, or `off`; only with \
     AUTH_REQUIRE_VERIFIED_EMAIL",
);
static LOGIN_FLOOR: Definition = Definition::new(
    "AUTH_LOGIN_FLOOR",
    "off",
    "failed sign-ins are answered no earlier than this, 1ms to 30s, while slower hashes of another system are being replaced",
);
static MFA_ENDS_OTHERS: Definition = Definition::new(
    "AUTH_MFA_ENDS_OTHER_SESSIONS",
    "true",
    "whether a change of the second factor ends the account's other sessions; with `false`, those that were opened without \
     it live on until they end by themselves",
);
static NOTIFY_NEW_DEVICE: Definition =
    Definition::new("AUTH_NOTIFY_NEW_DEVICE", "true", "whether a sign-in from a new device is told by mail");
static DEVICE_TOKEN_TTL: Definition = Definition::new(
    "AUTH_DEVICE_TOKEN_TTL",
    "180d",
    "how long a device stays known that nobody signs in on, 1h to 400d",
);
static AUDIT_RETENTION: Definition =
    Definition::new("AUTH_AUDIT_RETENTION", "400d", "how long audit events are kept, 1d to 3650d");
static ADMIN_EMAIL: Definition =
    Definition::unset("ADMIN_EMAIL", "address of the first administrator, whose account is made once");
static ADMIN_PASSWORD: Definition = Definition::unset(
    "ADMIN_PASSWORD",
    "password of that account, by the password policy; it must be changed at the first sign-in",
)
.secret();

pub(crate) static GROUP: Group = Group {
    title: "Accounts",
    rows: &[
        &REGISTRATION,
        &REQUIRE_VERIFIED,
        &PURGE_UNVERIFIED,
        &LOGIN_FLOOR,
        &MFA_ENDS_OTHERS,
        &NOTIFY_NEW_DEVICE,
        &DEVICE_TOKEN_TTL,
        &AUDIT_RETENTION,
        &ADMIN_EMAIL,
        &ADMIN_PASSWORD,
    ],
};

/// Who may sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Nobody.
    Closed,
}

/// The first administrator.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    /// Address.
    pub email: String,
    /// Password.
    pub password: SecretString,
}

/// Settings of accounts.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// Who may sign up.
    pub registration: Registration,
    /// Whether an unverified address can't sign in.
    pub require_verified_email: bool,
    /// Age at which a registration is forgotten whose address isn't verified; `None` keeps it. `None`, too, without
    /// `require_verified_email`, since there are no such registrations then.
    pub purge_unverified: Option<Duration>,
    /// Earliest answer to a failed sign-in.
    pub login_floor: Option<Duration>,
    /// Whether a change of the second factor ends the other sessions; if not, those of one factor live on.
    pub mfa_ends_other_sessions: bool,
    /// Whether a sign-in from a new device is told by mail.
    pub notify_new_device: bool,
    /// How long a device stays known that nobody signs in on.
    pub device_token_ttl: Duration,
    /// How long audit events are kept.
    pub audit_retention: Duration,
    /// The first administrator.
    pub first_admin: Option<FirstAdmin>,
}

impl AccountSettings {
    pub(crate) fn read(reader: &mut Reader, passwords: &PasswordSettings) -> Self {
        let registration = choice(&[("open", Registration::Open), ("closed", Registration::Closed)]);
        let registration = reader.value(&REGISTRATION, registration);
        let require_verified_email = reader.value(&REQUIRE_VERIFIED, switch);
        Self {
            registration,
            require_verified_email,
            purge_unverified: purge_unverified(reader, require_verified_email),
            login_floor: reader.value(&LOGIN_FLOOR, or_off(duration(Duration::from_millis(1)..=30 * SECOND))),
            mfa_ends_other_sessions: reader.value(&MFA_ENDS_OTHERS, switch),
            notify_new_device: reader.value(&NOTIFY_NEW_DEVICE, switch),
            device_token_ttl: reader.value(&DEVICE_TOKEN_TTL, duration(HOUR..=400 * DAY)),
            audit_retention: reader.value(&AUDIT_RETENTION, duration(DAY..=3650 * DAY)),
            first_admin: first_admin(reader, passwords),
        }
    }
}

fn purge_unverified(reader: &mut Reader, require_verified: bool) -> Option<Duration> {
    let age = reader.value(&PURGE_UNVERIFIED, or_off(duration(HOUR..=3650 * DAY)));
    let row = Row::from(&PURGE_UNVERIFIED);
    if age.is_some() && !require_verified && reader.is_set(&row) {
        reader.warn(&row, "has no effect without AUTH_REQUIRE_VERIFIED_EMAIL=true");
    }
    age.filter(|_| require_verified)
}

fn first_admin(reader: &mut Reader, passwords: &PasswordSettings) -> Option<FirstAdmin> {
    let email = reader.optional(&ADMIN_EMAIL, email);
    let password = reader.optional(&ADMIN_PASSWORD, admin_password);
    match (email, password) {
        (Some(email), Some(password)) => {
            check_length(reader, passwords, &password);
            Some(FirstAdmin { email, password })
        }
        (Some(_), None) => {
            reader.missing(&(&ADMIN_PASSWORD).into(), "set it beside ADMIN_EMAIL, or neither");
            None
        }
        (None, Some(_)) => {
            reader.missing(&(&ADMIN_EMAIL).into(), "set it beside ADMIN_PASSWORD, or neither");
            None
        }
        (None, None) => None,
    }
}

fn check_length(reader: &mut Reader, passwords: &PasswordSettings, password: &SecretString) {
    let range = passwords.min_length..=passwords.max_length;
    if !range.contains(&password.expose_secret().chars().count()) {
        let remedy = format!("must have {} to {} characters, by the password policy", range.start(), range.end());
        reader.refuse(&(&ADMIN_PASSWORD).into(), remedy);
    }
}
