//! The workflow language: YAML in, a checked [`Plan`] or every problem out.

mod diagnostic;

use std::sync::Arc;

pub use diagnostic::{Diagnostic, Severity};

use crate::graph::Plan;
use crate::node::Registry;

/// What the checker found.
pub struct Checked {
    /// The workflow; only when there is no error.
    pub plan: Option<Arc<Plan>>,
    /// Every error and note, in file order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a workflow's file against the nodes there are, all problems in one pass.
#[must_use]
pub fn check(_source: &str, _registry: &Registry) -> Checked {
    Checked {
        plan: None,
        diagnostics: Vec::new(),
    }
}

/// The name nearest to a mistyped one.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + name.len().max(candidate.len()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}
