//! Events: left here in the transaction that they belong to.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::TenantId;

/// An event on its way out.
#[derive(Debug)]
pub(crate) struct NewEvent<'a> {
    pub tenant: TenantId,
    pub id: Uuid,
    pub name: &'a str,
    pub key: Option<&'a str>,
    pub emitted_at: DateTime<Utc>,
    pub data: &'a [u8],
}

/// Leaves an event; it leaves with the commit, or not at all.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    event: NewEvent<'_>,
) -> Result<(), sqlx::Error> {
    guarded!(
        "outbox.insert",
        sqlx::query!(
            r#"
            insert into engine.outbox (tenant_id, id, kind, name, key, emitted_at, data)
            values ($1, $2, 'event', $3, $4, $5, $6)
            "#,
            event.tenant.0,
            event.id,
            event.name,
            event.key,
            event.emitted_at,
            event.data,
        )
        .execute(connection)
    )?;
    Ok(())
}
