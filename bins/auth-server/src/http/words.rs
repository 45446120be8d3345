//! Words that a client tells cases apart by, as the OpenAPI document has them: each list is the code's own.

use auth_core::{ErrorCode, Role as UserRole};
use auth_service::{ChallengeKind as Kind, ChallengeMethod as Method};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

/// Declares the schema of one list. Its name is the name of the type that a client gets.
macro_rules! words {
    ($($name:ident, $description:literal, $words:expr;)+) => {$(
        pub(super) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words: Vec<&str> = $words;
                let schema = one_of(&words).description(Some($description)).examples(words.first().copied());
                RefOr::T(Schema::Object(schema.build()))
            }
        }

        impl ToSchema for $name {}
    )+};
}

words! {
    Role, "What a user may do.", [UserRole::User, UserRole::Admin].map(UserRole::as_str).to_vec();

    ChallengeKind, "What is due. There may come more: a client treats one that it doesn't know as not supported.",
    KINDS.map(Kind::as_str).to_vec();

    ChallengeMethod, "How a challenge is answered: with a code of the authenticator app, a backup code, the link that was \
        mailed, or a new password.",
    KINDS.iter().flat_map(|kind| kind.methods()).copied().map(Method::as_str).collect();

    ProblemCode, "What a refusal is told apart by. Codes are never renamed; there may come more.",
    ErrorCode::ALL.iter().map(|code| code.as_str()).collect();

    Outcome, "How it ended.", vec!["success", "failure"];

    EventName, "What happened. There may come more names.", auth_service::event_names().collect();

    LinkPurpose, "What a mailed link is for.", super::link::purposes().collect();
}

const KINDS: [Kind; 3] = [Kind::Mfa, Kind::ChangePassword, Kind::VerifyEmail];

fn one_of(words: &[&str]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(words.iter().copied()))
}

/// The `status` of a step that ended with tokens.
pub(super) fn authenticated() -> Object {
    one_of(&["authenticated"]).description(Some("Always `authenticated`.")).build()
}

/// The `status` of a step after which something is due.
pub(super) fn challenge() -> Object {
    one_of(&["challenge"]).description(Some("Always `challenge`.")).build()
}

/// The `status` of an answer that tells nobody what is being done.
pub(super) fn accepted() -> Object {
    one_of(&["accepted"]).description(Some("Always `accepted`.")).build()
}

/// The `status` of a registration that waits for its mail.
pub(super) fn verification_required() -> Object {
    one_of(&["verification_required"]).description(Some("Always `verification_required`.")).build()
}

/// The only kind of token there is (RFC 6750).
pub(super) fn bearer() -> Object {
    one_of(&["Bearer"]).description(Some("Always `Bearer`.")).build()
}

/// The `status` of a process that answers.
pub(super) fn healthy() -> Object {
    one_of(&["healthy"]).description(Some("Always `healthy`.")).build()
}

/// Whether requests should be sent here.
pub(super) fn readiness() -> Object {
    one_of(&["ready", "stopping", "unavailable"]).build()
}

/// The state of what the server can't do without, or of the mail server.
pub(super) fn up_or_down() -> Object {
    one_of(&["up", "down"]).build()
}

/// The state of Redis.
pub(super) fn up_or_degraded() -> Object {
    one_of(&["up", "degraded"]).build()
}
