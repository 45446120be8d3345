//! The pages that mails link to.

use url::Url;

/// One page for each kind of link. The token is appended as `?token=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
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
    /// Sets the first password of an account.
    pub activate: Url,
}

impl Links {
    /// The server's own pages: `{base_url}/link/<purpose>`.
    pub fn below(base_url: &Url) -> Self {
        let page = |purpose: &str| {
            let mut url = base_url.clone();
            url.set_path(&format!("{}/link/{purpose}", base_url.path().trim_end_matches('/')));
            url
        };
        Self {
            verify_email: page("verify-email"),
            reset_password: page("reset-password"),
            change_email: page("change-email"),
            undo_email: page("undo-email"),
            secure_account: page("secure-account"),
            activate: page("activate"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_below_the_base_url_whatever_its_path() {
        for (base, page) in [
            ("https://auth.example", "https://auth.example/link/undo-email"),
            ("https://example.org/auth/", "https://example.org/auth/link/undo-email"),
        ] {
            assert_eq!(Links::below(&Url::parse(base).unwrap()).undo_email.as_str(), page);
        }
    }
}
