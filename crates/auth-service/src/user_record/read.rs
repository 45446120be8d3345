//! A record of a line.

use auth_core::password::{InvalidPasswordHash, PasswordHash};
use auth_core::{DisplayName, Email, Role, TotpSecret, UserId, Username};
use auth_persistence::Hidden;
use url::Url;

use super::fields::Fields;
use super::json::Json;
use super::{LinkedRecord, RefusedRecord, Since, UserRecord};
use crate::account::avatar_url;

/// As long as a subject is anywhere (OpenID Connect Core 1.0, section 2), in characters.
const MAX_SUBJECT: usize = 255;
/// As long as an issuer may be configured, in bytes.
const MAX_ISSUER: usize = 1024;
/// As long as the address of a picture is, in bytes.
const MAX_PICTURE: usize = 2048;
/// As long as a provider's name is, in bytes.
const MAX_PROVIDER: usize = 32;

/// The most linked accounts of a user: more providers than anybody sets up, and few enough to ask for those of a whole batch
/// by one statement.
const MAX_LINKED: usize = 32;

impl UserRecord {
    /// The longest line, in bytes.
    pub const MAX_LINE_BYTES: usize = 64 * 1024;

    /// Reads a line. It is one JSON object; white space around it is no matter.
    ///
    /// # Errors
    ///
    /// [`RefusedRecord`]: what is the matter first.
    pub fn parse(line: &[u8]) -> Result<Self, RefusedRecord> {
        if line.len() > Self::MAX_LINE_BYTES {
            return Err(RefusedRecord::line(format!("longer than {} bytes", Self::MAX_LINE_BYTES)));
        }
        let mut fields = Fields::of(String::new(), Json::read(line)?)?;
        let record = read(&mut fields)?;
        fields.finish()?;
        check(&record)?;
        Ok(record)
    }
}

fn read(fields: &mut Fields) -> Result<UserRecord, RefusedRecord> {
    Ok(UserRecord {
        id: fields.parsed("id", user_id)?,
        email: fields.parsed("email", Email::parse)?,
        email_verified: since(fields, "email_verified", "email_verified_at")?,
        email_changed_at: fields.time("email_changed_at")?,
        email_vouched_at: fields.time("email_vouched_at")?,
        username: fields.parsed("username", Username::parse)?,
        display_name: fields.parsed("display_name", DisplayName::parse)?,
        avatar_url: fields.parsed("avatar_url", picture)?,
        password_hash: fields.parsed("password_hash", password_hash)?,
        password_must_change: fields.flag("password_must_change")?.unwrap_or(false),
        totp_secret: fields.parsed("totp_secret", TotpSecret::from_base32)?,
        mfa_enabled_at: fields.time("mfa_enabled_at")?,
        linked_accounts: linked_accounts(fields)?,
        role: fields.parsed("role", str::parse::<Role>)?.unwrap_or_default(),
        disabled: disabled(fields)?,
        premium_until: fields.time("premium_until")?,
        created_at: fields.time("created_at")?,
        updated_at: fields.time("updated_at")?,
        last_login_at: fields.time("last_login_at")?,
    })
}

fn user_id(text: &str) -> Result<UserId, &'static str> {
    let id: UserId = text.parse().map_err(|_| "not a UUID")?;
    if id.as_uuid().is_nil() || id.as_uuid().is_max() { Err("this UUID is nobody's") } else { Ok(id) }
}

/// What users may set, or what a provider told: that is kept in the form that URLs are brought into when they are read, whose
/// text may hold a few signs more.
fn picture(text: &str) -> Result<String, &'static str> {
    let is_told = |url: &Url| {
        let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
        is_plain && text.len() <= MAX_PICTURE && url.as_str() == text
    };
    avatar_url(text).or_else(|rule| Url::parse(text).ok().filter(is_told).map(String::from).ok_or(rule))
}

/// The most memory that verifying a hash may take, and that times its passes: anybody makes the server do it, by a sign-in
/// with a wrong password. Hashes made here may cost more, if the operator's settings say so.
const MAX_ARGON2_MEMORY_KIB: u32 = 256 * 1024;
const MAX_ARGON2_WORK_KIB: u64 = 1024 * 1024;

fn password_hash(text: &str) -> Result<Hidden<String>, InvalidPasswordHash> {
    let hash = PasswordHash::parse(text.to_owned())?;
    let is_too_costly = hash.argon2_params().is_some_and(|params| {
        let work = u64::from(params.memory_kib()) * u64::from(params.iterations());
        params.memory_kib() > MAX_ARGON2_MEMORY_KIB || work > MAX_ARGON2_WORK_KIB
    });
    if is_too_costly { Err(InvalidPasswordHash::TooCostly) } else { Ok(Hidden::new(hash.as_str().to_owned())) }
}

/// What a flag and a time say together.
fn since(fields: &mut Fields, flag: &str, time: &str) -> Result<Since, RefusedRecord> {
    match (fields.flag(flag)?, fields.time(time)?) {
        (Some(false), Some(_)) => Err(fields.refuse(flag, format!("false, and yet there is {time}"))),
        (_, Some(at)) => Ok(Since::At(at)),
        (Some(true), None) => Ok(Since::Sometime),
        (Some(false) | None, None) => Ok(Since::Never),
    }
}

fn disabled(fields: &mut Fields) -> Result<Since, RefusedRecord> {
    match (fields.flag("is_active")?, fields.time("disabled_at")?) {
        (Some(true), Some(_)) => Err(fields.refuse("is_active", "true, and yet there is disabled_at")),
        (_, Some(at)) => Ok(Since::At(at)),
        (Some(false), None) => Ok(Since::Sometime),
        (Some(true) | None, None) => Ok(Since::Never),
    }
}

fn linked_accounts(fields: &mut Fields) -> Result<Vec<LinkedRecord>, RefusedRecord> {
    let mut accounts: Vec<LinkedRecord> = Vec::new();
    for mut object in fields.objects("linked_accounts")? {
        let account = linked_account(&mut object)?;
        if accounts.len() == MAX_LINKED {
            return Err(object.refuse("provider", format!("a user has {MAX_LINKED} linked accounts at most")));
        }
        if accounts.iter().any(|other| other.provider == account.provider) {
            return Err(object.refuse("provider", "a user has one account of each provider"));
        }
        object.finish()?;
        accounts.push(account);
    }
    Ok(accounts)
}

fn linked_account(object: &mut Fields) -> Result<LinkedRecord, RefusedRecord> {
    let provider = object.parsed("provider", provider)?;
    let subject = object.parsed("subject", subject)?;
    Ok(LinkedRecord {
        provider: provider.ok_or_else(|| object.refuse("provider", "required"))?,
        issuer: object.parsed("issuer", issuer)?,
        subject: subject.ok_or_else(|| object.refuse("subject", "required"))?,
        email: object.parsed("email", Email::parse)?,
        display_name: object.parsed("display_name", DisplayName::parse)?,
        avatar_url: object.parsed("avatar_url", picture)?,
        linked_at: object.time("linked_at")?,
    })
}

fn provider(text: &str) -> Result<String, &'static str> {
    let is_name = text.len() <= MAX_PROVIDER
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_name { Ok(text.to_owned()) } else { Err("a provider's name is [a-z][a-z0-9_]{0,31}") }
}

/// What the provider says is compared byte by byte, so nothing is brought into a form.
fn subject(text: &str) -> Result<String, &'static str> {
    let is_subject =
        !text.trim().is_empty() && text.chars().count() <= MAX_SUBJECT && !text.chars().any(char::is_control);
    if is_subject { Ok(text.to_owned()) } else { Err("a subject has 1 to 255 characters, none of them a control") }
}

fn issuer(text: &str) -> Result<String, &'static str> {
    let is_issuer = !text.trim().is_empty() && text.len() <= MAX_ISSUER && !text.chars().any(char::is_control);
    if is_issuer { Ok(text.to_owned()) } else { Err("an issuer has 1 to 1024 bytes, no control characters") }
}

/// What fields say together.
fn check(record: &UserRecord) -> Result<(), RefusedRecord> {
    if record.email.is_none() {
        for (field, is_there) in [
            ("email_verified_at", record.email_verified != Since::Never),
            ("email_changed_at", record.email_changed_at.is_some()),
            ("email_vouched_at", record.email_vouched_at.is_some()),
        ] {
            if is_there {
                return Err(RefusedRecord::field(field, "there is no address"));
            }
        }
        let has_password = record.username.is_some() && record.password_hash.is_some();
        if !has_password && record.linked_accounts.is_empty() {
            let reason = "nobody could sign in: an address, a username with a password, or a linked account is needed";
            return Err(RefusedRecord::line(reason));
        }
    }
    if record.mfa_enabled_at.is_some() && record.totp_secret.is_none() {
        return Err(RefusedRecord::field("mfa_enabled_at", "there is no totp_secret"));
    }
    Ok(())
}
