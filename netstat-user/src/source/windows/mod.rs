//! Polls Windows' TCP table.

use std::{io, net::SocketAddr, num::NonZero, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use windows_sys::{
    Wdk::System::SystemServices::RtlGetVersion, Win32::System::SystemInformation::OSVERSIONINFOW,
};

use super::{
    clock,
    poll::{self, Owners, PollSource, Poller, Stop},
};
use crate::{
    model::{Endpoint, Family, Missing, Poll, PolledSocket, Source, Started, State},
    readers::windows::{
        process,
        table::{self, TcpRow},
    },
};

/// Reads the host's TCP table.
pub struct TcpTable(());

/// Checks that the table can be read, and starts to poll it.
///
/// # Errors
/// The system's error, if Windows' TCP table can't be read.
pub fn start(
    interval: Duration,
    duration: Option<Duration>,
    table_size: usize,
) -> Result<PollSource<TcpTable>> {
    sockets()?;
    let (what, why) = poll::between_polls(interval, "Windows' TCP table");
    let unknown = "users, reasons to end and numbers, times in a state";
    let missing = vec![
        Missing { what: what.into(), why },
        Missing { what: unknown.into(), why: "Windows' TCP table doesn't show them".to_owned() },
    ];
    let started =
        Started { at: clock::now(), source: Source::Windows, kernel: version(), hooks: Vec::new(), missing };
    Ok(PollSource::start(TcpTable(()), interval, duration, table_size, started))
}

impl Poller for TcpTable {
    fn poll(&mut self, _: &Stop) -> Result<Poll> {
        let sockets = sockets().context("can't read Windows' TCP table")?;
        Ok(Poll { at: clock::now(), sockets, ..Poll::default() })
    }

    fn find_owners(&mut self, owners: &mut Owners, _: &Stop) -> Result<()> {
        for (pid, owner) in owners {
            *owner = process::owner(*pid).map(Arc::new);
        }
        Ok(())
    }
}

/// All connections and listeners, IPv4 and IPv6.
fn sockets() -> io::Result<Vec<PolledSocket>> {
    let mut rows = table::tcp(Family::Ipv4)?;
    rows.extend(table::tcp(Family::Ipv6)?);
    Ok(rows.iter().filter_map(polled).collect())
}

/// Converts a row; None for a socket that is closed, or whose state is unknown.
fn polled(row: &TcpRow) -> Option<PolledSocket> {
    let state = row.state.state();
    if matches!(state, State::Close | State::Unknown) {
        return None;
    }
    let endpoint = |addr: SocketAddr| Endpoint { addr: addr.ip().to_canonical(), port: addr.port() };
    Some(PolledSocket {
        state,
        local: endpoint(row.local),
        remote: (state != State::Listen).then(|| endpoint(row.remote)),
        handle: NonZero::new(row.pid.into()),
        owner: None,
        uid: None,
        netns: None,
    })
}

/// Windows' version, like `10.0.19045`.
fn version() -> String {
    let mut version =
        OSVERSIONINFOW { dwOSVersionInfoSize: size_of::<OSVERSIONINFOW>() as u32, ..Default::default() };
    // SAFETY: `version` is valid for a write of the size that it names.
    unsafe { RtlGetVersion(&raw mut version) };
    let OSVERSIONINFOW { dwMajorVersion: major, dwMinorVersion: minor, dwBuildNumber: build, .. } = version;
    format!("{major}.{minor}.{build}")
}
