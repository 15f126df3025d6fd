//! What the candidates of a line in review would consume, kept for its answer.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::column::column;
use super::{StoreError, TenantTx};
use crate::ids::TransactionId;
use crate::matching::{AllocationKind, Cause};

/// Holds what lines in review may turn out to be; what is held already stays held.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn hold(
    tx: &mut TenantTx<'_>,
    held: &[(TransactionId, Cause)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let rows: Vec<(TransactionId, AllocationKind, Uuid)> = held
        .iter()
        .filter_map(|(line, cause)| Some((*line, cause.kind(), cause.target()?)))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into copro.holds (tenant_id, transaction_id, kind, target_id, held_at)
         select copro.current_tenant(), u.line, u.kind, u.target, $4
         from unnest($1::uuid[], $2::text[], $3::uuid[]) u (line, kind, target)
         on conflict on constraint holds_pkey do nothing",
        &column(&rows, |(line, _, _)| line.0),
        &column(&rows, |(_, kind, _)| *kind) as _,
        &column(&rows, |(_, _, target)| *target),
        now,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during(
        "hold what lines in review may turn out to be",
    ))?;
    Ok(())
}

/// Lets go of what lines held.
///
/// # Errors
/// When the database does not answer.
pub async fn release(tx: &mut TenantTx<'_>, lines: &[TransactionId]) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from copro.holds where transaction_id = any($1)",
        &column(lines, |line| line.0)
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("let go of what a line held"))?;
    Ok(())
}
