//! Names of ports from the system's list of services.

use std::net::{Ipv4Addr, SocketAddr};

#[cfg(target_os = "linux")]
use libc::{NI_DGRAM, NI_NUMERICHOST};
use rustc_hash::FxHashMap;

use super::Answer;

#[cfg(windows)]
const NI_DGRAM: i32 = windows_sys::Win32::Networking::WinSock::NI_DGRAM.cast_signed();
#[cfg(windows)]
const NI_NUMERICHOST: i32 = windows_sys::Win32::Networking::WinSock::NI_NUMERICHOST.cast_signed();

/// The names that were looked up.
#[derive(Debug, Default)]
pub struct Services(FxHashMap<(u16, Kind), Answer>);

/// The list: TCP and UDP have one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// TCP.
    Stream,
    /// UDP and UDP-Lite.
    Datagram,
}

impl Services {
    /// The name of a port, if it has one.
    pub fn name(&mut self, port: u16, kind: Kind) -> Option<&str> {
        self.0.entry((port, kind)).or_insert_with(|| look_up(port, kind)).name()
    }

    /// How many ports have a name that can't be shown.
    #[cfg(target_os = "linux")]
    pub fn unusable(&self) -> usize {
        self.0.values().filter(|answer| **answer == Answer::Unusable).count()
    }
}

fn look_up(port: u16, kind: Kind) -> Answer {
    let datagrams = if kind == Kind::Stream { 0 } else { NI_DGRAM };
    let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let found = dns_lookup::getnameinfo(&anywhere, NI_NUMERICHOST | datagrams).map(|(_, name)| name);
    Answer::of(found, |name| name.parse::<u16>().is_ok())
}
