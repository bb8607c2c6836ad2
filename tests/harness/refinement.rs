//! Where the output has to say more than the kernel's tracepoint, or can't say as much: rules that make the two
//! comparable, each by changing a life.

use std::net::{Ipv4Addr, SocketAddr};

use crate::{
    lives::{Life, Step},
    oracle::Protocol,
    wait,
};

/// One rule.
pub type Refinement = fn(&mut Life);

/// What is done to both sides before they are compared.
#[derive(Clone, Copy)]
pub struct Rules {
    /// Turn a life as the tracepoint tells it into the life that the output must tell.
    pub record: &'static [Refinement],
    /// Take out of the output what isn't compared.
    pub output: &'static [Refinement],
}

/// What the output knows today beyond the tracepoint.
pub const TODAY: Rules = Rules {
    record: &[local_port_at_syn_sent, identity_at_birth, forget_mptcp_ends_at_birth, forget_the_unborn],
    output: &[port_that_came_too_late, forget_mptcp_ends_at_birth, close_at_time_wait, forget_the_unborn],
};

/// The same for the classic tracepoint, beside which nothing tells the local port in time.
pub const CLASSIC: Rules = Rules {
    record: &[identity_at_birth, forget_port_at_syn_sent, forget_mptcp_ends_at_birth],
    output: &[forget_port_at_syn_sent, forget_mptcp_ends_at_birth],
};

/// The tracepoint shows CLOSE where a connection goes on in a timewait socket, at the moment at which its full socket
/// closes: from FIN_WAIT2 it may stay there for a while. We show TIME_WAIT and its end.
fn close_at_time_wait(life: &mut Life) {
    life.steps.retain(|step| step.old != "TIME_WAIT");
    let Some(last) = life.steps.last_mut() else { return };
    if last.new == "TIME_WAIT" {
        last.new = "CLOSE";
    } else if last.new == "FIN_WAIT2" {
        let close = Step { old: "FIN_WAIT2", new: "CLOSE", ..*last };
        life.steps.push(close);
    }
}

/// A half-open connection that never was more is unknown to the tracepoint. We show it.
fn forget_the_unborn(life: &mut Life) {
    if life.steps.iter().all(|step| {
        step.old == "LISTEN" && step.new == "SYN_RECV" || step.old == "SYN_RECV" && step.new == "CLOSE"
    }) {
        life.steps.clear();
    }
}

/// connect() chooses the local port only after CLOSE→SYN_SENT: the tracepoint shows 0, or the port of the socket's
/// connection before this one. We show the port.
fn local_port_at_syn_sent(life: &mut Life) {
    if let [first, second, ..] = &mut life.steps[..]
        && first.new == "SYN_SENT"
    {
        first.local.set_port(second.local.port());
    }
}

/// A row waits a second for its port, which in the kernel comes some microseconds later. An emulated
/// processor may take longer: then null is right. Only there (`RNETSTAT_SLOW` says so) it is let pass.
fn port_that_came_too_late(life: &mut Life) {
    if wait::is_slow()
        && let [first, second, ..] = &mut life.steps[..]
        && first.new == "SYN_SENT"
        && first.local.port() == 0
    {
        first.local.set_port(second.local.port());
    }
}

fn forget_port_at_syn_sent(life: &mut Life) {
    if let [first, ..] = &mut life.steps[..]
        && first.new == "SYN_SENT"
    {
        first.local.set_port(0);
    }
}

/// Up to 6.12 a child still shows its listener's identity at LISTEN→SYN_RECV; we show its own.
fn identity_at_birth(life: &mut Life) {
    if let [first @ Step { remote: None, .. }, second, ..] = &mut life.steps[..]
        && first.old == "LISTEN"
        && second.remote.is_some()
    {
        (first.local, first.remote) = (second.local, second.remote);
    }
}

/// An MPTCP socket learns its ends from its first subflow, after it has left CLOSE or LISTEN. How soon the output
/// knows them isn't promised, only that it never shows wrong ones (which `consistency` checks).
fn forget_mptcp_ends_at_birth(life: &mut Life) {
    if let [first, ..] = &mut life.steps[..]
        && life.protocol == Protocol::Mptcp
        && !matches!((first.old, first.new), ("LISTEN", "CLOSE") | ("CLOSE", "LISTEN"))
    {
        first.local = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        first.remote = None;
    }
}
