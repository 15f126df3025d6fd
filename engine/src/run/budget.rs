//! A spent budget ends the run: no step lets that pass.

use crate::graph::Spent;
use crate::node::NodeError;
use crate::text;

/// Code of a paid step that does not begin because the run has spent its budget.
pub const BUDGET_SPENT: &str = "engine.budget_spent";
/// The same for the budget of its manager.
pub const TENANT_BUDGET_SPENT: &str = "engine.tenant_budget_spent";

/// Why a paid step does not begin: the run has spent its budget.
pub(crate) fn budget_spent(step: &str, spent: Spent) -> NodeError {
    NodeError::fail(
        BUDGET_SPENT,
        text!(
            "`{step}` does not begin: the run has spent its budget ({limit}: {spent} of {most})",
            step,
            limit = spent.limit,
            spent = spent.spent,
            most = spent.most
        ),
    )
}

/// Why a paid step does not begin: its manager has spent the budget of the month.
pub(crate) fn tenant_budget_spent(step: &str, spent: Spent) -> NodeError {
    NodeError::fail(
        TENANT_BUDGET_SPENT,
        text!(
            "`{step}` does not begin: the budget of the month is spent ({limit}: {spent} of {most})",
            step,
            limit = spent.limit,
            spent = spent.spent,
            most = spent.most
        ),
    )
}

/// Whether an error ends the run, whatever `on_error` and `on_item_error` say.
pub(super) fn ends_the_run(error: &NodeError) -> bool {
    error.code == BUDGET_SPENT || error.code == TENANT_BUDGET_SPENT
}
