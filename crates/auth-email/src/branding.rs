//! Whose mails they are.

use lettre::transport::smtp::extension::ClientId;
use url::{Host, Url};

use crate::error::InvalidMailConfig;

/// Whose mails they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branding {
    /// Name of the product, as people know it: in subjects and texts. One line.
    pub product_name: String,
    /// Public URL of the server. Its host is the right side of each Message-ID (RFC 5322, section 3.6.4), and the name
    /// by which mail servers are greeted.
    pub base_url: Url,
}

impl Branding {
    pub(crate) fn check(&self) -> Result<(), InvalidMailConfig> {
        if self.product_name.trim().is_empty() || self.product_name.chars().any(char::is_control) {
            return Err(InvalidMailConfig::ProductName);
        }
        self.base_url.has_host().then_some(()).ok_or(InvalidMailConfig::BaseUrl)
    }

    /// The URL's host; an IPv6 address in brackets, which is how a Message-ID may hold it too.
    pub(crate) fn host(&self) -> &str {
        self.base_url.host_str().unwrap_or("localhost")
    }

    pub(crate) fn client_id(&self) -> ClientId {
        match self.base_url.host() {
            Some(Host::Domain(name)) => ClientId::Domain(name.to_owned()),
            Some(Host::Ipv4(address)) => ClientId::Ipv4(address),
            Some(Host::Ipv6(address)) => ClientId::Ipv6(address),
            None => ClientId::Domain("localhost".to_owned()),
        }
    }
}
