//! How much memory a process has used.

use std::fs;
use std::path::PathBuf;

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// The most memory the process has held so far, in MiB, where the system tells.
#[must_use]
pub fn peak_mib(process: u32) -> Option<usize> {
    let status = fs::read_to_string(folder(process).join("status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: usize = line.split_whitespace().next()?.parse().ok()?;
    Some(kib.div_ceil(1024))
}

/// Counts the peak anew from here, where the system lets it be.
pub fn forget_peak(process: u32) {
    // Where it cannot be, the peak is that of the whole process: never too low.
    let _ = fs::write(folder(process).join("clear_refs"), "5");
}

fn folder(process: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{process}"))
}

/// Its number in mimalloc 3: the binding names the options of mimalloc 2.
const PURGE_DELAY: mi_option_t = 15;

/// Gives freed memory back to the system after 10 ms instead of a second: what
/// one run needed for a moment is not held while the next one needs it elsewhere.
pub fn give_back_soon() {
    #[expect(
        unsafe_code,
        reason = "there is no safe door; it sets a number, before other threads are there"
    )]
    unsafe {
        mi_option_set(PURGE_DELAY, 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_delay_of_a_second() {
        #[expect(unsafe_code, reason = "there is no safe door; it reads a number")]
        let millis = unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(millis, 1000, "mimalloc has other numbers for its options");
    }
}
