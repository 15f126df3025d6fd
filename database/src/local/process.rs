//! The server's process: made, started, found again, stopped.
//!
//! Everything here blocks; [`super::LocalServer`] calls it from a thread where
//! that is allowed.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::LocalError;
use super::account::Account;
use super::binaries::Binaries;
use super::home::{Home, tail};

/// The role that owns the cluster.
pub(super) const SUPERUSER: &str = "postgres";

/// The only port: servers differ by the folder of their socket.
pub(super) const PORT: u16 = 5432;

/// Recovery after a crash may take a while.
const LONGEST_START: Duration = Duration::from_secs(120);
/// A fast shutdown writes one checkpoint.
const LONGEST_STOP: Duration = Duration::from_secs(60);
/// How long a start is tried again while the remains of a dead server fade.
const REMAINS_FADE: Duration = Duration::from_secs(15);

/// macOS has no `C.UTF-8`; there `C` sorts alike.
const LOCALE: &str = if cfg!(target_os = "macos") {
    "C"
} else {
    "C.UTF-8"
};

/// Where a running server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Running {
    pid: i32,
    socket_dir: PathBuf,
}

impl Running {
    pub(super) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }
}

/// What the folder of a cluster tells about its server.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Absent,
    /// It answers, and is not ready: starting, recovering or stopping.
    Busy,
    Ready(Running),
}

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
struct PidFile {
    pid: i32,
    port: u16,
    socket_dir: PathBuf,
    ready: bool,
}

impl PidFile {
    fn read(cluster: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(cluster.join("postmaster.pid")).ok()?)
    }

    /// Its lines: pid, data folder, start time, port, socket folder, listen
    /// address, shared memory, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            port: lines.get(3)?.parse().ok()?,
            socket_dir: PathBuf::from(lines.get(4)?),
            ready: lines.get(7).is_some_and(|status| *status == "ready"),
        })
    }

    fn socket(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{}", self.port))
    }

    fn socket_lock(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{}.lock", self.port))
    }

    /// The file outlives a killed server; its socket answers no more.
    fn answers(&self) -> bool {
        UnixStream::connect(self.socket()).is_ok()
    }

    /// True until the server of this file removed its files, or died.
    fn is_held(&self, cluster: &Path) -> bool {
        let same = Self::read(cluster).is_some_and(|now| now.pid == self.pid);
        (same || self.socket_lock().exists()) && is_alive(self.pid)
    }
}

fn state(home: &Home) -> State {
    match PidFile::read(&home.cluster()) {
        Some(file) if file.answers() && file.ready => State::Ready(Running {
            pid: file.pid,
            socket_dir: file.socket_dir,
        }),
        Some(file) if file.answers() => State::Busy,
        _ => State::Absent,
    }
}

/// Finds the running server, or starts it; makes the cluster when there is
/// none. The caller holds the start lock.
pub(super) fn ensure(
    home: &Home,
    account: &Account,
    configured: Option<&Path>,
    settings: &[String],
) -> Result<(Running, Option<Watch>), LocalError> {
    let began = Instant::now();
    loop {
        match state(home) {
            State::Ready(running) => return Ok((running, None)),
            State::Absent => break,
            State::Busy if began.elapsed() > LONGEST_START => {
                return Err(timed_out("the running server", LONGEST_START, home));
            }
            State::Busy => pause(),
        }
    }
    let binaries = Binaries::find(configured, home.data_version())?;
    if home.data_version().is_none() {
        init_cluster(home, account, &binaries)?;
    }
    let socket_dir = home.socket_dir(account)?;
    loop {
        let watch = spawn(home, account, &binaries, &socket_dir, settings)?;
        match wait_ready(home, &watch)? {
            Some(running) => return Ok((running, Some(watch))),
            // The remains of a killed server: its process is not reaped yet,
            // or its last backend still leaves the shared memory.
            None if began.elapsed() < REMAINS_FADE && remains(&home.log_tail()) => pause(),
            None => {
                return Err(LocalError::ProgramFailed {
                    program: "postgres",
                    output: home.log_tail(),
                });
            }
        }
    }
}

fn remains(log: &str) -> bool {
    log.contains("lock file \"") || log.contains("pre-existing shared memory")
}

/// Makes the cluster beside its place, then moves it there: an `initdb` that
/// was killed leaves nothing that looks like data.
fn init_cluster(home: &Home, account: &Account, binaries: &Binaries) -> Result<(), LocalError> {
    let unfinished = home.unfinished_cluster();
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(LocalError::io("remove", &unfinished))?;
    }
    let output = account
        .command(&binaries.initdb(), home.dir())
        .arg("-D")
        .arg(&unfinished)
        .args(["-U", SUPERUSER, "--encoding=UTF8", "--data-checksums"])
        .args(["--auth-local=trust", "--auth-host=reject"])
        .arg(format!("--locale={LOCALE}"))
        .stdin(Stdio::null())
        .output()
        .map_err(LocalError::io("run", &binaries.initdb()))?;
    if !output.status.success() {
        return Err(LocalError::ProgramFailed {
            program: "initdb",
            output: tail(&String::from_utf8_lossy(&output.stderr)),
        });
    }
    fs::rename(&unfinished, home.cluster()).map_err(LocalError::io("rename", &unfinished))
}

/// Starts the server in the foreground, in a process group of its own: Ctrl-C
/// in the terminal reaches us first, and our death leaves it running.
fn spawn(
    home: &Home,
    account: &Account,
    binaries: &Binaries,
    socket_dir: &Path,
    settings: &[String],
) -> Result<Watch, LocalError> {
    let log = home.new_log()?;
    let also = log
        .try_clone()
        .map_err(LocalError::io("open", &home.log()))?;
    let program = binaries.postgres();
    let mut command = account.command(&program, home.dir());
    command
        .arg("-D")
        .arg(home.cluster())
        .arg("-k")
        .arg(socket_dir)
        .args(["-p", &PORT.to_string()])
        .args(["-c", "listen_addresses="])
        .args(["-c", "max_connections=300"])
        .args(["-c", "log_line_prefix=%m [%p] %d "])
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(also)
        .process_group(0);
    for setting in settings {
        command.args(["-c", setting]);
    }
    let mut child = command.spawn().map_err(LocalError::io("run", &program))?;
    let pid = i32::try_from(child.id()).expect("process ids fit 31 bits");
    let ended = std::thread::spawn(move || {
        // Only its end matters; the log tells why.
        let _ = child.wait();
    });
    Ok(Watch { pid, ended })
}

/// The thread that waits for our server's end.
///
/// A dead server that nobody has waited for keeps its process id, and no other
/// server starts on its data: so it is waited for from the first moment, not
/// when we happen to leave.
#[derive(Debug)]
pub(super) struct Watch {
    pid: i32,
    ended: JoinHandle<()>,
}

/// Waits until the server is ready, or `None` when it ended.
fn wait_ready(home: &Home, watch: &Watch) -> Result<Option<Running>, LocalError> {
    let began = Instant::now();
    loop {
        if watch.ended.is_finished() {
            return Ok(None);
        }
        if let State::Ready(running) = state(home)
            && running.pid == watch.pid
        {
            return Ok(Some(running));
        }
        if began.elapsed() > LONGEST_START {
            return Err(timed_out("the server to start", LONGEST_START, home));
        }
        pause();
    }
}

/// Stops the server, and returns when it is gone. The caller is its last user
/// and holds the start lock.
pub(super) fn stop(home: &Home, watch: Option<Watch>) -> Result<(), LocalError> {
    let cluster = home.cluster();
    let Some(file) = PidFile::read(&cluster).filter(PidFile::answers) else {
        return Ok(());
    };
    // The socket answers, so the number in the file is the server's.
    signal(file.pid).map_err(LocalError::io("stop", &cluster))?;
    let began = Instant::now();
    while file.is_held(&cluster) {
        if began.elapsed() > LONGEST_STOP {
            return Err(timed_out("the server to stop", LONGEST_STOP, home));
        }
        pause();
    }
    if let Some(watch) = watch.filter(|watch| watch.pid == file.pid) {
        watch.ended.join().expect("waiting does not panic");
    }
    Ok(())
}

/// Asks for a fast shutdown: sessions are cut, a checkpoint is written.
fn signal(pid: i32) -> io::Result<()> {
    match kill(Pid::from_raw(pid), Signal::SIGINT) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn is_alive(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

fn timed_out(what: &'static str, after: Duration, home: &Home) -> LocalError {
    LocalError::TimedOut {
        what,
        seconds: after.as_secs(),
        log: home.log(),
    }
}

/// A short wait between two looks at another process.
#[expect(
    clippy::disallowed_methods,
    reason = "another process's start and end give no signal that we could wait on"
)]
pub(super) fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str = "4242\n/data\n1700000000\n5432\n/run/copro\n\n  1234  5\nready   \n";

    #[test]
    fn the_pid_file_tells_where_a_ready_server_answers() {
        let file = PidFile::parse(READY).unwrap();
        assert_eq!(file.pid, 4242);
        assert_eq!(file.socket_dir, Path::new("/run/copro"));
        assert!(file.ready);
    }

    #[test]
    fn a_server_that_starts_or_stops_is_not_ready() {
        for status in ["starting", "stopping"] {
            let file = PidFile::parse(&READY.replace("ready   ", status)).unwrap();
            assert!(!file.ready);
        }
    }

    #[test]
    fn a_pid_file_cut_short_is_no_server() {
        assert_eq!(PidFile::parse("4242\n/data\n"), None);
        assert_eq!(PidFile::parse(""), None);
    }
}
