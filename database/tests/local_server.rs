//! The private server: shared, adopted after a crash, stopped by the last one.
//!
//! Other processes are this test binary again, running [`holder`].

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use database::local::LocalServer;
use database::testing::fast_folder;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, Uid, User};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

const FOLDER: &str = "COPRO_TEST_FOLDER";

/// A data folder that the server's user can reach.
fn data_folder() -> TempDir {
    let folder = tempfile::tempdir_in(fast_folder()).expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("it is ours");
    folder
}

/// The number of the server's process, while its file is there.
fn server_pid(home: &Path) -> Option<i32> {
    let text = fs::read_to_string(home.join("data/postmaster.pid")).ok()?;
    text.lines().next()?.parse().ok()
}

async fn ask(url: &str, question: &'static str) -> String {
    let mut db = PgConnection::connect(url).await.expect("the server runs");
    let answer = sqlx::query_scalar(question).fetch_one(&mut db).await;
    db.close().await.expect("the session ends");
    answer.expect("the server answers")
}

/// Another process that uses the server of a folder until told to leave.
struct Holder {
    process: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Holder {
    fn start(folder: &Path) -> Self {
        let this = env::current_exe().expect("a test has a program");
        Self::start_as(&mut Command::new(this), folder)
    }

    fn start_as(command: &mut Command, folder: &Path) -> Self {
        let mut process = command
            .args(["--exact", "holder", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("the test program runs again");
        let stdout = process.stdout.take().expect("it is piped");
        let mut holder = Self {
            process,
            answers: BufReader::new(stdout),
        };
        holder.wait_for("ready");
        holder
    }

    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            let read = self.answers.read_line(&mut line).expect("it is a pipe");
            assert_ne!(read, 0, "the holder ended before it said {word}");
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().try_into().expect("31 bits"))
    }

    fn leave(mut self) {
        let mut stdin = self.process.stdin.take().expect("it is piped");
        stdin.write_all(b"leave\n").expect("the holder listens");
        self.wait_for("left");
        assert!(self.process.wait().expect("it is our child").success());
    }

    fn kill(mut self) {
        kill(self.pid(), Signal::SIGKILL).expect("it is our child");
        self.process.wait().expect("it is our child");
    }
}

#[test]
#[ignore = "a process of its own for the other tests"]
fn holder() {
    let folder = env::var_os(FOLDER).expect("started by another test");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime
        .block_on(LocalServer::start(Path::new(&folder)))
        .expect("a server");
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a pipe");
    runtime.block_on(server.stop()).expect("the server stops");
    println!("left");
}

#[tokio::test]
async fn a_killed_process_leaves_the_server_and_the_next_adopts_it() {
    let folder = data_folder();
    let home = folder.path().join("postgres");
    Holder::start(folder.path()).kill();
    let pid = server_pid(&home).expect("the server still runs");

    let server = LocalServer::start(folder.path()).await.unwrap();
    assert_eq!(server_pid(&home), Some(pid));
    assert_eq!(ask(&server.url(), "select 'yes'").await, "yes");
    server.stop().await.unwrap();
    assert_eq!(server_pid(&home), None);
}

#[tokio::test]
async fn the_last_one_out_stops_the_server() {
    let folder = data_folder();
    let home = folder.path().join("postgres");
    let first = Holder::start(folder.path());
    let second = Holder::start(folder.path());
    let server = LocalServer::start(folder.path()).await.unwrap();
    let pid = server_pid(&home);

    first.leave();
    assert_eq!(server_pid(&home), pid);
    server.stop().await.unwrap();
    assert_eq!(server_pid(&home), pid);
    second.leave();
    assert_eq!(server_pid(&home), None);
}

#[tokio::test]
async fn a_killed_process_does_not_count_as_a_user() {
    let folder = data_folder();
    let killed = Holder::start(folder.path());
    let server = LocalServer::start(folder.path()).await.unwrap();
    killed.kill();
    let home = server.home().to_owned();
    server.stop().await.unwrap();
    assert_eq!(server_pid(&home), None);
}

#[tokio::test]
async fn an_interrupt_from_the_terminal_does_not_reach_the_server() {
    let folder = data_folder();
    let mut holder = Holder::start(folder.path());
    killpg(holder.pid(), Signal::SIGINT).unwrap();
    assert!(!holder.process.wait().unwrap().success());
    let pid = server_pid(&folder.path().join("postgres"));

    let server = LocalServer::start(folder.path()).await.unwrap();
    assert_eq!(server_pid(server.home()), pid);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_and_leaving_at_once_never_cuts_a_user() {
    let folder = data_folder();
    let users = (0..6).map(|_| {
        let path = folder.path().to_owned();
        tokio::spawn(async move {
            for _ in 0..4 {
                let server = LocalServer::start(&path).await.unwrap();
                assert_eq!(ask(&server.url(), "select 'yes'").await, "yes");
                server.stop().await.unwrap();
            }
        })
    });
    for user in users.collect::<Vec<_>>() {
        user.await.unwrap();
    }
    assert_eq!(server_pid(&folder.path().join("postgres")), None);
}

#[tokio::test]
async fn a_killed_server_recovers_its_data() {
    let folder = data_folder();
    let server = LocalServer::start(folder.path()).await.unwrap();
    let mut db = PgConnection::connect(&server.admin_url()).await.unwrap();
    sqlx::raw_sql("create table kept as select 'yes' as answer")
        .execute(&mut db)
        .await
        .unwrap();
    let pid = server_pid(server.home()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();

    // The first user still believes that it has a server.
    let again = LocalServer::start(folder.path()).await.unwrap();
    assert_ne!(server_pid(again.home()), Some(pid));
    let answer = ask(&again.admin_url(), "select answer from kept").await;
    assert_eq!(answer, "yes");
    server.stop().await.unwrap();
    assert_eq!(ask(&again.url(), "select 'yes'").await, "yes");
    again.stop().await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_was_never_finished_is_made_again() {
    let folder = data_folder();
    let unfinished = folder.path().join("postgres/data.unfinished");
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "15").unwrap();
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder.path().join("postgres"), private).unwrap();
    let server = LocalServer::start(folder.path()).await.unwrap();
    assert_eq!(ask(&server.url(), "select 'yes'").await, "yes");
    assert!(!unfinished.exists());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_share_is_given_back() {
    let folder = data_folder();
    drop(LocalServer::start(folder.path()).await.unwrap());
    assert_eq!(server_pid(&folder.path().join("postgres")), None);
}

#[tokio::test]
async fn the_server_is_durable_and_private() {
    let folder = data_folder();
    let server = LocalServer::start(folder.path()).await.unwrap();
    for setting in [
        "select current_setting('fsync')",
        "select current_setting('synchronous_commit')",
        "select current_setting('full_page_writes')",
        "select current_setting('data_checksums')",
    ] {
        assert_eq!(ask(&server.url(), setting).await, "on", "{setting}");
    }
    let addresses = "select current_setting('listen_addresses')";
    assert_eq!(ask(&server.url(), addresses).await, "");
    for private in ["", "data", "run"] {
        let meta = fs::metadata(server.home().join(private)).unwrap();
        assert_eq!(meta.mode() & 0o777, 0o700, "{private}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_very_long_folder_works() {
    let folder = data_folder();
    let long = folder.path().join("a-long-name-".repeat(9));
    let server = LocalServer::start(&long).await.unwrap();
    let sockets = ask(
        &server.admin_url(),
        "select current_setting('unix_socket_directories')",
    )
    .await;
    assert!(sockets.len() < 80, "{sockets}");
    server.stop().await.unwrap();
    fs::remove_dir(sockets).unwrap();
}

#[tokio::test]
async fn root_runs_the_server_as_another_user() {
    let folder = data_folder();
    let server = LocalServer::start(folder.path()).await.unwrap();
    let owner = fs::metadata(server.home().join("data")).unwrap().uid();
    assert_ne!(owner, 0);
    if !Uid::effective().is_root() {
        assert_eq!(owner, Uid::effective().as_raw());
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_ordinary_user_runs_the_server_itself() {
    if !Uid::effective().is_root() {
        eprintln!("not root: all other tests show it");
        return;
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    let folder = data_folder();
    let program = folder.path().join("program");
    // By another process: a program that is open for writing here could slip
    // into a child that another test starts, and then not be run.
    let copy = Command::new("cp")
        .arg(env::current_exe().unwrap())
        .arg(&program)
        .status();
    assert!(copy.unwrap().success());
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    nix::unistd::chown(&data, Some(nobody.uid), Some(nobody.gid)).unwrap();
    let mut command = Command::new(&program);
    command
        .uid(nobody.uid.as_raw())
        .gid(nobody.gid.as_raw())
        .current_dir(&data);
    let holder = Holder::start_as(&mut command, &data);
    let cluster = fs::metadata(data.join("postgres/data")).unwrap();
    assert_eq!(cluster.uid(), nobody.uid.as_raw());

    // Root joins it, and later serves it as the user who made it.
    let joined = LocalServer::start(&data).await.unwrap();
    holder.leave();
    joined.stop().await.unwrap();
    let server = LocalServer::start(&data).await.unwrap();
    let pid_file = fs::metadata(data.join("postgres/data/postmaster.pid")).unwrap();
    assert_eq!(pid_file.uid(), nobody.uid.as_raw());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn roots_closed_folder_keeps_only_a_link_to_the_files() {
    if !Uid::effective().is_root() {
        eprintln!("not root: nothing to drop to");
        return;
    }
    let folder = data_folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let data = closed.join("data");
    let server = LocalServer::start(&data).await.unwrap();
    let files: PathBuf = fs::read_link(data.join("postgres")).unwrap();
    assert_eq!(server.home(), files);
    server.stop().await.unwrap();

    // The link leads back to the same files.
    let again = LocalServer::start(&data).await.unwrap();
    assert_eq!(again.home(), files);
    again.stop().await.unwrap();
    fs::remove_dir_all(files).unwrap();
}
