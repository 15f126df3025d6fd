//! How runs hand their checkpoints to the worker's flush, and learn what became of them.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::engine::RunEnd;
use crate::store::cross_tenant::checkpoint::Checkpoint;

/// What a run knows of its handed checkpoints.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Acks {
    /// All up to this number are durable.
    pub flushed: u64,
    /// The run's end, and the number of the checkpoint that holds it.
    pub end: Option<(u64, Arc<RunEnd>)>,
    /// No more will be.
    pub lost: Option<Lost>,
}

impl Acks {
    /// The run's end, once it is durable.
    pub fn ended(&self) -> Option<&Arc<RunEnd>> {
        let (number, end) = self.end.as_ref()?;
        (*number <= self.flushed).then_some(end)
    }
}

/// Why no more checkpoints of a run will be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The run has another owner, or has ended.
    Fenced,
    /// The database refuses a row of this step: its attempt, or its loop's items.
    Unstorable {
        /// The step.
        step: String,
        /// Its attempt; none when it is not a row of a step that is refused.
        attempt: Option<i32>,
    },
    /// The worker stops and could not reach its database.
    Stopped,
}

/// A checkpoint on its way.
#[derive(Debug)]
pub(crate) struct Message {
    pub checkpoint: Checkpoint,
    /// Its number in the run.
    pub number: u64,
    pub acks: Arc<watch::Sender<Acks>>,
}

pub(crate) type FlushSender = mpsc::UnboundedSender<Message>;

/// The queue of the flush. Unbounded: what a run may have in it is bounded by the run.
pub(crate) fn flush_channel() -> (FlushSender, mpsc::UnboundedReceiver<Message>) {
    mpsc::unbounded_channel()
}
