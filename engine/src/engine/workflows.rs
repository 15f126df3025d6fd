//! Workflows and their versions, as people look at them.

use chrono::{DateTime, Utc};

use super::{Engine, EngineError};
use crate::ids::{TenantId, VersionId};
use crate::store::workflows::WorkflowLine;
use crate::store::{self, Role};

/// The most of a page.
const LARGEST_PAGE: u32 = 500;

/// A workflow of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowView {
    /// Its name.
    pub name: String,
    /// What people call it, as its newest version says.
    pub title: Option<String>,
    /// When it was first saved.
    pub created_at: DateTime<Utc>,
    /// The number of the version that new runs execute.
    pub published: Option<i32>,
    /// The number of the version that was saved last.
    pub newest: i32,
    /// When that was.
    pub saved_at: DateTime<Utc>,
}

/// A version of a workflow, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionView {
    /// Its id.
    pub id: VersionId,
    /// 1 for the first save.
    pub number: i32,
    /// When it was saved.
    pub saved_at: DateTime<Utc>,
    /// Whether new runs execute it.
    pub published: bool,
}

impl Engine {
    /// The workflows of a tenant by name, those after this one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn workflows(
        &self,
        tenant: TenantId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<WorkflowView>, EngineError> {
        let limit = i64::from(limit.min(LARGEST_PAGE));
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let lines = store::workflows::list(&mut tx, tenant, None, after, limit).await?;
        drop(tx);
        let mut views = Vec::with_capacity(lines.len());
        for line in lines {
            views.push(self.workflow_view(tenant, line).await?);
        }
        Ok(views)
    }

    /// The workflow of this name.
    ///
    /// # Errors
    /// [`EngineError::UnknownWorkflow`].
    pub async fn workflow(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<WorkflowView, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let found = store::workflows::list(&mut tx, tenant, Some(name), "", 1).await?;
        drop(tx);
        match found.into_iter().next() {
            Some(line) => self.workflow_view(tenant, line).await,
            None => Err(EngineError::UnknownWorkflow(name.to_owned())),
        }
    }

    async fn workflow_view(
        &self,
        tenant: TenantId,
        line: WorkflowLine,
    ) -> Result<WorkflowView, EngineError> {
        let title = match self.version(tenant, line.newest_id).await {
            Ok(version) => version.plan.title.clone(),
            // It uses a node that this process does not have.
            Err(EngineError::BadWorkflow(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(WorkflowView {
            name: line.name,
            title,
            created_at: line.created_at,
            published: line.published,
            newest: line.newest,
            saved_at: line.saved_at,
        })
    }

    /// The versions of a workflow, newest first, those before this number.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn versions(
        &self,
        tenant: TenantId,
        workflow: &str,
        before: Option<i32>,
        limit: u32,
    ) -> Result<Vec<VersionView>, EngineError> {
        let (before, limit) = (before.unwrap_or(i32::MAX), limit.min(LARGEST_PAGE));
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let lines =
            store::workflows::versions(&mut tx, tenant, workflow, before, i64::from(limit)).await?;
        let views = lines.into_iter().map(|line| VersionView {
            id: line.id,
            number: line.number,
            saved_at: line.saved_at,
            published: line.published,
        });
        Ok(views.collect())
    }

    /// The text of a version, whether or not this process can execute it.
    ///
    /// # Errors
    /// [`EngineError::UnknownWorkflow`] when there is none.
    pub async fn source(
        &self,
        tenant: TenantId,
        workflow: &str,
        number: i32,
    ) -> Result<(VersionId, String), EngineError> {
        let unknown = || EngineError::UnknownWorkflow(format!("{workflow}@{number}"));
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let id = store::workflows::numbered(&mut tx, tenant, workflow, number).await?;
        let id = id.ok_or_else(unknown)?;
        let row = store::workflows::version(&mut tx, tenant, id).await?;
        let row = row.ok_or_else(unknown)?;
        Ok((row.id, row.source))
    }
}
