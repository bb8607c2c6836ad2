//! What the state hook doesn't show of a connection's life: half-open connections, TIME_WAIT and the local
//! port in SYN_SENT. There are two ways to see them, which give the same rows.

use anyhow::{Context as _, Result, bail, ensure};
use aya::Ebpf;
use netstat_ebpf::wire::{Offsets, program};

use super::{programs, tried::Attempts};
use crate::{
    model::Missing,
    options::MinisockHook,
    source::ebpf::{btf::Btf, kallsyms},
};

/// What [`Missing`] calls the port that the kernel chooses after CLOSE→SYN_SENT.
pub const SYN_SENT_PORT: &str = "the local port in SYN_SENT";
/// What [`Missing`] calls what the state hook never shows.
pub const MINISOCKS: &str = "TIME_WAIT and half-open SYN_RECV";

/// The functions that tell of a life, each by its names on different kernels, the newest first.
const FUNCTIONS: [&[&str]; 7] = [
    &[program::TIMEWAIT_CREATED, program::TIMEWAIT_CREATED_TO_6_11],
    &[program::TIMEWAIT_RESCHEDULED],
    &[program::TIMEWAIT_REMOVED],
    &[program::HALF_OPEN_CREATED],
    &[program::HALF_OPEN_REMOVED, program::HALF_OPEN_UNLINKED],
    &[program::CONNECT],
    &[program::FAST_OPEN],
];

/// What is seen of a life, and by what.
#[derive(Default)]
pub struct Life {
    /// What can't be seen.
    pub missing: Vec<Missing>,
    /// Whether the local port in SYN_SENT is seen.
    pub ends: bool,
    /// Whether half-open connections and TIME_WAIT are seen.
    pub minisocks: bool,
}

/// Attaches the best way that works: functions cost nothing but themselves, while the timers' tracepoints
/// fire for every timer of the kernel; but where the kernel takes no fentry programs, they work.
///
/// # Errors
/// `asked` names a way, and it doesn't work.
pub fn attach(
    ebpf: &mut Ebpf,
    asked: MinisockHook,
    offsets: &Offsets,
    btf: &Btf,
    kernel: &aya::Btf,
    attempts: &mut Attempts,
) -> Result<Life> {
    match asked {
        MinisockHook::Fentry => {
            by_functions(ebpf, btf, kernel, attempts).context("--life-hook fentry doesn't work here")
        }
        MinisockHook::Timer => {
            by_timers(ebpf, offsets, kernel, attempts).context("--life-hook timer doesn't work here")
        }
        MinisockHook::Auto => Ok(by_functions(ebpf, btf, kernel, attempts).unwrap_or_else(|functions| {
            by_timers(ebpf, offsets, kernel, attempts)
                .unwrap_or_else(|timers| Life::nothing(&timers, &functions))
        })),
    }
}

fn by_functions(ebpf: &mut Ebpf, btf: &Btf, kernel: &aya::Btf, attempts: &mut Attempts) -> Result<Life> {
    let mut names = Vec::with_capacity(FUNCTIONS.len());
    for function in FUNCTIONS {
        match function.iter().find(|name| btf.attachable().contains_key(**name)) {
            Some(name) => names.push(*name),
            None => bail!("this kernel has no function {}", function.join(" or ")),
        }
    }
    programs::attach_all(ebpf, &names, kernel, attempts)?;
    Ok(Life { missing: Vec::new(), ends: true, minisocks: true })
}

fn by_timers(ebpf: &mut Ebpf, offsets: &Offsets, kernel: &aya::Btf, attempts: &mut Attempts) -> Result<Life> {
    let addresses_are_known = offsets.tw_timer_handler != 0 && offsets.reqsk_timer_handler != 0;
    ensure!(addresses_are_known, "timers: {}", kallsyms::why_hidden());
    programs::attach_all(ebpf, &[program::TIMER_START, program::TIMER_CANCEL], kernel, attempts)?;
    let mut life = Life { missing: Vec::new(), ends: offsets.tcp_write_timer != 0, minisocks: true };
    if !life.ends {
        let why = "this kernel keeps its retransmission timer in an unknown place".to_owned();
        life.missing.push(Missing { what: SYN_SENT_PORT, why });
    }
    if let Err(error) = programs::attach_all(ebpf, &[program::KFREE_SKB], kernel, attempts) {
        let what = "the moment of FIN_WAIT2→TIME_WAIT after close()";
        life.missing.push(Missing { what, why: why_no_receiver(format!("{error:#}")) });
    }
    Ok(life)
}

/// The verifier's word for a tracepoint that has fewer arguments than the program asks for, in a user's words.
fn why_no_receiver(refusal: String) -> String {
    if refusal.contains("invalid bpf_context access") {
        "this kernel (before 6.11) doesn't tell which socket a dropped segment was for".to_owned()
    } else {
        refusal
    }
}

impl Life {
    fn nothing(timers: &anyhow::Error, functions: &anyhow::Error) -> Self {
        let why = format!("{timers:#}; {functions:#}");
        let missing = [SYN_SENT_PORT, MINISOCKS].map(|what| Missing { what, why: why.clone() });
        Self { missing: missing.to_vec(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::why_no_receiver;

    #[test]
    fn what_the_verifier_says_of_an_old_kernel_is_told_in_words() {
        let old =
            "tp_btf/kfree_skb: Permission denied (os error 13) (invalid bpf_context access off=24 size=8)";
        assert!(why_no_receiver(old.to_owned()).contains("before 6.11"));
        assert_eq!(
            why_no_receiver("tp_btf/kfree_skb: Operation not permitted".to_owned()),
            "tp_btf/kfree_skb: Operation not permitted"
        );
    }
}
