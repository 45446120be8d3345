//! Who came back, whatever the provider.

use std::fmt;

use auth_core::Email;

/// A provider's user, normalised.
#[derive(Clone, PartialEq, Eq)]
pub struct OAuthUserInfo {
    /// Who it is at the provider: never empty, never changes. Numbers are written as text.
    pub subject: String,
    /// The address, if there is one that can be read.
    pub email: Option<Email>,
    /// Whether the provider says that the address is that user's: only `true` is.
    pub email_verified: bool,
    /// The name to be shown.
    pub display_name: Option<String>,
    /// Where the picture is: an https URL.
    pub avatar_url: Option<String>,
}

impl OAuthUserInfo {
    /// The address, if the provider has verified it. Another one proves nothing.
    pub fn verified_email(&self) -> Option<&Email> {
        self.email.as_ref().filter(|_| self.email_verified)
    }
}

/// Without personal data.
impl fmt::Debug for OAuthUserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthUserInfo").field("email_verified", &self.email_verified).finish_non_exhaustive()
    }
}
