//! Parts of bodies that several calls have.

use auth_service::FreshProof;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
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
    #[schema(required, nullable = false, format = Email, max_length = 254, example = "ada@example.org")]
    pub(super) email: Option<String>,
}

/// A proof of who is there, for sensitive calls. Without one, a sign-in younger than 10 minutes counts.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofBody {
    #[schema(value_type = Option<String>, format = Password, max_length = 4096)]
    password: Option<SecretString>,
    /// A code of the second factor.
    #[schema(value_type = Option<String>, example = "492039")]
    code: Option<SecretString>,
}

impl ProofBody {
    pub(super) fn proof(&self) -> FreshProof<'_> {
        FreshProof { password: exposed(self.password.as_ref()), code: exposed(self.code.as_ref()) }
    }
}

/// A field that is there, with a value of its type: `null` is one where the field can be empty, and nowhere else.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A secret for the one call that needs it.
pub(super) fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}
