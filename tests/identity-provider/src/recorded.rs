//! What the provider was asked.

use std::collections::BTreeMap;

use crate::behaviour::Endpoint;

/// A request, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What was asked.
    pub endpoint: Endpoint,
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    /// The fields of the form in the body; of a repeated one the last.
    pub form: BTreeMap<String, String>,
}
