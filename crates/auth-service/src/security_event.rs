//! What every security event of an account ends.

use auth_core::{SessionId, TokenPurpose, UserId};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError, email_outbox, one_time_token};

use crate::letter::Template;
use crate::logout::Reason;
use crate::revocation_feed::Revoked;
use crate::service::Inner;

/// The tokens that let somebody in, or change who gets in. Those that only lock somebody out (`secure_account`,
/// `undo_email_change`) outlive a security event: a thief who changes the password twice must not end the link that the
/// owner got the first time.
const LETTING_IN: [TokenPurpose; 4] =
    [TokenPurpose::VerifyEmail, TokenPurpose::ResetPassword, TokenPurpose::ChangeEmail, TokenPurpose::Activate];

impl Inner {
    /// Ends everything that lets somebody act as `user`, but for the session `kept`, inside the caller's transaction, in
    /// which the user's row is locked: sessions, half-done sign-ins, links in mails, pending changes of address. Every
    /// security event of an account goes through here. The new epoch is returned beside the news.
    pub(crate) fn end_everything(
        &self,
        conn: &mut DbConnection,
        user: &User,
        kept: Option<SessionId>,
        reason: Reason,
    ) -> Result<(i64, Vec<Revoked>), DbError> {
        let now = self.clock.now();
        let epoch = user::raise_security_epoch(conn, user.id)?.unwrap_or(user.security_epoch);
        one_time_token::end_for_user(conn, user.id, &LETTING_IN, now)?;
        let waiting = Template::LETTING_IN.map(Template::as_str);
        email_outbox::delete_unsent(conn, user.id, user.email_normalized.as_deref(), &waiting)?;
        Ok((epoch, self.revoke_sessions(conn, user.id, kept, reason)?))
    }

    /// Ends half-done sign-ins and pending changes of address, which a stranger may have begun in a session that ends now.
    pub(crate) fn end_pending(&self, conn: &mut DbConnection, user: UserId) -> Result<(), DbError> {
        user::raise_security_epoch(conn, user)?;
        self.end_links(conn, user, TokenPurpose::ChangeEmail, Template::ChangeEmail)
    }

    /// Ends the links of notices, and notices on their way: their owner has acted, or another mail says more.
    pub(crate) fn end_notices(&self, conn: &mut DbConnection, user: UserId) -> Result<(), DbError> {
        one_time_token::end_for_user(conn, user, &[TokenPurpose::SecureAccount], self.clock.now())?;
        let waiting = [Template::SecurityAlert, Template::PasswordChanged].map(Template::as_str);
        email_outbox::delete_unsent(conn, user, None, &waiting).map(drop)
    }

    /// Ends links of `purpose` that were mailed to `user` and not used, and those on their way.
    pub(crate) fn end_links(
        &self,
        conn: &mut DbConnection,
        user: UserId,
        purpose: TokenPurpose,
        template: Template,
    ) -> Result<(), DbError> {
        one_time_token::end_for_user(conn, user, &[purpose], self.clock.now())?;
        email_outbox::delete_unsent(conn, user, None, &[template.as_str()]).map(drop)
    }
}
