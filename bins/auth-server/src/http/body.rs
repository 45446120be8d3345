//! Parts of bodies that several calls have.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

/// The token of a mailed link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkBody {
    /// What stands after `token=` in the link.
    #[schema(required, nullable = false, value_type = String)]
    token: Option<SecretString>,
}

impl LinkBody {
    pub(super) fn token(&self) -> Option<&str> {
        exposed(self.token.as_ref())
    }
}

/// Where a mail is to go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressBody {
    #[schema(required, nullable = false, format = Email, example = "ada@example.org")]
    pub(super) email: Option<String>,
}

/// A secret for the one call that needs it.
pub(super) fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}
