//! rnetstat: what netstat shows, once or every second.

pub mod cli;
pub mod explain;
mod interfaces;
mod json;
mod owners;
mod print;
mod repeat;
pub mod request;
mod resolve;
mod routes;
mod socket;
mod source;
mod statistics;
mod summary;
mod view;

use anyhow::Result;

use self::{
    print::{InetColumns, Page},
    request::{Mode, Request, SocketsRequest},
    resolve::Names,
    view::View,
};

pub use repeat::run;

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
        let summary = summary::Summary::of(&view);
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
