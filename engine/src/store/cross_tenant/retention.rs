//! History: partitions made ahead, old ones dropped.

use chrono::NaiveDate;
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

/// Deletes messages that reached a run in the very moment it ended.
pub(crate) async fn sweep_inbox(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    guarded!(
        "retention.sweep_inbox",
        sqlx::query!(
            r#"
            delete from engine.inbox i
            where not exists (
                select from engine.runs r where r.tenant_id = i.tenant_id and r.id = i.run_id
            )
            "#
        )
        .execute(connection)
    )?;
    Ok(())
}
