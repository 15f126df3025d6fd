//! Waiting runs on a new version: what is recorded of them must fit it.

use super::error::unhindered;
use super::{Engine, EngineError, RunFilter};
use crate::ids::{RunId, TenantId, VersionId};
use crate::run::{RunStatus, misfits};
use crate::store::{self, Role};
use crate::text;
use crate::text::Text;

/// Runs that are looked at together.
const PAGE: u32 = 200;

/// A waiting run of another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movable {
    /// The run.
    pub run: RunId,
    /// Its version.
    pub version: VersionId,
    /// Why it cannot be moved.
    pub why_not: Option<Text>,
}

impl Engine {
    /// Waiting runs of the version's workflow that execute another one, newest
    /// first; each with what keeps it there.
    ///
    /// # Errors
    /// [`EngineError::UnknownVersion`].
    pub async fn movable(
        &self,
        tenant: TenantId,
        to: VersionId,
    ) -> Result<Vec<Movable>, EngineError> {
        let version = self.version(tenant, to).await?;
        let key = self.data_key(tenant).await?;
        let mut page = RunFilter {
            workflow: Some(version.workflow.clone()),
            status: Some(RunStatus::Waiting),
            limit: PAGE,
            ..RunFilter::default()
        };
        let mut found = Vec::new();
        loop {
            let runs = self.runs(tenant, &page).await?;
            for run in &runs {
                let recorded = match self.recorded(tenant, run.id).await {
                    Err(EngineError::UnknownRun(_)) => continue,
                    recorded => recorded?,
                };
                let before = recorded.row.version;
                if before == to {
                    continue;
                }
                let stored = recorded.open(&key, tenant)?;
                let why_not = match self.version(tenant, before).await {
                    Ok(before) => misfits(&before.plan, &version.plan, &stored),
                    Err(EngineError::BadWorkflow(_)) => {
                        Some(text!("this process does not know the nodes of its version"))
                    }
                    Err(error) => return Err(error),
                };
                found.push(Movable {
                    run: run.id,
                    version: before,
                    why_not,
                });
            }
            match runs.last() {
                Some(last) => page.before = Some(last.id),
                None => return Ok(found),
            }
        }
    }

    /// Moves a run that waits as it was found; false when it does not any more.
    ///
    /// # Errors
    /// When the database does not do it.
    pub async fn move_run(
        &self,
        tenant: TenantId,
        run: &Movable,
        to: VersionId,
    ) -> Result<bool, EngineError> {
        unhindered!(self.set_version(tenant, run, to))
    }

    async fn set_version(
        &self,
        tenant: TenantId,
        run: &Movable,
        to: VersionId,
    ) -> Result<bool, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let from = run.version;
        let moved = store::runs::set_version(&mut tx, tenant, run.run, from, to).await?;
        // Its row is locked: what is recorded of it by now must still fit.
        let recorded = self.recorded_on(&mut tx, tenant, run.run).await?;
        let stored = recorded.open(&*self.data_key(tenant).await?, tenant)?;
        let [before, after] = [
            self.version_on(&mut tx, tenant, from).await?,
            self.version_on(&mut tx, tenant, to).await?,
        ];
        if !moved || misfits(&before.plan, &after.plan, &stored).is_some() {
            return Ok(false);
        }
        store::commit!("runs.move.commit", tx)?;
        Ok(true)
    }
}
