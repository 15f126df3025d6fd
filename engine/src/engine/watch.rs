//! Watching a run: only what is flushed is shown.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::broadcast;

use super::inspect::run_status;
use super::{Engine, EngineError, RunView};
use crate::ids::{RunId, TenantId};
use crate::run::{RunStatus, StepStatus};
use crate::store::{self, Role};

/// How often the database is asked when no worker of this process says more.
const POLL: Duration = Duration::from_millis(200);

/// What moved in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// The run stands differently.
    Run {
        /// How.
        status: RunStatus,
    },
    /// A step outside of loops stands differently.
    Step {
        /// Its id.
        step: String,
        /// 1 for the first attempt.
        attempt: u32,
        /// How.
        status: StepStatus,
        /// When the attempt began.
        started_at: DateTime<Utc>,
        /// When it ended.
        ended_at: Option<DateTime<Utc>>,
    },
}

/// What moves in a run, in order; ends with the run.
pub struct Watch {
    engine: Engine,
    tenant: TenantId,
    run: RunId,
    hints: broadcast::Receiver<(TenantId, RunId)>,
    known: HashMap<(String, i32), String>,
    status: Option<RunStatus>,
    queue: VecDeque<RunEvent>,
    ended: bool,
}

impl Watch {
    /// The next thing that moved; none after the run's end.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn next(&mut self) -> Result<Option<RunEvent>, EngineError> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            if self.status.is_some() {
                self.hint().await;
            }
            self.look().await?;
        }
    }

    /// Waits for a flush of the run, or for the time of a poll.
    async fn hint(&mut self) {
        let wanted = (self.tenant, self.run);
        let poll = tokio::time::sleep(POLL);
        tokio::pin!(poll);
        loop {
            tokio::select! {
                () = &mut poll => return,
                hint = self.hints.recv() => match hint {
                    Ok(run) if run == wanted => return,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => return,
                    Err(broadcast::error::RecvError::Closed) => {
                        poll.await;
                        return;
                    }
                },
            }
        }
    }

    async fn look(&mut self) -> Result<(), EngineError> {
        let (tenant, run) = (self.tenant, self.run);
        let mut tx = store::begin(self.engine.pool(), Role::Tenant(tenant)).await?;
        let row = store::runs::get(&mut tx, tenant, run)
            .await?
            .ok_or(EngineError::UnknownRun(run))?;
        let steps = store::steps::of_run(&mut tx, tenant, run, row.ended_on).await?;
        drop(tx);
        for step in steps {
            let status = StepStatus::parse(&step.status).unwrap_or(StepStatus::Running);
            let place = (step.step.clone(), step.attempt);
            if self.known.insert(place, step.status.clone()) != Some(step.status) {
                self.queue.push_back(RunEvent::Step {
                    step: step.step,
                    attempt: u32::try_from(step.attempt).unwrap_or_default(),
                    status,
                    started_at: step.started_at,
                    ended_at: step.ended_at,
                });
            }
        }
        let status = run_status(&row.status);
        if self.status.replace(status) != Some(status) {
            self.queue.push_back(RunEvent::Run { status });
        }
        self.ended = status.is_final();
        Ok(())
    }
}

impl Engine {
    /// What moves in a run from now on, what it has done so far first.
    #[must_use]
    pub fn watch(&self, tenant: TenantId, run: RunId) -> Watch {
        Watch {
            engine: self.clone(),
            tenant,
            run,
            hints: self.flushed().subscribe(),
            known: HashMap::new(),
            status: None,
            queue: VecDeque::new(),
            ended: false,
        }
    }

    /// The run once it has ended.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn finished(&self, tenant: TenantId, run: RunId) -> Result<RunView, EngineError> {
        let mut watch = self.watch(tenant, run);
        while watch.next().await?.is_some() {}
        self.run(tenant, run).await
    }
}
