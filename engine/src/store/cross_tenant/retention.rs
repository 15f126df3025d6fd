//! History: partitions made ahead, old ones dropped.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

/// Makes the partitions of the days to come and drops those past their class.
pub(crate) async fn keep_history(
    connection: &mut PgConnection,
    today: NaiveDate,
    days_ahead: i32,
) -> Result<(), sqlx::Error> {
    guarded!(
        "retention.keep_history",
        sqlx::query!(
            r#"select made, dropped from engine.keep_history($1, $2)"#,
            today,
            days_ahead
        )
        .fetch_one(connection)
    )?;
    Ok(())
}

/// Deletes keys of triggers past their time, and faults older than `before`.
pub(crate) async fn sweep_triggers(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    before: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    guarded!(
        "retention.sweep_triggers",
        sqlx::query!(
            r#"
            with keys as (
                delete from engine.dedup where kept_until <= $1
            )
            delete from engine.trigger_faults where happened_at < $2
            "#,
            now,
            before,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Forgets which run was the newest of a key once it is over.
pub(crate) async fn sweep_debounced(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    guarded!(
        "retention.sweep_debounced",
        sqlx::query!(
            r#"
            delete from engine.debounced d
            where not exists (
                select from engine.runs r where r.tenant_id = d.tenant_id and r.id = d.run_id
            )
            "#
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Forgets events that no open run can look back at: none has begun before them.
pub(crate) async fn sweep_events(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    guarded!(
        "retention.sweep_events",
        sqlx::query!(
            r#"
            with tenants as (
                select t.tenant_id, (
                    select r.created_at from engine.runs r
                    where r.tenant_id = t.tenant_id
                    order by r.id
                    limit 1
                ) as oldest
                from (select distinct tenant_id from engine.events) t
            )
            delete from engine.events e
            using tenants t
            where e.tenant_id = t.tenant_id and e.emitted_at < least($1, t.oldest)
            "#,
            before,
        )
        .execute(connection)
    )?;
    Ok(())
}
