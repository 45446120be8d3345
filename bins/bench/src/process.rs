//! A child process that says on its standard output where it listens.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Outcome;
use crate::run::progress;

/// How long a process may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running child; it is stopped when this is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Bytes that it printed after it told its address.
    printed: Arc<AtomicU64>,
}

/// What becomes of what a process prints once it listens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Warnings and errors are shown, since none are expected.
    Watched,
    /// All is read and thrown away.
    Drained,
}

impl Process {
    /// Starts `command` and waits for the first line in which `address` finds one.
    pub(crate) fn start(
        mut command: Command,
        output: Output,
        address: impl Fn(&str) -> Option<SocketAddr>,
    ) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut said = String::new();
        let address = loop {
            let begin = said.len();
            if lines.read_line(&mut said)? == 0 {
                return Err(format!("{}: {said}", child.wait()?).into());
            }
            if let Some(address) = address(&said[begin..]) {
                break address;
            }
        };
        let printed = Arc::new(AtomicU64::new(0));
        follow(lines, output, Arc::clone(&printed));
        Ok(Self { child, address, printed })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Bytes that it has printed so far.
    pub(crate) fn printed(&self) -> u64 {
        self.printed.load(Ordering::Relaxed)
    }

    /// Ends it at once.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, and waits until it has.
    fn stop(&mut self) {
        if let Ok(None) = self.child.try_wait()
            && let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        let end = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        // Of no effect on a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads on, so that a full pipe never stops the process.
fn follow(mut lines: BufReader<ChildStdout>, output: Output, printed: Arc<AtomicU64>) {
    std::thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = lines.read(&mut chunk) {
            printed.fetch_add(length as u64, Ordering::Relaxed);
            if output == Output::Watched {
                warn(&String::from_utf8_lossy(&chunk[..length]));
            }
        }
    });
}

fn warn(text: &str) {
    for line in text.lines().filter(|line| line.contains(r#""WARN""#) || line.contains(r#""ERROR""#)) {
        progress(line);
    }
}
