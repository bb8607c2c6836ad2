//! Reads a `struct sock`: where its fields are comes from the kernel's BTF, by way of user space.

use aya_ebpf::helpers::{bpf_probe_read_kernel, generated::bpf_get_socket_cookie};

use crate::globals::{OFFSETS, value};

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

/// A pointer to a `struct sock` that the verifier knows by type (PTR_TO_BTF_ID): its fields can be
/// loaded without a helper, and a fault reads as 0.
#[derive(Clone, Copy)]
pub struct Sock(*const u8);

impl Sock {
    /// # Safety
    /// `pointer` is the `struct sock *` argument of a tp_btf program.
    #[inline(always)]
    pub unsafe fn from_argument(pointer: *const u8) -> Self {
        Self(pointer)
    }

    #[inline(always)]
    pub fn address(self) -> u64 {
        self.0 as u64
    }

    #[inline(always)]
    fn load<T: Copy>(self, offset: u32) -> T {
        // SAFETY: the verifier checks each such load against the type and size of the kernel's field.
        unsafe { self.0.add(offset as usize).cast::<T>().read_volatile() }
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

    /// Inode number of the socket's network namespace.
    #[inline(always)]
    pub fn netns(self) -> u32 {
        let net: *const u8 = self.load(value(&raw const OFFSETS.skc_net));
        // SAFETY: `skc_net` is a typed pointer too: the verifier checks this load, a fault reads as 0.
        unsafe { net.add(value(&raw const OFFSETS.net_inum) as usize).cast::<u32>().read_volatile() }
    }

    /// The socket's cookie; made at first sight, so that it follows the connection into TIME_WAIT.
    #[inline(always)]
    pub fn cookie(self) -> u64 {
        let cookie: u64 = self.load(value(&raw const OFFSETS.skc_cookie));
        if cookie != 0 || value(&raw const OFFSETS.has_cookie_helper) == 0 {
            return cookie;
        }
        // SAFETY: the helper takes a typed socket (bpf_get_socket_ptr_cookie, net/core/filter.c, 5.12).
        unsafe { bpf_get_socket_cookie(self.0.cast_mut().cast()) }
    }

    #[inline(always)]
    pub fn ends(self, family: u16) -> Ends {
        let ports: u32 = self.load(value(&raw const OFFSETS.skc_portpair));
        let mut local_port = (ports >> 16) as u16;
        if local_port == 0 {
            // Closed sockets have lost their number (inet_put_port), but not their source port.
            // `struct sock` ends before it, so the typed load can't reach it.
            // SAFETY: the helper checks the address.
            let sport: Result<u16, _> =
                unsafe { bpf_probe_read_kernel(self.0.add(value(&raw const OFFSETS.inet_sport) as usize).cast()) };
            local_port = u16::from_be(sport.unwrap_or(0));
        }
        let remote_port = u16::from_be(ports as u16);
        let (local_addr, remote_addr) = if family == AF_INET6 {
            let (local, remote) = (value(&raw const OFFSETS.skc_v6_rcv_saddr), value(&raw const OFFSETS.skc_v6_daddr));
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
