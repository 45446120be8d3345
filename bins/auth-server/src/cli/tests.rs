//! What the command line takes, and what it refuses.

use auth_service::Urgency;
use clap::error::ErrorKind;

use super::flags::flag_rows;
use super::*;
use crate::settings::definition::{Exposure, Row};
use crate::settings::table::definitions;

/// 32 and 64 bytes of zero.
const CHECKPOINT: &str = concat!(
    "7:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
);
const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn read(line: &str) -> Result<Invocation, clap::Error> {
    parse(std::iter::once("auth-server").chain(line.split_whitespace()).map(OsString::from))
}

fn import(file: Option<&str>, extent: ImportExtent) -> Command {
    Command::Users(UsersCommand::Import { file: file.map(Into::into), extent })
}

#[test]
fn every_sub_command_is_read() {
    for (line, expected) in [
        ("", Command::Serve),
        ("serve", Command::Serve),
        ("migrate", Command::Migrate),
        ("config check", Command::ConfigCheck),
        ("config show", Command::ConfigShow),
        ("openapi", Command::OpenApi),
        ("healthcheck", Command::Healthcheck),
        ("secret", Command::Secret),
        ("admin create", Command::AdminCreate { email: None }),
        ("admin create ada@example.org", Command::AdminCreate { email: Some("ada@example.org".to_owned()) }),
        ("outbox list", Command::OutboxList),
        ("outbox retry --all", Command::OutboxRetry(Retry::All)),
        (&format!("outbox retry {ID}"), Command::OutboxRetry(Retry::One(ID.parse().unwrap()))),
        ("keys list", Command::Keys(KeysCommand::List)),
        ("keys rotate", Command::Keys(KeysCommand::Rotate(Urgency::Planned))),
        ("keys rotate --now", Command::Keys(KeysCommand::Rotate(Urgency::AtOnce))),
        ("keys reseal", Command::Keys(KeysCommand::Reseal)),
        ("audit verify", Command::Audit(AuditCommand::Verify { checkpoints: Vec::new() })),
        (
            &format!("audit verify --checkpoint {CHECKPOINT} --checkpoint={CHECKPOINT}"),
            Command::Audit(AuditCommand::Verify { checkpoints: vec![CHECKPOINT.parse().unwrap(); 2] }),
        ),
        ("database copy", Command::DatabaseCopy(CopyUrls::default())),
        (
            "database copy --from sqlite://a.db --to postgres://ada:pw@db/auth",
            Command::DatabaseCopy(CopyUrls {
                from: Some("sqlite://a.db".to_owned().into()),
                to: Some("postgres://ada:pw@db/auth".to_owned().into()),
            }),
        ),
        ("backup a.db", Command::Backup { path: "a.db".into() }),
        ("restore a.db", Command::Restore { path: "a.db".into(), keep_sessions: false }),
        ("restore --keep-sessions a.db", Command::Restore { path: "a.db".into(), keep_sessions: true }),
        ("sessions revoke-all", Command::SessionsRevokeAll(RevokeAll::Sessions)),
        ("sessions revoke-all --after-restore", Command::SessionsRevokeAll(RevokeAll::Revived)),
        ("completions zsh", Command::Completions(Shell::Zsh)),
        ("audit checkpoint-key", Command::Audit(AuditCommand::CheckpointKey)),
        ("users import a.jsonl", import(Some("a.jsonl"), ImportExtent::Whole)),
        ("users import --dry-run -", import(None, ImportExtent::DryRun)),
        ("users import - --skip-invalid", import(None, ImportExtent::Valid)),
        ("users export", Command::Users(UsersCommand::Export { file: None })),
        ("users export -", Command::Users(UsersCommand::Export { file: None })),
        ("users export b.jsonl", Command::Users(UsersCommand::Export { file: Some("b.jsonl".into()) })),
    ] {
        assert_eq!(read(line).unwrap(), Invocation { command: expected, flags: Flags::new() }, "{line}");
    }
    for line in ["config", "admin", "outbox", "keys", "audit", "database", "sessions", "users"] {
        assert_eq!(read(line).unwrap_err().kind(), ErrorKind::MissingSubcommand, "{line}");
    }
    assert_eq!(read("run").unwrap_err().kind(), ErrorKind::InvalidSubcommand);
}

#[test]
fn clap_finds_no_fault_in_the_definition() {
    command(&flag_rows(&[])).debug_assert();
}

#[test]
fn a_flag_goes_before_and_after_the_sub_command() {
    for line in [
        "--bind x --config y config show",
        "config show --bind x --config y",
        "config --bind=x show --config=y",
        "--bind x admin create --config y a@example.org",
        "outbox --bind x list --config y",
        "outbox retry --all --bind x --config y",
        "keys --bind x rotate --now --config y",
    ] {
        let flags = read(line).unwrap().flags;
        assert_eq!((flags["AUTH_BIND"].as_str(), flags["AUTH_CONFIG"].as_str()), ("x", "y"), "{line}");
    }
}

#[test]
fn every_setting_without_secrets_has_a_flag_and_no_other() {
    for definition in definitions().filter(|definition| !definition.is_per_issuer()) {
        let row = Row::from(definition);
        let flag = row.words().replace('_', "-");
        let read = read(&format!("serve --{flag} value"));
        match definition.exposure {
            Exposure::Public => assert_eq!(read.unwrap().flags[definition.variable], "value"),
            _ => assert_eq!(read.unwrap_err().kind(), ErrorKind::UnknownArgument, "{flag}"),
        }
    }
}

#[test]
fn issuers_have_flags_but_for_the_secret() {
    let flags = read("--oidc-my-corp-issuer https://idp.example --oidc-my-corp-scopes=openid serve").unwrap().flags;
    assert_eq!(flags["AUTH_OIDC_MY_CORP_ISSUER"], "https://idp.example");
    assert_eq!(flags["AUTH_OIDC_MY_CORP_SCOPES"], "openid");
    for line in ["--oidc-corp-client-secret=canary", "--oidc-corp-client-secret-file=x", "--secret=canary"] {
        let error = read(line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownArgument, "{line}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn help_and_version_are_told() {
    assert_eq!(read("--version").unwrap_err().kind(), ErrorKind::DisplayVersion);
    let long = read("--help").unwrap_err();
    let short = read("-h").unwrap_err();
    assert_eq!((long.exit_code(), short.exit_code()), (0, 0));
    assert!(long.to_string().contains("--argon2-memory-kib") && !short.to_string().contains("--argon2-memory-kib"));
}

#[test]
fn a_mistake_ends_with_exit_code_2() {
    for line in [
        "--bnid x",
        "serve --bind",
        "--bind a --bind b",
        "config nothing",
        "admin create a@example.org b@example.org",
        "outbox retry",
        "outbox retry 7",
        &format!("outbox retry --all {ID}"),
        "outbox list --all",
        "keys list --now",
        "keys rotate EdDSA",
        "audit verify --checkpoint 7",
        "audit verify 7",
        "users import",
        "users import a b",
        "users import --dry-run --skip-invalid a",
        "users export a b",
        "users export --dry-run a",
        "backup",
        "restore --keep-sessions",
        "database copy a b",
        "completions cmd",
    ] {
        assert_eq!(read(line).unwrap_err().exit_code(), 2, "{line}");
    }
}
