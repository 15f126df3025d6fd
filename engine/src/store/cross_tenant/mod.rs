//! The one module whose statements see several tenants: claim, flush, outbox.
//!
//! They run as `copro_engine`, which reaches queue and checkpoint tables only
//! and no data that it could read: what a run carries is sealed.

pub(crate) mod checkpoint;
pub(crate) mod claim;
pub(crate) mod heartbeat;
pub(crate) mod letters;
pub(crate) mod outbox;
pub(crate) mod pace;
pub(crate) mod payloads;
pub(crate) mod rescue;
pub(crate) mod retention;
pub(crate) mod schedules;
pub(crate) mod slots;
pub(crate) mod timers;
pub(crate) mod waits;
