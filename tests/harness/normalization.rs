//! Rules that make the kernel's record and the output comparable where the output shows more than the kernel's
//! tracepoint, or less. Each rule changes a connection's history.

use std::net::{Ipv4Addr, SocketAddr};

use crate::{
    history::{History, Transition},
    oracle::Protocol,
    wait,
};

/// Changes a history. A history without transitions is then ignored.
pub type Rule = fn(&mut History);

/// How the record and the output are compared.
#[derive(Clone, Copy)]
pub struct Comparison {
    /// Change a recorded history into the one that the output must show.
    pub record: &'static [Rule],
    /// Remove what is not compared from the output.
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

/// The tracepoint shows CLOSE when the full socket closes and a timewait socket, in FIN_WAIT2 or TIME_WAIT, replaces
/// it. The output shows the states of the timewait socket and its end.
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

/// The tracepoint doesn't show a connection that never leaves SYN_RECV. The output does.
fn drop_half_open_only(history: &mut History) {
    if history.transitions.iter().all(|transition| {
        transition.old == "LISTEN" && transition.new == "SYN_RECV"
            || transition.old == "SYN_RECV" && transition.new == "CLOSE"
    }) {
        history.transitions.clear();
    }
}

/// connect() chooses the local port after CLOSE→SYN_SENT. So the tracepoint shows 0, or the port of the socket's
/// previous connection. The output shows the chosen port.
fn fill_local_port_at_syn_sent(history: &mut History) {
    if let [first, second, ..] = &mut history.transitions[..]
        && first.new == "SYN_SENT"
    {
        first.local.set_port(second.local.port());
    }
}

/// A row waits some milliseconds for its port, which the kernel sets some microseconds later. An emulated CPU may take
/// longer, and then null is correct. It is accepted only where `RNETSTAT_SLOW` is set.
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

/// Up to 6.12 the tracepoint shows the listener's tuple at LISTEN→SYN_RECV. The output shows the child's.
fn child_tuple_at_syn_recv(history: &mut History) {
    if let [first @ Transition { remote: None, .. }, second, ..] = &mut history.transitions[..]
        && first.old == "LISTEN"
        && second.remote.is_some()
    {
        (first.local, first.remote) = (second.local, second.remote);
    }
}

/// An MPTCP socket takes its endpoints from its first subflow, after it has left CLOSE or LISTEN. When the output
/// shows them is not specified. [`crate::consistency`] checks that it shows no wrong ones.
fn clear_mptcp_tuple_at_first_transition(history: &mut History) {
    if let [first, ..] = &mut history.transitions[..]
        && history.protocol == Protocol::Mptcp
        && !matches!((first.old, first.new), ("LISTEN", "CLOSE") | ("CLOSE", "LISTEN"))
    {
        first.local = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        first.remote = None;
    }
}
