//! Taking one's data along: everything that is stored about a user, but for secrets.

use auth_core::{AccessClaims, SessionId, Timestamp};
use auth_persistence::audit_event;
use auth_persistence::email_outbox::{self, QueuedEmail};
use auth_persistence::oauth_account::{self, OAuthAccount};
use auth_persistence::session::{self, Session};
use auth_persistence::{backup_code, device, known_client, reserved_address, user};
use serde::Serialize;

use crate::account::{AccountError, active};
use crate::oauth::LinkedAccount;
use crate::profile::Profile;
use crate::security_events::SecurityEvent;
use crate::service::AuthService;
use crate::sessions::SessionInfo;

/// Everything that is stored about a user, but for secrets.
#[derive(Clone, Debug, Serialize)]
pub struct Export {
    /// The account itself.
    pub user: Profile,
    /// The sessions whose rows are still there, ended ones too.
    pub sessions: Vec<ExportedSession>,
    /// What happened to the account.
    pub events: Vec<SecurityEvent>,
    /// The mails that were queued for the user.
    pub mails: Vec<ExportedMail>,
    /// The accounts elsewhere that the user can sign in with.
    pub linked_accounts: Vec<ExportedLink>,
    /// From where the user signed in: the device and network, and when that was noted.
    pub places: Vec<ExportedPlace>,
    /// The devices that the user signed in on.
    pub devices: Vec<ExportedDevice>,
    /// Addresses that are kept for the user while a change may be taken back.
    pub reserved_addresses: Vec<ReservedAddress>,
    /// The second factor, but for its secret.
    pub second_factor: ExportedFactor,
}

/// An account elsewhere, and who the user is there.
#[derive(Clone, Debug, Serialize)]
pub struct ExportedLink {
    #[serde(flatten)]
    account: LinkedAccount,
    issuer: String,
    subject: String,
}

impl From<OAuthAccount> for ExportedLink {
    fn from(row: OAuthAccount) -> Self {
        let (issuer, subject) = (row.issuer.clone(), row.subject.clone().into_inner());
        Self { account: row.into(), issuer, subject }
    }
}

/// From where a user signed in.
#[derive(Clone, Debug, Serialize)]
pub struct ExportedPlace {
    place: String,
    noted_at: Timestamp,
}

/// A device that a user signed in on.
#[derive(Clone, Debug, Serialize)]
pub struct ExportedDevice {
    label: Option<String>,
    created_at: Timestamp,
    last_used_at: Timestamp,
}

/// An address that a user had.
#[derive(Clone, Debug, Serialize)]
pub struct ReservedAddress {
    address: String,
    reserved_until: Timestamp,
}

/// A second factor.
#[derive(Clone, Debug, Serialize)]
pub struct ExportedFactor {
    enabled_at: Option<Timestamp>,
    backup_codes_left: i64,
}

/// A session, live or ended.
#[derive(Clone, Debug, Serialize)]
pub struct ExportedSession {
    #[serde(flatten)]
    session: SessionInfo,
    revoked_at: Option<Timestamp>,
    revoke_reason: Option<String>,
}

impl ExportedSession {
    fn of(session: Session, current: SessionId) -> Self {
        let (revoked_at, revoke_reason) = (session.revoked_at, session.revoke_reason.clone());
        Self { session: SessionInfo::of(session, current), revoked_at, revoke_reason }
    }
}

/// A mail that was queued; what it says is not told, since links that work may be in it.
#[derive(Clone, Debug, Serialize)]
pub struct ExportedMail {
    recipient: String,
    template: String,
    created_at: Timestamp,
    sent_at: Option<Timestamp>,
}

impl From<QueuedEmail> for ExportedMail {
    fn from(mail: QueuedEmail) -> Self {
        Self {
            recipient: mail.recipient.into_inner(),
            template: mail.template,
            created_at: mail.created_at,
            sent_at: mail.sent_at,
        }
    }
}

impl AuthService {
    /// Everything that is stored about the user of `claims`.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn export(&self, claims: &AccessClaims) -> Result<Export, AccountError> {
        let inner = self.inner();
        let (id, now) = (claims.user_id, inner.clock.now());
        let current = claims.session_id;
        inner
            .database
            .read(move |conn| {
                let user = active(user::find(conn, id)?)?;
                let sessions = session::list(conn, id)?.into_iter();
                let seen = |row| SecurityEvent::from(row).for_its_user();
                let places = known_client::list(conn, id)?.into_iter();
                let reserved = reserved_address::list(conn, id)?.into_iter();
                Ok(Export {
                    second_factor: ExportedFactor {
                        enabled_at: user.mfa_enabled_at,
                        backup_codes_left: backup_code::count_left(conn, id)?,
                    },
                    user: Profile::of(user, now),
                    sessions: sessions.map(|row| ExportedSession::of(row, current)).collect(),
                    events: audit_event::list_for_user(conn, id)?.into_iter().map(seen).collect(),
                    mails: email_outbox::list_for_user(conn, id)?.into_iter().map(ExportedMail::from).collect(),
                    linked_accounts: oauth_account::list(conn, id)?.into_iter().map(ExportedLink::from).collect(),
                    places: places.map(|(place, noted_at)| ExportedPlace { place, noted_at }).collect(),
                    devices: device::list(conn, id)?
                        .into_iter()
                        .map(|device| ExportedDevice {
                            label: device.label,
                            created_at: device.created_at,
                            last_used_at: device.last_used_at,
                        })
                        .collect(),
                    reserved_addresses: reserved
                        .map(|(address, reserved_until)| ReservedAddress { address, reserved_until })
                        .collect(),
                })
            })
            .await
    }
}
