//! The shape of what a user takes along, for the OpenAPI document: `auth_service::Export` writes it.

#![expect(dead_code, reason = "shapes alone, which nothing is read into or written from")]

use utoipa::ToSchema;

use super::answer::{Session, User};
use super::oauth_link::LinkedAccount;
use super::security_events::Event;

/// Everything that is stored about a user, but for secrets.
#[derive(ToSchema)]
pub(super) struct Export {
    user: User,
    /// The sessions whose rows are still there, ended ones too.
    sessions: Vec<ExportedSession>,
    /// What happened to the account.
    events: Vec<Event>,
    /// The mails that were queued for the user.
    mails: Vec<ExportedMail>,
    /// The accounts elsewhere that the user can sign in with.
    linked_accounts: Vec<ExportedLink>,
    /// From where the user signed in.
    places: Vec<ExportedPlace>,
    /// The devices that the user signed in on.
    devices: Vec<ExportedDevice>,
    /// Addresses that are kept for the user while a change may be taken back.
    reserved_addresses: Vec<ReservedAddress>,
    second_factor: ExportedFactor,
}

/// A session, live or ended.
#[derive(ToSchema)]
struct ExportedSession {
    #[serde(flatten)]
    session: Session,
    #[schema(required, format = DateTime)]
    revoked_at: Option<String>,
    #[schema(required)]
    revoke_reason: Option<String>,
}

/// A mail that was queued. What it said is not told, since links that work may be in it.
#[derive(ToSchema)]
struct ExportedMail {
    recipient: String,
    template: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    sent_at: Option<String>,
}

/// An account at another provider, and who the user is there.
#[derive(ToSchema)]
struct ExportedLink {
    #[serde(flatten)]
    account: LinkedAccount,
    issuer: String,
    subject: String,
}

/// A device and network that the user signed in from.
#[derive(ToSchema)]
struct ExportedPlace {
    place: String,
    #[schema(format = DateTime)]
    noted_at: String,
}

/// A device that the user signed in on.
#[derive(ToSchema)]
struct ExportedDevice {
    #[schema(required)]
    label: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_used_at: String,
}

/// An address that the user had.
#[derive(ToSchema)]
struct ReservedAddress {
    address: String,
    #[schema(format = DateTime)]
    reserved_until: String,
}

/// A second factor, but for its secret.
#[derive(ToSchema)]
struct ExportedFactor {
    #[schema(required, format = DateTime)]
    enabled_at: Option<String>,
    #[schema(minimum = 0)]
    backup_codes_left: i64,
}
