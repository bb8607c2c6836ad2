//! rnetstat on Linux: the options and columns of net-tools' netstat.

pub mod cli;
mod interfaces;
mod json;
mod listing;
pub(crate) mod name_file;
mod names;
mod notes;
pub mod options;
pub(crate) mod owners;
mod print;
pub(crate) mod routes;
pub(crate) mod socket;
pub(crate) mod sockets;
pub(crate) mod statistics;

use std::time::Duration;

use anyhow::Result;

use self::{
    listing::Listing,
    names::Names,
    notes::Notes,
    options::{Mode, NetstatOptions, SocketOptions},
    print::{InetColumns, Page},
};
use super::{explain, repeat};
use crate::{model::State, readers::errors::with_advice_on_resources};

/// The interval of `-c`.
const INTERVAL: Duration = Duration::from_secs(1);

/// Writes what the options select to stdout.
///
/// # Errors
/// What could not be read or written, why, and what to do.
pub fn run(options: &NetstatOptions) -> Result<()> {
    let (mut names, mut notes) = (Names::new(options.numeric), Notes::default());
    repeat::pages(options.continuous.then_some(INTERVAL), || {
        let page = page(options, &mut names, &notes);
        names.note_unusable(&notes);
        notes.write();
        page
    })
    .map_err(with_advice_on_resources)
}

/// Reads the system once; returns the text for stdout.
fn page(options: &NetstatOptions, names: &mut Names, notes: &Notes) -> Result<Vec<u8>> {
    let NetstatOptions { mode, numeric: _, continuous: _, json, color } = options;
    match (mode, *json) {
        (Mode::Sockets(options), json) => sockets(options, json, *color, names, notes),
        (Mode::Routes(options), false) => routes::text(*options, names, notes),
        (Mode::Routes(options), true) => routes::json(*options, notes),
        (Mode::Interfaces(all), false) => interfaces::text(*all, notes),
        (Mode::Interfaces(all), true) => interfaces::json(*all, notes),
        (Mode::Statistics(options), false) => statistics::text(*options, notes),
        (Mode::Statistics(options), true) => statistics::json(*options, notes),
        (Mode::Explain { state, language }, json) => {
            explain::page(*state, *language, json, *color, || tcp_states(notes))
        }
    }
}

/// The states of this host's TCP sockets.
fn tcp_states(notes: &Notes) -> Result<Vec<State>> {
    let sockets = sockets::read(&SocketOptions::all_tcp(), false, notes)?;
    Ok(sockets.inet.iter().map(|socket| socket.state()).collect())
}

fn sockets(
    options: &SocketOptions,
    json: bool,
    color: bool,
    names: &mut Names,
    notes: &Notes,
) -> Result<Vec<u8>> {
    let listing = Listing::read(options, json, notes)?;
    if options.summary {
        let summary = listing.summary();
        return Ok(if json { summary.json() } else { summary.text() });
    }
    if json {
        return Ok(json::sockets(&listing));
    }
    let mut page = Page::default();
    if options.internet() {
        names.prepare(listing.inet.iter().flat_map(|socket| [socket.local.ip(), socket.remote.ip()]));
        let columns = InetColumns {
            options,
            owners: &listing.owners,
            color,
            ticks_per_second: rustix::param::clock_ticks_per_second(),
        };
        print::inet(&mut page, listing.inet.iter(), &columns, names);
    }
    if options.unix {
        print::unix(&mut page, listing.unix.iter(), options, &listing.owners);
    }
    Ok(page.into_bytes())
}
