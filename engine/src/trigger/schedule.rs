//! Schedules: which instants become runs, and the one transaction that starts them.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, json};
use uuid::Uuid;

use super::{Fired, Occasion};
use crate::engine::{Engine, EngineError, TriggerFault};
use crate::graph::{Missed, Overlap, Schedule, Trigger, TriggerKind};
use crate::ids::VersionId;
use crate::store::cross_tenant::schedules::{self, Due};
use crate::store::schedules::Moved;
use crate::store::{self, Role};
use crate::text;
use crate::text::Text;

/// An instant that is looked at later than this was missed.
const ON_TIME: TimeDelta = TimeDelta::seconds(60);
/// Instants that are caught up, or that wait for a run to end; older ones are given up.
const MOST: usize = 100;
/// How soon a schedule is looked at again whose instants wait.
const AGAIN: TimeDelta = TimeDelta::seconds(1);
/// How long a schedule is left that could not be looked at.
const LEFT_FOR: TimeDelta = TimeDelta::seconds(60);

/// What is to be done about a schedule now.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Turn {
    /// Instants that become runs.
    start: Vec<DateTime<Utc>>,
    /// Instants that wait for a run to end.
    pending: Vec<DateTime<Utc>>,
    /// The run under way is asked to stop.
    cancel: bool,
    /// Instants were given up, for there were too many.
    gave_up: bool,
}

/// Decides; `running` says whether the run before is open still.
fn turn(schedule: &Schedule, due: &Due, running: bool, now: DateTime<Utc>) -> Turn {
    let (mut wanted, mut gave_up) = match schedule.missed {
        _ if due.due_at > now => (Vec::new(), false),
        Missed::CatchUp => schedule.cron.between(due.due_at, now, MOST),
        Missed::RunOnce | Missed::Skip => {
            let last = schedule.cron.last(now).filter(|tick| *tick >= due.due_at);
            (last.into_iter().collect(), false)
        }
    };
    if schedule.missed == Missed::Skip {
        wanted.retain(|tick| now - *tick <= ON_TIME);
    }
    let mut turn = Turn {
        start: Vec::new(),
        pending: due.pending.clone(),
        cancel: false,
        gave_up: false,
    };
    match schedule.overlap {
        None => {
            turn.start = std::mem::take(&mut turn.pending);
            turn.start.append(&mut wanted);
        }
        Some(Overlap::Drop) => {
            turn.pending.clear();
            turn.start = wanted.into_iter().take(usize::from(!running)).collect();
        }
        Some(policy) => {
            turn.pending.append(&mut wanted);
            let most = if policy == Overlap::Queue { MOST } else { 1 };
            let surplus = turn.pending.len().saturating_sub(most);
            turn.pending.drain(..surplus);
            gave_up |= surplus > 0 && policy == Overlap::Queue;
            if running {
                turn.cancel = policy == Overlap::Replace && !turn.pending.is_empty();
            } else if !turn.pending.is_empty() {
                turn.start.push(turn.pending.remove(0));
            }
        }
    }
    turn.gave_up = gave_up;
    turn
}

/// Looks at one schedule that is due; none when there is none left.
///
/// The row is locked, moved on and its runs are started in one transaction:
/// of several workers one makes the run.
pub(crate) async fn look(engine: &Engine, refused: &[Uuid]) -> Result<Option<Looked>, EngineError> {
    let now = engine.clock().now();
    let mut tx = store::begin(engine.pool(), Role::Engine).await?;
    let Some(due) = schedules::lock_due(&mut tx, now, refused).await? else {
        tx.rollback().await?;
        return Ok(None);
    };
    store::become_tenant(&mut tx, due.tenant).await?;
    let done = act(engine, &mut tx, &due, now).await;
    match done {
        Ok((runs, cancel)) => {
            store::commit!("schedules.commit", tx)?;
            if runs > 0 {
                engine.announce();
            }
            if let Some(run) = cancel {
                // It may have ended by now; else it is asked again at the next look.
                if let Err(error) = engine.cancel(due.tenant, run).await {
                    tracing::debug!(%error, %run, "a run is not replaced yet");
                }
            }
            Ok(Some(Looked::Done))
        }
        Err(EngineError::BadWorkflow(_)) => {
            tx.rollback().await?;
            Ok(Some(Looked::Refused(due.version)))
        }
        Err(EngineError::Store(error)) if error.is_transient() => Err(error.into()),
        Err(error) => {
            tx.rollback().await?;
            postpone(engine, &due, now, &error).await?;
            Ok(Some(Looked::Done))
        }
    }
}

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// A schedule was moved on.
    Done,
    /// This process has not the nodes of a version: another will do it.
    Refused(VersionId),
}

async fn act(
    engine: &Engine,
    connection: &mut store::Connection,
    due: &Due,
    now: DateTime<Utc>,
) -> Result<(usize, Option<crate::ids::RunId>), EngineError> {
    let tenant = due.tenant;
    let version = engine.version_on(connection, tenant, due.version).await?;
    let found = version.plan.triggers.iter().find(|it| it.name == due.name);
    let Some((trigger, schedule)) = found.and_then(scheduled) else {
        return Err(EngineError::UnknownVersion(due.version));
    };
    let running = match due.last_run {
        Some(run) => store::runs::is_open(connection, tenant, run).await?,
        None => false,
    };
    let turn = turn(schedule, due, running, now);
    let (mut runs, mut last_run) = (0, due.last_run);
    for tick in &turn.start {
        let occasion = occasion(schedule, *tick, now);
        let fired = engine
            .fire(connection, tenant, &version, trigger, &occasion)
            .await?;
        if let Fired::Run(started) = fired {
            runs += usize::from(started.new);
            last_run = Some(started.run);
        }
    }
    if turn.gave_up {
        let fault = TriggerFault {
            workflow: due.workflow.clone(),
            trigger: due.name.clone(),
            at: now,
            code: "schedule.gave_up".to_owned(),
            message: text!(
                "more than {most} instants were due: the oldest were given up",
                most = MOST
            ),
            event: json!({ "due_at": due.due_at.to_rfc3339() }),
        };
        engine.keep_fault(connection, tenant, &fault).await?;
    }
    let due_at = if due.due_at > now {
        due.due_at
    } else {
        schedule.cron.next(now).unwrap_or(DateTime::<Utc>::MAX_UTC)
    };
    let moved = Moved {
        due_at,
        look_at: if turn.pending.is_empty() {
            due_at
        } else {
            due_at.min(now + AGAIN)
        },
        pending: &turn.pending,
        last_run,
    };
    store::schedules::move_on(connection, tenant, &due.workflow, &due.name, &moved).await?;
    Ok((runs, last_run.filter(|_| turn.cancel)))
}

fn scheduled(trigger: &Trigger) -> Option<(&Trigger, &Schedule)> {
    match &trigger.kind {
        TriggerKind::Schedule(schedule) => Some((trigger, schedule)),
        _ => None,
    }
}

fn occasion(schedule: &Schedule, tick: DateTime<Utc>, now: DateTime<Utc>) -> Occasion {
    let mut about = Map::new();
    about.insert("late".to_owned(), (now - tick > ON_TIME).into());
    Occasion {
        event: json!({ "at": tick.to_rfc3339(), "local": schedule.cron.local_text(tick) }),
        about,
        at: tick,
        key: Some(tick.to_rfc3339()),
    }
}

/// Leaves a schedule for a while that cannot be looked at, and tells people of it.
async fn postpone(
    engine: &Engine,
    due: &Due,
    now: DateTime<Utc>,
    why: &EngineError,
) -> Result<(), EngineError> {
    tracing::error!(error = %why, tenant = %due.tenant, workflow = due.workflow, trigger = due.name, "a schedule cannot be kept");
    let mut tx = store::begin(engine.pool(), Role::Tenant(due.tenant)).await?;
    let moved = Moved {
        due_at: due.due_at,
        look_at: now + LEFT_FOR,
        pending: &due.pending,
        last_run: due.last_run,
    };
    store::schedules::move_on(&mut tx, due.tenant, &due.workflow, &due.name, &moved).await?;
    let fault = TriggerFault {
        workflow: due.workflow.clone(),
        trigger: due.name.clone(),
        at: now,
        code: why.code().to_owned(),
        message: Text::from(why),
        event: json!({ "due_at": due.due_at.to_rfc3339() }),
    };
    engine.keep_fault(&mut tx, due.tenant, &fault).await?;
    store::commit!("schedules.postpone.commit", tx)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Cron;
    use crate::ids::TenantId;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-24T{text}Z").parse().unwrap()
    }

    fn decide(
        (missed, overlap): (Missed, Option<Overlap>),
        (due_at, now): (&str, &str),
        (pending, running): (&[&str], bool),
    ) -> (Vec<String>, Vec<String>, bool) {
        let schedule = Schedule {
            cron: Cron::parse("*/10 * * * *", chrono_tz::UTC).unwrap(),
            missed,
            overlap,
        };
        let due = Due {
            tenant: TenantId(Uuid::nil()),
            workflow: "w".to_owned(),
            name: "t".to_owned(),
            version: VersionId(Uuid::nil()),
            due_at: at(due_at),
            pending: pending
                .iter()
                .map(|tick| at(&format!("{tick}:00")))
                .collect(),
            last_run: None,
        };
        let turn = turn(&schedule, &due, running, at(now));
        let text = |ticks: &[DateTime<Utc>]| -> Vec<String> {
            ticks
                .iter()
                .map(|it| it.format("%H:%M").to_string())
                .collect()
        };
        (text(&turn.start), text(&turn.pending), turn.cancel)
    }

    fn is(start: &[&str], pending: &[&str], cancel: bool) -> (Vec<String>, Vec<String>, bool) {
        let texts = |of: &[&str]| of.iter().map(|it| (*it).to_owned()).collect();
        (texts(start), texts(pending), cancel)
    }

    #[test]
    fn a_missed_instant_is_skipped_run_once_or_caught_up() {
        let outage = ("06:00:00", "06:25:00");
        let idle: (&[&str], bool) = (&[], false);
        assert_eq!(
            decide((Missed::Skip, None), outage, idle),
            is(&[], &[], false)
        );
        assert_eq!(
            decide((Missed::Skip, None), ("06:00:00", "06:20:01"), idle),
            is(&["06:20"], &[], false)
        );
        assert_eq!(
            decide((Missed::RunOnce, None), outage, idle),
            is(&["06:20"], &[], false)
        );
        assert_eq!(
            decide((Missed::CatchUp, None), outage, idle),
            is(&["06:00", "06:10", "06:20"], &[], false)
        );
    }

    #[test]
    fn an_overlap_waits_is_dropped_replaces_or_waits_as_the_newest() {
        let tick = ("06:10:00", "06:10:00");
        let busy: (&[&str], bool) = (&["06:00"], true);
        let done: (&[&str], bool) = (&["06:00"], false);
        let with = |overlap, state| decide((Missed::RunOnce, overlap), tick, state);
        assert_eq!(with(None, (&[], true)), is(&["06:10"], &[], false));
        let queue = Some(Overlap::Queue);
        assert_eq!(with(queue, busy), is(&[], &["06:00", "06:10"], false));
        assert_eq!(with(queue, done), is(&["06:00"], &["06:10"], false));
        assert_eq!(with(Some(Overlap::Drop), (&[], true)), is(&[], &[], false));
        assert_eq!(
            with(Some(Overlap::Drop), (&[], false)),
            is(&["06:10"], &[], false)
        );
        assert_eq!(
            with(Some(Overlap::Latest), busy),
            is(&[], &["06:10"], false)
        );
        assert_eq!(
            with(Some(Overlap::Replace), busy),
            is(&[], &["06:10"], true)
        );
        assert_eq!(
            with(Some(Overlap::Replace), done),
            is(&["06:10"], &[], false)
        );
        // A look between two instants, for the one that waits.
        let between = ("06:20:00", "06:11:00");
        assert_eq!(
            decide((Missed::RunOnce, queue), between, (&["06:10"], false)),
            is(&["06:10"], &[], false)
        );
    }
}
