//! The TCP sockets of the calling thread's network namespace, from /proc/net/tcp and tcp6.

use anyhow::{Context as _, Result};

use crate::{state, state::State, wait};

/// The number of sockets with this local port in this state.
pub fn count(local_port: u16, wanted: State) -> Result<usize> {
    let mut found = 0;
    for file in ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"] {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
        for line in text.lines().skip(1) {
            let (port, state) = local_port_and_state(line).with_context(|| format!("in {file}: {line}"))?;
            found += usize::from(port == local_port && state == wanted);
        }
    }
    Ok(found)
}

/// Waits until at least so many sockets with this local port are in the state.
pub fn wait_for(at_least: usize, local_port: u16, wanted: State) -> Result<()> {
    wait::until(&format!("{at_least} sockets of port {local_port} are {wanted}"), || {
        Ok((count(local_port, wanted)? >= at_least).then_some(()))
    })
}

/// Waits until no socket with this local port is in the state.
pub fn wait_for_none(local_port: u16, unwanted: State) -> Result<()> {
    wait::until(&format!("no socket of port {local_port} is {unwanted}"), || {
        Ok((count(local_port, unwanted)? == 0).then_some(()))
    })
}

/// The second field is `ADDRESS:PORT` and the fourth the state, all hexadecimal.
fn local_port_and_state(line: &str) -> Result<(u16, State)> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1).context("no local address")?;
    let number = fields.nth(1).context("no state")?;
    let (_, port) = local.rsplit_once(':').context("no port")?;
    Ok((u16::from_str_radix(port, 16)?, state::from_kernel(u32::from_str_radix(number, 16)?)?))
}
