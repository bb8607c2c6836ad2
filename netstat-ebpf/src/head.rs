//! The head that sockets of all kinds share, read in one go where the verifier knows no type.

use aya_ebpf::helpers::bpf_probe_read_kernel;

use crate::{
    globals::{OFFSETS, value},
    sock::{AF_INET6, Ends, mapped},
};

/// `struct sock_common` and, of a timewait socket, its substate (byte 140 on all kernels from 5.10 to
/// 6.18). One read is far cheaper than one a field.
const HEAD_BYTES: usize = 160;

#[repr(C, align(8))]
pub struct Head([u8; HEAD_BYTES]);

impl Head {
    #[inline(always)]
    pub fn read(sk: u64) -> Option<Self> {
        // SAFETY: the helper checks the address.
        unsafe { bpf_probe_read_kernel(sk as *const Self) }.ok()
    }

    /// A field, by its offset in the kernel's struct; 0 for an offset beyond the head.
    #[inline(always)]
    pub fn load<T: Copy + Default>(&self, offset: *const u32) -> T {
        let offset = value(offset) as usize;
        if offset > HEAD_BYTES - size_of::<T>() {
            return T::default();
        }
        // SAFETY: within the array, as just checked; unaligned reads are allowed for.
        unsafe { self.0.as_ptr().add(offset).cast::<T>().read_unaligned() }
    }

    #[inline(always)]
    pub fn family(&self) -> u16 {
        self.load(&raw const OFFSETS.skc_family)
    }

    #[inline(always)]
    pub fn cookie(&self) -> u64 {
        self.load(&raw const OFFSETS.skc_cookie)
    }

    #[inline(always)]
    pub fn ends(&self) -> Ends {
        let ports: u32 = self.load(&raw const OFFSETS.skc_portpair);
        let (local_addr, remote_addr) = if self.family() == AF_INET6 {
            (self.load(&raw const OFFSETS.skc_v6_rcv_saddr), self.load(&raw const OFFSETS.skc_v6_daddr))
        } else {
            let pair: u64 = self.load(&raw const OFFSETS.skc_addrpair);
            (mapped((pair >> 32) as u32), mapped(pair as u32))
        };
        Ends {
            local_port: (ports >> 16) as u16,
            remote_port: u16::from_be(ports as u16),
            local_addr,
            remote_addr,
        }
    }
}
