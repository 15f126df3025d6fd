//! What the paid steps of a tenant have used, by month.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::ids::TenantId;
use crate::node::Usage;

/// The month that a day is counted in.
pub(crate) fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// Counts what was used, in the transaction that records it. The row stays
/// locked until that commits.
pub(crate) async fn add(
    connection: &mut PgConnection,
    tenant: TenantId,
    month: NaiveDate,
    usage: Usage,
) -> Result<(), sqlx::Error> {
    guarded!(
        "spending.add",
        sqlx::query!(
            r#"
            insert into engine.spending as s (tenant_id, month, cost, tokens, millis)
            values ($1, $2, $3, $4, $5)
            on conflict (tenant_id, month) do update
            set cost = s.cost + excluded.cost, tokens = s.tokens + excluded.tokens,
                millis = s.millis + excluded.millis
            "#,
            tenant.0,
            month,
            usage.cost,
            i64::try_from(usage.tokens).unwrap_or(i64::MAX),
            i64::try_from(usage.millis).unwrap_or(i64::MAX),
        )
        .execute(connection)
    )?;
    Ok(())
}

/// What a tenant has used in a month, and what it may.
#[derive(Debug)]
pub(crate) struct Standing {
    pub max_cost: Option<Decimal>,
    pub max_tokens: Option<i64>,
    pub max_millis: Option<i64>,
    pub cost: Decimal,
    pub tokens: i64,
    pub millis: i64,
}

/// How a tenant stands; none when nothing is set for it.
pub(crate) async fn standing(
    connection: &mut PgConnection,
    tenant: TenantId,
    month: NaiveDate,
) -> Result<Option<Standing>, sqlx::Error> {
    sqlx::query_as!(
        Standing,
        r#"
        select t.max_cost, t.max_tokens, t.max_millis, coalesce(s.cost, 0) as "cost!",
            coalesce(s.tokens, 0) as "tokens!", coalesce(s.millis, 0) as "millis!"
        from engine.tenants t
        left join engine.spending s on s.tenant_id = t.tenant_id and s.month = $2
        where t.tenant_id = $1
        "#,
        tenant.0,
        month,
    )
    .fetch_optional(connection)
    .await
}
