//! The calls of one client, in short.

use std::sync::LazyLock;

use auth_core::UserId;
use auth_service::{
    AccountError, FreshProof, LinkedAccount, OAuthFlowError, OAuthOutcome, OAuthStart, OAuthStarted, Step,
};
use tokio::runtime::Runtime;
use url::Url;

use super::Return;
use crate::bed::{Account, Instance, browser};

impl Instance {
    pub(crate) fn start_oauth(&self, start: OAuthStart<'_>) -> Result<OAuthStarted, OAuthFlowError> {
        run(self.service.start_oauth(start, &browser()))
    }

    pub(crate) fn start_link(&self, start: OAuthStart<'_>, account: &Account) -> Result<OAuthStarted, OAuthFlowError> {
        let claims = self.claims(&account.access);
        run(self.service.start_oauth_link(start, &claims, &browser()))
    }

    pub(crate) fn finish_oauth(&self, back: &Return) -> OAuthOutcome<Step> {
        run(self.service.finish_oauth(back.callback(), &browser()))
    }

    pub(crate) fn finish_link(&self, back: &Return) -> OAuthOutcome<LinkedAccount> {
        run(self.service.finish_oauth_link(back.callback(), &browser()))
    }

    pub(crate) fn exchange(&self, code: &str, verifier: Option<&str>) -> Result<Step, OAuthFlowError> {
        run(self.service.exchange_oauth_code(Some(code), verifier, &browser()))
    }

    pub(crate) fn linked(&self, user: UserId) -> Vec<LinkedAccount> {
        run(self.service.linked_accounts(user)).unwrap()
    }

    /// The names of the providers whose accounts are linked.
    pub(crate) fn ways_of(&self, user: UserId) -> Vec<String> {
        self.linked(user).into_iter().map(|linked| linked.provider).collect()
    }

    /// Takes a link off right after a sign-in.
    pub(crate) fn unlink(&self, account: &Account, provider: &str) -> Result<(), AccountError> {
        self.unlink_with(account, provider, FreshProof::default())
    }

    pub(crate) fn unlink_with(
        &self,
        account: &Account,
        provider: &str,
        proof: FreshProof<'_>,
    ) -> Result<(), AccountError> {
        let claims = self.claims(&account.access);
        run(self.service.unlink(&claims, provider, proof, &browser()))
    }
}

/// The answer of a callback that sends nobody elsewhere.
#[track_caller]
pub(crate) fn here<T>(outcome: OAuthOutcome<T>) -> Result<T, OAuthFlowError> {
    match outcome {
        OAuthOutcome::Here(result) => result,
        OAuthOutcome::Redirect(url) => panic!("sent to {url}"),
    }
}

/// Where a callback sends the browser.
#[track_caller]
pub(crate) fn page<T>(outcome: OAuthOutcome<T>) -> Url {
    match outcome {
        OAuthOutcome::Redirect(url) => url,
        OAuthOutcome::Here(result) => panic!("answered right here, {:?}", result.err()),
    }
}

/// The one parameter of this name.
#[track_caller]
pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut values = url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let (value, more) = (values.next(), values.next());
    assert!(more.is_none(), "{name} is repeated: {url}");
    value
}

/// Runs a future on a runtime that outlives it: connections to a provider are kept for the next call.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
    RUNTIME.block_on(future)
}
