//! `-v`: brings what the programs log, by aya-log, to stderr.

use anyhow::{Context as _, Result};
use aya::Ebpf;
use aya_log::EbpfLogger;
use log::{LevelFilter, Log, Metadata, Record};
use tokio::io::unix::AsyncFd;

/// Forwards the programs' log until the runtime ends.
///
/// # Errors
/// The object was built without its log.
pub fn forward(ebpf: &mut Ebpf) -> Result<()> {
    let logger = EbpfLogger::init_with_logger(ebpf, Stderr).context("the kernel side's log")?;
    // SAFETY: the logger owns its descriptor, never gives another, and closes it only with itself.
    let mut logger = unsafe { AsyncFd::register(logger) }?;
    tokio::spawn(async move {
        while let Ok(mut guard) = logger.readable_mut().await {
            guard.get_inner_mut().flush();
            guard.clear_ready();
        }
    });
    // For what aya itself has to say; a second run in one process has it already.
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
        eprintln!("rnetstat-trace: kernel side: {}: {}", record.level(), record.args());
    }

    fn flush(&self) {}
}
