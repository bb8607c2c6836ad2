//! The interfaces with IP, from `GetAdaptersAddresses`.

use std::{io, net::Ipv4Addr, ptr, slice};

use anyhow::{Context as _, Result};
use windows_sys::{
    Win32::{
        Foundation::{ERROR_BUFFER_OVERFLOW, ERROR_NO_DATA, NO_ERROR},
        NetworkManagement::IpHelper::{
            GAA_FLAG_SKIP_ANYCAST, GAA_FLAG_SKIP_DNS_SERVER, GAA_FLAG_SKIP_MULTICAST, GetAdaptersAddresses,
            IP_ADAPTER_ADDRESSES_LH,
        },
        Networking::WinSock::{AF_INET, AF_UNSPEC, SOCKADDR_IN},
    },
    core::PCWSTR,
};

/// How often to try again with a larger buffer, because the list may grow between two calls.
const ATTEMPTS: u32 = 16;
const FLAGS: u32 = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Its interface index.
    pub index: u32,
    /// Its description, for instance the name of the hardware.
    pub description: String,
    /// Its link-layer address; empty if it has none.
    pub physical: Vec<u8>,
    /// Its first IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// The interface metric, which is added to the metric of IPv4 routes.
    pub metric: u32,
    /// The interface metric, which is added to the metric of IPv6 routes.
    pub metric6: u32,
}

/// All interfaces, in the order of Windows.
///
/// # Errors
/// `GetAdaptersAddresses` fails.
pub fn list() -> Result<Vec<Adapter>> {
    read().context("cannot read Windows' list of interfaces")
}

fn read() -> io::Result<Vec<Adapter>> {
    // A buffer of u64 has the alignment of the list's pointers.
    let mut buffer: Vec<u64> = vec![0; 2048];
    let mut result = ERROR_BUFFER_OVERFLOW;
    for _ in 0..ATTEMPTS {
        let mut bytes = u32::try_from(buffer.len() * 8).unwrap_or(u32::MAX);
        let list = buffer.as_mut_ptr().cast();
        // SAFETY: the buffer has `bytes` bytes, and the function writes no more than that.
        result = unsafe { GetAdaptersAddresses(AF_UNSPEC.into(), FLAGS, ptr::null(), list, &raw mut bytes) };
        if result != ERROR_BUFFER_OVERFLOW {
            break;
        }
        buffer.resize(bytes as usize / 8 + 512, 0);
    }
    match result {
        NO_ERROR => {}
        ERROR_NO_DATA => return Ok(Vec::new()),
        error => return Err(io::Error::from_raw_os_error(error.cast_signed())),
    }
    let mut adapters = Vec::new();
    let mut next = buffer.as_ptr().cast::<IP_ADAPTER_ADDRESSES_LH>();
    while !next.is_null() {
        // SAFETY: the function has written a linked list into the buffer, whose pointers refer to the buffer and end
        // with null. The buffer outlives the loop.
        unsafe {
            adapters.push(adapter(next));
            next = (*next).Next;
        }
    }
    Ok(adapters)
}

/// # Safety
/// `entry` must be an entry of the list, whose buffer is still alive.
unsafe fn adapter(entry: *const IP_ADAPTER_ADDRESSES_LH) -> Adapter {
    // SAFETY: the caller guarantees the entry. The union's other member only aligns it.
    unsafe {
        let header = (*entry).Anonymous1.Anonymous;
        let physical = (*entry).PhysicalAddress;
        let length = physical.len().min((*entry).PhysicalAddressLength as usize);
        Adapter {
            // IfIndex is 0 if the interface has no IPv4; otherwise both indexes are the same.
            index: if header.IfIndex != 0 { header.IfIndex } else { (*entry).Ipv6IfIndex },
            description: string((*entry).Description),
            physical: physical[..length].to_vec(),
            ipv4: ipv4(entry),
            metric: (*entry).Ipv4Metric,
            metric6: (*entry).Ipv6Metric,
        }
    }
}

/// # Safety
/// `entry` must be an entry of the list, whose buffer is still alive.
unsafe fn ipv4(entry: *const IP_ADAPTER_ADDRESSES_LH) -> Option<Ipv4Addr> {
    // SAFETY: the caller guarantees the entry. Its addresses are a linked list in the same buffer, and the family
    // decides the type of an address.
    unsafe {
        let mut next = (*entry).FirstUnicastAddress;
        while !next.is_null() {
            let addr = (*next).Address.lpSockaddr;
            if !addr.is_null() && (*addr).sa_family == AF_INET {
                let addr = addr.cast::<SOCKADDR_IN>().read_unaligned();
                return Some(Ipv4Addr::from(addr.sin_addr.S_un.S_addr.to_ne_bytes()));
            }
            next = (*next).Next;
        }
    }
    None
}

/// # Safety
/// `text` must be null, or point to UTF-16 that ends with 0.
unsafe fn string(text: PCWSTR) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller guarantees the 0 at the end.
    let units = unsafe {
        let length = (0..).take_while(|at| *text.add(*at) != 0).count();
        slice::from_raw_parts(text, length)
    };
    String::from_utf16_lossy(units)
}
