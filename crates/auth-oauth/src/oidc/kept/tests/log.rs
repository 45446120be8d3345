//! What the operator is told.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;

/// What is logged while `work` is done: a line for each event.
fn logged(work: impl FnOnce()) -> Vec<String> {
    let journal = Journal::default();
    tracing::subscriber::with_default(journal.clone(), work);
    let lines = journal.0.lock().unwrap();
    lines.clone()
}

#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Journal {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn get_often(desk: &Desk) {
    for _ in 0..100 {
        desk.get();
    }
}

/// However many flows end by it.
#[test]
fn a_fetch_that_fails_is_one_line_of_the_log() {
    let desk = Desk::new();
    desk.answer.set(None);
    let first = logged(|| get_often(&desk));
    let fields = r#" provider="company" document="metadata" reason="away""#;
    let [line] = first.as_slice() else { panic!("{first:?}") };
    assert!(line.starts_with("WARN") && line.contains("can't be had") && line.ends_with(fields), "{line}");
    desk.clock.advance(PAUSE_WITHOUT);
    assert_eq!(logged(|| get_often(&desk)).len(), 1);

    desk.answer.set(Some(1));
    desk.clock.advance(PAUSE_WITHOUT);
    let known = desk.known();
    desk.answer.set(None);
    desk.clock.advance(FRESH);
    let renewals = logged(|| get_often(&desk));
    let [line] = renewals.as_slice() else { panic!("{renewals:?}") };
    assert!(line.starts_with("WARN") && line.contains("the old one goes on") && line.ends_with(fields), "{line}");
    let newer = logged(|| (0..100).for_each(|_| drop(run(desk.kept.newer_than(&known, || desk.fetch())))));
    assert_eq!(newer.len(), 1, "{newer:?}");
    let refused = || ready(Err(OAuthError::Unavailable));
    assert!(logged(|| drop(run(desk.kept.get(refused)))).is_empty(), "nobody was asked");
}
