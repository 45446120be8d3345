//! An account that is brought into a state.

use super::walk::Walker;
use super::{Factor, State};
use crate::bed::{Account, Bed, Instance, PASSWORD};
use crate::second_factor::{App, by_password};

/// The account of one case.
pub(super) struct Prepared {
    pub(super) email: String,
}

impl Prepared {
    /// Another address for each case; what was mailed to those before is out of the way.
    pub(super) fn new(walker: &Walker<'_>, number: usize) -> Self {
        walker.open.mails();
        Self { email: format!("user{number}@example.org") }
    }

    /// An account with nothing due.
    pub(super) fn registered(&self, walker: &Walker<'_>) -> Account {
        let account = walker.open.register(&self.email);
        self.set(walker.bed, &State::PLAIN);
        account
    }

    /// Brings the account into `state`, with a session of its owner's. The app, if there is one.
    pub(super) fn enter(&self, walker: &Walker<'_>, owner: &Account, state: &State) -> Option<App> {
        let app = bring_factor(&walker.open, owner, state.factor);
        self.set(walker.bed, state);
        app
    }

    /// What is no security event of the service's own, or comes from elsewhere.
    pub(super) fn set(&self, bed: &Bed, state: &State) {
        let time = |is_set: bool| if is_set { "created_at" } else { "NULL" };
        bed.execute(&format!(
            "UPDATE users SET disabled_at = {}, email_verified_at = {}, password_must_change = {} WHERE email = '{}'",
            time(state.disabled),
            time(state.verified),
            state.must_change,
            self.email
        ));
    }

    pub(super) fn epoch(&self, bed: &Bed) -> i64 {
        let email = self.email.clone();
        bed.read(move |conn| auth_persistence::user::find_by_email(conn, &email)).unwrap().security_epoch
    }

    /// Takes back the mark that security events leave.
    pub(super) fn set_epoch(&self, bed: &Bed, epoch: i64) {
        bed.execute(&format!("UPDATE users SET security_epoch = {epoch} WHERE email = '{}'", self.email));
    }

    /// How many sessions the account has had.
    pub(super) fn sessions(&self, bed: &Bed) -> i64 {
        let of_account = format!("user_id = (SELECT id FROM users WHERE email = '{}')", self.email);
        bed.count("sessions", &of_account)
    }
}

/// By the calls that users have; the account has a confirmed factor or none.
fn bring_factor(service: &Instance, owner: &Account, factor: Factor) -> Option<App> {
    let has = service.factor_of(owner.user).totp;
    if has && factor != Factor::Totp {
        service.disable_totp(owner, by_password(PASSWORD)).unwrap();
    }
    match factor {
        Factor::None => None,
        Factor::Totp if has => None,
        Factor::Pending => Some(service.enrol(owner)),
        Factor::Totp => {
            let app = service.enrol(owner);
            service.confirm_totp(owner, &app.code(service, 0)).unwrap();
            Some(app)
        }
    }
}
