//! Condominiums, lots, owners, receivables and invoices, to read.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use domain::ids::CondominiumId;
use domain::store::condominiums;
use domain::store::reviews::{self, ItemLine, Items};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Listed, Page, page_size};
use crate::auth::Caller;
use crate::error::{Answer, Refused};
use crate::extract::{Path, Query};
use crate::router::Doors;

/// A condominium.
#[derive(Serialize, ToSchema)]
pub struct CondominiumLine {
    /// Its id.
    id: Uuid,
    /// Its usual name.
    name: String,
    /// Whether sure transactions are posted without a person.
    automatic_posting: bool,
}

/// Lists condominiums by name.
#[utoipa::path(get, path = "/api/v1/condominiums", tag = "portfolio",
    responses((status = 200, description = "All of them", body = Listed<CondominiumLine>), Refused))]
pub async fn list_condominiums(
    State(doors): State<Doors>,
    caller: Caller,
) -> Answer<Json<Listed<CondominiumLine>>> {
    let mut transaction = doors.engine.begin(caller.tenant()).await?;
    let mut tx = transaction.tx();
    let found = condominiums::list(&mut nodes::tx::tenant(&mut tx)).await?;
    let items = found.into_iter().map(|it| CondominiumLine {
        id: it.id.0,
        name: it.name,
        automatic_posting: it.automatic_posting,
    });
    Ok(Json(Listed {
        items: items.collect(),
    }))
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageAsked {
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many; 50 when not said.
    limit: Option<u32>,
}

/// A lot.
#[derive(Serialize, ToSchema)]
pub struct Lot {
    /// Its id.
    id: Uuid,
    /// Its number.
    number: String,
    /// What it is.
    kind: Option<String>,
    /// Its shares (tantièmes).
    shares: Option<i64>,
    /// Who owns it now.
    owner_id: Option<Uuid>,
}

/// Lists the lots of a condominium by number.
#[utoipa::path(get, path = "/api/v1/condominiums/{id}/lots", tag = "portfolio",
    params(("id" = Uuid, Path, description = "The condominium"), PageAsked),
    responses((status = 200, description = "A page", body = Page<Lot>), Refused))]
pub async fn list_lots(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(asked): Query<PageAsked>,
) -> Answer<Json<Page<Lot>>> {
    let (after, limit) = (asked.after.unwrap_or_default(), page_size(asked.limit));
    let mut transaction = doors.engine.begin(caller.tenant()).await?;
    let mut tx = transaction.tx();
    let mut tx = nodes::tx::tenant(&mut tx);
    let found = reviews::lots(&mut tx, CondominiumId(id), &after, i64::from(limit)).await?;
    let lots = found.into_iter().map(|lot| Lot {
        id: lot.id,
        number: lot.number,
        kind: lot.kind,
        shares: lot.shares,
        owner_id: lot.owner_id.map(|owner| owner.0),
    });
    Ok(Json(Page::of(lots.collect(), limit, |lot| {
        lot.number.clone()
    })))
}

/// An owner's account.
#[derive(Serialize, ToSchema)]
pub struct Owner {
    /// Its id.
    id: Uuid,
    /// Its code in the accounts.
    account_code: String,
    /// What kind of owner.
    kind: String,
    /// As letters address them.
    name: String,
    /// What is open of their receivables.
    #[schema(format = "decimal", example = "84.45")]
    open_amount: String,
}

/// Lists the owners of a condominium by account code.
#[utoipa::path(get, path = "/api/v1/condominiums/{id}/owners", tag = "portfolio",
    params(("id" = Uuid, Path, description = "The condominium"), PageAsked),
    responses((status = 200, description = "A page", body = Page<Owner>), Refused))]
pub async fn list_owners(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(asked): Query<PageAsked>,
) -> Answer<Json<Page<Owner>>> {
    let (after, limit) = (asked.after.unwrap_or_default(), page_size(asked.limit));
    let mut transaction = doors.engine.begin(caller.tenant()).await?;
    let mut tx = transaction.tx();
    let mut tx = nodes::tx::tenant(&mut tx);
    let found = reviews::owners(&mut tx, CondominiumId(id), &after, i64::from(limit)).await?;
    let owners = found.into_iter().map(|owner| Owner {
        id: owner.id.0,
        account_code: owner.account_code,
        kind: owner.kind,
        name: owner.display_name,
        open_amount: owner.open_amount.to_string(),
    });
    let code = |owner: &Owner| owner.account_code.clone();
    Ok(Json(Page::of(owners.collect(), limit, code)))
}

/// Which receivables or invoices.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ItemsAsked {
    /// Only those of this owner or supplier.
    party: Option<Uuid>,
    /// Only those that something is open of.
    #[serde(default)]
    open: bool,
    /// `next` of the page before.
    after: Option<Uuid>,
    /// At most so many; 50 when not said.
    limit: Option<u32>,
}

impl ItemsAsked {
    fn of(&self, condominium: Uuid) -> Items {
        Items {
            condominium: CondominiumId(condominium),
            party: self.party,
            open: self.open,
            after: self.after,
            limit: i64::from(page_size(self.limit)),
        }
    }
}

/// What an owner owes, or a supplier is owed.
#[derive(Serialize, ToSchema)]
pub struct Item {
    /// Its id.
    id: Uuid,
    /// The owner or the supplier.
    party_id: Uuid,
    /// Their name.
    party: String,
    /// What kind of receivable or document.
    kind: String,
    /// Its label or its number.
    label: String,
    /// When it was issued.
    issued_on: NaiveDate,
    /// When it is due.
    due_on: NaiveDate,
    /// For how much.
    #[schema(format = "decimal", example = "84.45")]
    amount: String,
    /// What is open of it.
    #[schema(format = "decimal", example = "84.45")]
    open_amount: String,
}

fn page(found: Vec<ItemLine>, limit: Option<u32>) -> Json<Page<Item>> {
    let items = found.into_iter().map(|item| Item {
        id: item.id,
        party_id: item.party_id,
        party: item.party,
        kind: item.kind,
        label: item.label,
        issued_on: item.issued_on,
        due_on: item.due_on,
        amount: item.amount.to_string(),
        open_amount: item.open_amount.to_string(),
    });
    Json(Page::of(items.collect(), page_size(limit), |item| {
        item.id.to_string()
    }))
}

/// Lists what the owners of a condominium owe.
#[utoipa::path(get, path = "/api/v1/condominiums/{id}/receivables", tag = "portfolio",
    params(("id" = Uuid, Path, description = "The condominium"), ItemsAsked),
    responses((status = 200, description = "A page", body = Page<Item>), Refused))]
pub async fn list_receivables(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(asked): Query<ItemsAsked>,
) -> Answer<Json<Page<Item>>> {
    let mut transaction = doors.engine.begin(caller.tenant()).await?;
    let mut tx = transaction.tx();
    let found = reviews::receivables(&mut nodes::tx::tenant(&mut tx), &asked.of(id)).await?;
    Ok(page(found, asked.limit))
}

/// Lists the supplier invoices of a condominium.
#[utoipa::path(get, path = "/api/v1/condominiums/{id}/invoices", tag = "portfolio",
    params(("id" = Uuid, Path, description = "The condominium"), ItemsAsked),
    responses((status = 200, description = "A page", body = Page<Item>), Refused))]
pub async fn list_invoices(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(asked): Query<ItemsAsked>,
) -> Answer<Json<Page<Item>>> {
    let mut transaction = doors.engine.begin(caller.tenant()).await?;
    let mut tx = transaction.tx();
    let found = reviews::invoices(&mut nodes::tx::tenant(&mut tx), &asked.of(id)).await?;
    Ok(page(found, asked.limit))
}
