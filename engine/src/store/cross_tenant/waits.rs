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
        .execute(connection)
    )?;
    Ok(())
}
