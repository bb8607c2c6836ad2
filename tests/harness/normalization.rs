//! Rules that make the kernel's record and the output comparable: where the output has to show more than the kernel's
//! tracepoint, and where it can't show as much. Each rule changes a connection's history.

use std::net::{Ipv4Addr, SocketAddr};

use crate::{
    history::{History, Transition},
    oracle::Protocol,
    wait,
};

/// Changes a history. One without transitions is dropped afterwards.
pub type Rule = fn(&mut History);

/// How the record and the output are compared.
#[derive(Clone, Copy)]
pub struct Comparison {
    /// Turn a history that the tracepoint recorded into the one that the output must show.
    pub record: &'static [Rule],
    /// Remove from the output what isn't compared.
    pub output: &'static [Rule],
    /// How many connections the scenario allows to be left out as [`crate::unobserved`].
    pub max_unobserved: usize,
}

impl Comparison {
    /// The same comparison with another limit of unobserved connections.
    pub const fn with_unobserved(self, max_unobserved: usize) -> Self {
        Self { max_unobserved, ..self }
    }
}

/// For a trace with all its hooks.
pub const DEFAULT: Comparison = Comparison {
    record: &[
        fill_local_port_at_syn_sent,
        child_tuple_at_syn_recv,
        clear_mptcp_tuple_at_first_transition,
        drop_half_open_only,
    ],
    output: &[
        fill_late_local_port,
        clear_mptcp_tuple_at_first_transition,
        close_at_time_wait,
        drop_half_open_only,
    ],
    max_unobserved: 0,
};

/// For a trace with the classic tracepoint alone, where no hook reports the local port in time.
pub const CLASSIC_TRACEPOINT: Comparison = Comparison {
    record: &[child_tuple_at_syn_recv, clear_local_port_at_syn_sent, clear_mptcp_tuple_at_first_transition],
    output: &[clear_local_port_at_syn_sent, clear_mptcp_tuple_at_first_transition],
    max_unobserved: 0,
};

/// The tracepoint shows CLOSE where a connection goes on in a timewait socket, at the moment at which its full socket
/// closes: from FIN_WAIT2 it may stay there for a while. We show TIME_WAIT and its end.
fn close_at_time_wait(history: &mut History) {
    history.transitions.retain(|transition| transition.old != "TIME_WAIT");
    let Some(last) = history.transitions.last_mut() else { return };
    if last.new == "TIME_WAIT" {
        last.new = "CLOSE";
    } else if last.new == "FIN_WAIT2" {
        let close = Transition { old: "FIN_WAIT2", new: "CLOSE", ..*last };
        history.transitions.push(close);
    }
}

/// A half-open connection that never was more is unknown to the tracepoint. We show it.
fn drop_half_open_only(history: &mut History) {
    if history.transitions.iter().all(|transition| {
        transition.old == "LISTEN" && transition.new == "SYN_RECV"
            || transition.old == "SYN_RECV" && transition.new == "CLOSE"
    }) {
        history.transitions.clear();
    }
}

/// connect() chooses the local port only after CLOSE→SYN_SENT: the tracepoint shows 0, or the port of the socket's
/// connection before this one. We show the port.
fn fill_local_port_at_syn_sent(history: &mut History) {
    if let [first, second, ..] = &mut history.transitions[..]
        && first.new == "SYN_SENT"
    {
        first.local.set_port(second.local.port());
    }
}

/// A row waits a second for its port, which in the kernel comes some microseconds later. An emulated
/// processor may take longer: then null is right. Only there (`RNETSTAT_SLOW` says so) it is let pass.
fn fill_late_local_port(history: &mut History) {
    if wait::is_slow()
        && let [first, second, ..] = &mut history.transitions[..]
        && first.new == "SYN_SENT"
        && first.local.port() == 0
    {
        first.local.set_port(second.local.port());
    }
}

fn clear_local_port_at_syn_sent(history: &mut History) {
    if let [first, ..] = &mut history.transitions[..]
        && first.new == "SYN_SENT"
    {
        first.local.set_port(0);
    }
}

/// Up to 6.12 a child still shows its listener's identity at LISTEN→SYN_RECV; we show its own.
fn child_tuple_at_syn_recv(history: &mut History) {
    if let [first @ Transition { remote: None, .. }, second, ..] = &mut history.transitions[..]
        && first.old == "LISTEN"
        && second.remote.is_some()
    {
        (first.local, first.remote) = (second.local, second.remote);
    }
}

/// An MPTCP socket learns its ends from its first subflow, after it has left CLOSE or LISTEN. How soon the output
/// knows them isn't promised, only that it never shows wrong ones (which `consistency` checks).
fn clear_mptcp_tuple_at_first_transition(history: &mut History) {
    if let [first, ..] = &mut history.transitions[..]
        && history.protocol == Protocol::Mptcp
        && !matches!((first.old, first.new), ("LISTEN", "CLOSE") | ("CLOSE", "LISTEN"))
    {
        first.local = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        first.remote = None;
    }
}
