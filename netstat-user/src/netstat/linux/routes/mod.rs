//! `-r`: the routing tables.

mod flags;
mod inet;
mod inet6;
mod json;
mod networks;
mod next_hop;
pub(crate) mod nexthops;
mod route;
pub(crate) mod rtnetlink;
pub(crate) mod table;

use std::net::IpAddr;

use anyhow::Result;

use super::{names::Names, notes::Notes, options::RouteOptions, print::Page};
use crate::netstat::json::lines;

/// The tables.
///
/// # Errors
/// The kernel shows them neither by rtnetlink nor in /proc.
pub fn text(options: RouteOptions, names: &mut Names, notes: &Notes) -> Result<Vec<u8>> {
    let mut page = Page::default();
    if options.families.ipv4 {
        let (routes, _) = inet::read(notes)?;
        names.prepare(routes.iter().flat_map(|route| [route.destination, route.gateway]).map(IpAddr::V4));
        inet::text(&mut page, &routes, options.extended, names, notes);
    }
    if options.families.ipv6 {
        let routes = table::inet6(notes)?;
        names.prepare(routes.iter().flat_map(|route| [route.destination, route.next_hop]).map(IpAddr::V6));
        inet6::text(&mut page, &routes, names);
    }
    Ok(page.into_bytes())
}

/// JSON Lines: one for each route, with all its next hops.
///
/// # Errors
/// The kernel shows the routes neither by rtnetlink nor in /proc.
pub fn json(options: RouteOptions, notes: &Notes) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let unknown = |error| notes.add(format!("types and next hops of routes are not known: {error:#}"));
    if options.families.ipv4 {
        let (routes, error) = inet::read(notes)?;
        error.into_iter().for_each(unknown);
        bytes.extend(lines(routes.iter().map(json::inet)));
    }
    if options.families.ipv6 {
        let routes = table::inet6(notes)?;
        let kernel = rtnetlink::KernelRoute::all(true);
        let kernel = kernel.map_err(unknown).ok();
        notes.inconsistent("the routes", kernel.as_ref().is_some_and(|kernel| kernel.is_inconsistent));
        let is_answered = kernel.is_some();
        let routes = json::inet6(&routes, kernel.map(|kernel| kernel.entries));
        let lacking = json::lacking(&routes);
        if is_answered && lacking > 0 {
            notes.add(format!(
                "types and next hops of {lacking} routes are not known: rtnetlink's answer lacks them"
            ));
        }
        bytes.extend(lines(routes.into_iter()));
    }
    Ok(bytes)
}
