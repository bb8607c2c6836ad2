//! `-r`: the routing tables.

mod flags;
mod inet;
mod inet6;
mod networks;

use std::net::IpAddr;

use anyhow::Result;
use serde::Serialize;

use super::{names::Names, options::RouteOptions, print::Page};
use crate::netstat::json;
use inet::Route;
use inet6::Route6;

/// The tables.
///
/// # Errors
/// /proc can't be read: the error names the file.
pub fn text(options: RouteOptions, names: &mut Names) -> Result<Vec<u8>> {
    let mut page = Page::default();
    if options.families.ipv4 {
        let routes = inet::read()?;
        names.prepare(routes.iter().flat_map(|route| [route.destination, route.gateway]).map(IpAddr::V4));
        inet::text(&mut page, &routes, options.extended, names);
    }
    if options.families.ipv6 {
        let routes = inet6::read()?;
        names.prepare(routes.iter().flat_map(|route| [route.destination, route.next_hop]).map(IpAddr::V6));
        inet6::text(&mut page, &routes, names);
    }
    Ok(page.into_bytes())
}

#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    family: &'static str,
    destination: IpAddr,
    prefix_len: u32,
    gateway: Option<IpAddr>,
    flags: String,
    metric: u32,
    mss: Option<u32>,
    window: Option<u32>,
    irtt: Option<u32>,
    interface: &'a str,
}

/// JSON Lines.
///
/// # Errors
/// /proc can't be read: the error names the file.
pub fn json(options: RouteOptions) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if options.families.ipv4 {
        bytes.extend(json::lines(inet::read()?.iter().map(line)));
    }
    if options.families.ipv6 {
        bytes.extend(json::lines(inet6::read()?.iter().map(line6)));
    }
    Ok(bytes)
}

fn line(route: &Route) -> Line<'_> {
    Line {
        kind: "route",
        family: "ipv4",
        destination: route.destination.into(),
        prefix_len: u32::from(route.mask).count_ones(),
        gateway: Some(route.gateway).filter(|addr| !addr.is_unspecified()).map(IpAddr::V4),
        flags: flags::inet(route.flags),
        metric: route.metric,
        mss: Some(route.mss),
        window: Some(route.window),
        irtt: Some(route.irtt),
        interface: &route.interface,
    }
}

fn line6(route: &Route6) -> Line<'_> {
    Line {
        kind: "route",
        family: "ipv6",
        destination: route.destination.into(),
        prefix_len: route.prefix_length,
        gateway: Some(route.next_hop).filter(|addr| !addr.is_unspecified()).map(IpAddr::V6),
        flags: flags::inet6(route.flags),
        metric: route.metric,
        mss: None,
        window: None,
        irtt: None,
        interface: &route.interface,
    }
}
