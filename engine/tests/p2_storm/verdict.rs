//! What a storm did, seen from the outside.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use chrono::{DateTime, Utc};
use engine::ids::{RunId, TenantId};
use engine::{Engine, RunStatus, RunView};
use futures::{StreamExt, TryStreamExt};
use sqlx::PgPool;
use uuid::Uuid;

use crate::load::is_calm;
use crate::support::scene::Scene;
use crate::support::{Call, Outside};

/// Open runs that are looked at at once.
const LOOKS: i64 = 5;

/// An attempt of a step of a run.
type Attempt = (RunId, String, u32);

/// Outcomes that were seen recorded while the storm went on, and when each ended.
#[derive(Default)]
pub struct Sightings(HashMap<Attempt, DateTime<Utc>>);

impl Sightings {
    /// Looks on until the storm is over.
    pub async fn watch(scene: Scene, owner: PgPool) -> Self {
        let mut sightings = Self::default();
        let engine = scene.engine("onlooker");
        while !is_calm(&scene) {
            sightings.look(&engine, scene.tenant, &owner).await;
        }
        sightings
    }

    /// Remembers what is recorded of some open runs.
    async fn look(&mut self, engine: &Engine, tenant: TenantId, owner: &PgPool) {
        let open: Vec<Uuid> = sqlx::query_scalar(
            "select id from engine.runs where recorded order by random() limit $1",
        )
        .bind(LOOKS)
        .fetch_all(owner)
        .await
        .unwrap();
        for run in open {
            let view = engine.run(tenant, RunId(run)).await.unwrap();
            for (attempt, ended) in outcomes(&view) {
                self.0.entry(attempt).or_insert(ended);
            }
        }
    }
}

fn outcomes(view: &RunView) -> impl Iterator<Item = (Attempt, DateTime<Utc>)> {
    view.steps.iter().flat_map(|step| {
        let ended = step.attempts.iter().filter(|it| it.status.is_final());
        ended.filter_map(|it| Some(((view.id, step.path.clone(), it.number), it.ended_at?)))
    })
}

/// What came of a storm.
pub struct Verdict {
    accepted: usize,
    ended: usize,
    lost: usize,
    rerun: usize,
    doubled: usize,
    /// What was wrong, a line each.
    pub troubles: Vec<String>,
}

impl Verdict {
    pub fn is_good(&self) -> bool {
        let Self {
            accepted, ended, ..
        } = *self;
        self.troubles.is_empty() && accepted > 0 && accepted == ended
    }

    fn lost(&mut self, trouble: impl fmt::Display) {
        self.lost += 1;
        self.troubles.push(format!("lost: {trouble}"));
    }

    fn rerun(&mut self, trouble: impl fmt::Display) {
        self.rerun += 1;
        self.troubles.push(format!("rerun: {trouble}"));
    }

    fn doubled(&mut self, trouble: impl fmt::Display) {
        self.doubled += 1;
        self.troubles.push(format!("doubled: {trouble}"));
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "storm: accepted {} ended {} lost {} rerun {} doubled {}",
            self.accepted, self.ended, self.lost, self.rerun, self.doubled
        )
    }
}

/// How a run of a workflow ends when nobody cancels it; transactions and
/// external effects that it must have had then.
fn expected(workflow: &str) -> (RunStatus, usize, usize) {
    match workflow {
        "whole" => (RunStatus::Succeeded, 5, 6),
        "brief" => (RunStatus::Succeeded, 1, 1),
        "items" => (RunStatus::Succeeded, 10, 10),
        "fails" => (RunStatus::Failed, 1, 0),
        "called" | "heard" => (RunStatus::Succeeded, 1, 0),
        other => unreachable!("{other}"),
    }
}

/// Looks at everything that is left.
pub async fn reach(scene: &Scene, owner: &PgPool, sightings: &Sightings) -> Verdict {
    let told = std::fs::read_to_string(scene.outside.with_extension("accepted")).unwrap();
    let accepted: BTreeSet<RunId> = told.lines().map(|run| run.parse().unwrap()).collect();
    let mut verdict = Verdict {
        accepted: accepted.len(),
        ended: 0,
        lost: 0,
        rerun: 0,
        doubled: 0,
        troubles: Vec::new(),
    };
    let known: Vec<Uuid> = sqlx::query_scalar(
        "select id from engine.run_history union select id from engine.runs order by 1",
    )
    .fetch_all(owner)
    .await
    .unwrap();
    let known: BTreeSet<RunId> = known.into_iter().map(RunId).collect();
    for run in accepted.difference(&known) {
        verdict.lost(format_args!("{run} was accepted, and is not there"));
    }
    let engine = scene.engine("onlooker");
    let views: Vec<RunView> = futures::stream::iter(&known)
        .map(|run| engine.run(scene.tenant, *run))
        .buffer_unordered(8)
        .try_collect()
        .await
        .unwrap();
    let world = World::see(scene, owner).await;
    for view in &views {
        if judge(&mut verdict, view, &world, sightings) && accepted.contains(&view.id) {
            verdict.ended += 1;
        }
    }
    heard_once(&mut verdict, &views);
    verdict
}

/// The file that nodes append to, the table that they write.
struct World {
    calls: HashMap<RunId, Vec<Call>>,
    /// Steps that wrote, each time that they did.
    notes: HashMap<RunId, Vec<String>>,
}

impl World {
    async fn see(scene: &Scene, owner: &PgPool) -> Self {
        let mut calls: HashMap<RunId, Vec<Call>> = HashMap::new();
        for call in Outside::at(&scene.outside, "").calls() {
            calls.entry(call.run).or_default().push(call);
        }
        let written: Vec<(Uuid, String)> = sqlx::query_as("select run_id, step from outside.notes")
            .fetch_all(owner)
            .await
            .unwrap();
        let mut notes: HashMap<RunId, Vec<String>> = HashMap::new();
        for (run, step) in written {
            notes.entry(RunId(run)).or_default().push(step);
        }
        Self { calls, notes }
    }
}

/// Whether a run ended as it must.
fn judge(verdict: &mut Verdict, view: &RunView, world: &World, sightings: &Sightings) -> bool {
    let case = format!("{} {}", view.workflow, view.id);
    let calls = world.calls.get(&view.id).map_or(&[][..], Vec::as_slice);
    let notes = world.notes.get(&view.id).map_or(&[][..], Vec::as_slice);

    // No recorded step ran again: what was recorded still is, and nothing called after it.
    let ended: HashMap<_, _> = outcomes(view).collect();
    for (attempt, before) in sightings.0.iter().filter(|((run, ..), _)| *run == view.id) {
        if ended.get(attempt) != Some(before) {
            verdict.rerun(format_args!("{case}: {attempt:?} is not what was recorded"));
        }
    }
    for call in calls {
        let attempt = (view.id, call.step.clone(), call.attempt);
        if let Some(ended) = ended.get(&attempt)
            && ended.timestamp_micros() < call.at
        {
            verdict.rerun(format_args!("{case}: ended {ended}, then {call:?}"));
        }
    }

    // Each transaction once, each external effect under one key.
    let steps: HashSet<_> = notes.iter().collect();
    if steps.len() < notes.len() {
        verdict.doubled(format_args!("{case} wrote {notes:?}"));
    }
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.what == "send") {
        keys.entry(&call.step).or_default().insert(&call.key);
    }
    for (step, keys) in keys.iter().filter(|(_, keys)| keys.len() > 1) {
        verdict.doubled(format_args!("{case}: `{step}` has the keys {keys:?}"));
    }

    // It ended, with everything that it had to do.
    if view.status == RunStatus::Cancelled {
        return true;
    }
    if view
        .error
        .as_ref()
        .is_some_and(|it| it.code == "engine.poisoned")
    {
        // Four kills met it with nothing recorded in between, the last while it
        // ran alone: that is the rule, and on a busy machine a storm may do it.
        println!("poisoned by four kills: {case}");
        return true;
    }
    let (status, transactions, effects) = expected(&view.workflow);
    // A person may have been asked before the effect began: then it never did.
    let answered = usize::from(view.workflow == "whole" && !keys.contains_key("asked"));
    let whole =
        view.status == status && steps.len() == transactions && keys.len() + answered == effects;
    if !whole {
        let (status, error) = (view.status, &view.error);
        verdict.lost(format_args!(
            "{case}: {status:?} {error:?}, {steps:?}, {keys:?}"
        ));
    }
    whole
}

/// Each committed event was heard once, and no other.
fn heard_once(verdict: &mut Verdict, views: &[RunView]) {
    let mut emitted: BTreeMap<String, i32> = BTreeMap::new();
    for view in views.iter().filter(|view| view.workflow == "whole") {
        let book = view.step("book");
        let output = book.and_then(|step| step.attempts.last()?.output.clone());
        if let Some(output) = output {
            let value = output["value"].as_str().unwrap().to_owned();
            *emitted.entry(value).or_default() += 1;
        }
    }
    for view in views.iter().filter(|view| view.workflow == "heard") {
        let of = view.inputs["of"].as_str().unwrap().to_owned();
        *emitted.entry(of).or_default() -= 1;
    }
    for (of, missing) in emitted {
        match missing {
            0 => {}
            1.. => verdict.lost(format_args!("nobody heard of {of}")),
            _ => verdict.doubled(format_args!("heard more than once of {of}")),
        }
    }
}
