//! The start of a socket of any kind, read with one helper call where the verifier does not know the socket's type.

use aya_ebpf::helpers::bpf_probe_read_kernel;
use netstat_ebpf::wire::{Plain, SOCK_HEAD_BYTES};

use crate::{
    globals::{OFFSETS, value},
    sock::{AF_INET6, Tuple, mapped},
};

/// The first bytes of a socket: one read of all of them is much cheaper than one of each field.
#[repr(C, align(8))]
pub struct SockHead([u8; SOCK_HEAD_BYTES]);

impl SockHead {
    /// None if the kernel can't read at the address.
    #[inline(always)]
    pub fn read(sk: u64) -> Option<Self> {
        // SAFETY: the helper checks the address, and any bytes are a valid head.
        unsafe { bpf_probe_read_kernel(sk as *const Self) }.ok()
    }

    /// A field by its offset in the kernel's struct.
    ///
    /// User space loads no program that needs a field which does not end within the head. The verifier knows the offset,
    /// so it removes the branch for that case.
    #[inline(always)]
    pub fn load<T: Plain + Default>(&self, offset: &'static u32) -> T {
        let offset = value(offset) as usize;
        if offset > SOCK_HEAD_BYTES - size_of::<T>() {
            return T::default();
        }
        // SAFETY: the field is within the array, and the read needs no alignment.
        unsafe { self.0.as_ptr().add(offset).cast::<T>().read_unaligned() }
    }

    #[inline(always)]
    pub fn family(&self) -> u16 {
        self.load(&OFFSETS.skc_family)
    }

    #[inline(always)]
    pub fn cookie(&self) -> u64 {
        self.load(&OFFSETS.skc_cookie)
    }

    #[inline(always)]
    pub fn tuple(&self) -> Tuple {
        let ports: u32 = self.load(&OFFSETS.skc_portpair);
        let (local_addr, remote_addr) = if self.family() == AF_INET6 {
            (self.load(&OFFSETS.skc_v6_rcv_saddr), self.load(&OFFSETS.skc_v6_daddr))
        } else {
            let pair: u64 = self.load(&OFFSETS.skc_addrpair);
            (mapped((pair >> 32) as u32), mapped(pair as u32))
        };
        Tuple {
            local_port: (ports >> 16) as u16,
            remote_port: u16::from_be(ports as u16),
            local_addr,
            remote_addr,
        }
    }
}
