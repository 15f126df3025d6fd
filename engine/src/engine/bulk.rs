//! Many runs at once, by filter: a page a call, so that whoever asks sets the
//! pace, and goes on where it stopped.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Engine, EngineError, Once, Rerun, RunFilter};
use crate::ids::{RunId, TenantId};
use crate::text::Text;

/// The trigger under which the keys of these runs are kept, and how long.
const TRIGGER: &str = "bulk.retry";
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is done to each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// It is asked to stop.
    Cancel,
    /// What failed of it is run again, as a new run.
    Retry,
}

/// An operation on many runs.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// What is done.
    pub action: BulkAction,
    /// To which runs; its limit is the size of a page.
    pub filter: RunFilter,
    /// Its id: with the same one, each run is run again once, however often it is asked.
    pub operation: Uuid,
    /// Who asks.
    pub by: Option<String>,
}

/// What became of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Acted {
    /// The run.
    pub run: RunId,
    /// The run that runs it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<RunId>,
    /// Why nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Text>,
}

/// A page of an operation.
#[derive(Clone, Debug, Serialize)]
pub struct BulkPage {
    /// What became of its runs, newest first.
    pub acted: Vec<Acted>,
    /// Where the next page begins; none after the last.
    pub next: Option<RunId>,
}

impl Engine {
    /// Does the operation to the page of runs before this one; to the newest without.
    ///
    /// # Errors
    /// When the database does not answer, or the queue is full: the same page can be asked again.
    pub async fn bulk_page(
        &self,
        tenant: TenantId,
        bulk: &Bulk,
        before: Option<RunId>,
    ) -> Result<BulkPage, EngineError> {
        let filter = RunFilter {
            before,
            ..bulk.filter.clone()
        };
        let runs = self.runs(tenant, &filter).await?;
        let mut acted = Vec::with_capacity(runs.len());
        for run in &runs {
            let done = match bulk.action {
                BulkAction::Cancel => self.cancel_as(tenant, run.id, bulk.by.as_deref()).await,
                BulkAction::Retry => self.retry_once(tenant, run.id, bulk).await,
            };
            let (again, refused) = match done {
                Ok(again) => (again, None),
                // Nothing is the matter with this very run.
                Err(error @ (EngineError::Store(_) | EngineError::QueueFull { .. })) => {
                    return Err(error);
                }
                Err(error) => (None, Some(Text::from(&error))),
            };
            acted.push(Acted {
                run: run.id,
                again,
                refused,
            });
        }
        Ok(BulkPage {
            acted,
            next: runs.last().map(|run| run.id),
        })
    }

    async fn cancel_as(
        &self,
        tenant: TenantId,
        run: RunId,
        by: Option<&str>,
    ) -> Result<Option<RunId>, EngineError> {
        match by {
            Some(name) => self.cancel_by(tenant, run, name).await?,
            None => self.cancel(tenant, run).await?,
        }
        Ok(None)
    }

    async fn retry_once(
        &self,
        tenant: TenantId,
        run: RunId,
        bulk: &Bulk,
    ) -> Result<Option<RunId>, EngineError> {
        let how = Rerun {
            requester: bulk.by.clone(),
            once: Some(Once {
                trigger: TRIGGER.to_owned(),
                key: format!("{}/{run}", bulk.operation),
                kept_for: KEPT,
            }),
            ..Rerun::failed()
        };
        Ok(Some(self.rerun(tenant, run, &how).await?.run))
    }
}
