//! A Redis for servers of one test.

use auth_core::{OsRandom, Random as _};
use redis::{Client, Connection, cmd};

/// Where Redis is, if it is there.
const REDIS: &str = "redis://127.0.0.1:6379";

/// A corner of a Redis that others may use, too; it is empty again when the test is over.
pub(crate) struct Corner {
    prefix: String,
}

impl Corner {
    /// A corner, or a plain word that there is none. With `CI=true` there has to be one.
    pub(crate) fn new() -> Option<Self> {
        match connect() {
            Ok(_) => {}
            Err(error) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
                panic!("Redis has to be there in CI: {error}")
            }
            Err(_) => {
                // Straight to standard error, and once: what a passing test prints by macro is not shown.
                static ONCE: std::sync::Once = std::sync::Once::new();
                ONCE.call_once(|| {
                    let word = b"LEFT OUT: Redis is not reachable on 127.0.0.1:6379\n";
                    let _ = std::io::Write::write_all(&mut std::io::stderr(), word);
                });
                return None;
            }
        }
        let mut random = [0; 8];
        OsRandom.fill(&mut random);
        Some(Self { prefix: format!("gatehouse_http:{:016x}:", u64::from_be_bytes(random)) })
    }

    /// What an instance is told, and `more`.
    pub(crate) fn settings<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        // Much longer than by default: on a machine with other work nobody knows how long an answer takes.
        let own = [("REDIS_URL", REDIS), ("AUTH_REDIS_PREFIX", &self.prefix), ("AUTH_REDIS_TIMEOUT", "10s")];
        [&own, more].concat()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        cmd("KEYS").arg(format!("{}*", self.prefix)).query(&mut connect().unwrap()).unwrap()
    }

    /// Everything that lies there.
    pub(crate) fn dump(&self) -> Vec<u8> {
        let mut connection = connect().unwrap();
        let value = |name: &String| cmd("GET").arg(name).query::<Vec<u8>>(&mut connection).unwrap();
        self.names().iter().flat_map(|name| name.bytes()).chain(self.names().iter().flat_map(value)).collect()
    }
}

impl Drop for Corner {
    fn drop(&mut self) {
        for name in self.names() {
            let _ = cmd("DEL").arg(name).exec(&mut connect().unwrap());
        }
    }
}

fn connect() -> redis::RedisResult<Connection> {
    Client::open(REDIS)?.get_connection()
}
