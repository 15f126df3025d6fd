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
