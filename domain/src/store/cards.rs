//! Payouts of the card processor, with the card payments they pay out.

use std::collections::HashMap;

use uuid::Uuid;

use super::column::{children, column};
use super::standing::Books;
use super::{StoreError, TenantTx};
use crate::ids::{ChargeId, CondominiumId, PayoutId, ReceivableId};
use crate::matching::{Charge, Payout};
use crate::money::Money;
use crate::world;

/// Payouts of a condominium, by day of arrival, with what the books say of them.
pub(super) async fn list(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    books: &Books,
) -> Result<Vec<Payout>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select id as "id: PayoutId", external_ref, arrives_on, gross as "gross: Money", fee as "fee: Money",
            net as "net: Money"
        from copro.card_payouts
        where condominium_id = $1
        order by arrives_on, external_ref
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read card payouts"))?;
    let ids: Vec<_> = rows.iter().map(|row| row.id.0).collect();
    let mut charges = charges(tx, &ids, books).await?;
    let payouts = rows.into_iter().map(|row| Payout {
        id: row.id,
        external_ref: row.external_ref,
        arrives_on: row.arrives_on,
        gross: row.gross,
        fee: row.fee,
        net: row.net,
        booked: books.payouts.contains(&row.id),
        charges: charges.remove(&row.id).unwrap_or_default(),
    });
    Ok(payouts.collect())
}

/// The receivable of a payment that the processor was not told is the one its entry settled.
async fn charges(
    tx: &mut TenantTx<'_>,
    payouts: &[Uuid],
    books: &Books,
) -> Result<HashMap<PayoutId, Vec<Charge>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select id as "id: ChargeId", payout_id as "payout_id: PayoutId", created_on, gross as "gross: Money",
            receivable_id as "receivable_id: ReceivableId", customer_email, coalesce(description, '') as "description!"
        from copro.card_charges
        where payout_id = any($1)
        order by created_on, external_ref
        "#,
        payouts,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read card payments"))?;
    let mut charges: HashMap<PayoutId, Vec<Charge>> = HashMap::new();
    for row in rows {
        let known = books.known.charges.get(&row.id);
        charges.entry(row.payout_id).or_default().push(Charge {
            id: row.id,
            created_on: row.created_on,
            gross: row.gross,
            receivable: row.receivable_id.or(known.copied().flatten()),
            customer_email: row.customer_email,
            description: row.description,
            posted: known.is_some(),
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
