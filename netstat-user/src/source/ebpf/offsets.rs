//! Fills the kernel side's table of field offsets from the kernel's BTF and kallsyms.

use anyhow::{Context as _, Result};
use netstat_ebpf::wire::Offsets;

use super::{btf::Btf, kallsyms};
use crate::model::Missing;

/// What `Missing` calls the port that only `timer_start` can tell.
pub const SYN_SENT_PORT: &str = "the local port in SYN_SENT";

/// The offsets on this kernel, and what can't be seen because one of the optional ones is not known.
///
/// # Errors
/// A field that every transition needs is not in the BTF: a kernel that this program doesn't know.
pub fn resolve(btf: &Btf, has_cookie_helper: bool) -> Result<(Offsets, Vec<Missing>)> {
    let need = |name: &str, path: &str| {
        btf.offset(name, path).with_context(|| format!("this kernel's BTF has no field {path} in struct {name}"))
    };
    let mut missing = Vec::new();
    let [tcp_write_timer] = kallsyms::addresses(["tcp_write_timer"]);
    let sk_write_timer = write_timer(btf);
    if sk_write_timer.is_none() {
        let why = "this kernel keeps its retransmission timer in an unknown place".to_owned();
        missing.push(Missing { what: SYN_SENT_PORT, why });
    } else if tcp_write_timer == 0 {
        let why = "/proc/kallsyms hides addresses; run as root with kernel.kptr_restrict below 2".to_owned();
        missing.push(Missing { what: SYN_SENT_PORT, why });
    }
    let offsets = Offsets {
        skc_addrpair: need("sock_common", "skc_addrpair")?,
        skc_portpair: need("sock_common", "skc_portpair")?,
        skc_family: need("sock_common", "skc_family")?,
        skc_state: need("sock_common", "skc_state")?,
        skc_net: need("sock_common", "skc_net.net")?,
        skc_v6_daddr: need("sock_common", "skc_v6_daddr")?,
        skc_v6_rcv_saddr: need("sock_common", "skc_v6_rcv_saddr")?,
        skc_cookie: need("sock_common", "skc_cookie")?,
        sk_protocol: need("sock", "sk_protocol")?,
        sk_err: need("sock", "sk_err")?,
        inet_sport: need("inet_sock", "inet_sport")?,
        net_inum: need("net", "ns.inum")?,
        task_flags: need("task_struct", "flags")?,
        timer_function: need("timer_list", "function")?,
        sk_write_timer: sk_write_timer.unwrap_or(0),
        has_cookie_helper: u32::from(has_cookie_helper),
        tcp_write_timer: if sk_write_timer.is_some() { tcp_write_timer } else { 0 },
    };
    Ok((offsets, missing))
}

/// `inet_connection_sock.icsk_retransmit_timer` up to 6.18; `struct sock` has it from 6.19 on.
fn write_timer(btf: &Btf) -> Option<u32> {
    btf.offset("inet_connection_sock", "icsk_retransmit_timer")
        .or_else(|| btf.offset("sock", "tcp_retransmit_timer"))
}
