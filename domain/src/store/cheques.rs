//! Cheques and the slips they are deposited with.

use std::collections::HashMap;

use uuid::Uuid;

use super::column::{children, column, place};
use super::standing::Books;
use super::{StoreError, TenantTx};
use crate::ids::{ChequeId, CondominiumId, OwnerId, ReceivableId, SlipId};
use crate::matching::{Cause, Cheque, Slip};
use crate::money::Money;
use crate::world;

/// Slips of a condominium, by day of deposit, with what the books say of them.
pub(super) async fn list(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    books: &Books,
) -> Result<Vec<Slip>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select id as "id: SlipId", number, deposited_on, total as "total: Money"
        from copro.cheque_slips
        where condominium_id = $1
        order by deposited_on, external_ref
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read deposit slips"))?;
    let ids: Vec<_> = rows.iter().map(|row| row.id.0).collect();
    let mut cheques = cheques(tx, &ids, books).await?;
    let slips = rows.into_iter().map(|row| Slip {
        id: row.id,
        number: row.number,
        deposited_on: row.deposited_on,
        total: row.total,
        booked: books.has(Cause::ChequeDeposit(row.id)),
        cheques: cheques.remove(&row.id).unwrap_or_default(),
    });
    Ok(slips.collect())
}

async fn cheques(
    tx: &mut TenantTx<'_>,
    slips: &[Uuid],
    books: &Books,
) -> Result<HashMap<SlipId, Vec<Cheque>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select id as "id: ChequeId", slip_id as "slip_id: SlipId", number, drawer, amount as "amount: Money",
            received_on, owner_id as "owner_id: OwnerId"
        from copro.cheques
        where slip_id = any($1)
        order by received_on, external_ref
        "#,
        slips,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read cheques"))?;
    let ids: Vec<_> = rows.iter().map(|row| row.id.0).collect();
    let mut parts = parts(tx, &ids).await?;
    let mut cheques: HashMap<SlipId, Vec<Cheque>> = HashMap::new();
    for row in rows {
        cheques.entry(row.slip_id).or_default().push(Cheque {
            id: row.id,
            number: row.number,
            drawer: row.drawer,
            amount: row.amount,
            received_on: row.received_on,
            owner: row.owner_id,
            allocations: parts.remove(&row.id).unwrap_or_default(),
            posted: books.known.cheques.contains(&row.id),
            returned: books.has(Cause::ChequeReject(row.id)),
        });
    }
    Ok(cheques)
}

/// What each cheque pays.
async fn parts(
    tx: &mut TenantTx<'_>,
    cheques: &[Uuid],
) -> Result<HashMap<ChequeId, Vec<(ReceivableId, Money)>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select cheque_id as "cheque_id: ChequeId", receivable_id as "receivable_id: ReceivableId",
            amount as "amount: Money"
        from copro.cheque_allocations
        where cheque_id = any($1)
        order by cheque_id, position
        "#,
        cheques,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read what cheques pay"))?;
    let mut parts: HashMap<ChequeId, Vec<(ReceivableId, Money)>> = HashMap::new();
    for row in rows {
        parts
            .entry(row.cheque_id)
            .or_default()
            .push((row.receivable_id, row.amount));
    }
    Ok(parts)
}

/// Adds the slips that are not there.
pub(super) async fn insert(tx: &mut TenantTx<'_>, rows: &[world::Slip]) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.cheque_slips (tenant_id, id, condominium_id, external_ref, number, deposited_on, total)
        select c.tenant_id, gen_random_uuid(), c.id, u.id, u.number, u.deposited_on, u.total
        from unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::numeric[])
            u (id, condominium, number, deposited_on, total)
        join copro.condominiums c on c.external_ref = u.condominium
        on conflict on constraint cheque_slips_external_ref_once do nothing
        "#,
        &column(rows, |r| r.id.as_str()) as &[&str],
        &column(rows, |r| r.condominium.as_str()) as &[&str],
        &column(rows, |r| r.number.as_str()) as &[&str],
        &column(rows, |r| r.deposited_on) as _,
        &column(rows, |r| r.total) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add deposit slips"))?;
    Ok(())
}

/// Adds the cheques that are not there.
pub(super) async fn insert_cheques(
    tx: &mut TenantTx<'_>,
    rows: &[world::Slip],
) -> Result<(), StoreError> {
    let rows = children(rows, |slip| &slip.cheques);
    sqlx::query!(
        r#"
        insert into copro.cheques (tenant_id, id, slip_id, external_ref, owner_id, number, drawer, drawer_bank, amount,
            received_on)
        select s.tenant_id, gen_random_uuid(), s.id, u.id, o.id, u.number, u.drawer, u.drawer_bank, u.amount,
            u.received_on
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[], $8::date[])
            u (slip, id, owner, number, drawer, drawer_bank, amount, received_on)
        join copro.cheque_slips s on s.external_ref = u.slip
        join copro.owners o on o.external_ref = u.owner
        on conflict on constraint cheques_external_ref_once do nothing
        "#,
        &column(&rows, |(slip, _, _)| slip.id.as_str()) as &[&str],
        &column(&rows, |(_, _, c)| c.id.as_str()) as &[&str],
        &column(&rows, |(_, _, c)| c.owner.as_str()) as &[&str],
        &column(&rows, |(_, _, c)| c.number.as_str()) as &[&str],
        &column(&rows, |(_, _, c)| c.drawer_name.as_str()) as &[&str],
        &column(&rows, |(_, _, c)| c.drawer_bank.as_deref()) as &[Option<&str>],
        &column(&rows, |(_, _, c)| c.amount) as _,
        &column(&rows, |(_, _, c)| c.received_on) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add cheques"))?;
    Ok(())
}

/// Adds what the cheques pay.
pub(super) async fn insert_parts(
    tx: &mut TenantTx<'_>,
    rows: &[world::Slip],
) -> Result<(), StoreError> {
    let cheques: Vec<&world::Cheque> = rows.iter().flat_map(|slip| &slip.cheques).collect();
    let rows = children(&cheques, |cheque| &cheque.allocations);
    sqlx::query!(
        r#"
        insert into copro.cheque_allocations (tenant_id, cheque_id, position, receivable_id, amount)
        select c.tenant_id, c.id, u.position, r.id, u.amount
        from unnest($1::text[], $2::integer[], $3::text[], $4::numeric[]) u (cheque, position, receivable, amount)
        join copro.cheques c on c.external_ref = u.cheque
        join copro.receivables r on r.external_ref = u.receivable
        on conflict on constraint cheque_allocations_pkey do nothing
        "#,
        &column(&rows, |(cheque, _, _)| cheque.id.as_str()) as &[&str],
        &column(&rows, |(_, position, _)| place(*position)),
        &column(&rows, |(_, _, part)| part.receivable.as_str()) as &[&str],
        &column(&rows, |(_, _, part)| part.amount) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add what cheques pay"))?;
    Ok(())
}
