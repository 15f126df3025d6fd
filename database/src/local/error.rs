//! What can go wrong with the private server, in words for the operator.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::binaries::OLDEST_MAJOR;

/// Why there is no private server.
#[derive(Debug, Error)]
pub enum LocalError {
    /// No server programs of a version we can use.
    #[error(
        "PostgreSQL {OLDEST_MAJOR} or newer is not installed (versions found: {found}).\n\
         Debian, Ubuntu: apt-get install postgresql\n\
         Fedora: dnf install postgresql-server\n\
         macOS: brew install postgresql@17\n\
         Or set DATABASE_URL to a server that you run."
    )]
    NoPrograms {
        /// Versions that are installed and too old.
        found: String,
    },
    /// The data was written by a version that is not installed any more.
    #[error(
        "the data was written by PostgreSQL {data}, which is not installed (versions found: {found}).\n\
         Debian, Ubuntu: apt-get install postgresql-{data}"
    )]
    OtherVersion {
        /// Major version of the data.
        data: u32,
        /// Versions that are installed.
        found: String,
    },
    /// Root finds nobody to run the server as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`: \
         create one (useradd --system postgres)"
    )]
    NoAccount,
    /// The server's user cannot reach its own files.
    #[error(
        "the user `{account}` cannot reach {}: open the folders above it (chmod a+x), \
         or set COPRO_DATA to a folder it can reach",
        path.display()
    )]
    NotPassable {
        /// The server's user.
        account: String,
        /// What it cannot reach.
        path: PathBuf,
    },
    /// A folder that must be ours alone is not.
    #[error(
        "{} must be a folder of the user `{account}` alone (mode 0700)",
        path.display()
    )]
    NotPrivate {
        /// The folder.
        path: PathBuf,
        /// Who should own it.
        account: String,
    },
    /// One of the server's programs failed.
    #[error("{program} failed:\n{output}")]
    ProgramFailed {
        /// `initdb` or `postgres`.
        program: &'static str,
        /// The end of what it said.
        output: String,
    },
    /// Another process holds the lock, or the server takes too long.
    #[error("gave up after {seconds} s waiting for {what}; its log is {}", log.display())]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        seconds: u64,
        /// Where to read more.
        log: PathBuf,
    },
    /// The operating system refused something.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The server runs and does not let us in.
    #[error("the private PostgreSQL runs but cannot be prepared")]
    Prepare(#[from] sqlx::Error),
    /// The thread that talks to the server went away.
    #[error("interrupted while starting or stopping the private PostgreSQL")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl LocalError {
    /// Adds what was tried, and on which file.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }
}
