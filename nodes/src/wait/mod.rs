//! Waiting for something from outside.

pub mod event;
pub mod webhook;

use chrono::{DateTime, Utc};
use engine::node::{Ctx, NodeResult};

use crate::flow::length::{Length, too_long};

/// When a wait of this length is over.
fn until(ctx: &Ctx, timeout: Option<Length>) -> NodeResult<Option<DateTime<Utc>>> {
    let Some(timeout) = timeout else {
        return Ok(None);
    };
    let until = timeout.after(ctx.now);
    let until = until.ok_or_else(too_long)?;
    Ok(Some(until))
}
