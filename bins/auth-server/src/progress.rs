//! How far a long command has come.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar with a total, in blocks that every terminal has.
const BOUNDED: &str = "{msg} [{bar:40}] {human_pos}/{human_len} {eta}";
/// Without one.
const UNBOUNDED: &str = "{msg} {spinner} {human_pos} in {elapsed}";

/// A bar on standard error if that is a terminal, otherwise nothing: what a command prints is the same for whoever
/// reads it in a file. Dropped unfinished, by a failure, it takes its line away.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// `what` is counted, such as `users`; `total` is how many there are, if that is known.
    pub(crate) fn new(what: &'static str, total: Option<u64>) -> Self {
        // Draws nothing unless standard error is a terminal.
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new).with_message(what);
        let template = if total.is_some() { BOUNDED } else { UNBOUNDED };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(bar)
    }

    /// `n` more are done.
    pub(crate) fn advance(&self, n: u64) {
        self.0.inc(n);
    }

    /// All are done: the line goes, for the command's own words say what came of it.
    pub(crate) fn finish(self) {
        self.0.finish_and_clear();
    }
}
