//! Workflows: saved as versions, published, checked once per process.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use super::{Engine, EngineError};
use crate::graph::Plan;
use crate::ids::{TenantId, VersionId};
use crate::language::{self, Diagnostic};
use crate::store::triggers::Stage;
use crate::store::{self, Connection, Role};
use sha2::{Digest, Sha256};

/// A version of a workflow, checked.
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// The workflow's name.
    pub workflow: String,
    /// 1 for the first save.
    pub number: i32,
    /// The YAML text.
    pub source: String,
    /// The checked workflow.
    pub plan: Arc<Plan>,
    /// The workflows it calls by name.
    pub(crate) calls: BTreeSet<String>,
}

/// A saved version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its id.
    pub id: VersionId,
    /// The workflow's name, from the text.
    pub workflow: String,
    /// 1 for the first save; a text that is the newest version already keeps its number.
    pub number: i32,
    /// What there is to know about it.
    pub notes: Vec<Diagnostic>,
}

impl Engine {
    /// Saves a YAML text as the next version of the workflow it names. Not published yet.
    ///
    /// # Errors
    /// [`EngineError::BadWorkflow`] with every problem of the text.
    pub async fn save(&self, tenant: TenantId, source: &str) -> Result<Saved, EngineError> {
        self.save_over(tenant, source, None).await
    }

    /// The same, unless somebody has saved another version than this one
    /// meanwhile; 0 is the version before the first.
    ///
    /// # Errors
    /// As [`Self::save`]; [`EngineError::SavedMeanwhile`].
    pub async fn save_over(
        &self,
        tenant: TenantId,
        source: &str,
        seen: Option<i32>,
    ) -> Result<Saved, EngineError> {
        let checked = language::check(source, self.registry());
        let Some(plan) = checked.plan else {
            return Err(EngineError::BadWorkflow(checked.diagnostics));
        };
        let now = self.clock().now();
        let digest = Sha256::digest(source.as_bytes());
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        store::workflows::upsert(&mut tx, tenant, &plan.name, now).await?;
        if let Some(seen) = seen {
            // The workflow is locked: nobody saves between this and the insert.
            let name = Some(plan.name.as_str());
            let newest = store::workflows::list(&mut tx, tenant, name, "", 1).await?;
            let newest = newest.first().map_or(0, |line| line.newest);
            if newest != seen {
                return Err(EngineError::SavedMeanwhile(newest));
            }
        }
        let (id, number) = store::workflows::insert_version(
            &mut tx,
            tenant,
            VersionId::new(now),
            &plan.name,
            source,
            &digest,
            now,
        )
        .await?;
        self.listen(&mut tx, tenant, id, &plan, Stage::Draft)
            .await?;
        store::commit!("workflows.save.commit", tx)?;
        Ok(Saved {
            id,
            workflow: plan.name.clone(),
            number,
            notes: checked.diagnostics,
        })
    }

    /// Makes a version the one that new runs of its workflow execute, and whose
    /// triggers listen.
    ///
    /// # Errors
    /// [`EngineError::UnknownVersion`]; [`EngineError::BadWorkflow`] when this
    /// process lacks a node of it.
    pub async fn publish(&self, tenant: TenantId, version: VersionId) -> Result<(), EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let plan = Arc::clone(&self.version_on(&mut tx, tenant, version).await?.plan);
        store::workflows::publish(&mut tx, tenant, version).await?;
        self.listen(&mut tx, tenant, version, &plan, Stage::Published)
            .await?;
        store::commit!("workflows.publish.commit", tx)?;
        Ok(())
    }

    /// A version, checked against the nodes of this process.
    ///
    /// # Errors
    /// [`EngineError::UnknownVersion`]; [`EngineError::BadWorkflow`] when this
    /// process lacks a node of it.
    pub async fn version(
        &self,
        tenant: TenantId,
        id: VersionId,
    ) -> Result<Arc<Version>, EngineError> {
        if let Some(version) = self.known_version(tenant, id) {
            return Ok(version);
        }
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        self.version_on(&mut tx, tenant, id).await
    }

    /// The version of this number, or the published one.
    ///
    /// # Errors
    /// [`EngineError::UnknownWorkflow`] when there is none; else as [`Self::version`].
    pub async fn version_of(
        &self,
        tenant: TenantId,
        workflow: &str,
        number: Option<i32>,
    ) -> Result<Arc<Version>, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let found = match number {
            Some(number) => store::workflows::numbered(&mut tx, tenant, workflow, number).await?,
            None => store::workflows::published(&mut tx, tenant, workflow).await?,
        };
        let name = || match number {
            Some(number) => format!("{workflow}@{number}"),
            None => workflow.to_owned(),
        };
        let id = found.ok_or_else(|| EngineError::UnknownWorkflow(name()))?;
        self.version_on(&mut tx, tenant, id).await
    }

    pub(crate) async fn version_on(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        id: VersionId,
    ) -> Result<Arc<Version>, EngineError> {
        if let Some(version) = self.known_version(tenant, id) {
            return Ok(version);
        }
        let row = store::workflows::version(connection, tenant, id)
            .await?
            .ok_or(EngineError::UnknownVersion(id))?;
        let checked = language::check(&row.source, self.registry());
        let Some(plan) = checked.plan else {
            return Err(EngineError::BadWorkflow(checked.diagnostics));
        };
        let version = Arc::new(Version {
            id: row.id,
            workflow: row.workflow,
            number: row.number,
            source: row.source,
            calls: plan.calls(),
            plan,
        });
        let mut known = self
            .0
            .versions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(known.entry((tenant, id)).or_insert(version)))
    }

    pub(super) fn known_version(&self, tenant: TenantId, id: VersionId) -> Option<Arc<Version>> {
        let known = self
            .0
            .versions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        known.get(&(tenant, id)).cloned()
    }
}
