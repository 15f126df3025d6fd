//! Large values of runs that end.

use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

/// Moves the values of runs that ended in this very transaction to history.
pub(crate) async fn keep(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
    days: &[NaiveDate],
) -> Result<(), sqlx::Error> {
    guarded!(
        "payloads.keep",
        sqlx::query!(
            r#"
            with ended as (
                select w.tenant_id, w.run_id, w.ended_on, h.retention
                from unnest($1::uuid[], $2::uuid[], $3::date[]) as w (tenant_id, run_id, ended_on)
                join engine.run_history h
                    on h.tenant_id = w.tenant_id and h.id = w.run_id and h.ended_on = w.ended_on
            ),
            gone as (
                delete from engine.payloads p
                using ended e
                where p.tenant_id = e.tenant_id and p.run_id = e.run_id
                returning p.tenant_id, p.run_id, p.id, e.retention, e.ended_on, p.data
            )
            insert into engine.payload_history (tenant_id, run_id, id, retention, ended_on, data)
            select tenant_id, run_id, id, retention, ended_on, data from gone
            "#,
            tenants,
            runs,
            days,
        )
        .execute(connection)
    )?;
    Ok(())
}
