//! Drives runs: asks the state machine what to do, does it, tells it what happened.
//!
//! One task a run; its steps follow each other in it. Outcomes gather in the
//! run's [`buffer`] and are handed to the worker's flush whenever the task has
//! to wait for something, so that a run of pure steps is one write.

mod apart;
mod attempt;
mod budget;
mod buffer;
mod end;
mod external;
mod flush;
mod keep;
mod lease;
mod mail;
mod open;
mod pace;
mod poison;
mod shop;
mod task;
mod transaction;
mod waiting;

pub(crate) use flush::{Acks, FlushSender, Lost, Message, flush_channel};
pub(crate) use lease::Lease;
pub(crate) use open::{Opened, run_task};
pub(crate) use shop::Shop;
