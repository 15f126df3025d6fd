//! `NAME.test.yaml`: cases of a workflow, with stubbed nodes and expected ends.
//!
//! A case runs through the real engine and a worker of its own, in a tenant
//! made for it. The database must be one where no other worker works: another
//! would take the run and do with real nodes what a stub should answer.

mod clock;
mod compare;
mod file;
mod run;
mod stub;

pub use compare::Mismatch;
pub use file::{Case, Cases, ExpectedStep, read};
pub use run::{CaseError, run};
pub use stub::Answer;
