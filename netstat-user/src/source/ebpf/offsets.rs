//! Fills the kernel side's table of field offsets from the kernel's BTF and kallsyms.

use anyhow::{Context as _, Result};
use netstat_ebpf::wire::Offsets;

use super::{btf::Btf, kallsyms::Symbols, preemption, uname::kernel};
use crate::model::Missing;

/// The offsets on this kernel, and what can't be seen because one of the optional ones is not known.
///
/// # Errors
/// A field that every transition needs is not in the BTF: a kernel that this program doesn't know.
pub fn resolve(btf: &Btf, symbols: Symbols, has_cookie_helper: bool) -> Result<(Offsets, Vec<Missing>)> {
    let need = |name: &str, path: &str| need(btf, name, path);
    let Symbols { tcp_write_timer, tw_timer_handler, reqsk_timer_handler } = symbols;
    let sk_write_timer = write_timer(btf);
    let sk_cgroup = btf.offset("sock", "sk_cgrp_data.cgroup");
    let missing = sk_cgroup.is_none().then(|| Missing {
        what: "cgroups".into(),
        why: "this kernel (before 5.15) keeps a socket's cgroup in a way that can't be read".to_owned(),
    });
    let offsets = Offsets {
        skc_addrpair: need("sock_common", "skc_addrpair")?,
        skc_portpair: need("sock_common", "skc_portpair")?,
        skc_family: need("sock_common", "skc_family")?,
        skc_state: need("sock_common", "skc_state")?,
        skc_net: need("sock_common", "skc_net.net")?,
        skc_v6_daddr: need("sock_common", "skc_v6_daddr")?,
        skc_v6_rcv_saddr: need("sock_common", "skc_v6_rcv_saddr")?,
        skc_cookie: need("sock_common", "skc_cookie")?,
        skc_listener: need("sock_common", "skc_listener")?,
        sk_protocol: need("sock", "sk_protocol")?,
        sk_err: need("sock", "sk_err")?,
        sk_socket: need("sock", "sk_socket")?,
        sk_cgroup: sk_cgroup.unwrap_or(0),
        cgroup_kn: need("cgroup", "kn")?,
        kn_id: need("kernfs_node", "id")?,
        inet_sport: need("inet_sock", "inet_sport")?,
        net_inum: need("net", "ns.inum")?,
        tw_substate: need("inet_timewait_sock", "tw_substate")?,
        tw_timer: need("inet_timewait_sock", "tw_timer")?,
        rsk_timer: need("request_sock", "rsk_timer")?,
        bytes_acked: need("tcp_sock", "bytes_acked")?,
        bytes_received: need("tcp_sock", "bytes_received")?,
        srtt_us: need("tcp_sock", "srtt_us")?,
        total_retrans: need("tcp_sock", "total_retrans")?,
        task_flags: need("task_struct", "flags")?,
        task_tgid: need("task_struct", "tgid")?,
        task_group_leader: need("task_struct", "group_leader")?,
        task_cred: need("task_struct", "cred")?,
        task_comm: need("task_struct", "comm")?,
        cred_uid: need("cred", "uid")?,
        file_inode: need("file", "f_inode")?,
        file_private_data: need("file", "private_data")?,
        inode_sb: need("inode", "i_sb")?,
        inode_ino: need("inode", "i_ino")?,
        preemptible_cpus: preemption::cpus(&kernel().0),
        sb_magic: need("super_block", "s_magic")?,
        socket_sk: need("socket", "sk")?,
        accept_arguments: btf.arguments("inet_csk_accept").unwrap_or(0),
        timer_function: need("timer_list", "function")?,
        timer_expires: need("timer_list", "expires")?,
        sk_write_timer: sk_write_timer.unwrap_or(0),
        has_cookie_helper: u32::from(has_cookie_helper),
        tcp_write_timer: if sk_write_timer.is_some() { tcp_write_timer } else { 0 },
        tw_timer_handler,
        reqsk_timer_handler,
    };
    Ok((offsets, missing.into_iter().collect()))
}

/// The offsets that the iterator over socket files needs, and no others.
///
/// # Errors
/// As for [`resolve`].
pub fn of_socket_files(btf: &Btf) -> Result<Offsets> {
    Ok(Offsets {
        task_tgid: need(btf, "task_struct", "tgid")?,
        file_inode: need(btf, "file", "f_inode")?,
        inode_sb: need(btf, "inode", "i_sb")?,
        inode_ino: need(btf, "inode", "i_ino")?,
        sb_magic: need(btf, "super_block", "s_magic")?,
        ..Offsets::NONE
    })
}

fn need(btf: &Btf, name: &str, path: &str) -> Result<u32> {
    btf.offset(name, path).with_context(|| format!("this kernel's BTF has no field {path} in struct {name}"))
}

/// `inet_connection_sock.icsk_retransmit_timer` up to 6.18; `struct sock` has it from 6.19 on.
fn write_timer(btf: &Btf) -> Option<u32> {
    btf.offset("inet_connection_sock", "icsk_retransmit_timer")
        .or_else(|| btf.offset("sock", "tcp_retransmit_timer"))
}
