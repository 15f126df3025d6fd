//! What runs are found by.

use sqlx::PgConnection;

use crate::ids::{RunId, TenantId};

/// Labels of a run, open or ended.
pub(crate) async fn of_run(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    ended: bool,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select name as "name!", value as "value!" from (
            select name, value from engine.labels where tenant_id = $1 and run_id = $2 and not $3
            union all
            select name, value from engine.label_history where tenant_id = $1 and run_id = $2 and $3
        ) found
        order by name
        "#,
        tenant.0,
        run.0,
        ended,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.value)).collect())
}
