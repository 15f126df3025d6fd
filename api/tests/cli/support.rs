//! The real binary, on a database of the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use database::testing::TestDb;
use tempfile::TempDir;

/// `copro` with nothing of this machine's environment but what a test gives it.
pub struct Copro {
    database: Option<(String, String)>,
    pub data: TempDir,
}

/// What a call came to.
pub struct Called {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Copro {
    /// On a database of the test.
    pub fn on(db: &TestDb) -> Self {
        Self {
            database: Some((db.url(), db.admin_url())),
            ..Self::alone()
        }
    }

    /// With a data folder of its own, and a private server if it needs one.
    pub fn alone() -> Self {
        Self {
            database: None,
            data: data_folder(),
        }
    }

    /// A call that has not started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_copro"));
        command
            .args(arguments)
            .current_dir(root())
            .env_clear()
            .env("COPRO_DATA", self.data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for kept in ["PATH", "TMPDIR"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        if let Some((url, direct)) = &self.database {
            command
                .env("DATABASE_URL", url)
                .env("DATABASE_DIRECT_URL", direct);
        }
        command
    }

    /// Calls it and waits for its end.
    pub fn call(&self, arguments: &[&str]) -> Called {
        self.command(arguments).output().unwrap().into()
    }
}

impl From<Output> for Called {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Called {
    /// The output of a call that went well.
    #[track_caller]
    pub fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }

    /// The complaint of a call that ended with this code.
    #[track_caller]
    pub fn badly(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self.err
    }
}

/// A folder that the user of a private server can reach.
pub fn data_folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap()
}

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A copy of the small world of `fixtures/`, to be broken.
pub fn small_world() -> TempDir {
    copy_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/small-world"))
}

/// A copy of the files of a folder.
pub fn copy_of(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}
