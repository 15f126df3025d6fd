//! The operating system's user that the server runs as.
//!
//! PostgreSQL refuses to run as root, so root drops to the `postgres` user of
//! the distribution's package, else to `nobody`.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Gid, Uid, User, chown};

use super::LocalError;

/// Who owns the server's files and runs its processes.
#[derive(Debug, Clone)]
pub(super) struct Account {
    name: String,
    uid: Uid,
    gid: Gid,
    dropped: bool,
}

impl Account {
    /// The user of this process, or the one that root drops to.
    pub(super) fn current() -> Result<Self, LocalError> {
        let uid = Uid::effective();
        if !uid.is_root() {
            return Ok(Self {
                name: uid.to_string(),
                uid,
                gid: Gid::effective(),
                dropped: false,
            });
        }
        for name in ["postgres", "nobody"] {
            if let Ok(Some(user)) = User::from_name(name) {
                return Ok(Self {
                    name: user.name,
                    uid: user.uid,
                    gid: user.gid,
                    dropped: true,
                });
            }
        }
        Err(LocalError::NoAccount)
    }

    /// The owner of files that exist already, when root finds them: whoever
    /// made the data goes on serving it.
    pub(super) fn owning(&self, files: &fs::Metadata) -> Self {
        let owner = Uid::from_raw(files.uid());
        if !self.dropped || owner.is_root() || owner == self.uid {
            return self.clone();
        }
        let user = User::from_uid(owner).ok().flatten();
        Self {
            name: user.map_or_else(|| owner.to_string(), |user| user.name),
            uid: owner,
            gid: Gid::from_raw(files.gid()),
            dropped: true,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid.as_raw()
    }

    /// True when root runs the server as someone else.
    pub(super) fn is_dropped(&self) -> bool {
        self.dropped
    }

    /// A command that runs as this account, in `dir`, free of the caller's
    /// PostgreSQL settings.
    pub(super) fn command(&self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir);
        for name in ["PGDATA", "PGPORT", "PGHOST", "PGOPTIONS", "PGUSER"] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").env("LC_MESSAGES", "C");
        if self.dropped {
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
        command
    }

    /// Gives `path` to this account.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        if self.dropped {
            chown(path, Some(self.uid), Some(self.gid))?;
        }
        Ok(())
    }

    /// True when this account may walk through `dir` and all folders above.
    pub(super) fn can_pass(&self, dir: &Path) -> bool {
        dir.ancestors()
            .filter(|above| !above.as_os_str().is_empty())
            .all(|above| fs::metadata(above).is_ok_and(|meta| self.may_search(&meta)))
    }

    fn may_search(&self, meta: &fs::Metadata) -> bool {
        let bit = if meta.uid() == self.uid.as_raw() {
            0o100
        } else if meta.gid() == self.gid.as_raw() {
            0o010
        } else {
            0o001
        };
        meta.mode() & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn stranger() -> Account {
        Account {
            name: "stranger".into(),
            uid: Uid::from_raw(64_321),
            gid: Gid::from_raw(64_321),
            dropped: true,
        }
    }

    #[test]
    fn a_closed_folder_above_stops_another_user() {
        let root = tempfile::tempdir().unwrap();
        let open = root.path().join("a/b");
        fs::create_dir_all(&open).unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o711)).unwrap();
        assert!(stranger().can_pass(&open));
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!stranger().can_pass(&open));
    }
}
