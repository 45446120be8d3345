//! A PostgreSQL server of one test's own, to be stopped, crashed and frozen.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use diesel::{Connection as _, PgConnection};
use rustix::process::{Pid, Signal, kill_process};

use crate::quiet_port::quiet_port;
use crate::wait::{left_out, until};

/// PostgreSQL refuses to run as root; whoever tests as root has this user from the package.
const USER: &str = "postgres";

/// A cluster in a temporary folder.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
    postmaster: Option<Child>,
}

impl Cluster {
    /// A running cluster, or a plain word why there is none.
    pub(crate) fn start_new() -> Option<Self> {
        let Some(programs) = programs() else {
            left_out("PostgreSQL restarted and frozen", "no initdb under /usr/lib/postgresql");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("gatehouse-cluster-").tempdir().unwrap();
        let mut cluster = Self { folder, programs, port: quiet_port(), postmaster: None };
        cluster.initialize();
        cluster.start();
        Some(cluster)
    }

    pub(crate) fn url(&self) -> String {
        Self::url_by(self.address())
    }

    /// The same by way of a line that begins there.
    pub(crate) fn url_by(address: SocketAddr) -> String {
        format!("postgres://{USER}@{address}/postgres")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the server (again) and waits until it lets somebody in.
    pub(crate) fn start(&mut self) {
        let folder = self.folder.path().display();
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        // A crash of the server alone loses nothing that the kernel has.
        for setting in ["fsync=off", "listen_addresses=127.0.0.1", &format!("unix_socket_directories={folder}")] {
            command.args(["-c", setting]);
        }
        self.postmaster = Some(command.spawn().unwrap());
        until("PostgreSQL lets somebody in", || PgConnection::establish(&self.url()).is_ok());
    }

    /// What `pg_ctl -m immediate stop` does: every process of the server ends at once, as in a crash.
    pub(crate) fn crash(&mut self) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        let _ = kill_process(Pid::from_child(&postmaster), Signal::QUIT);
        postmaster.wait().unwrap();
    }

    /// Stops every process of the server where it is: it accepts connections (the kernel does) and says nothing more.
    pub(crate) fn freeze(&self) -> Frozen {
        let postmaster = Pid::from_child(self.postmaster.as_ref().unwrap());
        let mut frozen = Frozen(Vec::new());
        // First the one that makes the others.
        frozen.stop(postmaster);
        let number = postmaster.as_raw_nonzero();
        let children = fs::read_to_string(format!("/proc/{number}/task/{number}/children")).unwrap();
        for child in children.split_whitespace() {
            frozen.stop(Pid::from_raw(child.parse().unwrap()).unwrap());
        }
        frozen
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn initialize(&self) {
        if rustix::process::geteuid().is_root() {
            let owner = Command::new("chown").arg(USER).arg(self.folder.path()).status().unwrap();
            assert!(owner.success());
        }
        let mut initdb = self.command("initdb");
        initdb.arg("-D").arg(self.data()).args(["-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync"]);
        let output = initdb.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// One of PostgreSQL's programs, as a user that it accepts, out of reach of a Ctrl-C on the tests' terminal.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.crash();
    }
}

/// The processes of a frozen server; they go on when this is dropped.
pub(crate) struct Frozen(Vec<Pid>);

impl Frozen {
    fn stop(&mut self, process: Pid) {
        self.0.push(process);
        let _ = kill_process(process, Signal::STOP);
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in self.0.drain(..).rev() {
            let _ = kill_process(process, Signal::CONT);
        }
    }
}

/// The programs of the newest PostgreSQL, where Debian puts them.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    folders.filter(|folder| folder.join("initdb").exists()).max()
}
