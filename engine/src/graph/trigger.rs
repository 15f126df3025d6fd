//! What starts runs by itself, as a checked workflow declares it.

use std::time::Duration;

use super::{Cron, Webhook};
use crate::expr::{Expression, Template};

/// One of a workflow's `triggers`.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// Its name in the file.
    pub name: String,
    /// What it listens for.
    pub kind: TriggerKind,
    /// Gives the run's inputs: a map.
    pub start: Template,
    /// False keeps the run from being made.
    pub filter: Option<Expression>,
    /// Gives the key by which it fires once.
    pub dedup: Option<Expression>,
    /// How long a key is kept.
    pub dedup_for: Duration,
}

/// What a trigger listens for.
#[derive(Clone, Debug)]
pub enum TriggerKind {
    /// An event of this name.
    Event(String),
    /// The failure of one of these workflows.
    FailureOf(Vec<String>),
    /// Instants of a calendar.
    Schedule(Schedule),
    /// Requests to an address.
    Webhook(Webhook),
}

/// Instants of a calendar, and what becomes of those that were missed or overlap.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The instants.
    pub cron: Cron,
    /// What becomes of instants at which no worker looked.
    pub missed: Missed,
    /// What becomes of an instant whose run before is open; they run side by side when not given.
    pub overlap: Option<Overlap>,
}

/// What becomes of instants at which no worker looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Nothing.
    Skip,
    /// One run stands for all, for the last of them.
    RunOnce,
    /// Each has its run; of very many the newest.
    CatchUp,
}

/// What becomes of an instant whose run before is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// It waits; so do those after it.
    Queue,
    /// It has no run.
    Drop,
    /// The run before is cancelled, then it has its own.
    Replace,
    /// Only the newest waits.
    Latest,
}

impl Trigger {
    /// How long a key is kept when the file does not say.
    pub const DEDUP_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
}

impl TriggerKind {
    /// Its word in the language.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::FailureOf(_) => "failure_of",
            Self::Schedule(_) => "schedule",
            Self::Webhook(_) => "webhook",
        }
    }

    /// What it is found by.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        match self {
            Self::Event(name) => vec![name.clone()],
            Self::FailureOf(workflows) => workflows.clone(),
            Self::Schedule(_) => vec![String::new()],
            Self::Webhook(webhook) => webhook
                .methods
                .iter()
                .map(|method| format!("{method} {}", webhook.path))
                .collect(),
        }
    }
}
