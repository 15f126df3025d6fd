//! One row a worker; leases are by the database's clock.

use sqlx::PgConnection;

use crate::ids::WorkerId;

/// Renews a worker's lease; false when it had none: new, or taken for dead meanwhile.
pub(crate) async fn beat(
    connection: &mut PgConnection,
    worker: WorkerId,
    name: &str,
) -> Result<bool, sqlx::Error> {
    guarded!(
        "heartbeat.beat",
        sqlx::query_scalar!(
            r#"
            insert into engine.workers (id, name)
            values ($1, $2)
            on conflict (id) do update set beat_at = clock_timestamp()
            returning xmax <> 0 as "renewed!"
            "#,
            worker.0,
            name,
        )
        .fetch_one(connection)
    )
}

/// Removes the row of a worker that owns nothing any more.
pub(crate) async fn leave(
    connection: &mut PgConnection,
    worker: WorkerId,
) -> Result<(), sqlx::Error> {
    guarded!(
        "heartbeat.leave",
        sqlx::query!(r#"delete from engine.workers where id = $1"#, worker.0).execute(connection)
    )?;
    Ok(())
}
