//! The TCP states, by the kernel's numbers and by their names in the output.

use anyhow::{Context as _, Result};

/// A state's name as netstat(8) prints it.
pub type State = &'static str;

/// Indexed by the kernel's number (include/net/tcp_states.h).
const NAMES: [State; 12] = [
    "UNKNOWN",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];

/// The name of the kernel's state number. An error for a number that no full socket has.
pub fn from_kernel(number: u32) -> Result<State> {
    let name = usize::try_from(number).ok().and_then(|index| NAMES.get(index));
    name.copied().with_context(|| format!("the kernel has no state {number}"))
}
