//! A portfolio in the books: loaded, and reconciled by the workflow that ships.

use chrono::NaiveDate;
use domain::ids::CondominiumId;
use domain::store::{bank_transactions, condominiums, tenants, world};
use domain::world::{Transaction, World};
use engine::ids::TenantId;
use engine::text::Text;
use engine::{RunStatus, RunView, StartRun, Started};
use serde_json::json;

use crate::app::App;
use crate::failure::Failure;
use crate::shipped::{self, Shipped};

/// Where the bank lines of a portfolio come from.
pub const SOURCE: &str = "import";

/// Makes a disposable tenant with a portfolio, automatic posting on; its bank lines apart.
///
/// All of it or nothing, in one transaction.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn open(
    app: &App,
    tenant: TenantId,
    name: &str,
    portfolio: &World,
    lines: &[Transaction],
) -> Result<(), Failure> {
    let mut transaction = app.begin(tenant).await?;
    let mut tx = transaction.tx();
    let mut tx = nodes::tx::tenant(&mut tx);
    tenants::create(&mut tx, name, true).await?;
    world::load(&mut tx, portfolio).await?;
    for condominium in condominiums::list(&mut tx).await? {
        condominiums::set_automatic_posting(&mut tx, condominium.id, true).await?;
    }
    bank_transactions::import(&mut tx, SOURCE, lines, app.engine.clock().now()).await?;
    tx.check().await?;
    transaction.commit().await?;
    Ok(())
}

/// Adds bank lines.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn add_lines(app: &App, tenant: TenantId, lines: &[Transaction]) -> Result<(), Failure> {
    let mut transaction = app.begin(tenant).await?;
    let mut tx = transaction.tx();
    bank_transactions::import(
        &mut nodes::tx::tenant(&mut tx),
        SOURCE,
        lines,
        app.engine.clock().now(),
    )
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// The condominiums of a tenant.
///
/// # Errors
/// When the database does not answer.
pub async fn condominiums(
    app: &App,
    tenant: TenantId,
) -> Result<Vec<condominiums::Listed>, Failure> {
    let mut transaction = app.begin(tenant).await?;
    let mut tx = transaction.tx();
    Ok(condominiums::list(&mut nodes::tx::tenant(&mut tx)).await?)
}

/// Saves and publishes a shipped workflow for a tenant.
///
/// # Errors
/// When the database does not answer.
pub async fn enable(app: &App, tenant: TenantId, workflow: Shipped) -> Result<(), Failure> {
    let saved = app.engine.save(tenant, workflow.source).await?;
    app.engine.publish(tenant, saved.id).await?;
    Ok(())
}

/// Starts the reconciliation of a condominium: of all lines, or of those up to a day.
///
/// # Errors
/// When the database does not answer.
pub async fn reconcile(
    app: &App,
    tenant: TenantId,
    condominium: CondominiumId,
    as_of: Option<NaiveDate>,
) -> Result<Started, Failure> {
    let mut inputs = json!({ "condominium_id": condominium.0 });
    if let Some(day) = as_of {
        inputs["as_of"] = json!(day);
    }
    let start = StartRun::new(shipped::BANK_RECONCILIATION.name, inputs);
    Ok(app.engine.start(tenant, &start).await?)
}

/// The run, if it ended well.
///
/// # Errors
/// What it failed of.
pub fn succeeded(run: RunView) -> Result<RunView, Failure> {
    if run.status == RunStatus::Succeeded {
        return Ok(run);
    }
    let failure = Failure::new("run_failed").with("run", run.id);
    Err(match run.error {
        Some(error) => failure.said(Text::from(&error)),
        None => failure,
    })
}

/// Throws a disposable tenant away with all it has; no run of it may be under way.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn erase(app: &App, tenant: TenantId) -> Result<(), Failure> {
    let mut transaction = app.begin(tenant).await?;
    let erased = tenants::erase(&mut nodes::tx::tenant(&mut transaction.tx())).await?;
    if erased {
        transaction.erase_tenant().await?;
        transaction.commit().await?;
        app.engine.forget(tenant);
    }
    Ok(())
}
