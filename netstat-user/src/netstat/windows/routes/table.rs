//! Reads the routing table, from `GetIpForwardTable2`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};
use windows_sys::Win32::{
    NetworkManagement::IpHelper::{GetIpForwardTable2, MIB_IPFORWARD_ROW2, MIB_IPFORWARD_TABLE2},
    Networking::WinSock::{AF_INET, AF_INET6, SOCKADDR_INET},
};

use crate::{
    model::Family,
    netstat::windows::{adapters::Adapter, mib::Table},
};

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The address of the destination network.
    pub destination: IpAddr,
    /// The number of the address's bits that belong to the network.
    pub prefix_length: u8,
    /// The sum of the route's and the interface's metric.
    pub metric: u32,
    /// The next hop; None if the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// The index of its interface.
    pub interface: u32,
}

/// The routes of a family, sorted by destination.
///
/// # Errors
/// `GetIpForwardTable2` fails.
pub fn read(family: Family, adapters: &[Adapter]) -> Result<Vec<Route>> {
    let address_family = match family {
        Family::Ipv4 => AF_INET,
        Family::Ipv6 => AF_INET6,
    };
    // SAFETY: GetIpForwardTable2 allocates a MIB_IPFORWARD_TABLE2 that FreeMibTable frees.
    let table =
        unsafe { Table::<MIB_IPFORWARD_TABLE2>::call(|table| GetIpForwardTable2(address_family, table)) }
            .context("cannot read Windows' routing table")?;
    let table = table.as_ptr();
    // SAFETY: the table lives until the end of this function and has NumEntries rows.
    let mut routes: Vec<Route> = unsafe {
        let first = (&raw const (*table).Table).cast::<MIB_IPFORWARD_ROW2>();
        (0..(*table).NumEntries as usize).filter_map(|index| route(first.add(index))).collect()
    };
    for route in &mut routes {
        if let Some(adapter) = adapters.iter().find(|adapter| adapter.index == route.interface) {
            let interface_metric = if family == Family::Ipv4 { adapter.metric } else { adapter.metric6 };
            route.metric = route.metric.saturating_add(interface_metric);
        }
    }
    routes.sort();
    Ok(routes)
}

/// Converts a row; None if its addresses are neither IPv4 nor IPv6.
///
/// # Safety
/// `row` must be a row of a table that is still alive.
unsafe fn route(row: *const MIB_IPFORWARD_ROW2) -> Option<Route> {
    // SAFETY: the caller guarantees the row, which consists of integers.
    unsafe {
        Some(Route {
            destination: addr(&(*row).DestinationPrefix.Prefix)?,
            prefix_length: (*row).DestinationPrefix.PrefixLength,
            metric: (*row).Metric,
            gateway: addr(&(*row).NextHop).filter(|addr| !addr.is_unspecified()),
            interface: (*row).InterfaceIndex,
        })
    }
}

fn addr(addr: &SOCKADDR_INET) -> Option<IpAddr> {
    // SAFETY: all members of the union consist of integers and begin with the family, which selects the member.
    unsafe {
        match addr.si_family {
            AF_INET => Some(Ipv4Addr::from(addr.Ipv4.sin_addr.S_un.S_addr.to_ne_bytes()).into()),
            AF_INET6 => Some(Ipv6Addr::from(addr.Ipv6.sin6_addr.u.Byte).into()),
            _ => None,
        }
    }
}
