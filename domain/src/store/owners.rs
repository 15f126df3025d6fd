//! Owner accounts with their persons and mandates, lots with their dated ownership.

use std::collections::HashMap;

use super::column::{children, column, place};
use super::standing::Books;
use super::{StoreError, TenantTx};
use crate::ids::{CondominiumId, LotId, OwnerId};
use crate::matching::{Lot, Mandate, Owner, OwnerKind, Ownership, Person, PersonRole};
use crate::world;

/// Owner accounts of a condominium, by account code, with what each has paid in advance.
pub(super) async fn list(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    books: &Books,
) -> Result<Vec<Owner>, StoreError> {
    let during = "read owner accounts";
    let rows = sqlx::query!(
        r#"
        select o.id as "id: OwnerId", o.account_code, o.kind as "kind: OwnerKind", o.display_name, o.email,
            m.reference as "reference?", m.signed_on as "signed_on?"
        from copro.owners o
        left join lateral (
            select reference, signed_on from copro.mandates m
            where m.tenant_id = o.tenant_id and m.owner_id = o.id
            order by signed_on desc nulls last, reference
            limit 1
        ) m on true
        where o.condominium_id = $1
        order by o.account_code
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during(during))?;
    let mut persons = persons(tx, condominium).await?;
    let owners = rows.into_iter().map(|row| Owner {
        id: row.id,
        account_code: row.account_code,
        kind: row.kind,
        display_name: row.display_name,
        email: row.email,
        persons: persons.remove(&row.id).unwrap_or_default(),
        mandate: row.reference.map(|reference| Mandate {
            reference,
            signed_on: row.signed_on,
        }),
        advance: books.advance(row.id),
    });
    Ok(owners.collect())
}

async fn persons(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<HashMap<OwnerId, Vec<Person>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select p.owner_id as "owner_id: OwnerId", p.role as "role: PersonRole", p.civility, p.last_name, p.first_name,
            p.birth_name, p.name
        from copro.owners o
        join copro.owner_persons p on p.tenant_id = o.tenant_id and p.owner_id = o.id
        where o.condominium_id = $1
        order by p.owner_id, p.position
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read the persons of owner accounts"))?;
    let mut persons: HashMap<OwnerId, Vec<Person>> = HashMap::new();
    for row in rows {
        persons.entry(row.owner_id).or_default().push(Person {
            role: row.role,
            civility: row.civility,
            last_name: row.last_name,
            first_name: row.first_name,
            birth_name: row.birth_name,
            name: row.name,
        });
    }
    Ok(persons)
}

/// Lots of a condominium with who owned them when.
pub(super) async fn list_lots(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<Lot>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select l.id as "id: LotId", l.number, w.owner_id as "owner_id?: OwnerId",
            w.starts_on as "starts_on?", w.ends_on as "ends_on?"
        from copro.lots l
        left join copro.ownerships w on w.tenant_id = l.tenant_id and w.lot_id = l.id
        where l.condominium_id = $1
        order by l.number, l.id, w.position
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read lots"))?;
    let mut lots: Vec<Lot> = Vec::new();
    for row in rows {
        if lots.last().is_none_or(|last| last.id != row.id) {
            lots.push(Lot {
                id: row.id,
                number: row.number,
                ownership: Vec::new(),
            });
        }
        if let (Some(lot), Some(owner)) = (lots.last_mut(), row.owner_id) {
            lot.ownership.push(Ownership {
                owner,
                from: row.starts_on,
                to: row.ends_on,
            });
        }
    }
    Ok(lots)
}

/// Adds the owner accounts that are not there.
pub(super) async fn insert(tx: &mut TenantTx<'_>, rows: &[world::Owner]) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.owners (tenant_id, id, condominium_id, external_ref, account_code, kind, display_name, email)
        select c.tenant_id, gen_random_uuid(), c.id, u.id, u.account_code, u.kind, u.display_name, u.email
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
            u (id, condominium, account_code, kind, display_name, email)
        join copro.condominiums c on c.external_ref = u.condominium
        on conflict on constraint owners_external_ref_once do nothing
        "#,
        &column(rows, |r| r.id.as_str()) as &[&str],
        &column(rows, |r| r.condominium.as_str()) as &[&str],
        &column(rows, |r| r.account_code.as_str()) as &[&str],
        &column(rows, |r| r.kind) as _,
        &column(rows, |r| r.display_name.as_str()) as &[&str],
        &column(rows, |r| r.email.as_deref()) as &[Option<&str>],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add owner accounts"))?;
    Ok(())
}

/// A person known by one whole name.
fn named(role: PersonRole, name: &str) -> Person {
    Person {
        role,
        civility: None,
        last_name: None,
        first_name: None,
        birth_name: None,
        name: name.to_owned(),
    }
}

fn whole(last: Option<&str>, first: Option<&str>) -> String {
    [last, first]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Everyone who stands behind an account of the world.
fn persons_of(owner: &world::Owner) -> Vec<Person> {
    let mut persons = Vec::new();
    if let Some(last) = &owner.last_name {
        persons.push(Person {
            role: PersonRole::Holder,
            civility: owner.civility.clone(),
            last_name: Some(last.clone()),
            first_name: owner.first_name.clone(),
            birth_name: None,
            name: whole(Some(last), owner.first_name.as_deref()),
        });
    }
    if let Some(spouse) = &owner.spouse {
        let last = spouse.last_name.as_ref().or(owner.last_name.as_ref());
        persons.push(Person {
            role: PersonRole::Spouse,
            civility: None,
            last_name: spouse.last_name.clone(),
            first_name: spouse.first_name.clone(),
            birth_name: spouse.birth_name.clone(),
            name: whole(last.map(String::as_str), spouse.first_name.as_deref()),
        });
    }
    persons.extend(
        owner
            .company_name
            .iter()
            .map(|name| named(PersonRole::Company, name)),
    );
    persons.extend(
        owner
            .legal_representative
            .iter()
            .map(|name| named(PersonRole::Representative, name)),
    );
    persons.extend(
        owner
            .co_holders
            .iter()
            .map(|name| named(PersonRole::CoHolder, name)),
    );
    persons.extend(
        owner
            .known_tenants
            .iter()
            .map(|name| named(PersonRole::Tenant, name)),
    );
    persons
}

/// Adds the persons of the accounts.
pub(super) async fn insert_persons(
    tx: &mut TenantTx<'_>,
    rows: &[world::Owner],
) -> Result<(), StoreError> {
    let persons: Vec<(&str, Vec<Person>)> = rows
        .iter()
        .map(|owner| (owner.id.as_str(), persons_of(owner)))
        .collect();
    let rows = children(&persons, |(_, persons)| persons);
    sqlx::query!(
        r#"
        insert into copro.owner_persons (tenant_id, owner_id, position, role, civility, last_name, first_name,
            birth_name, name)
        select o.tenant_id, o.id, u.position, u.role, u.civility, u.last_name, u.first_name, u.birth_name, u.name
        from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
            u (owner, position, role, civility, last_name, first_name, birth_name, name)
        join copro.owners o on o.external_ref = u.owner
        on conflict on constraint owner_persons_pkey do nothing
        "#,
        &column(&rows, |(owner, _, _)| owner.0) as &[&str],
        &column(&rows, |(_, position, _)| place(*position)),
        &column(&rows, |(_, _, p)| p.role) as _,
        &column(&rows, |(_, _, p)| p.civility.as_deref()) as &[Option<&str>],
        &column(&rows, |(_, _, p)| p.last_name.as_deref()) as &[Option<&str>],
        &column(&rows, |(_, _, p)| p.first_name.as_deref()) as &[Option<&str>],
        &column(&rows, |(_, _, p)| p.birth_name.as_deref()) as &[Option<&str>],
        &column(&rows, |(_, _, p)| p.name.as_str()) as &[&str],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add the persons of owner accounts"))?;
    Ok(())
}

/// Adds the direct debit mandates.
pub(super) async fn insert_mandates(
    tx: &mut TenantTx<'_>,
    rows: &[world::Owner],
) -> Result<(), StoreError> {
    let rows: Vec<(&str, &world::Mandate)> = rows
        .iter()
        .filter_map(|owner| Some((owner.id.as_str(), owner.mandate.as_ref()?)))
        .collect();
    sqlx::query!(
        r#"
        insert into copro.mandates (tenant_id, owner_id, reference, iban_last4, signed_on)
        select o.tenant_id, o.id, u.reference, u.iban_last4, u.signed_on
        from unnest($1::text[], $2::text[], $3::text[], $4::date[]) u (owner, reference, iban_last4, signed_on)
        join copro.owners o on o.external_ref = u.owner
        on conflict on constraint mandates_pkey do nothing
        "#,
        &column(&rows, |(owner, _)| *owner) as &[&str],
        &column(&rows, |(_, m)| m.reference.as_str()) as &[&str],
        &column(&rows, |(_, m)| m.iban_last4.as_deref()) as &[Option<&str>],
        &column(&rows, |(_, m)| m.signed_on) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add mandates"))?;
    Ok(())
}

/// Adds the lots that are not there; an annex may stand before its lot.
pub(super) async fn insert_lots(
    tx: &mut TenantTx<'_>,
    rows: &[world::Lot],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        with given as (
            select u.*, gen_random_uuid() as lot_id
            from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[])
                u (id, condominium, number, kind, floor, shares, annex_of)
        )
        insert into copro.lots (tenant_id, id, condominium_id, external_ref, number, kind, floor, shares, annex_of_id)
        select c.tenant_id, g.lot_id, c.id, g.id, g.number, g.kind, g.floor, g.shares,
            coalesce(known.id, main.lot_id)
        from given g
        join copro.condominiums c on c.external_ref = g.condominium
        left join copro.lots known on known.external_ref = g.annex_of
        left join given main on main.id = g.annex_of
        on conflict on constraint lots_external_ref_once do nothing
        "#,
        &column(rows, |r| r.id.as_str()) as &[&str],
        &column(rows, |r| r.condominium.as_str()) as &[&str],
        &column(rows, |r| r.number.as_str()) as &[&str],
        &column(rows, |r| r.kind.as_deref()) as &[Option<&str>],
        &column(rows, |r| r.floor) as &[Option<i64>],
        &column(rows, |r| r.shares) as &[Option<i64>],
        &column(rows, |r| r.annex_of.as_deref()) as &[Option<&str>],
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add lots"))?;
    Ok(())
}

/// Adds who owned which lot when.
pub(super) async fn insert_ownerships(
    tx: &mut TenantTx<'_>,
    rows: &[world::Lot],
) -> Result<(), StoreError> {
    let rows = children(rows, |lot| &lot.ownership);
    sqlx::query!(
        r#"
        insert into copro.ownerships (tenant_id, lot_id, position, owner_id, starts_on, ends_on)
        select l.tenant_id, l.id, u.position, o.id, u.starts_on, u.ends_on
        from unnest($1::text[], $2::integer[], $3::text[], $4::date[], $5::date[])
            u (lot, position, owner, starts_on, ends_on)
        join copro.lots l on l.external_ref = u.lot
        join copro.owners o on o.external_ref = u.owner
        on conflict on constraint ownerships_pkey do nothing
        "#,
        &column(&rows, |(lot, _, _)| lot.id.as_str()) as &[&str],
        &column(&rows, |(_, position, _)| place(*position)),
        &column(&rows, |(_, _, w)| w.owner.as_str()) as &[&str],
        &column(&rows, |(_, _, w)| w.from) as _,
        &column(&rows, |(_, _, w)| w.to) as _,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("add who owned which lot"))?;
    Ok(())
}
