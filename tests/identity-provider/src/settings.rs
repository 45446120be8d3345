//! What a test can set.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::behaviour::{Answer, Endpoint};
use crate::id_token::Signing;
use crate::keys::Keys;
use crate::people;

/// A change to a JSON object, made each time that it is about to be sent.
pub(crate) type Change = Box<dyn Fn(&mut Map<String, Value>) + Send>;

pub(crate) struct Settings {
    /// The URL of the root, without a slash at its end.
    pub(crate) url: String,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    /// `None` for a public client.
    pub(crate) client_secret: Option<String>,
    /// Empty for any.
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) user: Value,
    pub(crate) emails: Value,
    pub(crate) claims: Option<Change>,
    pub(crate) header: Option<Change>,
    pub(crate) metadata: Option<Change>,
    pub(crate) jwks: Option<Change>,
    pub(crate) token_answer: Option<Change>,
    pub(crate) userinfo: Option<Change>,
    pub(crate) signing: Signing,
    pub(crate) keys: Keys,
    pub(crate) ignores_pkce: bool,
    /// What `iss` in the browser's answer is; `None` for what is right.
    pub(crate) iss: Option<Option<String>>,
    /// Seconds of Unix time, if the clock stands.
    pub(crate) time: Option<i64>,
    pub(crate) answers: BTreeMap<Endpoint, Answer>,
}

impl Settings {
    pub(crate) fn new(url: String) -> Self {
        Self {
            issuer: url.clone(),
            url,
            client_id: "client-id".to_owned(),
            client_secret: Some("client-secret".to_owned()),
            redirect_uris: Vec::new(),
            user: people::openid("subject-1", "ada@example.org"),
            emails: people::github_emails("ada@example.org"),
            claims: None,
            header: None,
            metadata: None,
            jwks: None,
            token_answer: None,
            userinfo: None,
            signing: Signing::default(),
            keys: Keys::generate(0),
            ignores_pkce: false,
            iss: None,
            time: None,
            answers: BTreeMap::new(),
        }
    }

    pub(crate) fn answer(&self, endpoint: Endpoint) -> Answer {
        self.answers.get(&endpoint).cloned().unwrap_or_default()
    }

    /// Seconds of Unix time.
    #[expect(
        clippy::disallowed_methods,
        reason = "unless a test sets the time, the clock is the one that servers have"
    )]
    pub(crate) fn now(&self) -> i64 {
        let system = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        self.time.unwrap_or_else(|| i64::try_from(system()).unwrap())
    }
}

pub(crate) fn change(change: Option<&Change>, object: &mut Map<String, Value>) {
    if let Some(change) = change {
        change(object);
    }
}
