//! A run that kills its workers: it is run alone, then ended.

use crate::engine::Version;
use crate::node::NodeError;
use crate::run::{Place, StepStatus, Stored};
use crate::store::cross_tenant::claim::Claimed;
use crate::text;

/// Code of a run whose owners died again and again.
const POISONED: &str = "engine.poisoned";
/// Takeovers without progress after which a run has killed a worker that ran nothing else.
const MOST_TAKEOVERS: i16 = 4;

/// Whether a run has killed a worker that ran nothing else.
pub(super) fn is_poisoned(claimed: &Claimed) -> bool {
    claimed.takeovers >= MOST_TAKEOVERS
}

/// A run that killed every worker it ran on ends, with the step that was next.
pub(super) fn poisoned(
    claimed: &Claimed,
    version: &Version,
    stored: &[Stored],
) -> Option<NodeErrorAt> {
    if !is_poisoned(claimed) {
        return None;
    }
    let step = version
        .plan
        .steps
        .order
        .iter()
        .map(|index| &version.plan.steps.steps[*index])
        .find(|step| {
            !stored.iter().any(|record| {
                record.place == Place::of_step(step.id.to_string())
                    && (record.status.is_final() || record.status == StepStatus::Waiting)
                    && record.body.retry_at.is_none()
            })
        })
        .map(|step| step.id.to_string());
    let name = step.as_deref().unwrap_or("?");
    let error = NodeError::fail(
        POISONED,
        text!(
            "{count} workers died while they ran this run, the last one alone; the step was \
             `{step}`",
            count = MOST_TAKEOVERS,
            step = name
        ),
    );
    Some(NodeErrorAt { step, error })
}

/// An error and the step it is of.
pub(super) struct NodeErrorAt {
    pub step: Option<String>,
    pub error: NodeError,
}
