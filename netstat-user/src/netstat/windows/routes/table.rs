//! The rows of `GetIpForwardTable2`.

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
    /// The network that it leads to.
    pub destination: IpAddr,
    /// How many bits of that count.
    pub prefix_length: u8,
    /// What it costs, the interface's part included.
    pub metric: u32,
    /// The next router; None if the network is on the link.
    pub gateway: Option<IpAddr>,
    /// The number of its interface.
    pub interface: u32,
}

/// The family's routes, in the order of their destinations.
///
/// # Errors
/// Windows doesn't give the table.
pub fn read(family: Family, adapters: &[Adapter]) -> Result<Vec<Route>> {
    let number = match family {
        Family::Ipv4 => AF_INET,
        Family::Ipv6 => AF_INET6,
    };
    // SAFETY: the function allocates such a table.
    let table = unsafe { Table::<MIB_IPFORWARD_TABLE2>::ask(|place| GetIpForwardTable2(number, place)) }
        .context("Windows doesn't give its table of routes")?;
    let table = table.as_ptr();
    // SAFETY: the table lives until the end of this function, and has as many rows as it says.
    let mut routes: Vec<Route> = unsafe {
        let first = (&raw const (*table).Table).cast::<MIB_IPFORWARD_ROW2>();
        (0..(*table).NumEntries as usize).filter_map(|number| route(first.add(number))).collect()
    };
    for route in &mut routes {
        if let Some(adapter) = adapters.iter().find(|adapter| adapter.index == route.interface) {
            let part = if family == Family::Ipv4 { adapter.metric } else { adapter.metric6 };
            route.metric = route.metric.saturating_add(part);
        }
    }
    routes.sort();
    Ok(routes)
}

/// None if it is of neither family.
///
/// # Safety
/// It has to be a row of the table.
unsafe fn route(row: *const MIB_IPFORWARD_ROW2) -> Option<Route> {
    // SAFETY: the caller vouches for the row; what is read of it is numbers.
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
    // SAFETY: all of the union's variants are numbers and begin with the family, which tells them apart.
    unsafe {
        match addr.si_family {
            AF_INET => Some(Ipv4Addr::from(addr.Ipv4.sin_addr.S_un.S_addr.to_ne_bytes()).into()),
            AF_INET6 => Some(Ipv6Addr::from(addr.Ipv6.sin6_addr.u.Byte).into()),
            _ => None,
        }
    }
}
