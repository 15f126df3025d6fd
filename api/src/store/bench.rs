//! What our own measures keep in the database: files of `examples/bench/`.

use nodes::tx::Tx;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::failure::Failure;

/// Does what a file says, as the superuser of a server that is thrown away.
///
/// # Errors
/// When the server does not answer, or the file is not what it takes.
pub async fn prepare_bench(admin_url: &str, script: &str) -> Result<(), Failure> {
    let failed = |error: sqlx::Error| Failure::new("database").caused_by(error);
    let options: PgConnectOptions = admin_url.parse().map_err(failed)?;
    let mut connection = options.connect().await.map_err(failed)?;
    connection
        .execute(AssertSqlSafe(script.to_owned()))
        .await
        .map_err(failed)?;
    Ok(())
}

/// Writes one row of the tenant of the transaction.
///
/// # Errors
/// What the database answers.
pub async fn write_row(tx: &mut Tx<'_>, tenant: Uuid, id: Uuid, n: i64) -> Result<(), sqlx::Error> {
    sqlx::query("insert into bench.rows (tenant_id, id, n) values ($1, $2, $3)")
        .bind(tenant)
        .bind(id)
        .bind(n)
        .execute(tx.connection())
        .await?;
    Ok(())
}
