//! What a new run takes from the one that it runs again.

use sqlx::PgConnection;

use super::steps::{ItemColumns, ItemRow, StepColumns, StepRow};
use crate::ids::{RunId, TenantId};

/// Records outcomes of a run that was inserted in this very transaction: whoever
/// claims it recovers them.
pub(crate) async fn adopt(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    steps: &[StepRow],
    items: &[ItemRow],
) -> Result<(), sqlx::Error> {
    let (mut step_columns, mut item_columns) = (StepColumns::default(), ItemColumns::default());
    steps.iter().for_each(|row| step_columns.push(row));
    items.iter().for_each(|row| item_columns.push(row));
    guarded!(
        "rerun.adopt",
        sqlx::query!(
            r#"
            with mine as (
                update engine.runs set recorded = true
                where tenant_id = $1 and id = $2
                returning tenant_id, id
            ),
            chunked as (
                insert into engine.items (tenant_id, run_id, step, chunk, data)
                select m.tenant_id, m.id, i.step, i.chunk, i.data
                from mine m, unnest($9::text[], $10::integer[], $11::bytea[]) as i (step, chunk, data)
            )
            insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
            select m.tenant_id, m.id, s.step, s.attempt, s.status, s.started_at, s.ended_at, s.data
            from mine m, unnest(
                $3::text[], $4::integer[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::bytea[]
            ) as s (step, attempt, status, started_at, ended_at, data)
            "#,
            tenant.0,
            run.0,
            &step_columns.step as _,
            &step_columns.attempt,
            &step_columns.status as _,
            &step_columns.started_at,
            &step_columns.ended_at as _,
            &step_columns.data as _,
            &item_columns.step as _,
            &item_columns.chunk,
            &item_columns.data as _,
        )
        .execute(connection)
    )?;
    Ok(())
}
