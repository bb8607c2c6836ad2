//! Programs of the object: into the kernel, onto their hooks, and out again.

use anyhow::{Context as _, Result, anyhow, bail};
use aya::{
    Ebpf,
    programs::{Program, ProgramError},
};

use super::tried::Attempts;

/// The program of that name.
///
/// # Errors
/// There is none: the object is another program's.
pub fn find<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Program> {
    ebpf.program_mut(name).with_context(|| format!("the eBPF object has no program {name}"))
}

/// Attaches all of `names`, or none of them.
///
/// # Errors
/// The kernel refuses one: the error says which, and why.
pub fn attach_all(
    ebpf: &mut Ebpf,
    names: &[&'static str],
    kernel: &aya::Btf,
    attempts: &mut Attempts,
) -> Result<()> {
    // What doesn't load shows before anything is attached; each is tried, so that each one's answer is known.
    let mut result = Ok(());
    for name in names {
        let kind = kind(find(ebpf, name)?);
        result = result.and(attempts.note(name, kind, load(ebpf, name, kernel)));
    }
    let result = result.and_then(|()| names.iter().try_for_each(|name| attach(ebpf, name)));
    if result.is_ok() {
        attempts.attached(names.len());
    } else {
        for name in names {
            unload(ebpf, name);
        }
    }
    result
}

/// By which the names of several programs of one tracepoint differ.
const OF_THE_SAME_TRACEPOINT: [&str; 2] = ["_nested", "_preempting"];

/// Loads a program for the hook that it is named after.
fn load(ebpf: &mut Ebpf, name: &'static str, kernel: &aya::Btf) -> Result<()> {
    let tracepoint = OF_THE_SAME_TRACEPOINT.iter().find_map(|suffix| name.strip_suffix(suffix));
    match find(ebpf, name)? {
        Program::BtfTracePoint(program) => program.load(tracepoint.unwrap_or(name), kernel),
        Program::FEntry(program) => program.load(name, kernel),
        Program::FExit(program) => program.load(name, kernel),
        _ => bail!("the program {name} is of a kind that is not attached by BTF"),
    }
    .map_err(reason)
}

fn attach(ebpf: &mut Ebpf, name: &'static str) -> Result<()> {
    let program = find(ebpf, name)?;
    let kind = kind(program);
    match program {
        Program::BtfTracePoint(program) => program.attach().map(|_link| ()),
        Program::FEntry(program) => program.attach().map(|_link| ()),
        Program::FExit(program) => program.attach().map(|_link| ()),
        _ => bail!("the program {name} is of a kind that is not attached by BTF"),
    }
    .with_context(|| format!("{kind}/{name}"))
}

/// Takes a program off its hook and out of the kernel, if it is there.
fn unload(ebpf: &mut Ebpf, name: &str) {
    // The only error is that it was not loaded.
    let _not_loaded = match ebpf.program_mut(name) {
        Some(Program::BtfTracePoint(program)) => program.unload(),
        Some(Program::FEntry(program)) => program.unload(),
        Some(Program::FExit(program)) => program.unload(),
        _ => Ok(()),
    };
}

fn kind(program: &Program) -> &'static str {
    match program {
        Program::FEntry(_) => "fentry",
        Program::FExit(_) => "fexit",
        _ => "tp_btf",
    }
}

/// A refusal in one line: the kernel's error, and of the verifier's log the line that says why.
pub fn reason(error: ProgramError) -> anyhow::Error {
    let ProgramError::LoadError { io_error, verifier_log } = error else { return anyhow!(error) };
    let log = verifier_log.to_string();
    const STATISTICS: [&str; 3] = ["processed ", "verification time ", "stack depth "];
    let is_reason = |line: &&str| !line.is_empty() && !STATISTICS.iter().any(|start| line.starts_with(start));
    let why = log.lines().rev().find(is_reason);
    match why {
        Some(why) => anyhow!("{io_error} ({})", why.trim()),
        None => anyhow!(io_error),
    }
}
