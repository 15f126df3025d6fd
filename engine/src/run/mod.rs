//! The heart, pure: (state, event) → state and what to do.
//!
//! Knows no database, no task and no clock: instants come with the events. The
//! executor does what [`Run`] says and tells it what happened; `replay` builds
//! the same state again from what was recorded.

mod again;
mod budget;
mod cleanup;
mod event;
mod heard;
mod key;
mod level;
mod loops;
mod record;
mod refusal;
mod repeat;
mod replay;
mod state;
mod status;
#[cfg(test)]
mod tests;
mod time;
mod transition;
mod tries;
mod waits;
mod walk;
mod wanted;

pub(crate) use again::{Again, misfits, outermost_step};
pub use again::{NotAgain, RerunFrom, Taken};
pub use budget::{BUDGET_SPENT, TENANT_BUDGET_SPENT};
pub(crate) use budget::{budget_spent, tenant_budget_spent};
pub use cleanup::{CLEANUP_TIMED_OUT, CleanupError};
pub use event::{Answer, Attempted, Event, Mode, Outlook, Start, StepRef, Waiting};
pub use key::{Key, Place};
pub(crate) use key::{order_of, outermost, path_of, place_of_key, place_of_path};
pub use record::{Apart, Body, Payload, Record};
pub(crate) use record::{fits, length};
pub use refusal::Refusal;
pub use repeat::REPEAT_EXHAUSTED;
pub use replay::Stored;
pub use state::{Applied, Run};
pub use status::{RunStatus, StepStatus};
pub use transition::{DEADLINE_PASSED, JOIN_UNREACHABLE, MAX_UNKNOWN, TIMED_OUT, UNKNOWN_OUTCOME};
pub(crate) use wanted::wanted;
