//! The systemd units: systemd reads them, and finds them hardened; the server takes their environment.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files::{has, read, root};

pub(crate) const UNIT: &str = "deploy/systemd/gatehouse.service";
const BACKUP: &str = "deploy/systemd/gatehouse-backup.service";
const TIMER: &str = "deploy/systemd/gatehouse-backup.timer";
const DROP_IN: &str = "deploy/systemd/gatehouse.service.d/postgresql.conf";
const SERVER: &str = "/usr/local/bin/auth-server";

/// What systemd's own measure may come to at most, in tenths; an unprotected service has 96.
const EXPOSURE: &str = "15";

/// The values of a directive, in order.
pub(crate) fn directive(unit: &str, name: &str) -> Vec<String> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    lines.map(str::to_owned).collect()
}

/// A unit with the server of this build, in a folder.
fn unit_here(folder: &Path, committed: &str, text: &str) -> PathBuf {
    let path = folder.join(Path::new(committed).file_name().unwrap());
    std::fs::write(&path, text.replace(SERVER, env!("CARGO_BIN_EXE_auth-server"))).unwrap();
    path
}

#[track_caller]
fn assert_accepts(arguments: &[&str], unit: &Path) {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    // What verify doesn't understand, it ignores with a word.
    assert!(arguments != ["verify"] || !said.contains("gatehouse"), "{said}");
}

/// REQ-61
#[test]
fn systemd_reads_the_units_and_finds_them_hardened() {
    if !has("systemd-analyze", "--version", "the systemd units are not verified") {
        return;
    }
    for drop_in in ["", &read(DROP_IN)] {
        let folder = tempfile::tempdir().unwrap();
        for committed in [UNIT, BACKUP] {
            let unit = unit_here(folder.path(), committed, &(read(committed) + drop_in));
            assert_accepts(&["verify"], &unit);
            assert_accepts(&["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE], &unit);
        }
        assert_accepts(&["verify"], &unit_here(folder.path(), TIMER, &read(TIMER)));
    }
}

/// What is asked of a unit by name, so that a measure of systemd's that changes doesn't hide a line that went.
#[test]
fn the_units_give_the_server_no_more_than_it_needs() {
    for unit in [read(UNIT), read(BACKUP)] {
        for (name, value) in [
            ("User", "gatehouse"),
            ("NoNewPrivileges", "yes"),
            ("ProtectSystem", "strict"),
            ("PrivateTmp", "yes"),
            ("MemoryDenyWriteExecute", "yes"),
            ("CapabilityBoundingSet", ""),
            ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
            ("StateDirectoryMode", "0700"),
        ] {
            assert_eq!(directive(&unit, name), [value], "{name}");
        }
        assert_eq!(directive(&unit, "SystemCallFilter"), directive(&read(UNIT), "SystemCallFilter"));
    }
    let unit = read(UNIT);
    assert_eq!(directive(&unit, "ExecStart"), [format!("{SERVER} serve")]);
    assert_eq!(directive(&unit, "RestartPreventExitStatus"), ["2"], "a faulty configuration");
}

/// The files of `/etc/gatehouse`, in a folder.
fn write_secrets(folder: &Path) {
    for (name, value) in [
        ("auth-secret", "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL"),
        ("smtp-url", "smtps://user:password-Jd8fQ2@mail.example.com"),
        ("database-url", "postgres://auth@db.example.com/auth?sslmode=verify-full"),
        ("redis-url", "rediss://auth:password-Jd8fQ2@redis.example.com"),
    ] {
        std::fs::write(folder.join(name), value).unwrap();
    }
}

/// The variables that a unit sets, with its credentials in a folder.
fn variables(unit: &str, file: &str, folder: &Path) -> Vec<(String, String)> {
    let credentials = directive(unit, "LoadCredential");
    let set = directive(unit, "Environment");
    let of_file = file.lines().filter(|line| !line.starts_with('#')).map(str::to_owned);
    let variable = |line: String| {
        let (name, value) = line.split_once('=').unwrap();
        if let Some(credential) = value.strip_prefix("%d/") {
            let source = format!("{credential}:/etc/gatehouse/{credential}");
            assert!(credentials.contains(&source), "{credential} is not loaded");
        }
        (name.to_owned(), value.trim_matches('"').replace("%d", folder.to_str().unwrap()))
    };
    set.into_iter().chain(of_file).map(variable).collect()
}

/// REQ-44: settings of the units, of their file and of the drop-in, and no secret among them.
#[test]
fn the_server_takes_the_environment_of_the_units() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let file = read("deploy/systemd/gatehouse.env");
    let without_database: String =
        file.lines().filter(|line| !line.starts_with("DATABASE_URL")).map(|line| line.to_owned() + "\n").collect();
    for committed in [UNIT, BACKUP] {
        let unit = read(committed);
        for (unit, file) in [(unit.clone(), &file), (unit + &read(DROP_IN), &without_database)] {
            let (code, said) = crate::settings::check(&variables(&unit, file, folder.path()));
            assert_eq!((code, said.trim()), (Some(0), "OK"), "{said}");
        }
    }
}

/// The script that runs commands finds the same settings.
#[test]
fn the_script_for_commands_takes_the_service_s_settings() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let file = read("deploy/systemd/gatehouse.env");
    let server = Path::new(env!("CARGO_BIN_EXE_auth-server"));
    let show = || {
        let mut script = Command::new(root().join("deploy/systemd/gatehouse"));
        script.args(["config", "show"]).env_clear().env("GATEHOUSE_FOLDER", folder.path());
        script.env("PATH", format!("{}:/usr/bin:/bin", server.parent().unwrap().display()));
        let output = script.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    std::fs::write(folder.path().join("gatehouse.env"), file.replace("DATABASE_URL=", "#")).unwrap();
    let shown = show();
    assert!(shown.contains("Example <no-reply@example.com>") && shown.contains("https://auth.example.com"), "{shown}");
    std::fs::write(folder.path().join("gatehouse.env"), &file).unwrap();
    std::fs::remove_file(folder.path().join("database-url")).unwrap();
    std::fs::remove_file(folder.path().join("redis-url")).unwrap();
    assert!(show().contains("sqlite:///var/lib/gatehouse/auth.db"));
}

/// The line of the unit, with the server of this build and a folder of the test's own.
#[test]
fn the_backup_is_made_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir_all(state.join("backups")).unwrap();
    let old = std::fs::File::create(state.join("backups/20200101T000000Z.db")).unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let database = format!("sqlite://{}/auth.db", state.display());
    let settings = [("DATABASE_URL", database.as_str()), ("AUTH_SECRET", "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL")];
    let mut migrate = Command::new(env!("CARGO_BIN_EXE_auth-server"));
    migrate.arg("migrate").env_clear().envs(settings).current_dir(folder.path());
    assert!(migrate.output().unwrap().status.success());
    for line in directive(&read(BACKUP), "ExecStart") {
        let line = line.replace(SERVER, env!("CARGO_BIN_EXE_auth-server"));
        let line =
            line.replace("/var/lib/gatehouse", state.to_str().unwrap()).replace("%%", "%").replace("*.db", "'*.db'");
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).env_clear().env("PATH", "/usr/bin:/bin").current_dir(folder.path());
        shell.envs(settings);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    }
    let left: Vec<_> =
        std::fs::read_dir(state.join("backups")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(!left[0].to_string_lossy().starts_with("2020"), "{left:?}");
}
