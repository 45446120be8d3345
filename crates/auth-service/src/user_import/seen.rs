//! What stood in the file before: the lines that no database has seen yet.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::{BuildHasher as _, Hash};

use crate::user_record::{RefusedRecord, UserRecord};

/// What the lines of a file are known by, as long as none is stored: about 20 bytes for each id, address, name and linked
/// account.
///
/// Of each a keyed hash of 64 bits is kept. That two of ten million are the same happens once in some hundred thousand
/// files, and then not again at the next try.
#[derive(Default)]
pub struct SeenUsers {
    state: RandomState,
    lines: HashMap<u64, u64>,
}

impl SeenUsers {
    /// Notes what `record` is known by; if one of these stood in an earlier line, notes nothing and tells that.
    pub(super) fn take(&mut self, line: u64, record: &UserRecord) -> Option<RefusedRecord> {
        let keys = self.keys(record);
        for (field, key) in &keys {
            if let Entry::Occupied(earlier) = self.lines.entry(*key) {
                return Some(RefusedRecord::field(*field, format!("stands in line {} already", earlier.get())));
            }
        }
        self.lines.extend(keys.into_iter().map(|(_, key)| (key, line)));
        None
    }

    fn keys(&self, record: &UserRecord) -> Vec<(&'static str, u64)> {
        let (email, username) = record.canonical();
        let mut keys = Vec::with_capacity(3 + record.linked_accounts.len());
        keys.extend(record.id.map(|id| ("id", self.key(("id", id)))));
        keys.extend(email.map(|email| ("email", self.key(("email", email)))));
        keys.extend(username.map(|name| ("username", self.key(("username", name)))));
        keys.extend(record.identities().map(|identity| ("linked_accounts", self.key(("linked", identity)))));
        keys
    }

    fn key(&self, of: impl Hash) -> u64 {
        self.state.hash_one(of)
    }
}
