//! What can go wrong in a benchmark: anything, and all of it is told and ends the row.

/// A failure of any kind, for people to read.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A result that only people read the error of.
pub(crate) type Outcome<T> = Result<T, Failure>;
