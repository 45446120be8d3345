//! One number of the list: its name, its kind, what it tells, and what it is split by.

use metrics::{Label, SharedString, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// A number and what it tells.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) meaning: &'static str,
    pub(super) split: Split,
}

/// What a number is split by.
#[derive(Clone, Copy)]
pub(super) enum Split {
    /// Nothing.
    No,
    /// A label, and all of its values: each is there from the start.
    By(&'static str, &'static [&'static str]),
    /// Labels whose values come with what happens, or are the operator's.
    Open(
        #[cfg_attr(not(test), expect(dead_code, reason = "for the documents, which a test compares"))]
        &'static [&'static str],
    ),
}

/// What a number does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds.
    Histogram,
}

pub(super) const fn counts(name: &'static str, meaning: &'static str, split: Split) -> Metric {
    Metric { name, kind: Kind::Counter, meaning, split }
}

pub(super) const fn shows(name: &'static str, meaning: &'static str, split: Split) -> Metric {
    Metric { name, kind: Kind::Gauge, meaning, split }
}

pub(super) const fn times(name: &'static str, meaning: &'static str, split: Split) -> Metric {
    Metric { name, kind: Kind::Histogram, meaning, split }
}

impl Metric {
    pub(super) fn describe(&self) {
        match self.kind {
            Kind::Counter => describe_counter!(self.name, self.meaning),
            Kind::Gauge => describe_gauge!(self.name, self.meaning),
            Kind::Histogram => describe_histogram!(self.name, self.meaning),
        }
    }

    /// Has it shown with 0, once for each value of its label.
    pub(super) fn begin(&self) {
        match self.split {
            Split::No => self.begin_with(Vec::new()),
            Split::By(label, values) => {
                for value in values {
                    self.begin_with(vec![Label::from_static_parts(label, value)]);
                }
            }
            Split::Open(_) => {}
        }
    }

    fn begin_with(&self, labels: Vec<Label>) {
        let name = SharedString::const_str(self.name);
        match self.kind {
            Kind::Counter => counter!(name, labels).absolute(0),
            Kind::Gauge => gauge!(name, labels).set(0),
            Kind::Histogram => drop(histogram!(name, labels)),
        }
    }
}
