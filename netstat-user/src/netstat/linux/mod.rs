//! rnetstat on Linux: net-tools' flags and columns.

pub mod cli;
mod interfaces;
mod json;
mod names;
mod networks;
mod owners;
mod print;
pub mod request;
mod routes;
mod socket;
mod source;
mod statistics;
mod summary;
mod view;

use std::time::Duration;

use anyhow::Result;

use self::{
    names::Names,
    print::{InetColumns, Page},
    request::{Families, Mode, Request, SocketsRequest, Which},
    view::View,
};
use super::{explain, repeat};
use crate::{filter::Filter, model::State};

/// How often `-c` looks.
const INTERVAL: Duration = Duration::from_secs(1);

const ALL_TCP: fn() -> SocketsRequest = || SocketsRequest {
    tcp: true,
    udp: false,
    udplite: false,
    raw: false,
    unix: false,
    families: Families { ipv4: true, ipv6: true },
    which: Which::All,
    programs: false,
    extended: false,
    timers: false,
    wide: false,
    all_netns: false,
    summary: false,
    filter: Filter::default(),
};

/// Does what was asked for.
///
/// # Errors
/// It could not be done; the error says what, why, and what to do.
pub fn run(request: &Request) -> Result<()> {
    let mut names = Names::new(request.numeric);
    repeat::pages(request.continuous.then_some(INTERVAL), || page(request, &mut names))
}

/// The states of this host's TCP sockets.
///
/// # Errors
/// /proc can't be read: the error names the file.
pub fn tcp_states() -> Result<Vec<State>> {
    Ok(source::sockets(&ALL_TCP(), false)?.inet.iter().map(|socket| socket.state()).collect())
}

/// Looks once, and says what is to be written to stdout.
fn page(request: &Request, names: &mut Names) -> Result<Vec<u8>> {
    match (&request.mode, request.json) {
        (Mode::Sockets(asked), json) => sockets(asked, json, request.color, names),
        (Mode::Routes(asked), false) => routes::text(*asked, names),
        (Mode::Routes(asked), true) => routes::json(*asked),
        (Mode::Interfaces(all), false) => interfaces::text(*all),
        (Mode::Interfaces(all), true) => interfaces::json(*all),
        (Mode::Statistics(asked), false) => statistics::text(*asked),
        (Mode::Statistics(asked), true) => statistics::json(*asked),
        (Mode::Explain { state, language }, json) => explain::page(*state, *language, json, request.color),
    }
}

fn sockets(asked: &SocketsRequest, json: bool, color: bool, names: &mut Names) -> Result<Vec<u8>> {
    let view = View::look(asked, json)?;
    if asked.summary {
        let summary = summary::of(&view);
        return Ok(if json { summary.json() } else { summary.text() });
    }
    if json {
        return Ok(json::sockets(&view));
    }
    let mut page = Page::default();
    if asked.internet() {
        names.prepare(view.inet.iter().flat_map(|socket| [socket.local.addr, socket.remote.addr]));
        let columns = InetColumns {
            request: asked,
            owners: &view.owners,
            color,
            ticks: rustix::param::clock_ticks_per_second(),
        };
        print::inet(&mut page, view.inet.iter(), &columns, names);
    }
    if asked.unix {
        print::unix(&mut page, view.unix.iter(), asked, &view.owners);
    }
    Ok(page.into_bytes())
}
