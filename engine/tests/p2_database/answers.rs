//! Answers to commits that are lost on the way.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use engine::{RunStatus, StartRun, Worker, WorkerOptions};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::support::notes;
use crate::support::scene::{Scene, stage};

/// The way to a server, on which the answer to a commit is lost, with its connection.
struct Door {
    server: PathBuf,
    /// Commits of connections that sent this statement are counted.
    statement: &'static str,
    commits: AtomicU32,
    /// The one whose answer is lost.
    lose: u32,
}

fn holds(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|it| it == words)
}

impl Door {
    fn open(self, listener: UnixListener) -> Arc<Self> {
        let door = Arc::new(self);
        let opened = Arc::clone(&door);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&door).pass(client));
            }
        });
        opened
    }

    async fn pass(self: Arc<Self>, mut client: UnixStream) {
        let mut server = UnixStream::connect(&self.server).await.unwrap();
        let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
        let mut counts = false;
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let Ok(1..) = read else { return };
                    let asked = &asked[..read.unwrap()];
                    counts |= holds(asked, self.statement.as_bytes());
                    let commits = counts && holds(asked, b"COMMIT\0");
                    if server.write_all(asked).await.is_err() {
                        return;
                    }
                    if commits && self.commits.fetch_add(1, Ordering::SeqCst) + 1 == self.lose {
                        // It is committed once the server answers.
                        let _ = server.read(&mut answered).await;
                        return;
                    }
                }
                read = server.read(&mut answered) => {
                    let Ok(count @ 1..) = read else { return };
                    if client.write_all(&answered[..count]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

const WORKFLOW: &str = r"
name: answers
steps:
  base: { uses: test.read, with: { value: 1 } }
  tell: { uses: test.send, with: { value: '${{ steps.base.value }}' } }
  book: { uses: test.write, needs: [tell], with: { value: booked } }
  last: { uses: test.echo, needs: [book], with: { value: 2 } }
";

/// The folder of the socket that a URL names.
fn socket_of(url: &str) -> PathBuf {
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    options.get_socket().unwrap().join(".s.PGSQL.5432")
}

/// Loses the answer to the nth commit after this statement, if there are so many.
async fn lose(statement: &'static str, nth: u32) -> bool {
    let case = format!("{statement}, {nth}");
    let stage = stage().await;
    let tenant = stage.scene.tenant;
    let engine = stage.scene.engine("0");
    let saved = engine.save(tenant, WORKFLOW).await.unwrap();
    engine.publish(tenant, saved.id).await.unwrap();
    let start = StartRun::new("answers", json!({}));
    let run = engine.start(tenant, &start).await.unwrap().run;

    let folder: &Path = stage.folder.path();
    let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
    let door = Door {
        server: socket_of(&stage.scene.url),
        statement,
        commits: AtomicU32::new(0),
        lose: nth,
    };
    let door = door.open(listener);
    let name: sqlx::postgres::PgConnectOptions = stage.scene.url.parse().unwrap();
    let name = name.get_database().unwrap();
    let behind = Scene {
        url: format!(
            "postgres://copro@localhost/{name}?host={}",
            folder.display()
        ),
        ..stage.scene.clone()
    };
    let behind = behind.engine("1");
    let mut worker = loop {
        // The answer to its first heartbeat may be lost.
        if let Ok(worker) = Worker::start(behind.clone(), WorkerOptions::default()).await {
            break worker;
        }
    };
    let view = engine.finished(tenant, run);
    let view = tokio::time::timeout(Duration::from_secs(30), view).await;
    let view = view
        .unwrap_or_else(|_| panic!("{case}: the run does not end"))
        .unwrap();
    let lost = door.commits.load(Ordering::SeqCst) >= nth;
    worker.stop().await;
    assert_eq!(view.status, RunStatus::Succeeded, "{case}: {view:#?}");
    let written = notes(&stage.db.owner_pool()).await;
    assert_eq!(written.len(), 1, "{case}: {written:?}");
    let sent = crate::support::Outside::at(&stage.scene.outside, "").calls();
    let sent = sent.iter().filter(|call| call.what == "send").count();
    assert_eq!(sent, 1, "{case}: no process died, nothing is unknown");
    lost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_happened_once() {
    // Heartbeat, claim, the flush, a step's own transaction.
    let statements = [
        "insert into engine.workers",
        "delete from engine.ready",
        "insert into engine.step_history",
        "from owned o, unnest(",
    ];
    let cases = statements.map(|statement| async move {
        let mut nth = 1;
        while lose(statement, nth).await && nth < 4 {
            nth += 1;
        }
        assert!(nth > 1, "{statement}: nothing was lost");
    });
    futures::future::join_all(cases).await;
}
