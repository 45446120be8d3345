//! strace beside a server, which changes what its system calls do.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::process::Process;
use crate::wait::left_out;

/// A tracer; dropped, it lets its server go.
pub(crate) struct Tracer(Child);

impl Tracer {
    /// Does `what` (as strace's `inject` has it) to each of `calls` in all threads of `server`. None, and said plainly,
    /// where nothing can be traced.
    pub(crate) fn inject(server: &Process, calls: &str, what: &str, test: &str) -> Option<Self> {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-p", &server.pid().as_raw_nonzero().to_string(), "-o", "/dev/null"]);
        strace.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:{what}")]);
        let child = strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let Ok(mut child) = child else {
            left_out(test, "strace is missing");
            return None;
        };
        let mut said = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
        let tracer = Self(child);
        if !said.contains("attached") {
            left_out(test, &said);
            return None;
        }
        Some(tracer)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Asked kindly, it would wait for ever for a server that is just dying; gone, it leaves a living one alone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
