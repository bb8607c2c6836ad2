//! The signals by which the user stops a program.

use std::{
    io::Result,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// Set by the first signal, at once, even while the event loop is busy.
static IS_STOPPING: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Whether a signal that [`stop`] catches has come.
pub fn is_stopping() -> bool {
    IS_STOPPING.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Catches SIGINT and SIGTERM from now on, and returns a future that completes at the first of them.
///
/// # Errors
/// A handler can't be installed.
#[cfg(unix)]
pub fn stop() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    for number in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let flag = Arc::clone(IS_STOPPING.get_or_init(Arc::default));
        signal_hook::flag::register(number, flag)?;
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Catches Ctrl-C, Ctrl-Break and the closing of the console from now on, and returns a future that completes at the first
/// of them.
///
/// # Errors
/// A handler can't be installed.
#[cfg(windows)]
pub fn stop() -> Result<impl Future<Output = ()>> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};

    let (mut interrupt, mut break_, mut close) = (ctrl_c()?, ctrl_break()?, ctrl_close()?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = break_.recv() => {}
            _ = close.recv() => {}
        }
    })
}
