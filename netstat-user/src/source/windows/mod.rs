//! Windows' own table of TCP connections, looked at now and then.

mod process;
mod table;

use std::time::Duration;

use anyhow::Result;
use rustc_hash::{FxHashMap, FxHashSet};
use windows_sys::{
    Wdk::System::SystemServices::RtlGetVersion, Win32::System::SystemInformation::OSVERSIONINFOW,
};

use super::{
    clock,
    poll::{self, Handle, Look, Looker, PollSource},
};
use crate::model::{Missing, Owner, Source, Started};

/// Looks at the host's TCP table.
pub struct TcpTable(());

/// Begins with a first look.
///
/// # Errors
/// Windows doesn't give its table; the error has the system's words.
pub fn start(interval: Duration) -> Result<PollSource<TcpTable>> {
    table::read()?;
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
        let (sockets, unread) = match table::read() {
            Ok(sockets) => (sockets, FxHashSet::default()),
            Err(_) => (Vec::new(), FxHashSet::from_iter([None])),
        };
        Look { at: clock::now(), sockets, unread }
    }

    fn owners(&mut self, pids: &FxHashSet<Handle>) -> FxHashMap<Handle, Owner> {
        pids.iter().filter_map(|pid| Some((*pid, process::owner(*pid)?))).collect()
    }
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
