//! The ways in by another provider.

use super::account::Prepared;
use super::walk::{Begun, Knows, Walker};
use super::{Case, State, Way, When};
use crate::bed::federation::{By, GOOGLE, Person, VERIFIER};

impl Walker<'_> {
    /// The first step of a way by another provider, of an account that gets into its state before or meanwhile.
    pub(super) fn federate<'p>(&self, account: &'p Prepared, case: &Case) -> (Begun, Knows<'p>) {
        let (service, owner) = (self.service(case.strict), account.registered(self));
        let email = account.email.as_str();
        let person = Person::nameless(GOOGLE, email);
        let (by, person) = match case.way {
            Way::Federation(by) => (by, person),
            Way::FederationByAddress(by) => (by, person.with_email(email)),
            _ => (By::Page, person),
        };
        if !matches!(case.way, Way::FederationByAddress(_)) {
            self.open.link(&owner, person).unwrap();
        }
        if case.when == When::Before {
            let app = account.enter(self, &owner, &case.state);
            return (self.open.come_to(service, by, person).map_err(Some), Knows { email, app });
        }
        let app = account.enter(self, &owner, &State::PLAIN);
        let code = self.open.code_at(service, person).unwrap();
        let app = self.change(account, case, &owner).or(app);
        (service.exchange(&code, Some(VERIFIER)).map_err(|error| Some(error.code())), Knows { email, app })
    }
}
