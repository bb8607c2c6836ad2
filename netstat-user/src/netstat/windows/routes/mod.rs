//! `-r`: the interfaces and the routing tables.

mod print;
mod table;

use std::net::IpAddr;

use anyhow::Result;
use serde::Serialize;

use self::table::Route;
use super::adapters::{self, Adapter};
use crate::{model::Family, netstat::json};

/// The page in the columns of Windows' netstat.
///
/// # Errors
/// A table can't be read.
pub fn text() -> Result<Vec<u8>> {
    let adapters = adapters::list()?;
    let (ipv4, ipv6) = (table::read(Family::Ipv4, &adapters)?, table::read(Family::Ipv6, &adapters)?);
    Ok(print::page(&adapters, &ipv4, &ipv6))
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    family: &'static str,
    destination: IpAddr,
    prefix_len: u8,
    gateway: Option<IpAddr>,
    metric: u32,
    interface_index: u32,
    interface: Option<String>,
}

/// JSON Lines, one for each route.
///
/// # Errors
/// A table can't be read.
pub fn json() -> Result<Vec<u8>> {
    let adapters = adapters::list()?;
    let mut bytes = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        let routes = table::read(family, &adapters)?;
        bytes.extend(json::lines(routes.iter().map(|route| line(route, &adapters))));
    }
    Ok(bytes)
}

fn line(route: &Route, adapters: &[Adapter]) -> Line {
    let Route { destination, prefix_length, gateway, interface, metric } = *route;
    let adapter = adapters.iter().find(|adapter| adapter.index == interface);
    Line {
        kind: "route",
        family: if destination.is_ipv4() { "ipv4" } else { "ipv6" },
        destination,
        prefix_len: prefix_length,
        gateway,
        metric,
        interface_index: interface,
        interface: adapter.map(|adapter| adapter.description.clone()),
    }
}
