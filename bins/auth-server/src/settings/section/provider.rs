//! OAuth providers that are built in.

use auth_oauth::{NetworkPolicy, RefusedUrl};
use secrecy::SecretString;
use url::Url;

use crate::settings::definition::{Definition, Row};
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{client_secret, outgoing_url, token_name};

struct Provider {
    client_id: Definition,
    client_secret: Definition,
    authorize_url: Definition,
    token_url: Definition,
    userinfo_url: Definition,
}

macro_rules! provider {
    ($name:literal, $title:literal, $authorize:literal, $token:literal, $userinfo:literal) => {
        Provider {
            client_id: Definition::unset(
                concat!("AUTH_", $name, "_CLIENT_ID"),
                concat!("client id that ", $title, " gave your app; with it people sign in by ", $title),
            ),
            client_secret: Definition::unset(
                concat!("AUTH_", $name, "_CLIENT_SECRET"),
                concat!("client secret that ", $title, " gave your app"),
            )
            .secret(),
            authorize_url: url_row!($name, $title, "_AUTHORIZE_URL", $authorize, "page where people agree"),
            token_url: url_row!($name, $title, "_TOKEN_URL", $token, "token endpoint"),
            userinfo_url: url_row!($name, $title, "_USERINFO_URL", $userinfo, "user information"),
        }
    };
}

macro_rules! url_row {
    ($name:literal, $title:literal, $field:literal, $default:literal, $what:literal) => {
        Definition::new(
            concat!("AUTH_", $name, $field),
            $default,
            concat!($title, "'s ", $what, "; another for tests and enterprise installations"),
        )
    };
}

static GOOGLE: Provider = provider!(
    "GOOGLE",
    "Google",
    "https://accounts.google.com/o/oauth2/v2/auth",
    "https://oauth2.googleapis.com/token",
    "https://openidconnect.googleapis.com/v1/userinfo"
);
static DISCORD: Provider = provider!(
    "DISCORD",
    "Discord",
    "https://discord.com/oauth2/authorize",
    "https://discord.com/api/oauth2/token",
    "https://discord.com/api/users/@me"
);
static GITHUB: Provider = provider!(
    "GITHUB",
    "GitHub",
    "https://github.com/login/oauth/authorize",
    "https://github.com/login/oauth/access_token",
    "https://api.github.com/user"
);

pub(crate) static GROUP: Group = Group {
    title: "OAuth providers",
    rows: &[
        &GOOGLE.client_id,
        &GOOGLE.client_secret,
        &GOOGLE.authorize_url,
        &GOOGLE.token_url,
        &GOOGLE.userinfo_url,
        &DISCORD.client_id,
        &DISCORD.client_secret,
        &DISCORD.authorize_url,
        &DISCORD.token_url,
        &DISCORD.userinfo_url,
        &GITHUB.client_id,
        &GITHUB.client_secret,
        &GITHUB.authorize_url,
        &GITHUB.token_url,
        &GITHUB.userinfo_url,
    ],
};

/// A provider that people can sign in by.
#[derive(Clone, Debug)]
pub struct OAuthProvider {
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretString,
    /// Where browsers are sent.
    pub authorize_url: Url,
    /// Where the code is exchanged.
    pub token_url: Url,
    /// Where the user is read.
    pub userinfo_url: Url,
}

/// The providers that are built in; `None` is one that isn't configured.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Google.
    pub google: Option<OAuthProvider>,
    /// Discord.
    pub discord: Option<OAuthProvider>,
    /// GitHub.
    pub github: Option<OAuthProvider>,
}

impl ProviderSettings {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        Self {
            google: provider(reader, &GOOGLE),
            discord: provider(reader, &DISCORD),
            github: provider(reader, &GITHUB),
        }
    }

    /// The URLs of the providers that are configured, each with its row.
    pub(crate) fn urls(&self) -> impl Iterator<Item = (&'static Definition, &Url)> {
        self.configured().flat_map(|(rows, provider)| {
            [
                (&rows.authorize_url, &provider.authorize_url),
                (&rows.token_url, &provider.token_url),
                (&rows.userinfo_url, &provider.userinfo_url),
            ]
        })
    }

    /// The rows of URLs at which no provider of `network` can be, each with what is wrong.
    pub(crate) fn refused_urls(
        &self,
        network: NetworkPolicy,
    ) -> impl Iterator<Item = (&'static Definition, RefusedUrl)> {
        let pages = self.configured().map(move |(rows, provider)| {
            (&rows.authorize_url, network.check_authorization_endpoint(&provider.authorize_url))
        });
        let called = self.urls().map(move |(row, url)| (row, network.check(url)));
        pages.chain(called).filter_map(|(row, checked)| Some((row, checked.err()?)))
    }

    fn configured(&self) -> impl Iterator<Item = (&'static Provider, &OAuthProvider)> {
        let providers = [(&GOOGLE, &self.google), (&DISCORD, &self.discord), (&GITHUB, &self.github)];
        providers.into_iter().filter_map(|(rows, provider)| Some((rows, provider.as_ref()?)))
    }
}

fn provider(reader: &mut Reader, rows: &'static Provider) -> Option<OAuthProvider> {
    let client_id = reader.optional(&rows.client_id, token_name);
    let client_secret = reader.optional(&rows.client_secret, client_secret);
    let (id, secret): (Row, Row) = ((&rows.client_id).into(), (&rows.client_secret).into());
    if client_id.is_some() {
        reader.missing(&secret, format!("set it beside {}, or neither", id.variable));
    } else if client_secret.is_some() {
        reader.missing(&id, format!("set it beside {}, or neither", secret.variable));
    }
    let authorize_url = reader.value(&rows.authorize_url, outgoing_url);
    let token_url = reader.value(&rows.token_url, outgoing_url);
    let userinfo_url = reader.value(&rows.userinfo_url, outgoing_url);
    Some(OAuthProvider { client_id: client_id?, client_secret: client_secret?, authorize_url, token_url, userinfo_url })
}
