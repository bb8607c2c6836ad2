//! Reads a `struct sock`, with the field offsets that user space takes from the kernel's BTF.

use aya_ebpf::helpers::generated::{bpf_get_socket_cookie, bpf_skc_to_tcp_sock};
use netstat_ebpf::wire::Offsets;

use crate::{
    globals::{OFFSETS, value},
    memory::{BtfPtr, probe_read},
};

pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 10;
pub const IPPROTO_TCP: u16 = 6;
pub const IPPROTO_MPTCP: u16 = 262;

/// The addresses and ports of a connection's two endpoints, in the form that records have.
#[derive(Clone, Copy)]
pub struct Tuple {
    pub local_port: u16,
    pub remote_port: u16,
    pub local_addr: [u64; 2],
    pub remote_addr: [u64; 2],
}

/// What `struct tcp_sock` counts on a connection. No `Option`: what the compiler writes for `None` may be a kernel pointer in
/// half a word, which the verifier rejects.
#[derive(Clone, Copy)]
pub struct TcpStats {
    /// Whether the other fields are known; they are 0 if not.
    pub is_known: bool,
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub srtt_us: u32,
    pub total_retrans: u32,
}

impl TcpStats {
    pub const UNKNOWN: Self =
        Self { is_known: false, bytes_acked: 0, bytes_received: 0, srtt_us: 0, total_retrans: 0 };
}

/// A typed pointer to a `struct sock`.
#[derive(Clone, Copy)]
pub struct Sock(BtfPtr);

impl Sock {
    /// # Safety
    /// `pointer` points to a `struct sock`. It may point to a `struct sock_common` if the caller reads only the fields of
    /// `struct sock_common`.
    #[inline(always)]
    pub unsafe fn new(pointer: BtfPtr) -> Self {
        Self(pointer)
    }

    /// # Safety
    /// `pointer` is a `struct sock *` that is an argument of a program that is attached by BTF.
    #[inline(always)]
    pub unsafe fn from_argument(pointer: *const u8) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { BtfPtr::new(pointer) })
    }

    #[inline(always)]
    pub fn address(self) -> u64 {
        self.0.address()
    }

    #[inline(always)]
    pub fn protocol(self) -> u16 {
        self.0.load(value(&OFFSETS.sk_protocol))
    }

    #[inline(always)]
    pub fn family(self) -> u16 {
        self.0.load(value(&OFFSETS.skc_family))
    }

    /// `sk_err`, a positive errno: at most 4095 (MAX_ERRNO, include/linux/err.h).
    #[inline(always)]
    pub fn error(self) -> u16 {
        self.0.load::<u32>(value(&OFFSETS.sk_err)) as u16
    }

    /// `sk_err_soft`, an error that did not end the connection; 0 if this kernel's field is unknown.
    #[inline(always)]
    pub fn soft_error(self) -> u16 {
        let offset = value(&OFFSETS.sk_err_soft);
        if offset == Offsets::ABSENT { 0 } else { self.0.load::<u32>(offset) as u16 }
    }

    /// Whether connect() is about to fail, for a socket that leaves SYN_SENT for CLOSE: the socket's own state changes to
    /// SS_CONNECTING once connect() has succeeded so far (`__inet_stream_connect`, net/ipv4/af_inet.c, 5.10 to 6.18).
    #[inline(always)]
    pub fn fails_to_connect(self) -> bool {
        /// include/uapi/linux/net.h
        const SS_UNCONNECTED: u32 = 1;
        let offset = value(&OFFSETS.socket_state);
        if offset == Offsets::ABSENT {
            return false;
        }
        let socket = self.0.load_ptr(value(&OFFSETS.sk_socket));
        !socket.is_null() && socket.load::<u32>(offset) == SS_UNCONNECTED
    }

    /// Whether the peer has acknowledged all that this end has sent, its FIN included.
    #[inline(always)]
    pub fn is_all_acknowledged(self) -> bool {
        let snd_una = value(&OFFSETS.snd_una);
        if snd_una == Offsets::ABSENT {
            return false;
        }
        // SAFETY: as in `tcp_stats`.
        let tcp = unsafe { BtfPtr::new(bpf_skc_to_tcp_sock(self.0.as_ptr()).cast()) };
        !tcp.is_null() && tcp.load::<u32>(snd_una) == tcp.load::<u32>(value(&OFFSETS.write_seq))
    }

    /// Whether a process has the socket. Otherwise it has not been accepted, or has been closed.
    #[inline(always)]
    pub fn has_socket(self) -> bool {
        self.0.load::<u64>(value(&OFFSETS.sk_socket)) != 0
    }

    /// Id of the socket's cgroup; 0 if this kernel keeps it in a way that can't be read.
    #[inline(always)]
    pub fn cgroup(self) -> u64 {
        let offset = value(&OFFSETS.sk_cgroup);
        if offset == Offsets::ABSENT {
            return 0;
        }
        let node = self.0.load_ptr(offset).load_ptr(value(&OFFSETS.cgroup_kn));
        node.load(value(&OFFSETS.kn_id))
    }

    /// What the kernel has counted on the connection. Unknown if this kernel's fields are unknown, and for an MPTCP socket,
    /// whose subflows are counted instead.
    #[inline(always)]
    pub fn tcp_stats(self) -> TcpStats {
        let bytes_acked = value(&OFFSETS.bytes_acked);
        if bytes_acked == Offsets::ABSENT {
            return TcpStats::UNKNOWN;
        }
        // SAFETY: the helper takes a typed socket, and returns a typed pointer, or null for a socket that is not TCP's
        // (bpf_skc_to_tcp_sock, net/core/filter.c, 5.9).
        let tcp = unsafe { BtfPtr::new(bpf_skc_to_tcp_sock(self.0.as_ptr()).cast()) };
        if tcp.is_null() {
            return TcpStats::UNKNOWN;
        }
        TcpStats {
            is_known: true,
            bytes_acked: tcp.load(bytes_acked),
            bytes_received: tcp.load(value(&OFFSETS.bytes_received)),
            srtt_us: tcp.load(value(&OFFSETS.srtt_us)),
            total_retrans: tcp.load(value(&OFFSETS.total_retrans)),
        }
    }

    /// Inode number of the socket's network namespace.
    #[inline(always)]
    pub fn netns(self) -> u32 {
        self.net().load(value(&OFFSETS.net_inum))
    }

    /// The socket's network namespace, a `struct net`.
    #[inline(always)]
    pub fn net(self) -> BtfPtr {
        self.0.load_ptr(value(&OFFSETS.skc_net))
    }

    /// Index of the interface that the socket is bound to; 0 if it is not bound.
    #[inline(always)]
    pub fn bound_dev_if(self) -> u32 {
        self.0.load(value(&OFFSETS.skc_bound_dev_if))
    }

    /// Whether the TCP socket is a subflow of an MPTCP connection.
    #[inline(always)]
    pub fn is_subflow(self) -> bool {
        let offset = value(&OFFSETS.is_mptcp);
        if offset == Offsets::ABSENT {
            return false;
        }
        // SAFETY: as in `tcp_stats`.
        let tcp = unsafe { BtfPtr::new(bpf_skc_to_tcp_sock(self.0.as_ptr()).cast()) };
        !tcp.is_null() && tcp.load::<u8>(offset) != 0
    }

    /// The socket's cookie, 0 if the kernel has not generated it yet.
    #[inline(always)]
    pub fn existing_cookie(self) -> u64 {
        self.0.load(value(&OFFSETS.skc_cookie))
    }

    /// The socket's cookie. The kernel generates it here at the latest, so that the timewait socket gets the same one.
    #[inline(always)]
    pub fn cookie(self) -> u64 {
        let cookie = self.existing_cookie();
        if cookie != 0 || value(&OFFSETS.has_cookie_helper) == 0 {
            return cookie;
        }
        // SAFETY: the helper takes a typed socket (bpf_get_socket_ptr_cookie, net/core/filter.c, 5.12).
        unsafe { bpf_get_socket_cookie(self.0.as_ptr()) }
    }

    /// The source port (`inet_sport`), for a socket that closes: `inet_put_port` has cleared its local port already. A
    /// socket that connects again still has the source port of its last connection.
    #[inline(always)]
    pub fn source_port(self) -> u16 {
        // The field is behind the end of `struct sock`, where a typed load is rejected.
        let port = probe_read(self.address() + u64::from(value(&OFFSETS.inet_sport)));
        u16::from_be(port.unwrap_or(0))
    }

    /// The local port is 0 if the kernel has not chosen it yet.
    #[inline(always)]
    pub fn tuple(self, family: u16) -> Tuple {
        let ports: u32 = self.0.load(value(&OFFSETS.skc_portpair));
        let local_port = (ports >> 16) as u16;
        let remote_port = u16::from_be(ports as u16);
        let (local_addr, remote_addr) = if family == AF_INET6 {
            (self.address_at(&OFFSETS.skc_v6_rcv_saddr), self.address_at(&OFFSETS.skc_v6_daddr))
        } else {
            let pair: u64 = self.0.load(value(&OFFSETS.skc_addrpair));
            (mapped((pair >> 32) as u32), mapped(pair as u32))
        };
        Tuple { local_port, remote_port, local_addr, remote_addr }
    }

    /// An IPv6 address: the verifier takes no load of more than 8 bytes.
    #[inline(always)]
    fn address_at(self, offset: &'static u32) -> [u64; 2] {
        let offset = value(offset);
        [self.0.load(offset), self.0.load(offset + 8)]
    }
}

/// The cookie of the socket at an address, 0 if the kernel has not generated it yet.
#[inline(always)]
pub fn cookie_at(sk: u64) -> u64 {
    probe_read(sk + u64::from(value(&OFFSETS.skc_cookie))).unwrap_or(0)
}

/// An IPv4 address as an IPv6 one, `::ffff:a.b.c.d`, both in network byte order.
#[inline(always)]
pub fn mapped(addr: u32) -> [u64; 2] {
    [0, u64::from(addr) << 32 | 0xffff_0000]
}
