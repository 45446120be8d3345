//! What a password must pass to be set, wherever it is set (REQ-02, REQ-03): the policy, then the check for breaches.

use auth_core::password::{Password, PasswordContext, PasswordHash, PasswordWeakness};
use auth_core::{BreachVerdict, DisplayName, Email, FieldError, Username};
use auth_persistence::pending_registration::PendingRegistration;
use auth_persistence::user::User;

use crate::fault::Fault;
use crate::service::Inner;

/// A password that somebody wants to set.
pub(crate) struct NewPassword<'a> {
    pub(crate) field: &'static str,
    pub(crate) text: &'a str,
    pub(crate) email: Option<Email>,
    pub(crate) username: Option<Username>,
    pub(crate) display_name: Option<DisplayName>,
}

/// Why it may not be set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefusedPassword {
    #[error("the password is refused")]
    Refused(FieldError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl<'a> NewPassword<'a> {
    /// For the account of `user`.
    pub(crate) fn of_user(field: &'static str, text: &'a str, user: &User) -> Self {
        let parsed = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            field,
            text,
            email: Email::parse(&parsed(&user.email)).ok(),
            username: Username::parse(&parsed(&user.username)).ok(),
            display_name: DisplayName::parse(&parsed(&user.display_name)).ok(),
        }
    }

    /// For the account that `pending` will be.
    pub(crate) fn of_pending(field: &'static str, text: &'a str, pending: &PendingRegistration) -> Self {
        Self {
            field,
            text,
            email: Email::parse(pending.email.expose()).ok(),
            username: None,
            display_name: pending.display_name.as_deref().and_then(|name| DisplayName::parse(name).ok()),
        }
    }
}

impl Inner {
    /// The password, if it may be set.
    pub(crate) async fn accept_new_password(&self, new: NewPassword<'_>) -> Result<Password, RefusedPassword> {
        let field = new.field;
        let weak =
            |message: String| RefusedPassword::Refused(FieldError::new(field, PasswordWeakness::FIELD_CODE, message));
        let password = Password::new(new.text).map_err(|error| weak(error.to_string()))?;
        let context = PasswordContext {
            email: new.email.as_ref(),
            username: new.username.as_ref(),
            display_name: new.display_name.as_ref(),
            product_name: &self.config.product_name,
        };
        self.password_policy.check(&password, &context).map_err(|weakness| weak(weakness.message()))?;
        self.refuse_breached(field, &password).await?;
        Ok(password)
    }

    /// The check for breaches alone, after the policy.
    pub(crate) async fn refuse_breached(
        &self,
        field: &'static str,
        password: &Password,
    ) -> Result<(), RefusedPassword> {
        let Some(breached_passwords) = &self.breached_passwords else { return Ok(()) };
        let outcome = match breached_passwords.check(password).await {
            BreachVerdict::NotFound => "not_found",
            BreachVerdict::Breached => "breached",
            // Open on purpose: the list of common passwords has been asked, and a closed network must be able to work.
            BreachVerdict::Unknown(reason) => {
                tracing::warn!(reason = reason.as_str(), "a new password could not be checked for breaches");
                "unknown"
            }
        };
        metrics::counter!("auth_breach_checks_total", "outcome" => outcome).increment(1);
        if outcome == "breached" {
            let message = "this password has leaked elsewhere: choose another one";
            return Err(RefusedPassword::Refused(FieldError::new(field, "breached_password", message)));
        }
        Ok(())
    }

    /// A new password has to be a new one.
    pub(crate) async fn refuse_unchanged(
        &self,
        field: &'static str,
        password: &Password,
        stored: Option<PasswordHash>,
    ) -> Result<(), RefusedPassword> {
        let Some(stored) = stored else { return Ok(()) };
        let verified = self.hash_pool.verify(password.clone(), stored).await.map_err(Fault::from)?;
        if verified.matches {
            return Err(RefusedPassword::Refused(unchanged(field)));
        }
        Ok(())
    }
}

/// The new password is the current one.
pub(crate) fn unchanged(field: &'static str) -> FieldError {
    FieldError::new(field, "password_unchanged", "the new password must differ from the current one")
}
