//! Runs that go on while their database does not, and what became of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use engine::ids::RunId;
use engine::{Engine, RunStatus, StartRun, Worker, WorkerOptions};
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::scene::Scene;
use crate::support::{Outside, make_notes};

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(90);

const WORKFLOW: &str = r"
name: loaded
inputs: { n: { type: integer, required: true } }
steps:
  base: { uses: test.read, with: { value: [1, 2] } }
  book: { uses: test.write, with: { value: 'all ${{ steps.base.value.len() }}' } }
  tell: { uses: test.send, needs: [book] }
  each:
    for_each: '${{ steps.base.value }}'
    steps:
      note: { uses: test.write, with: { value: 'item ${{ item }}' } }
      ship: { uses: test.send, with: { value: '${{ steps.note.value }}' } }
  last: { uses: test.echo, needs: [each, tell], with: { value: 1 } }
outputs: { n: '${{ inputs.n }}' }
";
const TRANSACTIONS: i64 = 3;
const EFFECTS: usize = 3;

/// Workers and clients of one database.
pub struct Load {
    pub scene: Scene,
    pub engine: Engine,
    workers: Vec<Worker>,
    clients: JoinSet<Vec<RunId>>,
    accepted: watch::Sender<usize>,
    calm: CancellationToken,
}

/// Sessions of the superuser.
pub fn pool(url: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(2)
        .connect_lazy(url)
        .unwrap()
}

impl Load {
    /// Two workers, one of which has a client in its process, and others beside them.
    pub async fn start(url: &str, admin: &str, folder: &Path) -> Self {
        database::migrate::run(admin, Some(database::local::LOGIN))
            .await
            .unwrap();
        make_notes(&pool(admin)).await;
        let scene = Scene::new(url.to_owned(), folder);
        let engine = scene.engine("client");
        let saved = engine.save(scene.tenant, WORKFLOW).await.unwrap();
        engine.publish(scene.tenant, saved.id).await.unwrap();
        let mut load = Self {
            scene,
            engine,
            workers: Vec::new(),
            clients: JoinSet::new(),
            accepted: watch::Sender::new(0),
            calm: CancellationToken::new(),
        };
        for life in ["1", "2"] {
            let engine = load.scene.engine(life);
            let options = WorkerOptions::default();
            let worker = Worker::start(engine.clone(), options).await.unwrap();
            load.workers.push(worker);
            load.client(engine);
            load.client(load.engine.clone());
        }
        load
    }

    /// Starts one run after another; remembers those it was told of.
    fn client(&mut self, engine: Engine) {
        let (calm, accepted) = (self.calm.clone(), self.accepted.clone());
        let tenant = self.scene.tenant;
        self.clients.spawn(async move {
            let mut told = Vec::new();
            while !calm.is_cancelled() {
                let start = StartRun::new("loaded", json!({ "n": told.len() }));
                match engine.start(tenant, &start).await {
                    Ok(started) => {
                        told.push(started.run);
                        accepted.send_modify(|count| *count += 1);
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            told
        });
    }

    /// Waits until so many more were accepted.
    pub async fn more(&self, count: usize) {
        let mut accepted = self.accepted.subscribe();
        let enough = *accepted.borrow() + count;
        let waited = accepted.wait_for(|count| *count >= enough);
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        assert!(waited.is_ok(), "nothing is accepted any more");
    }

    /// Every accepted run ends well, all of it once.
    pub async fn verify(mut self, admin: &str) {
        self.calm.cancel();
        let mut accepted = Vec::new();
        while let Some(told) = self.clients.join_next().await {
            accepted.extend(told.unwrap());
        }
        for run in &accepted {
            let end = self.engine.finished(self.scene.tenant, *run);
            let end = tokio::time::timeout(PATIENCE, end).await;
            let view = end
                .unwrap_or_else(|_| panic!("{run} was accepted and does not end"))
                .unwrap_or_else(|error| panic!("{run} was accepted: {error}"));
            assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
        }
        let owner = pool(admin);
        let drained = async {
            let open = "select exists (select from engine.runs)";
            while sqlx::query_scalar::<_, bool>(open)
                .fetch_one(&owner)
                .await
                .unwrap()
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let drained = tokio::time::timeout(PATIENCE, drained).await;
        assert!(
            drained.is_ok(),
            "a run that nobody was told of does not end"
        );
        for worker in &mut self.workers {
            worker.stop().await;
        }
        let written: Vec<(Uuid, i64, i64)> = sqlx::query_as(
            "select run_id, count(*), count(distinct step) from outside.notes group by 1",
        )
        .fetch_all(&owner)
        .await
        .unwrap();
        for (run, notes, steps) in &written {
            assert_eq!((*notes, *steps), (TRANSACTIONS, TRANSACTIONS), "{run}");
        }
        let mut keys: BTreeMap<RunId, BTreeSet<(String, String)>> = BTreeMap::new();
        for call in Outside::at(&self.scene.outside, "").calls() {
            if call.what == "send" {
                keys.entry(call.run)
                    .or_default()
                    .insert((call.step, call.key));
            }
        }
        let known: BTreeSet<RunId> = written.iter().map(|(run, ..)| RunId(*run)).collect();
        for run in &accepted {
            assert!(known.contains(run), "{run} wrote nothing");
        }
        for run in &known {
            assert_eq!(keys[run].len(), EFFECTS, "{run}: {:?}", keys[run]);
        }
        println!(
            "{} runs were accepted, {} ended",
            accepted.len(),
            known.len()
        );
    }
}
