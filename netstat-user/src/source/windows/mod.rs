//! Polls Windows' TCP table.

use std::{io, net::SocketAddr, num::NonZero, time::Duration};

use anyhow::Result;
use rustc_hash::{FxHashMap, FxHashSet};
use windows_sys::{
    Wdk::System::SystemServices::RtlGetVersion, Win32::System::SystemInformation::OSVERSIONINFOW,
};

use super::{
    clock,
    poll::{self, PollSource, Poller},
};
use crate::{
    model::{Endpoint, Family, Missing, Owner, Poll, PolledSocket, SocketHandle, Source, Started, State},
    readers::windows::{
        process,
        table::{self, TcpRow},
    },
};

/// Reads the host's TCP table.
pub struct TcpTable(());

/// Takes the first poll.
///
/// # Errors
/// Windows doesn't give its table; the error has the system's words.
pub fn start(interval: Duration, table_size: usize) -> Result<PollSource<TcpTable>> {
    sockets()?;
    let (what, why) = poll::between_polls(interval, "Windows' TCP table");
    let unknown = "users, reasons to end and numbers, times in a state";
    let missing = vec![
        Missing { what, why },
        Missing { what: unknown, why: "Windows' TCP table doesn't show them".to_owned() },
    ];
    let started =
        Started { at: clock::now(), source: Source::Windows, kernel: version(), hooks: Vec::new(), missing };
    Ok(PollSource::start(TcpTable(()), interval, table_size, started))
}

impl Poller for TcpTable {
    fn poll(&mut self) -> Poll {
        let (sockets, unread) = match sockets() {
            Ok(sockets) => (sockets, FxHashSet::default()),
            Err(_) => (Vec::new(), FxHashSet::from_iter([None])),
        };
        Poll { at: clock::now(), sockets, unread }
    }

    fn owners(&mut self, pids: &FxHashSet<SocketHandle>) -> FxHashMap<SocketHandle, Owner> {
        pids.iter().filter_map(|pid| Some((*pid, process::owner(*pid)?))).collect()
    }
}

/// All connections and listeners.
fn sockets() -> io::Result<Vec<PolledSocket>> {
    let mut rows = table::tcp(Family::Ipv4)?;
    rows.extend(table::tcp(Family::Ipv6)?);
    Ok(rows.iter().filter_map(polled).collect())
}

/// None for a socket without a connection.
fn polled(row: &TcpRow) -> Option<PolledSocket> {
    let state = row.state.state();
    if matches!(state, State::Close | State::Unknown) {
        return None;
    }
    let end = |end: SocketAddr| Endpoint { addr: end.ip().to_canonical(), port: end.port() };
    Some(PolledSocket {
        state,
        local: end(row.local),
        remote: (state != State::Listen).then(|| end(row.remote)),
        handle: NonZero::new(row.pid.into()),
        owner: None,
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
