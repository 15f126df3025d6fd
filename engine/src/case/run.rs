//! Running a case through the real engine.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::clock::SkippingClock;
use super::compare::{Mismatch, compare};
use super::file::Case;
use super::stub::{Answers, stubbed};
use crate::clock::SharedClock;
use crate::crypto::MasterKey;
use crate::engine::{Engine, EngineError, RunView, StartRun};
use crate::ids::TenantId;
use crate::node::Registry;
use crate::service::{Worker, WorkerOptions};
use crate::store::Pool;
use crate::text;
use crate::text::Text;

/// A run that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often runs are looked at that may all wait.
const LOOK: Duration = Duration::from_millis(20);

/// What keeps a case from being judged.
#[derive(Debug, thiserror::Error)]
#[error("{}", Text::from(self))]
pub enum CaseError {
    /// The engine cannot run it.
    Engine(#[from] EngineError),
    /// The run does not end.
    Hangs,
}

impl From<&CaseError> for Text {
    fn from(error: &CaseError) -> Self {
        match error {
            CaseError::Engine(error) => error.into(),
            CaseError::Hangs => text!(
                "the run does not end within {seconds} s: does a step wait for a person?",
                seconds = PATIENCE.as_secs()
            ),
        }
    }
}

/// What a case came to.
#[derive(Debug)]
pub struct Played {
    /// All that is not as expected.
    pub mismatches: Vec<Mismatch>,
    /// What the run did.
    pub run: RunView,
}

/// Runs a case of a workflow, in a tenant of its own that is not taken away;
/// gives all that is not as expected.
///
/// Time is skipped when all of its runs wait for it: a wait of 60 days takes none.
///
/// `pool` leads to a database where no other worker works.
///
/// # Errors
/// [`CaseError`]: the case could not be judged.
pub async fn run(
    pool: Pool,
    registry: &Registry,
    clock: SharedClock,
    workflow: &str,
    case: &Case,
) -> Result<Vec<Mismatch>, CaseError> {
    Ok(play(pool, registry, clock, workflow, case)
        .await?
        .mismatches)
}

/// The same, with what the run did.
///
/// # Errors
/// As [`run`].
pub async fn play(
    pool: Pool,
    registry: &Registry,
    clock: SharedClock,
    workflow: &str,
    case: &Case,
) -> Result<Played, CaseError> {
    let playing = Playing {
        workflow,
        inputs: &case.inputs,
        answers: Answers::Said(case.stubs.clone()),
    };
    let run = play_with(pool, registry, clock, playing).await?;
    Ok(Played {
        mismatches: compare(case, &run),
        run,
    })
}

/// A run to be played, and who answers for its nodes.
pub(super) struct Playing<'a> {
    pub workflow: &'a str,
    pub inputs: &'a Value,
    pub answers: Answers,
}

/// Plays a run to its end.
pub(super) async fn play_with(
    pool: Pool,
    registry: &Registry,
    clock: SharedClock,
    playing: Playing<'_>,
) -> Result<RunView, CaseError> {
    let registry = stubbed(registry, playing.answers);
    let clock = Arc::new(SkippingClock::over(clock));
    let engine = Engine::new(pool, registry, MasterKey::generate(), clock.clone());
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default()).await?;
    let ended = ended(&engine, &clock, playing.workflow, playing.inputs).await;
    worker.stop().await;
    ended
}

async fn ended(
    engine: &Engine,
    clock: &SkippingClock,
    workflow: &str,
    inputs: &Value,
) -> Result<RunView, CaseError> {
    let tenant = TenantId::new(engine.clock().now());
    let saved = engine.save(tenant, workflow).await?;
    let run = StartRun::new(saved.workflow, inputs.clone()).version(saved.id);
    let started = engine.start(tenant, &run).await?;
    let finished = engine.finished(tenant, started.run);
    tokio::select! {
        run = tokio::time::timeout(PATIENCE, finished) => match run {
            Ok(run) => Ok(engine.whole_run(tenant, run?.id).await?),
            Err(_) => Err(CaseError::Hangs),
        },
        error = skip_waits(engine, clock, tenant) => Err(error.into()),
    }
}

/// Puts the clock forward whenever every run of the tenant waits.
async fn skip_waits(engine: &Engine, clock: &SkippingClock, tenant: TenantId) -> EngineError {
    loop {
        tokio::time::sleep(LOOK).await;
        match engine.next_timer(tenant).await {
            Ok(Some(due)) => clock.skip_to(due),
            Ok(None) => {}
            Err(error) => return error,
        }
    }
}
