//! What administrators do (REQ-42; section 2.H of the security reference).

mod change;
mod create;
mod deletion;
mod effects;
mod last_admin;
mod rescue;
mod search;
mod trail;
mod who;

use std::sync::atomic::{AtomicU32, Ordering};

use auth_core::{ErrorCode, UserId};
use auth_service::{
    AccountChange, AdministrationError, AuditQuery, FreshProof, NewAccount, Page, PageRequest, Profile, SecurityEvent,
    UserQuery,
};

use crate::bed::{Account, Bed, Instance, block_on, browser};

pub(crate) const ROOT: &str = "root@example.org";
pub(crate) const ADA: &str = "ada@example.org";
pub(crate) const BOB: &str = "bob@example.org";

pub(crate) const NO_PROOF: FreshProof<'_> = FreshProof { password: None, code: None };

/// A change of nothing.
pub(crate) const KEEP: AccountChange<'_> = AccountChange {
    role: None,
    is_active: None,
    premium_until: None,
    password_must_change: None,
    email_verified: None,
    display_name: None,
    username: None,
};

/// An account with this address and nothing else.
pub(crate) fn account(email: &str) -> NewAccount<'_> {
    NewAccount { email: Some(email), ..NewAccount::default() }
}

/// What a user may be looked for by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) q: Option<&'a str>,
    pub(crate) role: Option<&'a str>,
    pub(crate) is_active: Option<&'a str>,
    pub(crate) cursor: Option<&'a str>,
    pub(crate) limit: Option<&'a str>,
}

impl Wanted<'_> {
    pub(crate) fn query(self) -> UserQuery {
        UserQuery::parse(self.q, self.role, self.is_active, PageRequest::parse(self.cursor, self.limit)).unwrap()
    }
}

impl Bed {
    /// Gives a user a role as another program would: access tokens say what they said.
    pub(crate) fn give_role(&self, email: &str, role: &str) {
        self.execute(&format!("UPDATE users SET role = '{role}' WHERE email_normalized = '{email}'"));
    }
}

impl Instance {
    /// An administrator who has just signed in.
    pub(crate) fn administrator(&self, bed: &Bed, email: &str) -> Account {
        self.register(email);
        bed.give_role(email, "admin");
        self.log_in(email)
    }

    pub(crate) fn find_users(&self, by: &Account, wanted: Wanted<'_>) -> Result<Page<Profile>, AdministrationError> {
        block_on(self.service.find_users(&self.claims(&by.access), wanted.query()))
    }

    /// The addresses of those who are found, in their order.
    pub(crate) fn found(&self, by: &Account, wanted: Wanted<'_>) -> Vec<String> {
        let page = self.find_users(by, wanted).unwrap();
        page.entries.into_iter().map(|user| user.email.unwrap_or_default()).collect()
    }

    pub(crate) fn find_user(&self, by: &Account, user: UserId) -> Result<Profile, AdministrationError> {
        block_on(self.service.find_user(&self.claims(&by.access), user))
    }

    pub(crate) fn create_user(&self, by: &Account, new: NewAccount<'_>) -> Result<Profile, AdministrationError> {
        block_on(self.service.create_user(&self.claims(&by.access), new, &browser()))
    }

    pub(crate) fn change_user(
        &self,
        by: &Account,
        user: UserId,
        change: AccountChange<'_>,
    ) -> Result<Profile, AdministrationError> {
        block_on(self.service.change_user(&self.claims(&by.access), user, change, &browser()))
    }

    pub(crate) fn change_role(&self, by: &Account, user: UserId, role: &str) -> Result<Profile, AdministrationError> {
        self.change_user(by, user, AccountChange { role: Some(role), ..KEEP })
    }

    pub(crate) fn switch(&self, by: &Account, user: UserId, is_active: bool) -> Result<Profile, AdministrationError> {
        self.change_user(by, user, AccountChange { is_active: Some(is_active), ..KEEP })
    }

    pub(crate) fn delete_user(&self, by: &Account, user: UserId) -> Result<(), AdministrationError> {
        self.delete_user_with(by, user, NO_PROOF)
    }

    pub(crate) fn delete_user_with(
        &self,
        by: &Account,
        user: UserId,
        proof: FreshProof<'_>,
    ) -> Result<(), AdministrationError> {
        block_on(self.service.delete_user(&self.claims(&by.access), user, proof, &browser()))
    }

    pub(crate) fn reset_factor_of(&self, by: &Account, user: UserId) -> Result<(), AdministrationError> {
        block_on(self.service.reset_second_factor(&self.claims(&by.access), user, NO_PROOF, &browser()))
    }

    pub(crate) fn revoke_sessions_of(&self, by: &Account, user: UserId) -> Result<(), AdministrationError> {
        block_on(self.service.revoke_sessions_of(&self.claims(&by.access), user, NO_PROOF, &browser()))
    }

    pub(crate) fn send_reset_to(&self, by: &Account, user: UserId) -> Result<(), AdministrationError> {
        block_on(self.service.send_password_reset(&self.claims(&by.access), user, NO_PROOF, &browser()))
    }

    pub(crate) fn audit(&self, by: &Account, query: AuditQuery) -> Result<Page<SecurityEvent>, AdministrationError> {
        block_on(self.service.audit_events(&self.claims(&by.access), query))
    }
}

/// Another one with each call.
fn number() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// Every call of an administrator: its name, whether it changes something, and the call itself.
pub(crate) type Call = (&'static str, bool, fn(&Instance, &Account, UserId) -> Result<(), AdministrationError>);

pub(crate) const CALLS: [Call; 9] = [
    ("find users", false, |service, by, _| service.find_users(by, Wanted::default()).map(drop)),
    ("find a user", false, |service, by, user| service.find_user(by, user).map(drop)),
    ("read the trail", false, |service, by, _| {
        let page = PageRequest::parse(None, None);
        service.audit(by, AuditQuery::parse(None, None, None, None, page).unwrap()).map(drop)
    }),
    ("create", true, |service, by, _| {
        let email = format!("new-{}@example.org", number());
        service.create_user(by, account(&email)).map(drop)
    }),
    ("change", true, |service, by, user| {
        let name = format!("name {}", number());
        service.change_user(by, user, AccountChange { display_name: Some(Some(&name)), ..KEEP }).map(drop)
    }),
    ("reset the second factor", true, |service, by, user| service.reset_factor_of(by, user)),
    ("revoke sessions", true, |service, by, user| service.revoke_sessions_of(by, user)),
    ("send a reset", true, |service, by, user| service.send_reset_to(by, user)),
    ("delete", true, |service, by, user| service.delete_user(by, user)),
];

#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, AdministrationError>) -> ErrorCode {
    result.unwrap_err().code()
}
