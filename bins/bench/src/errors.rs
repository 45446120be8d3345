//! What went wrong while it was measured: counted, and the first of it kept, so that somebody can look into it.

/// Errors of one measurement or of many.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    count: u64,
    first: Option<String>,
}

impl Errors {
    /// Counts an error; `what` it was is asked only for the first.
    pub(crate) fn add(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(what);
    }

    /// Counts all of `others` too.
    pub(crate) fn merge(&mut self, others: Self) {
        self.count += others.count;
        self.first = self.first.take().or(others.first);
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// What the first one was.
    pub(crate) fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_first_is_kept() {
        let (mut all, mut more) = (Errors::default(), Errors::default());
        more.add(|| "a".to_owned());
        more.add(|| "b".to_owned());
        all.merge(more);
        all.merge(Errors::default());
        all.add(|| "c".to_owned());
        assert_eq!((all.count(), all.first()), (3, Some("a")));
    }
}
