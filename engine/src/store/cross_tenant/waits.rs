//! What runs wait for: written with the checkpoint that records it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{RunId, TenantId};

/// A wait that something from outside may end.
#[derive(Clone, Debug)]
pub(crate) struct WaitRow {
    pub attempt: i32,
    pub kind: &'static str,
    pub topic: Option<String>,
    pub since: DateTime<Utc>,
    pub data: Vec<u8>,
}

/// Waits of a run by place; none where a wait is over.
pub(crate) type Waits = BTreeMap<String, Option<WaitRow>>;

#[derive(Default)]
struct Columns<'a> {
    tenants: Vec<Uuid>,
    runs: Vec<Uuid>,
    places: Vec<&'a str>,
    attempts: Vec<i32>,
    kinds: Vec<Option<&'a str>>,
    topics: Vec<Option<&'a str>>,
    since: Vec<Option<DateTime<Utc>>>,
    data: Vec<Option<&'a [u8]>>,
}

/// Writes and deletes waits of runs whose rows this transaction has locked.
///
/// What people have said stays with a wait that changes, not with its next attempt.
pub(crate) async fn write(
    connection: &mut PgConnection,
    waits: impl Iterator<Item = (TenantId, RunId, &Waits)>,
) -> Result<(), sqlx::Error> {
    let mut columns = Columns::default();
    for (tenant, run, waits) in waits {
        for (place, row) in waits {
            columns.tenants.push(tenant.0);
            columns.runs.push(run.0);
            columns.places.push(place);
            let row = row.as_ref();
            columns.attempts.push(row.map_or(0, |row| row.attempt));
            columns.kinds.push(row.map(|row| row.kind));
            columns
                .topics
                .push(row.and_then(|row| row.topic.as_deref()));
            columns.since.push(row.map(|row| row.since));
            columns.data.push(row.map(|row| row.data.as_slice()));
        }
    }
    if columns.places.is_empty() {
        return Ok(());
    }
    guarded!(
        "waits.write",
        sqlx::query!(
            r#"
            with changed as materialized (
                select *
                from unnest(
                    $1::uuid[], $2::uuid[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[],
                    $8::bytea[]
                ) as w (tenant_id, run_id, place, attempt, kind, topic, since, data)
            ),
            over as (
                delete from engine.waits w
                using changed c
                where c.kind is null and w.tenant_id = c.tenant_id and w.run_id = c.run_id and w.place = c.place
            )
            insert into engine.waits (tenant_id, run_id, place, attempt, kind, topic, since, data)
            select tenant_id, run_id, place, attempt, kind, topic, since, data
            from changed
            where kind is not null
            on conflict (tenant_id, run_id, place) do update
            set attempt = excluded.attempt, kind = excluded.kind, topic = excluded.topic, since = excluded.since,
                data = excluded.data,
                heard = case when waits.attempt = excluded.attempt then waits.heard end
            "#,
            &columns.tenants,
            &columns.runs,
            &columns.places as _,
            &columns.attempts,
            &columns.kinds as _,
            &columns.topics as _,
            &columns.since as _,
            &columns.data as _,
        )
        .execute(&mut *connection)
    )?;
    columns.keep_events();
    if columns.places.is_empty() {
        return Ok(());
    }
    share_names(connection, &columns).await?;
    look_back(connection, &columns).await
}

impl Columns<'_> {
    /// Drops all rows but waits for events.
    fn keep_events(&mut self) {
        let all = std::mem::take(self);
        for (nth, kind) in all.kinds.iter().enumerate() {
            if *kind == Some("event") {
                self.tenants.push(all.tenants[nth]);
                self.runs.push(all.runs[nth]);
                self.places.push(all.places[nth]);
                self.topics.push(all.topics[nth]);
                self.since.push(all.since[nth]);
            }
        }
    }
}

/// Shares the locks of the names that are waited for, until the commit: none of
/// their events is dispatched meanwhile. See `engine.events`.
async fn share_names(
    connection: &mut PgConnection,
    columns: &Columns<'_>,
) -> Result<(), sqlx::Error> {
    guarded!(
        "waits.share_names",
        sqlx::query!(
            r#"
            select pg_advisory_xact_lock_shared(hashtextextended(tenant_id::text || name, 0)) as locked
            from (
                select distinct tenant_id, split_part(topic, ':', 1) as name
                from unnest($1::uuid[], $2::text[]) as w (tenant_id, topic)
                order by tenant_id, name
            ) as names
            "#,
            &columns.tenants,
            &columns.topics as _,
        )
        .fetch_all(connection)
    )?;
    Ok(())
}

/// Leaves what has happened since their start to runs that wait for it from now on.
async fn look_back(
    connection: &mut PgConnection,
    columns: &Columns<'_>,
) -> Result<(), sqlx::Error> {
    guarded!(
        "waits.look_back",
        sqlx::query!(
            r#"
            with waits as materialized (
                select w.tenant_id, w.run_id, w.since, split_part(w.topic, ':', 1) as name,
                    nullif(split_part(w.topic, ':', 2), '') as key
                from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
                    as w (tenant_id, run_id, topic, since)
            ),
            heard as materialized (
                select w.tenant_id, w.run_id, e.position, max(w.since) as since,
                    uuid_send(e.id) || int8send(e.position) || e.data as data
                from waits w
                join engine.runs r on r.tenant_id = w.tenant_id and r.id = w.run_id
                join engine.events e on e.tenant_id = w.tenant_id and e.name = w.name
                    and (w.key is null or e.key = w.key) and e.emitted_at > r.created_at
                group by w.tenant_id, w.run_id, e.tenant_id, e.id
            ),
            told as (
                update engine.runs r
                set mail = true
                from (select distinct tenant_id, run_id from heard) h
                where r.tenant_id = h.tenant_id and r.id = h.run_id
                returning r.tenant_id, r.id, r.version_id, r.priority, r.owner
            ),
            messages as (
                insert into engine.inbox (tenant_id, run_id, kind, sent_at, data)
                select tenant_id, run_id, 'event', since, data
                from heard
                order by position
            )
            insert into engine.ready (tenant_id, run_id, version_id, priority)
            select tenant_id, id, version_id, priority from told where owner is null
            on conflict (tenant_id, run_id) do nothing
            "#,
            &columns.tenants,
            &columns.runs,
            &columns.topics as _,
            &columns.since as _,
        )
        .execute(connection)
    )?;
    Ok(())
}
