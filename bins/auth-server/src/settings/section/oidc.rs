//! OpenID Connect issuers, by names of your choice.

use secrecy::SecretString;

use crate::settings::definition::{Definition, Row};
use crate::settings::fault::Parsed;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{client_secret, issuer_name, link_page, list, one_line, scopes, token_name};

static PROVIDERS: Definition = Definition::unset(
    "AUTH_OIDC_PROVIDERS",
    "names of OpenID Connect issuers, such as `corp`; each is a path, `/auth/corp`, and has the rows below with its name in \
     capitals in the place of `<NAME>`",
);
static ISSUER: Definition =
    Definition::unset("AUTH_OIDC_<NAME>_ISSUER", "URL of the issuer, exactly as it stands in its tokens; needed");
static CLIENT_ID: Definition =
    Definition::unset("AUTH_OIDC_<NAME>_CLIENT_ID", "client id that the issuer gave your app; needed");
static CLIENT_SECRET: Definition = Definition::unset(
    "AUTH_OIDC_<NAME>_CLIENT_SECRET",
    "client secret that the issuer gave your app; unset for a public client",
)
.secret();
static DISPLAY_NAME: Definition = Definition::derived("AUTH_OIDC_<NAME>_DISPLAY_NAME", "the name", "what people see");
static SCOPES: Definition =
    Definition::new("AUTH_OIDC_<NAME>_SCOPES", "openid,email,profile", "scopes to ask for, `openid` among them");

pub(crate) static GROUP: Group = Group {
    title: "OpenID Connect issuers",
    rows: &[&PROVIDERS, &ISSUER, &CLIENT_ID, &CLIENT_SECRET, &DISPLAY_NAME, &SCOPES],
};

/// An issuer that people can sign in by.
#[derive(Clone, Debug)]
pub struct OidcProvider {
    /// Name in paths: `[a-z][a-z0-9_]{0,31}`.
    pub name: String,
    /// Issuer, byte by byte as in its tokens.
    pub issuer: String,
    /// Client id.
    pub client_id: String,
    /// Client secret; `None` for a public client.
    pub client_secret: Option<SecretString>,
    /// What people see.
    pub display_name: String,
    /// Scopes to ask for.
    pub scopes: Vec<String>,
}

impl OidcProvider {
    pub(crate) fn read_all(reader: &mut Reader) -> Vec<Self> {
        let names = reader.optional(&PROVIDERS, list(issuer_name));
        if let Some(names) = &names {
            refuse_unlisted(reader, names);
        } else if !reader.is_set(&(&PROVIDERS).into()) {
            refuse_unlisted(reader, &[]);
        }
        names.unwrap_or_default().into_iter().filter_map(|name| Self::read(reader, name)).collect()
    }

    fn read(reader: &mut Reader, name: String) -> Option<Self> {
        let issuer = reader.optional(ISSUER.of_issuer(&name), issuer);
        let client_id = reader.optional(CLIENT_ID.of_issuer(&name), token_name);
        for needed in [&ISSUER, &CLIENT_ID] {
            reader.missing(&needed.of_issuer(&name), format!("`{name}` in AUTH_OIDC_PROVIDERS needs it"));
        }
        let client_secret = reader.optional(CLIENT_SECRET.of_issuer(&name), client_secret);
        let display_name = reader.optional(DISPLAY_NAME.of_issuer(&name), one_line).unwrap_or_else(|| {
            reader.derived(DISPLAY_NAME.of_issuer(&name), &name);
            name.clone()
        });
        let scopes = reader.value(SCOPES.of_issuer(&name), scopes);
        Some(Self { name, issuer: issuer?, client_id: client_id?, client_secret, display_name, scopes })
    }

    /// The row that holds the issuer's URL.
    pub(crate) fn issuer_row(&self) -> Row {
        ISSUER.of_issuer(&self.name)
    }
}

/// An issuer has neither query nor fragment (OpenID Connect Discovery, section 4.3); tokens are compared with the text.
fn issuer(text: &str) -> Parsed<String> {
    link_page(text).map(|_| text.to_owned())
}

fn refuse_unlisted(reader: &mut Reader, names: &[String]) {
    for row in reader.issuer_rows() {
        if let Some(name) = row.issuer.as_ref().filter(|name| !names.contains(name)) {
            reader.refuse(&row, format!("add `{name}` to AUTH_OIDC_PROVIDERS, or remove this"));
        }
    }
}
