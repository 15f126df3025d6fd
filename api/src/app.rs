//! The assembly: database, nodes, engine, worker, and their end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use database::local::{LOGIN, LocalOptions, LocalServer};
use database::migrate;
use engine::clock::{SharedClock, SystemClock};
use engine::ids::TenantId;
use engine::node::Registry;
use engine::{Engine, EngineError, Transaction, Worker, WorkerOptions};
use nodes::clients::Clients;
use nodes::clients::http::{Guard, HttpClient, SystemResolver};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::config::{Config, GivenDatabase};
use crate::failure::Failure;
use crate::store::Identities;

/// What is logged when nobody asks for more: a slow statement is no news.
pub const QUIET_LOG: &str = "warn,sqlx::query=error";

/// Sessions of one process: the worker's, and a few for its commands.
const SESSIONS: u32 = 12;

/// How long a session is waited for before the database counts as gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// The nodes there are, to check workflows with.
#[must_use]
pub fn registry() -> Registry {
    nodes::catalogue().expect("the list of nodes is checked by a test")
}

/// The nodes there are, with clients that reach what the configuration allows.
#[must_use]
pub fn registry_for(config: &Config) -> Registry {
    let guard = Guard::new(config.http_allowed.clone());
    let clients = Clients {
        http: HttpClient::new(guard, Arc::new(SystemResolver)),
    };
    nodes::catalogue_with(clients).expect("the list of nodes is checked by a test")
}

/// Everything that runs in this process.
pub struct App {
    /// The engine.
    pub engine: Engine,
    /// How long the database took to be there and up to date.
    pub start_took: Duration,
    /// Who signs in.
    pub identities: Identities,
    pool: PgPool,
    worker: Mutex<Worker>,
    server: Option<LocalServer>,
}

impl App {
    /// Starts or adopts the private server, or uses the database that is given;
    /// brings it up to date and starts a worker.
    ///
    /// # Errors
    /// When there is no database, or it cannot be brought up to date.
    pub async fn start(config: &Config) -> Result<Self, Failure> {
        Self::start_with(config, registry_for(config)).await
    }

    /// The same with other nodes.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(config: &Config, nodes: Registry) -> Result<Self, Failure> {
        let began = Instant::now();
        let master = config.master_key()?;
        let (server, url) = open_database(config).await?;
        let pool = pool(&url)?;
        let clock: SharedClock = Arc::new(SystemClock);
        let engine = Engine::new(pool.clone(), nodes, master, clock);
        let worker = Worker::start(engine.clone(), WorkerOptions::default()).await?;
        Ok(Self {
            engine,
            start_took: began.elapsed(),
            identities: Identities::new(pool.clone()),
            pool,
            worker: Mutex::new(worker),
            server,
        })
    }

    /// Begins a transaction of a tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self, tenant: TenantId) -> Result<Transaction, Failure> {
        Ok(self.engine.begin(tenant).await?)
    }

    /// Executes no run any more; what was under way has ended or waits for another worker.
    pub async fn rest(&self) {
        self.worker.lock().await.stop().await;
    }

    /// Stops the worker, then the server if nobody else uses it.
    ///
    /// # Errors
    /// When the server does not stop.
    pub async fn stop(self) -> Result<(), Failure> {
        self.rest().await;
        self.pool.close().await;
        match self.server {
            Some(server) => server
                .stop()
                .await
                .map_err(|error| Failure::new("private_database").caused_by(error)),
            None => Ok(()),
        }
    }
}

/// A migrated PostgreSQL that is thrown away, with no worker on it.
pub struct Scratch {
    server: LocalServer,
    pool: PgPool,
    /// Removed when this is dropped, after the server.
    folder: TempDir,
}

impl Scratch {
    /// Starts one in a folder for temporary files.
    ///
    /// # Errors
    /// When there is no PostgreSQL on this machine.
    pub async fn start(config: &Config) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("copro-")
            // The server may run as another user, who has a folder of its own below.
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .map_err(|error| Failure::io("write", &std::env::temp_dir(), error))?;
        let (server, url) = open_private(folder.path(), config).await?;
        let pool = pool(&url)?;
        Ok(Self {
            server,
            pool,
            folder,
        })
    }

    /// Where the application logs in.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Where its superuser does.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.server.admin_url()
    }

    /// Its sessions.
    #[must_use]
    pub fn pool(&self) -> PgPool {
        self.pool.clone()
    }

    /// Stops the server and removes its folder.
    ///
    /// # Errors
    /// When the server does not stop.
    pub async fn stop(self) -> Result<(), Failure> {
        self.pool.close().await;
        let path = self.folder.path().to_owned();
        self.server
            .stop()
            .await
            .map_err(|error| Failure::new("private_database").caused_by(error))?;
        self.folder
            .close()
            .map_err(|error| Failure::io("write", &path, error))
    }
}

/// Brings the database up to date, and stops what was started for it.
///
/// # Errors
/// When there is no database, or it cannot be brought up to date.
pub async fn migrate_only(config: &Config) -> Result<(), Failure> {
    let (server, _) = open_database(config).await?;
    match server {
        Some(server) => server
            .stop()
            .await
            .map_err(|error| Failure::new("private_database").caused_by(error)),
        None => Ok(()),
    }
}

/// The migrated database: its URL, and the server when it is a private one.
async fn open_database(config: &Config) -> Result<(Option<LocalServer>, String), Failure> {
    if let Some(given) = &config.database {
        migrate::run(&given.direct_url, login_of(given)?.as_deref())
            .await
            .map_err(|error| Failure::new("migrate").caused_by(error))?;
        return Ok((None, given.url.clone()));
    }
    let (server, url) = open_private(&config.data, config).await?;
    Ok((Some(server), url))
}

/// The migrated database of the private server of a folder.
async fn open_private(folder: &Path, config: &Config) -> Result<(LocalServer, String), Failure> {
    let options = LocalOptions {
        programs: config.postgres_programs.clone(),
        settings: vec![],
    };
    let server = LocalServer::start_with(folder, options)
        .await
        .map_err(|error| {
            Failure::new("private_database")
                .with("path", folder.display())
                .caused_by(error)
        })?;
    match migrate::run(&server.admin_url(), Some(LOGIN)).await {
        Ok(()) => {
            let url = server.url();
            Ok((server, url))
        }
        Err(error) => {
            let failure = Failure::new("migrate").caused_by(error);
            // The first failure is the one to tell.
            let _ = server.stop().await;
            Err(failure)
        }
    }
}

/// Sessions that are opened when they are needed.
fn pool(url: &str) -> Result<PgPool, Failure> {
    let options: PgConnectOptions = url
        .parse()
        .map_err(|error: sqlx::Error| Failure::new("database_url").caused_by(error))?;
    Ok(PgPoolOptions::new()
        .max_connections(SESSIONS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .connect_lazy_with(options.application_name("copro")))
}

/// The application's login, when it is another one than the one that migrates.
fn login_of(given: &GivenDatabase) -> Result<Option<String>, Failure> {
    let user = |url: &str| -> Result<String, Failure> {
        let options: PgConnectOptions = url
            .parse()
            .map_err(|error: sqlx::Error| Failure::new("database_url").caused_by(error))?;
        Ok(options.get_username().to_owned())
    };
    let (application, direct) = (user(&given.url)?, user(&given.direct_url)?);
    Ok((application != direct).then_some(application))
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::Store(store) if store.is_transient() => {
                Self::new("database_lost").said(&error)
            }
            EngineError::UnknownRun(run) => Self::new("unknown_run").with("run", run),
            EngineError::Ended(run) => Self::new("run_ended").with("run", run),
            EngineError::NotAgain(why) => Self::new("not_again").said(why),
            EngineError::Refused(_) => Self::new("answer_refused").said(&error),
            EngineError::NoQuestion(_) => Self::new("no_question").said(&error),
            EngineError::BadInputs(problems) => {
                problems.iter().fold(Self::new("bad_input"), Self::said)
            }
            _ => Self::new("engine").said(&error),
        }
    }
}

impl From<domain::store::StoreError> for Failure {
    fn from(error: domain::store::StoreError) -> Self {
        match &error {
            domain::store::StoreError::Unreachable { .. } => {
                Self::new("database_lost").caused_by(error)
            }
            _ => Self::new("database").caused_by(error),
        }
    }
}
