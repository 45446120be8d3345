//! The real binary, started for one test.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use smtp_sink::SmtpSink;

use super::{Backend, Client, Response, TestDatabase};

/// How long a server may take to start, on a machine that builds and tests at the same time.
const START: Duration = Duration::from_mins(3);

/// Unless it is set, a server gets a mail server of its own; empty, it prints its mails to the log.
const SMTP_URL: &str = "AUTH_SMTP_URL";

/// A password that no list has.
pub(crate) const PASSWORD: &str = "seven wooden gates of Thebes";

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerOptions {
    variables: Vec<(String, String)>,
}

impl ServerOptions {
    pub(crate) fn set(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    fn names(&self, variable: &str) -> bool {
        self.variables.iter().any(|(name, _)| name == variable)
    }
}

/// A running server; it is killed when the test is over.
pub(crate) struct Server {
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    pub(crate) database: Arc<TestDatabase>,
    process: Mutex<Child>,
    log: Arc<Log>,
    /// They end when the process has.
    followers: Mutex<Vec<JoinHandle<()>>>,
    sink: Option<SmtpSink>,
}

/// What a command of the program did.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The lines that the server has logged so far.
#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Server {
    /// Starts a server on a new database.
    pub(crate) fn start(backend: &Backend, options: ServerOptions) -> Self {
        Self::start_on(Arc::new(TestDatabase::new(backend)), options)
    }

    /// Starts a server on a new SQLite database.
    pub(crate) fn on_sqlite(options: ServerOptions) -> Self {
        Self::start(&Backend::Sqlite, options)
    }

    /// Starts a server on a database that may be in use already.
    pub(crate) fn start_on(database: Arc<TestDatabase>, mut options: ServerOptions) -> Self {
        let sink = (!options.names(SMTP_URL)).then(SmtpSink::start);
        if let Some(sink) = &sink {
            options = options.set(SMTP_URL, &sink.url());
        }
        let mut process = command(&database, options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Log::default());
        let out = follow(process.stdout.take().unwrap(), Arc::clone(&log));
        let err = follow(process.stderr.take().unwrap(), Arc::clone(&log));
        let followers = Mutex::new(vec![out, err]);
        // From here on the process is killed also when something below panics.
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let process = Mutex::new(process);
        let mut server = Self { client: Client::new(address), address, database, process, log, followers, sink };
        let listening = server.wait_for_log(|line| line.contains("listening")).unwrap_or_else(|| {
            panic!("the server did not start: {:#?}", server.log());
        });
        let line: Value = serde_json::from_str(&listening).unwrap();
        server.address = line["address"].as_str().and_then(|text| text.parse().ok()).expect("an address");
        server.client = Client::new(server.address);
        server
    }

    /// Starts a server that has to refuse: its exit code and what it says on standard error.
    pub(crate) fn refused(options: ServerOptions) -> (Option<i32>, String) {
        Self::refused_on(&TestDatabase::new(&Backend::Sqlite), options)
    }

    /// As [`Server::refused`], on a database that may be in use already.
    pub(crate) fn refused_on(database: &TestDatabase, options: ServerOptions) -> (Option<i32>, String) {
        let mut process = command(database, options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let listens = lines.into_iter().any(|line| line.contains("listening"));
        if listens {
            let _ = process.kill();
        }
        let code = process.wait().unwrap().code();
        assert!(!listens, "the server started");
        let mut said = String::new();
        process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    }

    /// Runs a command of the program on a database, with the settings that servers get and the one connection that a
    /// command needs, and waits for its end.
    pub(crate) fn command(database: &TestDatabase, options: ServerOptions, arguments: &[&str]) -> Ended {
        let options = options.set("AUTH_DATABASE_POOL", "1");
        let output = command(database, options).args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The mail server of this server's own, which it has unless its options name one or none.
    pub(crate) fn sink(&self) -> &SmtpSink {
        self.sink.as_ref().expect("a mail server of its own")
    }

    /// Everything logged so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lines.lock().unwrap().clone()
    }

    /// The first line of the log that is as wanted, waited for.
    pub(crate) fn wait_for_log(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        self.log.wait_for(wanted)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.lock().unwrap().id()
    }

    /// Kills the server at once (SIGKILL).
    pub(crate) fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }

    /// Asks the server to stop (SIGTERM), and waits until it has and all of its log was read: its exit code.
    pub(crate) fn terminate(&self) -> Option<i32> {
        let mut process = self.process.lock().unwrap();
        let status = Command::new("kill").arg("-TERM").arg(process.id().to_string()).status().unwrap();
        assert!(status.success());
        let code = process.wait().unwrap().code();
        for follower in self.followers.lock().unwrap().drain(..) {
            follower.join().unwrap();
        }
        code
    }

    /// Registers a user with this address and the password [`PASSWORD`], and returns their tokens.
    pub(crate) fn register(&self, email: &str) -> Value {
        let answer = self.client.post("/auth/register", &json!({ "email": email, "password": PASSWORD }));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    /// Opens another session for a user with the password [`PASSWORD`], and returns its tokens.
    pub(crate) fn log_in(&self, identifier: &str) -> Value {
        let answer = self.client.post("/auth/login", &json!({ "identifier": identifier, "password": PASSWORD }));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// A client with the access token in `tokens`.
    pub(crate) fn as_user(&self, tokens: &Value) -> Client {
        self.client.bearer(tokens["access_token"].as_str().unwrap())
    }

    /// Presents the refresh token in `tokens`.
    pub(crate) fn refresh(&self, tokens: &Value) -> Response {
        self.client.post("/auth/refresh", &json!({ "refresh_token": tokens["refresh_token"] }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(database: &TestDatabase, options: ServerOptions) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auth-server"));
    command.env_clear().current_dir(database.folder.path()).stdin(Stdio::null());
    // Cheap hashes: these tests are about everything else.
    let defaults = [
        ("AUTH_BIND", "127.0.0.1:0"),
        ("DATABASE_URL", &database.url),
        ("AUTH_SECRET", "k3Wn8sQx0vT5yB2eH7uJ9aZ4cM6pR1dL"),
        ("AUTH_LOG_FORMAT", "json"),
        ("AUTH_RATE_LIMITS", "off"),
        ("AUTH_ARGON2_MEMORY_KIB", "8"),
        ("AUTH_ARGON2_ITERATIONS", "1"),
        // Nobody outside of the test is called.
        ("AUTH_HIBP", "off"),
    ];
    command.envs(defaults).envs(options.variables);
    command
}

fn follow(stream: impl std::io::Read + Send + 'static, log: Arc<Log>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            log.lines.lock().unwrap().push(line);
            log.changed.notify_all();
        }
    })
}

impl Log {
    fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let lines = self.lines.lock().unwrap();
        let found = |lines: &[String]| lines.iter().find(|line| wanted(line)).cloned();
        let (lines, _) = self.changed.wait_timeout_while(lines, START, |lines| found(lines).is_none()).unwrap();
        found(&lines)
    }
}
