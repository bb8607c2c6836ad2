//! Windows' own table of TCP connections, looked at now and then.

use std::{io, net::SocketAddr, num::NonZero, time::Duration};

use anyhow::Result;
use rustc_hash::{FxHashMap, FxHashSet};
use windows_sys::{
    Wdk::System::SystemServices::RtlGetVersion, Win32::System::SystemInformation::OSVERSIONINFOW,
};

use super::{
    clock,
    poll::{self, Handle, Look, Looker, PollSource, Seen},
};
use crate::{
    model::{Endpoint, Family, Missing, Owner, Source, Started, State},
    readers::windows::{
        process,
        table::{self, TcpRow},
    },
};

/// Looks at the host's TCP table.
pub struct TcpTable(());

/// Begins with a first look.
///
/// # Errors
/// Windows doesn't give its table; the error has the system's words.
pub fn start(interval: Duration) -> Result<PollSource<TcpTable>> {
    sockets()?;
    let (what, why) = poll::between_looks(interval, "Windows' TCP table");
    let untold = "users, reasons to end and numbers, times in a state";
    let missing = vec![
        Missing { what, why },
        Missing { what: untold, why: "Windows' TCP table doesn't tell them".to_owned() },
    ];
    let started =
        Started { at: clock::now(), source: Source::Windows, kernel: version(), hooks: Vec::new(), missing };
    Ok(PollSource::start(TcpTable(()), interval, started))
}

impl Looker for TcpTable {
    fn look(&mut self) -> Look {
        let (sockets, unread) = match sockets() {
            Ok(sockets) => (sockets, FxHashSet::default()),
            Err(_) => (Vec::new(), FxHashSet::from_iter([None])),
        };
        Look { at: clock::now(), sockets, unread }
    }

    fn owners(&mut self, pids: &FxHashSet<Handle>) -> FxHashMap<Handle, Owner> {
        pids.iter().filter_map(|pid| Some((*pid, process::owner(*pid)?))).collect()
    }
}

/// All connections and listeners.
fn sockets() -> io::Result<Vec<Seen>> {
    let mut rows = table::tcp(Family::Ipv4)?;
    rows.extend(table::tcp(Family::Ipv6)?);
    Ok(rows.iter().filter_map(seen).collect())
}

/// None for a socket without a connection.
fn seen(row: &TcpRow) -> Option<Seen> {
    let state = row.state.state();
    if matches!(state, State::Close | State::Unknown) {
        return None;
    }
    let end = |end: SocketAddr| Endpoint { addr: end.ip().to_canonical(), port: end.port() };
    Some(Seen {
        state,
        local: end(row.local),
        remote: (state != State::Listen).then(|| end(row.remote)),
        handle: NonZero::new(row.pid.into()),
        uid: None,
        netns: None,
    })
}

/// Like `10.0.19045`.
fn version() -> String {
    let mut version =
        OSVERSIONINFOW { dwOSVersionInfoSize: size_of::<OSVERSIONINFOW>() as u32, ..Default::default() };
    // SAFETY: the structure is ours and says its own size, which is all that the function asks for.
    unsafe { RtlGetVersion(&raw mut version) };
    let OSVERSIONINFOW { dwMajorVersion: major, dwMinorVersion: minor, dwBuildNumber: build, .. } = version;
    format!("{major}.{minor}.{build}")
}
