//! Nothing is a black box: runs, steps and attempts as they are recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::rerun::ORIGIN;
use super::{Engine, EngineError, Version};
use crate::crypto::{DataKey, Kind};
use crate::ids::{RunId, TenantId, VersionId};
use crate::node::{LogLine, NodeError, Usage, Wait};
use crate::run::{Apart, Body, Place, Refusal, RunStatus, StepStatus, Stored, Taken, path_of};
use crate::store::runs::{RunRow, Wanted};
use crate::store::steps::{StoredItems, StoredStep};
use crate::store::{self, Connection, Role, StoreError};
use crate::text;
use crate::text::Text;

/// Why a run did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFailure {
    /// Stable code, `subject.what_happened`.
    pub code: String,
    /// One sentence for a person.
    pub message: Text,
    /// The step whose failure it was, when it was one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

impl From<&RunFailure> for Text {
    fn from(failure: &RunFailure) -> Self {
        let (message, code) = (&failure.message, &failure.code);
        match &failure.step {
            Some(step) => text!("{step}: {message} ({code})", step, message, code),
            None => text!("{message} ({code})", message, code),
        }
    }
}

impl From<Refusal> for RunFailure {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code().to_owned(),
            message: refusal.message(),
            step: None,
        }
    }
}

/// What a run ended in, sealed in history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunResult {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunFailure>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleanup: Vec<RunFailure>,
}

/// A run with all its attempts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// The workflow's name.
    pub workflow: String,
    /// The version it executes.
    pub version: VersionId,
    /// How it stands.
    pub status: RunStatus,
    /// The run that started it and waits for its end.
    pub parent: Option<RunId>,
    /// The run that it runs again.
    pub origin: Option<RunId>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When a worker first took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What it was given.
    pub inputs: Value,
    /// What it gave.
    pub outputs: Option<Value>,
    /// Why it did not succeed.
    pub error: Option<RunFailure>,
    /// What went wrong in `compensate`, `on_failure` and `finally`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cleanup: Vec<RunFailure>,
    /// What it is found by.
    pub labels: BTreeMap<String, String>,
    /// Its steps and items, in file order, those of a loop after it.
    pub steps: Vec<StepView>,
}

/// A step, or an item of a loop.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepView {
    /// `load`, `pay[3]`, `pay[3].send`.
    pub path: String,
    /// The step's id.
    pub step: String,
    /// The indexes of the items around it.
    pub items: Vec<u32>,
    /// How its last attempt stands.
    pub status: StepStatus,
    /// The needs that had succeeded when its `join` was decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<String>,
    /// Its attempts, first to last.
    pub attempts: Vec<AttemptView>,
}

/// An attempt of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptView {
    /// 1 for the first.
    pub number: u32,
    /// How it stands.
    pub status: StepStatus,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The rendered `with`; the items of a loop.
    pub input: Option<Value>,
    /// What it gave.
    pub output: Option<Value>,
    /// Which of the two are too large to stand here: see [`Engine::value`].
    #[serde(skip_serializing_if = "Apart::is_empty")]
    pub apart: Apart,
    /// What went wrong.
    pub error: Option<NodeError>,
    /// What the node wrote.
    pub logs: Vec<LogLine>,
    /// What it used, when its node is paid.
    #[serde(skip_serializing_if = "Usage::is_nothing")]
    pub usage: Usage,
    /// The key of an external effect.
    pub key: Option<String>,
    /// When the next attempt is due.
    pub retry_at: Option<DateTime<Utc>>,
    /// What it waits for, or waited for last.
    pub wait: Option<Wait>,
    /// Where it comes from, when this run did not come to it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
}

/// A line of a list of runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// The workflow's name.
    pub workflow: String,
    /// How it stands.
    pub status: RunStatus,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When a worker first took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Which runs to list; all when empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only those that stand so.
    pub status: Option<RunStatus>,
    /// Only those of this workflow.
    pub workflow: Option<String>,
    /// Only those with this label: name and value.
    pub label: Option<(String, String)>,
    /// Only those accepted since.
    pub since: Option<DateTime<Utc>>,
    /// Only those accepted before.
    pub until: Option<DateTime<Utc>>,
    /// Only those whose id begins so, or that have a label of this value.
    pub text: Option<String>,
    /// Only those older than this one: the last of the page before.
    pub before: Option<RunId>,
    /// At most so many; 50 when zero, never more than 500.
    pub limit: u32,
}

/// A run as it is stored, sealed.
pub(super) struct Recorded {
    pub row: RunRow,
    labels: Vec<(String, String)>,
    steps: Vec<StoredStep>,
    items: Vec<StoredItems>,
}

impl Recorded {
    /// Its attempts.
    pub(super) fn open(&self, key: &DataKey, tenant: TenantId) -> Result<Vec<Stored>, StoreError> {
        let run = self.row.id;
        let mut stored = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            stored.push(open_step(key, tenant, run, step)?);
        }
        for chunk in &self.items {
            stored.extend(open_items(key, tenant, run, chunk)?);
        }
        Ok(stored)
    }
}

impl RunView {
    /// The step or item of this path.
    #[must_use]
    pub fn step(&self, path: &str) -> Option<&StepView> {
        self.steps.iter().find(|step| step.path == path)
    }
}

impl Engine {
    /// A run with all its attempts, opened for its tenant.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn run(&self, tenant: TenantId, run: RunId) -> Result<RunView, EngineError> {
        let key = self.data_key(tenant).await?;
        let recorded = self.recorded(tenant, run).await?;
        let stored = recorded.open(&key, tenant)?;
        let version = self.version(tenant, recorded.row.version).await.ok();
        let (row, labels) = (recorded.row, recorded.labels);
        view(&key, tenant, row, labels, stored, version.as_deref())
    }

    /// A run as it is stored.
    pub(super) async fn recorded(
        &self,
        tenant: TenantId,
        run: RunId,
    ) -> Result<Recorded, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        self.recorded_on(&mut tx, tenant, run).await
    }

    pub(super) async fn recorded_on(
        &self,
        tx: &mut Connection,
        tenant: TenantId,
        run: RunId,
    ) -> Result<Recorded, EngineError> {
        // Twice when it moves to history between two statements.
        loop {
            let row = store::runs::get(tx, tenant, run)
                .await?
                .ok_or(EngineError::UnknownRun(run))?;
            let steps = store::steps::of_run(tx, tenant, run, row.ended_on).await?;
            let items = store::steps::items_of_run(tx, tenant, run, row.ended_on).await?;
            let ended = row.ended_on.is_some();
            let still = ended
                || store::runs::get(tx, tenant, run)
                    .await?
                    .is_some_and(|again| again.ended_on.is_none());
            if still {
                let labels = store::labels::of_run(tx, tenant, run, ended).await?;
                return Ok(Recorded {
                    row,
                    labels,
                    steps,
                    items,
                });
            }
        }
    }

    /// What there is to say of a run that ended badly; none when history has forgotten it.
    pub(crate) async fn failure_on(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        run: RunId,
    ) -> Result<Option<Value>, EngineError> {
        let Some(row) = store::runs::get(connection, tenant, run).await? else {
            return Ok(None);
        };
        let key = self.data_key(tenant).await?;
        let run = view(&key, tenant, row, Vec::new(), Vec::new(), None)?;
        Ok(Some(json!({
            "run": run.id,
            "workflow": run.workflow,
            "status": run.status,
            "inputs": run.inputs,
            "error": run.error,
        })))
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn runs(
        &self,
        tenant: TenantId,
        filter: &RunFilter,
    ) -> Result<Vec<RunSummary>, EngineError> {
        let limit = if filter.limit == 0 { 50 } else { filter.limit };
        let text = filter.text.as_deref().map(str::trim);
        let text = text.filter(|text| !text.is_empty());
        let ids = text.and_then(ids_that_begin_with);
        let least = filter.since.map(|at| first_id_at(at, 0));
        // Ids hold milliseconds: the last one before.
        let most = filter.until.map(|at| first_id_at(at, -1));
        let between = (
            least.max(ids.map(|(first, _)| first)),
            [most, ids.map(|(_, last)| last)]
                .into_iter()
                .flatten()
                .min(),
        );
        let wanted = Wanted {
            between,
            labelled: text.filter(|_| ids.is_none()),
            status: filter.status.map(RunStatus::as_str),
            workflow: filter.workflow.as_deref(),
            label: filter
                .label
                .as_ref()
                .map(|(name, value)| (name.as_str(), value.as_str())),
            before: filter.before,
            limit: i64::from(limit.min(500)),
        };
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let lines = store::runs::list(&mut tx, tenant, &wanted).await?;
        // Ids are in the order of acceptance, or nearly.
        Ok(lines
            .into_iter()
            .take_while(|line| filter.since.is_none_or(|since| since <= line.created_at))
            .map(|line| RunSummary {
                id: line.id,
                workflow: line.workflow,
                status: run_status(&line.status),
                created_at: line.created_at,
                started_at: line.started_at,
                ended_at: line.ended_at,
            })
            .collect())
    }
}

/// The first and the last id whose text begins so; none when no id can.
fn ids_that_begin_with(text: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let is_hex = digits.len() >= 4 && digits.chars().all(|c| c.is_ascii_hexdigit());
    if !is_hex || digits.len() > 32 {
        return None;
    }
    let first = u128::from_str_radix(&format!("{digits:0<32}"), 16).ok()?;
    let last = u128::from_str_radix(&format!("{digits:f<32}"), 16).ok()?;
    Some((Uuid::from_u128(first), Uuid::from_u128(last)))
}

/// The first id of a millisecond, or the last of one before.
fn first_id_at(at: DateTime<Utc>, ids: i128) -> Uuid {
    let millis = u128::try_from(at.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128((millis << 80).saturating_add_signed(ids))
}

pub(crate) fn run_status(word: &str) -> RunStatus {
    RunStatus::parse(word).unwrap_or(RunStatus::Queued)
}

fn view(
    key: &DataKey,
    tenant: TenantId,
    row: RunRow,
    labels: Vec<(String, String)>,
    stored: Vec<Stored>,
    version: Option<&Version>,
) -> Result<RunView, EngineError> {
    let inputs = key.open(tenant, Kind::RunInput, row.id.0, &row.data)?;
    let result = match &row.result {
        Some(sealed) => {
            serde_json::from_slice(&key.open(tenant, Kind::RunResult, row.id.0, sealed)?)?
        }
        None => RunResult::default(),
    };
    let mut labels: BTreeMap<String, String> = labels.into_iter().collect();
    let origin = labels.remove(ORIGIN).and_then(|id| id.parse().ok());
    Ok(RunView {
        id: row.id,
        workflow: row.workflow,
        version: row.version,
        status: run_status(&row.status),
        parent: row.parent,
        origin: origin.map(RunId),
        created_at: row.created_at,
        started_at: row.started_at,
        ended_at: row.ended_at,
        inputs: serde_json::from_slice(&inputs)?,
        outputs: result.outputs,
        error: result.error,
        cleanup: result.cleanup,
        labels,
        steps: steps(stored, version),
    })
}

/// Attempts by place, in file order; of several records of one attempt the last holds.
fn steps(stored: Vec<Stored>, version: Option<&Version>) -> Vec<StepView> {
    let mut places: BTreeMap<(Vec<u32>, Place), BTreeMap<u32, Stored>> = BTreeMap::new();
    // What is decided of the whole run is of no step.
    for record in stored
        .into_iter()
        .filter(|record| !record.place.step.is_empty())
    {
        let order = version
            .and_then(|version| crate::run::order_of(&version.plan, &record.place))
            .unwrap_or_else(|| vec![u32::MAX]);
        places
            .entry((order, record.place.clone()))
            .or_default()
            .insert(record.attempt, record);
    }
    places
        .into_iter()
        .filter_map(|((_, place), mut attempts)| {
            let status = attempts.values().next_back()?.status;
            let begun = attempts.remove(&0);
            Some(StepView {
                path: version.map_or_else(
                    || place.to_string(),
                    |version| path_of(&version.plan, &place),
                ),
                step: place.step,
                items: place.items,
                status,
                joined: begun.map_or_else(Vec::new, |begun| begun.body.joined),
                attempts: attempts.into_values().map(attempt).collect(),
            })
        })
        .collect()
}

fn attempt(record: Stored) -> AttemptView {
    let plain = |value: Option<Arc<Value>>| value.map(Arc::unwrap_or_clone);
    let body = record.body;
    AttemptView {
        number: record.attempt,
        status: record.status,
        started_at: record.started_at,
        ended_at: record.ended_at,
        input: plain(body.input.or(body.items)),
        output: plain(body.output),
        apart: body.apart,
        error: body.error,
        logs: body.logs,
        usage: body.usage,
        key: body.key.map(|key| key.0),
        retry_at: body.retry_at,
        wait: body.wait,
        taken: body.taken,
    }
}

/// Opens the record of an attempt outside of loops.
pub(crate) fn open_step(
    key: &DataKey,
    tenant: TenantId,
    run: RunId,
    row: &StoredStep,
) -> Result<Stored, StoreError> {
    let plain = key.open(tenant, Kind::Step, run.0, &row.data)?;
    let body: Body = serde_json::from_slice(&plain)?;
    Ok(Stored {
        place: Place::of_step(row.step.clone()),
        attempt: u32::try_from(row.attempt).unwrap_or_default(),
        status: StepStatus::parse(&row.status).unwrap_or(StepStatus::Running),
        started_at: row.started_at,
        ended_at: row.ended_at,
        body,
    })
}

/// Opens a chunk of attempts inside a loop.
pub(crate) fn open_items(
    key: &DataKey,
    tenant: TenantId,
    run: RunId,
    row: &StoredItems,
) -> Result<Vec<Stored>, StoreError> {
    let plain = key.open(tenant, Kind::Items, run.0, &row.data)?;
    Ok(serde_json::from_slice(&plain)?)
}
