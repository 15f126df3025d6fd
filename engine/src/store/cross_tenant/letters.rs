//! What a run's checkpoint leaves in the inbox of its parent and of its children.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{RunId, TenantId};

/// A message from one run to another of its tenant.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub to: RunId,
    pub kind: &'static str,
    pub sent_at: DateTime<Utc>,
    pub data: Vec<u8>,
}

/// Locks the rows of these runs, in the order in which every flush locks.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
) -> Result<(), sqlx::Error> {
    guarded!(
        "letters.lock",
        sqlx::query!(
            r#"
            select r.id
            from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, run_id)
            join engine.runs r on r.tenant_id = w.tenant_id and r.id = w.run_id
            order by r.tenant_id, r.id
            for no key update of r
            "#,
            tenants,
            runs,
        )
        .fetch_all(connection)
    )?;
    Ok(())
}

/// Leaves letters to open runs, and makes those ready that nobody owns; a run
/// that has ended gets none.
pub(crate) async fn send(
    connection: &mut PgConnection,
    letters: &[(TenantId, &Letter)],
) -> Result<(), sqlx::Error> {
    let (mut tenants, mut runs, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sent_at, mut data) = (Vec::new(), Vec::new());
    for (tenant, letter) in letters {
        tenants.push(tenant.0);
        runs.push(letter.to.0);
        kinds.push(letter.kind);
        sent_at.push(letter.sent_at);
        data.push(letter.data.as_slice());
    }
    if runs.is_empty() {
        return Ok(());
    }
    guarded!(
        "letters.send",
        sqlx::query!(
            r#"
            with letters as materialized (
                select *
                from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bytea[])
                    as l (tenant_id, run_id, kind, sent_at, data)
            ),
            told as (
                update engine.runs r
                set mail = true
                from (select distinct tenant_id, run_id from letters) l
                where r.tenant_id = l.tenant_id and r.id = l.run_id
                returning r.tenant_id, r.id, r.version_id, r.priority, r.owner
            ),
            messages as (
                insert into engine.inbox (tenant_id, run_id, kind, sent_at, data)
                select l.tenant_id, l.run_id, l.kind, l.sent_at, l.data
                from letters l
                join told t on t.tenant_id = l.tenant_id and t.id = l.run_id
            )
            insert into engine.ready (tenant_id, run_id, version_id, priority)
            select tenant_id, id, version_id, priority from told where owner is null
            on conflict (tenant_id, run_id) do nothing
            "#,
            &tenants,
            &runs,
            &kinds as _,
            &sent_at,
            &data as _,
        )
        .execute(connection)
    )?;
    Ok(())
}
