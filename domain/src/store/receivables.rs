//! What owners owe.

use super::column::{children, column};
use super::{StoreError, TenantTx};
use crate::ids::{CondominiumId, LotId, OwnerId, ReceivableId};
use crate::matching::{Receivable, ReceivableKind};
use crate::money::Money;
use crate::world;

/// Receivables of a condominium, open or settled, oldest due date first.
pub(super) async fn list(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<Receivable>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select r.id as "id: ReceivableId", r.external_ref, r.owner_id as "owner_id: OwnerId",
            r.kind as "kind: ReceivableKind", r.period, r.label, r.issued_on, r.due_on,
            r.amount as "amount: Money", r.open_amount as "open_amount: Money", r.payment_reference,
            array(
                select l.lot_id from copro.receivable_lots l
                where l.tenant_id = r.tenant_id and l.receivable_id = r.id
                order by l.lot_id
            ) as "lots!: Vec<LotId>"
        from copro.receivables r
        where r.condominium_id = $1
        order by r.due_on, r.external_ref
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read receivables"))?;
    let receivables = rows.into_iter().map(|row| Receivable {
        id: row.id,
        external_ref: row.external_ref,
        owner: row.owner_id,
        lots: row.lots,
        kind: row.kind,
        period: row.period,
        label: row.label,
        issued_on: row.issued_on,
        due_on: row.due_on,
        amount: row.amount,
        open: row.open_amount,
        payment_reference: row.payment_reference,
    });
    Ok(receivables.collect())
}

/// Adds the receivables that are not there, wholly open.
pub(super) async fn insert(
    tx: &mut TenantTx<'_>,
    rows: &[world::Receivable],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.receivables (tenant_id, id, condominium_id, owner_id, external_ref, kind, period, label,
            issued_on, due_on, amount, open_amount, payment_reference)
        select o.tenant_id, gen_random_uuid(), o.condominium_id, o.id, u.id, u.kind, u.period, u.label,
            u.issued_on, u.due_on, u.amount, u.amount, u.payment_reference
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::date[],
            $8::numeric[], $9::text[])
            u (id, owner, kind, period, label, issued_on, due_on, amount, payment_reference)
        join copro.owners o on o.external_ref = u.owner
        on conflict on constraint receivables_external_ref_once do nothing
        "#,
        &column(rows, |r| r.id.as_str()) as &[&str],
        &column(rows, |r| r.owner.as_str()) as &[&str],
        &column(rows, |r| r.kind) as _,
        &column(rows, |r| r.period.as_str()) as &[&str],
        &column(rows, |r| r.label.as_str()) as &[&str],
        &column(rows, |r| r.issued_on) as _,
        &column(rows, |r| r.due_on) as _,
        &column(rows, |r| r.amount) as _,
        &column(rows, |r| r.payment_reference.as_str()) as &[&str],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add receivables"))?;
    Ok(())
}

/// Adds which lots a receivable is called for.
pub(super) async fn insert_lots(
    tx: &mut TenantTx<'_>,
    rows: &[world::Receivable],
) -> Result<(), StoreError> {
    let rows = children(rows, |receivable| &receivable.lots);
    sqlx::query!(
        r#"
        insert into copro.receivable_lots (tenant_id, receivable_id, lot_id)
        select r.tenant_id, r.id, l.id
        from unnest($1::text[], $2::text[]) u (receivable, lot)
        join copro.receivables r on r.external_ref = u.receivable
        join copro.lots l on l.external_ref = u.lot
        on conflict on constraint receivable_lots_pkey do nothing
        "#,
        &column(&rows, |(receivable, _, _)| receivable.id.as_str()) as &[&str],
        &column(&rows, |(_, _, lot)| lot.as_str()) as &[&str],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add the lots of receivables"))?;
    Ok(())
}
