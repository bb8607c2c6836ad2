//! rnetstat on Windows, with the options, columns and names of Windows' netstat.

mod adapters;
pub mod cli;
mod interfaces;
mod json;
mod locale;
mod mib;
mod names;
pub mod options;
mod print;
mod routes;
mod socket;
mod statistics;

use anyhow::Result;

use self::{
    names::Names,
    options::{Mode, NetstatOptions, SocketOptions},
    socket::Socket,
};
use super::{explain, repeat};
use crate::{
    model::{Family, State},
    readers::windows::table,
};

/// Prints what the options select, repeatedly if they have an interval.
///
/// # Errors
/// A table or counters can't be read, or stdout can't be written.
pub fn run(options: &NetstatOptions) -> Result<()> {
    let mut names = Names::default();
    repeat::pages(options.interval, || page(options, &mut names))
}

/// The states of this host's TCP sockets.
///
/// # Errors
/// Windows' TCP tables can't be read.
fn tcp_states() -> Result<Vec<State>> {
    let mut rows = table::tcp(Family::Ipv4)?;
    rows.extend(table::tcp(Family::Ipv6)?);
    Ok(rows.iter().map(|row| row.state.state()).collect())
}

/// Reads what the options select, once, and formats it.
fn page(options: &NetstatOptions, names: &mut Names) -> Result<Vec<u8>> {
    match (&options.mode, options.json) {
        (Mode::Sockets(selected), json) => sockets(selected, json, options.color, names),
        (Mode::Routes, false) => routes::text(),
        (Mode::Routes, true) => routes::json(),
        (Mode::Counters(selected), json) => {
            let mut bytes = Vec::new();
            if selected.interfaces {
                bytes.extend(if json { interfaces::json()? } else { interfaces::text()? });
            }
            if selected.statistics {
                let protocol = selected.protocol;
                bytes.extend(if json { statistics::json(protocol)? } else { statistics::text(protocol)? });
            }
            Ok(bytes)
        }
        (Mode::Explain { state, language }, json) => {
            explain::page(*state, *language, json, options.color, tcp_states)
        }
    }
}

fn sockets(options: &SocketOptions, json: bool, color: bool, names: &mut Names) -> Result<Vec<u8>> {
    let sockets = socket::list(options)?;
    Ok(match (options.summary, json) {
        (true, true) => socket::summary(&sockets, Socket::state_name).json(),
        (true, false) => socket::summary(&sockets, Socket::windows_state_name).text(),
        (false, true) => json::sockets(&sockets, options.owners),
        (false, false) => print::sockets(&sockets, options, color, names),
    })
}
