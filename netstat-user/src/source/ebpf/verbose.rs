//! `-v`: writes what the programs log (with aya-log) to stderr.

use anyhow::{Context as _, Result};
use aya::Ebpf;
use aya_log::EbpfLogger;
use log::{LevelFilter, Log, Metadata, Record};
use tokio::io::unix::AsyncFd;

use crate::standard_streams::write_stderr_at_once;

/// Forwards the programs' log to stderr until the runtime ends.
///
/// # Errors
/// The object has no map for the log.
pub fn forward(ebpf: &mut Ebpf) -> Result<()> {
    let logger = EbpfLogger::init_with_logger(ebpf, Stderr).context("the kernel side's log")?;
    // SAFETY: the logger owns its descriptor, always returns the same one, and closes it only when it is dropped.
    let mut logger = unsafe { AsyncFd::register(logger) }?;
    tokio::spawn(async move {
        while let Ok(mut guard) = logger.readable_mut().await {
            guard.get_inner_mut().flush();
            guard.clear_ready();
        }
    });
    // For aya's own messages. It fails if an earlier trace in this process has set the same logger.
    if log::set_logger(&Stderr).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
    Ok(())
}

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // The reader of the ring waits for nobody.
        write_stderr_at_once(&format!("rnetstat-trace: kernel side: {}: {}", record.level(), record.args()));
    }

    fn flush(&self) {}
}
