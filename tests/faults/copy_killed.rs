//! kill -9 at the writes of `database copy`, `backup` and `restore`, and a full disk: all of it or nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::small_disk::SmallDisk;
use crate::sql;
use crate::wait::left_out;

/// What either database is written by.
const WRITES: &str = "write,pwrite64,sendto,fsync,fdatasync,rename,link,linkat";

/// A database with some users in it.
fn filled(backend: &Backend) -> (TestDatabase, Launch) {
    let database = TestDatabase::new(backend);
    let launch = Launch::on(&database);
    let mut server = launch.start();
    for number in 0..5 {
        server.caller().registered(&format!("person{number}@example.org"));
    }
    server.signal(Signal::TERM);
    server.exit();
    (database, launch)
}

/// Runs `arguments`, killed at the `nth` of its writes: whether it came to its end before. None, and said plainly, where
/// nothing can be traced.
fn survives(launch: &Launch, arguments: &[&str], nth: usize, test: &str) -> Option<bool> {
    let inject = format!("inject={WRITES}:signal=KILL:when={nth}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={WRITES}"), "-e", &inject];
    match launch.command_under(&strace, arguments).output() {
        Ok(output) if output.status.success() => Some(true),
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("ptrace") => {
            left_out(test, &String::from_utf8_lossy(&output.stderr));
            None
        }
        Ok(output) => {
            assert!(output.stderr.is_empty(), "{output:?}");
            Some(false)
        }
        Err(error) => {
            left_out(test, &error.to_string());
            None
        }
    }
}

/// Each of the first writes, then ever fewer.
fn next(nth: usize) -> usize {
    nth + 1 + nth / 8
}

///
#[test]
fn a_kill_at_a_write_of_a_copy_leaves_a_target_that_can_be_copied_into_on_sqlite() {
    copy(&Backend::Sqlite, "copy_killed::sqlite");
}

///
#[test]
fn a_kill_at_a_write_of_a_copy_leaves_a_target_that_can_be_copied_into_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        copy(&backend, "copy_killed::postgres");
    }
}

fn copy(to: &Backend, test: &str) {
    let (_source, launch) = filled(&Backend::Sqlite);
    let target = TestDatabase::new(to);
    let launch = launch.set("AUTH_COPY_TO_URL", &target.url);
    let mut nth = 1;
    loop {
        match survives(&launch, &["database", "copy"], nth, test) {
            None => return,
            Some(true) => break,
            Some(false) => {}
        }
        if is_whole(&target) {
            // Killed after the commit, before the last words.
            break;
        }
        nth = next(nth);
    }
    assert!(nth > 8, "nothing was killed");
    assert!(is_whole(&target));
    let server = Launch::at(&target.url, target.folder.path()).start();
    assert_eq!(server.caller().log_in("person4@example.org").unwrap().status, 200);
}

/// All users or none; a schema that isn't there has none.
fn is_whole(target: &TestDatabase) -> bool {
    match users(target) {
        None | Some(0) => false,
        Some(5) => true,
        some => panic!("{some:?} users"),
    }
}

fn users(database: &TestDatabase) -> Option<i64> {
    let exists = match database.url.strip_prefix("sqlite://") {
        Some(path) if !Path::new(path).exists() => return None,
        Some(_) => "count(*) FROM sqlite_master WHERE name = 'users'",
        None => "count(*) FROM pg_tables WHERE schemaname = 'auth' AND tablename = 'users'",
    };
    (sql::number(&database.url, exists) > 0).then(|| sql::number(&database.url, "count(*) FROM users"))
}

/// X-03, W-16
#[test]
fn a_kill_at_a_write_of_a_backup_leaves_no_file_under_its_name_or_a_whole_one() {
    let (database, launch) = filled(&Backend::Sqlite);
    let folder = database.folder.path().join("backups");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("backup.db");
    let arguments = ["backup", path.to_str().unwrap()];
    let mut nth = 1;
    while let Some(false) = survives(&launch, &arguments, nth, "copy_killed::backup") {
        if path.exists() {
            break;
        }
        assert!(
            fs::read_dir(&folder).unwrap().all(|file| file.unwrap().file_name().to_str().unwrap().contains(".part"))
        );
        nth = next(nth);
    }
    if !path.exists() {
        return;
    }
    assert!(nth > 8, "nothing was killed");
    sql::check_integrity(&format!("sqlite://{}", path.display()));
    assert_eq!(sql::number(&format!("sqlite://{}", path.display()), "count(*) FROM users"), 5);
}

///
#[test]
fn a_kill_at_a_write_of_a_restore_leaves_a_database_that_can_be_restored_into_and_revives_nobody() {
    let (source, launch) = filled(&Backend::Sqlite);
    let path = source.folder.path().join("backup.db");
    launch.command(&["backup", path.to_str().unwrap()]);
    let target = TestDatabase::new(&Backend::Sqlite);
    let launch = Launch::on(&target);
    let mut nth = 1;
    while let Some(false) = survives(&launch, &["restore", path.to_str().unwrap()], nth, "copy_killed::restore") {
        if is_whole(&target) {
            break;
        }
        nth = next(nth);
    }
    if users(&target).is_some() {
        assert!(nth > 8 && is_whole(&target));
        assert_eq!(sql::number(&target.url, "count(*) FROM sessions WHERE revoked_at IS NULL"), 0);
    }
}

/// W-16
#[test]
fn a_full_disk_is_told_and_leaves_no_part_of_a_backup() {
    let Some(disk) = SmallDisk::mount(256) else { return };
    let (_database, launch) = filled(&Backend::Sqlite);
    let path = disk.path().join("backup.db");
    let mut command: Command = launch.command_under(&[], &["backup", path.to_str().unwrap()]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("full"), "{said}");
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}
