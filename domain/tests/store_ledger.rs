//! What the database refuses, whoever writes: the books hold by themselves.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use domain::ids::{MatchId, TransactionId};
use domain::ledger::{Account, Cause, Entry, EntryLine, Item, Party};
use domain::matching::{Allocation, Cause as For, Snapshot};
use domain::money::Money;
use domain::store::{
    Rule, StoreError, TenantTx, bank_transactions, book, journal, matches, results,
};

use database::testing::TestDb;
use domain::store::testing::{TENANT, TILLEULS, begin, condominium, load, now, small};
use uuid::Uuid;

/// A database in which the small portfolio is loaded.
async fn loaded() -> TestDb {
    let db = TestDb::new().await;
    load(&db.pool(), TENANT, &small()).await.unwrap();
    db
}

struct Scene {
    snapshot: Snapshot,
    line: TransactionId,
    amount: Money,
}

/// The condominium of the tests and its first line, a payment of 250.00.
async fn scene(tx: &mut TenantTx<'_>) -> Scene {
    let id = condominium(tx, TILLEULS).await.unwrap();
    let snapshot = book::load(tx, id).await.unwrap().unwrap();
    let (line, _) = results::standing(tx, "import", "5001")
        .await
        .unwrap()
        .unwrap();
    let amount = bank_transactions::find(tx, line)
        .await
        .unwrap()
        .unwrap()
        .line
        .amount;
    Scene {
        snapshot,
        line,
        amount,
    }
}

impl Scene {
    fn decision(&self, allocations: Vec<Allocation>) -> matches::Match {
        let id = MatchId(Uuid::from_u128(77));
        matches::Match {
            id,
            line: self.line,
            proposal: None,
            payout: None,
            actor: None,
            allocations,
        }
    }

    /// A receivable of 250.00 and who owes it.
    fn receivable(&self) -> &domain::matching::Receivable {
        self.snapshot
            .receivables
            .iter()
            .find(|item| item.external_ref == "rec_martin_t1")
            .unwrap()
    }

    fn payment(&self, amount: Money) -> Entry {
        let receivable = self.receivable();
        let bank = self.snapshot.condominium.accounts[0].id;
        let lines = vec![
            EntryLine {
                account: Account::Bank,
                party: Some(Party::Bank(bank)),
                item: None,
                amount,
            },
            EntryLine {
                account: Account::OwnerBudget,
                party: Some(Party::Owner(receivable.owner)),
                item: Some(Item::Receivable(receivable.id)),
                amount: -amount,
            },
        ];
        let posted_on = receivable.due_on;
        Entry {
            cause: Cause::Match(MatchId(Uuid::from_u128(77))),
            posted_on,
            lines,
        }
    }

    fn whole(&self) -> Vec<Allocation> {
        vec![Allocation::new(
            For::Receivable(self.receivable().id),
            self.amount,
        )]
    }
}

fn refused_by(result: Result<impl std::fmt::Debug, StoreError>) -> Rule {
    let error = result.expect_err("the database refuses");
    error
        .rule()
        .unwrap_or_else(|| panic!("refused by no rule: {error:?}"))
}

#[tokio::test]
async fn a_payment_settles_its_receivable_and_its_reversal_opens_it_again() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    let id = scene.snapshot.condominium.id;
    matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(scene.whole())],
        now(),
    )
    .await
    .unwrap();
    let entry = scene.payment(scene.amount);
    let written = journal::insert(&mut tx, id, std::slice::from_ref(&entry), now())
        .await
        .unwrap();
    tx.check().await.unwrap();
    let open = |snapshot: Snapshot| {
        snapshot
            .receivables
            .into_iter()
            .find(|item| item.external_ref == "rec_martin_t1")
            .unwrap()
            .open
    };
    assert_eq!(
        open(book::load(&mut tx, id).await.unwrap().unwrap()),
        Money::ZERO
    );

    let back: Vec<EntryLine> = entry
        .lines
        .iter()
        .map(|l| EntryLine {
            amount: -l.amount,
            ..*l
        })
        .collect();
    let back = Entry {
        lines: back,
        ..entry
    };
    journal::insert_reversal(&mut tx, id, &back, written[0], now())
        .await
        .unwrap();
    assert_eq!(
        open(book::load(&mut tx, id).await.unwrap().unwrap()),
        scene.amount
    );
    let twice = journal::insert_reversal(&mut tx, id, &back, written[0], now()).await;
    assert_eq!(refused_by(twice), Rule::EntryReversedOnce);
}

#[tokio::test]
async fn an_unbalanced_entry_is_refused() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(scene.whole())],
        now(),
    )
    .await
    .unwrap();
    let mut entry = scene.payment(scene.amount);
    entry.lines[0].amount += Money::from_cents(1);
    journal::insert(&mut tx, scene.snapshot.condominium.id, &[entry], now())
        .await
        .unwrap();
    assert_eq!(refused_by(tx.check().await), Rule::EntryBalanced);
}

#[tokio::test]
async fn an_entry_without_lines_is_refused() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(scene.whole())],
        now(),
    )
    .await
    .unwrap();
    let entry = Entry {
        lines: Vec::new(),
        ..scene.payment(scene.amount)
    };
    journal::insert(&mut tx, scene.snapshot.condominium.id, &[entry], now())
        .await
        .unwrap();
    assert_eq!(refused_by(tx.check().await), Rule::EntryBalanced);
}

#[tokio::test]
async fn an_unbalanced_entry_is_refused_at_commit_even_if_nobody_checks() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(scene.whole())],
        now(),
    )
    .await
    .unwrap();
    let mut entry = scene.payment(scene.amount);
    entry.lines[0].amount += Money::from_cents(1);
    journal::insert(&mut tx, scene.snapshot.condominium.id, &[entry], now())
        .await
        .unwrap();
    let refused = transaction.commit().await.unwrap_err();
    assert!(refused.to_string().contains("is out by"), "{refused}");
    let entries: i64 = sqlx::query_scalar("select count(*) from copro.journal_entries")
        .fetch_one(&db.owner_pool())
        .await
        .unwrap();
    assert_eq!(entries, 0);
}

#[tokio::test]
async fn more_than_is_open_is_refused() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(scene.whole())],
        now(),
    )
    .await
    .unwrap();
    let too_much = scene.payment(scene.amount + Money::from_cents(1));
    let result = journal::insert(&mut tx, scene.snapshot.condominium.id, &[too_much], now()).await;
    assert_eq!(refused_by(result), Rule::OpenWithinAmount);
}

#[tokio::test]
async fn opening_more_than_was_called_is_refused() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(scene.whole())],
        now(),
    )
    .await
    .unwrap();
    let backwards = scene.payment(Money::from_cents(-1));
    let result = journal::insert(&mut tx, scene.snapshot.condominium.id, &[backwards], now()).await;
    assert_eq!(refused_by(result), Rule::OpenWithinAmount);
}

#[tokio::test]
async fn parts_that_do_not_make_up_the_line_are_refused() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    let mut parts = scene.whole();
    parts[0].amount -= Money::from_cents(1);
    matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(parts)],
        now(),
    )
    .await
    .unwrap();
    assert_eq!(refused_by(tx.check().await), Rule::AllocationsAddUp);
}

#[tokio::test]
async fn a_decision_without_parts_is_refused() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(Vec::new())],
        now(),
    )
    .await
    .unwrap();
    assert_eq!(refused_by(tx.check().await), Rule::AllocationsAddUp);
}

#[tokio::test]
async fn a_line_is_decided_once() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(scene.whole())],
        now(),
    )
    .await
    .unwrap();
    let again = matches::Match {
        id: MatchId(Uuid::from_u128(78)),
        ..scene.decision(scene.whole())
    };
    assert_eq!(
        refused_by(matches::insert(&mut tx, scene.snapshot.condominium.id, &[again], now()).await),
        Rule::PostedOnce
    );
}

#[tokio::test]
async fn an_allocation_to_nothing_is_refused() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    let stray = Allocation::new(
        For::Receivable(domain::ids::ReceivableId(Uuid::nil())),
        scene.amount,
    );
    let result = matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(vec![stray])],
        now(),
    )
    .await;
    assert_eq!(refused_by(result), Rule::TargetExists);
}

/// Statements that change what stands, tried as the application and as the owner of the tables.
#[tokio::test]
async fn what_stands_in_the_books_cannot_be_changed() {
    let db = loaded().await;
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let scene = scene(&mut tx).await;
    let id = scene.snapshot.condominium.id;
    matches::insert(
        &mut tx,
        scene.snapshot.condominium.id,
        &[scene.decision(scene.whole())],
        now(),
    )
    .await
    .unwrap();
    journal::insert(&mut tx, id, &[scene.payment(scene.amount)], now())
        .await
        .unwrap();
    transaction.commit().await.unwrap();

    for (statement, rule) in [
        (
            "update copro.journal_entries set posted_on = posted_on + 1",
            "journal_entries_never_change",
        ),
        (
            "delete from copro.journal_entries",
            "journal_entries_never_change",
        ),
        (
            "update copro.entry_lines set debit = debit + 1 where debit > 0",
            "journal_entries_never_change",
        ),
        (
            "delete from copro.entry_lines",
            "journal_entries_never_change",
        ),
        (
            "insert into copro.entry_lines (tenant_id, entry_id, position, account, debit, credit)
             select tenant_id, id, 9, '512', 1, 0 from copro.journal_entries",
            "journal_entries_never_change",
        ),
        (
            "update copro.bank_transactions set amount = 1",
            "bank_transactions_raw_line_never_changes",
        ),
        (
            "update copro.bank_transactions set wording = 'other'",
            "bank_transactions_raw_line_never_changes",
        ),
        (
            "delete from copro.bank_transactions where state = 'new'",
            "bank_transactions_raw_line_never_changes",
        ),
    ] {
        // Even who passes by row-level security.
        let refused = sqlx::query(statement)
            .execute(&db.owner_pool())
            .await
            .unwrap_err();
        let constraint = refused
            .as_database_error()
            .and_then(|error| error.constraint().map(str::to_owned));
        assert_eq!(constraint.as_deref(), Some(rule), "{statement}: {refused}");

        let mut transaction = begin(&db.pool()).await.unwrap();
        TenantTx::enter(&mut transaction, TENANT).await.unwrap();
        assert!(
            sqlx::query(statement)
                .execute(&mut *transaction)
                .await
                .is_err(),
            "{statement}"
        );
    }
}
