//! What a line may say, and that nothing is lost between a line and a user.

use auth_core::{OsRandom, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_772_366_400);
const BCRYPT: &str = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.0uP/2zHIr81tVya45gVnDFLBmqu9l4W";
const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

fn parse(line: &Value) -> Result<UserRecord, RefusedRecord> {
    UserRecord::parse(line.to_string().as_bytes())
}

fn stored(line: &[u8]) -> StoredUser {
    let mut record = UserRecord::parse(line).unwrap();
    for account in &mut record.linked_accounts {
        account.issuer.get_or_insert_with(|| account.provider.clone());
    }
    StoredUser::of(&record, NOW, &OsRandom)
}

fn written(user: &StoredUser) -> Vec<u8> {
    let mut text = Zeroizing::new(Vec::new());
    user.write(&mut text).unwrap();
    text.to_vec()
}

/// Why a user with `field` set to `value` is refused.
fn refusal(field: &str, value: Value) -> (String, String) {
    let mut line = json!({ "email": "ada@example.org" });
    line[field] = value;
    let refused = parse(&line).unwrap_err();
    (refused.field.unwrap_or_default(), refused.reason)
}

#[test]
fn a_line_is_one_object_that_is_read_strictly() {
    for (line, words) in [
        (&b""[..], "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "an object is needed, not a list"),
        (b"null", "an object is needed, not null"),
        (b"\"canary\"", "an object is needed, not a text"),
        (b"{\"email\":\"ada@example.org\"} x", "not JSON"),
        (b"{\"email\":\"ada@example.org\"}{}", "not JSON"),
        (b"{'email':'canary@example.org'}", "not JSON"),
        (b"{\"email\":\"ada@example.org\",}", "not JSON"),
        (b"{\"email\":\"ada@example.org\",\"email\":\"canary@example.org\"}", "a name stands twice"),
        (b"{\"email\":\"ada@example.org\",\"linked_accounts\":[{\"subject\":\"1\",\"subject\":\"canary\"}]}", "twice"),
        (b"{\"email\":\"\xff\"}", "not UTF-8"),
        (b"{\"email\":\"\\ud800\"}", "not JSON"),
        (b"{}", "nobody could sign in"),
        (b"{\"username\":\"ada\"}", "nobody could sign in"),
    ] {
        let refused = UserRecord::parse(line).unwrap_err();
        assert_eq!(refused.field, None, "{refused}");
        assert!(refused.reason.contains(words) && !refused.to_string().contains("canary"), "{refused}");
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(UserRecord::parse(deep.as_bytes()).is_err());
    let long = format!("{{\"email\":\"ada@example.org\"}}{}", " ".repeat(UserRecord::MAX_LINE_BYTES));
    assert_eq!(UserRecord::parse(long.as_bytes()).unwrap_err().reason, "longer than 65536 bytes");
    assert!(UserRecord::parse(&long.as_bytes()[..UserRecord::MAX_LINE_BYTES]).is_ok());
}

/// Neither a field's value nor a name that reaches for the terminal is repeated.
#[test]
fn a_refused_field_is_named_and_its_value_is_not_told() {
    let account = |field: &str, value: Value| {
        let mut account = json!({ "provider": "google", "issuer": "google", "subject": "1" });
        account[field] = value;
        json!([account])
    };
    for (field, value, told) in [
        ("id", json!("canary"), "id"),
        ("id", json!("00000000-0000-0000-0000-000000000000"), "id"),
        ("id", json!("01890a5dac96774bbcceb302099a8057"), "id"),
        ("email", json!("canary"), "email"),
        ("email", json!("canary@example.org\r\nBcc: eve@example.org"), "email"),
        ("email", json!(["canary@example.org"]), "email"),
        ("username", json!("admin"), "username"),
        ("username", json!("canary@example.org"), "username"),
        ("display_name", json!("canary\u{202e}"), "display_name"),
        ("avatar_url", json!("javascript:canary"), "avatar_url"),
        ("password_hash", json!("canary"), "password_hash"),
        ("password_hash", json!("$1$canary$qJH7.N4xYta3aEG/dfqo/0"), "password_hash"),
        ("password_hash", json!(5), "password_hash"),
        ("password_hash", json!(BCRYPT.replace("$04$", "$31$")), "password_hash"),
        ("password_must_change", json!("canary"), "password_must_change"),
        ("totp_secret", json!("canary"), "totp_secret"),
        ("totp_secret", json!("unsupported"), "totp_secret"),
        ("mfa_enabled_at", json!("2026-01-01T00:00:00Z"), "mfa_enabled_at"),
        ("role", json!("canary"), "role"),
        ("created_at", json!(1_772_366_400), "created_at"),
        ("created_at", json!("2026-01-01T00:00:00"), "created_at"),
        ("last_login_at", json!("canary"), "last_login_at"),
        ("backup_codes", json!(["canary"]), "backup_codes"),
        ("EMAIL", json!("canary"), "EMAIL"),
        ("linked_accounts", json!({}), "linked_accounts"),
        ("linked_accounts", json!(["canary"]), "linked_accounts[0]"),
        ("linked_accounts", account("provider", json!("../canary")), "linked_accounts[0].provider"),
        ("linked_accounts", account("provider", Value::Null), "linked_accounts[0].provider"),
        ("linked_accounts", account("subject", json!("")), "linked_accounts[0].subject"),
        ("linked_accounts", account("subject", json!("canary\u{0}")), "linked_accounts[0].subject"),
        ("linked_accounts", account("subject", json!(1001)), "linked_accounts[0].subject"),
        ("linked_accounts", account("issuer", json!("x".repeat(1025))), "linked_accounts[0].issuer"),
        ("linked_accounts", account("access_token", json!("canary")), "linked_accounts[0].access_token"),
    ] {
        let (named, reason) = refusal(field, value);
        assert_eq!(named, told, "{reason}");
        assert!(!reason.is_empty() && !reason.contains("canary"), "{reason}");
    }
    let (named, _) = refusal("\u{1b}[2J\n", json!(1));
    assert_eq!(named, "\\u{1b}[2J\\n");
    let (named, _) = refusal(&"x".repeat(5_000), json!(1));
    assert_eq!(named.len(), 40);
}

#[test]
fn fields_that_contradict_each_other_are_refused() {
    let time = "2026-01-01T00:00:00Z";
    for (line, field) in [
        (json!({ "email": "a@b.co", "email_verified": false, "email_verified_at": time }), "email_verified"),
        (json!({ "email": "a@b.co", "is_active": true, "disabled_at": time }), "is_active"),
        (json!({ "username": "ada", "password_hash": BCRYPT, "email_verified": true }), "email_verified_at"),
        (json!({ "username": "ada", "password_hash": BCRYPT, "email_changed_at": time }), "email_changed_at"),
        (json!({ "username": "ada", "password_hash": BCRYPT, "email_vouched_at": time }), "email_vouched_at"),
        (
            json!({ "email": "a@b.co", "linked_accounts": [
                { "provider": "google", "issuer": "google", "subject": "1" },
                { "provider": "google", "issuer": "google", "subject": "2" },
            ] }),
            "linked_accounts[1].provider",
        ),
    ] {
        assert_eq!(parse(&line).unwrap_err().field.as_deref(), Some(field));
    }
}

#[test]
fn linked_accounts_are_thirty_two_at_most() {
    let accounts = |count: usize| {
        let account = |number| json!({ "provider": format!("p{number}"), "subject": "1" });
        json!({ "email": "a@b.co", "linked_accounts": (0..count).map(account).collect::<Vec<_>>() })
    };
    assert_eq!(parse(&accounts(32)).unwrap().linked_accounts.len(), 32);
    assert_eq!(parse(&accounts(33)).unwrap_err().field.as_deref(), Some("linked_accounts[32].provider"));
}

#[test]
fn what_a_line_leaves_out_is_empty_or_filled_in() {
    let user = stored(br#" {"email":"Ada@Example.org","email_verified":true,"is_active":false,"username":null} "#).user;
    assert_eq!(
        (user.email.as_deref(), user.email_normalized.as_deref()),
        (Some("Ada@Example.org"), Some("ada@example.org"))
    );
    assert_eq!((user.email_verified_at, user.disabled_at), (Some(NOW), Some(NOW)));
    assert_eq!((user.created_at, user.updated_at, user.last_login_at), (NOW, NOW, None));
    assert_eq!((user.role, user.username, user.mfa_enabled_at), (Role::User, None, None));
    assert_eq!(user.id.as_uuid().get_version_num(), 7);
    let made = "2001-02-03T04:05:06.789Z";
    let line =
        json!({ "email": "a@b.co", "email_verified": true, "created_at": made, "totp_secret": SECRET.to_lowercase() });
    let user = stored(line.to_string().as_bytes()).user;
    assert_eq!(user.created_at.to_string(), made);
    assert!(
        [user.email_verified_at, user.mfa_enabled_at, Some(user.updated_at)]
            .iter()
            .all(|at| *at == Some(user.created_at))
    );
    assert_eq!(user.id.as_uuid().get_timestamp().unwrap().to_unix().0, 981_173_106, "its id is of the time of making");
}

/// Providers tell some that nobody may type; they come back from an export as they are.
#[test]
fn a_picture_is_kept_as_it_is() {
    for url in ["https://cdn.example/a?b=c|d^e{f}", "https://cdn.example/%22%3E", "https://CDN.example"] {
        let line = json!({ "email": "a@b.co", "avatar_url": url });
        assert_eq!(stored(line.to_string().as_bytes()).user.avatar_url.as_deref(), Some(url));
    }
    for url in
        ["https://cdn.example/\"><script>", "https://cdn.example/ü", "http://cdn.example/", "https://u:p@cdn.example/"]
    {
        assert_eq!(refusal("avatar_url", json!(url)).0, "avatar_url", "{url}");
    }
}

/// UUIDs of any version are kept: the app's own tables refer to them.
#[test]
fn an_id_is_kept() {
    for id in ["5b0c7e7e-0c37-4a7c-9d63-7d8c2f7e9a02", "c232ab00-9414-11ec-b3c8-9f6bdeced846"] {
        assert_eq!(stored(json!({ "id": id, "email": "a@b.co" }).to_string().as_bytes()).user.id.to_string(), id);
    }
}

fn time() -> impl Strategy<Value = Value> {
    (-2_000_000_000_000_000_i64..4_000_000_000_000_000).prop_map(|micros| json!(Timestamp::from_micros(micros)))
}

fn maybe(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 3 => value]
}

fn texts(pattern: &'static str) -> impl Strategy<Value = Value> {
    pattern.prop_map(Value::from)
}

fn linked() -> impl Strategy<Value = Value> {
    let accounts = prop::collection::btree_map(
        "[a-z][a-z0-9_]{0,8}",
        (
            texts("[!-~]{1,20}"),
            maybe(texts("[a-z]{1,9}@[a-z]{1,9}\\.example")),
            maybe(texts("\\PC{1,5}[a-z]")),
            maybe(time()),
        ),
        0..4,
    );
    accounts.prop_map(|accounts| {
        let account = |(provider, (subject, email, name, at))| {
            json!({
                "provider": provider, "issuer": format!("https://{provider}.example/\"<"), "subject": subject,
                "email": email, "display_name": name, "linked_at": at,
            })
        };
        accounts.into_iter().rev().map(account).collect()
    })
}

fn lines() -> impl Strategy<Value = Value> {
    let who = (
        maybe(any::<u128>().prop_map(|bits| json!(uuid::Uuid::from_u128(bits | 1 << 60).to_string()))),
        texts("[a-zA-Z0-9]{1,12}@[a-zäß]{1,12}\\.example"),
        maybe(time()),
        maybe(time()),
        maybe(texts("[a-z]{4}[0-9]{3,20}")),
        maybe(texts("\\PC{0,20}[a-zé😀]")),
    );
    let proof = (
        maybe(Just(json!(BCRYPT))),
        any::<bool>(),
        maybe(
            prop::collection::vec(any::<u8>(), 10..=40)
                .prop_map(|bytes| json!(TotpSecret::from_bytes(&bytes).unwrap().to_base32().expose())),
        ),
        linked(),
    );
    let rest =
        (any::<bool>(), maybe(time()), maybe(time()), maybe(time()), maybe(time()), maybe(time()), maybe(time()));
    (who, proof, rest).prop_map(|(who, proof, rest)| {
        json!({
            "id": who.0, "email": who.1, "email_verified_at": who.2, "email_changed_at": who.3, "username": who.4,
            "display_name": who.5, "password_hash": proof.0, "password_must_change": proof.1, "totp_secret": proof.2,
            "linked_accounts": proof.3, "role": if rest.0 { "admin" } else { "user" }, "disabled_at": rest.1,
            "premium_until": rest.2, "created_at": rest.3, "updated_at": rest.4, "last_login_at": rest.5,
            "email_vouched_at": rest.6,
        })
    })
}

proptest! {
    #[test]
    fn what_is_exported_is_imported_as_it_was(line in lines()) {
        prop_assume!(parse(&line).is_ok());
        let user = stored(line.to_string().as_bytes());
        let text = written(&user);
        let again = stored(&text);
        prop_assert_eq!(&user.user, &again.user);
        prop_assert_eq!(&user.linked_accounts, &again.linked_accounts);
        prop_assert_eq!(written(&again), text.clone());
        let record = UserRecord::parse(&text).unwrap();
        prop_assert_eq!(user.differences(&record), Vec::<&str>::new());
    }

    #[test]
    fn no_line_makes_the_reader_panic(bytes: Vec<u8>, text in "\\PC{0,80}") {
        let _ = UserRecord::parse(&bytes);
        let _ = UserRecord::parse(text.as_bytes());
    }

    #[test]
    fn any_other_field_is_refused(name in "[a-z_]{1,12}") {
        let mut line = json!({ "email": "ada@example.org" });
        prop_assume!(line.get(&name).is_none());
        line[&name] = json!({});
        prop_assert!(parse(&line).is_err());
    }
}

/// What a line tells and a stored user isn't, is told by the field; what signing in alone changes is no difference.
#[test]
fn a_change_since_is_told_by_its_field() {
    let line = json!({
        "id": "5b0c7e7e-0c37-4a7c-9d63-7d8c2f7e9a02", "email": "ada@example.org", "password_hash": BCRYPT,
        "created_at": "2020-01-01T00:00:00Z", "last_login_at": "2021-01-01T00:00:00Z",
    });
    let record = parse(&line).unwrap();
    let mut user = stored(line.to_string().as_bytes());
    assert_eq!(user.differences(&record), Vec::<&str>::new());
    (user.user.last_login_at, user.user.updated_at) = (Some(NOW), NOW);
    assert_eq!(user.differences(&record), Vec::<&str>::new());
    user.user.password_hash = Some(Hidden::new("$argon2id$".to_owned()));
    user.user.disabled_at = Some(NOW);
    user.user.display_name = Some("Ada".to_owned());
    assert_eq!(user.differences(&record), ["display_name", "password_hash", "disabled_at"]);
}
