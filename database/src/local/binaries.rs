//! Where the server's programs are.
//!
//! Distributions keep `initdb` and `postgres` out of the PATH, in a folder a
//! version. The first source that has both wins: the configured folder,
//! `pg_config --bindir`, PATH, then the versioned folders, newest first.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::LocalError;

/// The oldest major version that the SQL is written for.
pub const OLDEST_MAJOR: u32 = 15;

/// Folders that hold one folder a version, and what follows the version.
const VERSIONED: [(&str, &str, &str); 4] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
];

/// A folder with `initdb` and `postgres` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    dir: PathBuf,
    major: u32,
}

impl Binaries {
    pub(super) fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// Finds the programs. Data that exists fixes the version: `wanted`.
    pub(super) fn find(configured: Option<&Path>, wanted: Option<u32>) -> Result<Self, LocalError> {
        match configured {
            Some(dir) => choose([dir.to_owned()], wanted, major_of),
            None => choose(candidates(), wanted, major_of),
        }
    }
}

/// Where a program of PostgreSQL stands, beside the server's: `pgbench`, `pg_dump`.
///
/// # Errors
/// When there is no server on this machine.
pub fn program(name: &str, configured: Option<&Path>) -> Result<PathBuf, LocalError> {
    Ok(Binaries::find(configured, None)?.dir.join(name))
}

/// The first candidate that is recent enough, or of the version wanted.
fn choose(
    candidates: impl IntoIterator<Item = PathBuf>,
    wanted: Option<u32>,
    major_of: impl Fn(&Path) -> Option<u32>,
) -> Result<Binaries, LocalError> {
    let mut seen = Vec::new();
    for dir in candidates {
        let Some(major) = major_of(&dir) else {
            continue;
        };
        let fits = wanted.map_or(major >= OLDEST_MAJOR, |wanted| major == wanted);
        if fits {
            return Ok(Binaries { dir, major });
        }
        seen.push(major);
    }
    match wanted {
        Some(wanted) => Err(LocalError::OtherVersion {
            data: wanted,
            found: list(&seen),
        }),
        None => Err(LocalError::NoPrograms { found: list(&seen) }),
    }
}

fn list(majors: &[u32]) -> String {
    if majors.is_empty() {
        return "none".into();
    }
    let mut majors = majors.to_vec();
    majors.sort_unstable();
    majors.dedup();
    let names: Vec<_> = majors.iter().map(u32::to_string).collect();
    names.join(", ")
}

fn candidates() -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    dirs.extend(pg_config());
    if let Some(path) = env::var_os("PATH") {
        // A link in the PATH leads to the folder that holds the libraries.
        dirs.extend(env::split_paths(&path).filter_map(|dir| {
            let real = fs::canonicalize(dir.join("postgres")).ok()?;
            real.parent().map(Path::to_owned)
        }));
    }
    for (base, prefix, suffix) in VERSIONED {
        dirs.extend(versions(Path::new(base), prefix, suffix));
    }
    dirs
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let dir = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(dir.trim()))
}

/// `base/<prefix><version>/<suffix>`, newest first.
fn versions(base: &Path, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(base) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(suffix)))
        })
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, dir)| dir).collect()
}

/// The version of the server in `dir`, when both programs are there.
fn major_of(dir: &Path) -> Option<u32> {
    if !dir.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(dir.join("postgres")).arg("-V").output().ok()?;
    parse_major(&String::from_utf8(output.stdout).ok()?)
}

/// Reads `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`.
fn parse_major(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL) ")?.1;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(dir: &Path) -> Option<u32> {
        dir.to_str()?.parse().ok()
    }

    fn dirs(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn the_first_folder_that_is_recent_enough_is_taken() {
        let found = choose(dirs(&["empty", "14", "16", "17"]), None, named).unwrap();
        assert_eq!(found.dir, Path::new("16"));
    }

    #[test]
    fn data_that_exists_fixes_the_version() {
        let found = choose(dirs(&["17", "15"]), Some(15), named).unwrap();
        assert_eq!(found.major, 15);
        let error = choose(dirs(&["17", "16"]), Some(15), named).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("PostgreSQL 15"), "{text}");
        assert!(text.contains("16, 17"), "{text}");
    }

    #[test]
    fn without_programs_the_message_names_the_package() {
        let text = choose(dirs(&["empty"]), None, named)
            .unwrap_err()
            .to_string();
        for expected in [
            "PostgreSQL 15 or newer",
            "apt-get install postgresql",
            "DATABASE_URL",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn a_configured_folder_is_the_only_one_looked_at() {
        let empty = tempfile::tempdir().unwrap();
        let error = Binaries::find(Some(empty.path()), None).unwrap_err();
        assert!(matches!(error, LocalError::NoPrograms { .. }));
    }

    #[test]
    fn the_newest_versioned_folder_comes_first() {
        let base = tempfile::tempdir().unwrap();
        for name in ["v9", "v16", "v15", "other"] {
            fs::create_dir_all(base.path().join(name)).unwrap();
        }
        let found = versions(base.path(), "v", "bin");
        let expected: Vec<_> = ["v16", "v15", "v9"]
            .iter()
            .map(|name| base.path().join(name).join("bin"))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn versions_are_read_as_each_packager_writes_them() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_major("postgres: not found"), None);
    }
}
