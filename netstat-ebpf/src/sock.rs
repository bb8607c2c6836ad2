//! Reads a `struct sock`: where its fields are comes from the kernel's BTF, by way of user space.

use aya_ebpf::helpers::{
    bpf_probe_read_kernel,
    generated::{bpf_get_socket_cookie, bpf_skc_to_tcp_sock},
};

use crate::globals::{OFFSETS, value};

pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 10;
pub const IPPROTO_TCP: u16 = 6;
pub const IPPROTO_MPTCP: u16 = 262;

/// The two ends of a connection, as the record has them.
#[derive(Clone, Copy)]
pub struct Ends {
    pub local_port: u16,
    pub remote_port: u16,
    pub local_addr: [u64; 2],
    pub remote_addr: [u64; 2],
}

/// A connection's numbers, as `struct tcp_sock` has them.
#[derive(Clone, Copy)]
pub struct Numbers {
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub srtt_us: u32,
    pub total_retrans: u32,
}

/// A pointer that the verifier knows by type (PTR_TO_BTF_ID): fields behind it can be loaded without a
/// helper, and a fault reads as 0.
#[derive(Clone, Copy)]
pub struct Typed(pub *const u8);

impl Typed {
    #[inline(always)]
    pub fn load<T: Copy>(self, offset: u32) -> T {
        // SAFETY: the verifier checks each such load against the type and size of the kernel's field.
        unsafe { self.0.add(offset as usize).cast::<T>().read_volatile() }
    }
}

/// A typed pointer to a `struct sock`.
#[derive(Clone, Copy)]
pub struct Sock(Typed);

impl Sock {
    /// # Safety
    /// `pointer` is the `struct sock *` argument of a tp_btf program.
    #[inline(always)]
    pub unsafe fn from_argument(pointer: *const u8) -> Self {
        Self(Typed(pointer))
    }

    #[inline(always)]
    pub fn address(self) -> u64 {
        self.0.0 as u64
    }

    #[inline(always)]
    fn load<T: Copy>(self, offset: u32) -> T {
        self.0.load(offset)
    }

    #[inline(always)]
    pub fn protocol(self) -> u16 {
        self.load(value(&raw const OFFSETS.sk_protocol))
    }

    #[inline(always)]
    pub fn family(self) -> u16 {
        self.load(value(&raw const OFFSETS.skc_family))
    }

    #[inline(always)]
    pub fn error(self) -> u32 {
        self.load(value(&raw const OFFSETS.sk_err))
    }

    /// Whether a process has the socket; it has not been accepted, or has been closed, where not.
    #[inline(always)]
    pub fn has_socket(self) -> bool {
        self.load::<u64>(value(&raw const OFFSETS.sk_socket)) != 0
    }

    /// Id of the socket's cgroup, 0 where this kernel keeps it in a way that is not known.
    #[inline(always)]
    pub fn cgroup(self) -> u64 {
        let offset = value(&raw const OFFSETS.sk_cgroup);
        if offset == 0 {
            return 0;
        }
        let cgroup = Typed(self.load(offset));
        let node = Typed(cgroup.load(value(&raw const OFFSETS.cgroup_kn)));
        node.load(value(&raw const OFFSETS.kn_id))
    }

    /// The connection's numbers; None for MPTCP, whose numbers are its subflows'.
    #[inline(always)]
    pub fn numbers(self) -> Option<Numbers> {
        // SAFETY: the helper takes a typed socket and returns null for any that is not TCP's
        // (bpf_skc_to_tcp_sock, net/core/filter.c, 5.9).
        let tcp = unsafe { bpf_skc_to_tcp_sock(self.0.0.cast_mut().cast()) };
        if tcp.is_null() {
            return None;
        }
        let tcp = Typed(tcp.cast::<u8>());
        Some(Numbers {
            bytes_acked: tcp.load(value(&raw const OFFSETS.bytes_acked)),
            bytes_received: tcp.load(value(&raw const OFFSETS.bytes_received)),
            srtt_us: tcp.load(value(&raw const OFFSETS.srtt_us)),
            total_retrans: tcp.load(value(&raw const OFFSETS.total_retrans)),
        })
    }

    /// Inode number of the socket's network namespace.
    #[inline(always)]
    pub fn netns(self) -> u32 {
        let net = Typed(self.load(value(&raw const OFFSETS.skc_net)));
        net.load(value(&raw const OFFSETS.net_inum))
    }

    /// The socket's cookie, 0 if nobody has asked for one yet.
    #[inline(always)]
    pub fn known_cookie(self) -> u64 {
        self.load(value(&raw const OFFSETS.skc_cookie))
    }

    /// The socket's cookie; made at first capabilities, so that it follows the connection into TIME_WAIT.
    #[inline(always)]
    pub fn cookie(self) -> u64 {
        let cookie = self.known_cookie();
        if cookie != 0 || value(&raw const OFFSETS.has_cookie_helper) == 0 {
            return cookie;
        }
        // SAFETY: the helper takes a typed socket (bpf_get_socket_ptr_cookie, net/core/filter.c, 5.12).
        unsafe { bpf_get_socket_cookie(self.0.0.cast_mut().cast()) }
    }

    /// The local port of a socket that closes: it has lost its number (`inet_put_port`), but not its source
    /// port, which a socket that connects again still has of its last connection.
    #[inline(always)]
    pub fn source_port(self) -> u16 {
        // `struct sock` ends before the field, so a typed load can't reach it.
        // SAFETY: the helper checks the address.
        let port: Result<u16, _> = unsafe {
            bpf_probe_read_kernel(self.0.0.add(value(&raw const OFFSETS.inet_sport) as usize).cast())
        };
        u16::from_be(port.unwrap_or(0))
    }

    /// The local port is 0 while the kernel has chosen none.
    #[inline(always)]
    pub fn ends(self, family: u16) -> Ends {
        let ports: u32 = self.load(value(&raw const OFFSETS.skc_portpair));
        let local_port = (ports >> 16) as u16;
        let remote_port = u16::from_be(ports as u16);
        let (local_addr, remote_addr) = if family == AF_INET6 {
            let (local, remote) =
                (value(&raw const OFFSETS.skc_v6_rcv_saddr), value(&raw const OFFSETS.skc_v6_daddr));
            ([self.load(local), self.load(local + 8)], [self.load(remote), self.load(remote + 8)])
        } else {
            let pair: u64 = self.load(value(&raw const OFFSETS.skc_addrpair));
            (mapped((pair >> 32) as u32), mapped(pair as u32))
        };
        Ends { local_port, remote_port, local_addr, remote_addr }
    }
}

/// An IPv4 address as an IPv6 one, `::ffff:a.b.c.d`, both as the kernel has them in memory.
#[inline(always)]
pub fn mapped(addr: u32) -> [u64; 2] {
    [0, u64::from(addr) << 32 | 0xffff_0000]
}
