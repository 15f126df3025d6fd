//! A durable workflow engine.
//!
//! A *workflow* is a versioned graph of *steps*; a *run* executes one version; a
//! step *uses* a *node*; an *attempt* is one try of a step. All state is in
//! PostgreSQL. The engine knows nothing of condominiums.

pub mod case;
pub mod clock;
pub mod crypto;
mod engine;
mod executor;
pub mod expr;
pub mod graph;
pub mod ids;
pub mod language;
mod nearest;
pub mod node;
pub mod run;
mod service;
pub mod store;
pub mod testing;
pub mod text;
mod trigger;

pub use engine::{
    Accepted, Acted, AttemptView, BadCursor, Bearer, Bulk, BulkAction, BulkPage, Delivered, Engine,
    EngineError, Event, HookError, Movable, Once, Pending, PendingCursor, PendingFilter, Reply,
    Rerun, RunEnd, RunEvent, RunFailure, RunFilter, RunSummary, RunView, Saved, StartRun, Started,
    StepView, TenantSettings, TokenView, Transaction, TriggerFault, TriggerView, Verdict, Version,
    VersionView, Watch, WorkflowView,
};
pub use run::{Answer, Apart, NotAgain, Payload, RerunFrom, RunStatus, StepStatus, Taken};
pub use service::{Worker, WorkerOptions};
pub use trigger::Delivery;
