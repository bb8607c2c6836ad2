//! Resolves the kernel fields that the programs read, and checks that each fits in what they read of it.

mod fields;
#[cfg(test)]
mod tests;

use anyhow::{Result, anyhow};
use netstat_ebpf::wire::{Offsets, SOCK_HEAD_BYTES, program};

use self::fields::Fields;
use super::{
    btf::{Btf, Field},
    hooks::HookSet,
    kallsyms::{self, Symbols},
    uname,
};
use crate::model::Missing;

/// Where this kernel has the fields, and which programs can't read the fields that they need.
#[derive(Debug)]
pub struct KernelLayout {
    /// For the programs. A field that can't be read is [`Offsets::ABSENT`].
    pub offsets: Offsets,
    /// What can't be seen, whichever programs load.
    pub missing: Vec<Missing>,
    /// Why the programs for minisockets can't read them.
    minisocks: Option<String>,
    /// Why the program for accepts can't find the accepted socket.
    accept: Option<String>,
    /// Why the iterators can't read what they show.
    snapshots: Option<String>,
    /// Why the program for RSTs can't read what it reports.
    resets_sent: Option<String>,
    /// Why the programs for repeated SYNs can't read what they report.
    syn_retransmits: Option<String>,
    /// Why the program for ICMP errors can't read what it reports.
    syn_errors: Option<String>,
}

/// The numbers of arguments that differ between kernels; None for a function or tracepoint that the kernel lacks.
#[derive(Clone, Copy, Debug, Default)]
struct Arguments {
    accept: Option<u32>,
    send_reset: Option<u32>,
}

impl KernelLayout {
    /// Whether the programs of a set can read all fields that they need.
    ///
    /// # Errors
    /// One can't: the error names the field.
    pub fn check(&self, set: &HookSet) -> Result<()> {
        let problem = set.hooks.iter().find_map(|hook| match hook.program {
            program::ACCEPT => self.accept.as_ref(),
            program::ITER_TCP | program::ITER_TASK_FILE => self.snapshots.as_ref(),
            program::RESET_SENT => self.resets_sent.as_ref(),
            program::SYN_SENT_AGAIN | program::SYN_ACK_SENT_AGAIN => self.syn_retransmits.as_ref(),
            program::ERROR_REPORTED => self.syn_errors.as_ref(),
            program::TIMER_START
            | program::CONNECTING_SOCKET
            | program::TIMER_CANCEL
            | program::KFREE_SKB
            | program::TIMEWAIT_CREATED
            | program::TIMEWAIT_CREATED_TO_6_11
            | program::TIMEWAIT_RESCHEDULED
            | program::TIMEWAIT_REMOVED
            | program::HALF_OPEN_CREATED
            | program::HALF_OPEN_REMOVED
            | program::HALF_OPEN_UNLINKED => self.minisocks.as_ref(),
            _ => None,
        });
        problem.map_or(Ok(()), |problem| Err(anyhow!("{problem}")))
    }
}

/// The layout of this kernel.
///
/// # Errors
/// A field that every transition needs can't be read: the error names it.
pub fn resolve(btf: &Btf, symbols: Symbols, has_cookie_helper: bool) -> Result<KernelLayout> {
    let lookup = |name: &str, path: &str| btf.field(name, path);
    let arguments = Arguments {
        accept: btf.arguments("inet_csk_accept"),
        send_reset: btf.tracepoint_arguments(program::RESET_SENT),
    };
    layout(&lookup, arguments, symbols, has_cookie_helper)
}

fn layout(
    lookup: &dyn Fn(&str, &str) -> Option<Field>,
    arguments: Arguments,
    symbols: Symbols,
    has_cookie_helper: bool,
) -> Result<KernelLayout> {
    let [mut every, mut cgroup, mut stats, mut minisocks, mut snapshots] =
        std::array::from_fn(|_| Fields::new(lookup));
    let [mut readers, mut interfaces, mut mptcp] = std::array::from_fn(|_| Fields::new(lookup));
    let [mut connect, mut last_ack, mut resets_sent, mut syn_retransmits, mut syn_errors] =
        std::array::from_fn(|_| Fields::new(lookup));
    let Symbols { tcp_write_timer, tw_timer_handler, reqsk_timer_handler, callers } = symbols;
    let sk_write_timer = write_timer(lookup);
    let [skc_state, skc_listener, tw_substate] = [
        ("sock_common", "skc_state", 1),
        ("sock_common", "skc_listener", 8),
        ("inet_timewait_sock", "tw_substate", 1),
    ]
    .map(|(name, path, bytes)| {
        snapshots.get(name, path, bytes);
        minisocks.get(name, path, bytes)
    });
    for fields in [&mut resets_sent, &mut syn_retransmits, &mut syn_errors] {
        fields.get("sock_common", "skc_state", 1);
    }
    let accept_arguments = arguments.accept;
    let accept = accept_arguments.filter(|count| ![2, 4].contains(count)).map(|count| {
        format!("this kernel's inet_csk_accept has {count} arguments, so its return value can't be found")
    });
    let mut offsets = Offsets {
        skc_addrpair: every.get("sock_common", "skc_addrpair", 8),
        skc_portpair: every.get("sock_common", "skc_portpair", 4),
        skc_family: every.get("sock_common", "skc_family", 2),
        skc_state,
        skc_net: every.get("sock_common", "skc_net.net", 8),
        skc_v6_daddr: every.get("sock_common", "skc_v6_daddr", 16),
        skc_v6_rcv_saddr: every.get("sock_common", "skc_v6_rcv_saddr", 16),
        skc_cookie: every.get("sock_common", "skc_cookie", 8),
        skc_listener,
        skc_bound_dev_if: every.get("sock_common", "skc_bound_dev_if", 4),
        sk_protocol: every.get("sock", "sk_protocol", 2),
        sk_err: every.get("sock", "sk_err", 4),
        sk_socket: every.get("sock", "sk_socket", 8),
        sk_cgroup: cgroup.get("sock", "sk_cgrp_data.cgroup", 8),
        cgroup_kn: cgroup.get("cgroup", "kn", 8),
        kn_id: cgroup.get("kernfs_node", "id", 8),
        inet_sport: every.get("inet_sock", "inet_sport", 2),
        net_inum: every.get("net", "ns.inum", 4),
        tw_substate,
        tw_timer: minisocks.get("inet_timewait_sock", "tw_timer", 0),
        rsk_timer: minisocks.get("request_sock", "rsk_timer", 0),
        bytes_acked: stats.get("tcp_sock", "bytes_acked", 8),
        bytes_received: stats.get("tcp_sock", "bytes_received", 8),
        srtt_us: stats.get("tcp_sock", "srtt_us", 4),
        total_retrans: stats.get("tcp_sock", "total_retrans", 4),
        task_flags: every.get("task_struct", "flags", 4),
        task_tgid: every.get("task_struct", "tgid", 4),
        task_group_leader: every.get("task_struct", "group_leader", 8),
        task_start_time: every.get("task_struct", "start_time", 8),
        task_cred: every.get("task_struct", "cred", 8),
        task_comm: every.get("task_struct", "comm", 16),
        cred_uid: every.get("cred", "uid", 4),
        cred_cap_effective: readers.get("cred", "cap_effective", 8),
        cred_user_ns: readers.get("cred", "user_ns", 8),
        user_ns_level: readers.get("user_namespace", "level", 4),
        net_dev_index_head: interfaces.get("net", "dev_index_head", 8),
        dev_index_hlist: interfaces.get("net_device", "index_hlist", 16),
        dev_ifindex: interfaces.get("net_device", "ifindex", 4),
        dev_name: interfaces.get("net_device", "name", 16),
        is_mptcp: mptcp.get("tcp_sock", "is_mptcp", 1),
        icsk_ulp_data: mptcp.get("inet_connection_sock", "icsk_ulp_data", 8),
        subflow_node: mptcp.get("mptcp_subflow_context", "node", 16),
        subflow_tcp_sock: mptcp.get("mptcp_subflow_context", "tcp_sock", 8),
        subflow_conn: mptcp.get("mptcp_subflow_context", "conn", 8),
        mptcp_conn_list: mptcp.get("mptcp_sock", "conn_list", 16),
        skb_iif: resets_sent.get("sk_buff", "skb_iif", 4),
        file_inode: snapshots.get("file", "f_inode", 8),
        file_private_data: snapshots.get("file", "private_data", 8),
        inode_sb: snapshots.get("inode", "i_sb", 8),
        // Only `rnetstat` reads it.
        inode_ino: Offsets::ABSENT,
        preemptible_cpus: uname::preemptible_cpus(),
        sb_magic: snapshots.get("super_block", "s_magic", 8),
        socket_sk: snapshots.get("socket", "sk", 8),
        accept_arguments: if accept.is_none() { accept_arguments.unwrap_or(0) } else { 0 },
        timer_function: minisocks.get("timer_list", "function", 8),
        timer_expires: minisocks.get("timer_list", "expires", 8),
        sk_write_timer: sk_write_timer.unwrap_or(Offsets::ABSENT),
        has_cookie_helper: u32::from(has_cookie_helper),
        sk_err_soft: connect.get("sock", "sk_err_soft", 4),
        socket_state: connect.get("socket", "state", 4),
        snd_una: last_ack.get("tcp_sock", "snd_una", 4),
        write_seq: last_ack.get("tcp_sock", "write_seq", 4),
        sk_error_queue_last: syn_errors.get("sock", "sk_error_queue.prev", 8),
        skb_error: syn_errors.get("sk_buff", "cb", 48).saturating_add(syn_errors.get(
            "sock_exterr_skb",
            "ee",
            8,
        )),
        skb_head: resets_sent.get("sk_buff", "head", 8),
        skb_network_header: resets_sent.get("sk_buff", "network_header", 2),
        skb_transport_header: resets_sent.get("sk_buff", "transport_header", 2),
        send_reset_arguments: arguments.send_reset.unwrap_or(0),
        tcp_write_timer: if sk_write_timer.is_some() { tcp_write_timer } else { 0 },
        tw_timer_handler,
        reqsk_timer_handler,
        callers,
    };
    every.finish().map_err(|problem| anyhow!("{problem}"))?;
    let mut missing = Vec::new();
    if let Err(problem) = cgroup.finish() {
        offsets.sk_cgroup = Offsets::ABSENT;
        let is_old = lookup("sock", "sk_cgrp_data.cgroup").is_none();
        let why = if is_old {
            "this kernel (before 5.15) keeps a socket's cgroup in a way that can't be read".to_owned()
        } else {
            problem
        };
        missing.push(Missing { what: "cgroups".into(), why });
    }
    if let Err(problem) = stats.finish() {
        offsets.bytes_acked = Offsets::ABSENT;
        missing.push(Missing { what: "bytes, round-trip times and retransmits".into(), why: problem });
    }
    if let Err(problem) = readers.finish() {
        offsets.cred_cap_effective = Offsets::ABSENT;
        let what = "whether a socket was closed by a process or only by the reader of a snapshot".into();
        missing.push(Missing { what, why: problem });
    }
    if let Err(problem) = interfaces.finish() {
        offsets.net_dev_index_head = Offsets::ABSENT;
        missing.push(Missing { what: "names of interfaces".into(), why: problem });
    }
    if let Err(problem) = mptcp.finish() {
        offsets.is_mptcp = Offsets::ABSENT;
        // Without MPTCP there are no such sockets.
        if lookup("mptcp_sock", "first").is_some() {
            let what = "owners and endpoints of MPTCP connections and listeners".into();
            missing.push(Missing { what, why: problem });
        }
    }
    missing.extend(without_reasons(&mut offsets, connect, last_ack));
    let minisocks = minisocks.finish().and_then(|()| fits_in_head(&offsets)).err();
    let [resets_sent, syn_retransmits, syn_errors, snapshots] =
        [resets_sent, syn_retransmits, syn_errors, snapshots].map(|fields| fields.finish().err());
    Ok(KernelLayout {
        offsets,
        missing,
        minisocks,
        accept,
        snapshots,
        resets_sent,
        syn_retransmits,
        syn_errors,
    })
}

/// What can't be told of the end of a connection. Fields that only one reason needs are absent together.
fn without_reasons(offsets: &mut Offsets, connect: Fields<'_>, last_ack: Fields<'_>) -> Vec<Missing> {
    let mut missing = Vec::new();
    if let Err(why) = connect.finish() {
        (offsets.sk_err_soft, offsets.socket_state) = (Offsets::ABSENT, Offsets::ABSENT);
        missing.push(Missing { what: "why connect() failed at once".into(), why });
    }
    if last_ack.finish().is_err() {
        // Only an error that is older than the FIN is then taken for the reason.
        (offsets.snd_una, offsets.write_seq) = (Offsets::ABSENT, Offsets::ABSENT);
    }
    if offsets.send_reset_arguments == 2 {
        let why = "this kernel (before 6.11) doesn't tell why it sends an RST".to_owned();
        missing.push(Missing { what: "the cause of an RST that this host sends".into(), why });
    }
    if offsets.callers[0].start == 0 {
        let what = "who ended a half-open connection, or one in FIN_WAIT2 after close()".into();
        missing.push(Missing { what, why: kallsyms::why_hidden().to_owned() });
    }
    missing
}

/// Whether the programs for minisockets, which read only the head of a socket, find all fields there.
fn fits_in_head(offsets: &Offsets) -> Result<(), String> {
    for (path, offset, bytes) in [
        ("skc_addrpair", offsets.skc_addrpair, 8),
        ("skc_portpair", offsets.skc_portpair, 4),
        ("skc_family", offsets.skc_family, 2),
        ("skc_net.net", offsets.skc_net, 8),
        ("skc_bound_dev_if", offsets.skc_bound_dev_if, 4),
        ("skc_v6_daddr", offsets.skc_v6_daddr, 16),
        ("skc_v6_rcv_saddr", offsets.skc_v6_rcv_saddr, 16),
        ("skc_cookie", offsets.skc_cookie, 8),
        ("skc_listener", offsets.skc_listener, 8),
        ("tw_substate", offsets.tw_substate, 1),
    ] {
        let end = u64::from(offset) + bytes;
        if end > SOCK_HEAD_BYTES as u64 {
            return Err(format!(
                "on this kernel the field {path} of a socket ends at byte {end}, and only {SOCK_HEAD_BYTES} are read"
            ));
        }
    }
    Ok(())
}

/// The offsets that the iterator over socket files reads; all others are absent.
///
/// # Errors
/// One of the fields can't be read: the error names it.
pub fn of_socket_files(btf: &Btf) -> Result<Offsets> {
    let lookup = |name: &str, path: &str| btf.field(name, path);
    let mut fields = Fields::new(&lookup);
    let offsets = Offsets {
        task_tgid: fields.get("task_struct", "tgid", 4),
        file_inode: fields.get("file", "f_inode", 8),
        inode_sb: fields.get("inode", "i_sb", 8),
        inode_ino: fields.get("inode", "i_ino", 8),
        sb_magic: fields.get("super_block", "s_magic", 8),
        ..Offsets::NONE
    };
    fields.finish().map_err(|problem| anyhow!("{problem}"))?;
    Ok(offsets)
}

/// The offsets that the program of the classic tracepoint reads, of the running process; all others are absent. None at all if
/// one can't be read.
pub fn of_processes(btf: &Btf) -> Offsets {
    let lookup = |name: &str, path: &str| btf.field(name, path);
    let mut fields = Fields::new(&lookup);
    let offsets = Offsets {
        task_flags: fields.get("task_struct", "flags", 4),
        task_group_leader: fields.get("task_struct", "group_leader", 8),
        task_start_time: fields.get("task_struct", "start_time", 8),
        task_comm: fields.get("task_struct", "comm", 16),
        ..Offsets::NONE
    };
    fields.finish().map_or(Offsets::NONE, |()| offsets)
}

/// `inet_connection_sock.icsk_retransmit_timer` up to 6.18; `struct sock` has the timer from 6.19 on.
fn write_timer(lookup: &dyn Fn(&str, &str) -> Option<Field>) -> Option<u32> {
    let timer = lookup("inet_connection_sock", "icsk_retransmit_timer")
        .or_else(|| lookup("sock", "tcp_retransmit_timer"))?;
    Some(timer.offset)
}
