//! Keys by which a trigger fires once, whatever the version.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{RunId, TenantId};

/// A key that is to be taken for a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewKey<'a> {
    pub tenant: TenantId,
    pub workflow: &'a str,
    pub trigger: &'a str,
    /// A digest.
    pub key: &'a [u8],
    pub run: RunId,
    pub now: DateTime<Utc>,
    pub kept_until: DateTime<Utc>,
}

/// Takes a key for a run, unless another has it; waits for a transaction that
/// is just taking it. A key past its time is free again.
pub(crate) async fn take(
    connection: &mut PgConnection,
    new: NewKey<'_>,
) -> Result<bool, sqlx::Error> {
    let taken = guarded!(
        "dedup.take",
        sqlx::query!(
            r#"
            insert into engine.dedup (tenant_id, workflow, trigger_name, key, run_id, made_at, kept_until)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (tenant_id, workflow, trigger_name, key)
            do update set run_id = excluded.run_id, made_at = excluded.made_at, kept_until = excluded.kept_until
            where dedup.kept_until <= $6 or dedup.run_id = $5
            "#,
            new.tenant.0,
            new.workflow,
            new.trigger,
            new.key,
            new.run.0,
            new.now,
            new.kept_until,
        )
        .execute(connection)
    )?;
    Ok(taken.rows_affected() > 0)
}

/// The run that has a key, and since when.
pub(crate) async fn holder(
    connection: &mut PgConnection,
    tenant: TenantId,
    workflow: &str,
    trigger: &str,
    key: &[u8],
) -> Result<Option<(RunId, DateTime<Utc>)>, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        select run_id as "run_id: Uuid", made_at
        from engine.dedup
        where tenant_id = $1 and workflow = $2 and trigger_name = $3 and key = $4
        "#,
        tenant.0,
        workflow,
        trigger,
        key,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (RunId(row.run_id), row.made_at)))
}
