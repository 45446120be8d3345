//! Verifying an address: the token of a mailed link shows whose address it is. Whose account it is has to be shown
//! beside it, or a stranger's registration would become theirs by the owner's own click (pre-hijacking).

use auth_core::password::Password;
use auth_core::{AccessClaims, Email, ErrorCode, FieldError, TokenHash, TokenPurpose, UserId};
use auth_persistence::one_time_token::{self, OneTimeToken, Subject as TokenSubject};
use auth_persistence::pending_registration::{self, PendingRegistration};
use auth_persistence::user::{self, User};
use auth_persistence::{DbConnection, DbError};
use serde_json::json;

use crate::account::AccountError;
use crate::audit::Event;
use crate::challenge::Subject;
use crate::client::Client;
use crate::fault::Fault;
use crate::letter::{Payload, Template};
use crate::pending::NotMade;
use crate::register::{kept, required};
use crate::service::{AuthService, Inner};
use crate::step::ChallengeKind;

/// What comes with a link to show that the account is one's own.
#[derive(Clone, Copy, Default)]
pub struct AccountProof<'a> {
    /// An access token of the account, verified.
    pub claims: Option<&'a AccessClaims>,
    /// The account's password.
    pub password: Option<&'a str>,
    /// The token of the account's open `verify_email` challenge.
    pub challenge_token: Option<&'a str>,
}

/// Why a link from a mail does nothing.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Fields are missing or refused. The link stays good.
    #[error("some fields are refused")]
    Invalid(Vec<FieldError>),
    /// Unknown, used, outdated, or made for something else.
    #[error("the link is not valid any more")]
    TokenInvalid,
    /// The link is right, but doesn't show who made the account. It stays good.
    #[error("the account has to be proven, too")]
    ProofRequired,
    /// Nothing to do with the caller.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl LinkError {
    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::ValidationFailed,
            Self::TokenInvalid => ErrorCode::TokenInvalidOrExpired,
            Self::ProofRequired => ErrorCode::ProofRequired,
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<DbError> for LinkError {
    fn from(error: DbError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<NotVerified> for LinkError {
    fn from(error: NotVerified) -> Self {
        match error {
            NotVerified::TokenInvalid => Self::TokenInvalid,
            NotVerified::Database(error) => error.into(),
        }
    }
}

/// Why an address was not verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotVerified {
    #[error("the token is used, or the address was taken meanwhile")]
    TokenInvalid,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<NotMade> for NotVerified {
    fn from(error: NotMade) -> Self {
        match error {
            NotMade::Taken | NotMade::Gone => Self::TokenInvalid,
            NotMade::Database(error) => Self::Database(error),
        }
    }
}

/// Whether a token's subject is that of a half-done sign-in.
pub(crate) fn is_of(token: &TokenSubject, subject: Subject) -> bool {
    match (token, subject) {
        (TokenSubject::User(user), Subject::User { id, .. }) => *user == id,
        (TokenSubject::Pending(pending), Subject::Pending { id }) => *pending == id,
        _ => false,
    }
}

impl AuthService {
    /// Verifies the address that `token` was mailed to.
    ///
    /// # Errors
    ///
    /// [`LinkError`]; nothing was verified then, and the token stays good.
    pub async fn verify_email(
        &self,
        token: Option<&str>,
        proof: AccountProof<'_>,
        client: &Client,
    ) -> Result<(), LinkError> {
        let inner = self.inner();
        let mut errors = Vec::new();
        let token = required(token, "token", &mut errors).ok_or(LinkError::Invalid(errors))?;
        let (hash, found) = inner.find_link(TokenPurpose::VerifyEmail, token).await?.ok_or(LinkError::TokenInvalid)?;
        if !inner.proves_account(&found.subject, proof, client).await? {
            return Err(LinkError::ProofRequired);
        }
        Ok(inner.verify_address(hash, client).await?)
    }

    /// Asks for another mail to verify the address `email`. Nobody is told whether there is anything to verify.
    ///
    /// # Errors
    ///
    /// [`LinkError`] when `email` is no address.
    pub async fn resend_verification(&self, email: Option<&str>, client: &Client) -> Result<(), LinkError> {
        self.inner().ask_for_mail(Template::VerifyEmail, email, client).await
    }
}

impl Inner {
    /// Queues a mail that anybody may ask for. Whether it is for somebody is found out when it is made.
    pub(crate) async fn ask_for_mail(
        &self,
        template: Template,
        email: Option<&str>,
        client: &Client,
    ) -> Result<(), LinkError> {
        let mut errors = Vec::new();
        let email = required(email, "email", &mut errors)
            .and_then(|text| kept(Email::parse(text), "email", "invalid_email", &mut errors))
            .ok_or(LinkError::Invalid(errors))?;
        let _kept = self.charge([self.mail_charge(client)], None, client).await?;
        Ok(self.queue_asked(template, email, client).await?)
    }

    pub(crate) async fn queue_asked(&self, template: Template, email: Email, client: &Client) -> Result<(), DbError> {
        let (inner, payload) = (self.handle(), Payload::from_client(client, self.clock.now()));
        let queue = move |conn: &mut DbConnection| inner.queue(conn, template, &email, None, &payload);
        self.database.write(queue).await
    }

    /// The unspent token whose text is `text`, and its hash.
    pub(crate) async fn find_link(
        &self,
        purpose: TokenPurpose,
        text: &str,
    ) -> Result<Option<(TokenHash, OneTimeToken)>, DbError> {
        let Some(hash) = self.one_time_tokens.hash(purpose, text) else { return Ok(None) };
        let now = self.clock.now();
        let found = {
            let hash = hash.clone();
            self.database.read(move |conn| one_time_token::find(conn, purpose, &hash, now)).await?
        };
        Ok(found.map(|token| (hash, token)))
    }

    /// Spends the token, and what follows from it: the address is verified, or the account that waited for it is made.
    pub(crate) async fn verify_address(&self, hash: TokenHash, client: &Client) -> Result<(), NotVerified> {
        let (inner, client) = (self.handle(), client.clone());
        self.database
            .write(move |conn| {
                let (now, purpose) = (inner.clock.now(), TokenPurpose::VerifyEmail);
                let found = one_time_token::find(conn, purpose, &hash, now)?.ok_or(NotVerified::TokenInvalid)?;
                // Whose it is is locked before it is spent, as everything that ends links does.
                match found.subject {
                    TokenSubject::User(user) => user::lock(conn, user)?,
                    TokenSubject::Pending(id) => pending_registration::lock(conn, id)?,
                }
                let token = one_time_token::spend(conn, purpose, &hash, now)?;
                match token.ok_or(NotVerified::TokenInvalid)?.subject {
                    TokenSubject::User(user) => inner.mark_verified(conn, user, &client),
                    TokenSubject::Pending(id) => {
                        inner.make_pending(conn, id, None, &client)?;
                        Ok(())
                    }
                }
            })
            .await
    }

    fn mark_verified(&self, conn: &mut DbConnection, user: UserId, client: &Client) -> Result<(), NotVerified> {
        let row = user::find(conn, user)?.filter(|user| user.disabled_at.is_none()).ok_or(NotVerified::TokenInvalid)?;
        if user::mark_email_verified(conn, user, self.clock.now())? && row.password_hash.is_none() {
            // Without a password nothing but the link was shown.
            self.strip_unproven_factor(conn, &row, client)?;
            self.remove_links(conn, user, "address_unverified", client)?;
        }
        self.end_links(conn, user, TokenPurpose::VerifyEmail, Template::VerifyEmail)?;
        self.record(conn, Event::EmailVerified, Some(user), client, json!({}))?;
        Ok(())
    }

    async fn proves_account(
        &self,
        subject: &TokenSubject,
        proof: AccountProof<'_>,
        client: &Client,
    ) -> Result<bool, LinkError> {
        let account = self.account_of(subject).await?.ok_or(LinkError::TokenInvalid)?;
        if let Account::User(user) = &account
            && (user.password_hash.is_none() || proof.claims.is_some_and(|claims| claims.user_id == user.id))
        {
            return Ok(true);
        }
        if let Some(token) = proof.challenge_token
            && let Some(found) = self.find_challenge(token).await?
            && found.state.kind == ChallengeKind::VerifyEmail
            && account.is_half_way_in(found.state.subject)
        {
            return Ok(true);
        }
        let Some(text) = proof.password else { return Ok(false) };
        match account {
            Account::User(user) => match self.require_password(*user, text, client).await {
                Ok(_) => Ok(true),
                Err(AccountError::InvalidCredentials) => Ok(false),
                Err(AccountError::Fault(fault)) => Err(fault.into()),
                Err(other) => Err(Fault::internal(other).into()),
            },
            Account::Pending(pending) => {
                let Ok(password) = Password::new(text) else { return Ok(false) };
                let counts = [self.login_charge(client), self.account_charge(pending.email_normalized.expose())];
                let charged = self.charge(counts, None, client).await?;
                let matched = self.check_pending(Some(*pending), &password).await;
                if !matches!(matched, Ok(None)) {
                    self.refund(charged).await;
                }
                Ok(matched?.is_some())
            }
        }
    }

    async fn account_of(&self, subject: &TokenSubject) -> Result<Option<Account>, DbError> {
        let (subject, now) = (*subject, self.clock.now());
        self.database
            .read(move |conn| {
                Ok(match subject {
                    TokenSubject::User(id) => user::find(conn, id)?.map(|user| Account::User(Box::new(user))),
                    TokenSubject::Pending(id) => {
                        pending_registration::find(conn, id, now)?.map(|pending| Account::Pending(Box::new(pending)))
                    }
                })
            })
            .await
    }
}

/// What a verification is about.
enum Account {
    User(Box<User>),
    Pending(Box<PendingRegistration>),
}

impl Account {
    /// Whether a half-done sign-in is that of this account, and nothing happened to the account since it began.
    fn is_half_way_in(&self, subject: Subject) -> bool {
        match (self, subject) {
            (Self::User(user), Subject::User { id, epoch }) => user.id == id && user.security_epoch == epoch,
            (Self::Pending(pending), Subject::Pending { id }) => pending.id == id,
            _ => false,
        }
    }
}
