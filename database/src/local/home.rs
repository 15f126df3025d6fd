//! Where the server's files are.
//!
//! `<data folder>/postgres` holds everything, readable by the server's user
//! alone. When root's data folder lies where that user cannot go (below
//! root's own home), the files move to a system folder and
//! `<data folder>/postgres` is a link to it: removing the data folder makes
//! the next start begin anew.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::LocalError;
use super::account::Account;

/// Where root's servers live when the data folder is out of their reach.
const SYSTEM_STATE: &str = "/var/lib/copro";

/// Longest socket path that every system takes, and the socket's name.
const LONGEST_SOCKET: usize = 100;
const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// The folders of one server.
#[derive(Debug, Clone)]
pub(super) struct Home {
    dir: PathBuf,
    moved: bool,
}

impl Home {
    /// Finds the server's folder under `data_dir`, or makes it; tells which
    /// account serves it.
    ///
    /// The caller holds the start lock.
    pub(super) fn open(data_dir: &Path) -> Result<(Self, Account), LocalError> {
        let account = Account::current()?;
        let home = Self::locate(data_dir, &account)?;
        if home.moved {
            let parent = Path::new(SYSTEM_STATE);
            fs::create_dir_all(parent).map_err(LocalError::io("create", parent))?;
        }
        let account = match fs::symlink_metadata(&home.dir) {
            Ok(files) => account.owning(&files),
            Err(_) => account,
        };
        private_dir(&home.dir, &account)?;
        if account.is_dropped() && !account.can_pass(&home.dir) {
            return Err(LocalError::NotPassable {
                account: account.name().to_owned(),
                path: home.dir,
            });
        }
        Ok((home, account))
    }

    fn locate(data_dir: &Path, account: &Account) -> Result<Self, LocalError> {
        let link = data_dir.join("postgres");
        let home = match fs::symlink_metadata(&link) {
            Ok(meta) if meta.is_symlink() => {
                let dir = fs::read_link(&link).map_err(LocalError::io("read", &link))?;
                Self { dir, moved: true }
            }
            Ok(_) => Self {
                dir: link,
                moved: false,
            },
            Err(_) if account.is_dropped() && !account.can_pass(data_dir) => {
                let dir = Path::new(SYSTEM_STATE).join(Uuid::now_v7().simple().to_string());
                symlink(&dir, &link).map_err(LocalError::io("create", &link))?;
                tracing::warn!(
                    data = %data_dir.display(),
                    files = %dir.display(),
                    account = account.name(),
                    "the server's user cannot reach the data folder: its files are kept elsewhere"
                );
                Self { dir, moved: true }
            }
            Err(_) => Self {
                dir: link,
                moved: false,
            },
        };
        Ok(home)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The database cluster.
    pub(super) fn cluster(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Where `initdb` works; renamed to the cluster when it is complete.
    pub(super) fn unfinished_cluster(&self) -> PathBuf {
        self.dir.join("data.unfinished")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    /// The major version that wrote the data, when there is data.
    pub(super) fn data_version(&self) -> Option<u32> {
        let text = fs::read_to_string(self.cluster().join("PG_VERSION")).ok()?;
        text.trim().parse().ok()
    }

    /// Makes the folder of the socket: inside the home, or, when that path is
    /// too long for a socket, a private folder with a short name.
    pub(super) fn socket_dir(&self, account: &Account) -> Result<PathBuf, LocalError> {
        let inside = self.dir.join("run");
        let dir = if inside.join(SOCKET_NAME).as_os_str().len() <= LONGEST_SOCKET {
            inside
        } else {
            let digest = Sha256::digest(self.dir.as_os_str().as_encoded_bytes());
            let short = hex::encode(&digest[..8]);
            PathBuf::from(format!("/tmp/copro-{}-{short}", account.uid()))
        };
        private_dir(&dir, account)?;
        Ok(dir)
    }

    /// Opens a new log and keeps the last one beside it.
    pub(super) fn new_log(&self) -> Result<File, LocalError> {
        let log = self.log();
        let _ = fs::rename(&log, self.dir.join("server.log.old"));
        File::create(&log).map_err(LocalError::io("create", &log))
    }

    /// The last lines of the server's log.
    pub(super) fn log_tail(&self) -> String {
        let text = fs::read(self.log()).unwrap_or_default();
        tail(&String::from_utf8_lossy(&text))
    }
}

/// The last lines of a program's output.
pub(super) fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// Makes `dir` with mode 0700 for `account`, or checks that it is so.
///
/// The folder is the access control of the socket: one that another user
/// prepared is refused.
fn private_dir(dir: &Path, account: &Account) -> Result<(), LocalError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => return account.own(dir).map_err(LocalError::io("own", dir)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(LocalError::io("create", dir)(error)),
    }
    let meta = fs::symlink_metadata(dir).map_err(LocalError::io("read", dir))?;
    if !meta.is_dir() || meta.mode() & 0o077 != 0 {
        return Err(LocalError::NotPrivate {
            path: dir.to_owned(),
            account: account.name().to_owned(),
        });
    }
    if meta.uid() != account.uid() {
        // Ours when we died between making the folder and giving it away.
        if !account.is_dropped() || meta.uid() != 0 {
            return Err(LocalError::NotPrivate {
                path: dir.to_owned(),
                account: account.name().to_owned(),
            });
        }
        account.own(dir).map_err(LocalError::io("own", dir))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_deep_folder_gets_a_short_socket_path() {
        let root = tempfile::tempdir().unwrap();
        let account = Account::current().unwrap();
        let deep = root.path().join("d".repeat(120));
        fs::create_dir_all(&deep).unwrap();
        let home = Home {
            dir: deep,
            moved: false,
        };
        let dir = home.socket_dir(&account).unwrap();
        let again = home.socket_dir(&account).unwrap();
        assert_eq!(dir, again);
        assert!(dir.join(SOCKET_NAME).as_os_str().len() < 107);
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        fs::remove_dir(dir).unwrap();
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let account = Account::current().unwrap();
        let open = root.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        let error = private_dir(&open, &account).unwrap_err();
        assert!(matches!(error, LocalError::NotPrivate { .. }));
    }

    #[test]
    fn only_the_end_of_a_long_output_is_shown() {
        let text: String = (0..50).map(|n| format!("{n}\n")).collect();
        assert!(tail(&text).starts_with("38\n"));
        assert_eq!(tail("one\ntwo"), "one\ntwo");
    }
}
