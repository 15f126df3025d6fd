//! What the workers are loaded with: workflows of all effects, and the clients that start them.

use std::io::Write;
use std::time::Duration;

use engine::ids::RunId;
use engine::node::{Decision, Person};
use engine::{Answer, Engine, EngineError, StartRun, WorkerOptions};
use futures::StreamExt;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::scene::{self, Scene};

/// All four effects, a loop with nested steps, retries, a wait, a call, a person, a question, an event.
const WHOLE: &str = r"
name: whole
inputs: { n: { type: integer, required: true } }
steps:
  base: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
  look:
    uses: test.read
    with: { value: [1, 2, 3], failures: 1 }
    retry: { max_attempts: 3, delay: 10ms }
  book: { uses: test.write, with: { value: '${{ run.id }} ${{ steps.base.value }}', emit: storm.booked } }
  tell: { uses: test.send, needs: [book], with: { value: '${{ steps.base.value }}' } }
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
    retry: { max_attempts: 2, delay: 100ms }
  pause: { uses: test.wait, needs: [later], with: { seconds: 1 } }
  called: { uses: test.child, needs: [pause], with: { name: called, inputs: { n: '${{ inputs.n }}' } } }
  ok: { uses: test.approve, needs: [called], with: { count: 1 } }
  asked: { uses: test.ask, needs: [ok] }
  last: { uses: test.echo, needs: [asked], with: { value: '${{ steps.each.len() }}' } }
outputs: { items: '${{ steps.last.value }}' }
";

const CALLED: &str = r"
name: called
inputs: { n: { type: integer, required: true } }
steps:
  entry: { uses: test.write, with: { value: 'child ${{ inputs.n }}' } }
outputs: { n: '${{ inputs.n }}' }
";

/// Starts once for each event that a transaction published.
const HEARD: &str = r"
name: heard
triggers: { booked: { event: storm.booked, start: { of: '${{ event.account }}' } } }
inputs: { of: { type: string, required: true } }
steps:
  entry: { uses: test.write, with: { value: '${{ inputs.of }}' } }
";

/// Nothing to wait for: mostly born in the process that accepts it.
const BRIEF: &str = r"
name: brief
inputs: { n: { type: integer, required: true } }
steps:
  base: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
  tell: { uses: test.send, with: { value: '${{ steps.base.value }}' } }
  book: { uses: test.write, needs: [tell], with: { value: 'brief ${{ inputs.n }}' } }
outputs: { n: '${{ inputs.n }}' }
";

/// A loop of many items.
const ITEMS: &str = r"
name: items
inputs: { n: { type: integer, required: true } }
steps:
  look: { uses: test.read, with: { value: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] } }
  each:
    for_each: '${{ steps.look.value }}'
    concurrency: 4
    steps:
      base: { uses: test.echo, with: { value: '${{ item }}' } }
      note: { uses: test.write, with: { value: 'item ${{ steps.base.value }}' } }
      ship: { uses: test.send, with: { value: '${{ steps.note.value }}' } }
outputs: { n: '${{ steps.each.len() }}' }
";

/// Fails after an effect.
const FAILS: &str = r"
name: fails
inputs: { n: { type: integer, required: true } }
steps:
  book: { uses: test.write, with: { value: 'fails ${{ inputs.n }}' } }
  bad: { uses: test.bad, needs: [book], with: { how: fail } }
";

pub async fn publish(scene: &Scene) {
    let engine = scene.engine("0");
    for source in [CALLED, HEARD, WHOLE, BRIEF, ITEMS, FAILS] {
        let saved = engine.save(scene.tenant, source).await;
        let saved = saved.unwrap_or_else(|error| panic!("{error}"));
        engine.publish(scene.tenant, saved.id).await.unwrap();
    }
}

/// No client starts anything more.
pub fn calm(scene: &Scene) {
    std::fs::write(scene.outside.with_extension("calm"), "").unwrap();
}

pub fn is_calm(scene: &Scene) -> bool {
    scene.outside.with_extension("calm").exists()
}

/// A worker process: works, with two clients beside it, until it is told to stop.
pub async fn work(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let mut clients = JoinSet::new();
    for kind in ["brief", "items"] {
        clients.spawn(client(scene.clone(), engine.clone(), vec![kind]));
    }
    let options = WorkerOptions {
        name: life.to_owned(),
        ..WorkerOptions::default()
    };
    scene::work(engine, options).await;
}

/// Clients in the test's own process, and the people who answer.
pub struct Clients(JoinSet<()>);

impl Clients {
    pub fn start(scene: &Scene, owner: &PgPool, count: usize) -> Self {
        let mut tasks = JoinSet::new();
        let kinds = ["whole", "fails", "whole", "brief", "whole", "items"];
        for number in 0..count {
            let mut kinds = kinds.to_vec();
            kinds.rotate_left(number % 6);
            tasks.spawn(client(scene.clone(), scene.engine("client"), kinds));
        }
        let (scene, owner) = (scene.clone(), owner.clone());
        tasks.spawn(async move {
            while !is_calm(&scene) {
                answer_all(&scene, &owner).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self(tasks)
    }

    pub async fn join(self) {
        self.0.join_all().await;
    }
}

/// Starts one run after another, some at a time; says on the outside what was accepted.
async fn client(scene: Scene, engine: Engine, kinds: Vec<&'static str>) {
    const AT_ONCE: usize = 2;
    let starts = futures::stream::iter(kinds.iter().cycle().enumerate());
    starts
        .take_while(|_| std::future::ready(!is_calm(&scene)))
        .for_each_concurrent(AT_ONCE, |(n, kind)| start(&scene, &engine, kind, n))
        .await;
}

async fn start(scene: &Scene, engine: &Engine, kind: &str, n: usize) {
    let start = StartRun::new(kind, json!({ "n": n }));
    let run = match engine.start(scene.tenant, &start).await {
        Ok(started) => started.run,
        // Nobody was told that it is accepted.
        Err(EngineError::Unanswered(_)) => return,
        Err(error) => panic!("{kind} is not accepted: {error}"),
    };
    let mut file = std::fs::File::options();
    let file = file.append(true).create(true);
    let mut file = file.open(scene.outside.with_extension("accepted")).unwrap();
    file.write_all(format!("{run}\n").as_bytes()).unwrap();
    if n % 16 == 15 {
        // It may have ended by now.
        let _ = engine.cancel(scene.tenant, run).await;
    }
    while !is_calm(scene) {
        let end = engine.finished(scene.tenant, run);
        if tokio::time::timeout(Duration::from_secs(1), end)
            .await
            .is_ok()
        {
            return;
        }
    }
}

/// Answers everything that is asked right now.
pub async fn answer_all(scene: &Scene, owner: &PgPool) {
    let asked: Vec<(Uuid, String, String)> = sqlx::query_as(
        "select run_id, place, kind from engine.waits where kind in ('answer', 'approval')",
    )
    .fetch_all(owner)
    .await
    .unwrap();
    if asked.is_empty() {
        return;
    }
    let engine = scene.engine("person");
    for (run, place, kind) in asked {
        let run = RunId(run);
        let answered = if kind == "answer" {
            let answer = Answer::Done(json!({ "key": "looked up by a person" }));
            engine.answer(scene.tenant, run, &place, answer).await
        } else {
            let person = Person {
                name: "Ada".to_owned(),
                roles: Vec::new(),
            };
            let decision = Decision {
                approved: true,
                form: Value::Null,
            };
            let decided = engine.decide(scene.tenant, run, &place, &person, decision);
            decided.await.map(|_| ())
        };
        // Somebody else may have ended it.
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
