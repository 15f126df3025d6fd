//! How much memory the process has used.

use std::fs;

/// The most memory the process has held so far, in MiB, where the system tells.
#[must_use]
pub fn peak_mib() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: usize = line.split_whitespace().next()?.parse().ok()?;
    Some(kib.div_ceil(1024))
}

/// Counts the peak anew from here, where the system lets it be.
pub fn forget_peak() {
    // Where it cannot be, the peak is that of the whole process: never too low.
    let _ = fs::write("/proc/self/clear_refs", "5");
}
