//! Who is there already, of those that a batch of lines tells of.

use std::collections::{BTreeMap, HashMap};

use auth_core::UserId;
use auth_persistence::{DbConnection, DbError, oauth_account, reserved_address, user};

use crate::service::Inner;
use crate::user_record::{RefusedRecord, StoredUser, UserRecord};

/// Accounts that are there, and what they are found by.
#[derive(Default)]
pub(super) struct There {
    users: HashMap<UserId, StoredUser>,
    emails: HashMap<String, UserId>,
    usernames: HashMap<String, UserId>,
    /// By issuer and subject.
    identities: HashMap<(String, String), UserId>,
    /// Addresses that are kept for who had them until lately.
    reserved: HashMap<String, UserId>,
}

/// What a line is to what is there.
pub(super) enum Verdict {
    New,
    There(UserId),
    Refused(RefusedRecord),
}

impl There {
    pub(super) fn of<'a>(
        inner: &Inner,
        conn: &mut DbConnection,
        records: impl Iterator<Item = &'a UserRecord> + Clone,
    ) -> Result<Self, DbError> {
        let mut ids: Vec<UserId> = records.clone().filter_map(|record| record.id).collect();
        let emails: Vec<&str> = records.clone().filter_map(|record| record.canonical().0).collect();
        let usernames: Vec<&str> = records.clone().filter_map(|record| record.canonical().1).collect();
        ids.extend(linked(conn, records)?);
        let users = user::find_any(conn, &ids, &emails, &usernames)?;
        let reserved = reserved_address::find_any(conn, &emails, inner.clock.now())?.into_iter().collect();
        let mut there = Self { reserved, ..Self::default() };
        StoredUser::load(inner, conn, users)?.into_iter().for_each(|user| there.add(user));
        Ok(there)
    }

    pub(super) fn add(&mut self, stored: StoredUser) {
        let id = stored.user.id;
        self.emails.extend(stored.user.email_normalized.clone().map(|email| (email, id)));
        self.usernames.extend(stored.user.username_normalized.clone().map(|name| (name, id)));
        self.identities.extend(stored.identities().map(|identity| (identity, id)));
        self.users.insert(id, stored);
    }

    pub(super) fn judge(&self, record: &UserRecord) -> Verdict {
        let found = self.found_by(record);
        let Some((field, id)) = found.first() else { return self.judge_new(record) };
        if let Some((other_field, other)) = found.iter().find(|(_, other)| other != id) {
            let reason = format!("the account {id} has it, and the account {other} has {other_field}");
            return Verdict::Refused(RefusedRecord::field(*field, reason));
        }
        let differences = self.users.get(id).map(|stored| stored.differences(record)).unwrap_or_default();
        if differences.is_empty() {
            return Verdict::There(*id);
        }
        let reason = format!("the account {id} has it, and is not what this line says: {}", differences.join(", "));
        Verdict::Refused(RefusedRecord::field(*field, reason))
    }

    fn judge_new(&self, record: &UserRecord) -> Verdict {
        match record.canonical().0.and_then(|email| self.reserved.get(email)) {
            Some(id) if record.id != Some(*id) => {
                let reason = format!("it is kept for the account {id}, which had it until lately");
                Verdict::Refused(RefusedRecord::field("email", reason))
            }
            _ => Verdict::New,
        }
    }

    /// Whom `record` may be, and by which field.
    fn found_by(&self, record: &UserRecord) -> Vec<(&'static str, UserId)> {
        let (email, username) = record.canonical();
        let by_id = record.id.filter(|id| self.users.contains_key(id));
        let by_email = email.and_then(|email| self.emails.get(email).copied());
        let by_username = username.and_then(|name| self.usernames.get(name).copied());
        let by_identity = record.identities().filter_map(|identity| self.identities.get(&identity).copied());
        let mut found: Vec<(&'static str, UserId)> = Vec::new();
        found.extend(by_id.map(|id| ("id", id)));
        found.extend(by_email.map(|id| ("email", id)));
        found.extend(by_username.map(|id| ("username", id)));
        found.extend(by_identity.map(|id| ("linked_accounts", id)));
        found
    }
}

/// Who has one of the linked accounts.
fn linked<'a>(conn: &mut DbConnection, records: impl Iterator<Item = &'a UserRecord>) -> Result<Vec<UserId>, DbError> {
    let mut subjects: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for account in records.flat_map(|record| &record.linked_accounts) {
        if let Some(issuer) = &account.issuer {
            subjects.entry(issuer).or_default().push(&account.subject);
        }
    }
    let mut users = Vec::new();
    for (issuer, subjects) in subjects {
        users.extend(oauth_account::find_any(conn, issuer, &subjects)?.into_iter().map(|account| account.user_id));
    }
    Ok(users)
}
