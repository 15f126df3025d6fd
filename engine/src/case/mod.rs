//! Workflows tried without their effects: cases of `NAME.test.yaml`, recorded
//! runs on another version, and the plan of what a run would do.
//!
//! A case runs through the real engine and a worker of its own, in a tenant
//! made for it. The database must be one where no other worker works: another
//! would take the run and do with real nodes what a stub should answer.

mod clock;
mod compare;
mod coverage;
mod dry;
mod file;
mod replay;
mod run;
mod stub;

pub use compare::Mismatch;
pub use coverage::Coverage;
pub use dry::{DryRun, Fate, Planned, UNKNOWN, dry_run};
pub use file::{Case, Cases, ExpectedStep, Stubs, read, read_stubs};
pub use replay::{Difference, replay};
pub use run::{CaseError, Played, play, run};
pub use stub::Answer;
