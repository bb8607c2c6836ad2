//! A panic, of a library or of this program, is one line on stderr and exit code 1, as every other failure.
//!
//! Some failures of the system reach the program only as a panic: tokio panics where epoll_wait(2) or socketpair(2) fail
//! (tokio 1.54, `runtime::io::Driver::turn`, `signal::unix::OsExtraData::default`).

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook},
    process::ExitCode,
    thread,
};

use crate::standard_streams::write_stderr;

/// The threads whose panic continues in the thread that waits for them, or is reported by it.
const JOINED_THREADS: &str = "rnetstat-";
/// The limit of open files is reached (include/uapi/asm-generic/errno-base.h).
const EMFILE: i32 = 24;

/// Runs a program; `name` begins its error messages.
pub fn guard(name: &'static str, run: impl FnOnce() -> ExitCode) -> ExitCode {
    set_hook(Box::new(move |panic| {
        if thread::current().name().is_some_and(|thread| thread.starts_with(JOINED_THREADS)) {
            return;
        }
        let message = message(panic);
        if let Some(line) = describe(&message) {
            return write_stderr(&format!("{name}: {line}"));
        }
        write_stderr(&format!(
            "{name}: this is an error in the program: {message}; please report it with what RUST_BACKTRACE=1 shows"
        ));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            write_stderr(&format!("{panic}\n{backtrace}"));
        }
    }));
    // The process ends: nothing uses what the panic has left half done.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(ExitCode::FAILURE)
}

fn message(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message").replace('\n', "; ")
}

/// What failed, why, and what to do, if the message is about a failure of the system.
fn describe(message: &str) -> Option<String> {
    let call = if message.contains("polling the I/O driver") {
        "the event loop can't wait for events (epoll_wait)"
    } else if message.contains("failed to create UnixStream") {
        "can't catch signals (socketpair)"
    } else {
        return None;
    };
    let error = error_code(message).map(std::io::Error::from_raw_os_error);
    let why = error.map_or_else(|| message.to_owned(), |error| error.to_string());
    let advice = match error_code(message) {
        Some(EMFILE) => "raise the limit of open files (ulimit -n)",
        _ => "a system call filter (seccomp) or a tracer may forbid it",
    };
    Some(format!("{call}: {why}; {advice}"))
}

/// The number in the text of an error's `Debug`: `Os { code: 24, kind: … }`.
fn error_code(text: &str) -> Option<i32> {
    let (_, code) = text.split_once("code: ")?;
    code.split(',').next()?.parse().ok()
}

// The errors' texts are Unix'.
#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_the_system_that_a_library_panics_with_says_what_to_do() {
        let polling = "unexpected error when polling the I/O driver: Os { code: 9, kind: Uncategorized }";
        assert_eq!(
            describe(polling).unwrap(),
            "the event loop can't wait for events (epoll_wait): Bad file descriptor (os error 9); a system call \
             filter (seccomp) or a tracer may forbid it"
        );
        let signals = describe("failed to create UnixStream: Os { code: 24, kind: Uncategorized }").unwrap();
        assert!(signals.ends_with("raise the limit of open files (ulimit -n)"), "{signals}");
        assert_eq!(describe("index out of bounds"), None);
    }
}
