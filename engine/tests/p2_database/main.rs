//! P1 and P2 when the database goes away: what was acknowledged is there, workers
//! come back by themselves, and all accepted runs end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod load;
mod servers;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use load::Load;
use servers::{Server, Standby, ask, folder, until};
use support::scene::{play, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_in_immediate_mode_and_restarted_costs_nothing() {
    let (data, outside) = (folder(), tempfile::tempdir().unwrap());
    let mut server = Server::start(data.path()).await;
    let load = Load::start(&server.url(), &server.admin_url(), outside.path()).await;
    for _ in 0..2 {
        load.more(30).await;
        server.crash();
        server.again().await;
    }
    load.more(10).await;
    load.verify(&server.admin_url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_cost_nothing() {
    let (data, outside) = (folder(), tempfile::tempdir().unwrap());
    let server = Server::start(data.path()).await;
    let load = Load::start(&server.url(), &server.admin_url(), outside.path()).await;
    for _ in 0..6 {
        load.more(8).await;
        let cut = "select count(pg_terminate_backend(pid))::text from pg_stat_activity where usename = 'copro'";
        ask(&server.admin_url(), cut).await.unwrap();
    }
    load.more(8).await;
    load.verify(&server.admin_url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_standby_that_is_promoted_has_all_that_was_acknowledged() {
    let (data, copy, outside) = (folder(), folder(), tempfile::tempdir().unwrap());
    let server = Server::start(data.path()).await;
    // The address is a link: whoever it leads to answers there.
    let address = data.path().join("at");
    let socket = server.home().join("run");
    std::os::unix::fs::symlink(&socket, &address).unwrap();
    let at = |user: &str| {
        format!(
            "postgres://{user}@localhost/copro?host={}",
            address.display()
        )
    };
    let standby = Standby::follow(&server, &socket, &copy.path().join("standby"));
    let admin = server.admin_url();
    for statement in [
        "alter system set synchronous_standby_names = '*'",
        "select pg_reload_conf()::text",
    ] {
        ask(&admin, statement).await.unwrap();
    }
    let synchronous = "select (sync_state = 'sync')::text from pg_stat_replication";
    until(&admin, synchronous).await;

    let load = Load::start(&at("copro"), &at("postgres"), outside.path()).await;
    load.more(30).await;
    server.crash();
    fs::remove_file(&address).unwrap();
    std::os::unix::fs::symlink(&standby.socket, &address).unwrap();
    until(&at("postgres"), "select pg_promote()::text").await;
    load.more(30).await;
    load.verify(&at("postgres")).await;
}

/// Not a test of its own: what runs where a disk of its own is mounted.
#[test]
fn on_a_small_disk() {
    if let Some(disk) = told("SMALL_DISK") {
        play(fill(disk));
    }
}

async fn fill(disk: String) {
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=320m,mode=711", "tmpfs", &disk])
        .status();
    assert!(mounted.unwrap().success(), "no disk is mounted");
    let outside = tempfile::tempdir().unwrap();
    let mut server = Server::start(&Path::new(&disk).join("server")).await;
    let load = Load::start(&server.url(), &server.admin_url(), outside.path()).await;
    load.more(20).await;
    for _ in 0..2 {
        let filler = Path::new(&disk).join("filler");
        let full = fill_up(&filler);
        // Full for as long as it takes until the server refuses something.
        let larger = "create table outside.larger as select generate_series(1, 1000000) n";
        assert!(full && ask(&server.admin_url(), larger).await.is_err());
        let log = server.home().join("server.log");
        until_told(&log, "No space left").await;
        fs::remove_file(&filler).unwrap();
        server.again().await;
        load.more(20).await;
    }
    load.verify(&server.admin_url()).await;
}

/// Takes all the room there is.
fn fill_up(filler: &Path) -> bool {
    let mut file = fs::File::create(filler).unwrap();
    for size in [1 << 20, 4 << 10] {
        let block = vec![1; size];
        while file.write_all(&block).is_ok() {}
    }
    file.flush().is_ok()
}

async fn until_told(log: &Path, words: &str) {
    while !fs::read_to_string(log).unwrap_or_default().contains(words) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_waited_out() {
    let disk = folder();
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private"]);
    let possible = Command::new(unshare.get_program())
        .args(unshare.get_args())
        .args(["mount", "-t", "tmpfs", "tmpfs"])
        .arg(disk.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !possible {
        println!("skipped: no disk can be mounted here");
        return;
    }
    unshare
        .arg(std::env::current_exe().unwrap())
        .args(["on_a_small_disk", "--exact", "--nocapture"])
        .env("SMALL_DISK", disk.path());
    let output = tokio::task::spawn_blocking(move || unshare.output());
    let output = output.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
