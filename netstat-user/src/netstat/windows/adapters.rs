//! The interfaces that have IP, from `GetAdaptersAddresses`.

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

/// How often the list may outgrow the room that it was asked for a moment ago.
const ATTEMPTS: u32 = 16;
const FLAGS: u32 = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Its number.
    pub index: u32,
    /// What it is, in its maker's words.
    pub description: String,
    /// Its address on the link; empty if it has none.
    pub physical: Vec<u8>,
    /// Its first IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// What it adds to the metric of IPv4's routes.
    pub metric: u32,
    /// What it adds to the metric of IPv6's routes.
    pub metric6: u32,
}

/// All of them, in Windows' order.
///
/// # Errors
/// Windows doesn't give the list.
pub fn list() -> Result<Vec<Adapter>> {
    read().context("Windows doesn't give its list of interfaces")
}

fn read() -> io::Result<Vec<Adapter>> {
    // u64, because the list has to be aligned for its pointers.
    let mut buffer: Vec<u64> = vec![0; 2048];
    let mut result = ERROR_BUFFER_OVERFLOW;
    for _ in 0..ATTEMPTS {
        let mut bytes = u32::try_from(buffer.len() * 8).unwrap_or(u32::MAX);
        let place = buffer.as_mut_ptr().cast();
        // SAFETY: the buffer has `bytes` bytes, and the function writes no more.
        result = unsafe { GetAdaptersAddresses(AF_UNSPEC.into(), FLAGS, ptr::null(), place, &raw mut bytes) };
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
        // SAFETY: the function has filled the buffer, which lives, with a list whose places are in it and whose
        // last one says null; what is read of each is numbers and places.
        unsafe {
            adapters.push(adapter(next));
            next = (*next).Next;
        }
    }
    Ok(adapters)
}

/// # Safety
/// It has to be an adapter of the list.
unsafe fn adapter(place: *const IP_ADAPTER_ADDRESSES_LH) -> Adapter {
    // SAFETY: the caller vouches for the adapter. The union's other half is only for alignment.
    unsafe {
        let numbers = (*place).Anonymous1.Anonymous;
        let physical = (*place).PhysicalAddress;
        let length = physical.len().min((*place).PhysicalAddressLength as usize);
        Adapter {
            // An interface that has only IPv6 has no number of IPv4's; where it has both they are the same.
            index: if numbers.IfIndex != 0 { numbers.IfIndex } else { (*place).Ipv6IfIndex },
            description: text((*place).Description),
            physical: physical[..length].to_vec(),
            ipv4: ipv4(place),
            metric: (*place).Ipv4Metric,
            metric6: (*place).Ipv6Metric,
        }
    }
}

/// # Safety
/// It has to be an adapter of the list.
unsafe fn ipv4(place: *const IP_ADAPTER_ADDRESSES_LH) -> Option<Ipv4Addr> {
    // SAFETY: the caller vouches for the adapter; its addresses are a list like that of the adapters, and the
    // family says what an address is.
    unsafe {
        let mut next = (*place).FirstUnicastAddress;
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
/// It has to be null, or UTF-16 that ends with 0.
unsafe fn text(place: PCWSTR) -> String {
    if place.is_null() {
        return String::new();
    }
    // SAFETY: the caller vouches for the 0 at the end.
    let units = unsafe {
        let length = (0..).take_while(|at| *place.add(*at) != 0).count();
        slice::from_raw_parts(place, length)
    };
    String::from_utf16_lossy(units)
}
