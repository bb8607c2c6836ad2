//! Where the kernel's structs have the fields that the kernel side reads.

use super::{CodeRange, MAX_CALLERS};

/// Byte offsets of kernel fields from the kernel's BTF, addresses from its symbols, and what else differs between kernels.
///
/// User space checks each offset before the load. A field that this kernel lacks, that is too small, or that lies beyond
/// the bytes that are read, is [`Self::ABSENT`]: the programs then skip what needs it, or are not loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// `sock_common.skc_addrpair`: daddr, then rcv_saddr.
    pub skc_addrpair: u32,
    /// `sock_common.skc_portpair`: dport (network order), then num (host order).
    pub skc_portpair: u32,
    /// `sock_common.skc_family`.
    pub skc_family: u32,
    /// `sock_common.skc_state`.
    pub skc_state: u32,
    /// `sock_common.skc_net`, a pointer to `struct net`.
    pub skc_net: u32,
    /// `sock_common.skc_v6_daddr`.
    pub skc_v6_daddr: u32,
    /// `sock_common.skc_v6_rcv_saddr`.
    pub skc_v6_rcv_saddr: u32,
    /// `sock_common.skc_cookie`.
    pub skc_cookie: u32,
    /// `sock.sk_protocol`.
    pub sk_protocol: u32,
    /// `sock.sk_err`.
    pub sk_err: u32,
    /// `inet_sock.inet_sport`, network order: valid when skc_num is 0 already.
    pub inet_sport: u32,
    /// `net.ns.inum`.
    pub net_inum: u32,
    /// `sock.sk_socket`.
    pub sk_socket: u32,
    /// `sock.sk_cgrp_data.cgroup`. [`Self::ABSENT`] if this field or one of the next two is (before 5.15).
    pub sk_cgroup: u32,
    /// `cgroup.kn`, a pointer to `struct kernfs_node`.
    pub cgroup_kn: u32,
    /// `kernfs_node.id`.
    pub kn_id: u32,
    /// `sock_common.skc_listener`.
    pub skc_listener: u32,
    /// `inet_timewait_sock.tw_substate`.
    pub tw_substate: u32,
    /// `inet_timewait_sock.tw_timer`.
    pub tw_timer: u32,
    /// `request_sock.rsk_timer`.
    pub rsk_timer: u32,
    /// `tcp_sock.bytes_acked`. [`Self::ABSENT`] if this field or one of the next three is.
    pub bytes_acked: u32,
    /// `tcp_sock.bytes_received`.
    pub bytes_received: u32,
    /// `tcp_sock.srtt_us`.
    pub srtt_us: u32,
    /// `tcp_sock.total_retrans`.
    pub total_retrans: u32,
    /// `timer_list.expires`.
    pub timer_expires: u32,
    /// `task_struct.tgid`.
    pub task_tgid: u32,
    /// `task_struct.group_leader`.
    pub task_group_leader: u32,
    /// `task_struct.cred`.
    pub task_cred: u32,
    /// `task_struct.comm`.
    pub task_comm: u32,
    /// `cred.uid`.
    pub cred_uid: u32,
    /// `file.f_inode`.
    pub file_inode: u32,
    /// `file.private_data`.
    pub file_private_data: u32,
    /// `inode.i_sb`.
    pub inode_sb: u32,
    /// `inode.i_ino`.
    pub inode_ino: u32,
    /// The number of possible CPUs where a task can be preempted inside a tracepoint's programs (from 7.0 on), else 0.
    pub preemptible_cpus: u32,
    /// `super_block.s_magic`.
    pub sb_magic: u32,
    /// `socket.sk`.
    pub socket_sk: u32,
    /// The number of arguments of `inet_csk_accept`: 4 up to 6.9, 2 from 6.10 on, 0 if it has another number.
    pub accept_arguments: u32,
    /// `timer_list.function`.
    pub timer_function: u32,
    /// The timer within the socket that calls `tcp_write_timer`.
    pub sk_write_timer: u32,
    /// 1 if tracing programs can call `bpf_get_socket_cookie` (from 5.12 on), else 0.
    pub has_cookie_helper: u32,
    /// `task_struct.flags`.
    pub task_flags: u32,
    /// `sock.sk_err_soft`.
    pub sk_err_soft: u32,
    /// `socket.state`.
    pub socket_state: u32,
    /// `tcp_sock.snd_una`. [`Self::ABSENT`] if this field or the next is.
    pub snd_una: u32,
    /// `tcp_sock.write_seq`.
    pub write_seq: u32,
    /// `sock.sk_error_queue.prev`, a pointer to the last `struct sk_buff`. [`Self::ABSENT`] if this or the next is.
    pub sk_error_queue_last: u32,
    /// `sock_exterr_skb.ee` within `sk_buff.cb`.
    pub skb_error: u32,
    /// `sk_buff.head`. [`Self::ABSENT`] if this field or one of the next two is.
    pub skb_head: u32,
    /// `sk_buff.network_header`, 2 bytes.
    pub skb_network_header: u32,
    /// `sk_buff.transport_header`, 2 bytes.
    pub skb_transport_header: u32,
    /// The number of arguments of the tracepoint `tcp_send_reset`: 2, or 3 from 6.11 on; 0 if the kernel lacks it.
    pub send_reset_arguments: u32,
    /// `sock_common.skc_bound_dev_if`, in a request socket and in a timewait socket too.
    pub skc_bound_dev_if: u32,
    /// `task_struct.start_time`.
    pub task_start_time: u32,
    /// `cred.cap_effective`. [`Self::ABSENT`] if this field or one of the next two is.
    pub cred_cap_effective: u32,
    /// `cred.user_ns`.
    pub cred_user_ns: u32,
    /// `user_namespace.level`.
    pub user_ns_level: u32,
    /// `net.dev_index_head`. [`Self::ABSENT`] if this field or one of the next three is.
    pub net_dev_index_head: u32,
    /// `net_device.index_hlist`.
    pub dev_index_hlist: u32,
    /// `net_device.ifindex`.
    pub dev_ifindex: u32,
    /// `net_device.name`.
    pub dev_name: u32,
    /// `tcp_sock.is_mptcp`. [`Self::ABSENT`] if this field or one of the next five is, or without MPTCP.
    pub is_mptcp: u32,
    /// `inet_connection_sock.icsk_ulp_data`.
    pub icsk_ulp_data: u32,
    /// `mptcp_subflow_context.node`.
    pub subflow_node: u32,
    /// `mptcp_subflow_context.tcp_sock`.
    pub subflow_tcp_sock: u32,
    /// `mptcp_subflow_context.conn`.
    pub subflow_conn: u32,
    /// `mptcp_sock.conn_list`.
    pub mptcp_conn_list: u32,
    /// `sk_buff.skb_iif`. [`Self::ABSENT`] if [`Self::skb_head`] is.
    pub skb_iif: u32,
    /// Address of `tcp_write_timer`, 0 if kallsyms hides it.
    pub tcp_write_timer: u64,
    /// Address of `tw_timer_handler`, 0 if kallsyms hides it.
    pub tw_timer_handler: u64,
    /// Address of `reqsk_timer_handler`, 0 if kallsyms hides it.
    pub reqsk_timer_handler: u64,
    /// The functions that remove minisockets early, in no order; empty if kallsyms hides them. The used ranges come first.
    pub callers: [CodeRange; MAX_CALLERS],
}

impl Offsets {
    /// No field can be read. (0 is a valid offset, so it can't stand for this.)
    pub const ABSENT: u32 = u32::MAX;

    /// Nothing is known of the kernel.
    pub const NONE: Self = Self {
        skc_addrpair: Self::ABSENT,
        skc_portpair: Self::ABSENT,
        skc_family: Self::ABSENT,
        skc_state: Self::ABSENT,
        skc_net: Self::ABSENT,
        skc_v6_daddr: Self::ABSENT,
        skc_v6_rcv_saddr: Self::ABSENT,
        skc_cookie: Self::ABSENT,
        sk_protocol: Self::ABSENT,
        sk_err: Self::ABSENT,
        inet_sport: Self::ABSENT,
        net_inum: Self::ABSENT,
        sk_socket: Self::ABSENT,
        sk_cgroup: Self::ABSENT,
        cgroup_kn: Self::ABSENT,
        kn_id: Self::ABSENT,
        skc_listener: Self::ABSENT,
        tw_substate: Self::ABSENT,
        tw_timer: Self::ABSENT,
        rsk_timer: Self::ABSENT,
        bytes_acked: Self::ABSENT,
        bytes_received: Self::ABSENT,
        srtt_us: Self::ABSENT,
        total_retrans: Self::ABSENT,
        timer_expires: Self::ABSENT,
        task_tgid: Self::ABSENT,
        task_group_leader: Self::ABSENT,
        task_cred: Self::ABSENT,
        task_comm: Self::ABSENT,
        cred_uid: Self::ABSENT,
        file_inode: Self::ABSENT,
        file_private_data: Self::ABSENT,
        inode_sb: Self::ABSENT,
        inode_ino: Self::ABSENT,
        preemptible_cpus: 0,
        sb_magic: Self::ABSENT,
        socket_sk: Self::ABSENT,
        accept_arguments: 0,
        timer_function: Self::ABSENT,
        sk_write_timer: Self::ABSENT,
        has_cookie_helper: 0,
        task_flags: Self::ABSENT,
        sk_err_soft: Self::ABSENT,
        socket_state: Self::ABSENT,
        snd_una: Self::ABSENT,
        write_seq: Self::ABSENT,
        sk_error_queue_last: Self::ABSENT,
        skb_error: Self::ABSENT,
        skb_head: Self::ABSENT,
        skb_network_header: Self::ABSENT,
        skb_transport_header: Self::ABSENT,
        send_reset_arguments: 0,
        skc_bound_dev_if: Self::ABSENT,
        task_start_time: Self::ABSENT,
        cred_cap_effective: Self::ABSENT,
        cred_user_ns: Self::ABSENT,
        user_ns_level: Self::ABSENT,
        net_dev_index_head: Self::ABSENT,
        dev_index_hlist: Self::ABSENT,
        dev_ifindex: Self::ABSENT,
        dev_name: Self::ABSENT,
        is_mptcp: Self::ABSENT,
        icsk_ulp_data: Self::ABSENT,
        subflow_node: Self::ABSENT,
        subflow_tcp_sock: Self::ABSENT,
        subflow_conn: Self::ABSENT,
        mptcp_conn_list: Self::ABSENT,
        skb_iif: Self::ABSENT,
        tcp_write_timer: 0,
        tw_timer_handler: 0,
        reqsk_timer_handler: 0,
        callers: [CodeRange::EMPTY; MAX_CALLERS],
    };
}
