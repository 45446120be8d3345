//! Pages of your own that mails link to.

use url::Url;

use super::server::ServerSettings;
use super::web::WebSettings;
use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{WebOrigin, link_page};

macro_rules! link {
    ($name:literal, $purpose:literal, $meaning:literal) => {
        Link {
            purpose: $purpose,
            row: Definition::derived(
                concat!("AUTH_LINK_", $name),
                concat!("{base_url}/link/", $purpose),
                concat!(
                    "page of your app that ",
                    $meaning,
                    "; `?token=…` is appended, and its origin must be the base URL's or in AUTH_REDIRECT_ORIGINS"
                ),
            ),
        }
    };
}

struct Link {
    purpose: &'static str,
    row: Definition,
}

static VERIFY_EMAIL: Link = link!("VERIFY_EMAIL", "verify-email", "verifies an address");
static RESET_PASSWORD: Link = link!("RESET_PASSWORD", "reset-password", "sets a new password");
static CHANGE_EMAIL: Link = link!("CHANGE_EMAIL", "change-email", "confirms a new address");
static UNDO_EMAIL: Link = link!("UNDO_EMAIL", "undo-email", "takes a change of address back");
static SECURE_ACCOUNT: Link = link!("SECURE_ACCOUNT", "secure-account", "locks strangers out of an account");
static ACTIVATE: Link = link!("ACTIVATE", "activate", "activates an account that an administrator made");

pub(crate) static GROUP: Group = Group {
    title: "Links in mails",
    rows: &[
        &VERIFY_EMAIL.row,
        &RESET_PASSWORD.row,
        &CHANGE_EMAIL.row,
        &UNDO_EMAIL.row,
        &SECURE_ACCOUNT.row,
        &ACTIVATE.row,
    ],
};

/// The pages that mails link to, without the token.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// Verifies an address.
    pub verify_email: Url,
    /// Sets a new password.
    pub reset_password: Url,
    /// Confirms a new address.
    pub change_email: Url,
    /// Takes a change of address back.
    pub undo_email: Url,
    /// Locks strangers out.
    pub secure_account: Url,
    /// Activates an account.
    pub activate: Url,
}

impl LinkSettings {
    pub(crate) fn read(reader: &mut Reader, server: &ServerSettings, web: &WebSettings) -> Self {
        let mut page = |link: &'static Link| page(reader, link, server, web);
        Self {
            verify_email: page(&VERIFY_EMAIL),
            reset_password: page(&RESET_PASSWORD),
            change_email: page(&CHANGE_EMAIL),
            undo_email: page(&UNDO_EMAIL),
            secure_account: page(&SECURE_ACCOUNT),
            activate: page(&ACTIVATE),
        }
    }
}

/// A token must not be sent to a page of somebody else's, so a page's origin has to be listed.
fn page(reader: &mut Reader, link: &'static Link, server: &ServerSettings, web: &WebSettings) -> Url {
    let Some(page) = reader.optional(&link.row, link_page) else {
        let own = own_page(server, link.purpose);
        reader.derived(&link.row, own.as_str());
        return own;
    };
    let origin = WebOrigin::of(&page);
    if origin.as_str() != server.base_url.origin() && !web.redirect_origins.contains(&origin) {
        let remedy = format!("add `{origin}` to AUTH_REDIRECT_ORIGINS, or name a page of AUTH_BASE_URL");
        reader.refuse(&(&link.row).into(), remedy);
    }
    page
}

fn own_page(server: &ServerSettings, purpose: &str) -> Url {
    let mut url = server.base_url.url().clone();
    let path = format!("{}/link/{purpose}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}
