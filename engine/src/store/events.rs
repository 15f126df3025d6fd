//! Events that were dispatched, and the runs of their tenant that wait for them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::TenantId;

/// An event that this transaction dispatches.
#[derive(Debug)]
pub(crate) struct Dispatched<'a> {
    pub id: Uuid,
    pub name: &'a str,
    /// A digest.
    pub key: Option<String>,
    pub emitted_at: DateTime<Utc>,
    pub data: &'a [u8],
}

/// Locks the runs that wait for one of these topics, in the order in which
/// every flush locks, before the names: a flush that begins to wait holds its
/// runs already.
pub(crate) async fn lock_waiting(
    connection: &mut PgConnection,
    tenant: TenantId,
    topics: &[String],
) -> Result<(), sqlx::Error> {
    guarded!(
        "events.lock_waiting",
        sqlx::query!(
            r#"
            select r.id
            from engine.runs r
            where r.tenant_id = $1 and r.id in (
                select w.run_id from engine.waits w
                where w.tenant_id = $1 and w.kind = 'event' and w.topic = any ($2)
            )
            order by r.id
            for no key update of r
            "#,
            tenant.0,
            topics,
        )
        .fetch_all(connection)
    )?;
    Ok(())
}

/// Holds the locks of these names until the commit: nobody begins to wait for
/// one of them meanwhile.
pub(crate) async fn lock_names(
    connection: &mut PgConnection,
    tenant: TenantId,
    names: &[&str],
) -> Result<(), sqlx::Error> {
    guarded!(
        "events.lock_names",
        sqlx::query!(
            r#"
            select pg_advisory_xact_lock(hashtextextended($1::uuid::text || name, 0)) as locked
            from (select distinct name from unnest($2::text[]) as n (name) order by name) as names
            "#,
            tenant.0,
            names as _,
        )
        .fetch_all(connection)
    )?;
    Ok(())
}

/// Keeps events for whoever begins to wait later, in this order.
pub(crate) async fn keep(
    connection: &mut PgConnection,
    tenant: TenantId,
    events: &[Dispatched<'_>],
) -> Result<(), sqlx::Error> {
    let (mut ids, mut names, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let (mut emitted_at, mut data) = (Vec::new(), Vec::new());
    for event in events {
        ids.push(event.id);
        names.push(event.name);
        keys.push(event.key.as_deref());
        emitted_at.push(event.emitted_at);
        data.push(event.data);
    }
    guarded!(
        "events.keep",
        sqlx::query!(
            r#"
            insert into engine.events (tenant_id, id, name, key, emitted_at, data)
            select $1, id, name, key, emitted_at, data
            from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[])
                with ordinality as e (id, name, key, emitted_at, data, nth)
            order by nth
            "#,
            tenant.0,
            &ids,
            &names as _,
            &keys as _,
            &emitted_at,
            &data as _,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Leaves kept events to the runs that wait for them, and makes those ready
/// that nobody owns; gives how many runs were told. See [`super::inbox::insert`].
pub(crate) async fn tell(
    connection: &mut PgConnection,
    tenant: TenantId,
    events: &[Dispatched<'_>],
    now: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    guarded!(
        "events.tell",
        sqlx::query_scalar!(
            r#"
            with heard as materialized (
                select distinct w.run_id, e.position, uuid_send(e.id) || int8send(e.position) || e.data as data
                from engine.events e
                join engine.waits w on w.tenant_id = e.tenant_id and w.kind = 'event'
                    and w.topic = any (array[e.name, e.name || ':' || e.key])
                where e.tenant_id = $1 and e.id = any ($2)
            ),
            told as (
                update engine.runs r
                set mail = true
                from (select distinct run_id from heard) h
                where r.tenant_id = $1 and r.id = h.run_id
                returning r.tenant_id, r.id, r.version_id, r.priority, r.owner
            ),
            messages as (
                insert into engine.inbox (tenant_id, run_id, kind, sent_at, data)
                select $1, h.run_id, 'event', $3, h.data
                from heard h
                join told t on t.id = h.run_id
                order by h.position
            ),
            woken as (
                insert into engine.ready (tenant_id, run_id, version_id, priority)
                select tenant_id, id, version_id, priority from told where owner is null
                on conflict (tenant_id, run_id) do nothing
            )
            select count(*) as "count!" from told
            "#,
            tenant.0,
            &ids,
            now,
        )
        .fetch_one(connection)
    )
}
