//! JSON Lines of rnetstat: numbers are numbers, and null is what is not known. Names have the text that they have in
//! rnetstat-trace's JSON.

use std::{borrow::Cow, net::IpAddr};

use netstat_events::text;
use serde::Serialize;

use crate::format::push_json;

/// An Internet socket, with the same fields on every system.
#[derive(Serialize)]
pub struct Socket<'a> {
    pub kind: &'static str,
    pub proto: &'static str,
    pub family: &'static str,
    pub local_addr: IpAddr,
    pub local_port: Option<u16>,
    pub remote_addr: Option<IpAddr>,
    pub remote_port: Option<u16>,
    pub state: Option<&'static str>,
    pub recv_q: Option<u64>,
    pub send_q: Option<u64>,
    pub uid: Option<u32>,
    pub inode: Option<u64>,
    pub owners: Option<Vec<Holder<'a>>>,
    pub timer: Option<RunningTimer>,
    pub netns: Option<u32>,
    pub interface: Option<Cow<'a, str>>,
    /// A listener's accept queue, its limit, and what it dropped.
    pub queue: Option<u32>,
    pub queue_max: Option<u32>,
    pub drops: Option<u32>,
}

/// A process that holds a socket.
#[derive(Serialize)]
pub struct Holder<'a> {
    pub pid: u32,
    pub comm: Option<Cow<'a, str>>,
    pub program: Option<Cow<'a, str>>,
    pub uid: Option<u32>,
}

/// The timer of a socket.
#[derive(Serialize)]
pub struct RunningTimer {
    pub kind: &'static str,
    pub ms: u64,
    pub retransmits: u32,
    pub probes: u32,
}

/// The text of a name that is not empty.
pub fn name(bytes: &[u8]) -> Option<Cow<'_, str>> {
    Some(text::from_bytes(bytes)).filter(|name| !name.is_empty())
}

/// Serializes each value as an object on a line of its own.
pub fn lines<T: Serialize>(values: impl Iterator<Item = T>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        push_json(&value, &mut bytes);
        bytes.push(b'\n');
    }
    bytes
}
