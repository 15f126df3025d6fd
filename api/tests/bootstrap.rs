//! `scripts/bootstrap` names each missing tool, and installs only what is
//! missing. It runs here with a PATH that holds what the test put there.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

/// What the script itself needs.
const TOOLS: [&str; 8] = [
    "bash", "dirname", "head", "paste", "readlink", "sed", "sort", "uname",
];

/// A machine with everything: the C compiler finds its library, PostgreSQL is
/// recent, so is Rust, the user is not root.
///
/// One at a time: a tool that is being written while another test starts a
/// process could not be run.
struct Machine {
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Machine {
    fn new() -> Self {
        let machine = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner),
        };
        fs::create_dir(machine.bin()).expect("a new folder");
        for tool in TOOLS {
            symlink(find(tool), machine.bin().join(tool)).expect("a new link");
        }
        machine
            .with("cc", "echo /usr/lib/crt1.o")
            .with("cargo", "echo cargo 1.95.0")
            .with("rustc", "echo 'rustc 1.95.0 (abcdef 2026-04-14)'")
            .with("postgres", "echo 'postgres (PostgreSQL) 15.13 (Debian)'")
            .with("initdb", "true")
            .with("id", "echo 1000")
            .with("node", "echo v20.20.2")
            .with("npm", "true")
    }

    fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// Installs a tool that runs `script`.
    fn with(self, tool: &str, script: &str) -> Self {
        let path = self.bin().join(tool);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a writable folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        self
    }

    fn without(self, tool: &str) -> Self {
        fs::remove_file(self.bin().join(tool)).expect("it was there");
        self
    }

    fn command(&self) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/bootstrap");
        let certificates = self.folder.path().join("certificates");
        fs::write(&certificates, "some").expect("a writable folder");
        let mut command = Command::new(self.bin().join("bash"));
        command
            .arg(script)
            .env_clear()
            .env("PATH", self.bin())
            .env("HOME", self.folder.path())
            .env("COPRO_POSTGRES_FOLDERS", "")
            .env("COPRO_CERTIFICATES", certificates);
        command
    }

    fn bootstrap(&self) -> Output {
        self.command().output().expect("bash runs")
    }

    /// The message of a bootstrap that gives up.
    fn complaint(&self) -> String {
        let output = self.bootstrap();
        assert!(!output.status.success(), "nothing was missed");
        String::from_utf8(output.stderr).expect("text")
    }
}

fn find(tool: &str) -> PathBuf {
    let path = env::var_os("PATH").expect("tests have a PATH");
    env::split_paths(&path)
        .map(|dir| dir.join(tool))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{tool} is needed by the scripts"))
}

#[track_caller]
fn assert_says(message: &str, expected: &[&str]) {
    for part in expected {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

#[test]
fn a_complete_machine_is_met_with_silence() {
    let output = Machine::new().bootstrap();
    assert!(output.status.success());
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
}

#[test]
fn a_missing_compiler_is_named() {
    let message = Machine::new()
        .with("apt-get", "exit 1")
        .without("cc")
        .complaint();
    assert_says(
        &message,
        &["a C compiler", "sudo apt-get install gcc libc6-dev"],
    );
}

#[test]
fn a_compiler_without_the_c_library_is_not_enough() {
    let machine = Machine::new()
        .with("cc", "echo crt1.o")
        .with("uname", "echo Linux");
    assert_says(&machine.complaint(), &["a C compiler"]);
}

#[test]
fn a_missing_server_is_named() {
    let message = Machine::new()
        .with("apt-get", "exit 1")
        .without("postgres")
        .complaint();
    assert_says(
        &message,
        &["PostgreSQL 15 or newer", "sudo apt-get install postgresql"],
    );
}

#[test]
fn no_server_is_needed_where_a_database_is_given() {
    let machine = Machine::new().without("postgres");
    let output = machine.command().arg("--no-server").output().unwrap();
    assert!(output.status.success());
}

#[test]
fn a_server_that_is_too_old_does_not_count() {
    let machine = Machine::new().with("postgres", "echo 'postgres (PostgreSQL) 14.2'");
    assert_says(&machine.complaint(), &["PostgreSQL 15 or newer"]);
}

#[test]
fn a_versioned_or_a_configured_folder_counts() {
    let machine = Machine::new().without("postgres");
    let folder = machine.folder.path().join("postgresql/17/bin");
    fs::create_dir_all(&folder).unwrap();
    for (tool, script) in [("postgres", "echo '(PostgreSQL) 17.2'"), ("initdb", "true")] {
        let path = folder.join(tool);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for variable in ["COPRO_POSTGRES_FOLDERS", "COPRO_POSTGRES_BIN"] {
        let output = machine.command().env(variable, &folder).output().unwrap();
        assert!(output.status.success(), "{variable}");
    }
}

#[test]
fn missing_certificates_are_named() {
    let machine = Machine::new().with("uname", "echo Linux");
    let output = machine
        .command()
        .env("COPRO_CERTIFICATES", "/nowhere")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_says(
        &String::from_utf8(output.stderr).unwrap(),
        &["ca-certificates"],
    );
}

#[test]
fn missing_rust_is_named_with_its_version() {
    for tool in ["cargo", "rustc"] {
        let message = Machine::new().without(tool).complaint();
        assert_says(&message, &["Rust 1.95 or newer", "https://sh.rustup.rs"]);
    }
}

#[test]
fn a_rust_that_is_too_old_is_named_with_what_was_found() {
    let old = || Machine::new().with("rustc", "echo 'rustc 1.63.0 (4b91a6ea7)'");
    let expected = "Rust 1.95 or newer (found 1.63.0)";
    assert_says(&old().complaint(), &[expected, "https://sh.rustup.rs"]);
    let message = old().with("rustup", "true").complaint();
    assert_says(&message, &[expected, "rustup update stable"]);
}

#[test]
fn a_node_that_is_too_old_does_not_count() {
    let message = Machine::new().with("node", "echo v18.20.4").complaint();
    assert_says(&message, &["Node 20.19 or newer"]);
    let message = Machine::new().without("node").complaint();
    assert_says(&message, &["Node 20.19 or newer"]);
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let message = Machine::new()
        .with("apt-get", "exit 1")
        .without("cc")
        .without("postgres")
        .without("cargo")
        .complaint();
    assert_says(
        &message,
        &[
            "a C compiler",
            "PostgreSQL 15",
            "Rust 1.95",
            "gcc libc6-dev postgresql",
        ],
    );
}

#[test]
fn each_system_is_told_its_own_command() {
    let bare = || Machine::new().without("cc").without("postgres");
    let fedora = bare().with("dnf", "true").complaint();
    assert_says(
        &fedora,
        &["sudo dnf install gcc glibc-devel postgresql-server"],
    );
    let mac = bare().with("brew", "true").complaint();
    assert_says(&mac, &["brew install gcc postgresql@17"]);
    assert_says(&bare().complaint(), &["your system's package manager"]);
}

#[test]
fn root_on_debian_installs_only_what_is_missing() {
    let machine = Machine::new().without("cc").with("id", "echo 0");
    let (log, bin) = (machine.folder.path().join("log"), machine.bin());
    let installs = format!(
        "echo \"$@\" >> {log}; case \"$1\" in install) \
         printf '#!/bin/sh\\necho /usr/lib/crt1.o\\n' > {bin}/cc; /bin/chmod 755 {bin}/cc;; esac",
        log = log.display(),
        bin = bin.display(),
    );
    let machine = machine.with("apt-get", &installs);
    let output = machine.bootstrap();
    assert!(output.status.success());
    let asked = fs::read_to_string(log).unwrap();
    assert!(asked.contains("gcc libc6-dev"), "{asked}");
    assert!(!asked.contains("postgresql"), "{asked}");
}

#[test]
fn what_an_installation_did_not_bring_is_still_named() {
    let machine = Machine::new()
        .without("cc")
        .with("id", "echo 0")
        .with("apt-get", "true");
    assert_says(&machine.complaint(), &["a C compiler"]);
}
