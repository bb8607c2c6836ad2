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

/// Catches SIGINT, SIGTERM and SIGHUP from now on, and returns a future that completes at the first of them. A SIGHUP that
/// is ignored stays so: nohup(1) starts the program in that way.
///
/// # Errors
/// A handler can't be installed.
#[cfg(unix)]
pub fn stop() -> Result<impl Future<Output = ()>> {
    use std::{future::poll_fn, task::Poll};

    use tokio::signal::unix::{SignalKind, signal};

    let hangup = (!is_ignored(SignalKind::hangup())?).then_some(SignalKind::hangup());
    let mut signals = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()].into_iter().chain(hangup) {
        let flag = Arc::clone(IS_STOPPING.get_or_init(Arc::default));
        signal_hook::flag::register(kind.as_raw_value(), flag)?;
        signals.push(signal(kind)?);
    }
    Ok(poll_fn(move |context| {
        let has_come = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if has_come { Poll::Ready(()) } else { Poll::Pending }
    }))
}

/// Whether the signal does nothing.
#[cfg(unix)]
fn is_ignored(signal: tokio::signal::unix::SignalKind) -> Result<bool> {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: `action` is valid for a write of a sigaction, and the null pointer says that nothing is to be changed.
    if unsafe { libc::sigaction(signal.as_raw_value(), std::ptr::null(), action.as_mut_ptr()) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: sigaction(2) has filled it in, because it has succeeded.
    Ok(unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN)
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
