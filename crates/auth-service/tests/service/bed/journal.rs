//! What one thread writes to the log.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// A line for each event and span: its level, and its fields.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<String>>);

/// Does `work`, and returns what it logged: all that the server would write, and all of this project's crates.
pub(crate) fn logged(work: impl FnOnce()) -> String {
    let journal = Journal::default();
    tracing::subscriber::with_default(journal.clone(), work);
    let text = journal.0.lock().unwrap();
    text.clone()
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Journal {
    fn write(&self, level: Level, record: impl FnOnce(&mut Line<'_>)) {
        let mut text = self.0.lock().unwrap();
        write!(text, "{level}").unwrap();
        record(&mut Line(&mut text));
        text.push('\n');
    }
}

impl Subscriber for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO || metadata.target().starts_with("auth_")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.write(*span.metadata().level(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.write(Level::INFO, |line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.write(*event.metadata().level(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
