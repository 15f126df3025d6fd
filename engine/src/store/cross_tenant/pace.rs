//! `rate_limit` of starts: claimed runs that have to wait for their time.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A run that has yet to be given its time.
#[derive(Debug)]
pub(crate) struct Paced {
    pub tenant: Uuid,
    pub run: Uuid,
    pub key: Uuid,
    pub most: i32,
    pub per_us: i64,
}

/// Of these runs, those to be given their time now: once, they are paced no more.
pub(crate) async fn take(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
) -> Result<Vec<Paced>, sqlx::Error> {
    guarded!(
        "pace.take",
        sqlx::query_as!(
            Paced,
            r#"
            delete from engine.paced p
            using unnest($1::uuid[], $2::uuid[]) as w (tenant_id, run_id)
            where p.tenant_id = w.tenant_id and p.run_id = w.run_id
            returning p.tenant_id as tenant, p.run_id as run, p.key, p.most, p.per_us
            "#,
            tenants,
            runs,
        )
        .fetch_all(connection)
    )
}

/// Lets claimed runs go until their time has come.
pub(crate) async fn postpone(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
    due_at: &[DateTime<Utc>],
) -> Result<(), sqlx::Error> {
    guarded!(
        "pace.postpone",
        sqlx::query!(
            r#"
            with postponed as (
                select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as p (tenant_id, run_id, due_at)
            ),
            let_go as (
                update engine.runs r
                set owner = null, status = 'waiting', started_at = null
                from postponed p
                where r.tenant_id = p.tenant_id and r.id = p.run_id
            )
            insert into engine.timers (tenant_id, run_id, due_at)
            select tenant_id, run_id, due_at from postponed
            on conflict (tenant_id, run_id) do update set due_at = excluded.due_at
            "#,
            tenants,
            runs,
            due_at,
        )
        .execute(connection)
    )?;
    Ok(())
}
