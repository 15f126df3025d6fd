//! What triggers could not do, for people to see.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::TenantId;

/// A fault of a trigger, sealed.
#[derive(Clone, Debug)]
pub(crate) struct FaultRow {
    pub id: Uuid,
    pub workflow: String,
    pub trigger: String,
    pub happened_at: DateTime<Utc>,
    pub code: String,
    pub data: Vec<u8>,
}

/// Keeps a fault, and of its trigger the newest hundred.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    fault: &FaultRow,
) -> Result<(), sqlx::Error> {
    guarded!(
        "trigger_faults.insert",
        sqlx::query!(
            r#"
            with old as (
                delete from engine.trigger_faults
                where tenant_id = $1 and id in (
                    select id
                    from engine.trigger_faults
                    where tenant_id = $1 and workflow = $3 and trigger_name = $4
                    order by id desc
                    offset 99
                )
            )
            insert into engine.trigger_faults (tenant_id, id, workflow, trigger_name, happened_at, code, data)
            values ($1, $2, $3, $4, $5, $6, $7)
            "#,
            tenant.0,
            fault.id,
            fault.workflow,
            fault.trigger,
            fault.happened_at,
            fault.code,
            fault.data,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// The newest faults of a tenant.
pub(crate) async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    limit: i64,
) -> Result<Vec<FaultRow>, sqlx::Error> {
    sqlx::query_as!(
        FaultRow,
        r#"
        select id, workflow, trigger_name as trigger, happened_at, code, data
        from engine.trigger_faults
        where tenant_id = $1
        order by id desc
        limit $2
        "#,
        tenant.0,
        limit,
    )
    .fetch_all(connection)
    .await
}
