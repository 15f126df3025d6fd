//! Values too large for the record they belong to, each apart.

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{RunId, TenantId};

/// A large value, sealed.
#[derive(Clone, Debug)]
pub(crate) struct PayloadRow {
    pub id: Uuid,
    /// The attempt that it belongs to; without number one of many of a loop.
    pub step: String,
    pub attempt: Option<i32>,
    pub data: Vec<u8>,
}

/// Stores a value of an open run, in the transaction that records its attempt.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    row: &PayloadRow,
) -> Result<(), sqlx::Error> {
    guarded!(
        "payloads.insert",
        sqlx::query!(
            r#"
            insert into engine.payloads (tenant_id, run_id, id, data)
            values ($1, $2, $3, $4)
            on conflict (tenant_id, run_id, id) do nothing
            "#,
            tenant.0,
            run.0,
            row.id,
            &row.data,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// The sealed bytes of a value: of an open run, or of one that ended on `ended_on`.
pub(crate) async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    id: Uuid,
    ended_on: Option<NaiveDate>,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select data as "data!"
        from engine.payloads
        where tenant_id = $1 and run_id = $2 and id = $3 and $4::date is null
        union all
        select data
        from engine.payload_history
        where tenant_id = $1 and run_id = $2 and id = $3 and ended_on = $4
        "#,
        tenant.0,
        run.0,
        id,
        ended_on,
    )
    .fetch_optional(connection)
    .await
}

/// Gives a run that was inserted in this very transaction values of the one
/// that it runs again; how many there still were.
pub(crate) async fn adopt(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    origin: (RunId, NaiveDate),
    ids: &[Uuid],
) -> Result<u64, sqlx::Error> {
    let adopted = guarded!(
        "payloads.adopt",
        sqlx::query!(
            r#"
            insert into engine.payloads (tenant_id, run_id, id, data)
            select tenant_id, $2, id, data
            from engine.payload_history
            where tenant_id = $1 and run_id = $3 and ended_on = $4 and id = any ($5::uuid[])
            "#,
            tenant.0,
            run.0,
            origin.0.0,
            origin.1,
            ids,
        )
        .execute(connection)
    )?;
    Ok(adopted.rows_affected())
}
