//! A private PostgreSQL for the single machine.
//!
//! Without a `DATABASE_URL`, `copro` runs the installed server programs on a
//! cluster of its own: a Unix socket in a folder of mode 0700, no TCP, every
//! durability setting as PostgreSQL ships it.
//!
//! **Shared.** All processes with the same data folder use one server. Each
//! holds a shared lock on `postgres.users.lock` while it lives; the kernel
//! drops it however the process ends. Starting and stopping both happen under
//! the exclusive `postgres.start.lock`; there, whoever gives up its own share
//! and gets the users' lock exclusively is the last one out, and stops the
//! server. A new user cannot slip in between, because it needs the start lock
//! first.
//!
//! **Crashes.** A killed `copro` leaves the server running, and the next one
//! adopts it. A killed server is started again on its data, which PostgreSQL
//! recovers.

mod account;
mod binaries;
mod error;
mod home;
mod process;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use tokio::task::spawn_blocking;

pub use self::binaries::program;
pub use self::error::LocalError;
use self::home::Home;
use self::process::{PORT, SUPERUSER, Watch, pause};
use crate::name::{Name, socket_url};

/// The database and the login role of the application on a private server.
pub const LOGIN: &str = "copro";

/// How long a process waits for others that start or stop the server.
const LONGEST_LOCK: Duration = Duration::from_secs(180);

/// How a private server is run.
#[derive(Debug, Clone, Default)]
pub struct LocalOptions {
    /// The folder of the server programs, instead of looking for them.
    pub programs: Option<PathBuf>,
    /// More settings, `name=value`, used when this process starts the server.
    pub settings: Vec<String>,
}

/// A share in a running private server.
///
/// Give it back with [`LocalServer::stop`]; dropping it does the same, and
/// blocks for the moment that takes.
#[derive(Debug)]
pub struct LocalServer {
    data_dir: PathBuf,
    home: Home,
    socket_dir: PathBuf,
    share: Option<File>,
    watch: Option<Watch>,
}

impl LocalServer {
    /// Joins the server of `data_dir`, which is made and started as needed.
    pub async fn start(data_dir: &Path) -> Result<Self, LocalError> {
        Self::start_with(data_dir, LocalOptions::default()).await
    }

    /// As [`LocalServer::start`], with options.
    pub async fn start_with(data_dir: &Path, options: LocalOptions) -> Result<Self, LocalError> {
        const ATTEMPTS: usize = 3;
        let mut attempt = 1;
        loop {
            let (folder, options) = (data_dir.to_owned(), options.clone());
            let server = spawn_blocking(move || Self::join(&folder, &options)).await??;
            match server.prepare().await {
                Ok(()) => return Ok(server),
                // It died between our look and our call.
                Err(sqlx::Error::Io(_)) if attempt < ATTEMPTS => server.stop().await?,
                Err(error) => return Err(error.into()),
            }
            attempt += 1;
        }
    }

    /// The application's login, on its database.
    pub fn url(&self) -> String {
        self.url_of(LOGIN, LOGIN)
    }

    /// The superuser's login on the same database, to migrate it.
    pub fn admin_url(&self) -> String {
        self.url_of(SUPERUSER, LOGIN)
    }

    /// Where the server keeps its files.
    pub fn home(&self) -> &Path {
        self.home.dir()
    }

    /// Gives the share back; the last one out stops the server, and returns
    /// when it is gone.
    pub async fn stop(mut self) -> Result<(), LocalError> {
        spawn_blocking(move || self.leave()).await?
    }

    pub(crate) fn url_of(&self, role: &str, database: &str) -> String {
        socket_url(role, database, &self.socket_dir, PORT)
    }

    fn join(data_dir: &Path, options: &LocalOptions) -> Result<Self, LocalError> {
        fs::create_dir_all(data_dir).map_err(LocalError::io("create", data_dir))?;
        let data_dir = fs::canonicalize(data_dir).map_err(LocalError::io("find", data_dir))?;
        let _starting = lock_start(&data_dir)?;
        let share = open_lock(&data_dir, USERS_LOCK)?;
        // Only the last user locks it exclusively, and under the start lock.
        share
            .lock_shared()
            .map_err(LocalError::io("lock", &data_dir))?;
        let (home, account) = Home::open(&data_dir)?;
        let programs = options.programs.as_deref();
        let (running, watch) = process::ensure(&home, &account, programs, &options.settings)?;
        Ok(Self {
            data_dir,
            socket_dir: running.socket_dir().to_owned(),
            home,
            share: Some(share),
            watch,
        })
    }

    /// Makes the login role and the database on a new cluster.
    async fn prepare(&self) -> Result<(), sqlx::Error> {
        let login: PgConnectOptions = self.url().parse()?;
        if let Ok(connection) = login.connect().await {
            connection.close().await?;
            return Ok(());
        }
        let admin: PgConnectOptions = self.url_of(SUPERUSER, SUPERUSER).parse()?;
        let mut admin = admin.connect().await?;
        let name = Name(LOGIN);
        create(&mut admin, format!("create role {name} login noinherit")).await?;
        create(&mut admin, format!("create database {name}")).await?;
        admin.close().await?;
        Ok(())
    }

    fn leave(&mut self) -> Result<(), LocalError> {
        let Some(share) = self.share.take() else {
            return Ok(());
        };
        let _stopping = lock_start(&self.data_dir)?;
        drop(share);
        let users = open_lock(&self.data_dir, USERS_LOCK)?;
        if self.is_last(&users)? {
            process::stop(&self.home, self.watch.take())?;
        }
        Ok(())
    }

    /// True when nobody else holds a share.
    ///
    /// A process that another thread is just starting holds a copy of ours for
    /// the instant before it becomes another program: hence the second look.
    fn is_last(&self, users: &File) -> Result<bool, LocalError> {
        const LOOKS: usize = 3;
        for _ in 0..LOOKS {
            match users.try_lock() {
                Ok(()) => return Ok(true),
                Err(TryLockError::WouldBlock) => pause(),
                Err(TryLockError::Error(error)) => {
                    return Err(LocalError::io("lock", &self.data_dir)(error));
                }
            }
        }
        Ok(false)
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            tracing::warn!(%error, "the private PostgreSQL was not stopped");
        }
    }
}

const START_LOCK: &str = "postgres.start.lock";
const USERS_LOCK: &str = "postgres.users.lock";

/// Runs a `create` that another process may have run a moment before.
async fn create(admin: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    match admin.execute(AssertSqlSafe(statement)).await {
        Ok(_) => Ok(()),
        Err(error) if crate::migrate::exists_already(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

fn open_lock(data_dir: &Path, name: &str) -> Result<File, LocalError> {
    let path = data_dir.join(name);
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).open(&path);
    match file {
        // Root made it in a folder of ours; to lock it, reading is enough.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path),
        file => file,
    }
    .map_err(LocalError::io("open", &path))
}

/// Takes the lock under which the server is started and stopped.
fn lock_start(data_dir: &Path) -> Result<File, LocalError> {
    let file = open_lock(data_dir, START_LOCK)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(LocalError::io("lock", data_dir)(error)),
            Err(TryLockError::WouldBlock) if began.elapsed() > LONGEST_LOCK => {
                return Err(LocalError::TimedOut {
                    what: "another process that starts or stops the server",
                    seconds: LONGEST_LOCK.as_secs(),
                    log: data_dir.join(START_LOCK),
                });
            }
            Err(TryLockError::WouldBlock) => pause(),
        }
    }
}
