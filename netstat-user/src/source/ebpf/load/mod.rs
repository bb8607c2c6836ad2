//! Loads and attaches the programs: for each fact, the preferred hooks that this kernel takes.

mod advice;
mod by_btf;
mod classic;
mod loaded;
pub mod memlock;
mod minisock;
mod prepared;
mod programs;
mod socket_program;

use anyhow::{Result, anyhow};

pub use loaded::Loaded;
pub use socket_program::run_for_socket;

use self::advice::advice;
use super::{attempts::Attempts, memory_need, object::LoadOptions};
use crate::{options::StateHook, readers::errors};

/// Loads the preferred hooks that work; `attempts` gets the kernel's answer for each that was tried.
///
/// # Errors
/// The memory limit is too low, no hook for transitions works, or one that the options name doesn't. The error says why.
pub fn load(options: &LoadOptions, attempts: &mut Attempts) -> Result<Loaded> {
    memory_need::check(options.memory_limit, options.ring_size())?;
    memlock::raise();
    let typed = match options.state_hook {
        StateHook::Tracepoint => Err(anyhow!("not requested")),
        StateHook::Auto | StateHook::TpBtf => by_btf::load(options, attempts),
    };
    let mut loaded = match (typed, options.state_hook) {
        (Ok(loaded), _) => loaded,
        (Err(error), StateHook::TpBtf) => Err(error),
        (Err(typed), _) => classic::load(options, &typed, attempts).map_err(|classic| {
            let errors = format!("tp_btf: {typed:#}; tracepoint: {classic:#}");
            let advice = errors::about_resource(&errors).map_or_else(advice, ToOwned::to_owned);
            anyhow!("the kernel takes no eBPF program: {errors}; {advice}")
        }),
    }?;
    loaded.missing.extend(options.small_ring());
    Ok(loaded)
}
