//! Flows with providers, from the start to the callback, at a server that may die meanwhile.

use std::io::Write as _;

use identity_provider::IdentityProvider;

use crate::answer::Answer;
use crate::caller::Caller;
use crate::process::Launch;

/// The client that every provider of a test knows.
const CLIENT: (&str, &str) = ("client-id", "client-secret");

/// A flow that was begun, in the browser that began it.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    authorization_url: String,
    cookie: String,
}

/// A browser on its way back from a provider.
#[derive(Clone, Debug)]
pub(crate) struct Returning {
    path: String,
    cookie: String,
}

/// Has people sign in by the built-in provider `name`.
pub(crate) fn built_in(launch: Launch, name: &str, provider: &IdentityProvider) -> Launch {
    let name = name.to_ascii_uppercase();
    launch
        .set(&format!("AUTH_{name}_CLIENT_ID"), CLIENT.0)
        .set(&format!("AUTH_{name}_CLIENT_SECRET"), CLIENT.1)
        .set(&format!("AUTH_{name}_AUTHORIZE_URL"), &provider.authorize_url())
        .set(&format!("AUTH_{name}_TOKEN_URL"), &provider.token_url())
        .set(&format!("AUTH_{name}_USERINFO_URL"), &provider.userinfo_url())
}

/// Has people sign in by these OpenID Connect issuers.
pub(crate) fn issuers(launch: Launch, providers: &[(&str, &IdentityProvider)]) -> Launch {
    let names: Vec<&str> = providers.iter().map(|(name, _)| *name).collect();
    let launch = launch.set("AUTH_OIDC_PROVIDERS", &names.join(","));
    providers.iter().fold(launch, |launch, (name, provider)| {
        let name = name.to_ascii_uppercase();
        launch
            .set(&format!("AUTH_OIDC_{name}_ISSUER"), &provider.issuer())
            .set(&format!("AUTH_OIDC_{name}_CLIENT_ID"), CLIENT.0)
            .set(&format!("AUTH_OIDC_{name}_CLIENT_SECRET"), CLIENT.1)
    })
}

/// Asks for a start; what the server answers, if it does.
pub(crate) fn start(caller: Caller, name: &str) -> Option<Answer> {
    get(caller, &format!("/auth/{name}"), "")
}

/// Begins to sign in.
#[track_caller]
pub(crate) fn begin(caller: Caller, name: &str) -> Flow {
    Flow::of(&start(caller, name).expect("an answer"))
}

/// Begins to link, as whoever has the access token; `None` if no answer comes.
pub(crate) fn begin_link(caller: Caller, name: &str, access_token: &str) -> Option<Flow> {
    let authorization = format!("Authorization: Bearer {access_token}\r\n");
    get(caller, &format!("/auth/link/{name}"), &authorization).map(|answer| Flow::of(&answer))
}

/// A whole sign-in: how the callback was answered.
#[track_caller]
pub(crate) fn sign_in(caller: Caller, name: &str, provider: &IdentityProvider) -> Answer {
    begin(caller, name).approve(provider).finish(caller).expect("an answer")
}

/// Fails unless this is the refusal `code` with this status.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, &*answer.error_code()), (status, code), "{answer:?}");
}

impl Flow {
    /// The flow that the answer to a start began.
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 302, "{answer:?}");
        let header = |name| answer.header(name).unwrap_or_else(|| panic!("no {name}: {answer:?}")).to_owned();
        let cookie = header("set-cookie").split(';').next().map(str::to_owned);
        Self { authorization_url: header("location"), cookie: cookie.expect("a cookie") }
    }

    /// The user agrees.
    #[track_caller]
    pub(crate) fn approve(&self, provider: &IdentityProvider) -> Returning {
        let url = provider.approve(&self.authorization_url);
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        Returning { path, cookie: self.cookie.clone() }
    }
}

impl Returning {
    /// Presents what the provider gave; what the server answers, if it does.
    pub(crate) fn finish(&self, caller: Caller) -> Option<Answer> {
        get(caller, &self.path, &format!("Cookie: {}\r\n", self.cookie))
    }
}

fn get(caller: Caller, path: &str, header: &str) -> Option<Answer> {
    let mut stream = caller.connect().ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    Answer::read(&mut stream)
}
