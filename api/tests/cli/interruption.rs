//! A command that is cut short: it says so, and leaves nothing half done.

use std::fs;
use std::path::Path;
use std::process::Child;

use database::local::LocalServer;
use database::testing::TestDb;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::{Called, Copro, root};

/// A replay of many lines, one by one: it is under way for long.
fn long_backtest(copro: &Copro, out: &Path) -> Child {
    let answers = root().join("examples/demo/answers.json");
    let (answers, out) = (answers.to_str().unwrap(), out.to_str().unwrap());
    let arguments = [
        "backtest",
        "reconciliation",
        "examples/demo",
        "--out",
        out,
        "--answers",
        answers,
    ];
    copro.command(&arguments).spawn().unwrap()
}

/// Waits until lines are being decided; the database is asked again and again.
async fn under_way(pool: &PgPool) {
    loop {
        let posted = sqlx::query_scalar::<_, i64>("select count(*) from copro.matches")
            .fetch_one(pool)
            .await;
        if posted.is_ok_and(|posted| posted >= 3) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn count(pool: &PgPool, table: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(pool)
        .await
        .unwrap()
}

fn ended(child: Child) -> Called {
    child.wait_with_output().unwrap().into()
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_backtest_and_erases_its_tenant() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let out = copro.data.path().join("decisions.json");
    let child = long_backtest(&copro, &out);
    under_way(&db.owner_pool()).await;
    kill(pid_of(&child), Signal::SIGINT).unwrap();
    let complaint = ended(child).badly(130);
    assert!(complaint.contains("interrompu"), "{complaint}");
    assert!(!out.exists());
    for table in [
        "copro.tenants",
        "copro.bank_transactions",
        "engine.runs",
        "engine.run_history",
    ] {
        assert_eq!(count(&db.owner_pool(), table).await, 0, "{table}");
    }
    let drafts = fs::read_dir(copro.data.path()).unwrap().filter(|entry| {
        entry.as_ref().is_ok_and(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with(".decisions")
        })
    });
    assert_eq!(drafts.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_in_the_middle_is_said_and_nothing_is_written() {
    let copro = Copro::alone();
    let server = LocalServer::start(copro.data.path()).await.unwrap();
    let out = copro.data.path().join("decisions.json");
    let pool = PgPool::connect_lazy(&server.admin_url()).unwrap();
    let child = long_backtest(&copro, &out);
    under_way(&pool).await;
    let file = fs::read_to_string(server.home().join("data/postmaster.pid")).unwrap();
    let postmaster = Pid::from_raw(file.lines().next().unwrap().parse().unwrap());
    kill(postmaster, Signal::SIGKILL).unwrap();
    let complaint = ended(child).badly(1);
    assert!(complaint.contains("la base de données"), "{complaint}");
    assert!(complaint.contains("→ "), "{complaint}");
    assert!(!out.exists());
    pool.close().await;
    // The next command starts the server again, on the data as they were.
    copro.call(&["migrate"]).well();
    server.stop().await.unwrap();
}
