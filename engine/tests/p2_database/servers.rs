//! Servers of a test's own: killed, promoted, without room.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use database::local::{LocalServer, program};
use database::testing::{fast_folder, start_server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

/// A folder that the server's user can reach.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir_in(fast_folder()).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

/// Asks the server something, on a session of its own.
pub async fn ask(url: &str, statement: &str) -> Result<Option<String>, sqlx::Error> {
    let mut db = PgConnection::connect(url).await?;
    let answer = sqlx::query_scalar(AssertSqlSafe(statement.to_owned()))
        .fetch_optional(&mut db)
        .await;
    let _ = db.close().await;
    answer
}

/// Asks until the answer is `true`.
pub async fn until(url: &str, statement: &str) {
    for _ in 0..3_000 {
        if let Ok(Some(answer)) = ask(url, statement).await
            && answer == "true"
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("never: {statement}");
}

/// A private server.
pub struct Server {
    folder: PathBuf,
    server: Option<LocalServer>,
}

impl Server {
    pub async fn start(folder: &Path) -> Self {
        let server = start_server(folder).await.unwrap();
        Self {
            folder: folder.to_owned(),
            server: Some(server),
        }
    }

    fn server(&self) -> &LocalServer {
        self.server.as_ref().unwrap()
    }

    pub fn url(&self) -> String {
        self.server().url()
    }

    pub fn admin_url(&self) -> String {
        self.server().admin_url()
    }

    pub fn home(&self) -> &Path {
        self.server().home()
    }

    /// Stops it in immediate mode: as in a crash, nothing is written any more.
    pub fn crash(&self) {
        let file = fs::read_to_string(self.home().join("data/postmaster.pid")).unwrap();
        let pid = file.lines().next().unwrap().parse().unwrap();
        kill(Pid::from_raw(pid), Signal::SIGQUIT).unwrap();
    }

    /// Starts it again, as often as it takes.
    pub async fn again(&mut self) {
        for _ in 0..100 {
            if let Ok(server) = start_server(&self.folder).await {
                self.server = Some(server);
                return;
            }
        }
        panic!("the server does not start again");
    }
}

/// A copy of a server that follows it.
pub struct Standby {
    process: Child,
    pub socket: PathBuf,
}

impl Standby {
    /// Copies a running server into a folder, and follows it.
    pub fn follow(server: &Server, socket: &Path, folder: &Path) -> Self {
        let owner = fs::metadata(server.home().join("data")).unwrap();
        let run = |name: &str| {
            let mut command = Command::new(program(name, None).unwrap());
            command
                .current_dir("/")
                .uid(owner.uid())
                .gid(owner.gid())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        let data = folder.join("data");
        for made in [folder, &data] {
            let _ = fs::create_dir(made);
            std::os::unix::fs::chown(made, Some(owner.uid()), Some(owner.gid())).unwrap();
            fs::set_permissions(made, fs::Permissions::from_mode(0o700)).unwrap();
        }
        let copied = run("pg_basebackup")
            .arg("-D")
            .arg(&data)
            .args(["-R", "-U", "postgres", "-c", "fast", "-X", "stream", "-h"])
            .arg(socket)
            .status()
            .unwrap();
        assert!(copied.success(), "the server is not copied");
        let process = run("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder)
            .args(["-c", "listen_addresses=", "-c", "max_connections=600"])
            .spawn()
            .unwrap();
        Self {
            process,
            socket: folder.to_owned(),
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.process.id().try_into().unwrap());
        let _ = kill(pid, Signal::SIGQUIT);
        let _ = self.process.wait();
    }
}
