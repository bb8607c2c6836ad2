//! By how much the process's time namespace shifts CLOCK_MONOTONIC (time_namespaces(7), Linux 5.6).
//!
//! The kernel's own time stamps, and so eBPF's, are not shifted.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use anyhow::{Context as _, Result, bail};

/// Inode number of the initial time namespace (PROC_TIME_INIT_INO, include/linux/proc_ns.h).
const INITIAL: u64 = 0xEFFF_FFFA;

/// CLOCK_MONOTONIC of this process minus the kernel's, nanoseconds.
///
/// # Errors
/// The process is in a time namespace whose offset no readable file shows.
pub(super) fn monotonic_offset_ns() -> Result<i64> {
    offset_ns_in(Path::new("/proc"))
}

fn offset_ns_in(proc: &Path) -> Result<i64> {
    let own = match fs::metadata(proc.join("self/ns/time")) {
        Ok(namespace) => namespace.ino(),
        // A kernel without time namespaces.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error).context("can't read /proc/self/ns/time"),
    };
    if own == INITIAL {
        return Ok(0);
    }
    // `timens_offsets` is about the namespace of the process's children. After unshare(CLONE_NEWTIME) without a fork
    // that is not the process's own: then another process of its namespace shows the offset, for instance its parent.
    let processes = fs::read_dir(proc).context("can't read /proc")?;
    let all = std::iter::once(proc.join("self")).chain(processes.flatten().map(|entry| entry.path()));
    for process in all {
        let is_own = fs::metadata(process.join("ns/time_for_children")).is_ok_and(|file| file.ino() == own);
        if is_own && let Ok(text) = fs::read_to_string(process.join("timens_offsets")) {
            return parse(&text).with_context(|| format!("timens_offsets has no monotonic offset: {text:?}"));
        }
    }
    bail!(
        "this process is in a time namespace, and no process shows by how much that shifts CLOCK_MONOTONIC: start it \
         outside of time:[{own}], or with `unshare --time --fork`"
    )
}

/// The line `monotonic <seconds> <nanoseconds>`; the nanoseconds count forward from the seconds, as in `struct timespec`.
fn parse(text: &str) -> Option<i64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (clock, seconds, nanoseconds) = (words.next()?, words.next()?, words.next()?);
        // The kernel has always written the name; it also reads the clock's number.
        if !matches!(clock, "monotonic" | "1") {
            return None;
        }
        let (seconds, nanoseconds): (i64, i64) = (seconds.parse().ok()?, nanoseconds.parse().ok()?);
        seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_has_seconds_and_nanoseconds_and_either_sign() {
        for (text, expected) in [
            ("monotonic      100000         0\nboottime            0         0\n", Some(100_000_000_000_000)),
            ("monotonic           0         0\nboottime       864000         0\n", Some(0)),
            ("monotonic          -5 250000000\nboottime            0         0\n", Some(-4_750_000_000)),
            ("boottime           1         0\nmonotonic           2         7\n", Some(2_000_000_007)),
            ("boottime           1         0\n", None),
            ("monotonic           x         0\n", None),
            ("monotonic 9223372036854775807 0\n", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_kernel_without_time_namespaces_shifts_nothing() {
        assert_eq!(offset_ns_in(Path::new("/no/such/directory")).unwrap(), 0);
    }

    #[test]
    fn the_initial_namespace_shifts_nothing() {
        if fs::metadata("/proc/self/ns/time").is_ok_and(|namespace| namespace.ino() == INITIAL) {
            assert_eq!(monotonic_offset_ns().unwrap(), 0);
        }
    }
}
