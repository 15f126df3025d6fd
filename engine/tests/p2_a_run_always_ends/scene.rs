//! Workflows and parts of processes that are killed.

use engine::ids::{RunId, TenantId};
use engine::node::{Decision, Person};
use engine::{Answer, Engine, EngineError, RunEvent, StartRun, StepStatus};
use engine::{Worker, WorkerOptions};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::scene::{Scene, Stage, play};

/// The workflow that the other one calls.
pub const CALLED: &str = r"
name: crash-child
inputs: { n: { type: integer, required: true } }
steps:
  entry: { uses: test.write, with: { value: 'child ${{ inputs.n }}' } }
outputs: { n: '${{ inputs.n }}' }
";

/// All four effects, two waits, a call, a loop with nested steps, retries short and long, a question.
pub const WORKFLOW: &str = r"
name: crash
inputs: { n: { type: integer, required: true } }
labels: { n: '${{ inputs.n }}' }
concurrency: { key: '${{ inputs.n }}' }
rate_limit: { key: starts, limit: 1, per: 5s }
steps:
  base: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
  look:
    uses: test.read
    with: { value: [1, 2, 3], failures: 1 }
    retry: { max_attempts: 3, delay: 10ms }
  book: { uses: test.write, with: { value: 'base ${{ steps.base.value }}' } }
  tell: { uses: test.send, rate_limit: { limit: 100, per: 1s }, needs: [book], with: { value: '${{ steps.base.value }}' } }
  each:
    for_each: '${{ steps.look.value }}'
    concurrency: 2
    steps:
      note: { uses: test.write, with: { value: 'item ${{ item }}' } }
      ship: { uses: test.send, with: { value: '${{ steps.note.value }}' } }
  found: { uses: test.find, needs: [each, tell], with: { value: 1 } }
  later:
    uses: test.write
    needs: [found]
    with: { value: later, failures: 1 }
    retry: { max_attempts: 2, delay: 5s, jitter: false }
  pause: { uses: test.wait, needs: [later], with: { seconds: 5, again: 1 } }
  called: { uses: test.child, needs: [pause], with: { name: crash-child, inputs: { n: '${{ inputs.n }}' } } }
  ok: { uses: test.approve, needs: [called], with: { count: 1 } }
  asked: { uses: test.ask, needs: [ok], with: { lost: 1 } }
  bulk: { uses: test.bad, needs: [book], with: { how: large } }
  passed: { uses: test.echo, needs: [asked], with: { value: '${{ steps.bulk }}' } }
  last: { uses: test.echo, needs: [passed], with: { value: '${{ steps.each.len() }}' } }
outputs: { items: '${{ steps.last.value }}' }
";

/// All effects, and nothing to wait for.
pub const BRIEF: &str = r"
name: brief
inputs: { n: { type: integer, required: true } }
labels: { n: '${{ inputs.n }}' }
steps:
  base: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
  tell: { uses: test.send, with: { value: '${{ steps.base.value }}' } }
  book: { uses: test.write, needs: [tell], with: { value: 'brief ${{ inputs.n }}' } }
";

/// A run that stands in line behind the other.
pub const RIVAL: &str = r"
name: rival
concurrency: { key: '7' }
steps:
  a: { uses: test.same, with: { value: 1 } }
";

/// What transactions must have written, once each.
pub const WRITTEN: [&str; 6] = ["base 7", "child 7", "item 1", "item 2", "item 3", "later"];

/// Runs this process again, as a child that plays one part to its end.
pub async fn child(
    scene: &Scene,
    part: &str,
    life: &str,
    kill: Option<(&str, u32)>,
) -> std::process::ExitStatus {
    let kill = kill.map(|(point, hit)| (point, hit, Signal::SIGKILL));
    scene.spawn("scene::plays", part, life, kill).ended().await
}

/// Not a test of its own: the process that is killed.
#[test]
fn plays() {
    let Some((scene, part, life)) = Scene::played() else {
        return;
    };
    play(async {
        match part.as_str() {
            "work" => work(&scene, &life).await,
            "accept" => accept(&scene, &life).await,
            "admit" => admit(&scene, &life).await,
            "deliver" => crate::fire::deliver(&scene, &life).await,
            "tick" => crate::fire::tick(&scene, &life).await,
            "hear" => crate::fire::hear(&scene, &life).await,
            "fire" => crate::fire::fire(&scene, &life).await,
            _ => unreachable!("no such part"),
        }
    });
}

async fn approve(engine: &Engine, tenant: TenantId, run: RunId) -> Result<(), EngineError> {
    let person = Person {
        name: "Ada".to_owned(),
        roles: Vec::new(),
    };
    let decision = Decision {
        approved: true,
        form: json!(null),
    };
    engine.decide(tenant, run, "ok", &person, decision).await?;
    Ok(())
}

/// Works until no run is open, and answers the questions that come up.
pub async fn work(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    let filter = engine::RunFilter::default();
    for run in engine.runs(scene.tenant, &filter).await.unwrap() {
        let mut watch = engine.watch(scene.tenant, run.id);
        while let Some(event) = watch.next().await.unwrap() {
            let RunEvent::Step {
                step,
                status: StepStatus::Waiting,
                ..
            } = event
            else {
                continue;
            };
            let answered = match step.as_str() {
                "asked" => {
                    let key = json!({ "key": "looked up by a person" });
                    let answer = Answer::Done(key);
                    engine.answer(scene.tenant, run.id, "asked", answer).await
                }
                "ok" => approve(&engine, scene.tenant, run.id).await,
                _ => continue,
            };
            assert!(
                matches!(
                    answered,
                    Ok(())
                        | Err(EngineError::NoQuestion(_)
                            | EngineError::Ended(_)
                            | EngineError::Refused(_))
                ),
                "{answered:?}"
            );
        }
    }
    worker.stop().await;
}

/// Starts runs in a process that executes them; says on the outside which were accepted.
async fn admit(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    let saved = engine.save(scene.tenant, BRIEF).await.unwrap();
    engine.publish(scene.tenant, saved.id).await.unwrap();
    let accepted = scene.outside.with_extension("accepted");
    let mut told = String::new();
    for n in 0..4 {
        let start = StartRun::new("brief", json!({ "n": n }));
        let run = engine.start(scene.tenant, &start).await.unwrap().run;
        told.push_str(&format!("{run}\n"));
        std::fs::write(&accepted, &told).unwrap();
        engine.finished(scene.tenant, run).await.unwrap();
    }
    worker.stop().await;
}

async fn publish(engine: &Engine, tenant: TenantId) {
    for source in [CALLED, WORKFLOW] {
        let saved = engine.save(tenant, source).await.unwrap();
        engine.publish(tenant, saved.id).await.unwrap();
    }
}

/// Saves, publishes and starts; says on the outside what was accepted.
pub async fn accept(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    publish(&engine, scene.tenant).await;
    let start = StartRun::new("crash", json!({ "n": 7 }));
    let run = engine.start(scene.tenant, &start).await.unwrap().run;
    let accepted = scene.outside.with_extension("accepted");
    std::fs::write(accepted, run.to_string()).unwrap();
}

/// A run that is accepted and not begun.
pub async fn accepted(stage: &Stage) -> (Engine, RunId) {
    accepted_of(stage, WORKFLOW, json!({ "n": 7 })).await
}

/// The same, of another workflow.
pub async fn accepted_of(stage: &Stage, yaml: &str, inputs: serde_json::Value) -> (Engine, RunId) {
    let engine = stage.scene.engine("0");
    publish(&engine, stage.scene.tenant).await;
    let saved = engine.save(stage.scene.tenant, yaml).await.unwrap();
    engine.publish(stage.scene.tenant, saved.id).await.unwrap();
    let start = StartRun::new(saved.workflow, inputs);
    let run = engine.start(stage.scene.tenant, &start).await.unwrap().run;
    (engine, run)
}
