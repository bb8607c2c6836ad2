//! Attaches the hooks for what has no full socket: half-open connections, TIME_WAIT, and the port in SYN_SENT.

use anyhow::{Context as _, Result, ensure};
use aya::Ebpf;

use super::super::{
    attempts::Attempts,
    hooks::{MINISOCK_FUNCTIONS, MINISOCK_TIMERS, SYN_SENT_PORT, TIME_WAIT_BY_DROP},
    kallsyms,
    offsets::KernelLayout,
};
use super::{loaded::without, prepared::KernelTypes, programs};
use crate::{model::Missing, options::MinisockHook};

/// What the attached hooks report of minisockets.
pub struct Minisocks {
    /// What can't be seen.
    pub missing: Vec<Missing>,
    /// Whether the local port in SYN_SENT is seen.
    pub syn_sent_port: bool,
    /// Whether half-open connections and TIME_WAIT are seen.
    pub minisocks: bool,
}

/// Attaches the functions' programs, or else the timers', which run for every timer of the kernel. Both report the
/// same.
///
/// # Errors
/// `hook` names one of the two, and the kernel doesn't take it.
pub fn attach(
    ebpf: &mut Ebpf,
    hook: MinisockHook,
    layout: &KernelLayout,
    kernel: &KernelTypes,
    attempts: &mut Attempts,
) -> Result<Minisocks> {
    match hook {
        MinisockHook::Fentry => {
            by_functions(ebpf, layout, kernel, attempts).context("--life-hook fentry doesn't work here")
        }
        MinisockHook::Timer => {
            by_timers(ebpf, layout, kernel, attempts).context("--life-hook timer doesn't work here")
        }
        MinisockHook::Auto => Ok(by_functions(ebpf, layout, kernel, attempts).unwrap_or_else(|functions| {
            by_timers(ebpf, layout, kernel, attempts).unwrap_or_else(|timers| Minisocks {
                missing: without(&MINISOCK_TIMERS, &both(&format!("{timers:#}"), &format!("{functions:#}")))
                    .collect(),
                syn_sent_port: false,
                minisocks: false,
            })
        })),
    }
}

fn by_functions(
    ebpf: &mut Ebpf,
    layout: &KernelLayout,
    kernel: &KernelTypes,
    attempts: &mut Attempts,
) -> Result<Minisocks> {
    layout.check(&MINISOCK_FUNCTIONS)?;
    programs::attach_all(ebpf, &MINISOCK_FUNCTIONS, kernel, attempts)?;
    Ok(Minisocks { missing: Vec::new(), syn_sent_port: true, minisocks: true })
}

fn by_timers(
    ebpf: &mut Ebpf,
    layout: &KernelLayout,
    kernel: &KernelTypes,
    attempts: &mut Attempts,
) -> Result<Minisocks> {
    layout.check(&MINISOCK_TIMERS)?;
    let offsets = &layout.offsets;
    let addresses_are_known = offsets.tw_timer_handler != 0 && offsets.reqsk_timer_handler != 0;
    ensure!(addresses_are_known, "timers: {}", kallsyms::why_hidden());
    programs::attach_all(ebpf, &MINISOCK_TIMERS, kernel, attempts)?;
    let syn_sent_port = offsets.tcp_write_timer != 0;
    let mut missing = Vec::new();
    if !syn_sent_port {
        let why = "this kernel's BTF has no known field for the retransmission timer".to_owned();
        missing.push(Missing { what: SYN_SENT_PORT.into(), why });
    }
    if let Err(error) = programs::attach_all(ebpf, &TIME_WAIT_BY_DROP, kernel, attempts) {
        missing.extend(without(&TIME_WAIT_BY_DROP, &why_no_receiver(format!("{error:#}"))));
    }
    Ok(Minisocks { missing, syn_sent_port, minisocks: true })
}

/// The two reasons, or the one that both have: a field that neither kind of hook can read.
fn both(timers: &str, functions: &str) -> String {
    if timers == functions { timers.to_owned() } else { format!("{timers}; {functions}") }
}

/// Words for the verifier's answer to a program that reads more arguments than the tracepoint has.
fn why_no_receiver(refusal: String) -> String {
    if refusal.contains("invalid bpf_context access") {
        "this kernel (before 6.11) doesn't report which socket a dropped segment was for".to_owned()
    } else {
        refusal
    }
}

#[cfg(test)]
mod tests {
    use super::{both, why_no_receiver};

    #[test]
    fn a_reason_that_both_kinds_of_hooks_have_is_given_once() {
        assert_eq!(both("no field", "no field"), "no field");
        assert_eq!(both("no symbol", "fentry: no"), "no symbol; fentry: no");
    }

    #[test]
    fn a_tracepoint_without_the_receiver_is_explained_in_words() {
        let old =
            "tp_btf/kfree_skb: Permission denied (os error 13) (invalid bpf_context access off=24 size=8)";
        assert!(why_no_receiver(old.to_owned()).contains("before 6.11"));
        assert_eq!(
            why_no_receiver("tp_btf/kfree_skb: Operation not permitted".to_owned()),
            "tp_btf/kfree_skb: Operation not permitted"
        );
    }
}
