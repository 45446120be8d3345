//! The provider: a listening socket, a thread for each connection, and what the test can ask and set.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use serde_json::{Map, Value};
use url::Url;

use crate::authorize;
use crate::behaviour::{Answer, Endpoint};
use crate::id_token::{self, Signing};
use crate::recorded::Recorded;
use crate::serve::serve;
use crate::settings::Change;
use crate::state::State;

/// An identity provider on 127.0.0.1 with one user at a time. Dropped, it closes its port and every connection, and its
/// threads end.
///
/// What is set holds for what is asked from then on. A user is an exception: it is the one that was set at the
/// approval, as it is with people.
pub struct IdentityProvider {
    address: SocketAddr,
    state: Arc<State>,
    listener: Option<JoinHandle<()>>,
}

impl IdentityProvider {
    /// Starts a provider on a free port. It knows the client `client-id` with the secret `client-secret`.
    ///
    /// # Panics
    ///
    /// When it can't listen.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_on(0)
    }

    /// As [`IdentityProvider::start`], on this port: for a provider that comes back where another one was.
    ///
    /// # Panics
    ///
    /// When it can't listen there.
    #[track_caller]
    pub fn start_on(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::new(format!("http://{address}")));
        let accepting = thread::Builder::new().name("identity-provider".to_owned()).spawn({
            let state = Arc::clone(&state);
            move || accept(&listener, &state)
        });
        Self { address, state, listener: Some(accepting.unwrap()) }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The root, without a slash at its end.
    pub fn url(&self) -> String {
        self.state.settings().url.clone()
    }

    /// Who it says it is in metadata, `id_token`s and answers to browsers; the root unless it was set.
    pub fn issuer(&self) -> String {
        self.state.settings().issuer.clone()
    }

    /// Where browsers are sent.
    pub fn authorize_url(&self) -> String {
        self.url() + "/authorize"
    }

    /// Where codes are exchanged.
    pub fn token_url(&self) -> String {
        self.url() + "/token"
    }

    /// Where the user is read; with `/emails` at its end, GitHub's list of addresses.
    pub fn userinfo_url(&self) -> String {
        self.url() + "/userinfo"
    }

    /// Calls itself this. Metadata is found below every path.
    pub fn set_issuer(&self, issuer: &str) {
        issuer.clone_into(&mut self.state.settings().issuer);
    }

    /// Knows this client and no other.
    pub fn use_client(&self, id: &str, secret: &str) {
        let mut settings = self.state.settings();
        (settings.client_id, settings.client_secret) = (id.to_owned(), Some(secret.to_owned()));
    }

    /// Knows this client, which has no secret, and no other.
    pub fn use_public_client(&self, id: &str) {
        let mut settings = self.state.settings();
        (settings.client_id, settings.client_secret) = (id.to_owned(), None);
    }

    /// Sends browsers back to these URIs alone, compared as they are written. Without this, to any.
    pub fn register_redirect_uris(&self, uris: &[&str]) {
        self.state.settings().redirect_uris = uris.iter().map(|&uri| uri.to_owned()).collect();
    }

    /// Who signs in from now on: the JSON of userinfo, whose fields are claims of the `id_token` too. See
    /// [`people`](crate::people).
    pub fn set_user(&self, user: Value) {
        self.state.settings().user = user;
    }

    /// The addresses of who signs in from now on, as GitHub lists them.
    pub fn set_emails(&self, emails: Value) {
        self.state.settings().emails = emails;
    }

    /// Changes the claims of `id_token`s, as the last step before they are signed.
    pub fn set_claims(&self, change: impl Fn(&mut Map<String, Value>) + Send + 'static) {
        self.state.settings().claims = boxed(change);
    }

    /// Changes the header of `id_token`s, but not what they are signed with.
    pub fn set_header(&self, change: impl Fn(&mut Map<String, Value>) + Send + 'static) {
        self.state.settings().header = boxed(change);
    }

    /// Changes the metadata.
    pub fn set_metadata(&self, change: impl Fn(&mut Map<String, Value>) + Send + 'static) {
        self.state.settings().metadata = boxed(change);
    }

    /// Changes the JWKS: an object with the list `keys`.
    pub fn set_jwks(&self, change: impl Fn(&mut Map<String, Value>) + Send + 'static) {
        self.state.settings().jwks = boxed(change);
    }

    /// Changes the good answers of the token endpoint.
    pub fn set_token_answer(&self, change: impl Fn(&mut Map<String, Value>) + Send + 'static) {
        self.state.settings().token_answer = boxed(change);
    }

    /// Changes what userinfo says, but not the `id_token`.
    pub fn set_userinfo(&self, change: impl Fn(&mut Map<String, Value>) + Send + 'static) {
        self.state.settings().userinfo = boxed(change);
    }

    /// Signs `id_token`s in this way.
    pub fn sign_with(&self, signing: Signing) {
        self.state.settings().signing = signing;
    }

    /// Signs by new keys with new ids, and publishes these alone.
    pub fn rotate_keys(&self) {
        let mut settings = self.state.settings();
        settings.keys = settings.keys.next();
    }

    /// Stops the provider's clock at this time, in seconds of Unix time.
    pub fn set_time(&self, seconds: i64) {
        self.state.settings().time = Some(seconds);
    }

    /// Tells browsers this `iss` (RFC 9207), or none. Without this, it is the issuer where the scope has `openid`, and
    /// none elsewhere.
    pub fn set_iss(&self, iss: Option<&str>) {
        self.state.settings().iss = Some(iss.map(str::to_owned));
    }

    /// Whether it exchanges codes for whoever has them, as providers do that don't know RFC 7636.
    pub fn ignore_pkce(&self, ignore: bool) {
        self.state.settings().ignores_pkce = ignore;
    }

    /// Has an endpoint answer in this way until it is told otherwise. It goes on recording.
    pub fn misbehave(&self, endpoint: Endpoint, answer: Answer) {
        self.state.settings().answers.insert(endpoint, answer);
    }

    /// Approves as the user: where the browser is sent back to, with a code, the state and maybe `iss`.
    ///
    /// # Panics
    ///
    /// When the URL is not as it has to be: see [`IdentityProvider::try_approve`].
    #[track_caller]
    pub fn approve(&self, authorization_url: impl AsRef<str>) -> Url {
        let url = authorization_url.as_ref();
        self.try_approve(url).unwrap_or_else(|fault| panic!("{fault}: {url}"))
    }

    /// As [`IdentityProvider::approve`].
    ///
    /// # Errors
    ///
    /// What is wrong with the URL: it must be this provider's, for a code, with a known client, an absolute
    /// `redirect_uri`, a scope, an S256 challenge, a `state` and maybe a `nonce` of 128 bits at least, nothing twice
    /// and no secret.
    pub fn try_approve(&self, authorization_url: &str) -> Result<Url, String> {
        let settings = self.state.settings();
        authorize::approve(&settings, &mut self.state.grants(), authorization_url)
    }

    /// Denies as the user: where the browser is sent back to.
    ///
    /// # Panics
    ///
    /// As [`IdentityProvider::approve`].
    #[track_caller]
    pub fn deny(&self, authorization_url: impl AsRef<str>) -> Url {
        self.fail(authorization_url, "access_denied", "the user said no")
    }

    /// Refuses with this error: where the browser is sent back to.
    ///
    /// # Panics
    ///
    /// As [`IdentityProvider::approve`].
    #[track_caller]
    pub fn fail(&self, authorization_url: impl AsRef<str>, error: &str, description: &str) -> Url {
        let url = authorization_url.as_ref();
        let answer = authorize::refuse(&self.state.settings(), url, error, description);
        answer.unwrap_or_else(|fault| panic!("{fault}: {url}"))
    }

    /// An `id_token` with these claims and no others, signed as it is set.
    pub fn sign(&self, claims: &Map<String, Value>) -> String {
        id_token::sign(&self.state.settings(), claims)
    }

    /// What it was asked so far, by whom ever.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.requests().clone()
    }

    /// How often an endpoint was asked so far.
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.state.requests().iter().filter(|request| request.endpoint == endpoint).count()
    }

    /// Forgets what it was asked so far.
    pub fn forget_requests(&self) {
        self.state.requests().clear();
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> usize {
        self.state.open_connections()
    }

    /// Everything so far that no one but the client may see: codes, access tokens, refresh tokens, `id_token`s and the
    /// client's secret.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = self.state.grants().secrets();
        secrets.extend(self.state.settings().client_secret.clone());
        secrets
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.state.stop();
        // The listening thread waits for a connection, so it gets one.
        _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            _ = listener.join();
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what settings hold")]
fn boxed(change: impl Fn(&mut Map<String, Value>) + Send + 'static) -> Option<Change> {
    Some(Box::new(change))
}

/// Serves connections, each in a thread, until the stop; then waits for all of them.
fn accept(listener: &TcpListener, state: &State) {
    thread::scope(|scope| {
        for stream in listener.incoming() {
            if state.is_stopped() {
                return;
            }
            let Ok(stream) = stream else { continue };
            let Some(number) = state.open(&stream) else { continue };
            scope.spawn(move || {
                // A client may go whenever it likes.
                _ = serve(stream, state);
                state.close(number);
            });
        }
    });
}
