//! A database per test.
//!
//! The migrations run once, into a template named by their fingerprint; each
//! test gets a clone of it (some 50 ms). The server is the one of the whole
//! test run when `make test` started it ([`SERVER_VARIABLE`]); otherwise a
//! private one, shared by all tests of this user that run at the same time and
//! stopped by the last of them.

use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::sys::statvfs::statvfs;
use nix::unistd::{Pid, Uid};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool};
use tokio::sync::Mutex;

use crate::local::{LOGIN, LocalOptions, LocalServer};
use crate::migrate;
use crate::name::{Name, socket_url};

/// Names the superuser's URL of the server that the test run started.
pub const SERVER_VARIABLE: &str = "COPRO_TEST_SERVER";

/// Tests run on all cores at once, and what they wrote is gone with them: many
/// sessions, a short log.
const SETTINGS: [&str; 3] = [
    "max_connections=600",
    "max_wal_size=256MB",
    "min_wal_size=32MB",
];

/// Tests are many, the server's connections few: a pool opens what it uses.
const POOL_SIZE: u32 = 8;

/// Names of test databases start so, then tell the process: one that is gone
/// left its databases behind.
const PREFIX: &str = "test_";
const TEMPLATE_PREFIX: &str = "template_";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Databases of this process so far.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The server while a test of this process uses it.
static SERVER: LazyLock<Mutex<Weak<TestServer>>> = LazyLock::new(|| Mutex::new(Weak::new()));

/// A fresh, migrated database, dropped with this value.
///
/// ```no_run
/// # async fn example() -> Result<(), sqlx::Error> {
/// let db = database::testing::TestDb::new().await;
/// sqlx::query("select 1").execute(&db.pool()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestDb {
    name: String,
    pool: PgPool,
    owner_pool: PgPool,
    server: Arc<TestServer>,
}

impl TestDb {
    /// Clones the migrated template.
    ///
    /// # Panics
    ///
    /// When there is no server, or a migration fails: no test can go on then.
    pub async fn new() -> Self {
        Self::try_new()
            .await
            .unwrap_or_else(|error| panic!("no test database: {error}"))
    }

    async fn try_new() -> Result<Self, Failure> {
        let server = TestServer::join().await?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}_{number}", process::id());
        server.clone_template(&name).await?;
        let pool = |role: &str| {
            PgPoolOptions::new()
                .max_connections(POOL_SIZE)
                .acquire_timeout(Duration::from_secs(30))
                .connect_lazy_with(server.options.clone().username(role).database(&name))
        };
        Ok(Self {
            pool: pool(LOGIN),
            owner_pool: pool(server.options.get_username()),
            name,
            server,
        })
    }

    /// Sessions of the application's login, as in production: it has no right
    /// before a transaction takes a role.
    pub fn pool(&self) -> PgPool {
        self.pool.clone()
    }

    /// Sessions of the superuser, whom no row-level security stops: for what a
    /// test asserts from the outside.
    pub fn owner_pool(&self) -> PgPool {
        self.owner_pool.clone()
    }

    /// The application's login, for a process of its own.
    pub fn url(&self) -> String {
        self.url_of(LOGIN)
    }

    /// The superuser's login.
    pub fn admin_url(&self) -> String {
        self.url_of(self.server.options.get_username())
    }

    fn url_of(&self, role: &str) -> String {
        self.server.url_of(role, &self.name)
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let options = self.server.options.clone();
        let name = std::mem::take(&mut self.name);
        // The test's own runtime may be the one that is going away.
        let dropped = in_thread(async move {
            let mut admin = options.connect().await?;
            drop_database(&mut admin, &name).await?;
            admin.close().await
        });
        if let Err(error) = dropped {
            tracing::warn!(%error, "a test database was left behind");
        }
    }
}

/// Runs `work` to its end on a thread with a runtime of its own.
fn in_thread(
    work: impl Future<Output = Result<(), sqlx::Error>> + Send + 'static,
) -> Result<(), sqlx::Error> {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(work)
    });
    thread.join().unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// The server that tests of this process use, and its template.
#[derive(Debug)]
struct TestServer {
    options: PgConnectOptions,
    template: String,
    /// Stops the server after the last test, when nobody else uses it.
    _private: Option<LocalServer>,
}

impl TestServer {
    async fn join() -> Result<Arc<Self>, Failure> {
        let mut current = SERVER.lock().await;
        if let Some(server) = current.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(Self::start().await?);
        *current = Arc::downgrade(&server);
        Ok(server)
    }

    async fn start() -> Result<Self, Failure> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the test run tells its test processes where the server is"
        )]
        let (url, private) = match std::env::var(SERVER_VARIABLE) {
            Ok(url) if !url.is_empty() => (url, None),
            _ => {
                let name = format!("copro-test-{}", Uid::effective());
                let server = start_server(&fast_folder().join(name)).await?;
                (server.admin_url(), Some(server))
            }
        };
        let options: PgConnectOptions = url.parse()?;
        // A database that no test drops.
        let options = options.database("postgres");
        let template = ensure_template(&options).await?;
        Ok(Self {
            options,
            template,
            _private: private,
        })
    }

    fn url_of(&self, role: &str, database: &str) -> String {
        let options = &self.options;
        match options.get_socket() {
            Some(folder) => socket_url(role, database, folder, options.get_port()),
            None => {
                let options = options.clone().username(role).database(database);
                options.to_url_lossy().to_string()
            }
        }
    }

    async fn clone_template(&self, name: &str) -> Result<(), Failure> {
        const ATTEMPTS: usize = 20;
        // Through the log: copying files would force a checkpoint each time.
        let statement = format!(
            "create database {} template {} strategy wal_log",
            Name(name),
            Name(&self.template)
        );
        let mut admin = self.options.connect().await?;
        let mut attempt = 1;
        loop {
            let error = match admin.execute(AssertSqlSafe(statement.clone())).await {
                Ok(_) => break,
                Err(error) => error,
            };
            match code(&error).as_deref() {
                // object_in_use: a maintenance process looks into the template.
                Some("55006") if attempt < ATTEMPTS => {}
                // invalid_catalog_name: tests of other migrations replaced it.
                Some("3D000") if attempt < ATTEMPTS => {
                    ensure_template(&self.options).await?;
                }
                _ => return Err(error.into()),
            }
            attempt += 1;
        }
        admin.close().await?;
        Ok(())
    }
}

/// Starts a server for tests in `folder`.
pub async fn start_server(
    folder: &std::path::Path,
) -> Result<LocalServer, crate::local::LocalError> {
    let options = LocalOptions {
        programs: None,
        settings: SETTINGS.map(str::to_owned).to_vec(),
    };
    LocalServer::start_with(folder, options).await
}

/// A folder in memory when there is a roomy one: syncing costs nothing there,
/// and the server keeps all of its durability settings.
pub fn fast_folder() -> PathBuf {
    const ROOM: u64 = 2 << 30;
    let memory = PathBuf::from("/dev/shm");
    let room = statvfs(&memory).map_or(0, |fs| fs.blocks_available() * fs.fragment_size());
    let usable = fs::metadata(&memory).is_ok_and(|meta| !meta.permissions().readonly());
    if usable && room >= ROOM {
        memory
    } else {
        std::env::temp_dir()
    }
}

/// Makes the template of these migrations, once for all processes.
async fn ensure_template(options: &PgConnectOptions) -> Result<String, Failure> {
    const LOCK: i64 = 0x7465_6d70_6c61;
    let template = format!("{TEMPLATE_PREFIX}{}", migrate::fingerprint());
    let mut admin = options.connect().await?;
    sqlx::query("select pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut admin)
        .await?;
    let databases: Vec<String> = sqlx::query_scalar("select datname::text from pg_database")
        .fetch_all(&mut admin)
        .await?;
    for name in databases.iter().filter(|name| is_left_behind(name)) {
        drop_database(&mut admin, name).await?;
    }
    if !databases.contains(&template) {
        for name in databases
            .iter()
            .filter(|name| name.starts_with(TEMPLATE_PREFIX))
        {
            // Another binary may clone it right now; then it stays.
            let _ = drop_database(&mut admin, name).await;
        }
        let unfinished = format!("unfinished_{}", migrate::fingerprint());
        drop_database(&mut admin, &unfinished).await?;
        let (from, to) = (Name(&unfinished), Name(&template));
        admin
            .execute(AssertSqlSafe(format!("create database {from}")))
            .await?;
        let url = options.clone().database(&unfinished).to_url_lossy();
        migrate::run(url.as_str(), Some(LOGIN)).await?;
        for statement in [
            format!("alter database {from} with allow_connections false"),
            format!("alter database {from} rename to {to}"),
        ] {
            admin.execute(AssertSqlSafe(statement)).await?;
        }
    }
    // Closing the session frees its lock.
    admin.close().await?;
    Ok(template)
}

/// True for a database whose process is gone.
fn is_left_behind(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once('_'))
        .and_then(|(pid, _)| pid.parse().ok())
        .is_some_and(|pid| kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH))
}

fn code(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?;
    error.code().map(|code| code.into_owned())
}

async fn drop_database(admin: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let name = Name(name);
    let statement = format!("drop database if exists {name} with (force)");
    admin.execute(AssertSqlSafe(statement)).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_databases_of_dead_processes_are_left_behind() {
        assert!(!is_left_behind(&format!("{PREFIX}{}_1", process::id())));
        assert!(is_left_behind(&format!("{PREFIX}{}_1", i32::MAX)));
        assert!(!is_left_behind("copro"));
        assert!(!is_left_behind("test_of_someone"));
    }
}
