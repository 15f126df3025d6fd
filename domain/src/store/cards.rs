//! Payouts of the card processor, with the card payments they pay out.

use std::collections::HashMap;

use super::column::{children, column};
use super::{StoreError, TenantTx};
use crate::ids::{ChargeId, CondominiumId, PayoutId, ReceivableId};
use crate::matching::{Charge, Payout};
use crate::money::Money;
use crate::world;

/// Payouts of a condominium, by day of arrival, with what the ledger holds of them.
pub(super) async fn list(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<Payout>, StoreError> {
    let mut charges = charges(tx, condominium).await?;
    let rows = sqlx::query!(
        r#"
        select p.id as "id: PayoutId", p.external_ref, p.arrives_on, p.gross as "gross: Money", p.fee as "fee: Money",
            p.net as "net: Money",
            exists (
                select from copro.matches m
                where m.tenant_id = p.tenant_id and m.payout_id = p.id and m.undone_at is null
            ) as "booked!"
        from copro.card_payouts p
        where p.condominium_id = $1
        order by p.arrives_on, p.external_ref
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read card payouts"))?;
    let payouts = rows.into_iter().map(|row| Payout {
        id: row.id,
        external_ref: row.external_ref,
        arrives_on: row.arrives_on,
        gross: row.gross,
        fee: row.fee,
        net: row.net,
        booked: row.booked,
        charges: charges.remove(&row.id).unwrap_or_default(),
    });
    Ok(payouts.collect())
}

/// The receivable of a payment that the processor was not told is the one its entry settled.
async fn charges(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<HashMap<PayoutId, Vec<Charge>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select c.id as "id: ChargeId", c.payout_id as "payout_id: PayoutId", c.created_on, c.gross as "gross: Money",
            coalesce(c.receivable_id, known.receivable_id) as "receivable_id: ReceivableId", c.customer_email,
            coalesce(c.description, '') as "description!", known.posted is not null as "posted!"
        from copro.card_payouts p
        join copro.card_charges c on c.tenant_id = p.tenant_id and c.payout_id = p.id
        left join lateral (
            select true as posted, l.receivable_id
            from copro.journal_entries e
            left join copro.entry_lines l
                on l.tenant_id = e.tenant_id and l.entry_id = e.id and l.receivable_id is not null
            where e.tenant_id = c.tenant_id and e.charge_id = c.id and e.reverses_id is null
            limit 1
        ) known on true
        where p.condominium_id = $1
        order by c.created_on, c.external_ref
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read card payments"))?;
    let mut charges: HashMap<PayoutId, Vec<Charge>> = HashMap::new();
    for row in rows {
        charges.entry(row.payout_id).or_default().push(Charge {
            id: row.id,
            created_on: row.created_on,
            gross: row.gross,
            receivable: row.receivable_id,
            customer_email: row.customer_email,
            description: row.description,
            posted: row.posted,
        });
    }
    Ok(charges)
}

/// Adds the payouts that are not there.
pub(super) async fn insert(
    tx: &mut TenantTx<'_>,
    rows: &[world::Payout],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.card_payouts (tenant_id, id, condominium_id, external_ref, arrives_on, gross, fee, net)
        select c.tenant_id, gen_random_uuid(), c.id, u.id, u.arrives_on, u.gross, u.fee, u.net
        from unnest($1::text[], $2::text[], $3::date[], $4::numeric[], $5::numeric[], $6::numeric[])
            u (id, condominium, arrives_on, gross, fee, net)
        join copro.condominiums c on c.external_ref = u.condominium
        on conflict on constraint card_payouts_external_ref_once do nothing
        "#,
        &column(rows, |r| r.id.as_str()) as &[&str],
        &column(rows, |r| r.condominium.as_str()) as &[&str],
        &column(rows, |r| r.arrives_on) as _,
        &column(rows, |r| r.gross) as _,
        &column(rows, |r| r.fee) as _,
        &column(rows, |r| r.net) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add card payouts"))?;
    Ok(())
}

/// Adds the card payments of the payouts.
pub(super) async fn insert_charges(
    tx: &mut TenantTx<'_>,
    rows: &[world::Payout],
) -> Result<(), StoreError> {
    let rows = children(rows, |payout| &payout.charges);
    sqlx::query!(
        r#"
        insert into copro.card_charges (tenant_id, id, payout_id, external_ref, created_on, gross, fee, receivable_id,
            customer_email, description)
        select p.tenant_id, gen_random_uuid(), p.id, u.id, u.created_on, u.gross, u.fee, r.id, u.customer_email,
            u.description
        from unnest($1::text[], $2::text[], $3::date[], $4::numeric[], $5::numeric[], $6::text[], $7::text[],
            $8::text[])
            u (payout, id, created_on, gross, fee, receivable, customer_email, description)
        join copro.card_payouts p on p.external_ref = u.payout
        left join copro.receivables r on r.external_ref = u.receivable
        on conflict on constraint card_charges_external_ref_once do nothing
        "#,
        &column(&rows, |(payout, _, _)| payout.id.as_str()) as &[&str],
        &column(&rows, |(_, _, c)| c.id.as_str()) as &[&str],
        &column(&rows, |(_, _, c)| c.created_on) as _,
        &column(&rows, |(_, _, c)| c.gross) as _,
        &column(&rows, |(_, _, c)| c.fee) as _,
        &column(&rows, |(_, _, c)| c.receivable.as_deref()) as &[Option<&str>],
        &column(&rows, |(_, _, c)| c.customer_email.as_deref()) as &[Option<&str>],
        &column(&rows, |(_, _, c)| c.description.as_deref()) as &[Option<&str>],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add card payments"))?;
    Ok(())
}
