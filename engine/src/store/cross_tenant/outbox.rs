//! Taking events out: whoever deletes an event dispatches it, in the same transaction.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::TenantId;

/// An event that this transaction dispatches.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub tenant: TenantId,
    pub id: Uuid,
    pub kind: String,
    pub name: String,
    pub key: Option<String>,
    pub emitted_at: DateTime<Utc>,
    pub data: Vec<u8>,
}

/// Deletes the oldest events that no other worker is dispatching, but those of `left`.
pub(crate) async fn take(
    connection: &mut PgConnection,
    limit: i64,
    left: &[Uuid],
) -> Result<Vec<Taken>, sqlx::Error> {
    let mut taken = guarded!(
        "outbox.take",
        sqlx::query!(
            r#"
            with next as (
                select tenant_id, id
                from engine.outbox
                where id <> all ($2::uuid[])
                order by position
                limit $1
                for update skip locked
            )
            delete from engine.outbox o
            using next n
            where o.tenant_id = n.tenant_id and o.id = n.id
            returning o.position, o.tenant_id as "tenant: TenantId", o.id, o.kind, o.name, o.key,
                o.emitted_at, o.data
            "#,
            limit,
            left,
        )
        .fetch_all(connection)
    )?;
    taken.sort_unstable_by_key(|row| row.position);
    Ok(taken
        .into_iter()
        .map(|row| Taken {
            tenant: row.tenant,
            id: row.id,
            kind: row.kind,
            name: row.name,
            key: row.key,
            emitted_at: row.emitted_at,
            data: row.data,
        })
        .collect())
}

/// Deletes one event, to set it aside; false when it is gone or another worker has it.
pub(crate) async fn remove(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: Uuid,
) -> Result<bool, sqlx::Error> {
    let gone = guarded!(
        "outbox.remove",
        sqlx::query!(
            r#"delete from engine.outbox where tenant_id = $1 and id = $2"#,
            tenant.0,
            id,
        )
        .execute(connection)
    )?;
    Ok(gone.rows_affected() > 0)
}
