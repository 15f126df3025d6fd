//! The floor: the same rows by hand-written SQL, driven by `pgbench` of the same server.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::failure::Failure;

/// Runs a second of a script, with so many clients for so long.
///
/// # Errors
/// When `pgbench` is not there, or the script fails.
pub async fn drive(
    program: &Path,
    url: &str,
    script: &Path,
    clients: usize,
    time: Duration,
) -> Result<f64, Failure> {
    let output = Command::new(program)
        .args(["--no-vacuum", "--protocol=prepared"])
        .arg(format!("--client={clients}"))
        .arg(format!("--jobs={}", clients.min(2)))
        .arg(format!("--time={}", time.as_secs().max(1)))
        .arg("--file")
        .arg(script)
        .arg(url)
        .output()
        .await
        .map_err(|error| Failure::io("read", program, error))?;
    let failed = |text: &[u8]| {
        Failure::new("bench_floor_failed")
            .with("path", script.display())
            .caused_by(String::from_utf8_lossy(text).trim().to_owned())
    };
    if !output.status.success() {
        return Err(failed(&output.stderr));
    }
    rate(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| failed(&output.stdout))
}

/// What `pgbench` says at its end.
fn rate(told: &str) -> Option<f64> {
    let line = told.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_rate_is_read_from_what_pgbench_says() {
        let told = "latency average = 0.330 ms\ntps = 3022.481 (without initial connection time)\n";
        assert_eq!(super::rate(told), Some(3022.481));
        assert_eq!(super::rate("pgbench: error"), None);
    }
}
