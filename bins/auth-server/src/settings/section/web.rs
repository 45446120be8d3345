//! Browsers and proxies: who may call from a page, where a redirect may go, whose forwarding header counts.

use ipnet::IpNet;

use super::server::ServerSettings;
use crate::settings::definition::Definition;
use crate::settings::reader::Reader;
use crate::settings::table::Group;
use crate::settings::value::{WebOrigin, list, network, web_origin};

static CORS_ORIGINS: Definition = Definition::unset(
    "AUTH_CORS_ORIGINS",
    "exact origins whose pages may call the server from a browser, such as `https://app.example.com`",
);
static REDIRECT_ORIGINS: Definition = Definition::derived(
    "AUTH_REDIRECT_ORIGINS",
    "the base URL's origin",
    "exact origins that `redirect_to` may point to; a list given here replaces the default",
);
static TRUSTED_PROXIES: Definition = Definition::unset(
    "AUTH_TRUSTED_PROXIES",
    "addresses and networks (CIDR) of your reverse proxies: from these alone `X-Forwarded-For` counts",
);

pub(crate) static GROUP: Group =
    Group { title: "Browsers and proxies", rows: &[&CORS_ORIGINS, &REDIRECT_ORIGINS, &TRUSTED_PROXIES] };

/// Settings for browsers and proxies.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Origins whose pages may call the server.
    pub cors_origins: Vec<WebOrigin>,
    /// Origins that `redirect_to` may point to; never empty.
    pub redirect_origins: Vec<WebOrigin>,
    /// Networks whose forwarding header counts.
    pub trusted_proxies: Vec<IpNet>,
}

impl WebSettings {
    pub(crate) fn read(reader: &mut Reader, server: &ServerSettings) -> Self {
        Self {
            cors_origins: reader.optional(&CORS_ORIGINS, list(web_origin)).unwrap_or_default(),
            redirect_origins: redirect_origins(reader, server),
            trusted_proxies: trusted_proxies(reader),
        }
    }
}

fn redirect_origins(reader: &mut Reader, server: &ServerSettings) -> Vec<WebOrigin> {
    reader.optional(&REDIRECT_ORIGINS, list(web_origin)).unwrap_or_else(|| {
        let own = WebOrigin::of(server.base_url.url());
        reader.derived(&REDIRECT_ORIGINS, own.as_str());
        vec![own]
    })
}

fn trusted_proxies(reader: &mut Reader) -> Vec<IpNet> {
    let proxies = reader.optional(&TRUSTED_PROXIES, list(network)).unwrap_or_default();
    if proxies.iter().any(|network| network.prefix_len() == 0) {
        let text = "trusts the whole internet: everybody can forge the address that limits and logs go by; name your \
                    proxies' networks alone";
        reader.warn(&(&TRUSTED_PROXIES).into(), text);
    }
    proxies
}
