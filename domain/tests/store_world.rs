//! A portfolio and its bank lines, loaded and loaded again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use database::testing::TestDb;
use domain::ids::{CondominiumId, MatchId, TransactionId};
use domain::ledger::{Ledger, follow};
use domain::matching::{Band, Book, Outcome, PastLine, Snapshot, decide_all};
use domain::money::Money;
use domain::store::bank_transactions::State;
use domain::store::{
    TenantTx, bank_transactions, book, condominiums, decisions, proposals, results,
};
use domain::world::World;

use domain::store::testing::{TENANT, TILLEULS, begin, condominium, load, now, small};
use uuid::Uuid;

/// A database in which the small portfolio is loaded.
async fn loaded() -> TestDb {
    let db = TestDb::new().await;
    load(&db.pool(), TENANT, &small()).await.unwrap();
    db
}

/// Number of rows in each table of the books.
async fn counts(db: &TestDb) -> Vec<(String, i64)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables where schemaname = 'copro' order by 1",
    )
    .fetch_all(&db.owner_pool())
    .await
    .unwrap();
    let mut counts = Vec::new();
    for table in tables {
        let statement = sqlx::AssertSqlSafe(format!("select count(*) from copro.{table}"));
        counts.push((
            table,
            sqlx::query_scalar(statement)
                .fetch_one(&db.owner_pool())
                .await
                .unwrap(),
        ));
    }
    counts
}

#[tokio::test]
async fn loading_twice_adds_nothing() {
    let (db, world) = (loaded().await, small());
    let before = counts(&db).await;
    load(&db.pool(), TENANT, &world).await.unwrap();
    assert_eq!(counts(&db).await, before);
}

#[tokio::test]
async fn a_portfolio_is_read_as_it_was_given() {
    let (db, world) = (loaded().await, small());
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let id = condominium(&mut tx, TILLEULS).await.unwrap();
    let snapshot = book::load(&mut tx, id).await.unwrap().unwrap();
    assert!(
        !snapshot.automatic,
        "automatic posting is off until someone switches it on"
    );
    let of = |condominium: &str| condominium == "cop_tilleuls";
    assert_eq!(
        snapshot.owners.len(),
        world.owners.iter().filter(|o| of(&o.condominium)).count()
    );
    assert_eq!(
        snapshot.lots.len(),
        world.lots.iter().filter(|l| of(&l.condominium)).count()
    );
    let called: Money = world
        .receivables
        .iter()
        .filter(|r| of(&r.condominium))
        .map(|r| r.amount)
        .sum();
    assert_eq!(
        snapshot.receivables.iter().map(|r| r.open).sum::<Money>(),
        called
    );
    assert!(snapshot.receivables.iter().all(|r| r.open == r.amount));
    assert_eq!(snapshot.suppliers.len(), world.suppliers.len());
    assert_eq!(snapshot.invoices.len(), world.invoices.len());
    assert_eq!(
        snapshot
            .batches
            .iter()
            .map(|b| b.entries.len())
            .sum::<usize>(),
        2
    );
    assert_eq!(snapshot.slips[0].cheques[0].allocations.len(), 1);
    assert_eq!(snapshot.payouts[0].charges.len(), 1);
    assert_eq!(snapshot.neighbours.len(), 1);
    assert_eq!(
        snapshot.neighbours[0].owners[0].references,
        ["APF25T1-0007", "APF25T2-0007"]
    );
    let durand = snapshot
        .owners
        .iter()
        .find(|o| o.account_code == "4500002")
        .unwrap();
    let names: Vec<&str> = durand.persons.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["Durand Claire", "Durand Luc"]);
    let lines = bank_transactions::undecided(&mut tx, id, None)
        .await
        .unwrap();
    let given: Vec<Money> = world
        .transactions
        .iter()
        .filter(|t| t.account < 2000)
        .map(|t| t.amount)
        .collect();
    assert_eq!(
        lines.iter().map(|line| line.amount).collect::<Vec<_>>(),
        given,
        "in the order given"
    );
}

#[tokio::test]
async fn a_changed_line_supersedes_and_the_old_one_is_kept() {
    let (db, world) = (loaded().await, small());
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let mut line = world.transactions[0].clone();
    line.amount = Money::from_cents(99);
    let imported = bank_transactions::import(&mut tx, "import", &[line.clone()], now())
        .await
        .unwrap();
    let [(old, new)] = imported.superseded[..] else {
        panic!("one line supersedes: {imported:?}")
    };
    let old = bank_transactions::find(&mut tx, old)
        .await
        .unwrap()
        .unwrap();
    assert!(old.superseded);
    assert_eq!(old.line.amount, world.transactions[0].amount);
    let new = bank_transactions::find(&mut tx, new)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (new.line.amount, new.state),
        (Money::from_cents(99), State::New)
    );
    let again = bank_transactions::import(&mut tx, "import", &[line], now())
        .await
        .unwrap();
    assert_eq!(
        (again.added.len(), again.superseded.len(), again.unchanged),
        (0, 0, 1)
    );
    let current = results::lines(&mut tx).await.unwrap();
    assert_eq!(
        current
            .iter()
            .filter(|line| line.external_ref == "5001")
            .count(),
        1
    );
}

#[tokio::test]
async fn a_line_that_changes_after_it_was_posted_goes_to_a_person() {
    let (db, world) = (loaded().await, small());
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let (old, _) = results::standing(&mut tx, "import", "5001")
        .await
        .unwrap()
        .unwrap();
    bank_transactions::set_states(&mut tx, &[(old, State::Posted)])
        .await
        .unwrap();
    let mut line = world.transactions[0].clone();
    line.deleted = line.date.and_hms_opt(6, 0, 0);
    bank_transactions::import(&mut tx, "import", &[line], now())
        .await
        .unwrap();
    let (_, state) = results::standing(&mut tx, "import", "5001")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(state, State::Review);
}

#[tokio::test]
async fn the_same_line_of_two_sources_is_two_lines() {
    let (db, world) = (loaded().await, small());
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    let imported = bank_transactions::import(&mut tx, "other", &world.transactions[..1], now())
        .await
        .unwrap();
    assert_eq!(imported.added.len(), 1);
}

#[tokio::test]
async fn a_portfolio_that_breaks_a_rule_leaves_nothing_behind() {
    let db = TestDb::new().await;
    let mut portfolio = small();
    portfolio.receivables[0].amount = Money::ZERO;
    assert!(load(&db.pool(), TENANT, &portfolio).await.is_err());
    assert!(counts(&db).await.iter().all(|(_, rows)| *rows == 0));
}

/// Decides and writes every line of a condominium as the workflow does.
async fn reconcile(tx: &mut TenantTx<'_>, id: CondominiumId) -> Book {
    let snapshot = book::load(tx, id).await.unwrap().unwrap();
    let lines = bank_transactions::undecided(tx, id, None).await.unwrap();
    let as_of = lines.last().unwrap().date;
    let mut ledger = Ledger::new(&snapshot);
    let mut decided = Book::open(snapshot);
    let before = decided.clone();
    let decisions = decide_all(&mut decided, lines, as_of);
    let answers: Vec<_> = decisions
        .iter()
        .filter(|(_, d)| d.band != Band::Wait)
        .map(|(line, decision)| (line.id, decision))
        .collect();
    let proposals = proposals::add(tx, &answers, &HashMap::new(), now())
        .await
        .unwrap();
    let next = || MatchId(Uuid::now_v7());
    let followed = follow(before, &mut ledger, &decisions, as_of, next).unwrap();
    assert!(!followed.posted.is_empty());
    decisions::write(tx, id, &followed, &proposals, now())
        .await
        .unwrap();
    decided
}

/// What the matcher knows of the money, in a form that compares.
fn standing(data: &Snapshot) -> BTreeMap<String, String> {
    let mut standing = BTreeMap::new();
    for owner in &data.owners {
        standing.insert(
            format!("advance {}", owner.account_code),
            owner.advance.to_string(),
        );
    }
    for item in &data.receivables {
        standing.insert(format!("open {}", item.external_ref), item.open.to_string());
    }
    for item in &data.invoices {
        standing.insert(format!("open {}", item.external_ref), item.open.to_string());
    }
    for batch in &data.batches {
        standing.insert(
            format!("batch {}", batch.id),
            format!("{} {}", batch.collected, batch.booked),
        );
        for entry in &batch.entries {
            standing.insert(
                format!("entry {}", entry.id),
                format!("{} {}", entry.returned, entry.booked),
            );
        }
    }
    for slip in &data.slips {
        standing.insert(format!("slip {}", slip.id), slip.booked.to_string());
        for cheque in &slip.cheques {
            standing.insert(
                format!("cheque {}", cheque.id),
                format!("{} {}", cheque.posted, cheque.returned),
            );
        }
    }
    for payout in &data.payouts {
        standing.insert(
            format!("payout {}", payout.external_ref),
            payout.booked.to_string(),
        );
    }
    standing
}

fn differences(memory: &Book, stored: &Snapshot) -> Vec<String> {
    let (memory, stored) = (standing(memory.data()), standing(stored));
    let differs = |(key, value): (&String, &String)| {
        let other = stored.get(key);
        (other != Some(value))
            .then(|| format!("{key}: {value} in memory, {other:?} in the database"))
    };
    memory.iter().filter_map(differs).collect()
}

async fn stored_equals_decided(world: &World) {
    let db = TestDb::new().await;
    load(&db.pool(), TENANT, world).await.unwrap();
    let mut transaction = begin(&db.pool()).await.unwrap();
    let mut tx = TenantTx::enter(&mut transaction, TENANT).await.unwrap();
    for listed in condominiums::list(&mut tx).await.unwrap() {
        condominiums::set_automatic_posting(&mut tx, listed.id, true)
            .await
            .unwrap();
        let memory = reconcile(&mut tx, listed.id).await;
        let stored = book::load(&mut tx, listed.id).await.unwrap().unwrap();
        let found = differences(&memory, &stored);
        assert!(found.is_empty(), "{}:\n{}", listed.name, found.join("\n"));
        let outcomes = |lines: &[PastLine]| -> BTreeMap<TransactionId, String> {
            let decided = lines
                .iter()
                .filter(|past| !matches!(past.outcome, Outcome::Waiting));
            decided
                .map(|past| (past.line.id, format!("{:?}", past.outcome)))
                .collect()
        };
        assert_eq!(
            outcomes(memory.history()),
            outcomes(&stored.history),
            "{}",
            listed.name
        );
    }
}

#[tokio::test]
async fn what_is_reloaded_is_what_was_decided() {
    stored_equals_decided(&small()).await;
}

/// The portfolio of the demo.
fn demo() -> World {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/demo");
    let read = |name: &&str| {
        (
            name.to_string(),
            std::fs::read_to_string(folder.join(name)).unwrap(),
        )
    };
    let files: BTreeMap<String, String> = World::FILES.iter().map(read).collect();
    World::parse(&files).unwrap()
}

#[tokio::test]
async fn a_year_of_a_portfolio_is_reloaded_as_it_was_decided() {
    stored_equals_decided(&demo()).await;
}
