//! `rate_limit` and `debounce`: when a run, or a step, may begin.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{RunId, TenantId};

/// Locks a key and gives its last starts, microseconds, oldest first.
pub(crate) async fn lock_rate(
    connection: &mut PgConnection,
    tenant: TenantId,
    key: Uuid,
) -> Result<Vec<i64>, sqlx::Error> {
    guarded!(
        "pace.lock_rate",
        sqlx::query_scalar!(
            r#"
            insert into engine.rates (tenant_id, key)
            values ($1, $2)
            on conflict (tenant_id, key) do update set starts = engine.rates.starts
            returning starts
            "#,
            tenant.0,
            key,
        )
        .fetch_one(connection)
    )
}

/// Writes the last starts of a locked key.
pub(crate) async fn set_rate(
    connection: &mut PgConnection,
    tenant: TenantId,
    key: Uuid,
    starts: &[i64],
) -> Result<(), sqlx::Error> {
    guarded!(
        "pace.set_rate",
        sqlx::query!(
            r#"update engine.rates set starts = $3 where tenant_id = $1 and key = $2"#,
            tenant.0,
            key,
            starts,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Locks a key and gives the newest run of it: this one, when it is the first.
pub(crate) async fn lock_debounced(
    connection: &mut PgConnection,
    tenant: TenantId,
    key: Uuid,
    run: RunId,
) -> Result<RunId, sqlx::Error> {
    guarded!(
        "pace.lock_debounced",
        sqlx::query_scalar!(
            r#"
            insert into engine.debounced (tenant_id, key, run_id)
            values ($1, $2, $3)
            on conflict (tenant_id, key) do update set run_id = engine.debounced.run_id
            returning run_id as "run: RunId"
            "#,
            tenant.0,
            key,
            run.0,
        )
        .fetch_one(connection)
    )
}

/// Makes a run the newest of a locked key; the one before, if it has not begun, ends superseded.
pub(crate) async fn supersede(
    connection: &mut PgConnection,
    tenant: TenantId,
    key: Uuid,
    earlier: RunId,
    run: RunId,
) -> Result<(), sqlx::Error> {
    guarded!(
        "pace.supersede",
        sqlx::query!(
            r#"
            with superseded as (
                update engine.runs
                set refused = 'superseded'
                where tenant_id = $1 and id = $3 and started_at is null and owner is null
                returning id, version_id, priority
            ),
            untimed as (
                delete from engine.timers t using superseded s where t.tenant_id = $1 and t.run_id = s.id
            ),
            ending as (
                insert into engine.ready (tenant_id, run_id, version_id, priority)
                select $1, id, version_id, priority from superseded
                on conflict (tenant_id, run_id) do nothing
            )
            update engine.debounced set run_id = $4 where tenant_id = $1 and key = $2
            "#,
            tenant.0,
            key,
            earlier.0,
            run.0,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// How many runs of a tenant are ready; counts no further than `most`.
pub(crate) async fn ready(
    connection: &mut PgConnection,
    tenant: TenantId,
    most: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
        from (select from engine.ready where tenant_id = $1 limit $2) counted
        "#,
        tenant.0,
        most,
    )
    .fetch_one(connection)
    .await
}
