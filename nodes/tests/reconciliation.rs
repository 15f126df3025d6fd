//! The main job from end to end: workflow, nodes, ledger, on a real database.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;

use domain::ids::{BankAccountId, CondominiumId, TenantId, TransactionId};
use domain::matching::{Outcome, Snapshot};
use domain::money::Money;
use domain::store::bank_transactions::State;
use domain::store::testing::{SOURCE, TILLEULS, condominium, load, now, small};
use domain::store::{TenantTx, bank_transactions, book, condominiums, results};
use domain::world;
use engine::testing::RunTest;
use engine::{RunStatus, RunView};
use nodes::catalogue;
use serde_json::{Value, json};

const RECONCILE: &str = include_str!("../../workflows/bank-reconciliation.yaml");
const DECIDE: &str = include_str!("../../workflows/reconciliation-decide.yaml");
const UNDO: &str = include_str!("../../workflows/reconciliation-undo.yaml");

/// Tables whose rows say what was decided and posted.
const WRITTEN: [&str; 7] = [
    "proposals",
    "matches",
    "allocations",
    "journal_entries",
    "entry_lines",
    "holds",
    "payer_aliases",
];

/// The small portfolio, a worker, and the shipped workflows published.
struct Scene {
    test: RunTest,
    condominium: CondominiumId,
}

impl Scene {
    async fn new(automatic: bool) -> Self {
        let test = RunTest::new(catalogue().unwrap()).await;
        load(&test.db().pool(), TenantId(test.tenant.0), &small())
            .await
            .unwrap();
        let mut transaction = test.db().pool().begin().await.unwrap();
        let mut tx = TenantTx::enter(&mut transaction, TenantId(test.tenant.0))
            .await
            .unwrap();
        let condominium = condominium(&mut tx, TILLEULS).await.unwrap();
        condominiums::set_automatic_posting(&mut tx, condominium, automatic)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        for workflow in [RECONCILE, DECIDE, UNDO] {
            test.publish(workflow).await;
        }
        Self { test, condominium }
    }

    async fn run(&self, workflow: &str, inputs: Value) -> RunView {
        let run = self
            .test
            .start(workflow, inputs)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        self.test.finished(run).await
    }

    async fn reconcile(&self) -> Value {
        let run = self
            .run(
                "bank-reconciliation",
                json!({ "condominium_id": self.condominium }),
            )
            .await;
        succeeded(run)
    }

    async fn decide(&self, line: TransactionId, allocations: Value) -> RunView {
        let inputs = json!({ "transaction_id": line, "allocations": allocations, "by": "Camille" });
        self.run("reconciliation-decide", inputs).await
    }

    async fn undo(&self, line: TransactionId) -> RunView {
        self.run(
            "reconciliation-undo",
            json!({ "transaction_id": line, "by": "Camille" }),
        )
        .await
    }

    async fn snapshot(&self) -> Snapshot {
        let mut transaction = self.test.db().pool().begin().await.unwrap();
        let mut tx = TenantTx::enter(&mut transaction, TenantId(self.test.tenant.0))
            .await
            .unwrap();
        book::load(&mut tx, self.condominium)
            .await
            .unwrap()
            .unwrap()
    }

    /// A line by its id in the source, and where it stands.
    async fn line(&self, external_ref: &str) -> (TransactionId, State) {
        let mut transaction = self.test.db().pool().begin().await.unwrap();
        let mut tx = TenantTx::enter(&mut transaction, TenantId(self.test.tenant.0))
            .await
            .unwrap();
        results::standing(&mut tx, SOURCE, external_ref)
            .await
            .unwrap()
            .unwrap()
    }

    /// Adds a line to the feed, like the first one but for what is given.
    async fn import(&self, id: i64, day: &str, cents: i64, label: &str) {
        let line = world::Transaction {
            id,
            date: day.parse().unwrap(),
            amount: Money::from_cents(cents),
            original_wording: label.to_owned(),
            wording: label.to_owned(),
            ..small().transactions[0].clone()
        };
        let mut transaction = self.test.db().pool().begin().await.unwrap();
        let mut tx = TenantTx::enter(&mut transaction, TenantId(self.test.tenant.0))
            .await
            .unwrap();
        bank_transactions::import(&mut tx, SOURCE, &[line], now())
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    /// Rows in the tables that decisions are written to.
    async fn written(&self) -> Vec<(&'static str, i64)> {
        let mut counts = Vec::new();
        for table in WRITTEN {
            let statement = sqlx::AssertSqlSafe(format!("select count(*) from copro.{table}"));
            let count = sqlx::query_scalar(statement)
                .fetch_one(&self.test.db().owner_pool())
                .await
                .unwrap();
            counts.push((table, count));
        }
        counts
    }

    async fn count(&self, table: &str) -> i64 {
        self.written()
            .await
            .into_iter()
            .find(|(name, _)| *name == table)
            .unwrap()
            .1
    }

    async fn execute(&self, statement: &'static str) {
        sqlx::raw_sql(statement)
            .execute(&self.test.db().owner_pool())
            .await
            .unwrap();
    }
}

fn succeeded(run: RunView) -> Value {
    assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.error);
    run.outputs.unwrap()
}

fn failed_with(run: RunView) -> String {
    assert_eq!(run.status, RunStatus::Failed);
    run.error.unwrap().code
}

fn owner(snapshot: &Snapshot, code: &str) -> Value {
    json!(
        snapshot
            .owners
            .iter()
            .find(|owner| owner.account_code == code)
            .unwrap()
            .id
    )
}

fn receivable<'a>(snapshot: &'a Snapshot, external_ref: &str) -> &'a domain::matching::Receivable {
    snapshot
        .receivables
        .iter()
        .find(|item| item.external_ref == external_ref)
        .unwrap()
}

#[tokio::test]
async fn sure_lines_are_posted_and_the_others_wait_for_a_person() {
    let scene = Scene::new(true).await;
    let outputs = scene.reconcile().await;
    assert_eq!(
        scene.line("5001").await.1,
        State::Posted,
        "reference, name and amount: {outputs}"
    );
    assert_eq!(
        scene.line("5003").await.1,
        State::Review,
        "two owners of that name owe that amount"
    );
    assert_eq!(
        scene.line("5004").await.1,
        State::Review,
        "nothing on file explains it"
    );
    assert_eq!(scene.line("5005").await.1, State::Posted, "a deposit slip");
    assert_eq!(
        scene.line("6001").await.1,
        State::New,
        "another condominium is not touched"
    );
    let posted = outputs["posted"].as_i64().unwrap();
    assert_eq!(posted, scene.count("matches").await);
    assert_eq!(posted + outputs["to_review"].as_i64().unwrap(), 11);
    let snapshot = scene.snapshot().await;
    assert!(receivable(&snapshot, "rec_martin_t1").open.is_zero());
    assert!(
        receivable(&snapshot, "rec_lopez_t1").open.is_zero(),
        "settled by the file, known before the bank"
    );
    assert!(
        scene.count("holds").await >= 2,
        "what the ambiguous line may turn out to be is held"
    );
}

#[tokio::test]
async fn the_ledger_of_each_bank_account_moves_by_the_posted_lines() {
    let scene = Scene::new(true).await;
    scene.reconcile().await;
    let mut posted: BTreeMap<BankAccountId, Money> = BTreeMap::new();
    for past in scene.snapshot().await.history {
        let Outcome::Posted { .. } = past.outcome else {
            continue;
        };
        *posted.entry(past.line.account).or_default() += past.line.amount;
    }
    let mut transaction = scene.test.db().pool().begin().await.unwrap();
    let tenant = TenantId(scene.test.tenant.0);
    let mut tx = TenantTx::enter(&mut transaction, tenant).await.unwrap();
    let ledger = condominiums::ledger_balances(&mut tx, scene.condominium)
        .await
        .unwrap();
    assert!(!posted.is_empty());
    for (account, balance) in ledger {
        assert_eq!(balance, posted.remove(&account).unwrap_or_default());
    }
}

#[tokio::test]
async fn with_automatic_posting_off_every_line_waits_for_a_person() {
    let scene = Scene::new(false).await;
    let outputs = scene.reconcile().await;
    assert_eq!(
        (&outputs["posted"], &outputs["to_review"]),
        (&json!(0), &json!(11))
    );
    assert_eq!(scene.count("matches").await, 0);
    assert_eq!(scene.count("allocations").await, 0);
    let from_lines: i64 =
        sqlx::query_scalar("select count(*) from copro.journal_entries where match_id is not null")
            .fetch_one(&scene.test.db().owner_pool())
            .await
            .unwrap();
    assert_eq!(
        from_lines, 0,
        "only payments known before the bank knows them are posted"
    );
}

#[tokio::test]
async fn run_twice_it_posts_nothing_twice() {
    let scene = Scene::new(true).await;
    scene.reconcile().await;
    let before = scene.written().await;
    let outputs = scene.reconcile().await;
    assert_eq!(outputs["posted"], json!(0));
    assert_eq!(scene.written().await, before);
}

#[tokio::test]
async fn two_runs_at_once_post_nothing_twice() {
    let alone = Scene::new(true).await;
    alone.reconcile().await;
    let scene = Scene::new(true).await;
    let (first, second) = tokio::join!(scene.reconcile(), scene.reconcile());
    let posted = first["posted"].as_i64().unwrap() + second["posted"].as_i64().unwrap();
    assert_eq!(posted, alone.count("matches").await);
    assert_eq!(scene.written().await, alone.written().await);
}

#[tokio::test]
async fn a_failure_of_the_database_in_the_middle_leaves_nothing_half_written() {
    let scene = Scene::new(true).await;
    scene
        .execute(
            "create function public.break() returns trigger language plpgsql as
                $$ begin raise exception 'the disk is full' using errcode = '53100'; end $$;
             grant execute on function public.break() to copro_app;
             create trigger break before insert on copro.holds for each row execute function public.break()",
        )
        .await;
    let run = scene
        .run(
            "bank-reconciliation",
            json!({ "condominium_id": scene.condominium }),
        )
        .await;
    assert_eq!(run.status, RunStatus::Failed);
    for (table, rows) in scene.written().await {
        // The answers of `reconcile.propose` were committed with its own step.
        assert!(rows == 0 || table == "proposals", "{table} has {rows} rows");
    }
    assert_eq!(scene.line("5001").await.1, State::New);
    scene.execute("drop trigger break on copro.holds").await;
    scene.reconcile().await;
    assert_eq!(scene.line("5001").await.1, State::Posted);
}

#[tokio::test]
async fn an_answer_is_posted_and_lets_go_of_what_was_held() {
    let scene = Scene::new(true).await;
    scene.reconcile().await;
    let (line, _) = scene.line("5003").await;
    let snapshot = scene.snapshot().await;
    let item = receivable(&snapshot, "rec_petit_o_t1").id;
    let outputs = succeeded(
        scene
            .decide(
                line,
                json!([{ "kind": "receivable", "target_id": item, "amount": "200.00" }]),
            )
            .await,
    );
    assert!(outputs["entry_id"].is_string());
    assert_eq!(scene.line("5003").await.1, State::Posted);
    let snapshot = scene.snapshot().await;
    assert!(receivable(&snapshot, "rec_petit_o_t1").open.is_zero());
    assert_eq!(
        receivable(&snapshot, "rec_petit_j_t1").open,
        receivable(&snapshot, "rec_petit_j_t1").amount
    );
    let held: i64 =
        sqlx::query_scalar("select count(*) from copro.holds where transaction_id = $1")
            .bind(line.0)
            .fetch_one(&scene.test.db().owner_pool())
            .await
            .unwrap();
    assert_eq!(held, 0);
    let again = scene
        .decide(line, json!([{ "kind": "unknown", "amount": "200.00" }]))
        .await;
    assert_eq!(failed_with(again), "reconcile.not_in_review");
}

#[tokio::test]
async fn an_answer_that_cannot_be_posted_is_refused_and_nothing_is_written() {
    let scene = Scene::new(true).await;
    scene.reconcile().await;
    let (line, _) = scene.line("5003").await;
    let snapshot = scene.snapshot().await;
    let item = receivable(&snapshot, "rec_petit_o_t1").id;
    let later = receivable(&snapshot, "rec_petit_o_t2").id;
    let small_item = receivable(&snapshot, "rec_durand_works").id;
    let stranger = uuid::Uuid::nil();
    let before = scene.written().await;
    let part = |kind: &str, target: Value, amount: &str| json!({ "kind": kind, "target_id": target, "amount": amount });
    for (allocations, code) in [
        (
            json!([part("receivable", json!(item), "199.99")]),
            "reconcile.amounts_do_not_add_up",
        ),
        (
            json!([part("receivable", json!(stranger), "200.00")]),
            "reconcile.unknown_target",
        ),
        (
            json!([part("owner_advance", json!(stranger), "200.00")]),
            "reconcile.unknown_target",
        ),
        (
            json!([part("receivable", json!(small_item), "200.00")]),
            "reconcile.more_than_open",
        ),
        (
            json!([part("receivable", json!(later), "200.00")]),
            "reconcile.not_issued_yet",
        ),
        (
            json!([part("owner_refund", owner(&snapshot, "4500004"), "200.00")]),
            "reconcile.wrong_sign",
        ),
        (
            json!([part("receivable", json!(item), "200.001")]),
            "node.bad_config",
        ),
        (
            json!([{ "kind": "bribe", "amount": "200.00" }]),
            "node.bad_config",
        ),
    ] {
        assert_eq!(
            failed_with(scene.decide(line, allocations.clone()).await),
            code,
            "{allocations}"
        );
    }
    let nowhere = scene
        .decide(
            TransactionId(stranger),
            json!([{ "kind": "unknown", "amount": "1.00" }]),
        )
        .await;
    assert_eq!(failed_with(nowhere), "reconcile.unknown_transaction");
    assert_eq!(scene.written().await, before);
    assert_eq!(scene.line("5003").await.1, State::Review);
}

#[tokio::test]
async fn two_people_cannot_decide_one_line() {
    let scene = Scene::new(true).await;
    scene.reconcile().await;
    let (line, _) = scene.line("5004").await;
    let answer = || scene.decide(line, json!([{ "kind": "unknown", "amount": "77.77" }]));
    let (first, second) = tokio::join!(answer(), answer());
    let statuses = [first.status, second.status];
    assert!(
        statuses.contains(&RunStatus::Succeeded) && statuses.contains(&RunStatus::Failed),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn undo_reverses_reopens_and_sends_back_to_review() {
    let scene = Scene::new(true).await;
    scene.reconcile().await;
    let (line, _) = scene.line("5001").await;
    let outputs = succeeded(scene.undo(line).await);
    assert!(outputs["entry_id"].is_string());
    assert_eq!(scene.line("5001").await.1, State::Review);
    let snapshot = scene.snapshot().await;
    let item = receivable(&snapshot, "rec_martin_t1");
    assert_eq!(item.open, item.amount);
    let out_of_balance: i64 = sqlx::query_scalar(
        "select count(*) from (
            select l.account, l.owner_id from copro.entry_lines l
            join copro.journal_entries e using (tenant_id)
            where e.id = l.entry_id and e.match_id in (select id from copro.matches where transaction_id = $1)
            group by 1, 2 having sum(l.debit - l.credit) <> 0
        ) x",
    )
    .bind(line.0)
    .fetch_one(&scene.test.db().owner_pool())
    .await
    .unwrap();
    assert_eq!(out_of_balance, 0, "entry and reversal net to zero");
    assert_eq!(failed_with(scene.undo(line).await), "reconcile.not_posted");
    let again = scene
        .decide(
            line,
            json!([{ "kind": "receivable", "target_id": item.id, "amount": "250.00" }]),
        )
        .await;
    succeeded(again);
    assert!(
        receivable(&scene.snapshot().await, "rec_martin_t1")
            .open
            .is_zero()
    );
}

#[tokio::test]
async fn a_confirmed_payer_is_known_next_time_and_unlearnt_by_undo() {
    let scene = Scene::new(true).await;
    scene.reconcile().await;
    let (line, _) = scene.line("5004").await;
    let martin = owner(&scene.snapshot().await, "4500001");
    let advance = json!([{ "kind": "owner_advance", "target_id": martin, "amount": "77.77" }]);
    let outputs = succeeded(scene.decide(line, advance).await);
    assert_eq!(outputs["learnt"]["owner_id"], martin);

    scene
        .import(
            5100,
            "2025-04-03",
            25_000,
            "VIR SEPA RECU /DE ZKW HOLDING /MOTIF CHARGES",
        )
        .await;
    scene.reconcile().await;
    let (next, state) = scene.line("5100").await;
    assert_eq!(
        state,
        State::Posted,
        "the payer is known and the amount is what the owner owes"
    );
    assert!(
        receivable(&scene.snapshot().await, "rec_martin_t2")
            .open
            .is_zero()
    );

    let undone = succeeded(scene.undo(line).await);
    assert_eq!(undone["unlearnt"], json!([outputs["learnt"]["alias_id"]]));
    assert_eq!(
        undone["look_again"],
        json!([next]),
        "posted on the strength of the payer"
    );
    assert!(scene.snapshot().await.aliases.is_empty());
}

#[tokio::test]
async fn a_line_that_the_bank_changes_is_decided_again_once_the_old_version_is_undone() {
    let scene = Scene::new(true).await;
    scene.reconcile().await;
    let (old, _) = scene.line("5001").await;
    scene
        .import(
            5001,
            "2025-01-03",
            24_000,
            "VIR SEPA RECU /DE M PAUL MARTIN",
        )
        .await;
    let (new, state) = scene.line("5001").await;
    assert_ne!(old, new);
    assert_eq!(
        state,
        State::Review,
        "never without a person: the old version is in the ledger"
    );
    let item = receivable(&scene.snapshot().await, "rec_martin_t1").id;
    let answer = json!([{ "kind": "receivable", "target_id": item, "amount": "240.00" }]);
    let early = scene.decide(new, answer.clone()).await;
    assert_eq!(failed_with(early), "reconcile.earlier_version_posted");
    succeeded(scene.undo(old).await);
    succeeded(scene.decide(new, answer).await);
    let snapshot = scene.snapshot().await;
    assert_eq!(
        receivable(&snapshot, "rec_martin_t1").open,
        Money::from_cents(1_000)
    );
}

#[tokio::test]
async fn an_answer_to_what_somebody_else_changed_is_refused() {
    let scene = Scene::new(true).await;
    scene.reconcile().await;
    let (line, _) = scene.line("5004").await;
    let inputs = json!({
        "transaction_id": line,
        "allocations": [{ "kind": "unknown", "amount": "77.77" }],
        "by": "Camille",
        "revision": 0,
    });
    let stale = scene.run("reconciliation-decide", inputs).await;
    assert_eq!(failed_with(stale), "reconcile.changed_meanwhile");
}

#[tokio::test]
async fn a_condominium_that_is_not_there_is_said_so() {
    let scene = Scene::new(true).await;
    let run = scene
        .run(
            "bank-reconciliation",
            json!({ "condominium_id": uuid::Uuid::nil() }),
        )
        .await;
    assert_eq!(failed_with(run), "reconcile.unknown_condominium");
}
