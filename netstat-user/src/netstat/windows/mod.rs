//! rnetstat on Windows: the flags, columns and names of Windows' own netstat.

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
mod summary;

use anyhow::Result;

use self::{
    names::Names,
    options::{Mode, NetstatOptions, SocketOptions},
};
use super::{explain, repeat};
use crate::{
    model::{Family, State},
    readers::windows::table,
};

/// Does what was asked for.
///
/// # Errors
/// It could not be done; the error says what, why, and what to do.
pub fn run(request: &NetstatOptions) -> Result<()> {
    let mut names = Names::default();
    repeat::pages(request.interval, || page(request, &mut names))
}

/// The states of this host's TCP sockets.
///
/// # Errors
/// Windows doesn't give its tables.
fn tcp_states() -> Result<Vec<State>> {
    let mut rows = table::tcp(Family::Ipv4)?;
    rows.extend(table::tcp(Family::Ipv6)?);
    Ok(rows.iter().map(|row| row.state.state()).collect())
}

/// Looks once, and says what is to be written to stdout.
fn page(request: &NetstatOptions, names: &mut Names) -> Result<Vec<u8>> {
    match (&request.mode, request.json) {
        (Mode::Sockets(asked), json) => sockets(asked, json, request.color, names),
        (Mode::Routes, false) => routes::text(),
        (Mode::Routes, true) => routes::json(),
        (Mode::Counters(asked), json) => {
            let mut bytes = Vec::new();
            if asked.interfaces {
                bytes.extend(if json { interfaces::json()? } else { interfaces::text()? });
            }
            if asked.statistics {
                let protocol = asked.protocol;
                bytes.extend(if json { statistics::json(protocol)? } else { statistics::text(protocol)? });
            }
            Ok(bytes)
        }
        (Mode::Explain { state, language }, json) => {
            explain::page(*state, *language, json, request.color, tcp_states)
        }
    }
}

fn sockets(asked: &SocketOptions, json: bool, color: bool, names: &mut Names) -> Result<Vec<u8>> {
    let sockets = socket::look(asked)?;
    Ok(match (asked.summary, json) {
        (true, true) => summary::of(&sockets, socket::Socket::state_name).json(),
        (true, false) => summary::of(&sockets, socket::Socket::windows_state_name).text(),
        (false, true) => json::sockets(&sockets, asked.owners),
        (false, false) => print::sockets(&sockets, asked, color, names),
    })
}
