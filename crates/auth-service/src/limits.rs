//! Rate limits: how often somebody may do what costs much, guesses, or mails (REQ-50; ASVS 6.3.1).
//!
//! A charge is taken before any hash and given back where the contract says so. Whom a limit counts for is hashed with a
//! key, so that shared counts tell nothing. Without the shared counts each process counts for itself, more strictly: there
//! is no way to be without limits but the settings.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use auth_core::{SessionId, UserId};
use auth_ephemeral::{Charge, Exhausted, Quota, Taken};
use auth_persistence::user::User;
use serde_json::json;
use uuid::Uuid;

use crate::audit::Event;
use crate::client::Client;
use crate::fault::Fault;
use crate::service::{AuthService, Inner};

/// How often somebody may do what; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Sign-ins, and passwords given as a proof, per client address. A right one is given back.
    pub login: Option<Quota>,
    /// The same per canonical identifier, known or not; and per device, where the device is known.
    pub login_account: Option<Quota>,
    /// Sign-ups per client address.
    pub register: Option<Quota>,
    /// Refreshes per session.
    pub refresh: Option<Quota>,
    /// Codes of the second factor, per account and per client address. A right one is given back.
    pub mfa: Option<Quota>,
    /// Requests that mail somebody, per client address. How many mails an address gets is another setting.
    pub mail: Option<Quota>,
    /// Steps of flows with other providers, per client address.
    pub oauth: Option<Quota>,
    /// Requests of any kind per client address, for those who ask [`AuthService::limit_request`].
    pub api: Option<Quota>,
}

impl RateLimits {
    /// No limits at all: for tests, and for those who have some of their own before this.
    pub const OFF: Self = Self {
        login: None,
        login_account: None,
        register: None,
        refresh: None,
        mfa: None,
        mail: None,
        oauth: None,
        api: None,
    };
}

/// Those of `docs/configuration.md`.
impl Default for RateLimits {
    fn default() -> Self {
        let quota =
            |count, minutes| NonZeroU32::new(count).map(|count| Quota { count, per: Duration::from_mins(minutes) });
        Self {
            login: quota(5, 15),
            login_account: quota(10, 15),
            register: quota(3, 60),
            refresh: quota(30, 1),
            mfa: quota(10, 15),
            mail: quota(5, 60),
            oauth: quota(30, 15),
            api: None,
        }
    }
}

/// Something was done too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: the limit `{limit}` has nothing left for {retry_after:?}")]
pub struct RateLimited {
    /// Which limit it is, by the last part of the name of its setting: `login`, `mfa`.
    pub limit: &'static str,
    /// The limit.
    pub quota: Quota,
    /// How long it takes until one is back; more than zero.
    pub retry_after: Duration,
}

/// What a request was charged, until it is known whether it gets it back.
#[must_use]
pub(crate) struct Charged(Option<Taken>);

impl Inner {
    /// Charges each of `charges` that is there, or none of them and refuses. Whom it concerns goes on record, if known.
    pub(crate) async fn charge<const N: usize>(
        &self,
        charges: [Option<Charge>; N],
        user: Option<UserId>,
        client: &Client,
    ) -> Result<Charged, Fault> {
        let charges: Vec<Charge> = charges.into_iter().flatten().collect();
        if charges.is_empty() {
            return Ok(Charged(None));
        }
        match self.rate_limiter.take(charges).await {
            Ok(taken) => Ok(Charged(Some(taken))),
            Err(exhausted) => Err(Fault::RateLimited(self.refused(exhausted, user, client).await)),
        }
    }

    /// Gives back what was charged.
    pub(crate) async fn refund(&self, charged: Charged) {
        if let Charged(Some(taken)) = charged {
            self.rate_limiter.give_back(taken).await;
        }
    }

    /// Counts the refusal, and writes the first one of many down: a flood of refused requests must not become one of rows.
    async fn refused(&self, exhausted: Exhausted, user: Option<UserId>, client: &Client) -> RateLimited {
        let Exhausted { limit, quota, retry_after, is_first } = exhausted;
        metrics::counter!("auth_rate_limited_total", "limit" => limit).increment(1);
        if is_first {
            let (inner, client) = (self.handle(), client.clone());
            let recorded = self
                .database
                .write(move |conn| {
                    let user = Self::still_there(conn, user)?;
                    inner.record(conn, Event::RateLimitHit, user, &client, json!({ "limit": limit }))
                })
                .await;
            if let Err(error) = recorded {
                tracing::warn!(limit, %error, "a rate limit was hit, and can't be written to the audit trail");
            }
        }
        RateLimited { limit, quota, retry_after }
    }

    /// A sign-in of `client`, or a password that it proves something with.
    pub(crate) fn login_charge(&self, client: &Client) -> Option<Charge> {
        self.by_address("login", self.config.rate_limits.login, client)
    }

    /// A password for the account that is called `identifier`, in its canonical form.
    pub(crate) fn account_charge(&self, identifier: &str) -> Option<Charge> {
        let quota = self.config.rate_limits.login_account;
        self.counted("login_account", quota, "identifier", base_form(identifier).as_bytes())
    }

    /// A password of `user`, whichever name is tried elsewhere.
    fn user_charges(&self, user: &User) -> [Option<Charge>; 2] {
        let charge = |name: &Option<String>| name.as_deref().and_then(|name| self.account_charge(name));
        [charge(&user.email_normalized), charge(&user.username_normalized)]
    }

    /// Charges a password that is given as a proof for `user`, by somebody who has a session or a mailed link of theirs. It
    /// has a count of its own: strangers who guess at the log-in must not keep the owner from changing the password.
    pub(crate) async fn charge_proof(&self, user: UserId, client: &Client) -> Result<Charged, Fault> {
        let charge = self.by_user("proof", self.config.rate_limits.login_account, user);
        self.charge([charge], Some(user), client).await
    }

    /// Charges a wrong proof to what a wrong log-in is charged to, as far as there is something left: whoever guesses here
    /// has so much less to guess with there (security.md, L-16).
    pub(crate) async fn charge_wrong_proof(&self, user: &User, client: &Client) {
        let [email, username] = self.user_charges(user);
        for charge in [self.login_charge(client), email, username].into_iter().flatten() {
            let _kept = self.rate_limiter.take(vec![charge]).await;
        }
    }

    /// A password that is tried on a device that is known.
    pub(crate) fn device_login_charge(&self, device: Uuid) -> Option<Charge> {
        self.by_device("login_device", self.config.rate_limits.login_account, device)
    }

    /// A code of `user`, tried by `client` on a device that is known or not.
    pub(crate) fn code_charges(&self, user: UserId, device: Option<Uuid>, client: &Client) -> [Option<Charge>; 2] {
        let mfa = self.config.rate_limits.mfa;
        if let Some(device) = device {
            return [self.by_device("mfa_device", mfa, device), None];
        }
        [self.by_user("mfa", mfa, user), self.by_address("mfa", mfa, client)]
    }

    /// A sign-up of `client`.
    pub(crate) fn register_charge(&self, client: &Client) -> Option<Charge> {
        self.by_address("register", self.config.rate_limits.register, client)
    }

    /// A request of `client` that mails somebody.
    pub(crate) fn mail_charge(&self, client: &Client) -> Option<Charge> {
        self.by_address("mail", self.config.rate_limits.mail, client)
    }

    /// A step of a flow with another provider.
    pub(crate) fn oauth_charge(&self, client: &Client) -> Option<Charge> {
        self.by_address("oauth", self.config.rate_limits.oauth, client)
    }

    /// A refresh of `session`.
    pub(crate) fn refresh_charge(&self, session: SessionId) -> Option<Charge> {
        self.counted("refresh", self.config.rate_limits.refresh, "session", session.as_uuid().as_bytes())
    }

    fn by_user(&self, limit: &'static str, quota: Option<Quota>, user: UserId) -> Option<Charge> {
        self.counted(limit, quota, "user", user.as_uuid().as_bytes())
    }

    fn by_device(&self, limit: &'static str, quota: Option<Quota>, device: Uuid) -> Option<Charge> {
        self.counted(limit, quota, "device", device.as_bytes())
    }

    fn by_address(&self, limit: &'static str, quota: Option<Quota>, client: &Client) -> Option<Charge> {
        match client.ip().map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => self.counted(limit, quota, "ipv4", &ip.octets()),
            // One customer has a whole /64, and picks any address of it (RFC 6177).
            Some(IpAddr::V6(ip)) => self.counted(limit, quota, "ipv6", &ip.octets()[..8]),
            // One count for all of whom nothing is known: a missing address must not be a way round.
            None => self.counted(limit, quota, "nowhere", &[]),
        }
    }

    /// The count of `subject`, which is of this `kind`, where there is such a limit.
    fn counted(&self, limit: &'static str, quota: Option<Quota>, kind: &str, subject: &[u8]) -> Option<Charge> {
        quota.map(|quota| Charge { limit, key: self.subject_hasher.hash(kind, subject), quota })
    }
}

impl AuthService {
    /// Charges a request of any kind to its client's address, where there is such a limit.
    ///
    /// # Errors
    ///
    /// [`Fault::RateLimited`].
    pub async fn limit_request(&self, client: &Client) -> Result<(), Fault> {
        let inner = self.inner();
        let charge = inner.by_address("api", inner.config.rate_limits.api, client);
        inner.charge([charge], None, client).await.map(drop)
    }
}

/// An address without the tag that mail servers ignore: `ada+x@example.org` is `ada@example.org` for its count.
fn base_form(identifier: &str) -> String {
    match identifier.split_once('@') {
        Some((local, domain)) => {
            let base = local.split('+').next().unwrap_or(local);
            format!("{}@{domain}", if base.is_empty() { local } else { base })
        }
        None => identifier.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_addresses_share_a_count() {
        for (identifier, expected) in [
            ("ada+x@example.org", "ada@example.org"),
            ("ada@example.org", "ada@example.org"),
            ("+x@example.org", "+x@example.org"),
            ("ada+x", "ada+x"),
        ] {
            assert_eq!(base_form(identifier), expected);
        }
    }
}
