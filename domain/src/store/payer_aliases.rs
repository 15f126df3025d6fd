//! Payers' names that people tied to owner accounts by confirming lines.

use chrono::{DateTime, Utc};

use super::{StoreError, TenantTx};
use crate::ids::{AliasId, CondominiumId, MatchId, OwnerId};
use crate::matching::Alias;

/// Aliases of a condominium that hold, oldest first.
pub(super) async fn list(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
) -> Result<Vec<Alias>, StoreError> {
    sqlx::query_as!(
        Alias,
        r#"
        select id as "id: AliasId", payer, owner_id as "owner: OwnerId"
        from copro.payer_aliases
        where condominium_id = $1 and unlearnt_at is null
        order by learnt_at, id
        "#,
        condominium.0,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("read learnt payers"))
}

/// Learns that a payer pays for an owner, from one confirmed line.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn learn(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    alias: &Alias,
    taught_by: MatchId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into copro.payer_aliases
            (tenant_id, id, condominium_id, owner_id, payer, taught_by_match_id, learnt_at)
         values (copro.current_tenant(), $1, $2, $3, $4, $5, $6)",
        alias.id.0,
        condominium.0,
        alias.owner.0,
        alias.payer,
        taught_by.0,
        now,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("learn a payer"))?;
    Ok(())
}

/// Forgets what a match taught; the aliases that hold no more.
///
/// # Errors
/// When the database does not answer.
pub async fn unlearn(
    tx: &mut TenantTx<'_>,
    taught_by: MatchId,
    now: DateTime<Utc>,
) -> Result<Vec<AliasId>, StoreError> {
    sqlx::query_scalar!(
        r#"
        update copro.payer_aliases set unlearnt_at = $2
        where taught_by_match_id = $1 and unlearnt_at is null
        returning id as "id: AliasId"
        "#,
        taught_by.0,
        now,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(StoreError::during("unlearn a payer"))
}
