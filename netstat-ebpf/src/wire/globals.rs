//! The read-only globals: what user space tells the programs before they are loaded.

/// Byte offsets of kernel fields, from the kernel's BTF.
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
    /// `sock.sk_cgrp_data.cgroup`, 0 where this kernel keeps it otherwise (5.10).
    pub sk_cgroup: u32,
    /// `cgroup.kn`.
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
    /// `tcp_sock.bytes_acked`.
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
    /// How many CPUs there may be, where a task may be preempted inside a tracepoint's programs (from 7.0 on); 0 elsewhere.
    pub preemptible_cpus: u32,
    /// `super_block.s_magic`.
    pub sb_magic: u32,
    /// `socket.sk`.
    pub socket_sk: u32,
    /// How many arguments `inet_csk_accept` has (4 up to 6.9, 2 from 6.10).
    pub accept_arguments: u32,
    /// `timer_list.function`.
    pub timer_function: u32,
    /// The timer of an outgoing segment within the socket: `tcp_write_timer`'s.
    pub sk_write_timer: u32,
    /// Whether `bpf_get_socket_cookie` can be called in tracing programs (5.12).
    pub has_cookie_helper: u32,
    /// `task_struct.flags`.
    pub task_flags: u32,
    /// Address of `tcp_write_timer`, 0 where kallsyms hides it.
    pub tcp_write_timer: u64,
    /// Address of `tw_timer_handler`, 0 where kallsyms hides it.
    pub tw_timer_handler: u64,
    /// Address of `reqsk_timer_handler`, 0 where kallsyms hides it.
    pub reqsk_timer_handler: u64,
}

impl Offsets {
    /// Nothing is known.
    pub const NONE: Self = Self {
        skc_addrpair: 0,
        skc_portpair: 0,
        skc_family: 0,
        skc_state: 0,
        skc_net: 0,
        skc_v6_daddr: 0,
        skc_v6_rcv_saddr: 0,
        skc_cookie: 0,
        sk_protocol: 0,
        sk_err: 0,
        inet_sport: 0,
        net_inum: 0,
        sk_socket: 0,
        sk_cgroup: 0,
        cgroup_kn: 0,
        kn_id: 0,
        skc_listener: 0,
        tw_substate: 0,
        tw_timer: 0,
        rsk_timer: 0,
        bytes_acked: 0,
        bytes_received: 0,
        srtt_us: 0,
        total_retrans: 0,
        timer_expires: 0,
        task_tgid: 0,
        task_group_leader: 0,
        task_cred: 0,
        task_comm: 0,
        cred_uid: 0,
        file_inode: 0,
        file_private_data: 0,
        inode_sb: 0,
        inode_ino: 0,
        preemptible_cpus: 0,
        sb_magic: 0,
        socket_sk: 0,
        accept_arguments: 0,
        timer_function: 0,
        sk_write_timer: 0,
        has_cookie_helper: 0,
        task_flags: 0,
        tcp_write_timer: 0,
        tw_timer_handler: 0,
        reqsk_timer_handler: 0,
    };
}

/// Where the classic tracepoint's record has its fields, from its `format` file.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassicFormat {
    /// `skaddr`, 8 bytes.
    pub skaddr: u32,
    /// `oldstate`, 4 bytes.
    pub oldstate: u32,
    /// `newstate`, 4 bytes.
    pub newstate: u32,
    /// `sport`, 2 bytes, host order.
    pub sport: u32,
    /// `dport`, 2 bytes, host order.
    pub dport: u32,
    /// `family`, 2 bytes.
    pub family: u32,
    /// `protocol`, 2 bytes.
    pub protocol: u32,
    /// `saddr_v6`, 16 bytes; IPv4 in mapped form.
    pub saddr_v6: u32,
    /// `daddr_v6`, 16 bytes; IPv4 in mapped form.
    pub daddr_v6: u32,
}

impl ClassicFormat {
    /// No field is anywhere.
    pub const NONE: Self = Self {
        skaddr: 0,
        oldstate: 0,
        newstate: 0,
        sport: 0,
        dport: 0,
        family: 0,
        protocol: 0,
        saddr_v6: 0,
        daddr_v6: 0,
    };
}

/// How many port ranges the kernel side compares for each end.
pub const MAX_RANGES: usize = 4;

/// An inclusive range of ports, host order; empty where `first > last`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl PortRange {
    /// The range that no port is in.
    pub const EMPTY: Self = Self { first: 1, last: 0 };
}

/// What the kernel side leaves out: only what user space would not need to say the same.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// By old state: the set (bit N is state N) of new states that are left out.
    pub left_out: [u16; 16],
    /// 1 if `left_out` leaves out anything.
    pub by_states: u32,
    /// 1 leaves out what isn't IPv4, 2 what isn't IPv6.
    pub family: u32,
    /// 1 if `local` has to match.
    pub by_local: u32,
    /// 1 if `remote` has to match.
    pub by_remote: u32,
    /// 1 if `either` has to match.
    pub by_either: u32,
    /// Ranges for the local port.
    pub local: [PortRange; MAX_RANGES],
    /// Ranges for the remote port.
    pub remote: [PortRange; MAX_RANGES],
    /// Ranges for the port of either end.
    pub either: [PortRange; MAX_RANGES],
}

impl Filter {
    /// Leaves out nothing.
    pub const ALL: Self = Self {
        left_out: [0; 16],
        by_states: 0,
        family: 0,
        by_local: 0,
        by_remote: 0,
        by_either: 0,
        local: [PortRange::EMPTY; MAX_RANGES],
        remote: [PortRange::EMPTY; MAX_RANGES],
        either: [PortRange::EMPTY; MAX_RANGES],
    };
}
