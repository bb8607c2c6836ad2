//! MPTCP: which connection a subflow belongs to, and which subflows a connection has.
//!
//! A process has a file of the connection's socket (`struct mptcp_sock`). Each of its subflows, also a listener's only one,
//! is a TCP socket that no file refers to.

use netstat_ebpf::wire::Offsets;

use crate::{
    globals::{OFFSETS, value},
    memory::probe_read,
    record::{self, TupleEvent},
    sock::{self, IPPROTO_MPTCP, Tuple},
};

/// The most subflows of a connection that are followed; the default limit is 2 (`mptcp_pm_nl_ctl`, `ip mptcp limits`), the
/// largest 8.
const MAX_SUBFLOWS: u32 = 8;

/// Address of the MPTCP socket that the TCP socket is a subflow of. None for another TCP socket. The kernel clears
/// `is_mptcp` when the peer doesn't speak MPTCP and the socket becomes a plain TCP socket (`subflow_ulp_fallback`,
/// net/mptcp/subflow.c, 6.18).
#[inline(always)]
pub fn connection_of(sk: u64) -> Option<u64> {
    if value(&OFFSETS.is_mptcp) == Offsets::ABSENT || probe_read::<u8>(sk + field(&OFFSETS.is_mptcp))? == 0 {
        return None;
    }
    let subflow: u64 = probe_read(sk + field(&OFFSETS.icsk_ulp_data))?;
    probe_read(subflow + field(&OFFSETS.subflow_conn)).filter(|connection| *connection != 0)
}

/// Writes the tuple of the MPTCP connection that a TCP socket, with this state and tuple, is a subflow of, if it is one. The
/// connection has the endpoints of its first subflow; the table ignores those of others.
#[inline(always)]
pub fn submit_tuple_of_connection(subflow: u64, state: u8, flags: u8, family: u16, tuple: Tuple) {
    if let Some(sk) = connection_of(subflow) {
        let cookie = sock::cookie_at(sk);
        record::submit_tuple(TupleEvent { state, flags, family, protocol: IPPROTO_MPTCP, sk, cookie, tuple });
    }
}

/// Calls `each` with the address of each subflow of an MPTCP socket.
#[inline(always)]
pub fn each_subflow(connection: u64, mut each: impl FnMut(u64)) {
    if value(&OFFSETS.is_mptcp) != Offsets::ABSENT {
        // None where the list changes meanwhile.
        let _ = follow(connection, &mut each);
    }
}

#[inline(always)]
fn follow(connection: u64, each: &mut impl FnMut(u64)) -> Option<()> {
    let list = connection + field(&OFFSETS.mptcp_conn_list);
    // The first member of `struct list_head` is the pointer to the next node.
    let mut node: u64 = probe_read(list)?;
    for _ in 0..MAX_SUBFLOWS {
        if node == list {
            break;
        }
        let subflow = node.wrapping_sub(field(&OFFSETS.subflow_node));
        // Another connection's: the subflow was removed and its memory used again.
        if probe_read::<u64>(subflow + field(&OFFSETS.subflow_conn))? != connection {
            break;
        }
        each(probe_read(subflow + field(&OFFSETS.subflow_tcp_sock))?);
        node = probe_read(node)?;
    }
    Some(())
}

#[inline(always)]
fn field(offset: &'static u32) -> u64 {
    u64::from(value(offset))
}
