//! Rules that the output's rows obey on their own, whatever the kernel did.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};

use crate::{
    child,
    event::{Direction, Family, Row},
};

/// An error names the first row that contradicts itself or the previous row of its connection.
pub fn check<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Result<()> {
    let mut last: HashMap<&str, &Row> = HashMap::new();
    for row in rows {
        let before = last.insert(&row.conn, row);
        by_itself(row)
            .and_then(|()| after(before, row))
            .with_context(|| format!("{row:#?}\nafter {before:#?}"))?;
    }
    Ok(())
}

fn by_itself(row: &Row) -> Result<()> {
    ensure!(row.old_state != row.new_state, "a row that changes nothing");
    for addr in [Some(row.local_addr), row.remote_addr].into_iter().flatten() {
        let family = if addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        ensure!(row.family == family, "{addr} isn't of the family");
    }
    ensure!(row.local_port != Some(0) && row.remote_port != Some(0), "a port 0 that should be null");
    ensure!(row.netns != Some(0), "a namespace 0 that should be null");
    let listens = row.direction == Some(Direction::Listen);
    ensure!(listens == is_listener(row), "direction `listen` is for listeners");
    ensure!(
        !listens || (row.remote_addr.is_none() && row.remote_port.is_none()),
        "a listener with a remote endpoint"
    );
    ensure!(row.pid.is_some() == row.owner.is_some(), "a pid and how it is known belong together");
    ensure!(row.pid.is_some() == row.comm.is_some(), "a pid without its comm");
    ensure!(row.pid.is_none_or(child::is_test_process), "the pid is not of a process of the tests");
    is_rfc3339_with_nanoseconds(&row.ts)
}

fn after(before: Option<&Row>, row: &Row) -> Result<()> {
    let Some(before) = before else {
        ensure!(row.state_ns.is_none(), "the old state was not observed, but has a duration");
        let direction = match (row.old_state, row.new_state) {
            ("CLOSE", "SYN_SENT") => Some(Direction::Outbound),
            ("CLOSE", "LISTEN") => Some(Direction::Listen),
            ("LISTEN", new) if new != "CLOSE" => Some(Direction::Inbound),
            _ => return Ok(()),
        };
        ensure!(row.direction == direction, "the first transition has the wrong direction");
        return Ok(());
    };
    ensure!(before.new_state == row.old_state, "the old state is not the previous new state");
    ensure!(before.direction == row.direction, "the direction has changed");
    ensure!(before.local() == row.local() || before.local_port.is_none(), "the local endpoint has changed");
    ensure!(before.remote() == row.remote() || before.remote().is_none(), "the remote endpoint has changed");
    ensure!((before.proto, before.netns) == (row.proto, row.netns), "protocol or namespace have changed");
    ensure!(before.new_state != "CLOSE", "a closed connection has another transition");
    // Timestamps from two CPUs may be out of order by some microseconds.
    let lasted = row.mono_ns.saturating_sub(before.mono_ns);
    // With SYN cookies the kernel keeps no request socket, so the start of the handshake is unknown.
    let is_cookie = row.old_state == "SYN_RECV" && row.state_ns.is_none();
    ensure!(is_cookie || row.state_ns == Some(lasted), "it was in {} for {lasted} ns", row.old_state);
    Ok(())
}

fn is_listener(row: &Row) -> bool {
    row.new_state == "LISTEN" || (row.old_state == "LISTEN" && row.new_state == "CLOSE")
}

/// `2026-01-31T23:59:59.123456789Z`.
fn is_rfc3339_with_nanoseconds(ts: &str) -> Result<()> {
    let shape: String = ts.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    ensure!(shape == "0000-00-00T00:00:00.000000000Z", "{ts} isn't RFC 3339 in UTC with nanoseconds");
    Ok(())
}
