//! People with accounts, by the dozen.

use std::time::Duration;

use crate::caller::Caller;
use crate::sql;

/// How long mails may take that nothing holds up, on a machine with other work.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// Registers `count` people; their addresses.
pub(crate) fn register_people(caller: Caller, count: usize) -> Vec<String> {
    let people: Vec<String> = (0..count).map(|number| format!("person{number}@example.org")).collect();
    for email in &people {
        caller.registered(email);
    }
    people
}

/// Each of `people` forgot their password.
pub(crate) fn ask_for_resets(caller: Caller, people: &[String]) {
    for email in people {
        let answer = caller.forgot(email).expect("an answer");
        assert_eq!(answer.status, 202, "{answer:?}");
    }
}

/// What the database holds about one person.
pub(crate) struct Rows<'a> {
    pub(crate) url: &'a str,
    pub(crate) email: &'a str,
}

impl Rows<'_> {
    /// How many rows there are; `$email` stands for the address.
    pub(crate) fn count(&self, rows: &str) -> i64 {
        sql::number(self.url, &format!("count(*) FROM {}", rows.replace("$email", &format!("'{}'", self.email))))
    }

    /// How many rows of `table` belong to the account.
    pub(crate) fn of_user(&self, table: &str, condition: &str) -> i64 {
        self.count(&format!("{table} WHERE user_id = (SELECT id FROM users WHERE email = $email) AND {condition}"))
    }
}
