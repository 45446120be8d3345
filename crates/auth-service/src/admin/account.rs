//! Deleting somebody's account, and who must stay.

use auth_core::{AccessClaims, Role, UserId};
use auth_persistence::DbConnection;
use auth_persistence::user::{self, User};
use serde_json::json;

use super::AdministrationError;
use crate::account::AccountError;
use crate::audit::Event;
use crate::client::Client;
use crate::fresh_proof::FreshProof;
use crate::service::{AuthService, Inner};

impl AuthService {
    /// Deletes the account of `user` as [`AuthService::delete_account`] does; the audit trail keeps both ids.
    ///
    /// # Errors
    ///
    /// [`AdministrationError`]; nothing was deleted then.
    pub async fn delete_user(
        &self,
        claims: &AccessClaims,
        user: UserId,
        proof: FreshProof<'_>,
        client: &Client,
    ) -> Result<(), AdministrationError> {
        let delete = |inner: &Inner, conn: &mut DbConnection, by: &super::Administrator, user: User| {
            Inner::keep_an_admin(conn, &user)?;
            let news = inner.erase(conn, &user)?;
            // Of somebody who deletes themselves here nothing is left either.
            let client = if by.id == user.id { by.client.request_alone() } else { by.client.clone() };
            inner.record_by(conn, Some(by.id), Event::AdminUserDeleted, Some(user.id), &client, json!({}))?;
            Ok((news, ()))
        };
        self.inner().administer_user(claims, user, proof, client, delete).await
    }
}

impl Inner {
    /// Refuses to take the last active administrator away. The set of administrators is locked.
    pub(crate) fn keep_an_admin(conn: &mut DbConnection, user: &User) -> Result<(), AccountError> {
        let is_active_admin = user.role == Role::Admin && user.disabled_at.is_none();
        if is_active_admin && user::count_active_admins(conn)? <= 1 {
            return Err(AccountError::LastAdmin);
        }
        Ok(())
    }
}
