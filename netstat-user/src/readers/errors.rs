//! What an error of a reader means, and what the user can do about it.

use std::io;

use anyhow::{Error, anyhow};
use rustix::io::Errno;

/// Whether a resource of this process or of the host has run out: then the error is not that of the file or namespace
/// that it was reported for.
pub fn is_exhaustion(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}

/// Whether the process, file or socket no longer exists, or its descriptor is another file's by now.
pub fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || matches!(
            Errno::from_io_error(error),
            Some(Errno::SRCH | Errno::BADF | Errno::NOTTY | Errno::NOTSOCK | Errno::NODEV | Errno::NXIO)
        )
}

/// One line for the user: what failed, why, and what to do where that is known.
pub fn explain(error: &Error) -> String {
    match advice(error) {
        Some(advice) => format!("{error:#}; {advice}"),
        None => format!("{error:#}"),
    }
}

/// The error, with what to do about it if a resource has run out.
pub fn with_advice_on_resources(error: Error) -> Error {
    let is_resource =
        |errno: &Errno| matches!(*errno, Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN);
    match errno(&error).filter(is_resource).and_then(about) {
        Some(advice) => anyhow!("{error:#}; {advice}"),
        None => error,
    }
}

fn advice(error: &Error) -> Option<&'static str> {
    errno(error).and_then(about)
}

fn errno(error: &Error) -> Option<Errno> {
    error.chain().find_map(|cause| Errno::from_io_error(cause.downcast_ref()?))
}

/// What to do about a resource that has run out, which an error of eBPF names: aya passes some errors on as text.
pub fn about_resource(error: &str) -> Option<&'static str> {
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN]
        .into_iter()
        .find(|errno| error.contains(&format!("(os error {})", errno.raw_os_error())))
        .and_then(about)
}

fn about(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::MFILE => Some("raise the limit of open files (ulimit -n)"),
        Errno::NFILE => Some("raise the host's limit of open files (sysctl fs.file-max)"),
        Errno::NOMEM => Some("free some memory, or raise the memory limit of its cgroup"),
        Errno::AGAIN => Some("raise the limit of threads (pids.max of its cgroup, ulimit -u)"),
        Errno::PERM | Errno::ACCESS => Some("run it as root, or see `rnetstat-trace doctor`"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn failed(errno: Errno) -> Error {
        Err::<(), _>(io::Error::from(errno)).context("can't open an iterator").unwrap_err()
    }

    #[test]
    fn an_explanation_says_what_failed_and_why_and_what_to_do() {
        assert_eq!(
            explain(&failed(Errno::MFILE)),
            "can't open an iterator: Too many open files (os error 24); raise the limit of open files (ulimit -n)"
        );
        assert_eq!(explain(&failed(Errno::IO)), "can't open an iterator: Input/output error (os error 5)");
    }

    #[test]
    fn only_a_resource_that_has_run_out_adds_advice() {
        let advised = with_advice_on_resources(failed(Errno::NFILE)).to_string();
        assert!(
            advised.ends_with("(os error 23); raise the host's limit of open files (sysctl fs.file-max)")
        );
        assert_eq!(with_advice_on_resources(failed(Errno::PERM)).to_string(), "can't open an iterator");
    }

    #[test]
    fn a_resource_that_has_run_out_is_found_in_a_text() {
        let text = "tp_btf: map/EVENTS: Too many open files (os error 24); tracepoint: no";
        assert_eq!(about_resource(text), Some("raise the limit of open files (ulimit -n)"));
        assert_eq!(about_resource("map/EVENTS: Operation not permitted (os error 1)"), None);
    }

    #[test]
    fn a_resource_that_runs_out_is_no_error_of_the_namespace() {
        assert!(is_exhaustion(&Errno::MFILE.into()) && !is_gone(&Errno::MFILE.into()));
        assert!(!is_exhaustion(&Errno::ACCESS.into()) && !is_gone(&Errno::ACCESS.into()));
        assert!(is_gone(&Errno::NOENT.into()) && is_gone(&Errno::SRCH.into()));
    }
}
