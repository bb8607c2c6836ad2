//! Loads and attaches a set of hooks by BTF, and unloads it.

use anyhow::{Context as _, Result, anyhow, bail};
use aya::{Ebpf, programs::Program};

use super::super::{
    attempts::Attempts,
    hooks::{Hook, HookSet},
    object::{find, refusal},
};
use super::prepared::KernelTypes;

/// Attaches all hooks of the set that this kernel needs, or none of them.
///
/// # Errors
/// The kernel refuses one, or lacks its target: the error says which, and why.
pub fn attach_all(
    ebpf: &mut Ebpf,
    set: &HookSet,
    kernel: &KernelTypes,
    attempts: &mut Attempts,
) -> Result<()> {
    let chosen = set.choose(|hook| kernel.btf.has_target(hook), kernel.is_preemptible);
    let hooks = match chosen {
        Ok(hooks) => hooks,
        Err((hook, why)) => return attempts.record(hook.name(), hook.kind.name(), Err(anyhow!(why))),
    };
    // All are loaded before any is attached. A refusal doesn't stop that, so that every answer is recorded.
    let mut result = Ok(());
    for hook in &hooks {
        let answer = load(ebpf, hook, &kernel.for_aya);
        result = result.and(attempts.record(hook.name(), hook.kind.name(), answer));
    }
    let result = result.and_then(|()| hooks.iter().try_for_each(|hook| attach(ebpf, hook)));
    if result.is_ok() {
        attempts.mark_attached(hooks.len());
    } else {
        for hook in hooks {
            unload(ebpf, hook);
        }
    }
    result
}

fn load(ebpf: &mut Ebpf, hook: &Hook, kernel: &aya::Btf) -> Result<()> {
    match find(ebpf, hook.program)? {
        Program::BtfTracePoint(program) => program.load(hook.target, kernel),
        Program::FEntry(program) => program.load(hook.target, kernel),
        Program::FExit(program) => program.load(hook.target, kernel),
        _ => bail!("the program {} is of a kind that is not attached by BTF", hook.program),
    }
    .map_err(refusal)
}

fn attach(ebpf: &mut Ebpf, hook: &Hook) -> Result<()> {
    match find(ebpf, hook.program)? {
        Program::BtfTracePoint(program) => program.attach().map(|_link| ()),
        Program::FEntry(program) => program.attach().map(|_link| ()),
        Program::FExit(program) => program.attach().map(|_link| ()),
        _ => bail!("the program {} is of a kind that is not attached by BTF", hook.program),
    }
    .with_context(|| format!("{}/{}", hook.kind.name(), hook.name()))
}

/// Detaches and unloads a program, if it is loaded.
fn unload(ebpf: &mut Ebpf, hook: &Hook) {
    // The only error is that it was not loaded.
    let _not_loaded = match ebpf.program_mut(hook.program) {
        Some(Program::BtfTracePoint(program)) => program.unload(),
        Some(Program::FEntry(program)) => program.unload(),
        Some(Program::FExit(program)) => program.unload(),
        _ => Ok(()),
    };
}
