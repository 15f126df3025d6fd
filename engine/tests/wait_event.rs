//! A step may wait for an event: it sees each one since its run started, once,
//! whenever it comes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use engine::ids::RunId;
use engine::testing::{FakeClock, RunTest};
use engine::{Event, RunStatus};
use serde_json::{Value, json};
use support::{Counts, Outside, registry};

const PAID: &str = r"
name: paid
inputs: { invoice: { type: string, required: true } }
steps:
  paid:
    uses: wait.event
    with: { event: invoice.paid, key: '${{ inputs.invoice }}', filter: event.amount > 10, seconds: 3600 }
outputs: { amount: '${{ steps.paid.data.amount }}' }
";

/// Two in a row, and a third that stands beside them.
const ROW: &str = r"
name: row
steps:
  first: { uses: wait.event, with: { event: invoice.paid } }
  second: { uses: wait.event, needs: [first], with: { event: invoice.paid, key: a } }
  beside: { uses: wait.event, with: { event: invoice.paid } }
outputs:
  seen: '${{ [steps.first.data.amount, steps.second.data.amount, steps.beside.data.amount] }}'
";

const TURNS: &str = r"
name: turns
steps:
  paid:
    repeat: { until: index == 2, max_iterations: 5 }
    steps:
      part: { uses: wait.event, with: { event: invoice.paid } }
outputs: { last: '${{ steps.paid.part.data.amount }}' }
";

const CANCELLED: &str = r"
name: cancelled
inputs: { invoice: { type: string, required: true } }
cancel_on: { event: invoice.paid, key: '${{ inputs.invoice }}' }
steps:
  remind: { uses: test.wait, with: { seconds: 86400 } }
";

struct Setup {
    _folder: tempfile::TempDir,
    clock: Arc<FakeClock>,
    test: RunTest,
}

async fn setup(workflow: &str) -> Setup {
    let (folder, outside) = Outside::in_temp();
    let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
    let clock = Arc::new(FakeClock::at(noon));
    let registry = registry(&outside, &Counts::default());
    let test = RunTest::with_clock(registry, clock.clone()).await;
    test.publish(workflow).await;
    Setup {
        _folder: folder,
        clock,
        test,
    }
}

impl Setup {
    /// Publishes an event, a moment later.
    async fn emit(&self, key: &str, amount: i64) {
        self.clock.advance(Duration::from_millis(1));
        let event = Event::new("invoice.paid").key(key).with("amount", amount);
        self.test
            .engine
            .emit(self.test.tenant, &event)
            .await
            .unwrap();
    }

    async fn start(&self, workflow: &str) -> RunId {
        let inputs = match workflow {
            "row" | "turns" => json!({}),
            _ => json!({ "invoice": "a" }),
        };
        self.test.start(workflow, inputs).await.unwrap()
    }

    /// Returns when this counts so many rows.
    async fn until(&self, count: &'static str, rows: i64) {
        let pool = self.test.db().owner_pool();
        let counted = async {
            while sqlx::query_scalar::<_, i64>(count)
                .fetch_one(&pool)
                .await
                .unwrap()
                != rows
            {
                tokio::task::yield_now().await;
            }
        };
        let within = tokio::time::timeout(Duration::from_secs(30), counted).await;
        assert!(within.is_ok(), "{count} is not {rows}");
    }

    async fn dispatched(&self, events: i64) {
        self.until("select count(*) from engine.events", events)
            .await;
    }

    async fn waiting(&self, waits: i64) {
        let count = "select count(*) from engine.waits where kind = 'event'";
        self.until(count, waits).await;
    }

    async fn outputs(&self, run: RunId) -> Value {
        let view = self.test.finished(run).await;
        assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
        view.outputs.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_ends_the_wait_of_its_key_when_the_filter_wants_it() {
    let it = setup(PAID).await;
    let run = it.start("paid").await;
    it.waiting(1).await;
    it.emit("b", 90).await;
    it.emit("a", 5).await;
    it.dispatched(2).await;
    it.until("select count(*) from engine.inbox", 0).await;
    it.waiting(1).await;
    it.emit("a", 50).await;
    assert_eq!(it.outputs(run).await, json!({ "amount": 50 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_sees_what_came_before_it_but_not_before_its_run() {
    let it = setup(ROW).await;
    it.emit("a", 1).await;
    it.dispatched(1).await;
    let run = it.start("row").await;
    it.waiting(2).await;
    // The second begins to wait when this one has come.
    it.emit("b", 2).await;
    it.waiting(1).await;
    it.emit("b", 3).await;
    it.emit("a", 4).await;
    assert_eq!(it.outputs(run).await, json!({ "seen": [2, 4, 2] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_in_a_row_take_one_event_each_that_came_before_they_began() {
    let it = setup(ROW).await;
    let mut it = it;
    it.test.stop_worker().await;
    let run = it.start("row").await;
    for amount in 1..4 {
        it.emit("a", amount).await;
    }
    it.test.start_worker(engine::WorkerOptions::default()).await;
    assert_eq!(it.outputs(run).await, json!({ "seen": [1, 2, 1] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_iteration_takes_the_next_event() {
    let it = setup(TURNS).await;
    let run = it.start("turns").await;
    for amount in 1..4 {
        it.emit("a", amount).await;
    }
    assert_eq!(it.outputs(run).await, json!({ "last": 3 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_in_time_fails_the_step() {
    let it = setup(PAID).await;
    let run = it.start("paid").await;
    it.waiting(1).await;
    it.clock.advance(Duration::from_secs(3600));
    let view = it.test.finished(run).await;
    assert_eq!(view.error.unwrap().code, "test.late");
    it.waiting(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_cancels_the_runs_of_its_key_whenever_it_comes() {
    let it = setup(CANCELLED).await;
    let run = it.start("cancelled").await;
    it.waiting(1).await;
    it.emit("b", 1).await;
    it.dispatched(1).await;
    let view = it.test.engine.run(it.test.tenant, run).await.unwrap();
    assert!(!view.status.is_final(), "{view:#?}");
    it.emit("a", 1).await;
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Cancelled, "{view:#?}");
    // One that nobody executes yet.
    let mut it = it;
    it.test.stop_worker().await;
    let run = it.start("cancelled").await;
    it.emit("a", 1).await;
    it.test.start_worker(engine::WorkerOptions::default()).await;
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Cancelled, "{view:#?}");
}

const LATER: &str = r"
name: later
inputs: { invoice: { type: string, required: true } }
steps:
  pause: { uses: test.wait, with: { seconds: 60 } }
  paid: { uses: wait.event, needs: [pause], with: { event: invoice.paid, key: '${{ inputs.invoice }}' } }
outputs: { amount: '${{ steps.paid.data.amount }}' }
";

/// Holds whoever comes by a failpoint, until it is dropped.
struct Hold(&'static str, Option<Sender<()>>);

impl Hold {
    fn at(point: &'static str) -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        let receiver = Mutex::new(receiver);
        let wait = move || {
            // Nothing is sent: it ends with the sender.
            tokio::task::block_in_place(|| receiver.lock().unwrap().recv().unwrap_or(()));
        };
        fail::cfg_callback(point, wait).unwrap();
        Self(point, Some(sender))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.1.take();
        fail::remove(self.0);
    }
}

/// Who holds the lock of a name in this database, who shares it, who waits for it.
const HELD: &str = "select count(*) from pg_locks \
    where locktype = 'advisory' and granted and mode = 'ExclusiveLock' \
      and database = (select oid from pg_database where datname = current_database())";
const SHARED: &str = "select count(*) from pg_locks \
    where locktype = 'advisory' and granted and mode = 'ShareLock' \
      and database = (select oid from pg_database where datname = current_database())";
const HELD_BACK: &str = "select count(*) from pg_locks \
    where locktype = 'advisory' and not granted \
      and database = (select oid from pg_database where datname = current_database())";

/// A wait that begins and an event that is dispatched at that moment: whichever
/// is first, the other one waits for its commit and then sees it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_event_that_comes_as_a_wait_begins_is_heard_once() {
    let it = setup(LATER).await;
    let run = it
        .test
        .start("later", json!({ "invoice": "a" }))
        .await
        .unwrap();
    it.until("select count(*) from engine.timers", 1).await;
    // The event is kept, nobody is told, and its transaction is open.
    let dispatch = Hold::at("events.tell:after");
    it.emit("a", 50).await;
    it.until(HELD, 1).await;
    it.clock.advance(Duration::from_secs(60));
    it.until(HELD_BACK, 1).await;
    drop(dispatch);
    assert_eq!(it.outputs(run).await, json!({ "amount": 50 }));
    // The wait is written, nothing is found, and its transaction is open.
    let begins = Hold::at("waits.look_back:after");
    let run = it
        .test
        .start("later", json!({ "invoice": "b" }))
        .await
        .unwrap();
    it.until("select count(*) from engine.timers", 1).await;
    it.clock.advance(Duration::from_secs(60));
    it.until(SHARED, 1).await;
    it.emit("b", 70).await;
    it.until(HELD_BACK, 1).await;
    drop(begins);
    assert_eq!(it.outputs(run).await, json!({ "amount": 70 }));
}
