//! Loads and runs the program that reports one socket, when user space asks for it.

use anyhow::{Context as _, Result, bail};
use aya::{
    Ebpf,
    programs::{Program, RawTracePointRunOptions, TestRun as _},
};
use netstat_ebpf::wire::program;

use super::super::{
    attempts::Attempts,
    hooks::CONNECTING_SOCKETS,
    object::{find, refusal},
};

/// No socket has this address: the program reads nothing, and writes no record.
const NO_SOCKET: u64 = 0;

/// Loads the program, and runs it once for no socket.
///
/// # Errors
/// The kernel refuses the program, or doesn't run it.
pub fn load(ebpf: &mut Ebpf, attempts: &mut Attempts) -> Result<()> {
    let [hook] = CONNECTING_SOCKETS.hooks else { bail!("not one program that is run for a socket") };
    let Program::RawTracePoint(program) = find(ebpf, hook.program)? else {
        bail!("the program {} is of a kind that user space can't run", hook.program);
    };
    let loaded = program.load().map_err(refusal);
    let answer = loaded.and_then(|()| run_for_socket(ebpf, NO_SOCKET));
    attempts.record(hook.name(), hook.kind.name(), answer)
}

/// Runs the program for the socket at this address. The record of the socket is in the ring on return.
///
/// # Errors
/// The program is not loaded, or the kernel doesn't run it.
pub fn run_for_socket(ebpf: &Ebpf, sk: u64) -> Result<()> {
    let Some(Program::RawTracePoint(program)) = ebpf.program(program::CONNECTING_SOCKET) else {
        bail!("the eBPF object has no program {}", program::CONNECTING_SOCKET);
    };
    let mut options = RawTracePointRunOptions::new();
    options.args[0] = sk;
    program
        .test_run(options)
        .context("this kernel doesn't run it on request (BPF_PROG_TEST_RUN, from 5.10 on)")?;
    Ok(())
}
